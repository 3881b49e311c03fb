// image.hpp - what test benches share of designs with weights in external memory: its regions.  Never synthesized.
#ifndef GAN2HLS_IMAGE_HPP
#define GAN2HLS_IMAGE_HPP

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "types.hpp"

namespace gan2hls {

// Read the region of `beats` words of WIDTH bits, least byte first, that begins at byte `offset` of an image.
template <int WIDTH>
std::vector<ap_uint<WIDTH> > read_region(const std::string& path, std::streamoff offset, int beats) {
    static_assert(WIDTH % 8 == 0, "the memory port must be whole bytes wide");
    std::ifstream file(path.c_str(), std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::vector<char> bytes(std::size_t(beats) * (WIDTH / 8));
    file.seekg(offset);
    file.read(bytes.data(), std::streamsize(bytes.size()));
    if (!file) throw std::runtime_error(path + " is too short");
    std::vector<ap_uint<WIDTH> > words;
    for (std::size_t at = 0; at < bytes.size(); at += WIDTH / 8) {
        ap_uint<WIDTH> word = 0;
        for (int n = 0; n < WIDTH / 8; ++n) {
            word.range(8 * n + 7, 8 * n) = ap_uint<8>(static_cast<unsigned char>(bytes[at + std::size_t(n)]));
        }
        words.push_back(word);
    }
    return words;
}

}  // namespace gan2hls

#endif
