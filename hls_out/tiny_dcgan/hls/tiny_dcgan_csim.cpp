// tiny_dcgan_csim.cpp - C simulation of each engine alone and of the whole core, on files of int32 codes
//
//   tiny_dcgan_csim [WHAT IN... OUT...]...     WHAT is a layer's name, `core` or `core_long`, then a file for each stream
//
// Codes stand in stream order (raster, channels innermost), any number of frames.  A layer includes the width
// converters in front of it, so that whatever is wrong has a layer's name.
// One translation unit: engines are compiled once, for their own runs and for the core's.
#include "tiny_dcgan.cpp"

#include <cstdio>
#include <exception>
#include <string>

#include "lib/bench.hpp"

// Where streams are bounded (hls_dataflow.h), make them as long as in hardware, or longer, which is faster.  Codes have no
// say in which words move: a frame of the core tells whether depths are enough, and in others (`core_long`), as in layers
// alone, results are looked at.
static void bound_streams(bool exactly) {
#ifdef GAN2HLS_BOUNDED
    hls::fifo::least() = exactly ? 1 : 1024;
#else
    (void)exactly;
#endif
}

static void run_layer_l0_dense(char** paths) {
    gan2hls::stream_codes<8, false, 1, 8, 8> in;
    gan2hls::stream_codes<8, false, 1, 8, 48> out;
    in.read(*paths++);
    for (std::size_t frame = 0; frame < in.frames(); ++frame) {
        in.push(frame);
        layer_l0_dense::engine(in.beats, out.beats);
        out.pop();
        in.check_empty();
        out.check_empty();
    }
    out.write(*paths++);
}

static void run_layer_l1_conv_transpose(char** paths) {
    gan2hls::stream_codes<8, false, 1, 8, 48> in;
    gan2hls::stream_codes<8, false, 1, 8, 128> out;
    in.read(*paths++);
    for (std::size_t frame = 0; frame < in.frames(); ++frame) {
        in.push(frame);
        layer_l1_conv_transpose::engine(in.beats, out.beats);
        out.pop();
        in.check_empty();
        out.check_empty();
    }
    out.write(*paths++);
}

static void run_layer_l2_conv_transpose(char** paths) {
    gan2hls::stream_codes<8, false, 1, 8, 128> in;
    gan2hls::stream_codes<8, false, 2, 16, 192> out;
    in.read(*paths++);
    for (std::size_t frame = 0; frame < in.frames(); ++frame) {
        in.push(frame);
        layer_l2_conv_transpose::engine(in.beats, out.beats);
        out.pop();
        in.check_empty();
        out.check_empty();
    }
    out.write(*paths++);
}

static void run_layer_l3_conv(char** paths) {
    gan2hls::stream_codes<8, false, 2, 16, 192> in;
    gan2hls::stream_codes<8, true, 1, 8, 64> out;
    in.read(*paths++);
    for (std::size_t frame = 0; frame < in.frames(); ++frame) {
        in.push(frame);
        layer_l3_conv::engine(in.beats, out.beats);
        out.pop();
        in.check_empty();
        out.check_empty();
    }
    out.write(*paths++);
}

static void run_core(char** paths) {
    gan2hls::stream_codes<8, false, 1, 8, 8> in;
    gan2hls::stream_codes<8, true, 1, 8, 64> out;
    in.read(*paths++);
    for (std::size_t frame = 0; frame < in.frames(); ++frame) {
        in.push(frame);
        tiny_dcgan_core(in.beats, out.beats);
        out.pop();
        in.check_empty();
        out.check_empty();
    }
    out.write(*paths++);
}

struct task {
    const char* what;
    int files;
    bool exactly;  // on streams as long as in hardware
    void (*run)(char** paths);
};

static const task TASKS[] = {
    {"l0_dense", 2, false, run_layer_l0_dense},
    {"l1_conv_transpose", 2, false, run_layer_l1_conv_transpose},
    {"l2_conv_transpose", 2, false, run_layer_l2_conv_transpose},
    {"l3_conv", 2, false, run_layer_l3_conv},
    {"core", 2, true, run_core},
    {"core_long", 2, false, run_core},
};

int main(int argc, char** argv) {
    for (int n = 1; n < argc;) {
        try {
            const task* chosen = 0;
            for (const task& one : TASKS) {
                if (argv[n] == std::string(one.what)) chosen = &one;
            }
            if (chosen == 0) throw std::runtime_error("no such layer");
            if (n + chosen->files >= argc) throw std::runtime_error("a file for each stream is needed");
            bound_streams(chosen->exactly);
            chosen->run(argv + n + 1);
            if (hls::abandoned_streams() != 0) throw std::runtime_error("words were left in a stream");
            n += 1 + chosen->files;
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s: %s\n", argv[n], error.what());
            return 1;
        }
    }
    return 0;
}
