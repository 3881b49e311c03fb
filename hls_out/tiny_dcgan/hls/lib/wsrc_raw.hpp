// wsrc_raw.hpp - the weight source of codec `raw`: one memory word is one block of PE x SIMD weights.
//
// A weight source turns a block address into PE * SIMD integers, lane p * SIMD + s.  Every codec is one file like this;
// the mac takes it as a template parameter.
//
// Needs from layer L: PE, SIMD, WEIGHT_BITS, WEIGHT_SIGNED, WEIGHT_LIMBS, weight_t, table weight_rom.
#ifndef GAN2HLS_WSRC_RAW_HPP
#define GAN2HLS_WSRC_RAW_HPP

#include "bits.hpp"

namespace gan2hls {

template <class L>
struct wsrc_raw {
    static GAN2HLS_INLINE void fetch(int address, typename L::weight_t weight[L::PE * L::SIMD]) {
        uint64_t limbs[L::WEIGHT_LIMBS];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
        for (int n = 0; n < L::WEIGHT_LIMBS; ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // the limbs of one word are read together
#endif
            limbs[n] = L::weight_rom(address, n);
        }
        for (int lane = 0; lane < L::PE * L::SIMD; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires: every lane is a fixed slice of the word
#endif
            const uint64_t raw = field<L::WEIGHT_BITS>(limbs, lane * L::WEIGHT_BITS);
            weight[lane] = typename L::weight_t(extend<L::WEIGHT_BITS, L::WEIGHT_SIGNED>(raw));
        }
    }
};

}  // namespace gan2hls

#endif
