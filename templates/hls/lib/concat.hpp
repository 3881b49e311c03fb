// concat.hpp - several streams one behind the other, in runs of fixed length.
//
//   acc = factor_of(n) * (code - zero_point_of(n))            of the input n whose turn it is, exact
//
// A run is beats_of(0) beats of input 0, beats_of(1) of input 1, ...; runs fill the frame.  One flat loop of OUT_BEATS
// iterations, II = 1: each reads one beat of one stream.  Factors are constants: shifts and adders, no DSP block.
//
// In:  streams of LANES codes of bits_of(n) bits, in the low bits.  Out, the last stream: LANES accumulators.
// Needs from layer L: LANES, OUT_BEATS, ACC_BITS, INPUTS, MOST_BEATS, and by input bits_of, signed_of, zero_point_of,
// factor_of and beats_of.
#ifndef GAN2HLS_CONCAT_HPP
#define GAN2HLS_CONCAT_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// Read a beat of input N into LANES accumulators.
template <class L, int N, int WIDTH>
GAN2HLS_INLINE void concat_beat(hls::stream<ap_uint<WIDTH> >& in, uint64_t* to) {
    typedef typename int_of<L::ACC_BITS>::type term_t;
    static_assert(WIDTH >= L::LANES * L::bits_of(N), "an input stream must carry LANES codes");
    const ap_uint<WIDTH> beat = in.read();
    uint64_t from[limbs_of(WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from complete  // wires, not a memory
#endif
    to_limbs<WIDTH>(beat, from);
#ifdef __BAMBU__
#pragma unroll
#endif
    for (int lane = 0; lane < L::LANES; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // one lane each
#endif
        const uint64_t raw = field<L::bits_of(N)>(from, lane * L::bits_of(N));
        const term_t code = term_t(extend<L::bits_of(N), L::signed_of(N) != 0>(raw) - L::zero_point_of(N));
        const term_t term = code * L::factor_of(N);
#ifndef __BAMBU__
#pragma HLS BIND_OP variable=term op=mul impl=fabric  // by a small constant: no DSP block
#endif
        put_field<L::ACC_BITS>(to, lane * L::ACC_BITS, int64_t(term));
    }
}

// Behind the last input: write the accumulators.
template <class L, int N, int WIDTH>
GAN2HLS_INLINE void concat_step(int, uint64_t* to, hls::stream<ap_uint<WIDTH> >& out) {
    static_assert(N == L::INPUTS, "there must be a stream for each input");
    static_assert(WIDTH == whole_bytes(L::LANES * L::ACC_BITS), "the output stream must carry LANES accumulators");
    ap_uint<WIDTH> accs = 0;
    from_limbs<WIDTH>(to, accs);
    out.write(accs);
}

// Read input N if it is its `turn`, else one of the `others`, of which the last is the output.
template <class L, int N, int WIDTH, class... OTHERS>
GAN2HLS_INLINE void concat_step(int turn, uint64_t* to, hls::stream<ap_uint<WIDTH> >& in, OTHERS&... others) {
    if (turn == N) concat_beat<L, N, WIDTH>(in, to);
    concat_step<L, N + 1>(turn, to, others...);
}

// Beats of a run of input `turn`, less 1.
template <class L>
GAN2HLS_INLINE int concat_last(int turn) {
    int last = 0;
#ifdef __BAMBU__
#pragma unroll
#endif
    for (int n = 0; n < L::INPUTS; ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // a choice of constants
#endif
        if (turn == n) last = L::beats_of(n) - 1;
    }
    return last;
}

template <class L, class... STREAMS>
void concat(STREAMS&... streams) {
    enum { LIMBS = limbs_of(whole_bytes(L::LANES * L::ACC_BITS)) };
    typename upto<L::INPUTS - 1>::type turn = 0;
    typename upto<L::MOST_BEATS>::type at = 0;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::OUT_BEATS>::type beat = 0; beat < L::OUT_BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // a beat of one input a clock
#endif
        uint64_t to[LIMBS];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
        clear<LIMBS>(to);
        concat_step<L, 0>(int(turn), to, streams...);
        const bool over = int(at) == concat_last<L>(int(turn));
        at = over ? 0 : int(at) + 1;
        turn = !over ? int(turn) : int(turn) == L::INPUTS - 1 ? 0 : int(turn) + 1;
    }
}

}  // namespace gan2hls

#endif
