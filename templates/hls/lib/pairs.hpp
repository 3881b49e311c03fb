// pairs.hpp - an element of b for every element of a, and what a unit makes of both.
//
//   acc = OP::of(a, b)            with codes of A_BITS and B_BITS bits
//
// SPREAD 0: b has a beat for every beat of a.  SPREAD 1: b is a vector of PIXEL_BEATS beats, which come first and are kept
// for all pixels of the frame.  SPREAD 2: b is a plane, one element a pixel: a beat of it lasts for LANES pixels.
// One flat loop of STEPS iterations, II = 1, LANES results each but while a vector is taken.
//
// In:  LANES codes of A_BITS bits, and of B_BITS bits, in the low bits.  Out: LANES accumulators of ACC_BITS bits.
// Needs from layer L: LANES, ACC_BITS, SPREAD, STEPS, PIXEL_BEATS, and of both inputs A_BITS, A_SIGNED and of B the same.
#ifndef GAN2HLS_PAIRS_HPP
#define GAN2HLS_PAIRS_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, class OP, int WIDTH_A, int WIDTH_B, int WIDTH_OUT>
void pairs(hls::stream<ap_uint<WIDTH_A> >& in_a, hls::stream<ap_uint<WIDTH_B> >& in_b, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    static_assert(WIDTH_A >= L::LANES * L::A_BITS, "the first stream must carry LANES codes");
    static_assert(WIDTH_B >= L::LANES * L::B_BITS, "the second stream must carry LANES codes");
    static_assert(WIDTH_OUT >= L::LANES * L::ACC_BITS, "the output stream must carry LANES accumulators");
    ap_uint<memory_bits(WIDTH_B)> vector[L::SPREAD == 1 ? L::PIXEL_BEATS : 1];
    ap_uint<WIDTH_B> beat_b = 0;
    counter<L::PIXEL_BEATS> group;
    counter<L::SPREAD == 2 ? L::LANES : 1> pixel;  // of a beat of the plane
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::STEPS>::type beat = 0; beat < L::STEPS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // LANES results a clock
#endif
        const bool fills = L::SPREAD == 1 && beat < L::PIXEL_BEATS;
        if (fills || L::SPREAD == 0 || (L::SPREAD == 2 && group.at == 0 && pixel.at == 0)) beat_b = in_b.read();
        if (L::SPREAD == 1) {
            if (fills) {
                vector[group.at] = beat_b;
            } else {
                beat_b = vector[group.at];
            }
        }
        if (!fills) {
            const ap_uint<WIDTH_A> beat_a = in_a.read();
            uint64_t from_a[limbs_of(WIDTH_A)], from_b[limbs_of(WIDTH_B)], to[limbs_of(WIDTH_OUT)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from_a complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=from_b complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
            to_limbs<WIDTH_A>(beat_a, from_a);
            to_limbs<WIDTH_B>(beat_b, from_b);
            clear<limbs_of(WIDTH_OUT)>(to);
            uint64_t of_pixel = 0;
#ifdef __BAMBU__
#pragma unroll
#endif
            for (int lane = 0; lane < L::LANES; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // a choice of wires
#endif
                if (L::SPREAD == 2 && lane == int(pixel.at)) of_pixel = field<L::B_BITS>(from_b, lane * L::B_BITS);
            }
#ifdef __BAMBU__
#pragma unroll
#endif
            for (int lane = 0; lane < L::LANES; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // one result per lane
#endif
                const uint64_t raw_a = field<L::A_BITS>(from_a, lane * L::A_BITS);
                const uint64_t raw_b = L::SPREAD == 2 ? of_pixel : field<L::B_BITS>(from_b, lane * L::B_BITS);
                const int64_t a = extend<L::A_BITS, L::A_SIGNED>(raw_a), b = extend<L::B_BITS, L::B_SIGNED>(raw_b);
                put_field<L::ACC_BITS>(to, lane * L::ACC_BITS, OP::of(a, b));
            }
            ap_uint<WIDTH_OUT> accs = 0;
            from_limbs<WIDTH_OUT>(to, accs);
            out.write(accs);
        }
        if (L::SPREAD == 2 && group.last) pixel.step();
        group.step();
    }
}

// An operand of a sum or a choice: the code less its zero point, times a small constant, which takes no DSP block.
template <int BITS, int ZERO_POINT, int FACTOR>
GAN2HLS_INLINE int64_t scaled(int64_t code) {
    typedef typename int_of<BITS>::type term_t;
    const term_t centred = term_t(code - ZERO_POINT);
    const term_t term = centred * FACTOR;
#ifndef __BAMBU__
#pragma HLS BIND_OP variable=term op=mul impl=fabric  // by a small constant: no DSP block
#endif
    return int64_t(term);
}

}  // namespace gan2hls

#endif
