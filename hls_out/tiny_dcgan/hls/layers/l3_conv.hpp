// l3_conv.hpp - engine of layer l3_conv (conv) of tiny_dcgan
//
//   ONNX      conv + image
//   input     8 x 8 x 6 (H x W x C), uint8, zero point 0
//   output    8 x 8 x 1, int8
//   kernel    3 x 3, stride 1 x 1, groups 1
//   weights   int8, codec raw; accumulator int20
//   folding   PE 1 x SIMD 6, 1 requantizer lanes, line buffer of 4 rows
//   work      2904 useful MACs = 484 mac cycles, none of them on a zero; frame interval 516 cycles
#ifndef TINY_DCGAN_LAYERS_L3_CONV_HPP
#define TINY_DCGAN_LAYERS_L3_CONV_HPP

#include "../lib/bits.hpp"
#include "../lib/convert.hpp"
#include "../lib/feeder.hpp"
#include "../lib/mac.hpp"
#include "../lib/pixels.hpp"
#include "../lib/requant.hpp"
#include "../lib/segments.hpp"
#include "../lib/table.hpp"
#include "../lib/wsrc_raw.hpp"

namespace layer_l3_conv {

// Feeder segment: iterations.
static const gan2hls::exact_or<ap_uint<7>, uint8_t>::type SEGMENT_CYCLES[15] = {
    16, 8, 8, 28, 16, 50, 16, 50, 16, 50, 16, 50, 16, 50, 118,
};
// Feeder segment: words loaded.
static const gan2hls::exact_or<ap_uint<5>, uint8_t>::type SEGMENT_LOADS[15] = {
    16, 0, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0,
};
// Feeder segment: feeds the mac.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type SEGMENT_EMITS[15] = {
    0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
};
// Tap of the y axis: line buffer offset of its row, 8 words each.
static const gan2hls::exact_or<ap_uint<5>, uint8_t>::type Y_ROW[22] = {
    0, 8, 0, 8, 16, 8, 16, 24, 16, 24, 0, 24, 0, 8, 0, 8, 16, 8, 16, 24, 16, 24,
};
// Tap of the y axis: weight address of its kernel row.
static const gan2hls::exact_or<ap_uint<3>, uint8_t>::type Y_WEIGHT[22] = {
    3, 6, 0, 3, 6, 0, 3, 6, 0, 3, 6, 0, 3, 6, 0, 3, 6, 0, 3, 6, 0, 3,
};
// Tap of the x axis: line buffer offset of its column, 1 words each.
static const gan2hls::exact_or<ap_uint<3>, uint8_t>::type X_COLUMN[22] = {
    0, 1, 0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5, 4, 5, 6, 5, 6, 7, 6, 7,
};
// Tap of the x axis: weight address of its kernel column.
static const gan2hls::exact_or<ap_uint<2>, uint8_t>::type X_WEIGHT[22] = {
    1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1,
};
// Output row: its first tap.
static const gan2hls::exact_or<ap_uint<5>, uint8_t>::type ROW_FIRST[8] = {
    0, 2, 5, 8, 11, 14, 17, 20,
};
// Output row: how many taps it has.
static const gan2hls::exact_or<ap_uint<2>, uint8_t>::type ROW_COUNT[8] = {
    2, 3, 3, 3, 3, 3, 3, 2,
};
// Output column: its first tap.
static const gan2hls::exact_or<ap_uint<5>, uint8_t>::type COLUMN_FIRST[8] = {
    0, 2, 5, 8, 11, 14, 17, 20,
};
// Output column: how many taps it has.
static const gan2hls::exact_or<ap_uint<2>, uint8_t>::type COLUMN_COUNT[8] = {
    2, 3, 3, 3, 3, 3, 3, 2,
};
// Codec raw, memory weight: 9 words of 48 bits, in 64-bit limbs.
static const gan2hls::exact_or<ap_uint<48>, uint64_t>::type WEIGHT_ROM[9][1] = {
#include "../weights/l3_conv_weight.inc"
};
// Multipliers, one word per group of channels: LANES entries for each piece.
static const gan2hls::exact_or<ap_uint<17>, uint32_t>::type MULT[1][1] = {
#include "../weights/l3_conv_mult.inc"
};
// Bias and rounding constant, one word per group of channels: LANES entries for each piece.
static const gan2hls::exact_or<ap_uint<33>, uint64_t>::type OFFSET[1][1] = {
#include "../weights/l3_conv_offset.inc"
};
// Least accumulators of piece 1.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type THRESHOLD[1][1] = {
#include "../weights/l3_conv_threshold.inc"
};
// Whether an output row has taps.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type ROW_TAPS[8] = {
    1, 1, 1, 1, 1, 1, 1, 1,
};
// Whether an output column has taps.
static const gan2hls::exact_or<ap_uint<1>, uint8_t>::type COLUMN_TAPS[8] = {
    1, 1, 1, 1, 1, 1, 1, 1,
};
// The curve: entry n belongs to index INDEX_LOW + n.
static const gan2hls::exact_or<ap_int<8>, int8_t>::type TABLE[2048] = {
#include "../weights/l3_conv_table.inc"
};

// The parameters of the library's processes.
struct config {
    static constexpr int MORE_SHIFT(int) { return 0; }  // what a layer shifts beyond that
    static constexpr int ZERO_POINT(int) { return 0; }  // added after the shift
    static constexpr int LOW(int) { return 0; }  // least code
    static constexpr int HIGH(int) { return 2047; }  // greatest code
    static const int PE = 1;  // output channels in parallel
    static const int SIMD = 6;  // input channels in parallel
    static const int LANES = 1;  // output channels requantized in parallel
    static const int IN_BITS = 8;  // input code: uint8
    static const bool IN_SIGNED = false;
    static const int IN_ZERO_POINT = 0;  // the code that means 0
    static const int ACC_BITS = 20;  // accumulator: int20, exact
    static const bool MULTIPLIES = true;  // whether weights are more than -1, 0 and +1
    static const int CODE_BITS = 8;  // codec raw
    static const int CODE_SIGNED = 1;
    static const int BASE = 0;
    static const int WEIGHT_LIMBS = 1;  // 64-bit limbs of a weight word
    static const bool SKIPS = false;  // whether blocks of zeros are left out
    static const int MAC_CYCLES = 484;  // trip count of the mac: useful MACs / (PE * SIMD)
    static const int FEED_CYCLES = 508;  // trip count of the feeder: MAC_CYCLES + first rows + stalls
    static const int SEGMENTS = 15;  // steps of the feeder's program
    static const int FIRST_CYCLES = 16;  // iterations of the first step, which emits nothing
    static const int FIRST_LOADS = 16;  // words that it loads
    static const int SEGMENT_BITS = 7;  // iterations of a segment
    static const int SEGMENT_WIDTH = 24;  // segment: cycles, loads, their difference, flags
    static const int ADDRESS_BITS = 4;  // weight address
    static const int FEED_WIDTH = 56;  // feeder word: SIMD elements, weight address, first, last
    static const int ACCS_WIDTH = 24;  // PE accumulators
    static const int LINE_WORDS = 32;  // line buffer: 4 rows of 8 words
    static const int KEPT_WORDS = 64;  // input words that outputs use, of 64
    static const int CO_FOLDS = 1;  // CO / PE
    static const int PIXELS = 64;  // output pixels with taps
    static const int TAP_ROWS = 8;  // output rows with taps
    static const int TAP_COLUMNS = 8;  // output columns with taps
    static const int CI_FOLDS = 1;  // CI / groups / SIMD
    static const int GROUPS = 1;  // groups of channels
    static const int GROUP_CO_FOLDS = 1;  // CO / groups / PE
    static const int Y_TAPS = 22;  // taps of all output rows
    static const int X_TAPS = 22;  // taps of all output columns
    static const int Y_MOST = 3;  // most taps of an output row
    static const int X_MOST = 3;  // most taps of an output column
    static const int PIXEL_WIDTH = 16;  // taps of a pixel: first and count along both axes, flags
    static const int OUT_BEATS = 64;  // beats of a frame
    static const int REQUANT_BEATS = 64;  // trip count of the requantizer
    static const int ORDER_GROUPS = 1;  // beats of a pixel, in a fold
    static const int ORDER_PIXELS = 1;  // pixels of a run of those
    static const int ORDER_ROWS = 1;  // such rows of a band
    static const int ORDER_FOLDS = 1;  // folds of a band
    static const int ROW_PHASES = 1;  // output rows that take turns, each with channels of its own
    static const int OUT_ROWS = 8;  // output rows
    static const int OUT_COLUMNS = 8;  // output columns
    static const bool ALL_TAPS = true;  // every pixel that it makes has taps
    static const int PIECES = 1;  // linear pieces
    static const int MULT_BITS = 18;  // multiplier, of 2 bits: an adder
    static const int SHIFT = 22;  // right shift
    static const bool HALF_EVEN = false;  // ties go to even, else toward +infinity
    static const int REQUANT_IN_BITS = 20;  // what it reads
    static const bool REQUANT_IN_SIGNED = true;
    static const int REQUANT_IN_ZERO_POINT = 0;  // taken off first
    static const int REQUANT_OUT_BITS = 11;  // what it writes: uint11
    static const bool INDEX_SIGNED = false;  // table index
    static const int INDEX_LOW = 0;  // index of the table's first entry
    static const int OUT_BITS = 8;  // output code: int8

    typedef gan2hls::int_of<9, 17>::type input_t;  // code - zero point
    typedef gan2hls::int_of<8, 17>::type weight_t;  // weight
    typedef gan2hls::int_of<17, 17>::type product_t;  // weight * (code - zero point)
    typedef gan2hls::int_of<20, 20>::type acc_t;  // accumulator
    typedef gan2hls::int_of<20, 64>::type requant_acc_t;  // accumulator, about to be multiplied
    typedef gan2hls::int_of<18, 64>::type mult_t;  // multiplier
    typedef gan2hls::int_of<37, 64>::type scaled_t;  // acc * mult
    typedef gan2hls::int_of<34, 64>::type offset_t;  // bias and rounding constant
    typedef gan2hls::int_of<21, 64>::type threshold_t;  // knot of the two pieces
    typedef gan2hls::int_of<37, 64>::type sum_t;  // acc * mult + offset, exact

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
    static GAN2HLS_INLINE int64_t offset(int word, int column) {
        return int64_t(OFFSET[word][column]);
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
    static GAN2HLS_INLINE int table(int word) {
        return int(TABLE[word]);
    }
};

// The engine: 192 beats in, 64 beats out.
inline void engine(hls::stream<ap_uint<16> >& in, hls::stream<ap_uint<8> >& out) {
// All processes work at the same time, each on what the one before it has sent.
#pragma HLS DATAFLOW
    hls::stream<ap_uint<48> > widened;  // 2 elements a beat -> 6
    hls::stream<ap_uint<24> > segments;  // cycles, loads, their difference, single, emits
    hls::stream<ap_uint<16> > taps;  // first tap and number of taps along both axes
    hls::stream<ap_uint<56> > feed;  // x, weight address, first, last
    hls::stream<ap_uint<24> > accs;  // 1 accumulators
    hls::stream<ap_uint<16> > codes;  // requantized codes
// One writer and one reader each, none in a circle: no depth can deadlock, and 2 lets both sides work in every clock.
#pragma HLS STREAM variable=widened depth=2
#pragma HLS STREAM variable=segments depth=2
#pragma HLS STREAM variable=taps depth=2
#pragma HLS STREAM variable=feed depth=2
#pragma HLS STREAM variable=accs depth=2
#pragma HLS STREAM variable=codes depth=2
    // 2 elements a beat -> 6: 192 cycles
    gan2hls::widen<3, 16, 192>(in, widened);
    // when the feeder loads and when it emits: 15 cycles
    gan2hls::schedule<config>(segments);
    // which taps each output pixel has: 64 cycles
    gan2hls::pixels<config>(taps);
    // line buffer and tap sequencer: 508 cycles
    gan2hls::feeder<config>(widened, segments, taps, feed);
    // multiply and accumulate: 484 cycles
    gan2hls::mac<config, gan2hls::wsrc_raw<config>>(feed, accs);
    // accumulator -> code: 64 cycles
    gan2hls::requant<config>(accs, codes);
    // code -> curve: 64 cycles
    gan2hls::table<config>(codes, out);
}

}  // namespace layer_l3_conv

#endif
