// runner.hpp - which runs of weight blocks each accumulator vector needs, in an engine that skips empty blocks.
//
//     for each output row with taps / for each output column with taps / for each run of the pair of classes: send
//
// Rows that use the same kernel rows are one class, columns likewise, and the runs of a pair of classes stand together,
// by output fold.  One flat loop of RUN_COUNT iterations, II = 1: a run an iteration, while the feeder needs as many
// iterations as a run has blocks, and one at least.
//
// Out: | last | length | start |, RUN_BITS bits: blocks start..start + length - 1; `last` ends an accumulator vector.  A
// run of length 0 stands for a vector without any block.
// Needs from layer L: RUN_COUNT, RUN_BITS, TAP_ROWS, TAP_COLUMNS and the tables run, row_class (multiplied out),
// column_class, pair_first, pair_count.
#ifndef GAN2HLS_RUNNER_HPP
#define GAN2HLS_RUNNER_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L>
void runner(hls::stream<ap_uint<L::RUN_BITS> >& out) {
    int y = 0, x = 0;  // the next pixel
    int pair = L::row_class(0) + L::column_class(0);  // its classes, looked up one iteration ahead
    int at = 0, left = 0;  // the current pixel: its next run, runs that are left
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (int cycle = 0; cycle < L::RUN_COUNT; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one run a clock
#endif
        if (left == 0) {
            at = L::pair_first(pair);
            left = L::pair_count(pair);
            const bool x_last = x == L::TAP_COLUMNS - 1;
            y = x_last ? (y == L::TAP_ROWS - 1 ? 0 : y + 1) : y;
            x = x_last ? 0 : x + 1;
            pair = L::row_class(y) + L::column_class(x);
        }
        out.write(ap_uint<L::RUN_BITS>(uint64_t(L::run(at))));
        ++at;
        --left;
    }
}

}  // namespace gan2hls

#endif
