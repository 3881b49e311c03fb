// l1_conv_transpose.hpp - engine of layer l1_conv_transpose (conv_transpose) of tiny_dcgan
//
//   ONNX      up1 + up1_bn + up1_act
//   input     2 x 2 x 12 (H x W x C), uint8, zero point 0
//   output    4 x 4 x 8, uint8
//   kernel    4 x 4, stride 2 x 2, groups 1
//   weights   int8, codec raw; accumulator int22
//   folding   PE 2 x SIMD 4, 1 requantizer lanes, line buffer of 2 rows
//   work      3456 useful MACs = 432 mac cycles, none of them on a zero; frame interval 454 cycles
#ifndef TINY_DCGAN_LAYERS_L1_CONV_TRANSPOSE_HPP
#define TINY_DCGAN_LAYERS_L1_CONV_TRANSPOSE_HPP

#include "../lib/bits.hpp"
#include "../lib/convert.hpp"
#include "../lib/feeder.hpp"
#include "../lib/mac.hpp"
#include "../lib/pixels.hpp"
#include "../lib/requant.hpp"
#include "../lib/segments.hpp"
#include "../lib/wsrc_raw.hpp"

namespace layer_l1_conv_transpose {

// Feeder segment: iterations.
static const gan2hls::exact_or<ap_uint<9>, uint16_t>::type SEGMENT_CYCLES[5] = {
    6, 8, 8, 56, 368,
};
// Feeder segment: words loaded.
static const gan2hls::exact_or<ap_uint<3>, uint8_t>::type SEGMENT_LOADS[5] = {
    6, 0, 0, 6, 0,
};
// Feeder segment: feeds the mac.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type SEGMENT_EMITS[5] = {
    0, 0, 1, 1, 1,
};
// Tap of the y axis: line buffer offset of its row, 6 words each.
static const gan2hls::exact_or<ap_uint<3>, uint8_t>::type Y_ROW[6] = {
    0, 6, 0, 6, 0, 6,
};
// Tap of the y axis: weight address of its kernel row.
static const gan2hls::exact_or<ap_uint<8>, uint8_t>::type Y_WEIGHT[6] = {
    48, 0, 96, 48, 144, 96,
};
// Tap of the x axis: line buffer offset of its column, 3 words each.
static const gan2hls::exact_or<ap_uint<2>, uint8_t>::type X_COLUMN[6] = {
    0, 3, 0, 3, 0, 3,
};
// Tap of the x axis: weight address of its kernel column.
static const gan2hls::exact_or<ap_uint<6>, uint8_t>::type X_WEIGHT[6] = {
    12, 0, 24, 12, 36, 24,
};
// Output row: its first tap.
static const gan2hls::exact_or<ap_uint<3>, uint8_t>::type ROW_FIRST[4] = {
    0, 1, 3, 5,
};
// Output row: how many taps it has.
static const gan2hls::exact_or<ap_uint<2>, uint8_t>::type ROW_COUNT[4] = {
    1, 2, 2, 1,
};
// Output column: its first tap.
static const gan2hls::exact_or<ap_uint<3>, uint8_t>::type COLUMN_FIRST[4] = {
    0, 1, 3, 5,
};
// Output column: how many taps it has.
static const gan2hls::exact_or<ap_uint<2>, uint8_t>::type COLUMN_COUNT[4] = {
    1, 2, 2, 1,
};
// Codec raw, memory weight: 192 words of 64 bits, in 64-bit limbs.
static const gan2hls::exact_or<ap_uint<64>, uint64_t>::type WEIGHT_ROM[192][1] = {
#include "../weights/l1_conv_transpose_weight.inc"
};
// Multipliers, one word per group of channels: LANES entries for each piece.
static const gan2hls::exact_or<ap_uint<17>, uint32_t>::type MULT[8][2] = {
#include "../weights/l1_conv_transpose_mult.inc"
};
// Bias and rounding constant, one word per group of channels: LANES entries for each piece.
static const gan2hls::exact_or<ap_int<30>, int32_t>::type OFFSET[8][2] = {
#include "../weights/l1_conv_transpose_offset.inc"
};
// Least accumulators of piece 1.
static const gan2hls::exact_or<ap_int<14>, int16_t>::type THRESHOLD[8][1] = {
#include "../weights/l1_conv_transpose_threshold.inc"
};
// Whether an output row has taps.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type ROW_TAPS[4] = {
    1, 1, 1, 1,
};
// Whether an output column has taps.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type COLUMN_TAPS[4] = {
    1, 1, 1, 1,
};

// The parameters of the library's processes.
struct config {
    static constexpr int MORE_SHIFT(int) { return 0; }  // what a layer shifts beyond that
    static constexpr int ZERO_POINT(int) { return 41; }  // added after the shift
    static constexpr int LOW(int) { return 0; }  // least code
    static constexpr int HIGH(int) { return 255; }  // greatest code
    static const int PE = 2;  // output channels in parallel
    static const int SIMD = 4;  // input channels in parallel
    static const int LANES = 1;  // output channels requantized in parallel
    static const int IN_BITS = 8;  // input code: uint8
    static const bool IN_SIGNED = false;
    static const int IN_ZERO_POINT = 0;  // the code that means 0
    static const int ACC_BITS = 22;  // accumulator: int22, exact
    static const bool MULTIPLIES = true;  // whether weights are more than -1, 0 and +1
    static const int CODE_BITS = 8;  // codec raw
    static const int CODE_SIGNED = 1;
    static const int BASE = 0;
    static const int WEIGHT_LIMBS = 1;  // 64-bit limbs of a weight word
    static const bool SKIPS = false;  // whether blocks of zeros are left out
    static const int MAC_CYCLES = 432;  // trip count of the mac: useful MACs / (PE * SIMD)
    static const int FEED_CYCLES = 446;  // trip count of the feeder: MAC_CYCLES + first rows + stalls
    static const int SEGMENTS = 5;  // steps of the feeder's program
    static const int FIRST_CYCLES = 6;  // iterations of the first step, which emits nothing
    static const int FIRST_LOADS = 6;  // words that it loads
    static const int SEGMENT_BITS = 9;  // iterations of a segment
    static const int SEGMENT_WIDTH = 32;  // segment: cycles, loads, their difference, flags
    static const int ADDRESS_BITS = 8;  // weight address
    static const int FEED_WIDTH = 48;  // feeder word: SIMD elements, weight address, first, last
    static const int ACCS_WIDTH = 48;  // PE accumulators
    static const int LINE_WORDS = 12;  // line buffer: 2 rows of 6 words
    static const int KEPT_WORDS = 12;  // input words that outputs use, of 12
    static const int CO_FOLDS = 4;  // CO / PE
    static const int PIXELS = 16;  // output pixels with taps
    static const int TAP_ROWS = 4;  // output rows with taps
    static const int TAP_COLUMNS = 4;  // output columns with taps
    static const int CI_FOLDS = 3;  // CI / groups / SIMD
    static const int GROUPS = 1;  // groups of channels
    static const int GROUP_CO_FOLDS = 4;  // CO / groups / PE
    static const int Y_TAPS = 6;  // taps of all output rows
    static const int X_TAPS = 6;  // taps of all output columns
    static const int Y_MOST = 2;  // most taps of an output row
    static const int X_MOST = 2;  // most taps of an output column
    static const int PIXEL_WIDTH = 16;  // taps of a pixel: first and count along both axes, flags
    static const int OUT_BEATS = 128;  // beats of a frame
    static const int REQUANT_BEATS = 128;  // trip count of the requantizer
    static const int ORDER_GROUPS = 8;  // beats of a pixel, in a fold
    static const int ORDER_PIXELS = 1;  // pixels of a run of those
    static const int ORDER_ROWS = 1;  // such rows of a band
    static const int ORDER_FOLDS = 1;  // folds of a band
    static const int ROW_PHASES = 1;  // output rows that take turns, each with channels of its own
    static const int OUT_ROWS = 4;  // output rows
    static const int OUT_COLUMNS = 4;  // output columns
    static const bool ALL_TAPS = true;  // every pixel that it makes has taps
    static const int PIECES = 2;  // linear pieces
    static const int MULT_BITS = 18;  // multiplier, of 2 bits: an adder
    static const int SHIFT = 24;  // right shift
    static const bool HALF_EVEN = false;  // ties go to even, else toward +infinity
    static const int REQUANT_IN_BITS = 22;  // what it reads
    static const bool REQUANT_IN_SIGNED = true;
    static const int REQUANT_IN_ZERO_POINT = 0;  // taken off first
    static const int REQUANT_OUT_BITS = 8;  // what it writes: uint8

    typedef gan2hls::int_of<9, 17>::type input_t;  // code - zero point
    typedef gan2hls::int_of<8, 17>::type weight_t;  // weight
    typedef gan2hls::int_of<17, 17>::type product_t;  // weight * (code - zero point)
    typedef gan2hls::int_of<22, 22>::type acc_t;  // accumulator
    typedef gan2hls::int_of<22, 64>::type requant_acc_t;  // accumulator, about to be multiplied
    typedef gan2hls::int_of<18, 64>::type mult_t;  // multiplier
    typedef gan2hls::int_of<39, 64>::type scaled_t;  // acc * mult
    typedef gan2hls::int_of<30, 64>::type offset_t;  // bias and rounding constant
    typedef gan2hls::int_of<23, 64>::type threshold_t;  // knot of the two pieces
    typedef gan2hls::int_of<39, 64>::type sum_t;  // acc * mult + offset, exact

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
        return int(THRESHOLD[word][column]);
    }
    static GAN2HLS_INLINE int row_taps(int word) {
        return int(ROW_TAPS[word]);
    }
    static GAN2HLS_INLINE int column_taps(int word) {
        return int(COLUMN_TAPS[word]);
    }
};

// The engine: 48 beats in, 128 beats out.
inline void engine(hls::stream<ap_uint<8> >& in, hls::stream<ap_uint<8> >& out) {
// All processes work at the same time, each on what the one before it has sent.
#pragma HLS DATAFLOW
    hls::stream<ap_uint<32> > widened;  // 1 element a beat -> 4
    hls::stream<ap_uint<32> > segments;  // cycles, loads, their difference, single, emits
    hls::stream<ap_uint<16> > taps;  // first tap and number of taps along both axes
    hls::stream<ap_uint<48> > feed;  // x, weight address, first, last
    hls::stream<ap_uint<48> > accs;  // 2 accumulators
    hls::stream<ap_uint<24> > serial;  // 1 accumulators
// One writer and one reader each, none in a circle: no depth can deadlock, and 2 lets both sides work in every clock.
#pragma HLS STREAM variable=widened depth=2
#pragma HLS STREAM variable=segments depth=2
#pragma HLS STREAM variable=taps depth=2
#pragma HLS STREAM variable=feed depth=2
#pragma HLS STREAM variable=accs depth=2
#pragma HLS STREAM variable=serial depth=2
    // 1 element a beat -> 4: 48 cycles
    gan2hls::widen<4, 8, 48>(in, widened);
    // when the feeder loads and when it emits: 5 cycles
    gan2hls::schedule<config>(segments);
    // which taps each output pixel has: 16 cycles
    gan2hls::pixels<config>(taps);
    // line buffer and tap sequencer: 446 cycles
    gan2hls::feeder<config>(widened, segments, taps, feed);
    // multiply and accumulate: 432 cycles
    gan2hls::mac<config, gan2hls::wsrc_raw<config>>(feed, accs);
    // 2 accumulators a beat -> 1: 128 cycles
    gan2hls::narrow<2, 22, 128>(accs, serial);
    // accumulator -> code: 128 cycles
    gan2hls::requant<config>(serial, out);
}

}  // namespace layer_l1_conv_transpose

#endif
