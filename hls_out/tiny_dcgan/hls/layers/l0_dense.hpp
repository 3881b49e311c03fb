// l0_dense.hpp - engine of layer l0_dense (dense) of tiny_dcgan
//
//   ONNX      dense + dense_relu
//   input     1 x 1 x 8 (H x W x C), uint8, zero point 143
//   output    2 x 2 x 12, uint8
//   kernel    1 x 1, stride 1 x 1, groups 1
//   weights   int8, codec raw; accumulator int19
//   folding   PE 1 x SIMD 1, 1 requantizer lanes, line buffer of 2 rows
//   work      384 useful MACs = 384 mac cycles, none of them on a zero; frame interval 408 cycles
#ifndef TINY_DCGAN_LAYERS_L0_DENSE_HPP
#define TINY_DCGAN_LAYERS_L0_DENSE_HPP

#include "../lib/bits.hpp"
#include "../lib/feeder.hpp"
#include "../lib/mac.hpp"
#include "../lib/pixels.hpp"
#include "../lib/requant.hpp"
#include "../lib/segments.hpp"
#include "../lib/wsrc_raw.hpp"

namespace layer_l0_dense {

// Feeder segment: iterations.
static const gan2hls::exact_or<ap_uint<9>, uint16_t>::type SEGMENT_CYCLES[3] = {
    8, 8, 384,
};
// Feeder segment: words loaded.
static const gan2hls::exact_or<ap_uint<4>, uint8_t>::type SEGMENT_LOADS[3] = {
    8, 0, 0,
};
// Feeder segment: feeds the mac.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type SEGMENT_EMITS[3] = {
    0, 0, 1,
};
// Tap of the y axis: line buffer offset of its row, 8 words each.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type Y_ROW[1] = {
    0,
};
// Tap of the y axis: weight address of its kernel row.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type Y_WEIGHT[1] = {
    0,
};
// Tap of the x axis: line buffer offset of its column, 8 words each.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type X_COLUMN[1] = {
    0,
};
// Tap of the x axis: weight address of its kernel column.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type X_WEIGHT[1] = {
    0,
};
// Output row: its first tap.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type ROW_FIRST[1] = {
    0,
};
// Output row: how many taps it has.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type ROW_COUNT[1] = {
    1,
};
// Output column: its first tap.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type COLUMN_FIRST[1] = {
    0,
};
// Output column: how many taps it has.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type COLUMN_COUNT[1] = {
    1,
};
// Codec raw, memory weight: 384 words of 8 bits, in 64-bit limbs.
static const gan2hls::exact_or<ap_uint<8>, uint8_t>::type WEIGHT_ROM[384][1] = {
#include "../weights/l0_dense_weight.inc"
};
// Multipliers, one word per group of channels: LANES entries for each piece.
static const gan2hls::exact_or<ap_uint<17>, uint32_t>::type MULT[48][1] = {
#include "../weights/l0_dense_mult.inc"
};
// Bias and rounding constant, one word per group of channels: LANES entries for each piece.
static const gan2hls::exact_or<ap_int<29>, int32_t>::type OFFSET[48][1] = {
#include "../weights/l0_dense_offset.inc"
};
// Least accumulators of piece 1.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type THRESHOLD[48][1] = {
#include "../weights/l0_dense_threshold.inc"
};
// Whether an output row has taps.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type ROW_TAPS[1] = {
    1,
};
// Whether an output column has taps.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type COLUMN_TAPS[1] = {
    1,
};

// The parameters of the library's processes.
struct config {
    static constexpr int MORE_SHIFT(int) { return 0; }  // what a layer shifts beyond that
    static constexpr int ZERO_POINT(int) { return 0; }  // added after the shift
    static constexpr int LOW(int) { return 0; }  // least code
    static constexpr int HIGH(int) { return 255; }  // greatest code
    static const int PE = 1;  // output channels in parallel
    static const int SIMD = 1;  // input channels in parallel
    static const int LANES = 1;  // output channels requantized in parallel
    static const int IN_BITS = 8;  // input code: uint8
    static const bool IN_SIGNED = false;
    static const int IN_ZERO_POINT = 143;  // the code that means 0
    static const int ACC_BITS = 19;  // accumulator: int19, exact
    static const bool MULTIPLIES = true;  // whether weights are more than -1, 0 and +1
    static const int CODE_BITS = 8;  // codec raw
    static const int CODE_SIGNED = 1;
    static const int BASE = 0;
    static const int WEIGHT_LIMBS = 1;  // 64-bit limbs of a weight word
    static const bool SKIPS = false;  // whether blocks of zeros are left out
    static const int MAC_CYCLES = 384;  // trip count of the mac: useful MACs / (PE * SIMD)
    static const int FEED_CYCLES = 400;  // trip count of the feeder: MAC_CYCLES + first rows + stalls
    static const int SEGMENTS = 3;  // steps of the feeder's program
    static const int FIRST_CYCLES = 8;  // iterations of the first step, which emits nothing
    static const int FIRST_LOADS = 8;  // words that it loads
    static const int SEGMENT_BITS = 9;  // iterations of a segment
    static const int SEGMENT_WIDTH = 32;  // segment: cycles, loads, their difference, flags
    static const int ADDRESS_BITS = 9;  // weight address
    static const int FEED_WIDTH = 24;  // feeder word: SIMD elements, weight address, first, last
    static const int ACCS_WIDTH = 24;  // PE accumulators
    static const int LINE_WORDS = 16;  // line buffer: 2 rows of 8 words
    static const int KEPT_WORDS = 8;  // input words that outputs use, of 8
    static const int CO_FOLDS = 48;  // CO / PE
    static const int PIXELS = 1;  // output pixels with taps
    static const int TAP_ROWS = 1;  // output rows with taps
    static const int TAP_COLUMNS = 1;  // output columns with taps
    static const int CI_FOLDS = 8;  // CI / groups / SIMD
    static const int GROUPS = 1;  // groups of channels
    static const int GROUP_CO_FOLDS = 48;  // CO / groups / PE
    static const int Y_TAPS = 1;  // taps of all output rows
    static const int X_TAPS = 1;  // taps of all output columns
    static const int Y_MOST = 1;  // most taps of an output row
    static const int X_MOST = 1;  // most taps of an output column
    static const int PIXEL_WIDTH = 8;  // taps of a pixel: first and count along both axes, flags
    static const int OUT_BEATS = 48;  // beats of a frame
    static const int REQUANT_BEATS = 48;  // trip count of the requantizer
    static const int ORDER_GROUPS = 48;  // beats of a pixel, in a fold
    static const int ORDER_PIXELS = 1;  // pixels of a run of those
    static const int ORDER_ROWS = 1;  // such rows of a band
    static const int ORDER_FOLDS = 1;  // folds of a band
    static const int ROW_PHASES = 1;  // output rows that take turns, each with channels of its own
    static const int OUT_ROWS = 1;  // output rows
    static const int OUT_COLUMNS = 1;  // output columns
    static const bool ALL_TAPS = true;  // every pixel that it makes has taps
    static const int PIECES = 1;  // linear pieces
    static const int MULT_BITS = 18;  // multiplier, of 2 bits: an adder
    static const int SHIFT = 23;  // right shift
    static const bool HALF_EVEN = false;  // ties go to even, else toward +infinity
    static const int REQUANT_IN_BITS = 19;  // what it reads
    static const bool REQUANT_IN_SIGNED = true;
    static const int REQUANT_IN_ZERO_POINT = 0;  // taken off first
    static const int REQUANT_OUT_BITS = 8;  // what it writes: uint8

    typedef gan2hls::int_of<9, 17>::type input_t;  // code - zero point
    typedef gan2hls::int_of<8, 17>::type weight_t;  // weight
    typedef gan2hls::int_of<17, 17>::type product_t;  // weight * (code - zero point)
    typedef gan2hls::int_of<19, 19>::type acc_t;  // accumulator
    typedef gan2hls::int_of<19, 64>::type requant_acc_t;  // accumulator, about to be multiplied
    typedef gan2hls::int_of<18, 64>::type mult_t;  // multiplier
    typedef gan2hls::int_of<36, 64>::type scaled_t;  // acc * mult
    typedef gan2hls::int_of<29, 64>::type offset_t;  // bias and rounding constant
    typedef gan2hls::int_of<20, 64>::type threshold_t;  // knot of the two pieces
    typedef gan2hls::int_of<36, 64>::type sum_t;  // acc * mult + offset, exact

    static GAN2HLS_INLINE int segment_cycles(int word) {
        return int(SEGMENT_CYCLES[word]);
    }
    static GAN2HLS_INLINE int segment_loads(int word) {
        return int(SEGMENT_LOADS[word]);
    }
    static GAN2HLS_INLINE int segment_emits(int word) {
        return int(SEGMENT_EMITS[word]);
    }
    static GAN2HLS_INLINE int y_row(int word) {
        return int(Y_ROW[word]);
    }
    static GAN2HLS_INLINE int y_weight(int word) {
        return int(Y_WEIGHT[word]);
    }
    static GAN2HLS_INLINE int x_column(int word) {
        return int(X_COLUMN[word]);
    }
    static GAN2HLS_INLINE int x_weight(int word) {
        return int(X_WEIGHT[word]);
    }
    static GAN2HLS_INLINE int row_first(int word) {
        return int(ROW_FIRST[word]);
    }
    static GAN2HLS_INLINE int row_count(int word) {
        return int(ROW_COUNT[word]);
    }
    static GAN2HLS_INLINE int column_first(int word) {
        return int(COLUMN_FIRST[word]);
    }
    static GAN2HLS_INLINE int column_count(int word) {
        return int(COLUMN_COUNT[word]);
    }
    static GAN2HLS_INLINE uint64_t weight_rom(int word, int column) {
        return uint64_t(WEIGHT_ROM[word][column]);
    }
    static GAN2HLS_INLINE int64_t mult(int word, int column) {
        return int64_t(MULT[word][column]);
    }
    static GAN2HLS_INLINE int offset(int word, int column) {
        return int(OFFSET[word][column]);
    }
    static GAN2HLS_INLINE int threshold(int word, int column) {
        return int(THRESHOLD[word][column]);
    }
    static GAN2HLS_INLINE int row_taps(int word) {
        return int(ROW_TAPS[word]);
    }
    static GAN2HLS_INLINE int column_taps(int word) {
        return int(COLUMN_TAPS[word]);
    }
};

// The engine: 8 beats in, 48 beats out.
inline void engine(hls::stream<ap_uint<8> >& in, hls::stream<ap_uint<8> >& out) {
// All processes work at the same time, each on what the one before it has sent.
#pragma HLS DATAFLOW
    hls::stream<ap_uint<32> > segments;  // cycles, loads, their difference, single, emits
    hls::stream<ap_uint<8> > taps;  // first tap and number of taps along both axes
    hls::stream<ap_uint<24> > feed;  // x, weight address, first, last
    hls::stream<ap_uint<24> > accs;  // 1 accumulators
// One writer and one reader each, none in a circle: no depth can deadlock, and 2 lets both sides work in every clock.
#pragma HLS STREAM variable=segments depth=2
#pragma HLS STREAM variable=taps depth=2
#pragma HLS STREAM variable=feed depth=2
#pragma HLS STREAM variable=accs depth=2
    // when the feeder loads and when it emits: 3 cycles
    gan2hls::schedule<config>(segments);
    // which taps each output pixel has: 1 cycles
    gan2hls::pixels<config>(taps);
    // line buffer and tap sequencer: 400 cycles
    gan2hls::feeder<config>(in, segments, taps, feed);
    // multiply and accumulate: 384 cycles
    gan2hls::mac<config, gan2hls::wsrc_raw<config>>(feed, accs);
    // accumulator -> code: 48 cycles
    gan2hls::requant<config>(accs, out);
}

}  // namespace layer_l0_dense

#endif
