// wsrc_blockscale.hpp - the weight source of codec `blockscale`: a code per weight, a factor per block of weights.
//
//   weight[lane] = (BASE + offset[group] + code[lane]) * factor[group];  group of a lane = lane / FACTOR_LANES
//
// Memory `weight`: lane n's code in the CODE_BITS bits from n * CODE_BITS on, unsigned.
// Memory `factor`: word `address >> FACTOR_SHIFT` has an entry per group, group 0 in the least significant bits: the factor
// in the lower FACTOR_BITS bits, the offset in the OFFSET_BITS bits above, both unsigned.  Where there is none (FACTOR_WORDS
// 0), since weights come from external memory, a word of `weight` has these entries above its codes.
// Needs from layer L: PE, SIMD, CODE_BITS, DIGIT_BITS, BASE, OFFSET_BITS, FACTOR_BITS, FACTOR_LANES, FACTOR_SHIFT,
// FACTOR_WORDS, WEIGHT_LIMBS, FACTOR_LIMBS, weight_t, tables weight_rom, factor_rom.
#ifndef GAN2HLS_WSRC_BLOCKSCALE_HPP
#define GAN2HLS_WSRC_BLOCKSCALE_HPP

#include "bits.hpp"

namespace gan2hls {

// Where the entries of a block stand: in a memory of their own, from bit 0 on.
template <class L, bool IN_WORD>
struct block_entries {
    enum { LIMBS = L::FACTOR_LIMBS, FIRST = 0 };
    static GAN2HLS_INLINE uint64_t limb(int address, int n) { return L::factor_rom(address >> L::FACTOR_SHIFT, n); }
};

// In the word of its codes, above those.
template <class L>
struct block_entries<L, true> {
    enum { LIMBS = L::WEIGHT_LIMBS, FIRST = L::PE * L::SIMD * L::CODE_BITS };
    static GAN2HLS_INLINE uint64_t limb(int address, int n) { return L::weight_rom(address, n); }
};

template <class L>
struct wsrc_blockscale {
    typedef block_entries<L, L::FACTOR_WORDS == 0> entries_t;
    typedef typename int_of<L::DIGIT_BITS, 32>::type digit_t;
    typedef typename int_of<L::FACTOR_BITS + 1, 32>::type factor_t;

    static GAN2HLS_INLINE void fetch(int address, int, typename L::weight_t weight[L::PE * L::SIMD]) {
        const int GROUPS = L::PE * L::SIMD / L::FACTOR_LANES, ENTRY_BITS = L::FACTOR_BITS + L::OFFSET_BITS;
        uint64_t limbs[L::WEIGHT_LIMBS], entries[entries_t::LIMBS];
        factor_t factor[GROUPS];
        int base[GROUPS];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=entries complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=factor complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=base complete  // wires, not a memory
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
        for (int n = 0; n < entries_t::LIMBS; ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // the limbs of one word are read together
#endif
            entries[n] = entries_t::limb(address, n);
        }
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int n = 0; n < GROUPS; ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires, and an adder where blocks have offsets
#endif
            const int entry = int(field<ENTRY_BITS>(entries, entries_t::FIRST + n * ENTRY_BITS));
            factor[n] = factor_t(entry & ((1 << L::FACTOR_BITS) - 1));
            base[n] = L::BASE + (entry >> L::FACTOR_BITS);
        }
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int lane = 0; lane < L::PE * L::SIMD; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // one small product per lane
#endif
            const int group = lane / L::FACTOR_LANES;
            const digit_t digit = digit_t(base[group] + int(field<L::CODE_BITS>(limbs, lane * L::CODE_BITS)));
            const typename L::weight_t product = typename L::weight_t(digit * factor[group]);
#ifndef __BAMBU__
#pragma HLS BIND_OP variable=product op=mul impl=fabric  // a few LUTs: DSP blocks are for the mac
#endif
            weight[lane] = product;
        }
    }
};

}  // namespace gan2hls

#endif
