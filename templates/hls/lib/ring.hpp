// ring.hpp - a long first-in first-out queue whose words stand in external memory: bursts go there, and come back.
//
// A frame is BURSTS bursts of BURST words of the memory port, the last one of LAST_BURST.  Each has a place of its own, of
// SLOT words; a call leaves the ring empty, so that the next one begins at the first place.
//
// Vitis lets one process alone read and write what a pointer leads to, so this one takes some bursts, gives some, takes
// some, ... in an order that is known at compile time.  gan2hls/emit/hls/ring.py lays it between the words that must have
// been taken before one is given, and those that can be, and proves that the design ends.  A step of the program is
// `takes` bursts that follow one another in memory, `gives` that do, and how many times that is repeated.
//
// The words of a step are written by a function of their own and read by another: a loop with a plain index that grows by 1
// and nothing else that touches the memory, of which Vitis makes bursts.  One returns when the memory has answered, so what
// is read stands there.
//
// In and out: WORDS words of the port each.  Words of the streams may have fewer bits; in memory zeros stand above them.
// Needs from P: SLOT, BURST, LAST_BURST, BURSTS, PROGRAM_STEPS and the tables step_takes, step_gives, step_times.
#ifndef GAN2HLS_RING_HPP
#define GAN2HLS_RING_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// One end of a ring: the bursts of this frame that have passed there.
template <class P>
struct ring_end {
    typename upto<P::BURSTS>::type bursts;

    GAN2HLS_INLINE ring_end() : bursts(0) {}

    // The word with which the next burst begins.
    GAN2HLS_INLINE int word() const { return int(bursts) * P::SLOT; }

    // Leave `count` bursts behind; return their words.
    GAN2HLS_INLINE int pass(int count) {
        const int done = int(bursts) + count;
        bursts = typename upto<P::BURSTS>::type(done);
        return count * P::BURST - (done == P::BURSTS ? P::BURST - P::LAST_BURST : 0);
    }
};

template <int WIDTH, int WIDTH_IN>
void ring_take(hls::stream<ap_uint<WIDTH_IN> >& in, ap_uint<WIDTH>* memory, int first, int words) {
#ifndef __BAMBU__
#pragma HLS INLINE off  // writes alone: what else happens to this memory must not keep them from being bursts
#endif
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (int word = 0; word < words; ++word) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one word of the memory port a clock
#endif
        memory[first + word] = ap_uint<WIDTH>(in.read());
    }
}

template <int WIDTH, int WIDTH_OUT>
void ring_give(const ap_uint<WIDTH>* memory, hls::stream<ap_uint<WIDTH_OUT> >& out, int first, int words) {
#ifndef __BAMBU__
#pragma HLS INLINE off  // reads alone: what else happens to this memory must not keep them from being bursts
#endif
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (int word = 0; word < words; ++word) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one word of the memory port a clock
#endif
        out.write(ap_uint<WIDTH_OUT>(memory[first + word]));
    }
}

template <class P, int WIDTH, int WIDTH_IN, int WIDTH_OUT>
void ring(ap_uint<WIDTH>* memory, hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    static_assert(WIDTH_IN <= WIDTH && WIDTH_OUT <= WIDTH, "a word of the memory port must hold one of the stream");
    ring_end<P> write, read;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<P::PROGRAM_STEPS>::type step = 0; step < P::PROGRAM_STEPS; ++step) {
        const int takes = P::step_takes(step), gives = P::step_gives(step), times = P::step_times(step);
#ifdef __BAMBU__
#pragma nounroll
#endif
        for (int time = 0; time < times; ++time) {
            if (takes != 0) {
                const int first = write.word();
                ring_take<WIDTH, WIDTH_IN>(in, memory, first, write.pass(takes));
            }
            if (gives != 0) {
                const int first = read.word();
                ring_give<WIDTH, WIDTH_OUT>(memory, out, first, read.pass(gives));
            }
        }
    }
}

}  // namespace gan2hls

#endif
