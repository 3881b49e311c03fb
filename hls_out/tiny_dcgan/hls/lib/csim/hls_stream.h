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
#include <new>
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

// Blocks of memory for words, used over and over: a stream that holds a whole map would ask the system for every page.
template <std::size_t BYTES>
class blocks {
  public:
    static void* take() {
        std::vector<void*>& spare = all().spare;
        if (spare.empty()) return ::operator new(BYTES);
        void* const one = spare.back();
        spare.pop_back();
        return one;
    }

    static void give(void* one) { all().spare.push_back(one); }

  private:
    std::vector<void*> spare;

    static blocks& all() {
        static blocks* const one = new blocks;  // never destroyed: static streams may be, later
        return *one;
    }
};

template <class T>
class stream : public fifo {
  public:
    stream() : first_(0), last_(0), head_(0), tail_(0), size_(0) {}
    ~stream() {
        if (!empty()) ++abandoned_streams();
        clear();
        if (first_ != 0) memory::give(first_);
    }
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    T read() {
        while (empty()) wait_for_word();
        const T word = first_->words()[head_];
        drop();
        moved();
        return word;
    }

    void write(const T& word) {
        while (depth != 0 && size_ == depth) wait_for_room();
        if (last_ == 0 || tail_ == WORDS) {
            block* const next = new (memory::take()) block;
            (last_ == 0 ? first_ : last_->next) = next;
            last_ = next;
            tail_ = 0;
        }
        new (last_->words() + tail_) T(word);
        ++tail_;
        ++size_;
        moved();
    }

    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }

    void clear() {
        while (!empty()) drop();
    }

  private:
    // Its words stand behind it.
    struct block {
        block* next;

        block() : next(0) {}
        T* words() { return reinterpret_cast<T*>(reinterpret_cast<char*>(this) + HEAD); }
    };

    static const std::size_t HEAD = sizeof(block) > alignof(T) ? sizeof(block) : alignof(T);
    static const std::size_t FEW = 16384;  // bytes of most blocks
    static const std::size_t WORDS = HEAD + sizeof(T) > FEW ? 1 : (FEW - HEAD) / sizeof(T);
    typedef blocks<(WORDS == 1 ? HEAD + sizeof(T) : FEW)> memory;

    block *first_, *last_;
    std::size_t head_, tail_;  // the first word in the first block, and the place behind the last one in the last block
    std::size_t size_;

    // Forget the first word.  A block stays: the last one, which is filled from its start again once it is empty.
    void drop() {
        (first_->words() + head_)->~T();
        ++head_;
        --size_;
        if (size_ == 0) {
            head_ = tail_ = 0;
        } else if (head_ == WORDS) {
            block* const next = first_->next;
            memory::give(first_);
            first_ = next;
            head_ = 0;
        }
    }
};

}  // namespace hls

#endif
