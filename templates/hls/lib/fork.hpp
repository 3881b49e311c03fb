// fork.hpp - a stream for two readers: every beat is written to both.
//
// One flat loop of BEATS iterations, II = 1.  A stream of more readers is forked again.
#ifndef GAN2HLS_FORK_HPP
#define GAN2HLS_FORK_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <int WIDTH, int BEATS>
void fork(hls::stream<ap_uint<WIDTH> >& in, hls::stream<ap_uint<WIDTH> >& first, hls::stream<ap_uint<WIDTH> >& second) {
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<BEATS>::type beat = 0; beat < BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one beat a clock
#endif
        const ap_uint<WIDTH> word = in.read();
        first.write(word);
        second.write(word);
    }
}

}  // namespace gan2hls

#endif
