// Runs huffman.hpp and expand.hpp of every case of cases.inc over PASSES passes: chunks of a file, symbols into another;
// and the same with wrong bits in one of the passes.
#include <fstream>
#include <string>

#include "cases.h"

static const int PASSES = 3;

// The sizes of a layer, but for its passes.
template <class CONFIG>
struct repeated : CONFIG {
    static const int BANDS = PASSES;
};

template <class CONFIG, int PHRASES, int CHUNKS, int CYCLES, int PHRASE_WIDTH, int SYMBOL_WIDTH>
void run(const std::string& path) {
    std::ifstream given((path + ".chunks").c_str());
    std::ofstream symbols((path + ".cpp.txt").c_str());
    hls::stream<ap_uint<16> > in;
    hls::stream<ap_uint<PHRASE_WIDTH> > phrases;
    hls::stream<ap_uint<SYMBOL_WIDTH> > out;
    unsigned chunk;
    for (given >> std::hex; given >> chunk;) in.write(chunk);
    gan2hls::huffman<repeated<CONFIG>, PHRASES, CHUNKS, CYCLES>(in, phrases);
    gan2hls::expand<repeated<CONFIG>, PHRASES>(phrases, out);
    if (!in.empty() || !phrases.empty()) symbols << "something is left\n";
    while (!out.empty()) symbols << out.read().to_uint64() << "\n";
}

int main() {
#define CASE(CONFIG, NAME, ...)        \
    run<CONFIG, __VA_ARGS__>(NAME); \
    run<CONFIG, __VA_ARGS__>(NAME ".wrong");
#include "cases.inc"
#undef CASE
    return 0;
}
