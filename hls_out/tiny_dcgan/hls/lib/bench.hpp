// bench.hpp - what test benches share: beats from hex files and from element codes.  Never synthesized.
#ifndef GAN2HLS_BENCH_HPP
#define GAN2HLS_BENCH_HPP

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// Read one beat per line, most significant digit first; `//` starts a comment.
template <int WIDTH>
std::vector<ap_uint<WIDTH> > read_hex(const std::string& path) {
    std::ifstream file(path.c_str());
    if (!file) throw std::runtime_error("cannot read " + path);
    std::vector<ap_uint<WIDTH> > beats;
    std::string line;
    while (std::getline(file, line)) {
        line = line.substr(0, line.find("//"));
        ap_uint<WIDTH> beat = 0;
        int digits = 0;
        for (std::size_t n = 0; n < line.size(); ++n) {
            const std::size_t digit = std::string("0123456789abcdef").find(char(line[n] | 0x20));
            if (digit == std::string::npos) continue;
            beat = ap_uint<WIDTH>((beat << (WIDTH > 4 ? 4 : 0)) | ap_uint<WIDTH>(unsigned(digit)));
            ++digits;
        }
        if (digits) beats.push_back(beat);
    }
    return beats;
}

// Print a beat as hex, most significant digit first.
template <int WIDTH>
std::string to_hex(const ap_uint<WIDTH>& beat) {
    std::string text;
    for (int low = (WIDTH - 1) / 4 * 4; low >= 0; low -= 4) {
        const int high = low + 3 < WIDTH ? low + 3 : WIDTH - 1;
        text += "0123456789abcdef"[beat.range(high, low).to_uint64()];
    }
    return text;
}

// Read a file of native-endian int32 codes.
inline std::vector<int32_t> read_codes(const std::string& path) {
    std::ifstream file(path.c_str(), std::ios::binary | std::ios::ate);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::vector<int32_t> codes(std::size_t(file.tellg()) / sizeof(int32_t));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(codes.data()), std::streamsize(codes.size() * sizeof(int32_t)));
    if (!file) throw std::runtime_error("cannot read " + path);
    return codes;
}

inline void write_codes(const std::string& path, const std::vector<int32_t>& codes) {
    std::ofstream file(path.c_str(), std::ios::binary);
    file.write(reinterpret_cast<const char*>(codes.data()), std::streamsize(codes.size() * sizeof(int32_t)));
    file.close();
    if (!file) throw std::runtime_error("cannot write " + path);
}

// How a stream carries elements: LANES of BITS bits a beat, from the least significant bit up, BEATS beats a frame.
template <int BITS, bool SIGNED, int LANES, int WIDTH, int BEATS>
struct format {
    static const int width = WIDTH;
    static const std::size_t frame = std::size_t(LANES) * BEATS;

    static void push(hls::stream<ap_uint<WIDTH> >& stream, const int32_t* codes) {
        for (int beat = 0; beat < BEATS; ++beat) {
            uint64_t limbs[limbs_of(WIDTH)] = {0};
            for (int lane = 0; lane < LANES; ++lane) put_field<BITS>(limbs, lane * BITS, *codes++);
            ap_uint<WIDTH> word = 0;
            from_limbs<WIDTH>(limbs, word);
            stream.write(word);
        }
    }

    static void pop(hls::stream<ap_uint<WIDTH> >& stream, std::vector<int32_t>& codes) {
        for (int beat = 0; beat < BEATS; ++beat) {
            const ap_uint<WIDTH> word = stream.read();
            uint64_t limbs[limbs_of(WIDTH)];
            to_limbs<WIDTH>(word, limbs);
            for (int lane = 0; lane < LANES; ++lane) {
                codes.push_back(int32_t(extend<BITS, SIGNED>(field<BITS>(limbs, lane * BITS))));
            }
            if (WIDTH > LANES * BITS && word.range(WIDTH - 1, WIDTH > LANES * BITS ? LANES * BITS : 0) != 0) {
                throw std::runtime_error("the padding of a beat is not zero");
            }
        }
    }
};

// A stream and the codes of all frames that pass through it, from a file or to one.
template <int BITS, bool SIGNED, int LANES, int WIDTH, int BEATS>
struct stream_codes {
    typedef format<BITS, SIGNED, LANES, WIDTH, BEATS> layout;

    hls::stream<ap_uint<WIDTH> > beats;
    std::vector<int32_t> codes;

    void read(const std::string& path) {
        codes = read_codes(path);
        if (codes.size() % layout::frame != 0) throw std::runtime_error("the input is not a whole number of frames");
    }
    void write(const std::string& path) const { write_codes(path, codes); }

    std::size_t frames() const { return codes.size() / layout::frame; }
    void push(std::size_t frame) {
        if (frame >= frames()) throw std::runtime_error("the inputs have different numbers of frames");
        layout::push(beats, codes.data() + frame * layout::frame);
    }
    void pop() { layout::pop(beats, codes); }
    void check_empty() const {
        if (!beats.empty()) throw std::runtime_error("a frame has more beats than were taken");
    }
};

}  // namespace gan2hls

#endif
