// skip_feeder.hpp - circular line buffer of a linear engine that never visits an empty block of weights.
//
// One flat loop of FEED_CYCLES iterations, II = 1, whose loads and emissions follow the program of segments.hpp.  Which
// blocks are emitted is said by runs (runner.hpp): a run is read when the former one is used up, and each iteration
// emits one of its blocks.
//
//     for each output pixel with taps / for each output fold / for each run / for each of its blocks: emit
//
// A block reads the input word at the pixel's origin + the block's displacement, along both axes; its group and input
// fold are part of the displacement.  Origins may lie outside the input, sums do not.  Row iy stands in slot iy mod SLOTS, so rows are added modulo SLOTS.
// All tables are multiplied out, so that addresses need adders only.  A run of length 0 is emitted as one word in which
// nothing is to be multiplied (`null`): its accumulators are 0.
//
// In:  SIMD elements of IN_BITS bits a word, in the low bits.  Runs: see runner.hpp.
// Out: | null | last | first | weight address | x: SIMD elements |, FEED_BITS bits, MAC_CYCLES words.
// Needs from layer L: SIMD, IN_BITS, LINE_WORDS, KEPT_WORDS, SLOTS, FEED_CYCLES, FEED_BITS, ADDRESS_BITS, LENGTH_BITS, RUN_BITS,
// COLUMN_BITS, CO_FOLDS, TAP_ROWS, TAP_COLUMNS, what segments.hpp needs, and the tables block,
// row_origin, column_origin, slot_base.
#ifndef GAN2HLS_SKIP_FEEDER_HPP
#define GAN2HLS_SKIP_FEEDER_HPP

#include "bits.hpp"
#include "segments.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int WIDTH_IN>
void skip_feeder(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<L::RUN_BITS> >& runs,
    hls::stream<ap_uint<L::FEED_BITS> >& out) {
    const int X_BITS = L::SIMD * L::IN_BITS;
    static_assert(WIDTH_IN >= X_BITS, "the input stream must be as wide as SIMD elements");
    static_assert(L::FEED_BITS == X_BITS + L::ADDRESS_BITS + 3, "a feeder word is x, address, first, last, null");
    static_assert(L::RUN_BITS == L::ADDRESS_BITS + L::LENGTH_BITS + 1, "a run is start, length, last");
    ap_uint<X_BITS> line[L::LINE_WORDS];
#ifndef __BAMBU__
// Segments keep reads and writes of one word at least 8 iterations (GUARD) apart, in both directions: saying so lets
// the loop reach II = 1 without a forwarding path.
#pragma HLS DEPENDENCE variable=line type=inter direction=RAW distance=8 dependent=true
#pragma HLS DEPENDENCE variable=line type=inter direction=WAR distance=8 dependent=true
#pragma HLS DEPENDENCE variable=line type=intra dependent=false
#endif
    segments<L> program;
    int loaded = 0, slot = 0;
    // The running run: its next block, blocks that are left, whether it ends its vector.
    int address = 0, left = 0;
    bool run_last = false;
    bool first = true;  // the next word starts a vector
    int y = 0, x = 0, co = 0;

#ifdef __BAMBU__
#pragma nounroll
#endif
    for (int cycle = 0; cycle < L::FEED_CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one word to the mac a clock
#endif
        if (program.emits) {
            bool null = false;
            if (left == 0) {
                const ap_uint<L::RUN_BITS> read = runs.read();
                const uint64_t run = read.to_uint64();
                address = int(run & ((uint64_t(1) << L::ADDRESS_BITS) - 1));
                left = int(run >> L::ADDRESS_BITS & ((uint64_t(1) << L::LENGTH_BITS) - 1));
                run_last = (run >> (L::ADDRESS_BITS + L::LENGTH_BITS) & 1) != 0;
                null = left == 0;
            }
            const bool last = null || (run_last && left == 1);
            const int block = L::block(address);
            const int row = L::row_origin(y) + (block >> L::COLUMN_BITS);
            const int base = L::slot_base(row >= L::SLOTS ? row - L::SLOTS : row);
            const int column = L::column_origin(x) + (block & ((1 << L::COLUMN_BITS) - 1));
            const uint64_t head = uint64_t(address) | uint64_t(first) << L::ADDRESS_BITS
                                  | uint64_t(last) << (L::ADDRESS_BITS + 1) | uint64_t(null) << (L::ADDRESS_BITS + 2);
            // A vector without blocks has no input word either.
            ap_uint<L::FEED_BITS> word = line[null ? 0 : base + column];
            word.range(L::FEED_BITS - 1, X_BITS) = ap_uint<L::ADDRESS_BITS + 3>(head);
            out.write(word);

            ++address;
            left = null ? 0 : left - 1;
            first = last;
            if (last) {
                const bool co_last = co == L::CO_FOLDS - 1;
                co = co_last ? 0 : co + 1;
                if (co_last) {
                    const bool x_last = x == L::TAP_COLUMNS - 1;
                    y = x_last ? (y == L::TAP_ROWS - 1 ? 0 : y + 1) : y;
                    x = x_last ? 0 : x + 1;
                }
            }
        }
        if (program.load()) {
            const ap_uint<X_BITS> word = ap_uint<X_BITS>(in.read());
            // Rows below the last one that any output uses are taken from the stream and dropped.
            if (loaded < L::KEPT_WORDS) line[slot] = word;
            slot = slot == L::LINE_WORDS - 1 ? 0 : slot + 1;
            ++loaded;
        }
        program.step();
    }
}

}  // namespace gan2hls

#endif
