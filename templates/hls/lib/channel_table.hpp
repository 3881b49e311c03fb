// channel_table.hpp - functions of the requantized code that differ from channel to channel, by lookup: exact.
//
//   out = table[(phase * TABLE_GROUPS + group) * TABLE_SIZE + index - INDEX_LOW][lane]
//
// with group = beat modulo TABLE_GROUPS and phase = output row modulo TABLE_PHASES.  A lane's channels are LANES apart;
// its column holds their tables one after the other.
// One flat loop of OUT_BEATS iterations, II = 1, LANES lookups each.
//
// In:  LANES indices of REQUANT_OUT_BITS bits, in the low bits.  Out: LANES codes of OUT_BITS bits, in the low bits.
// Needs from layer L: LANES, OUT_BEATS, OUT_COLUMNS, REQUANT_OUT_BITS, INDEX_SIGNED, INDEX_LOW, OUT_BITS, TABLE_GROUPS,
// TABLE_PHASES, TABLE_SIZE and the table `table`; with several phases, TABLE_GROUPS are the beats of a pixel.
#ifndef GAN2HLS_CHANNEL_TABLE_HPP
#define GAN2HLS_CHANNEL_TABLE_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int WIDTH_IN, int WIDTH_OUT>
void channel_table(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    static_assert(WIDTH_IN >= L::LANES * L::REQUANT_OUT_BITS, "the input stream must carry LANES indices");
    static_assert(WIDTH_OUT >= L::LANES * L::OUT_BITS, "the output stream must carry LANES codes");
    counter<L::TABLE_GROUPS> group;
    counter<L::OUT_COLUMNS> column;
    counter<L::TABLE_PHASES> phase;
    typedef typename upto<L::TABLE_PHASES * L::TABLE_GROUPS>::type table_t;
    table_t of_phase = 0;  // first table of the row's phase
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::OUT_BEATS>::type beat = 0; beat < L::OUT_BEATS; ++beat) {
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
        const int first = (int(of_phase) + int(group.at)) * L::TABLE_SIZE;
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
        if (L::TABLE_PHASES > 1 && group.last) {
            if (column.last) {
                of_phase = phase.last ? table_t(0) : table_t(of_phase + L::TABLE_GROUPS);
                phase.step();
            }
            column.step();
        }
        group.step();
    }
}

}  // namespace gan2hls

#endif
