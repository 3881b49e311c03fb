// convert.hpp - width converters: the order of the elements stays, only how many travel in one beat changes.
//
//   narrow   1 beat of FACTOR parts -> FACTOR beats of one part, least significant first   BEATS = beats out
//   widen    FACTOR beats of one part -> 1 beat of FACTOR parts, first least significant   BEATS = beats in
//
// A part has PART bits.  One loop each, II = 1, BEATS cycles.  A frame has a whole number of wide beats, so nothing is
// left over.  Words are padded with zeros to whole bytes.  Where words have a place of more bits in memory, PART or FACTOR *
// PART is that of the place, and zeros fill it up: they come into being, or vanish, between stream and part.
#ifndef GAN2HLS_CONVERT_HPP
#define GAN2HLS_CONVERT_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <int FACTOR, int PART, int BEATS, int WIDTH_IN, int WIDTH_OUT>
void narrow(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    static_assert(WIDTH_IN > (FACTOR - 1) * PART && BEATS % FACTOR == 0, "narrow must split whole beats");
    ap_uint<WIDTH_IN> rest = 0;  // what is still to be sent, the next part at the bottom
    counter<FACTOR> part;
    bool wanted = true;  // whether the next part is the first of a beat
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<BEATS>::type beat = 0; beat < BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one output beat a clock
#endif
        if (wanted) rest = in.read();
        out.write(ap_uint<WIDTH_OUT>(ap_uint<PART>(rest)));
        // A shift register: cheaper than a multiplexer over all parts.
        if (FACTOR > 1) shift_down<(PART < WIDTH_IN ? PART : 0)>(rest);
        wanted = part.last;
        part.step();
    }
}

template <int FACTOR, int PART, int BEATS, int WIDTH_IN, int WIDTH_OUT>
void widen(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    static_assert(WIDTH_OUT > (FACTOR - 1) * PART && BEATS % FACTOR == 0, "widen must join whole beats");
    const int ABOVE = (FACTOR - 1) * PART;
    ap_uint<memory_bits(FACTOR * PART)> word = 0;
    counter<FACTOR> part;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<BEATS>::type beat = 0; beat < BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one input beat a clock
#endif
        // A shift register again: parts enter at the top and the first one ends up at the bottom.
        if (FACTOR > 1) {
            shift_down<(FACTOR > 1 ? PART : 0)>(word);
        } else {
            word = 0;
        }
        put_part<ABOVE>(word, ap_uint<PART>(in.read()));
        if (part.last) out.write(ap_uint<WIDTH_OUT>(word));
        part.step();
    }
}

}  // namespace gan2hls

#endif
