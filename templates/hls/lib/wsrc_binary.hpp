// wsrc_binary.hpp - the weight source of codec `binary`: a bit per weight.
//
//   weight[lane] = bit[lane] ? -1 : +1
//
// Memory `weight`: lane n in bit n.
// Needs from layer L: PE, SIMD, WEIGHT_LIMBS, weight_t, table weight_rom.
#ifndef GAN2HLS_WSRC_BINARY_HPP
#define GAN2HLS_WSRC_BINARY_HPP

#include "bits.hpp"

namespace gan2hls {

template <class L>
struct wsrc_binary {
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
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int lane = 0; lane < L::PE * L::SIMD; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires: the bit is the sign
#endif
            weight[lane] = typename L::weight_t(field<1>(limbs, lane) != 0 ? -1 : 1);
        }
    }
};

}  // namespace gan2hls

#endif
