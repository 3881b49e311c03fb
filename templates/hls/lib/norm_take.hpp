// norm_take.hpp - the first half of a normalization: sums and roots (norm_sets.hpp).
//
// Beats go on to where the map waits, on chip in the stream that leads to norm_give.hpp.  When the sums of the sets of a slot are complete, in the last pixel of a map, they
// leave as a word of statistics, beside the last beat of that slot.  One flat loop of OUT_BEATS iterations, II = 1.
//
// In and map: LANES codes of IN_BITS bits, in the low bits.
// Statistics: for each of SETS sets | root | shift | sum |, 17, SHIFT_BITS and SUM_BITS bits, from the low bits on; SLOTS
// words for each map.
// Needs from layer L: OUT_BEATS and what norm_sets.hpp needs.
#ifndef GAN2HLS_NORM_TAKE_HPP
#define GAN2HLS_NORM_TAKE_HPP

#include "bits.hpp"
#include "norm_sets.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int WIDTH_IN, int WIDTH_SETS>
void norm_take(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_IN> >& map,
    hls::stream<ap_uint<WIDTH_SETS> >& statistics, int turn = 0) {
    typedef norm_types<L> types;
    static_assert(WIDTH_IN >= L::LANES * L::IN_BITS, "the streams must carry LANES codes");
    static_assert(WIDTH_SETS >= L::SETS * types::SET_BITS, "a word must hold the statistics of SETS sets");
    typename types::total_t running[L::SETS], sums[L::SETS][L::SLOTS];
    typename types::power_t running_power[L::SETS], powers[L::SETS][L::SLOTS];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=running complete  // registers: the slot that is at work
#pragma HLS ARRAY_PARTITION variable=running_power complete  // registers: the slot that is at work
#pragma HLS ARRAY_PARTITION variable=sums dim=1 complete  // a memory for each set
#pragma HLS ARRAY_PARTITION variable=powers dim=1 complete  // a memory for each set
#endif
    norm_walk<L> enters;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::OUT_BEATS>::type beat = 0; beat < L::OUT_BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // a beat a clock
#endif
        uint64_t from[limbs_of(WIDTH_IN)], to[limbs_of(WIDTH_SETS)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
        const ap_uint<WIDTH_IN> codes = in.read();
        map.write(codes);
        to_limbs<WIDTH_IN>(codes, from);
        clear<limbs_of(WIDTH_SETS)>(to);
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int set = 0; set < L::SETS; ++set) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // sets of a beat have sums of their own
#endif
            norm_add<L>(from, set, enters, running[set], running_power[set], sums[set], powers[set]);
            const norm_root made = root_of<L>(int64_t(running[set]), int64_t(running_power[set]), turn);
            put_field<L::SUM_BITS>(to, set * types::SET_BITS, int64_t(running[set]));
            put_field<L::SHIFT_BITS>(to, set * types::SET_BITS + L::SUM_BITS, made.shift);
            put_field<types::ROOT_BITS>(to, set * types::SET_BITS + L::SUM_BITS + L::SHIFT_BITS, made.root);
        }
        if (enters.beat.last && enters.pixel.last) {
            ap_uint<WIDTH_SETS> word = 0;
            from_limbs<WIDTH_SETS>(to, word);
            statistics.write(word);
        }
        enters.step();
    }
}

}  // namespace gan2hls

#endif
