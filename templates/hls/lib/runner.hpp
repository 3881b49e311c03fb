// runner.hpp - the runs of weight blocks of each accumulator vector, in an engine that skips empty blocks.
//
//     for each output pixel with taps / for each of its runs: send
//
// One flat loop of RUN_COUNT + 1 iterations, II = 1: a run an iteration, while the feeder needs as many iterations as a
// run has blocks, and one at least.  Which runs a pixel has comes from pixel_runs.hpp, a pixel ahead: the first iteration
// asks for the first pixel, and whatever decides the next iteration is a register.
//
// Out: | none | single | last | length | start |, RUN_WIDTH bits: blocks start..start + length - 1; `last` ends an
// accumulator vector.  A run of length 0 stands for a vector without any block (`none`); `single` says that it takes one
// iteration.
// Needs from layer L: PIXELS, RUNS, RUNS_MOST, RUN_COUNT, RUN_WIDTH, RANGE_WIDTH, ADDRESS_BITS, LENGTH_BITS and the table run.
#ifndef GAN2HLS_RUNNER_HPP
#define GAN2HLS_RUNNER_HPP

#include "bits.hpp"
#include "pixel_runs.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L>
void runner(hls::stream<ap_uint<L::RANGE_WIDTH> >& ranges, hls::stream<ap_uint<L::RUN_WIDTH> >& out) {
    typedef range_word<L> word_t;
    static_assert(L::RUN_WIDTH >= L::ADDRESS_BITS + L::LENGTH_BITS + 3, "a run is start, length, last, single, none");
    typename upto<L::RUNS>::type at = 0;         // the next run
    typename upto<L::RUNS_MOST>::type left = 0;  // runs of this pixel that are left
    bool ends = true;                            // whether the next run is the pixel's last
    bool begun = false;                          // the first pixel is known
    counter<L::PIXELS> pixel;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::RUN_COUNT + 1>::type cycle = 0; cycle < L::RUN_COUNT + 1; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one run a clock
#endif
        const bool next_pixel = !begun || (ends && !pixel.last);
        if (begun) {
            const uint64_t run = uint64_t(L::run(at));
            const uint64_t length = run >> L::ADDRESS_BITS & ((uint64_t(1) << L::LENGTH_BITS) - 1);
            const int FLAGS = L::ADDRESS_BITS + L::LENGTH_BITS + 1;
            out.write(ap_uint<L::RUN_WIDTH>(
                run | uint64_t(length < 2) << FLAGS | uint64_t(length == 0) << (FLAGS + 1)));
            if (ends) pixel.step();
            ends = left == 2;
            ++at;
            --left;
        }
        if (next_pixel) {
            const ap_uint<L::RANGE_WIDTH> read = ranges.read();
            const uint64_t range = read.to_uint64();
            at = typename upto<L::RUNS>::type(range & ((uint64_t(1) << word_t::FIRST_BITS) - 1));
            left = typename upto<L::RUNS_MOST>::type(
                range >> word_t::COUNT & ((uint64_t(1) << word_t::COUNT_BITS) - 1));
            ends = (range >> word_t::SINGLE & 1) != 0;
        }
        begun = true;
    }
}

}  // namespace gan2hls

#endif
