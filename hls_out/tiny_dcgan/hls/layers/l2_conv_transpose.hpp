// l2_conv_transpose.hpp - engine of layer l2_conv_transpose (conv_transpose) of tiny_dcgan
//
//   ONNX      up2 + up2_act
//   input     4 x 4 x 8 (H x W x C), uint8, zero point 41
//   output    8 x 8 x 6, uint8
//   kernel    3 x 3, stride 2 x 2, groups 1
//   weights   int8, codec raw; accumulator int21
//   folding   PE 6 x SIMD 2, 2 requantizer lanes, line buffer of 2 rows
//   work      5808 useful MACs = 484 mac cycles, none of them on a zero; frame interval 516 cycles
#ifndef TINY_DCGAN_LAYERS_L2_CONV_TRANSPOSE_HPP
#define TINY_DCGAN_LAYERS_L2_CONV_TRANSPOSE_HPP

#include "../lib/bits.hpp"
#include "../lib/convert.hpp"
#include "../lib/feeder.hpp"
#include "../lib/mac.hpp"
#include "../lib/pixels.hpp"
#include "../lib/requant.hpp"
#include "../lib/segments.hpp"
#include "../lib/wsrc_raw.hpp"

namespace layer_l2_conv_transpose {

// Feeder segment: iterations.
static const gan2hls::exact_or<ap_uint<8>, uint8_t>::type SEGMENT_CYCLES[9] = {
    16, 8, 8, 28, 104, 28, 104, 28, 184,
};
// Feeder segment: words loaded.
static const gan2hls::exact_or<ap_uint<5>, uint8_t>::type SEGMENT_LOADS[9] = {
    16, 0, 0, 16, 0, 16, 0, 16, 0,
};
// Feeder segment: feeds the mac.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type SEGMENT_EMITS[9] = {
    0, 0, 1, 1, 1, 1, 1, 1, 1,
};
// Tap of the y axis: line buffer offset of its row, 16 words each.
static const gan2hls::exact_or<ap_uint<5>, uint8_t>::type Y_ROW[11] = {
    0, 16, 0, 16, 0, 16, 0, 16, 0, 16, 16,
};
// Tap of the y axis: weight address of its kernel row.
static const gan2hls::exact_or<ap_uint<5>, uint8_t>::type Y_WEIGHT[11] = {
    12, 0, 24, 12, 0, 24, 12, 0, 24, 12, 24,
};
// Tap of the x axis: line buffer offset of its column, 4 words each.
static const gan2hls::exact_or<ap_uint<4>, uint8_t>::type X_COLUMN[11] = {
    0, 4, 0, 4, 8, 4, 8, 12, 8, 12, 12,
};
// Tap of the x axis: weight address of its kernel column.
static const gan2hls::exact_or<ap_uint<4>, uint8_t>::type X_WEIGHT[11] = {
    4, 0, 8, 4, 0, 8, 4, 0, 8, 4, 8,
};
// Output row: its first tap.
static const gan2hls::exact_or<ap_uint<4>, uint8_t>::type ROW_FIRST[8] = {
    0, 1, 3, 4, 6, 7, 9, 10,
};
// Output row: how many taps it has.
static const gan2hls::exact_or<ap_uint<2>, uint8_t>::type ROW_COUNT[8] = {
    1, 2, 1, 2, 1, 2, 1, 1,
};
// Output column: its first tap.
static const gan2hls::exact_or<ap_uint<4>, uint8_t>::type COLUMN_FIRST[8] = {
    0, 1, 3, 4, 6, 7, 9, 10,
};
// Output column: how many taps it has.
static const gan2hls::exact_or<ap_uint<2>, uint8_t>::type COLUMN_COUNT[8] = {
    1, 2, 1, 2, 1, 2, 1, 1,
};
// Codec raw, memory weight: 36 words of 96 bits: the lower 64, in 64-bit limbs.
static const gan2hls::exact_or<ap_uint<64>, uint64_t>::type WEIGHT_ROM[36][1] = {
#include "../weights/l2_conv_transpose_weight.inc"
};
// Codec raw, memory weight: 36 words of 96 bits: bits from 64 on.
static const gan2hls::exact_or<ap_uint<32>, uint32_t>::type WEIGHT_ROM_TOP[36] = {
#include "../weights/l2_conv_transpose_weight_top.inc"
};
// Multipliers, one word per group of channels: LANES entries for each piece.
static const gan2hls::exact_or<ap_uint<17>, uint32_t>::type MULT[3][2] = {
#include "../weights/l2_conv_transpose_mult.inc"
};
// Bias and rounding constant, one word per group of channels: LANES entries for each piece.
static const gan2hls::exact_or<ap_int<29>, int32_t>::type OFFSET[3][2] = {
#include "../weights/l2_conv_transpose_offset.inc"
};
// Least accumulators of piece 1.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type THRESHOLD[3][2] = {
#include "../weights/l2_conv_transpose_threshold.inc"
};
// Whether an output row has taps.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type ROW_TAPS[8] = {
    1, 1, 1, 1, 1, 1, 1, 1,
};
// Whether an output column has taps.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type COLUMN_TAPS[8] = {
    1, 1, 1, 1, 1, 1, 1, 1,
};

// The parameters of the library's processes.
struct config {
    static constexpr int MORE_SHIFT(int) { return 0; }  // what a layer shifts beyond that
    static constexpr int ZERO_POINT(int) { return 0; }  // added after the shift
    static constexpr int LOW(int) { return 0; }  // least code
    static constexpr int HIGH(int) { return 255; }  // greatest code
    static const int PE = 6;  // output channels in parallel
    static const int SIMD = 2;  // input channels in parallel
    static const int LANES = 2;  // output channels requantized in parallel
    static const int IN_BITS = 8;  // input code: uint8
    static const bool IN_SIGNED = false;
    static const int IN_ZERO_POINT = 41;  // the code that means 0
    static const int ACC_BITS = 21;  // accumulator: int21, exact
    static const bool MULTIPLIES = true;  // whether weights are more than -1, 0 and +1
    static const int CODE_BITS = 8;  // codec raw
    static const int CODE_SIGNED = 1;
    static const int BASE = 0;
    static const int WEIGHT_LIMBS = 2;  // 64-bit limbs of a weight word
    static const bool SKIPS = false;  // whether blocks of zeros are left out
    static const int MAC_CYCLES = 484;  // trip count of the mac: useful MACs / (PE * SIMD)
    static const int FEED_CYCLES = 508;  // trip count of the feeder: MAC_CYCLES + first rows + stalls
    static const int SEGMENTS = 9;  // steps of the feeder's program
    static const int FIRST_CYCLES = 16;  // iterations of the first step, which emits nothing
    static const int FIRST_LOADS = 16;  // words that it loads
    static const int SEGMENT_BITS = 8;  // iterations of a segment
    static const int SEGMENT_WIDTH = 32;  // segment: cycles, loads, their difference, flags
    static const int ADDRESS_BITS = 6;  // weight address
    static const int FEED_WIDTH = 24;  // feeder word: SIMD elements, weight address, first, last
    static const int ACCS_WIDTH = 128;  // PE accumulators
    static const int LINE_WORDS = 32;  // line buffer: 2 rows of 16 words
    static const int KEPT_WORDS = 64;  // input words that outputs use, of 64
    static const int CO_FOLDS = 1;  // CO / PE
    static const int PIXELS = 64;  // output pixels with taps
    static const int TAP_ROWS = 8;  // output rows with taps
    static const int TAP_COLUMNS = 8;  // output columns with taps
    static const int CI_FOLDS = 4;  // CI / groups / SIMD
    static const int GROUPS = 1;  // groups of channels
    static const int GROUP_CO_FOLDS = 1;  // CO / groups / PE
    static const int Y_TAPS = 11;  // taps of all output rows
    static const int X_TAPS = 11;  // taps of all output columns
    static const int Y_MOST = 2;  // most taps of an output row
    static const int X_MOST = 2;  // most taps of an output column
    static const int PIXEL_WIDTH = 16;  // taps of a pixel: first and count along both axes, flags
    static const int OUT_BEATS = 192;  // beats of a frame
    static const int REQUANT_BEATS = 192;  // trip count of the requantizer
    static const int ORDER_GROUPS = 3;  // beats of a pixel, in a fold
    static const int ORDER_PIXELS = 1;  // pixels of a run of those
    static const int ORDER_ROWS = 1;  // such rows of a band
    static const int ORDER_FOLDS = 1;  // folds of a band
    static const int ROW_PHASES = 1;  // output rows that take turns, each with channels of its own
    static const int OUT_ROWS = 8;  // output rows
    static const int OUT_COLUMNS = 8;  // output columns
    static const bool ALL_TAPS = true;  // every pixel that it makes has taps
    static const int PIECES = 1;  // linear pieces
    static const int MULT_BITS = 18;  // multiplier, of 2 bits: an adder
    static const int SHIFT = 23;  // right shift
    static const bool HALF_EVEN = false;  // ties go to even, else toward +infinity
    static const int REQUANT_IN_BITS = 21;  // what it reads
    static const bool REQUANT_IN_SIGNED = true;
    static const int REQUANT_IN_ZERO_POINT = 0;  // taken off first
    static const int REQUANT_OUT_BITS = 8;  // what it writes: uint8

    typedef gan2hls::int_of<9, 17>::type input_t;  // code - zero point
    typedef gan2hls::int_of<8, 17>::type weight_t;  // weight
    typedef gan2hls::int_of<17, 17>::type product_t;  // weight * (code - zero point)
    typedef gan2hls::int_of<21, 21>::type acc_t;  // accumulator
    typedef gan2hls::int_of<21, 64>::type requant_acc_t;  // accumulator, about to be multiplied
    typedef gan2hls::int_of<18, 64>::type mult_t;  // multiplier
    typedef gan2hls::int_of<38, 64>::type scaled_t;  // acc * mult
    typedef gan2hls::int_of<29, 64>::type offset_t;  // bias and rounding constant
    typedef gan2hls::int_of<22, 64>::type threshold_t;  // knot of the two pieces
    typedef gan2hls::int_of<38, 64>::type sum_t;  // acc * mult + offset, exact

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
        if (column == 1) return uint64_t(WEIGHT_ROM_TOP[word]);
        return uint64_t(WEIGHT_ROM[word][column]);
    }
    static GAN2HLS_INLINE int64_t mult(int word, int column) {
#ifndef __BAMBU__
// All columns of a word are used in the same clock: one wide memory.
#pragma HLS ARRAY_RESHAPE variable=MULT dim=2 complete
#endif
        return int64_t(MULT[word][column]);
    }
    static GAN2HLS_INLINE int offset(int word, int column) {
#ifndef __BAMBU__
// All columns of a word are used in the same clock: one wide memory.
#pragma HLS ARRAY_RESHAPE variable=OFFSET dim=2 complete
#endif
        return int(OFFSET[word][column]);
    }
    static GAN2HLS_INLINE int threshold(int word, int column) {
#ifndef __BAMBU__
// All columns of a word are used in the same clock: one wide memory.
#pragma HLS ARRAY_RESHAPE variable=THRESHOLD dim=2 complete
#endif
        return int(THRESHOLD[word][column]);
    }
    static GAN2HLS_INLINE int row_taps(int word) {
        return int(ROW_TAPS[word]);
    }
    static GAN2HLS_INLINE int column_taps(int word) {
        return int(COLUMN_TAPS[word]);
    }
};

// The engine: 128 beats in, 192 beats out.
inline void engine(hls::stream<ap_uint<8> >& in, hls::stream<ap_uint<16> >& out) {
// All processes work at the same time, each on what the one before it has sent.
#pragma HLS DATAFLOW
    hls::stream<ap_uint<16> > widened;  // 1 element a beat -> 2
    hls::stream<ap_uint<32> > segments;  // cycles, loads, their difference, single, emits
    hls::stream<ap_uint<16> > taps;  // first tap and number of taps along both axes
    hls::stream<ap_uint<24> > feed;  // x, weight address, first, last
    hls::stream<ap_uint<128> > accs;  // 6 accumulators
    hls::stream<ap_uint<48> > serial;  // 2 accumulators
// One writer and one reader each, none in a circle: no depth can deadlock, and 2 lets both sides work in every clock.
#pragma HLS STREAM variable=widened depth=2
#pragma HLS STREAM variable=segments depth=2
#pragma HLS STREAM variable=taps depth=2
#pragma HLS STREAM variable=feed depth=2
#pragma HLS STREAM variable=accs depth=2
#pragma HLS STREAM variable=serial depth=2
    // 1 element a beat -> 2: 128 cycles
    gan2hls::widen<2, 8, 128>(in, widened);
    // when the feeder loads and when it emits: 9 cycles
    gan2hls::schedule<config>(segments);
    // which taps each output pixel has: 64 cycles
    gan2hls::pixels<config>(taps);
    // line buffer and tap sequencer: 508 cycles
    gan2hls::feeder<config>(widened, segments, taps, feed);
    // multiply and accumulate: 484 cycles
    gan2hls::mac<config, gan2hls::wsrc_raw<config>>(feed, accs);
    // 6 accumulators a beat -> 2: 192 cycles
    gan2hls::narrow<3, 42, 192>(accs, serial);
    // accumulator -> code: 192 cycles
    gan2hls::requant<config>(serial, out);
}

}  // namespace layer_l2_conv_transpose

#endif
