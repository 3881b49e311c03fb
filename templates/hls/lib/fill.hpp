// fill.hpp - puts the codes of output pixels without taps among those of the others, which come pixel by pixel.
//
// One flat loop of OUT_BEATS iterations, II = 1.  Of ROW_PHASES above 1 the rows take turns, each with channels of its own.
//
// In and out: LANES codes of KEPT_BITS bits, in the low bits.
// Needs from layer L: LANES, OUT_BEATS, OUT_ROWS, OUT_COLUMNS, OUT_FOLDS, ROW_PHASES, KEPT_BITS and the tables fill_codes,
// row_taps, column_taps.
#ifndef GAN2HLS_FILL_HPP
#define GAN2HLS_FILL_HPP

#include "bits.hpp"
#include "channels.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int WIDTH>
void fill(hls::stream<ap_uint<WIDTH> >& in, hls::stream<ap_uint<WIDTH> >& out) {
    static_assert(WIDTH >= L::LANES * L::KEPT_BITS, "the streams must carry LANES codes");
    channels<L::OUT_FOLDS, (L::ROW_PHASES > 1 ? L::OUT_COLUMNS : 1), 1, 1, L::ROW_PHASES> at;
    counter<L::OUT_COLUMNS> column;
    counter<L::OUT_ROWS> row;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::OUT_BEATS>::type beat = 0; beat < L::OUT_BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // LANES codes a clock
#endif
        ap_uint<WIDTH> codes = 0;
        if (L::row_taps(row.at) != 0 && L::column_taps(column.at) != 0) {
            codes = in.read();
        } else {
            uint64_t to[limbs_of(WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
            clear<limbs_of(WIDTH)>(to);
#ifdef __BAMBU__
#pragma unroll
#endif
            for (int lane = 0; lane < L::LANES; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires
#endif
                put_field<L::KEPT_BITS>(to, lane * L::KEPT_BITS, L::fill_codes(at.word(), lane));
            }
            from_limbs<WIDTH>(to, codes);
        }
        out.write(codes);
        if (at.group.last && column.last) row.step();
        if (at.group.last) column.step();
        at.step();
    }
}

}  // namespace gan2hls

#endif
