// pixels.hpp - where the taps of each output pixel stand in the tap programs of both axes.
//
//     for each output row with taps / for each output column with taps: send its first taps and how many there are
//
// One flat loop of PIXELS iterations, II = 1.  The tables grow with the picture: they are memories here, and the feeder
// decides by counters alone.
//
// Out: | y single | x single | y count | y first | x count | x first |, PIXEL_WIDTH bits; `single` says that there is one tap.
// Needs from layer L: PIXELS, TAP_ROWS, TAP_COLUMNS, Y_TAPS, X_TAPS, Y_MOST, X_MOST, PIXEL_WIDTH and the tables row_first,
// row_count, column_first, column_count.
#ifndef GAN2HLS_PIXELS_HPP
#define GAN2HLS_PIXELS_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// Where the fields of a word stand.
template <class L>
struct pixel_word {
    static const int X_FIRST_BITS = bits_for(L::X_TAPS - 1), X_COUNT_BITS = bits_for(L::X_MOST);
    static const int Y_FIRST_BITS = bits_for(L::Y_TAPS - 1), Y_COUNT_BITS = bits_for(L::Y_MOST);
    static const int X_COUNT = X_FIRST_BITS, Y_FIRST = X_COUNT + X_COUNT_BITS, Y_COUNT = Y_FIRST + Y_FIRST_BITS;
    static const int X_SINGLE = Y_COUNT + Y_COUNT_BITS, Y_SINGLE = X_SINGLE + 1;
    static_assert(L::PIXEL_WIDTH > Y_SINGLE, "a word must hold the taps of a pixel");
};

template <class L>
void pixels(hls::stream<ap_uint<L::PIXEL_WIDTH> >& out) {
    typedef pixel_word<L> word_t;
    counter<L::TAP_ROWS> row;
    counter<L::TAP_COLUMNS> column;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::PIXELS>::type cycle = 0; cycle < L::PIXELS; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one pixel a clock
#endif
        const int64_t x_count = L::column_count(column.at), y_count = L::row_count(row.at);
        uint64_t limbs[limbs_of(L::PIXEL_WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
        clear<limbs_of(L::PIXEL_WIDTH)>(limbs);
        put_field<word_t::X_FIRST_BITS>(limbs, 0, L::column_first(column.at));
        put_field<word_t::X_COUNT_BITS>(limbs, word_t::X_COUNT, x_count);
        put_field<word_t::Y_FIRST_BITS>(limbs, word_t::Y_FIRST, L::row_first(row.at));
        put_field<word_t::Y_COUNT_BITS>(limbs, word_t::Y_COUNT, y_count);
        put_field<1>(limbs, word_t::X_SINGLE, x_count == 1);
        put_field<1>(limbs, word_t::Y_SINGLE, y_count == 1);
        ap_uint<L::PIXEL_WIDTH> word = 0;
        from_limbs<L::PIXEL_WIDTH>(limbs, word);
        out.write(word);
        if (column.last) row.step();
        column.step();
    }
}

// The taps of a pixel along one axis, walked over and over: `at` is an entry of the tap program, `last` a register.
template <int TAPS, int MOST>
struct tap_walk {
    typedef typename upto<TAPS - 1>::type entry_t;
    typedef typename upto<MOST>::type count_t;

    entry_t at, first;
    count_t left, count;
    bool last, single;

    GAN2HLS_INLINE tap_walk() : at(0), first(0), left(0), count(0), last(false), single(false) {}

    GAN2HLS_INLINE void begin(entry_t first_tap, count_t taps, bool one) {
        at = first = first_tap;
        left = count = taps;
        last = single = one;
    }

    GAN2HLS_INLINE void step() {
        const bool next_is_last = last ? single : left == 2;
        at = last ? first : entry_t(at + 1);
        left = last ? count : count_t(left - 1);
        last = next_is_last;
    }
};

}  // namespace gan2hls

#endif
