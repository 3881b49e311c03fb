// channel_table.hpp - functions of the requantized code that differ from channel to channel, by lookup: exact.
//
//   out = table[word * TABLE_SIZE + index - INDEX_LOW][lane]
//
// with the word of channels.hpp.  A lane's channels are LANES apart; its column holds their tables one after the other.
// One flat loop of REQUANT_BEATS iterations, II = 1, LANES lookups each.
//
// In:  LANES indices of REQUANT_OUT_BITS bits, in the low bits.  Out: LANES codes of OUT_BITS bits, in the low bits.
// Needs from layer L: LANES, REQUANT_BEATS, REQUANT_OUT_BITS, INDEX_SIGNED, INDEX_LOW, OUT_BITS, TABLE_GROUPS, TABLE_PIXELS,
// TABLE_ROWS, TABLE_FOLDS, TABLE_PHASES, TABLE_SIZE and the table `table`; with one fold and one phase TABLE_GROUPS are the
// beats until the same functions come again.
#ifndef GAN2HLS_CHANNEL_TABLE_HPP
#define GAN2HLS_CHANNEL_TABLE_HPP

#include "bits.hpp"
#include "channels.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int WIDTH_IN, int WIDTH_OUT>
void channel_table(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    static_assert(WIDTH_IN >= L::LANES * L::REQUANT_OUT_BITS, "the input stream must carry LANES indices");
    static_assert(WIDTH_OUT >= L::LANES * L::OUT_BITS, "the output stream must carry LANES codes");
    channels<L::TABLE_GROUPS, L::TABLE_PIXELS, L::TABLE_ROWS, L::TABLE_FOLDS, L::TABLE_PHASES> at;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::REQUANT_BEATS>::type beat = 0; beat < L::REQUANT_BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // LANES lookups a clock
#endif
        const ap_uint<WIDTH_IN> indices = in.read();
        uint64_t from[limbs_of(WIDTH_IN)], to[limbs_of(WIDTH_OUT)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
        to_limbs<WIDTH_IN>(indices, from);
        clear<limbs_of(WIDTH_OUT)>(to);
        const int first = at.word() * L::TABLE_SIZE;
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int lane = 0; lane < L::LANES; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // one memory per lane
#endif
            const uint64_t raw = field<L::REQUANT_OUT_BITS>(from, lane * L::REQUANT_OUT_BITS);
            const int index = int(extend<L::REQUANT_OUT_BITS, L::INDEX_SIGNED>(raw));
            put_field<L::OUT_BITS>(to, lane * L::OUT_BITS, L::table(first + index - L::INDEX_LOW, lane));
        }
        ap_uint<WIDTH_OUT> codes = 0;
        from_limbs<WIDTH_OUT>(to, codes);
        out.write(codes);
        at.step();
    }
}

}  // namespace gan2hls

#endif
