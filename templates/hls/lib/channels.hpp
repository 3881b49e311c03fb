// channels.hpp - which channels a beat has, where channels come in runs.
//
//   for each band / fold of FOLDS / row of ROWS of the band / pixel of PIXELS of the row / group of GROUPS:
//     word = (phase * FOLDS + fold) * GROUPS + group
//
// The phase counts the rows of all bands modulo PHASES, so every fold of a band begins with that of its first row.  Where
// all folds of a pixel follow one another, FOLDS and ROWS are 1; with one phase all rows of a band may be pixels of one.
#ifndef GAN2HLS_CHANNELS_HPP
#define GAN2HLS_CHANNELS_HPP

#include "bits.hpp"

namespace gan2hls {

template <int GROUPS, int PIXELS, int ROWS, int FOLDS, int PHASES>
struct channels {
    typedef typename upto<PHASES * FOLDS * GROUPS>::type word_t;

    counter<GROUPS> group;
    counter<PIXELS> pixel;
    counter<ROWS> row;
    counter<FOLDS> fold;
    counter<PHASES> phase, first_phase;  // of the row, and of the first one of its band
    word_t row_word, fold_word;          // where the row begins, and where the first one of its fold does

    GAN2HLS_INLINE channels() : row_word(0), fold_word(0) {}

    GAN2HLS_INLINE int word() const { return int(row_word) + int(group.at); }

    GAN2HLS_INLINE void step() {
        if (group.last && pixel.last) {
            const int next = phase.last ? int(row_word) - (PHASES - 1) * FOLDS * GROUPS : int(row_word) + FOLDS * GROUPS;
            if (!row.last) {
                row_word = word_t(next);
                phase.step();
            } else if (!fold.last) {
                row_word = fold_word = word_t(fold_word + GROUPS);
                phase = first_phase;
            } else {
                row_word = fold_word = word_t(next - (FOLDS - 1) * GROUPS);
                phase.step();
                first_phase = phase;
            }
            if (row.last) fold.step();
            row.step();
        }
        if (group.last) pixel.step();
        group.step();
    }
};

}  // namespace gan2hls

#endif
