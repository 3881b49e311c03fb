// crop.hpp - a window of a map; what lies outside is read and dropped.
//
//   acc = code - IN_ZERO_POINT of the beats FIRST_BEAT to END_BEAT - 1 of the rows FIRST_ROW to END_ROW - 1       exact
//
// One flat loop over the beats of the map, IN_ROWS rows of ROW_BEATS, II = 1.
//
// In:  LANES codes of IN_BITS bits, in the low bits.  Out: LANES accumulators of ACC_BITS bits.
// Needs from layer L: LANES, ACC_BITS, IN_BITS, IN_SIGNED and all that is in capitals above.
#ifndef GAN2HLS_CROP_HPP
#define GAN2HLS_CROP_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int WIDTH_IN, int WIDTH_OUT>
void crop(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    typedef typename int_of<L::ACC_BITS>::type acc_t;
    static_assert(WIDTH_IN >= L::LANES * L::IN_BITS, "the input stream must carry LANES codes");
    static_assert(WIDTH_OUT >= L::LANES * L::ACC_BITS, "the output stream must carry LANES accumulators");
    enum { BEATS = L::IN_ROWS * L::ROW_BEATS };
    counter<L::ROW_BEATS> column;
    counter<L::IN_ROWS> row;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<BEATS>::type beat = 0; beat < BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // LANES codes a clock
#endif
        const int y = int(row.at), x = int(column.at);
        const bool inside = y >= L::FIRST_ROW && y < L::END_ROW && x >= L::FIRST_BEAT && x < L::END_BEAT;
        const ap_uint<WIDTH_IN> codes = in.read();
        uint64_t from[limbs_of(WIDTH_IN)], to[limbs_of(WIDTH_OUT)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
        to_limbs<WIDTH_IN>(codes, from);
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
            put_field<L::ACC_BITS>(to, lane * L::ACC_BITS, int64_t(code));
        }
        ap_uint<WIDTH_OUT> accs = 0;
        from_limbs<WIDTH_OUT>(to, accs);
        if (inside) out.write(accs);
        if (column.last) row.step();
        column.step();
    }
}

}  // namespace gan2hls

#endif
