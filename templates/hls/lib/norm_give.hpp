// norm_give.hpp - the second half of a normalization: its lanes (norm_sets.hpp).
//
// Beats of the map come when it has waited.  With the first one of a slot, in the first pixel of a map, comes the word of statistics of
// its sets, which is kept for the other pixels.  One flat loop of OUT_BEATS iterations, II = 1.
//
// Held: LANES codes of IN_BITS bits, in the low bits.  Statistics: see norm_take.hpp.  Out: LANES accumulators of ACC_BITS bits.
// Needs from layer L: OUT_BEATS, ACC_BITS and what norm_sets.hpp needs.
#ifndef GAN2HLS_NORM_GIVE_HPP
#define GAN2HLS_NORM_GIVE_HPP

#include "bits.hpp"
#include "norm_sets.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int WIDTH_IN, int WIDTH_SETS, int WIDTH_OUT>
void norm_give(hls::stream<ap_uint<WIDTH_IN> >& held, hls::stream<ap_uint<WIDTH_SETS> >& statistics,
    hls::stream<ap_uint<WIDTH_OUT> >& out) {
    typedef norm_types<L> types;
    static_assert(WIDTH_IN >= L::LANES * L::IN_BITS, "the stream must carry LANES codes");
    static_assert(WIDTH_OUT >= L::LANES * L::ACC_BITS, "the output stream must carry LANES accumulators");
    ap_uint<memory_bits(L::SETS * types::SET_BITS)> kept[L::SLOTS], current = 0;
    norm_walk<L> leaves;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::OUT_BEATS>::type beat = 0; beat < L::OUT_BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // a beat a clock
#endif
        uint64_t from[limbs_of(WIDTH_IN)], of[limbs_of(memory_bits(L::SETS * types::SET_BITS))], to[limbs_of(WIDTH_OUT)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=of complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
        const ap_uint<WIDTH_IN> codes = held.read();
        if (bool(leaves.beat.at == 0) && bool(leaves.pixel.at == 0)) {
            current = ap_uint<memory_bits(L::SETS * types::SET_BITS)>(statistics.read());
            kept[leaves.slot.at] = current;
        } else if (L::SLOTS > 1 && bool(leaves.beat.at == 0)) {
            current = kept[leaves.slot.at];
        }
        to_limbs<WIDTH_IN>(codes, from);
        to_limbs<memory_bits(L::SETS * types::SET_BITS)>(current, of);
        clear<limbs_of(WIDTH_OUT)>(to);
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int lane = 0; lane < L::LANES; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // a multiplier for each lane
#endif
            const int set = lane / types::IN_SET * types::SET_BITS;
            const int64_t sum = extend<L::SUM_BITS, true>(field<L::SUM_BITS>(of, set));
            const int shift = int(field<L::SHIFT_BITS>(of, set + L::SUM_BITS));
            const int64_t root = int64_t(field<types::ROOT_BITS>(of, set + L::SUM_BITS + L::SHIFT_BITS));
            const int64_t acc = norm_lane<L>(field<L::IN_BITS>(from, lane * L::IN_BITS), sum, shift, root);
            put_field<L::ACC_BITS>(to, lane * L::ACC_BITS, acc);
        }
        ap_uint<WIDTH_OUT> accs = 0;
        from_limbs<WIDTH_OUT>(to, accs);
        out.write(accs);
        leaves.step();
    }
}

}  // namespace gan2hls

#endif
