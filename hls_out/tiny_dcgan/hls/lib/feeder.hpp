// feeder.hpp - circular line buffer and tap sequencer of a linear engine.
//
// One flat loop of FEED_CYCLES iterations, II = 1.  An iteration may load one input word into the line buffer and may
// emit one word to the mac, as the program of segments.hpp says.
//
// The sequencer walks the tap programs of both axes:
//
//     for each output pixel with taps / for each output fold / for each (y tap, x tap) / for each input fold: emit
//
// Which taps a pixel has comes from pixels.hpp, a pixel ahead: whatever decides the next iteration is a register.
// Row iy stands in slot iy mod ROWS.  All tables are multiplied out, so that addresses need adders only.
//
// A word holds SIMD input channels of a group, or of each of TOGETHER groups that the mac works on at once: GROUPS counts
// sets of so many.
//
// In:  TOGETHER * SIMD elements of IN_BITS bits a word, ROW_WORDS words a row, in the low bits.  Pixels and segments: see
// there.
// Out: | last | first | weight address | x: TOGETHER * SIMD elements |, in the low bits of FEED_WIDTH, MAC_CYCLES words.
// Needs from layer L: SIMD, IN_BITS, LINE_WORDS, KEPT_WORDS, FEED_CYCLES, FEED_WIDTH, ADDRESS_BITS, CI_FOLDS, CO_FOLDS,
// GROUP_CO_FOLDS, what segments.hpp and pixels.hpp need, and the tables y_row, y_weight, x_column, x_weight.
#ifndef GAN2HLS_FEEDER_HPP
#define GAN2HLS_FEEDER_HPP

#include "bits.hpp"
#include "pixels.hpp"
#include "segments.hpp"
#include "storage.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int TOGETHER = 1, bool ULTRA = false, int WIDTH_IN>
void feeder(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<L::SEGMENT_WIDTH> >& segment_words,
    hls::stream<ap_uint<L::PIXEL_WIDTH> >& pixel_words, hls::stream<ap_uint<L::FEED_WIDTH> >& out) {
    const int X_BITS = TOGETHER * L::SIMD * L::IN_BITS;
    static_assert(WIDTH_IN >= X_BITS, "the input stream must be as wide as a word of elements");
    static_assert(L::FEED_WIDTH >= X_BITS + L::ADDRESS_BITS + 2, "a feeder word is x, address, first, last");
    typedef pixel_word<L> pixel_t;
    typedef tap_walk<L::X_TAPS, L::X_MOST> x_walk;
    typedef tap_walk<L::Y_TAPS, L::Y_MOST> y_walk;
    typedef typename upto<L::GROUPS * L::CI_FOLDS>::type group_base_t;
    typedef typename upto<L::CO_FOLDS * L::CI_FOLDS>::type co_base_t;
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
    // The sequencer.
    x_walk x;
    y_walk y;
    counter<L::CI_FOLDS> ci;
    counter<L::CO_FOLDS> co;
    counter<L::GROUP_CO_FOLDS> group_co;
    counter<(L::PIXELS > 0 ? L::PIXELS : 1)> pixel;
    co_base_t co_base = 0;        // co * CI_FOLDS
    group_base_t group_base = 0;  // first input fold of the group
    bool first = true;            // the next word starts a vector
    bool begun = false;           // the first pixel is known; nothing is emitted in the first iteration

#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::FEED_CYCLES>::type cycle = 0; cycle < L::FEED_CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one word to the mac a clock
#endif
        bool next_pixel = L::PIXELS > 0 && !begun;
        begun = true;
        if (program.emits) {
            const bool last = y.last && x.last && ci.last;
            const int address = int(L::y_weight(y.at)) + int(L::x_weight(x.at)) + int(co_base) + int(ci.at);
            const int word_at = int(L::y_row(y.at)) + int(L::x_column(x.at)) + int(group_base) + int(ci.at);
            const uint64_t head = uint64_t(address) | uint64_t(first) << L::ADDRESS_BITS
                                  | uint64_t(last) << (L::ADDRESS_BITS + 1);
            ap_uint<L::FEED_WIDTH> word = line[word_at];
            put_above<X_BITS, L::ADDRESS_BITS + 2>(word, head);
            out.write(word);

            next_pixel = last && co.last && !pixel.last;
            first = last;
            if (ci.last && x.last) y.step();
            if (ci.last) x.step();
            ci.step();
            if (last) {
                if (co.last) pixel.step();
                group_base = co.last ? group_base_t(0) : group_co.last ? group_base_t(group_base + L::CI_FOLDS) : group_base;
                co_base = co.last ? co_base_t(0) : co_base_t(co_base + L::CI_FOLDS);
                group_co.step();
                co.step();
            }
        }
        if (next_pixel) {
            const ap_uint<L::PIXEL_WIDTH> taps = pixel_words.read();
            uint64_t limbs[limbs_of(L::PIXEL_WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
            to_limbs<L::PIXEL_WIDTH>(taps, limbs);
            x.begin(typename x_walk::entry_t(field<pixel_t::X_FIRST_BITS>(limbs, 0)),
                typename x_walk::count_t(field<pixel_t::X_COUNT_BITS>(limbs, pixel_t::X_COUNT)),
                field<1>(limbs, pixel_t::X_SINGLE) != 0);
            y.begin(typename y_walk::entry_t(field<pixel_t::Y_FIRST_BITS>(limbs, pixel_t::Y_FIRST)),
                typename y_walk::count_t(field<pixel_t::Y_COUNT_BITS>(limbs, pixel_t::Y_COUNT)),
                field<1>(limbs, pixel_t::Y_SINGLE) != 0);
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
