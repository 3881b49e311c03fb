// skip_feeder.hpp - circular line buffer of a linear engine that never visits an empty block of weights.
//
// One flat loop of FEED_CYCLES iterations, II = 1, whose loads and emissions follow the program of segments.hpp.  Which
// blocks are emitted is said by runs (runner.hpp): each iteration emits one block of a run, and a run is read when the
// last block of the former one is emitted, so that whatever decides the next iteration is a register.
//
//     for each output pixel with taps / for each output fold / for each run / for each of its blocks: emit
//
// Where weights are off chip a pixel is visited once for each output fold, in the order of pixel_runs.hpp, and CO_FOLDS is 1.
//
// A block reads the input word at the pixel's origin + the block's displacement, along both axes; its group and input
// fold are part of the displacement.  Origins may lie outside the input, sums do not.  Row iy stands in slot iy mod SLOTS,
// so rows are added modulo SLOTS.  All tables are multiplied out, so that addresses need adders only.  A run of length 0
// is emitted as one word in which nothing is to be multiplied (`null`): its accumulators are 0.
//
// A word holds SIMD input channels of a group, or of each of TOGETHER groups that the mac works on at once.
//
// In:  TOGETHER * SIMD elements of IN_BITS bits a word, in the low bits.  Runs and segments: see there.
// Out: | null | last | first | weight address | x: TOGETHER * SIMD elements |, in the low bits of FEED_WIDTH, MAC_CYCLES
// words.
// Needs from layer L: SIMD, IN_BITS, LINE_WORDS, KEPT_WORDS, SLOTS, FEED_CYCLES, FEED_WIDTH, ADDRESS_BITS, LENGTH_BITS,
// RUN_WIDTH, COLUMN_BITS, CO_FOLDS, TAP_COLUMNS, what segments.hpp and row_visits need, and the tables block, row_origin,
// column_origin, slot_base.
#ifndef GAN2HLS_SKIP_FEEDER_HPP
#define GAN2HLS_SKIP_FEEDER_HPP

#include "bits.hpp"
#include "pixel_runs.hpp"
#include "segments.hpp"
#include "storage.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int TOGETHER = 1, bool ULTRA = false, int WIDTH_IN>
void skip_feeder(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<L::SEGMENT_WIDTH> >& segment_words,
    hls::stream<ap_uint<L::RUN_WIDTH> >& runs, hls::stream<ap_uint<L::FEED_WIDTH> >& out) {
    const int X_BITS = TOGETHER * L::SIMD * L::IN_BITS;
    static_assert(WIDTH_IN >= X_BITS, "the input stream must be as wide as a word of elements");
    static_assert(L::FEED_WIDTH >= X_BITS + L::ADDRESS_BITS + 3, "a feeder word is x, address, first, last, null");
    typedef typename upto<(1 << L::ADDRESS_BITS)>::type address_t;
    typedef typename upto<(1 << L::LENGTH_BITS)>::type length_t;
    ap_uint<memory_bits(TOGETHER * L::SIMD * L::IN_BITS)> line[L::LINE_WORDS];
#ifndef __BAMBU__
// Segments keep reads and writes of one word at least 8 iterations (GUARD) apart, in both directions: saying so lets
// the loop reach II = 1 without a forwarding path.
#pragma HLS DEPENDENCE variable=line type=inter direction=RAW distance=8 dependent=true
#pragma HLS DEPENDENCE variable=line type=inter direction=WAR distance=8 dependent=true
#pragma HLS DEPENDENCE variable=line type=intra dependent=false
    in_memory<ULTRA>::put(line);
#endif
    segments<L> program;
    counter<L::LINE_WORDS> slot;
    typename upto<L::KEPT_WORDS>::type wanted = L::KEPT_WORDS;  // input words that are still to be stored
    // The running run: its next block, blocks that are left, whether this is the last one, whether it ends its vector.
    address_t address = 0;
    length_t left = 0;
    bool run_ends = false, run_last = false, null = false;
    bool first = true;   // the next word starts a vector
    bool begun = false;  // the first run is known; nothing is emitted in the first iteration
    row_visits<L> y;
    counter<L::TAP_COLUMNS> x;
    counter<L::CO_FOLDS> co;

#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::FEED_CYCLES>::type cycle = 0; cycle < L::FEED_CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one word to the mac a clock
#endif
        bool next_run = !begun;
        begun = true;
        if (program.emits) {
            const bool last = run_ends && run_last;
            const int block = int(L::block(address));
            const int row = int(L::row_origin(y.at)) + (block >> L::COLUMN_BITS);
            const int base = int(L::slot_base(row >= L::SLOTS ? row - L::SLOTS : row));
            const int column = int(L::column_origin(x.at)) + (block & ((1 << L::COLUMN_BITS) - 1));
            const uint64_t head = uint64_t(int(address)) | uint64_t(first) << L::ADDRESS_BITS
                                  | uint64_t(last) << (L::ADDRESS_BITS + 1) | uint64_t(null) << (L::ADDRESS_BITS + 2);
            // A vector without blocks has no input word either.
            ap_uint<L::FEED_WIDTH> word = line[null ? 0 : base + column];
            put_above<X_BITS, L::ADDRESS_BITS + 3>(word, head);
            out.write(word);

            next_run = run_ends && !(run_last && co.last && x.last && y.last);
            run_ends = left == 2;
            ++address;
            --left;
            first = last;
            if (last) {
                if (co.last && x.last) y.step();
                if (co.last) x.step();
                co.step();
            }
        }
        if (next_run) {
            const ap_uint<L::RUN_WIDTH> read = runs.read();
            const uint64_t run = read.to_uint64();
            address = address_t(run & ((uint64_t(1) << L::ADDRESS_BITS) - 1));
            left = length_t(run >> L::ADDRESS_BITS & ((uint64_t(1) << L::LENGTH_BITS) - 1));
            run_last = (run >> (L::ADDRESS_BITS + L::LENGTH_BITS) & 1) != 0;
            run_ends = (run >> (L::ADDRESS_BITS + L::LENGTH_BITS + 1) & 1) != 0;
            null = (run >> (L::ADDRESS_BITS + L::LENGTH_BITS + 2) & 1) != 0;
        }
        if (program.load()) {
            const ap_uint<X_BITS> word = ap_uint<X_BITS>(in.read());
            // Rows below the last one that any output uses are taken from the stream and dropped.
            if (wanted != 0) {
                line[slot.at] = word;
                --wanted;
            }
            slot.step();
        }
        if (program.ends) {
            const ap_uint<L::SEGMENT_WIDTH> segment = segment_words.read();
            program.next(segment);
        } else {
            program.step();
        }
    }
}

}  // namespace gan2hls

#endif
