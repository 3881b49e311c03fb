// axis.hpp - between AXI4-Stream beats and plain words: TLAST is dropped at the input and made at the output.
#ifndef GAN2HLS_AXIS_HPP
#define GAN2HLS_AXIS_HPP

#include "axi_beat.hpp"
#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// Frames have a fixed size, so the sender's TLAST carries no news.
template <int WIDTH, int BEATS>
void from_axis(hls::stream<ap_axiu<WIDTH, 0, 0, 0> >& in, hls::stream<ap_uint<WIDTH> >& out) {
    for (typename upto<BEATS>::type beat = 0; beat < BEATS; ++beat) {
#pragma HLS PIPELINE II=1  // one beat a clock
        const ap_axiu<WIDTH, 0, 0, 0> word = in.read();
        out.write(word.data);
    }
}

// Mark the last beat of the frame, which is what a DMA waits for.
template <int WIDTH, int BEATS>
void to_axis(hls::stream<ap_uint<WIDTH> >& in, hls::stream<ap_axiu<WIDTH, 0, 0, 0> >& out) {
    counter<BEATS> place;
    for (typename upto<BEATS>::type beat = 0; beat < BEATS; ++beat) {
#pragma HLS PIPELINE II=1  // one beat a clock
        ap_axiu<WIDTH, 0, 0, 0> word;
        word.data = in.read();
        word.keep = -1;  // every byte counts
        word.strb = -1;
        word.last = place.last ? 1 : 0;
        out.write(word);
        place.step();
    }
}

}  // namespace gan2hls

#endif
