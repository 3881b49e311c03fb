// bits.hpp - integers of a given width, and the fields of packed words.
//
// A packed word carries equal fields, field 0 in the least significant bits, two's complement raw bits.
//
// int_of<BITS, ROOM>::type holds a signed integer of BITS bits that takes part in arithmetic of ROOM bits.  Vitis gets
// an ap_int of exactly BITS bits, so that no register or multiplier is wider than the number in it.  Everyone else gets
// a native integer, which is the same number: every width comes from an exact bound.  -DGAN2HLS_EXACT_WIDTHS makes
// C simulation use the ap_int types too, to prove that.
#ifndef GAN2HLS_BITS_HPP
#define GAN2HLS_BITS_HPP

#include "types.hpp"

#if (defined(__SYNTHESIS__) && !defined(__BAMBU__)) || defined(GAN2HLS_EXACT_WIDTHS)
#define GAN2HLS_AP_WIDTHS 1
#else
#define GAN2HLS_AP_WIDTHS 0
#endif

// Helpers must vanish into their caller: no HLS compiler should make modules of them, and by-value ap_uint arguments
// of functions that stay functions are not portable.
#define GAN2HLS_INLINE inline __attribute__((always_inline))

namespace gan2hls {

template <bool SMALL, bool WORD>
struct native_of {
    typedef int64_t type;
};
template <>
struct native_of<true, true> {
    typedef int16_t type;
};
template <>
struct native_of<false, true> {
    typedef int32_t type;
};

template <int BITS, int ROOM = BITS>
struct int_of {
    static_assert(BITS >= 1 && BITS <= 64, "an integer must have 1 to 64 bits");
#if GAN2HLS_AP_WIDTHS
    typedef ap_int<BITS> type;
#else
    typedef typename native_of<(BITS <= 16 && ROOM <= 32), (BITS <= 32 && ROOM <= 32)>::type type;
#endif
};

// How many 64-bit limbs hold WIDTH bits.
constexpr int limbs_of(int width) { return (width + 63) / 64; }

// Split a word into native limbs, least significant first.
template <int WIDTH>
GAN2HLS_INLINE void to_limbs(const ap_uint<WIDTH>& word, uint64_t limbs[limbs_of(WIDTH)]) {
    for (int n = 0; n < limbs_of(WIDTH); ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires
#endif
        const int high = 64 * n + 63 < WIDTH ? 64 * n + 63 : WIDTH - 1;
        limbs[n] = word.range(high, 64 * n).to_uint64();
    }
}

// Join native limbs to a word.
template <int WIDTH>
GAN2HLS_INLINE void from_limbs(const uint64_t limbs[limbs_of(WIDTH)], ap_uint<WIDTH>& word) {
    if (WIDTH <= 64) {
        word = ap_uint<WIDTH>(limbs[0]);
        return;
    }
    for (int n = 0; n < limbs_of(WIDTH); ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires
#endif
        const int high = 64 * n + 63 < WIDTH ? 64 * n + 63 : WIDTH - 1;
        word.range(high, 64 * n) = ap_uint<64>(limbs[n]);
    }
}

// Set all limbs of a word to 0.
template <int LIMBS>
GAN2HLS_INLINE void clear(uint64_t limbs[LIMBS]) {
    for (int n = 0; n < LIMBS; ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires
#endif
        limbs[n] = 0;
    }
}

// Return the BITS bits from bit LOW of a word in limbs, zero-extended.  With unrolled callers LOW is a constant.
template <int BITS>
GAN2HLS_INLINE uint64_t field(const uint64_t* limbs, int low) {
    const int limb = low / 64, offset = low % 64;
    uint64_t value = limbs[limb] >> offset;
    if (64 % BITS != 0 && offset + BITS > 64) value |= limbs[limb + 1] << (64 - offset);
    return value & (~uint64_t(0) >> (64 - BITS));
}

// Read BITS raw bits as a signed (two's complement) or unsigned number.
template <int BITS, bool SIGNED>
GAN2HLS_INLINE int64_t extend(uint64_t raw) {
    return SIGNED ? int64_t(raw << (64 - BITS)) >> (64 - BITS) : int64_t(raw);
}

// Put the low BITS bits of `value` at bit LOW of a word in limbs that is 0 there.
template <int BITS>
GAN2HLS_INLINE void put_field(uint64_t* limbs, int low, int64_t value) {
    const int limb = low / 64, offset = low % 64;
    const uint64_t raw = uint64_t(value) & (~uint64_t(0) >> (64 - BITS));
    limbs[limb] |= raw << offset;
    if (64 % BITS != 0 && offset + BITS > 64) limbs[limb + 1] |= raw >> (64 - offset);
}

}  // namespace gan2hls

#endif
