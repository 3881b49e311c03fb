// select.hpp - chosen channels of each pixel, in an order of their own.
//
//     in:  for each of PIXELS pixels / for each of IN_WORDS beats
//     out: for each of PIXELS pixels / for each of OUT_WORDS beats: code - IN_ZERO_POINT of the chosen channels
//
// There are COPIES of each pixel, of which a beat of its own is read at a time: table `beat`.  Lane l takes an element of that
// of copy COPY_OF(l): table `element`, or the only one.  One flat loop of SELECT_CYCLES iterations, II = 1: PIXELS + LAG rounds
// of ROUND iterations, in which the beats of a pixel come, and those of the one that came LAG rounds before leave.
//
// Invariant: a beat is read 8 or more iterations after it was written, and its place is written again 8 or more iterations
// after that: LAG says in how many rounds.
//
// In:  LANES codes of IN_BITS bits, in the low bits.  Out: LANES accumulators of ACC_BITS bits.
// Needs from layer L: LANES, ACC_BITS, IN_BITS, IN_SIGNED, the tables `beat` and `element` (of several lanes) and all that
// is in capitals above.
#ifndef GAN2HLS_SELECT_HPP
#define GAN2HLS_SELECT_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// The element that a lane takes in step `word`.
template <class L, bool SEVERAL = (L::LANES > 1)>
struct chosen {
    static GAN2HLS_INLINE int at(int word, int lane) { return L::element(word, lane); }
};
template <class L>
struct chosen<L, false> {
    static GAN2HLS_INLINE int at(int, int) { return 0; }
};

template <class L, int WIDTH_IN, int WIDTH_OUT>
void select(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    typedef typename int_of<L::ACC_BITS>::type acc_t;
    static_assert(WIDTH_IN >= L::LANES * L::IN_BITS, "the input stream must carry LANES codes");
    static_assert(WIDTH_OUT >= L::LANES * L::ACC_BITS, "the output stream must carry LANES accumulators");
    const int HELD = 2 * L::LAG * L::IN_WORDS, WORD_BITS = memory_bits(L::LANES * L::IN_BITS);
    typedef typename upto<HELD>::type place_t;
    ap_uint<memory_bits(L::LANES * L::IN_BITS)> held[L::COPIES][HELD];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=held dim=1 complete  // each copy gives a beat of its own
// Rounds keep reads and writes of one place at least 8 iterations apart, in both directions: saying so lets the loop reach
// II = 1 without a forwarding path.
#pragma HLS DEPENDENCE variable=held type=inter direction=RAW distance=8 dependent=true
#pragma HLS DEPENDENCE variable=held type=inter direction=WAR distance=8 dependent=true
#pragma HLS DEPENDENCE variable=held type=intra dependent=false
#endif
    counter<L::ROUND> step;
    counter<L::PIXELS> coming;
    counter<L::LAG> ahead;
    counter<HELD> write;
    place_t start = 0;  // of the pixel that leaves
    bool takes = true, gives = false;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::SELECT_CYCLES>::type cycle = 0; cycle < L::SELECT_CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // a beat in and a beat out a clock
#endif
        const int word = int(step.at);
        if (takes && word < L::IN_WORDS) {
            const ap_uint<WORD_BITS> codes = ap_uint<WORD_BITS>(in.read());
#ifdef __BAMBU__
#pragma unroll
#endif
            for (int copy = 0; copy < L::COPIES; ++copy) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // all copies hold all pixels
#endif
                held[copy][write.at] = codes;
            }
            write.step();
        }
        if (gives && word < L::OUT_WORDS) {
            uint64_t from[L::COPIES][limbs_of(WORD_BITS)], to[limbs_of(WIDTH_OUT)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from dim=0 complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
#ifdef __BAMBU__
#pragma unroll
#endif
            for (int copy = 0; copy < L::COPIES; ++copy) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // a read of each
#endif
                to_limbs<WORD_BITS>(held[copy][int(start) + L::beat(word, copy)], from[copy]);
            }
            clear<limbs_of(WIDTH_OUT)>(to);
#ifdef __BAMBU__
#pragma unroll
#endif
            for (int lane = 0; lane < L::LANES; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // a choice and an adder for each lane
#endif
                const int copy = L::COPY_OF(lane), element = chosen<L>::at(word, lane);
                const uint64_t raw = field_at<L::IN_BITS, limbs_of(WORD_BITS)>(from[copy], element * L::IN_BITS);
                const acc_t code = acc_t(extend<L::IN_BITS, L::IN_SIGNED>(raw) - L::IN_ZERO_POINT);
                put_field<L::ACC_BITS>(to, lane * L::ACC_BITS, int64_t(code));
            }
            ap_uint<WIDTH_OUT> accs = 0;
            from_limbs<WIDTH_OUT>(to, accs);
            out.write(accs);
        }
        if (step.last) {
            if (gives) start = start == HELD - L::IN_WORDS ? place_t(0) : place_t(start + L::IN_WORDS);
            gives = gives || ahead.last;
            takes = takes && !coming.last;
            ahead.step();
            coming.step();
        }
        step.step();
    }
}

}  // namespace gan2hls

#endif
