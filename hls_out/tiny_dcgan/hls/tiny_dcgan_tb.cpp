// tiny_dcgan_tb.cpp - C++ test bench: golden vectors in, golden vectors out
//
//   tiny_dcgan_tb [FOLDER]     default ../testbench/vectors
//
// FOLDER holds z.hex and l3_conv.hex, one beat a line, one or more frames.  Returns 0 when all beats are equal.
#include "tiny_dcgan.hpp"

#include <cstdio>
#include <exception>
#include <string>

#include "lib/bench.hpp"

static int test(const std::string& folder) {
    const std::vector<ap_uint<8> > stimuli = gan2hls::read_hex<8>(folder + "/z.hex");
    const std::vector<ap_uint<8> > golden = gan2hls::read_hex<8>(folder + "/l3_conv.hex");
    const std::size_t frames = stimuli.size() / TINY_DCGAN_IN_BEATS;
    if (frames == 0 || stimuli.size() != frames * TINY_DCGAN_IN_BEATS || golden.size() != frames * TINY_DCGAN_OUT_BEATS) {
        std::printf("FAILED: %zu input and %zu output beats are not the same whole number of frames\n", stimuli.size(),
            golden.size());
        return 1;
    }
    hls::stream<ap_axiu<8, 0, 0, 0> > s_axis;
    hls::stream<ap_axiu<8, 0, 0, 0> > m_axis;
    int mismatches = 0;
    for (std::size_t frame = 0; frame < frames; ++frame) {
        for (int beat = 0; beat < TINY_DCGAN_IN_BEATS; ++beat) {
            ap_axiu<8, 0, 0, 0> word;
            word.data = stimuli[frame * TINY_DCGAN_IN_BEATS + beat];
            word.keep = -1;
            word.strb = -1;
            word.last = beat == TINY_DCGAN_IN_BEATS - 1 ? 1 : 0;
            s_axis.write(word);
        }
        tiny_dcgan(s_axis, m_axis);
        for (int beat = 0; beat < TINY_DCGAN_OUT_BEATS; ++beat) {
            const ap_axiu<8, 0, 0, 0> word = m_axis.read();
            const ap_uint<8> got = word.data, expected = golden[frame * TINY_DCGAN_OUT_BEATS + beat];
            const bool last = beat == TINY_DCGAN_OUT_BEATS - 1;
            if (got == expected && (word.last != 0) == last) continue;
            if (mismatches++ < 10) {
                std::printf("frame %zu beat %d: expected %s last %d, got %s last %d\n", frame, beat,
                    gan2hls::to_hex<8>(expected).c_str(), int(last), gan2hls::to_hex<8>(got).c_str(),
                    int(word.last));
            }
        }
    }
    if (!s_axis.empty() || !m_axis.empty()) {
        std::printf("FAILED: beats are left over\n");
        return 1;
    }
    std::printf("%s: %zu frames, %zu beats, %d mismatches\n", mismatches ? "FAILED" : "PASSED", frames, golden.size(),
        mismatches);
    return mismatches ? 1 : 0;
}

int main(int argc, char** argv) {
    try {
        return test(argc > 1 ? argv[1] : "../testbench/vectors");
    } catch (const std::exception& error) {
        std::printf("FAILED: %s\n", error.what());
        return 1;
    }
}
