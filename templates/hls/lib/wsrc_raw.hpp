// wsrc_raw.hpp - the weight source of codec `raw`: uniform integers, one memory word per block of PE x SIMD weights.
//
//   weight[lane] = BASE + code[lane]
//
// A weight source turns the address of a block and its output fold into PE * SIMD integers, lane p * SIMD + s.  Every
// codec is one file like this; the mac takes it as a template parameter.
//
// Memory `weight`: lane n in the CODE_BITS bits from n * CODE_BITS on, two's complement or unsigned.
// Needs from layer L: PE, SIMD, CODE_BITS, CODE_SIGNED, BASE, WEIGHT_LIMBS, weight_t, table weight_rom.
#ifndef GAN2HLS_WSRC_RAW_HPP
#define GAN2HLS_WSRC_RAW_HPP

#include "bits.hpp"

namespace gan2hls {

template <class L>
struct wsrc_raw {
    static GAN2HLS_INLINE void fetch(int address, int, typename L::weight_t weight[L::PE * L::SIMD]) {
        uint64_t limbs[L::WEIGHT_LIMBS];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int n = 0; n < L::WEIGHT_LIMBS; ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // the limbs of one word are read together
#endif
            limbs[n] = L::weight_rom(address, n);
        }
        numbers<L::CODE_BITS, L::CODE_SIGNED != 0, L::PE * L::SIMD>(limbs, L::BASE, weight);
    }
};

}  // namespace gan2hls

#endif
