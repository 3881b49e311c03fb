// tiny_dcgan.hpp - the tops of tiny_dcgan and the shape of their streams
//
// One call processes one frame.  A beat carries its elements from the least significant bit up, two's complement raw
// bits, padded with zeros to whole bytes; order is raster, channels innermost.
//
//   in    8 beats of 1 x uint8
//   out   64 beats of 1 x int8
#ifndef TINY_DCGAN_HPP
#define TINY_DCGAN_HPP

#include "lib/types.hpp"

static const int TINY_DCGAN_IN_WIDTH = 8;
static const int TINY_DCGAN_IN_BEATS = 8;
static const int TINY_DCGAN_OUT_WIDTH = 8;
static const int TINY_DCGAN_OUT_BEATS = 64;

// The portable top: any HLS compiler, no TLAST.
extern "C" void tiny_dcgan_core(hls::stream<ap_uint<8> >& in, hls::stream<ap_uint<8> >& out);

#ifndef __BAMBU__
#include "lib/axi_beat.hpp"

// The top for Vitis: AXI4-Stream with TLAST at the end of each frame.
extern "C" void tiny_dcgan(hls::stream<ap_axiu<8, 0, 0, 0> >& s_axis,
    hls::stream<ap_axiu<8, 0, 0, 0> >& m_axis);
#endif

#endif
