// ring.hpp - a long first-in first-out queue whose words stand in external memory: bursts go there, and come back.
//
// A ring is SLOTS places of SLOT words of the memory port, taken round and round.  A burst is BURST words, the last one of
// a frame LAST_BURST, and has a place of its own.  A frame is BURSTS of them and begins at the first place: a call leaves
// the ring empty.
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
// Needs from P: SLOTS, SLOT, BURST, LAST_BURST, BURSTS, PROGRAM_STEPS and the tables step_takes, step_gives, step_times.
#ifndef GAN2HLS_RING_HPP
#define GAN2HLS_RING_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// One end of a ring: the place where its next burst stands.
template <class P>
struct ring_end {
    typename upto<P::SLOTS>::type place;
    typename upto<P::BURSTS>::type bursts;  // of this frame, so far

    GAN2HLS_INLINE ring_end() : place(0), bursts(0) {}

    // The word that it begins with.
    GAN2HLS_INLINE int word() const { return int(place) * P::SLOT; }

    // Leave `count` bursts behind, none of which lies behind the end of the ring; return their words.
    GAN2HLS_INLINE int pass(int count) {
        const int next = int(place) + count, done = int(bursts) + count;
        place = typename upto<P::SLOTS>::type(next == P::SLOTS ? 0 : next);
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
