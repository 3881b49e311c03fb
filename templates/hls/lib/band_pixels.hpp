// band_pixels.hpp - where the taps of each output pixel stand in the tap programs, in the order of an engine whose weights
// are off chip:
//
//     for each band of BAND_ROWS output rows with taps / for each output fold / for each row of the band / for each output
//     column with taps: send its first taps and how many there are
//
// So the feeder, to which every visit to a pixel is a pixel of one output fold, walks a band once for each fold.  Groups of
// channels read words of their own: the rows' taps stand in the tap program once for each group, Y_COUNT entries apart.
//
// One flat loop of PIXELS iterations, II = 1.
//
// Out: as pixels.hpp.
// Needs from layer L: BAND_ROWS, BAND_GROUPS, GROUP_FOLDS, Y_COUNT and what pixels.hpp needs.
#ifndef GAN2HLS_BAND_PIXELS_HPP
#define GAN2HLS_BAND_PIXELS_HPP

#include "bits.hpp"
#include "pixels.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L>
void band_pixels(hls::stream<ap_uint<L::PIXEL_WIDTH> >& out) {
    typedef pixel_word<L> word_t;
    typedef typename upto<L::TAP_ROWS>::type row_t;
    typedef typename upto<L::Y_TAPS>::type y_base_t;
    counter<L::TAP_COLUMNS> column;
    counter<L::BAND_ROWS> row;
    counter<L::GROUP_FOLDS> fold;
    counter<L::BAND_GROUPS> group;
    row_t at = 0, begin = 0;  // output row; the first one of its band
    y_base_t y_base = 0;      // the first tap of the group
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::PIXELS>::type cycle = 0; cycle < L::PIXELS; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one pixel a clock
#endif
        const int64_t x_count = L::column_count(column.at), y_count = L::row_count(at);
        uint64_t limbs[limbs_of(L::PIXEL_WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
        clear<limbs_of(L::PIXEL_WIDTH)>(limbs);
        put_field<word_t::X_FIRST_BITS>(limbs, 0, L::column_first(column.at));
        put_field<word_t::X_COUNT_BITS>(limbs, word_t::X_COUNT, x_count);
        put_field<word_t::Y_FIRST_BITS>(limbs, word_t::Y_FIRST, L::row_first(at) + int(y_base));
        put_field<word_t::Y_COUNT_BITS>(limbs, word_t::Y_COUNT, y_count);
        put_field<1>(limbs, word_t::X_SINGLE, x_count == 1);
        put_field<1>(limbs, word_t::Y_SINGLE, y_count == 1);
        ap_uint<L::PIXEL_WIDTH> word = 0;
        from_limbs<L::PIXEL_WIDTH>(limbs, word);
        out.write(word);
        if (column.last) {
            const bool band_ends = row.last && fold.last && group.last;
            const row_t next = row.last && !band_ends ? begin : row_t(at + 1);
            at = next;
            if (band_ends) begin = next;
            if (row.last && fold.last) {
                y_base = group.last ? y_base_t(0) : y_base_t(y_base + L::Y_COUNT);
                group.step();
            }
            if (row.last) fold.step();
            row.step();
        }
        column.step();
    }
}

}  // namespace gan2hls

#endif
