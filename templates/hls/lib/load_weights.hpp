// load_weights.hpp - reads the weights of a layer from external memory, from end to end, once for each band of output rows.
//
// PASSES loops of BEATS iterations, II = 1.  The index of the inner loop grows by 1, so that Vitis makes bursts of it.
//
// In:  the region of the layer, BEATS words.  Out: PASSES * BEATS words.
#ifndef GAN2HLS_LOAD_WEIGHTS_HPP
#define GAN2HLS_LOAD_WEIGHTS_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <int BEATS, int PASSES, int WIDTH>
void load_weights(const ap_uint<WIDTH>* weights, hls::stream<ap_uint<WIDTH> >& out) {
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<PASSES>::type pass = 0; pass < PASSES; ++pass) {
#ifndef __BAMBU__
#pragma HLS LOOP_FLATTEN off  // a burst ends with its pass
#endif
#ifdef __BAMBU__
#pragma nounroll
#endif
        for (int beat = 0; beat < BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one word of the memory port a clock
#endif
            out.write(weights[beat]);
        }
    }
}

}  // namespace gan2hls

#endif
