// add.hpp - the sum of two streams, each times a whole factor that brings both to one step.
//
//   acc = A_FACTOR * (a - A_ZERO_POINT) + B_FACTOR * (b - B_ZERO_POINT)            exact
//
// One flat loop of OUT_BEATS iterations, II = 1, LANES sums each.  Factors are constants: shifts and adders, no DSP block.
//
// In:  LANES codes of A_BITS bits, and of B_BITS bits, in the low bits.  Out: LANES accumulators of ACC_BITS bits.
// Needs from layer L: LANES, OUT_BEATS, ACC_BITS, and of both inputs A_BITS, A_SIGNED, A_ZERO_POINT, A_FACTOR,
// A_TERM_BITS (of the code less its zero point, and of that times the factor), and the same of B.
#ifndef GAN2HLS_ADD_HPP
#define GAN2HLS_ADD_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int WIDTH_A, int WIDTH_B, int WIDTH_OUT>
void add(hls::stream<ap_uint<WIDTH_A> >& in_a, hls::stream<ap_uint<WIDTH_B> >& in_b, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    typedef typename int_of<L::A_TERM_BITS>::type term_a_t;
    typedef typename int_of<L::B_TERM_BITS>::type term_b_t;
    static_assert(WIDTH_A >= L::LANES * L::A_BITS, "the first stream must carry LANES codes");
    static_assert(WIDTH_B >= L::LANES * L::B_BITS, "the second stream must carry LANES codes");
    static_assert(WIDTH_OUT >= L::LANES * L::ACC_BITS, "the output stream must carry LANES accumulators");
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::OUT_BEATS>::type beat = 0; beat < L::OUT_BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // LANES sums a clock
#endif
        const ap_uint<WIDTH_A> beat_a = in_a.read();
        const ap_uint<WIDTH_B> beat_b = in_b.read();
        uint64_t from_a[limbs_of(WIDTH_A)], from_b[limbs_of(WIDTH_B)], to[limbs_of(WIDTH_OUT)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from_a complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=from_b complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
        to_limbs<WIDTH_A>(beat_a, from_a);
        to_limbs<WIDTH_B>(beat_b, from_b);
        clear<limbs_of(WIDTH_OUT)>(to);
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int lane = 0; lane < L::LANES; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // one adder per lane
#endif
            const uint64_t raw_a = field<L::A_BITS>(from_a, lane * L::A_BITS), raw_b = field<L::B_BITS>(from_b, lane * L::B_BITS);
            const term_a_t a = term_a_t(extend<L::A_BITS, L::A_SIGNED>(raw_a) - L::A_ZERO_POINT);
            const term_b_t b = term_b_t(extend<L::B_BITS, L::B_SIGNED>(raw_b) - L::B_ZERO_POINT);
            const term_a_t term_a = a * L::A_FACTOR;
            const term_b_t term_b = b * L::B_FACTOR;
#ifndef __BAMBU__
#pragma HLS BIND_OP variable=term_a op=mul impl=fabric  // by a small constant: no DSP block
#pragma HLS BIND_OP variable=term_b op=mul impl=fabric  // by a small constant: no DSP block
#endif
            put_field<L::ACC_BITS>(to, lane * L::ACC_BITS, int64_t(term_a) + int64_t(term_b));
        }
        ap_uint<WIDTH_OUT> sums = 0;
        from_limbs<WIDTH_OUT>(to, sums);
        out.write(sums);
    }
}

}  // namespace gan2hls

#endif
