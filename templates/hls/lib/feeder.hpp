// feeder.hpp - circular line buffer and tap sequencer of a linear engine.
//
// One flat loop of FEED_CYCLES iterations, II = 1.  An iteration may load one input word into the line buffer and may
// emit one word to the mac, as the program of segments.hpp says.
//
// The sequencer walks the tap programs of both axes:
//
//     for each output pixel with taps / for each output fold / for each (y tap, x tap) / for each input fold: emit
//
// Row iy stands in slot iy mod ROWS.  All tables are multiplied out, so that addresses need adders only.
//
// In:  SIMD elements of IN_BITS bits a word, ROW_WORDS words a row, in the low bits.
// Out: | last | first | weight address | x: SIMD elements |, FEED_BITS bits, MAC_CYCLES words.
// Needs from layer L: SIMD, IN_BITS, LINE_WORDS, KEPT_WORDS, FEED_CYCLES, FEED_BITS, ADDRESS_BITS, CI_FOLDS, CO_FOLDS,
// GROUP_CO_FOLDS, X_TAPS, Y_TAPS, what segments.hpp needs, and the tables y_row, y_weight, y_last, x_column, x_weight, x_last.
#ifndef GAN2HLS_FEEDER_HPP
#define GAN2HLS_FEEDER_HPP

#include "bits.hpp"
#include "segments.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int WIDTH_IN>
void feeder(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<L::FEED_BITS> >& out) {
    const int X_BITS = L::SIMD * L::IN_BITS;
    static_assert(WIDTH_IN >= X_BITS, "the input stream must be as wide as SIMD elements");
    static_assert(L::FEED_BITS == X_BITS + L::ADDRESS_BITS + 2, "a feeder word is x, address, first, last");
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
    // The sequencer: a pixel's taps are y_start.. and x_start.., up to the ones marked last.
    int y = 0, y_start = 0, x = 0, x_start = 0;
    int co = 0, group_co = 0, ci = 0;
    int co_base = 0, group_base = 0;  // co * CI_FOLDS; first input fold of the group

#ifdef __BAMBU__
#pragma nounroll
#endif
    for (int cycle = 0; cycle < L::FEED_CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one word to the mac a clock
#endif
        if (program.emits) {
            const bool x_last = L::x_last(x) != 0, y_last = L::y_last(y) != 0;
            const bool ci_last = ci == L::CI_FOLDS - 1;
            const bool first = y == y_start && x == x_start && ci == 0;
            const bool last = y_last && x_last && ci_last;
            const int address = L::y_weight(y) + L::x_weight(x) + co_base + ci;
            const uint64_t head = uint64_t(address) | uint64_t(first) << L::ADDRESS_BITS
                                  | uint64_t(last) << (L::ADDRESS_BITS + 1);
            ap_uint<L::FEED_BITS> word = line[L::y_row(y) + L::x_column(x) + group_base + ci];
            word.range(L::FEED_BITS - 1, X_BITS) = ap_uint<L::ADDRESS_BITS + 2>(head);
            out.write(word);

            const bool co_last = co == L::CO_FOLDS - 1;
            const bool pixel_done = last && co_last;
            const bool row_done = pixel_done && x == L::X_TAPS - 1;
            ci = ci_last ? 0 : ci + 1;
            if (last) {
                const bool group_done = group_co == L::GROUP_CO_FOLDS - 1;
                group_base = co_last ? 0 : group_done ? group_base + L::CI_FOLDS : group_base;
                group_co = group_done ? 0 : group_co + 1;
                co_base = co_last ? 0 : co_base + L::CI_FOLDS;
                co = co_last ? 0 : co + 1;
            }
            if (ci_last && x_last) {
                y = row_done ? (y == L::Y_TAPS - 1 ? 0 : y + 1) : y_last ? y_start : y + 1;
                if (row_done) y_start = y;
            }
            if (ci_last) {
                if (pixel_done) x_start = row_done ? 0 : x + 1;
                x = x_last ? x_start : x + 1;
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
