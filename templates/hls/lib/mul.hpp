// mul.hpp - the product of two streams.
//
//   acc = (a - A_ZERO_POINT) * (b - B_ZERO_POINT)            exact
//
// Which elements meet, and the loop, are those of pairs.hpp.
//
// Needs from layer L what pairs.hpp needs, and A_ZERO_POINT, A_TERM_BITS (of the code less its zero point),
// and the same of B.
#ifndef GAN2HLS_MUL_HPP
#define GAN2HLS_MUL_HPP

#include "pairs.hpp"

namespace gan2hls {

template <class L>
struct product_of {
    static GAN2HLS_INLINE int64_t of(int64_t a, int64_t b) {
        typedef typename int_of<L::A_TERM_BITS, L::ACC_BITS>::type a_t;
        typedef typename int_of<L::B_TERM_BITS, L::ACC_BITS>::type b_t;
        typedef typename int_of<L::ACC_BITS>::type product_t;
        const a_t centred_a = a_t(a - L::A_ZERO_POINT);
        const b_t centred_b = b_t(b - L::B_ZERO_POINT);
        const product_t product = centred_a * centred_b;
#ifndef __BAMBU__
#pragma HLS BIND_OP variable=product op=mul impl=dsp  // however narrow: the folding counts on it
#endif
        return int64_t(product);
    }
};

template <class L, int WIDTH_A, int WIDTH_B, int WIDTH_OUT>
void mul(hls::stream<ap_uint<WIDTH_A> >& in_a, hls::stream<ap_uint<WIDTH_B> >& in_b, hls::stream<ap_uint<WIDTH_OUT> >& out) {
#ifndef __BAMBU__
#pragma HLS INLINE
#endif
    pairs<L, product_of<L> >(in_a, in_b, out);
}

}  // namespace gan2hls

#endif
