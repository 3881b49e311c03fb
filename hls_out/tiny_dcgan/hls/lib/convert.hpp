// convert.hpp - width converters: the order of the elements stays, only how many travel in one beat changes.
//
//   narrow   1 beat of FACTOR * OUT bits -> FACTOR beats of OUT bits, least significant first   BEATS = beats out
//   widen    FACTOR beats of IN bits -> 1 beat of FACTOR * IN bits, first least significant     BEATS = beats in
//
// One loop each, II = 1, BEATS cycles.  A frame has a whole number of wide beats, so nothing is left over.  Port words
// are padded to whole bytes: narrow takes an input word that is wider than it needs, widen writes zeros above.
#ifndef GAN2HLS_CONVERT_HPP
#define GAN2HLS_CONVERT_HPP

#include "types.hpp"

namespace gan2hls {

template <int FACTOR, int BEATS, int WIDTH_IN, int WIDTH_OUT>
void narrow(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    static_assert(WIDTH_IN >= FACTOR * WIDTH_OUT && BEATS % FACTOR == 0, "narrow must split whole beats");
    ap_uint<WIDTH_IN> rest = 0;
    int left = 0;  // parts of `rest` that are still to be sent
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (int beat = 0; beat < BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one output beat a clock
#endif
        if (left == 0) {
            rest = in.read();
            left = FACTOR;
        }
        out.write(ap_uint<WIDTH_OUT>(rest));
        // A shift register: cheaper than a multiplexer over all parts.
        if (FACTOR > 1) rest >>= WIDTH_OUT < WIDTH_IN ? WIDTH_OUT : 0;
        --left;
    }
}

template <int FACTOR, int BEATS, int WIDTH_IN, int WIDTH_OUT>
void widen(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    static_assert(WIDTH_OUT >= FACTOR * WIDTH_IN && BEATS % FACTOR == 0, "widen must join whole beats");
    const int JOINED = FACTOR * WIDTH_IN;
    const int ABOVE = (FACTOR - 1) * WIDTH_IN;
    ap_uint<JOINED> word = 0;
    int got = 0;  // parts that have arrived
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (int beat = 0; beat < BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one input beat a clock
#endif
        // A shift register again: parts enter at the top and the first one ends up at the bottom.
        if (FACTOR > 1) word >>= FACTOR > 1 ? WIDTH_IN : 0;
        word.range(JOINED - 1, ABOVE) = ap_uint<WIDTH_IN>(in.read());
        ++got;
        if (got == FACTOR) {
            out.write(ap_uint<WIDTH_OUT>(word));
            got = 0;
        }
    }
}

}  // namespace gan2hls

#endif
