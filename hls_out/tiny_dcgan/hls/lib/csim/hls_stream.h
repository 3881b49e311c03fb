// hls_stream.h - the stream of C simulation.
//
// A first-in first-out queue with the part of the vendor's interface that the engines use.  Only g++ sees it: HLS
// compilers bring their own header, and this folder is on no include path of theirs.
//
// Processes of a DATAFLOW region run one after the other here, so a queue grows as long as its writer likes.  Reading
// an empty queue is an error (in hardware it would block for ever); a queue that dies with words in it is counted.
#ifndef GAN2HLS_CSIM_HLS_STREAM_H
#define GAN2HLS_CSIM_HLS_STREAM_H

#include <cstddef>
#include <stdexcept>
#include <vector>

namespace hls {

// How many streams were destroyed with unread words: 0 when every trip count is exact.
inline int& abandoned_streams() {
    static int count = 0;
    return count;
}

template <class T>
class stream {
  public:
    stream() : head_(0) {}
    ~stream() {
        if (!empty()) ++abandoned_streams();
    }
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    T read() {
        if (empty()) throw std::runtime_error("read from an empty hls::stream");
        const T word = words_[head_++];
        if (head_ == words_.size()) clear();
        return word;
    }

    void write(const T& word) { words_.push_back(word); }

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
