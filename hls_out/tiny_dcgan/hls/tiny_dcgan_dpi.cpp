// tiny_dcgan_dpi.cpp - the core behind DPI-C, for a SystemVerilog AXI4-Stream shell
//
// A beat travels as 32-bit words, least significant first: 1 in, 1 out.  Push beats as they arrive; whenever a
// frame of 8 is there, run makes 64 output beats of it, which pop hands out in order.
#include "tiny_dcgan.hpp"

namespace {

struct state {
    hls::stream<ap_uint<8> > in;
    hls::stream<ap_uint<8> > out;
};

state& core() {
    static state instance;
    return instance;
}

}  // namespace

extern "C" void tiny_dcgan_dpi_reset() {
    core().in.clear();
    core().out.clear();
}

extern "C" void tiny_dcgan_dpi_push(const unsigned* words) {
    ap_uint<8> beat = 0;
    beat.range(7, 0) = ap_uint<32>(words[0]);
    core().in.write(beat);
}

// Run the core on one frame if a whole one is queued; return how many output beats are there to pop.
extern "C" int tiny_dcgan_dpi_run() {
    if (core().in.size() >= 8) tiny_dcgan_core(core().in, core().out);
    return int(core().out.size());
}

extern "C" void tiny_dcgan_dpi_pop(unsigned* words) {
    const ap_uint<8> beat = core().out.read();
    words[0] = unsigned(beat.range(7, 0).to_uint64());
}
