// tiny_dcgan_tb.cpp - C++ test bench: golden vectors in, golden vectors out
//
//   tiny_dcgan_tb [FOLDER]     default ../testbench/vectors
//
// It tests tiny_dcgan, TLAST included, or with -DGAN2HLS_TEST_CORE the top tiny_dcgan_core: a tool that simulates what it has
// synthesized wants that top called, and no other.  FOLDER holds z.hex and l3_conv.hex, one beat a line, one or more frames.  Returns 0 when all beats are equal.
#include "tiny_dcgan.hpp"

#include <cstdio>
#include <exception>
#include <string>

#include "lib/bench.hpp"

#ifdef GAN2HLS_TEST_CORE

// The top without TLAST.
struct top {
    hls::stream<ap_uint<8> > in;
    hls::stream<ap_uint<8> > out;

    void push(const ap_uint<8>& data, bool) { in.write(data); }
    void run() { tiny_dcgan_core(in, out); }
    ap_uint<8> pop(bool&) { return out.read(); }
    bool empty() { return in.empty() && out.empty(); }
};

#else

// The top with TLAST.
struct top {
    hls::stream<ap_axiu<8, 0, 0, 0> > s_axis;
    hls::stream<ap_axiu<8, 0, 0, 0> > m_axis;

    void push(const ap_uint<8>& data, bool last) {
        ap_axiu<8, 0, 0, 0> word;
        word.data = data;
        word.keep = -1;
        word.strb = -1;
        word.last = last ? 1 : 0;
        s_axis.write(word);
    }
    void run() { tiny_dcgan(s_axis, m_axis); }
    ap_uint<8> pop(bool& last) {
        const ap_axiu<8, 0, 0, 0> word = m_axis.read();
        last = word.last != 0;
        return word.data;
    }
    bool empty() { return s_axis.empty() && m_axis.empty(); }
};

#endif

static int test(const std::string& folder) {
    const std::vector<ap_uint<8> > stimuli = gan2hls::read_hex<8>(folder + "/z.hex");
    const std::vector<ap_uint<8> > golden = gan2hls::read_hex<8>(folder + "/l3_conv.hex");
    const std::size_t frames = stimuli.size() / TINY_DCGAN_IN_BEATS;
    if (frames == 0 || stimuli.size() != frames * TINY_DCGAN_IN_BEATS || golden.size() != frames * TINY_DCGAN_OUT_BEATS) {
        std::printf("FAILED: %zu input and %zu output beats are not the same whole number of frames\n", stimuli.size(),
            golden.size());
        return 1;
    }
    top device;
    int mismatches = 0;
    for (std::size_t frame = 0; frame < frames; ++frame) {
        for (int beat = 0; beat < TINY_DCGAN_IN_BEATS; ++beat) {
            device.push(stimuli[frame * TINY_DCGAN_IN_BEATS + beat], beat == TINY_DCGAN_IN_BEATS - 1);
        }
        device.run();
        for (int beat = 0; beat < TINY_DCGAN_OUT_BEATS; ++beat) {
            const bool last = beat == TINY_DCGAN_OUT_BEATS - 1;
            bool got_last = last;
            const ap_uint<8> got = device.pop(got_last), expected = golden[frame * TINY_DCGAN_OUT_BEATS + beat];
            if (got == expected && got_last == last) continue;
            if (mismatches++ < 10) {
                std::printf("frame %zu beat %d: expected %s last %d, got %s last %d\n", frame, beat,
                    gan2hls::to_hex<8>(expected).c_str(), int(last), gan2hls::to_hex<8>(got).c_str(),
                    int(got_last));
            }
        }
    }
    if (!device.empty()) {
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
