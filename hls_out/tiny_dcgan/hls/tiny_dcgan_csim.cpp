// tiny_dcgan_csim.cpp - C simulation of each engine alone and of the whole core, on files of int32 codes
//
//   tiny_dcgan_csim [WHAT IN OUT]...     WHAT is a layer's name or `core`
//
// Codes stand in stream order (raster, channels innermost), any number of frames.  A layer includes the width
// converters in front of it, so that whatever is wrong has a layer's name.
// One translation unit: engines are compiled once, for their own runs and for the core's.
#include "tiny_dcgan.cpp"

#include <cstdio>
#include <exception>
#include <string>

#include "lib/bench.hpp"

using gan2hls::format;
using gan2hls::run_frames;

typedef std::vector<int32_t> codes_t;

static codes_t run(const std::string& what, const codes_t& codes) {
    if (what == "l0_dense") {
        typedef format<8, false, 1, 8, 8> from;
        typedef format<8, false, 1, 8, 48> to;
        return run_frames<from, to>(layer_l0_dense::engine, codes);
    }
    if (what == "l1_conv_transpose") {
        typedef format<8, false, 1, 8, 48> from;
        typedef format<8, false, 1, 8, 128> to;
        return run_frames<from, to>(layer_l1_conv_transpose::engine, codes);
    }
    if (what == "l2_conv_transpose") {
        typedef format<8, false, 1, 8, 128> from;
        typedef format<8, false, 2, 16, 192> to;
        return run_frames<from, to>(layer_l2_conv_transpose::engine, codes);
    }
    if (what == "l3_conv") {
        typedef format<8, false, 2, 16, 192> from;
        typedef format<8, true, 1, 8, 64> to;
        return run_frames<from, to>(layer_l3_conv::engine, codes);
    }
    if (what == "core") {
        typedef format<8, false, 1, 8, 8> from;
        typedef format<8, true, 1, 8, 64> to;
        return run_frames<from, to>(tiny_dcgan_core, codes);
    }
    throw std::runtime_error("no such layer");
}

int main(int argc, char** argv) {
    for (int n = 1; n + 2 < argc; n += 3) {
        try {
            gan2hls::write_codes(argv[n + 2], run(argv[n], gan2hls::read_codes(argv[n + 1])));
            if (hls::abandoned_streams() != 0) throw std::runtime_error("words were left in a stream");
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s: %s\n", argv[n], error.what());
            return 1;
        }
    }
    return 0;
}
