// hold.hpp - a long first-in first-out queue, for compilers whose FIFOs are a few words deep: an array and a program.
//
// The reader of the stream waits for another branch.  A FIFO would take and give as its neighbours can; this process
// blocks like any other one, so a program says when it takes and when it gives.  gan2hls/emit/hls/hold.py lays it between
// the beats that must have been taken before one is given, and those that can be taken, and proves that the design ends.
//
// One flat loop of CYCLES iterations, II = 1.  An iteration may give a beat and may take one, as the program of
// segments.hpp says: to load is to take, to emit is to give.  The array is a ring of WORDS beats, as many as are ever held.
//
// Segments: see there.
// Needs from P: CYCLES, WORDS, and what segments.hpp needs.
#ifndef GAN2HLS_HOLD_HPP
#define GAN2HLS_HOLD_HPP

#include "bits.hpp"
#include "segments.hpp"
#include "types.hpp"

namespace gan2hls {

template <class P, int WIDTH>
void hold(hls::stream<ap_uint<WIDTH> >& in, hls::stream<ap_uint<P::SEGMENT_WIDTH> >& segment_words,
    hls::stream<ap_uint<WIDTH> >& out) {
    ap_uint<memory_bits(WIDTH)> ring[P::WORDS];
    segments<P> program;
    counter<P::WORDS> put, get;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<P::CYCLES>::type cycle = 0; cycle < P::CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one beat in and one out a clock
#endif
        if (program.emits) {
            out.write(ap_uint<WIDTH>(ring[get.at]));
            get.step();
        }
        if (program.load()) {
            ring[put.at] = in.read();
            put.step();
        }
        if (program.ends) {
            const ap_uint<P::SEGMENT_WIDTH> segment = segment_words.read();
            program.next(segment);
        } else {
            program.step();
        }
    }
}

}  // namespace gan2hls

#endif
