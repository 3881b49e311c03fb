// rearrange.hpp - holds a map until all of it is there, then gives it in another order, some of its elements as zeros.
//
//   acc = code - IN_ZERO_POINT of word rows[y] + columns[x] + words[n] of the map, for each of PLACE_ROWS rows y, of
//         PLACE_COLUMNS columns x and of PLACE_WORDS words n; 0 where bit PLACE_BITS of one of the three entries is set
//
// One flat loop of REARRANGE_CYCLES iterations, II = 1: a word of the map comes in each of the first IN_BEATS; from
// iteration FIRST_READ on one leaves.
//
// Invariant: a word is read 8 or more iterations after it was written.
//
// In:  LANES codes of IN_BITS bits, in the low bits.  Out: LANES accumulators of ACC_BITS bits.
// Needs from layer L: LANES, ACC_BITS, IN_BITS, IN_SIGNED, all that is in capitals above, and the tables.
#ifndef GAN2HLS_REARRANGE_HPP
#define GAN2HLS_REARRANGE_HPP

#include "bits.hpp"
#include "storage.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, bool ULTRA = false, int WIDTH_IN, int WIDTH_OUT>
void rearrange(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    typedef typename int_of<L::ACC_BITS>::type acc_t;
    typedef ap_uint<memory_bits(L::LANES * L::IN_BITS)> word_t;
    static_assert(WIDTH_IN >= L::LANES * L::IN_BITS, "the input stream must carry LANES codes");
    static_assert(WIDTH_OUT >= L::LANES * L::ACC_BITS, "the output stream must carry LANES accumulators");
    const int PLACES = (1 << L::PLACE_BITS) - 1;
    word_t map[L::IN_BEATS];
#ifndef __BAMBU__
// All words are written 8 iterations or more before the first one is read: saying so lets the loop reach II = 1 without
// a forwarding path.
#pragma HLS DEPENDENCE variable=map type=inter direction=RAW distance=8 dependent=true
#pragma HLS DEPENDENCE variable=map type=inter direction=WAR dependent=false
#pragma HLS DEPENDENCE variable=map type=intra dependent=false
    in_memory<ULTRA>::put(map);
#endif
    counter<L::PLACE_WORDS> word;
    counter<L::PLACE_COLUMNS> column;
    counter<L::PLACE_ROWS> row;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::REARRANGE_CYCLES>::type cycle = 0; cycle < L::REARRANGE_CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // a word of LANES codes in or out a clock
#endif
        if (cycle < L::IN_BEATS) map[cycle] = word_t(in.read());
        if (cycle >= L::FIRST_READ) {
            const int parts[3] = {int(L::rows(int(row.at))), int(L::columns(int(column.at))), int(L::words(int(word.at)))};
            const bool zero = ((parts[0] | parts[1] | parts[2]) >> L::PLACE_BITS) != 0;
            const int place = (parts[0] & PLACES) + (parts[1] & PLACES) + (parts[2] & PLACES);
            uint64_t from[limbs_of(WIDTH_IN)], to[limbs_of(WIDTH_OUT)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=parts complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=from complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
            to_limbs<WIDTH_IN>(ap_uint<WIDTH_IN>(map[zero ? 0 : place]), from);
            clear<limbs_of(WIDTH_OUT)>(to);
#ifdef __BAMBU__
#pragma unroll
#endif
            for (int lane = 0; lane < L::LANES; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // an adder per lane
#endif
                const uint64_t raw = field<L::IN_BITS>(from, lane * L::IN_BITS);
                const acc_t code = acc_t(extend<L::IN_BITS, L::IN_SIGNED>(raw) - L::IN_ZERO_POINT);
                put_field<L::ACC_BITS>(to, lane * L::ACC_BITS, zero ? int64_t(0) : int64_t(code));
            }
            ap_uint<WIDTH_OUT> accs = 0;
            from_limbs<WIDTH_OUT>(to, accs);
            out.write(accs);
            if (word.last && column.last) row.step();
            if (word.last) column.step();
            word.step();
        }
    }
}

}  // namespace gan2hls

#endif
