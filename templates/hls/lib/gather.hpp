// gather.hpp - rows of a constant table by the numbers of a stream.
//
//   acc = rows[code * PADDED_CHANNELS + n], n = 0, 1, ..., CHANNELS - 1, for each code that comes
//
// One flat loop of OUT_BEATS iterations, II = 1, a number of the table each.
//
// In:  a code of IN_BITS bits, in the low bits.  Out: an accumulator of ACC_BITS bits.
// Needs from layer L: OUT_BEATS, ACC_BITS, IN_BITS, CHANNELS, PADDED_CHANNELS and the table `rows`.
#ifndef GAN2HLS_GATHER_HPP
#define GAN2HLS_GATHER_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int WIDTH_IN, int WIDTH_OUT>
void gather(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    static_assert(WIDTH_IN >= L::IN_BITS, "the input stream must carry a code");
    static_assert(WIDTH_OUT >= L::ACC_BITS, "the output stream must carry an accumulator");
    counter<L::CHANNELS> at;
    ap_uint<WIDTH_IN> code = 0;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::OUT_BEATS>::type beat = 0; beat < L::OUT_BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // a number of the table a clock
#endif
        if (at.at == 0) code = in.read();
        uint64_t from[limbs_of(WIDTH_IN)], to[limbs_of(WIDTH_OUT)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
        to_limbs<WIDTH_IN>(code, from);
        clear<limbs_of(WIDTH_OUT)>(to);
        const int row = int(field<L::IN_BITS>(from, 0));
        put_field<L::ACC_BITS>(to, 0, int64_t(L::rows(row * L::PADDED_CHANNELS + int(at.at))));
        ap_uint<WIDTH_OUT> acc = 0;
        from_limbs<WIDTH_OUT>(to, acc);
        out.write(acc);
        at.step();
    }
}

}  // namespace gan2hls

#endif
