// tiny_dcgan.cpp - the tops of tiny_dcgan: one engine per layer, joined by streams
//
//   layer                                     mac cycles   frame interval
//   l0_dense                                          384              408
//   l1_conv_transpose                                 432              454
//   l2_conv_transpose                                 484              516
//   l3_conv                                           484              516
#include "tiny_dcgan.hpp"

#include "layers/l0_dense.hpp"
#include "layers/l1_conv_transpose.hpp"
#include "layers/l2_conv_transpose.hpp"
#include "layers/l3_conv.hpp"
#ifndef __BAMBU__
#include "lib/axis.hpp"
#endif

#if !defined(__BAMBU__) && !defined(GAN2HLS_FLAT)

// All engines work at the same time, on different rows or frames.
static void pipeline(hls::stream<ap_uint<8> >& in, hls::stream<ap_uint<8> >& out) {
#pragma HLS DATAFLOW
    hls::stream<ap_uint<8> > from_l0_dense;
    // Engines send rows in bursts; a FIFO of 32 words absorbs them and none is ever needed.  Shift registers: for wide
    // words the automatic choice would be block RAM.
#pragma HLS STREAM variable=from_l0_dense depth=32
#pragma HLS BIND_STORAGE variable=from_l0_dense type=fifo impl=srl
    hls::stream<ap_uint<8> > from_l1_conv_transpose;
    // Engines send rows in bursts; a FIFO of 32 words absorbs them and none is ever needed.  Shift registers: for wide
    // words the automatic choice would be block RAM.
#pragma HLS STREAM variable=from_l1_conv_transpose depth=32
#pragma HLS BIND_STORAGE variable=from_l1_conv_transpose type=fifo impl=srl
    hls::stream<ap_uint<16> > from_l2_conv_transpose;
    // Engines send rows in bursts; a FIFO of 32 words absorbs them and none is ever needed.  Shift registers: for wide
    // words the automatic choice would be block RAM.
#pragma HLS STREAM variable=from_l2_conv_transpose depth=32
#pragma HLS BIND_STORAGE variable=from_l2_conv_transpose type=fifo impl=srl
    layer_l0_dense::engine(in, from_l0_dense);
    layer_l1_conv_transpose::engine(from_l0_dense, from_l1_conv_transpose);
    layer_l2_conv_transpose::engine(from_l1_conv_transpose, from_l2_conv_transpose);
    layer_l3_conv::engine(from_l2_conv_transpose, out);
}

extern "C" void tiny_dcgan_core(hls::stream<ap_uint<8> >& in, hls::stream<ap_uint<8> >& out) {
// Both streams are AXI4-Stream ports.
#pragma HLS INTERFACE mode=axis port=in
#pragma HLS INTERFACE mode=axis port=out
// No start and no done: the next frame may enter while this one is under way.
#pragma HLS INTERFACE mode=ap_ctrl_none port=return
#pragma HLS DATAFLOW
    pipeline(in, out);
}

extern "C" void tiny_dcgan(hls::stream<ap_axiu<8, 0, 0, 0> >& s_axis,
    hls::stream<ap_axiu<8, 0, 0, 0> >& m_axis) {
// Both streams are AXI4-Stream ports; no start and no done, frames follow one another.
#pragma HLS INTERFACE mode=axis port=s_axis
#pragma HLS INTERFACE mode=axis port=m_axis
#pragma HLS INTERFACE mode=ap_ctrl_none port=return
#pragma HLS DATAFLOW
    hls::stream<ap_uint<8> > in;
    hls::stream<ap_uint<8> > out;
    // One writer and one reader each, at one beat a clock.
#pragma HLS STREAM variable=in depth=2
#pragma HLS STREAM variable=out depth=2
    gan2hls::from_axis<8, 8>(s_axis, in);
    pipeline(in, out);
    gan2hls::to_axis<8, 64>(out, m_axis);
}

#else

// The same processes in one flat region: bambu is known to take that, and its FIFOs are 3 deep, which is enough.
extern "C" void tiny_dcgan_core(hls::stream<ap_uint<8> >& in, hls::stream<ap_uint<8> >& out) {
#pragma HLS INTERFACE mode=axis port=in
#pragma HLS INTERFACE mode=axis port=out
#pragma HLS DATAFLOW

    // l0_dense
    hls::stream<ap_uint<8> > from_l0_dense;
#pragma HLS STREAM variable=from_l0_dense depth=3
    hls::stream<ap_uint<32> > l0_dense_segments;  // cycles, loads, their difference, single, emits
    hls::stream<ap_uint<8> > l0_dense_taps;  // first tap and number of taps along both axes
    hls::stream<ap_uint<24> > l0_dense_feed;  // x, weight address, first, last
    hls::stream<ap_uint<24> > l0_dense_accs;  // 1 accumulators
// One writer and one reader each, none in a circle: no depth can deadlock, and 2 lets both sides work in every clock.
#pragma HLS STREAM variable=l0_dense_segments depth=2
#pragma HLS STREAM variable=l0_dense_taps depth=2
#pragma HLS STREAM variable=l0_dense_feed depth=2
#pragma HLS STREAM variable=l0_dense_accs depth=2
    // when the feeder loads and when it emits: 3 cycles
    gan2hls::schedule<layer_l0_dense::config>(l0_dense_segments);
    // which taps each output pixel has: 1 cycles
    gan2hls::pixels<layer_l0_dense::config>(l0_dense_taps);
    // line buffer and tap sequencer: 400 cycles
    gan2hls::feeder<layer_l0_dense::config>(in, l0_dense_segments, l0_dense_taps, l0_dense_feed);
    // multiply and accumulate: 384 cycles
    gan2hls::mac<layer_l0_dense::config, gan2hls::wsrc_raw<layer_l0_dense::config>>(l0_dense_feed, l0_dense_accs);
    // accumulator -> code: 48 cycles
    gan2hls::requant<layer_l0_dense::config>(l0_dense_accs, from_l0_dense);

    // l1_conv_transpose
    hls::stream<ap_uint<8> > from_l1_conv_transpose;
#pragma HLS STREAM variable=from_l1_conv_transpose depth=3
    hls::stream<ap_uint<32> > l1_conv_transpose_widened;  // 1 element a beat -> 4
    hls::stream<ap_uint<32> > l1_conv_transpose_segments;  // cycles, loads, their difference, single, emits
    hls::stream<ap_uint<16> > l1_conv_transpose_taps;  // first tap and number of taps along both axes
    hls::stream<ap_uint<48> > l1_conv_transpose_feed;  // x, weight address, first, last
    hls::stream<ap_uint<48> > l1_conv_transpose_accs;  // 2 accumulators
    hls::stream<ap_uint<24> > l1_conv_transpose_serial;  // 1 accumulators
// One writer and one reader each, none in a circle: no depth can deadlock, and 2 lets both sides work in every clock.
#pragma HLS STREAM variable=l1_conv_transpose_widened depth=2
#pragma HLS STREAM variable=l1_conv_transpose_segments depth=2
#pragma HLS STREAM variable=l1_conv_transpose_taps depth=2
#pragma HLS STREAM variable=l1_conv_transpose_feed depth=2
#pragma HLS STREAM variable=l1_conv_transpose_accs depth=2
#pragma HLS STREAM variable=l1_conv_transpose_serial depth=2
    // 1 element a beat -> 4: 48 cycles
    gan2hls::widen<4, 8, 48>(from_l0_dense, l1_conv_transpose_widened);
    // when the feeder loads and when it emits: 5 cycles
    gan2hls::schedule<layer_l1_conv_transpose::config>(l1_conv_transpose_segments);
    // which taps each output pixel has: 16 cycles
    gan2hls::pixels<layer_l1_conv_transpose::config>(l1_conv_transpose_taps);
    // line buffer and tap sequencer: 446 cycles
    gan2hls::feeder<layer_l1_conv_transpose::config>(l1_conv_transpose_widened, l1_conv_transpose_segments, l1_conv_transpose_taps, l1_conv_transpose_feed);
    // multiply and accumulate: 432 cycles
    gan2hls::mac<layer_l1_conv_transpose::config, gan2hls::wsrc_raw<layer_l1_conv_transpose::config>>(l1_conv_transpose_feed, l1_conv_transpose_accs);
    // 2 accumulators a beat -> 1: 128 cycles
    gan2hls::narrow<2, 22, 128>(l1_conv_transpose_accs, l1_conv_transpose_serial);
    // accumulator -> code: 128 cycles
    gan2hls::requant<layer_l1_conv_transpose::config>(l1_conv_transpose_serial, from_l1_conv_transpose);

    // l2_conv_transpose
    hls::stream<ap_uint<16> > from_l2_conv_transpose;
#pragma HLS STREAM variable=from_l2_conv_transpose depth=3
    hls::stream<ap_uint<16> > l2_conv_transpose_widened;  // 1 element a beat -> 2
    hls::stream<ap_uint<32> > l2_conv_transpose_segments;  // cycles, loads, their difference, single, emits
    hls::stream<ap_uint<16> > l2_conv_transpose_taps;  // first tap and number of taps along both axes
    hls::stream<ap_uint<24> > l2_conv_transpose_feed;  // x, weight address, first, last
    hls::stream<ap_uint<128> > l2_conv_transpose_accs;  // 6 accumulators
    hls::stream<ap_uint<48> > l2_conv_transpose_serial;  // 2 accumulators
// One writer and one reader each, none in a circle: no depth can deadlock, and 2 lets both sides work in every clock.
#pragma HLS STREAM variable=l2_conv_transpose_widened depth=2
#pragma HLS STREAM variable=l2_conv_transpose_segments depth=2
#pragma HLS STREAM variable=l2_conv_transpose_taps depth=2
#pragma HLS STREAM variable=l2_conv_transpose_feed depth=2
#pragma HLS STREAM variable=l2_conv_transpose_accs depth=2
#pragma HLS STREAM variable=l2_conv_transpose_serial depth=2
    // 1 element a beat -> 2: 128 cycles
    gan2hls::widen<2, 8, 128>(from_l1_conv_transpose, l2_conv_transpose_widened);
    // when the feeder loads and when it emits: 9 cycles
    gan2hls::schedule<layer_l2_conv_transpose::config>(l2_conv_transpose_segments);
    // which taps each output pixel has: 64 cycles
    gan2hls::pixels<layer_l2_conv_transpose::config>(l2_conv_transpose_taps);
    // line buffer and tap sequencer: 508 cycles
    gan2hls::feeder<layer_l2_conv_transpose::config>(l2_conv_transpose_widened, l2_conv_transpose_segments, l2_conv_transpose_taps, l2_conv_transpose_feed);
    // multiply and accumulate: 484 cycles
    gan2hls::mac<layer_l2_conv_transpose::config, gan2hls::wsrc_raw<layer_l2_conv_transpose::config>>(l2_conv_transpose_feed, l2_conv_transpose_accs);
    // 6 accumulators a beat -> 2: 192 cycles
    gan2hls::narrow<3, 42, 192>(l2_conv_transpose_accs, l2_conv_transpose_serial);
    // accumulator -> code: 192 cycles
    gan2hls::requant<layer_l2_conv_transpose::config>(l2_conv_transpose_serial, from_l2_conv_transpose);

    // l3_conv
    hls::stream<ap_uint<48> > l3_conv_widened;  // 2 elements a beat -> 6
    hls::stream<ap_uint<24> > l3_conv_segments;  // cycles, loads, their difference, single, emits
    hls::stream<ap_uint<16> > l3_conv_taps;  // first tap and number of taps along both axes
    hls::stream<ap_uint<56> > l3_conv_feed;  // x, weight address, first, last
    hls::stream<ap_uint<24> > l3_conv_accs;  // 1 accumulators
    hls::stream<ap_uint<16> > l3_conv_codes;  // requantized codes
// One writer and one reader each, none in a circle: no depth can deadlock, and 2 lets both sides work in every clock.
#pragma HLS STREAM variable=l3_conv_widened depth=2
#pragma HLS STREAM variable=l3_conv_segments depth=2
#pragma HLS STREAM variable=l3_conv_taps depth=2
#pragma HLS STREAM variable=l3_conv_feed depth=2
#pragma HLS STREAM variable=l3_conv_accs depth=2
#pragma HLS STREAM variable=l3_conv_codes depth=2
    // 2 elements a beat -> 6: 192 cycles
    gan2hls::widen<3, 16, 192>(from_l2_conv_transpose, l3_conv_widened);
    // when the feeder loads and when it emits: 15 cycles
    gan2hls::schedule<layer_l3_conv::config>(l3_conv_segments);
    // which taps each output pixel has: 64 cycles
    gan2hls::pixels<layer_l3_conv::config>(l3_conv_taps);
    // line buffer and tap sequencer: 508 cycles
    gan2hls::feeder<layer_l3_conv::config>(l3_conv_widened, l3_conv_segments, l3_conv_taps, l3_conv_feed);
    // multiply and accumulate: 484 cycles
    gan2hls::mac<layer_l3_conv::config, gan2hls::wsrc_raw<layer_l3_conv::config>>(l3_conv_feed, l3_conv_accs);
    // accumulator -> code: 64 cycles
    gan2hls::requant<layer_l3_conv::config>(l3_conv_accs, l3_conv_codes);
    // code -> curve: 64 cycles
    gan2hls::table<layer_l3_conv::config>(l3_conv_codes, out);
}

#endif
