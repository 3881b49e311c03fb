// pixel_runs.hpp - which runs of weight blocks each output pixel needs, in an engine that skips empty blocks.
//
//     for each band of RUN_ROWS output rows with taps / for each of RUN_FOLDS / for each row of the band / for each output
//     column with taps: send where the runs of their classes stand
//
// Rows that use the same kernel rows are one class, columns likewise, and the runs of a pair of classes stand together,
// by output fold.  Where weights are on chip, RUN_ROWS and RUN_FOLDS are 1 and a pixel gets the runs of all output folds;
// else it gets those of one fold, whose tile is in use.  One flat loop of PIXELS iterations, II = 1.  The tables grow with the picture: they are memories here,
// and the runner decides by counters alone.
//
// Out: | single | count | first |, RANGE_WIDTH bits: runs first..first + count - 1; `single` says that there is one.
// Needs from layer L: PIXELS, TAP_ROWS, TAP_COLUMNS, RUN_ROWS, RUN_FOLDS, PAIRS, RUNS, RUNS_MOST, RANGE_WIDTH and the tables
// row_class (multiplied out), column_class, pair_first, pair_count (PAIRS entries for each of RUN_FOLDS).
#ifndef GAN2HLS_PIXEL_RUNS_HPP
#define GAN2HLS_PIXEL_RUNS_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// Where the fields of a word stand.
template <class L>
struct range_word {
    static const int FIRST_BITS = bits_for(L::RUNS - 1), COUNT_BITS = bits_for(L::RUNS_MOST);
    static const int COUNT = FIRST_BITS, SINGLE = COUNT + COUNT_BITS;
    static_assert(L::RANGE_WIDTH > SINGLE && SINGLE < 64, "a word must hold the runs of a pixel");
};

// The output rows in the order of their visits.
template <class L>
struct row_visits {
    typedef typename upto<L::TAP_ROWS>::type row_t;

    row_t at, begin;  // this row; the first one of its band
    bool last;        // no row follows
    counter<L::RUN_ROWS> row;
    counter<L::RUN_FOLDS> fold;

    GAN2HLS_INLINE row_visits() : at(0), begin(0), last(L::TAP_ROWS == 1 && L::RUN_FOLDS == 1) {}

    GAN2HLS_INLINE void step() {
        const bool band_ends = row.last && fold.last;
        at = row.last && !band_ends ? begin : row_t(at + 1);
        if (band_ends) begin = at;
        if (row.last) fold.step();
        row.step();
        last = at == L::TAP_ROWS - 1 && fold.last;
    }
};

template <class L>
void pixel_runs(hls::stream<ap_uint<L::RANGE_WIDTH> >& out) {
    typedef range_word<L> word_t;
    row_visits<L> row;
    counter<L::TAP_COLUMNS> column;
    typename upto<L::RUN_FOLDS * L::PAIRS>::type fold_pair = 0;  // the first pair of the fold
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::PIXELS>::type cycle = 0; cycle < L::PIXELS; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one pixel a clock
#endif
        const int pair = int(fold_pair) + int(L::row_class(row.at)) + int(L::column_class(column.at));
        const uint64_t first = uint64_t(L::pair_first(pair)), count = uint64_t(L::pair_count(pair));
        out.write(ap_uint<L::RANGE_WIDTH>(
            first | count << word_t::COUNT | uint64_t(count == 1) << word_t::SINGLE));
        if (column.last) {
            if (row.row.last) {
                fold_pair = row.fold.last ? 0 : int(fold_pair) + L::PAIRS;
            }
            row.step();
        }
        column.step();
    }
}

}  // namespace gan2hls

#endif
