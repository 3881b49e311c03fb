// expand.hpp - runs of zeros and symbols out of the phrases of an entropy code, a symbol a clock.
//
//   A phrase is a number of zeros, above its SYMBOL_BITS lowest bits, and the symbol behind them, in those.
//
// One flat loop of BANDS * PASS_SYMBOLS iterations, II = 1: each sends a symbol.  An iteration takes a phrase when the one
// before is used up, or when as many phrases as iterations are left in the pass; so a pass takes PHRASES of them, also
// of an image with wrong bits, and the next pass is right again.
//
// In:  PHRASES phrases a pass, in the low bits.  Out: PASS_SYMBOLS symbols a pass, in the low bits.
// Needs from layer L: BANDS, PASS_SYMBOLS, SYMBOL_BITS, ZERO_BITS and ZERO_SYMBOL.
#ifndef GAN2HLS_EXPAND_HPP
#define GAN2HLS_EXPAND_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int PHRASES, int WIDTH_IN, int WIDTH_OUT>
void expand(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    static_assert(WIDTH_IN >= L::ZERO_BITS + L::SYMBOL_BITS, "a word must hold a phrase");
    static_assert(PHRASES <= L::PASS_SYMBOLS, "a phrase must have a symbol");
    const int SPARE = L::PASS_SYMBOLS - PHRASES;
    typedef typename upto<(1 << L::ZERO_BITS) - 1>::type zeros_t;
    typedef typename upto<(1 << L::SYMBOL_BITS) - 1>::type symbol_t;
    zeros_t left = 0;  // zeros in front of the symbol
    symbol_t symbol = 0;
    counter<PHRASES> phrase;
    counter<(SPARE > 0 ? SPARE : 1)> idle;  // iterations that take no phrase
    bool more = true, spare = SPARE > 0;    // whether phrases, and such iterations, are left in the pass
    bool starts = true;                     // whether the phrase before is used up
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::BANDS * L::PASS_SYMBOLS>::type cycle = 0; cycle < L::BANDS * L::PASS_SYMBOLS; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // a symbol a clock
#endif
        const bool take = more && (starts || !spare);
        if (take) {
            const unsigned word = unsigned(in.read().to_uint64());
            left = zeros_t(word >> L::SYMBOL_BITS & ((1u << L::ZERO_BITS) - 1));
            symbol = symbol_t(word & ((1u << L::SYMBOL_BITS) - 1));
        }
        starts = left == 0;
        out.write(ap_uint<WIDTH_OUT>(starts ? int(symbol) : L::ZERO_SYMBOL));
        left = starts ? zeros_t(0) : zeros_t(left - 1);
        if (take) {
            more = !phrase.last;
            phrase.step();
        } else {
            spare = !idle.last;
            idle.step();
        }
        if (!more && !spare) {
            more = starts = true;
            spare = SPARE > 0;
        }
    }
}

}  // namespace gan2hls

#endif
