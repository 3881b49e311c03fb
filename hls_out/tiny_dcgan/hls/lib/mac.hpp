// mac.hpp - PE x SIMD multipliers, an adder tree per PE, PE accumulators.
//
//   acc[p] = sum over a pixel's taps and input folds of sum_s weight[p, s] * (x[s] - zero_point)
//
// One flat loop of MAC_CYCLES = useful MACs / (PE * SIMD) iterations, II = 1: every iteration does PE * SIMD useful
// multiplications and there is no other iteration.  `first` starts an accumulator, `last` sends all PE of them.
//
// In:  one feeder word (feeder.hpp) an iteration.  Out: PE accumulators of ACC_BITS bits, one word per output pixel
// with taps and output fold.
// Needs from layer L: PE, SIMD, MAC_CYCLES, IN_BITS, IN_SIGNED, IN_ZERO_POINT, ADDRESS_BITS, FEED_BITS, ACC_BITS,
// weight_t, input_t, acc_t.  `source` is the codec's weight source.
#ifndef GAN2HLS_MAC_HPP
#define GAN2HLS_MAC_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, class source>
void mac(hls::stream<ap_uint<L::FEED_BITS> >& in, hls::stream<ap_uint<L::PE * L::ACC_BITS> >& out) {
    const int X_BITS = L::SIMD * L::IN_BITS;
    typename L::acc_t acc[L::PE];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=acc complete  // all accumulators change in every clock: registers
#endif
    for (int p = 0; p < L::PE; ++p) {
#ifndef __BAMBU__
#pragma HLS UNROLL
#endif
        acc[p] = 0;
    }
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (int cycle = 0; cycle < L::MAC_CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // PE * SIMD multiplications a clock
#endif
        const ap_uint<L::FEED_BITS> feed = in.read();
        uint64_t limbs[limbs_of(L::FEED_BITS)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
        to_limbs<L::FEED_BITS>(feed, limbs);
        const int address = int(field<L::ADDRESS_BITS>(limbs, X_BITS));
        const bool first = field<1>(limbs, X_BITS + L::ADDRESS_BITS) != 0;
        const bool last = field<1>(limbs, X_BITS + L::ADDRESS_BITS + 1) != 0;

        typename L::input_t x[L::SIMD];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=x complete  // wires, not a memory
#endif
        for (int s = 0; s < L::SIMD; ++s) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // one subtracter per lane; a zero point of 0 costs nothing
#endif
            const uint64_t raw = field<L::IN_BITS>(limbs, s * L::IN_BITS);
            x[s] = typename L::input_t(extend<L::IN_BITS, L::IN_SIGNED>(raw) - L::IN_ZERO_POINT);
        }

        typename L::weight_t weight[L::PE * L::SIMD];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=weight complete  // wires, not a memory
#endif
        source::fetch(address, weight);

        for (int p = 0; p < L::PE; ++p) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // PE adder trees side by side; Vitis balances each sum into a tree
#endif
            typename L::acc_t sum = 0;
            for (int s = 0; s < L::SIMD; ++s) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // SIMD multipliers
#endif
                sum += weight[p * L::SIMD + s] * x[s];
            }
            acc[p] = first ? sum : typename L::acc_t(acc[p] + sum);
        }

        if (last) {
            uint64_t packed[limbs_of(L::PE * L::ACC_BITS)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=packed complete  // wires, not a memory
#endif
            clear<limbs_of(L::PE * L::ACC_BITS)>(packed);
            for (int p = 0; p < L::PE; ++p) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires
#endif
                put_field<L::ACC_BITS>(packed, p * L::ACC_BITS, int64_t(acc[p]));
            }
            ap_uint<L::PE * L::ACC_BITS> word = 0;
            from_limbs<L::PE * L::ACC_BITS>(packed, word);
            out.write(word);
        }
    }
}

}  // namespace gan2hls

#endif
