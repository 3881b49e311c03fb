// pool.hpp - sums or greatest values over windows of a map that do not overlap.
//
//   acc = sum or maximum of code - IN_ZERO_POINT over the window            exact
//
// One flat loop over the beats of the map, II = 1.  A word for each beat of a row of windows keeps what has come of them.
//
// In:  LANES codes of IN_BITS bits, in the low bits.  Out: LANES accumulators of ACC_BITS bits.
// Needs from layer L: LANES, ACC_BITS, IN_BITS, IN_SIGNED, IN_ZERO_POINT, GREATEST, PIXEL_BEATS, IN_ROWS, IN_COLUMNS,
// WINDOWS_OF_ROW, and words of 32 bits, a bit for each row or column: row_in (it is in a window), row_first (the first of
// one), row_last, column_in, column_first, column_last.
#ifndef GAN2HLS_POOL_HPP
#define GAN2HLS_POOL_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int WIDTH_IN, int WIDTH_OUT>
void pool(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    typedef typename int_of<L::ACC_BITS>::type acc_t;
    static_assert(WIDTH_IN >= L::LANES * L::IN_BITS, "the input stream must carry LANES codes");
    static_assert(WIDTH_OUT >= L::LANES * L::ACC_BITS, "the output stream must carry LANES accumulators");
    enum { BEATS = L::IN_ROWS * L::IN_COLUMNS * L::PIXEL_BEATS, WORDS = L::WINDOWS_OF_ROW * L::PIXEL_BEATS };
    ap_uint<memory_bits(WIDTH_OUT)> kept[WORDS];
    ap_uint<WIDTH_OUT> newest = 0;  // of a window of one word, which would wait for the memory
    counter<L::PIXEL_BEATS> group;
    counter<L::IN_COLUMNS> column;
    counter<L::IN_ROWS> row;
    typename upto<WORDS>::type base = 0;  // first word of the window
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<BEATS>::type beat = 0; beat < BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // LANES codes a clock
#endif
        const int y = int(row.at), x = int(column.at), word = int(base) + int(group.at);
        const bool inside = (L::row_in(y / 32) >> (y % 32)) & (L::column_in(x / 32) >> (x % 32)) & 1;
        const bool begins = (L::column_first(x / 32) >> (x % 32)) & 1;
        const bool first = begins && ((L::row_first(y / 32) >> (y % 32)) & 1);
        const bool ends = (L::column_last(x / 32) >> (x % 32)) & 1;
        const bool last = ends && ((L::row_last(y / 32) >> (y % 32)) & 1);
        const ap_uint<WIDTH_IN> codes = in.read();
        ap_uint<WIDTH_OUT> former = newest;
        if (inside && !(L::PIXEL_BEATS == 1 && (WORDS == 1 || !begins))) former = kept[word];
        uint64_t from[limbs_of(WIDTH_IN)], before[limbs_of(WIDTH_OUT)], to[limbs_of(WIDTH_OUT)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=before complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
        to_limbs<WIDTH_IN>(codes, from);
        to_limbs<WIDTH_OUT>(former, before);
        clear<limbs_of(WIDTH_OUT)>(to);
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int lane = 0; lane < L::LANES; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // an adder or a comparison per lane
#endif
            const uint64_t raw = field<L::IN_BITS>(from, lane * L::IN_BITS);
            const acc_t code = acc_t(extend<L::IN_BITS, L::IN_SIGNED>(raw) - L::IN_ZERO_POINT);
            const acc_t so_far = acc_t(extend<L::ACC_BITS, true>(field<L::ACC_BITS>(before, lane * L::ACC_BITS)));
            const acc_t joined = !L::GREATEST ? acc_t(so_far + code) : so_far > code ? so_far : code;
            put_field<L::ACC_BITS>(to, lane * L::ACC_BITS, int64_t(first ? code : joined));
        }
        ap_uint<WIDTH_OUT> result = 0;
        from_limbs<WIDTH_OUT>(to, result);
        if (inside) {
            kept[word] = result;
            newest = result;
        }
        if (last) out.write(result);
        if (group.last) {
            base = column.last ? 0 : int(base) + (ends ? int(L::PIXEL_BEATS) : 0);
            if (column.last) row.step();
            column.step();
        }
        group.step();
    }
}

}  // namespace gan2hls

#endif
