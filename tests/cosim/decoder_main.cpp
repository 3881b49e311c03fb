// Runs the clock of the decoder benches until all of them are done.
#include <cstdio>

#include "Vtop.h"
#include "verilated.h"

int main() {
    Vtop top;
    top.rst_ni = 0;
    for (long clock = 0; clock < 1000000; ++clock) {
        top.clk_i = 0;
        top.eval();
        if (clock > 4 && top.done_o) return 0;
        top.clk_i = 1;
        if (clock > 3) top.rst_ni = 1;
        top.eval();
    }
    std::printf("a decoder hangs\n");
    return 1;
}
