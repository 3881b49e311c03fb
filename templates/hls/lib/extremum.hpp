// extremum.hpp - the lesser or the greater of two streams, each times a whole factor that brings both to one step.
//
//   acc = min or max of A_FACTOR * (a - A_ZERO_POINT) and B_FACTOR * (b - B_ZERO_POINT)            exact
//
// Which elements meet, and the loop, are those of pairs.hpp.
//
// Needs from layer L what pairs.hpp needs, and GREATER, A_ZERO_POINT, A_FACTOR, A_TERM_BITS (of the code
// less its zero point, and of that times the factor), and the same of B.
#ifndef GAN2HLS_EXTREMUM_HPP
#define GAN2HLS_EXTREMUM_HPP

#include "pairs.hpp"

namespace gan2hls {

template <class L>
struct extremum_of {
    static GAN2HLS_INLINE int64_t of(int64_t a, int64_t b) {
        const int64_t term_a = scaled<L::A_TERM_BITS, L::A_ZERO_POINT, L::A_FACTOR>(a);
        const int64_t term_b = scaled<L::B_TERM_BITS, L::B_ZERO_POINT, L::B_FACTOR>(b);
        return (term_a > term_b) == L::GREATER ? term_a : term_b;
    }
};

template <class L, int WIDTH_A, int WIDTH_B, int WIDTH_OUT>
void extremum(hls::stream<ap_uint<WIDTH_A> >& in_a, hls::stream<ap_uint<WIDTH_B> >& in_b, hls::stream<ap_uint<WIDTH_OUT> >& out) {
#ifndef __BAMBU__
#pragma HLS INLINE
#endif
    pairs<L, extremum_of<L> >(in_a, in_b, out);
}

}  // namespace gan2hls

#endif
