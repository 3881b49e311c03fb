// segments.hpp - when a feeder loads input words and when it feeds its mac: a program made at compile time.
//
// A program is a list of segments: in a segment of `cycles` iterations, `loads` words are loaded, evenly spread, and
// either every iteration emits or none does.
//
//     loads only:  the rows that the first output row needs, a row that could not be loaded early enough, the tail
//     emits:       one output row, while the rows that later output rows need come in at an even pace
//     neither:     GUARD idle iterations between a burst of loads and the reads around it
//
// So FEED_CYCLES = MAC_CYCLES + first rows + stalls, known exactly, and no iteration decides anything at run time.
// Invariant: a word is read GUARD or more iterations after it was written, and its slot is written again GUARD or more
// iterations after it was last read.
//
// Needs from layer L: SEGMENTS and the tables segment_cycles, segment_loads, segment_emits.
#ifndef GAN2HLS_SEGMENTS_HPP
#define GAN2HLS_SEGMENTS_HPP

#include "bits.hpp"

namespace gan2hls {

template <class L>
struct segments {
    int segment, iteration, cycles, loads;
    int credit;  // grows by `loads` each iteration; a load costs `cycles` of it
    bool emits;

    GAN2HLS_INLINE segments()
        : segment(0), iteration(0), cycles(L::segment_cycles(0)), loads(L::segment_loads(0)), credit(0),
          emits(L::segment_emits(0) != 0) {}

    // Whether this iteration loads a word.
    GAN2HLS_INLINE bool load() {
        credit += loads;
        const bool due = credit >= cycles;
        if (due) credit -= cycles;
        return due;
    }

    // End this iteration.
    GAN2HLS_INLINE void step() {
        ++iteration;
        if (iteration == cycles) {
            iteration = 0;
            credit = 0;
            ++segment;
            const int next = segment < L::SEGMENTS ? segment : 0;
            cycles = L::segment_cycles(next);
            loads = L::segment_loads(next);
            emits = L::segment_emits(next) != 0;
        }
    }
};

}  // namespace gan2hls

#endif
