// join_parts.hpp - the words of weights of which several decoders have a part each.
//
// One flat loop of WORDS iterations, II = 1: each reads one word of every stream.
//
// In:  PARTS streams of PART bits, in the low bits.  Out, the last stream: words of PARTS * PART bits, the part of the first
// stream least significant.
#ifndef GAN2HLS_JOIN_PARTS_HPP
#define GAN2HLS_JOIN_PARTS_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// Behind the last part: write the word.
template <int N, int PARTS, int PART, int WIDTH>
GAN2HLS_INLINE void join_step(ap_uint<whole_bytes(PARTS * PART)>& word, hls::stream<ap_uint<WIDTH> >& out) {
    static_assert(N == PARTS, "there must be a stream for each part");
    static_assert(WIDTH == whole_bytes(PARTS * PART), "the output stream must carry all parts");
    out.write(word);
}

// Read part N, then what is next.  That has a name of its own, since clang tells no overload from one with an empty pack.
template <int N, int PARTS, int PART, int WIDTH, class NEXT, class... OTHERS>
GAN2HLS_INLINE void join_step(
    ap_uint<whole_bytes(PARTS * PART)>& word, hls::stream<ap_uint<WIDTH> >& in, NEXT& next, OTHERS&... others) {
    static_assert(WIDTH >= PART, "an input stream must carry a part");
    word.range((N + 1) * PART - 1, N * PART) = ap_uint<PART>(in.read());
    join_step<N + 1, PARTS, PART>(word, next, others...);
}

template <int PARTS, int PART, int WORDS, class... STREAMS>
void join_parts(STREAMS&... streams) {
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<WORDS>::type cycle = 0; cycle < WORDS; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // a word of weights a clock
#endif
        ap_uint<whole_bytes(PARTS * PART)> word = 0;
        join_step<0, PARTS, PART>(word, streams...);
    }
}

}  // namespace gan2hls

#endif
