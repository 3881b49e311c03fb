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
// The tables grow with the picture, so a process of its own, `schedule`, reads them from a memory and sends a segment
// ahead of its start: SEGMENTS iterations, II = 1.  The feeder knows segment 0, in which nothing is emitted yet, by constants
// of its own, so that it shares no memory with this process, which sends 1, 2, ..., 0.
//
// Out: | emits | single | cycles - loads | loads | cycles |, SEGMENT_BITS bits each of the three numbers; `single` says
// that there is one iteration.
// Needs from layer L: SEGMENTS, SEGMENT_BITS, SEGMENT_WIDTH, FIRST_CYCLES, FIRST_LOADS and the tables segment_cycles, segment_loads, segment_emits.
#ifndef GAN2HLS_SEGMENTS_HPP
#define GAN2HLS_SEGMENTS_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L>
void schedule(hls::stream<ap_uint<L::SEGMENT_WIDTH> >& out) {
    counter<L::SEGMENTS> segment;
    segment.step();
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::SEGMENTS>::type cycle = 0; cycle < L::SEGMENTS; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one segment a clock, which is as fast as any feeder asks for them
#endif
        const int64_t cycles = L::segment_cycles(segment.at), loads = L::segment_loads(segment.at);
        const int64_t emits = L::segment_emits(segment.at);
        uint64_t limbs[limbs_of(L::SEGMENT_WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
        clear<limbs_of(L::SEGMENT_WIDTH)>(limbs);
        put_field<L::SEGMENT_BITS>(limbs, 0, cycles);
        put_field<L::SEGMENT_BITS>(limbs, L::SEGMENT_BITS, loads);
        put_field<L::SEGMENT_BITS>(limbs, 2 * L::SEGMENT_BITS, cycles - loads);
        put_field<1>(limbs, 3 * L::SEGMENT_BITS, cycles == 1);
        put_field<1>(limbs, 3 * L::SEGMENT_BITS + 1, emits);
        ap_uint<L::SEGMENT_WIDTH> word = 0;
        from_limbs<L::SEGMENT_WIDTH>(limbs, word);
        out.write(word);
        segment.step();
    }
}

// The segment that a feeder is in.  What decides the next iteration (`ends`, `emits`, the sign of `credit`) is a
// register, and no two adders stand behind each other.
template <class L>
struct segments {
    typedef typename upto<(int64_t(1) << L::SEGMENT_BITS) - 1>::type count_t;
    typedef typename int_of<L::SEGMENT_BITS + 2>::type credit_t;

    count_t left;      // iterations of this segment that are left, this one included
    bool ends, emits;  // whether this is its last iteration; whether it feeds the mac
    count_t loads, gap;
    credit_t credit;  // a load is due from 0 on; each iteration adds `loads` and each load takes `cycles`

    GAN2HLS_INLINE segments() {
        begin(count_t(L::FIRST_CYCLES), count_t(L::FIRST_LOADS), count_t(L::FIRST_CYCLES - L::FIRST_LOADS),
            L::FIRST_CYCLES == 1, false);
    }

    GAN2HLS_INLINE void begin(count_t cycles, count_t words, count_t others, bool single, bool feeds) {
        left = cycles;
        loads = words;
        gap = others;
        credit = -credit_t(others);
        ends = single;
        emits = feeds;
    }

    // Whether this iteration loads a word.
    GAN2HLS_INLINE bool load() const { return credit >= 0; }

    // End an iteration in the middle of a segment.
    GAN2HLS_INLINE void step() {
        credit += credit >= 0 ? credit_t(-credit_t(gap)) : credit_t(loads);
        ends = left == 2;
        --left;
    }

    // End the last iteration of a segment; `word` is the next one.
    GAN2HLS_INLINE void next(const ap_uint<L::SEGMENT_WIDTH>& word) {
        uint64_t limbs[limbs_of(L::SEGMENT_WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
        to_limbs<L::SEGMENT_WIDTH>(word, limbs);
        begin(count_t(field<L::SEGMENT_BITS>(limbs, 0)), count_t(field<L::SEGMENT_BITS>(limbs, L::SEGMENT_BITS)),
            count_t(field<L::SEGMENT_BITS>(limbs, 2 * L::SEGMENT_BITS)), field<1>(limbs, 3 * L::SEGMENT_BITS) != 0,
            field<1>(limbs, 3 * L::SEGMENT_BITS + 1) != 0);
    }
};

}  // namespace gan2hls

#endif
