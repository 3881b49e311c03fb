// image.hpp - what test benches share of designs with external memory: regions of the image, and rings.  Never synthesized.
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

// The memory of a ring, between words that nobody may write.
template <int WIDTH>
class ring_area {
  public:
    ring_area(const char* name, std::size_t words) : name_(name), words_(words + 2 * BESIDE) { forget(); }

    // The first place.
    ap_uint<WIDTH>* data() { return words_.data() + BESIDE; }

    // Put a pattern everywhere: a frame must not find what another one has left, so what it has not written is wrong.
    void forget() {
        for (std::size_t n = 0; n < words_.size(); ++n) words_[n] = pattern(n);
    }

    // Whether the words beside it are as they were.
    void check() const {
        for (std::size_t n = 0; n < BESIDE; ++n) {
            const std::size_t last = words_.size() - 1 - n;
            if (words_[n] != pattern(n) || words_[last] != pattern(last)) {
                throw std::runtime_error(name_ + " was left: a word beside it was written");
            }
        }
    }

  private:
    static const std::size_t BESIDE = 1024;

    std::string name_;
    std::vector<ap_uint<WIDTH> > words_;

    static ap_uint<WIDTH> pattern(std::size_t place) {
        ap_uint<WIDTH> word = 0;
        for (int n = 0; n < WIDTH / 8; ++n) word.range(8 * n + 7, 8 * n) = ap_uint<8>(0x5a + 37 * int(place % 251) + 11 * n);
        return word;
    }
};

}  // namespace gan2hls

#endif
