// hls_stream.h - the stream of C simulation.
//
// A first-in first-out queue with the part of the vendor's interface that the engines use.  Only g++ sees it: HLS
// compilers bring their own header, and this folder is on no include path of theirs.
//
// Processes of a DATAFLOW region run one after the other here, so a queue grows as long as its writer likes.  Reading
// an empty queue is an error (in hardware it would block for ever); a queue that dies with words in it is counted.
// With -DGAN2HLS_BOUNDED they run side by side, and queues are as long as in hardware: see hls_dataflow.h.
#ifndef GAN2HLS_CSIM_HLS_STREAM_H
#define GAN2HLS_CSIM_HLS_STREAM_H

#include <cstddef>
#include <stdexcept>
#include <vector>

// Beside it stand the open ap_types headers: see limb() in bits.hpp.
#define GAN2HLS_OPEN_AP_TYPES 1

#ifdef GAN2HLS_BOUNDED
#include "hls_dataflow.h"
#else
namespace hls {

// A queue of any length.
class fifo {
  protected:
    static const std::size_t depth = 0;

    void wait_for_word() { throw std::runtime_error("read from an empty hls::stream"); }
    void wait_for_room() {}
    void moved() {}
};

}  // namespace hls
#endif

namespace hls {

// How many streams were destroyed with unread words: 0 when every trip count is exact.
inline int& abandoned_streams() {
    static int count = 0;
    return count;
}

template <class T>
class stream : public fifo {
  public:
    stream() : head_(0) {}
    ~stream() {
        if (!empty()) ++abandoned_streams();
    }
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    T read() {
        while (empty()) wait_for_word();
        const T word = words_[head_++];
        if (head_ == words_.size()) clear();
        moved();
        return word;
    }

    void write(const T& word) {
        while (depth != 0 && size() == depth) wait_for_room();
        if (words_.size() == words_.capacity() && 2 * head_ > words_.size()) {
            words_.erase(words_.begin(), words_.begin() + std::ptrdiff_t(head_));
            head_ = 0;
        }
        words_.push_back(word);
        moved();
    }

    bool empty() const { return head_ == words_.size(); }
    std::size_t size() const { return words_.size() - head_; }

    void clear() {
        words_.clear();
        head_ = 0;
    }

  private:
    std::vector<T> words_;
    std::size_t head_;  // words before it have been read
};

}  // namespace hls

#endif
