// bits.hpp - integers of a given width, and the fields of packed words.
//
// A packed word carries equal fields, field 0 in the least significant bits, two's complement raw bits.  Words that
// travel in streams have whole bytes (whole_bytes): some compilers lose the top bits of others.  So a field is addressed
// from the bottom, and bits above the last one are 0.
//
// int_of<BITS, ROOM>::type holds a signed integer of BITS bits that takes part in arithmetic of ROOM bits.  Vitis gets an
// ap_int of exactly BITS bits, so that no register, multiplier, counter or memory is wider than the numbers in it.
// Everyone else gets native integers, which are the same numbers: every width comes from an exact bound.
// -DGAN2HLS_EXACT_WIDTHS makes C simulation use the exact types too, to prove that.
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

// A number in a constant memory: an exact type of the vendor's for Vitis, a native one for everyone else.
template <class EXACT, class NATIVE>
struct exact_or {
#if GAN2HLS_AP_WIDTHS
    typedef EXACT type;
#else
    typedef NATIVE type;
#endif
};

// How many bits the numbers 0..most take.
constexpr int bits_for(int64_t most) { return most < 2 ? 1 : 1 + bits_for(most / 2); }

// A number from 0 to MOST that decides what the next clock does.  32-bit adders and comparisons would not fit a clock.
template <int64_t MOST>
struct upto {
#if GAN2HLS_AP_WIDTHS
    typedef ap_uint<bits_for(MOST)> type;
#else
    typedef int type;
#endif
};

// Counts 0..COUNT - 1, over and over.  Whether this is the last one is a register, so that nothing waits for a comparison.
template <int COUNT>
struct counter {
    static_assert(COUNT >= 1, "a counter must have a value");
    typedef typename upto<COUNT - 1>::type value_t;

    value_t at;
    bool last;

    GAN2HLS_INLINE counter() : at(0), last(COUNT == 1) {}

    GAN2HLS_INLINE void step() {
        const bool next_is_last = COUNT == 1 || (COUNT == 2 ? !last : at == value_t(COUNT > 2 ? COUNT - 2 : 0));
        at = last ? value_t(0) : value_t(at + 1);
        last = next_is_last;
    }
};

// The whole bytes that hold BITS bits, in bits.
constexpr int whole_bytes(int bits) { return (bits + 7) / 8 * 8; }

// How wide a word of BITS bits is in a memory: exactly so where the tool takes any width.
constexpr int memory_bits(int bits) { return GAN2HLS_AP_WIDTHS ? bits : whole_bytes(bits); }

// How many 64-bit limbs hold WIDTH bits.
constexpr int limbs_of(int width) { return (width + 63) / 64; }

// The last bit of limb `n` of a word of WIDTH bits.
constexpr int limb_end(int width, int n) { return 64 * n + 63 < width ? 64 * n + 63 : width - 1; }

// Limb `n` of a word.  The open headers keep words in such limbs, which C simulation reads and writes as they are; a range
// of bits means the same, but they shift whole words for it.
template <int WIDTH>
GAN2HLS_INLINE uint64_t limb(const ap_uint<WIDTH>& word, int n) {
#ifdef GAN2HLS_OPEN_AP_TYPES
    return uint64_t(word.V.get_pVal(n));
#else
    return word.range(limb_end(WIDTH, n), 64 * n).to_uint64();
#endif
}

// Set limb `n` of a word of more than one.
template <int WIDTH>
GAN2HLS_INLINE void set_limb(ap_uint<WIDTH>& word, int n, uint64_t value) {
#ifdef GAN2HLS_OPEN_AP_TYPES
    word.V.set_pVal(n, value & (~uint64_t(0) >> (63 - limb_end(WIDTH, n) % 64)));
#else
    word.range(limb_end(WIDTH, n), 64 * n) = ap_uint<64>(value);
#endif
}

// Split a word into native limbs, least significant first.
template <int WIDTH>
GAN2HLS_INLINE void to_limbs(const ap_uint<WIDTH>& word, uint64_t limbs[limbs_of(WIDTH)]) {
#ifdef __BAMBU__
#pragma unroll
#endif
    for (int n = 0; n < limbs_of(WIDTH); ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires
#endif
        limbs[n] = limb(word, n);
    }
}

// Join native limbs to a word.
template <int WIDTH>
GAN2HLS_INLINE void from_limbs(const uint64_t limbs[limbs_of(WIDTH)], ap_uint<WIDTH>& word) {
    if (WIDTH <= 64) {
        word = ap_uint<WIDTH>(limbs[0]);
        return;
    }
#ifdef __BAMBU__
#pragma unroll
#endif
    for (int n = 0; n < limbs_of(WIDTH); ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires
#endif
        set_limb(word, n, limbs[n]);
    }
}

// Set all limbs of a word to 0.
template <int LIMBS>
GAN2HLS_INLINE void clear(uint64_t limbs[LIMBS]) {
#ifdef __BAMBU__
#pragma unroll
#endif
    for (int n = 0; n < LIMBS; ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires
#endif
        limbs[n] = 0;
    }
}

// Return the BITS bits from bit `low` of a word in limbs, zero-extended.  With unrolled callers `low` is a constant.
template <int BITS>
GAN2HLS_INLINE uint64_t field(const uint64_t* limbs, int low) {
    const int limb = low / 64, offset = low % 64;
    uint64_t value = limbs[limb] >> offset;
    if (offset + BITS > 64) value |= limbs[limb + 1] << (64 - offset);
    return value & (~uint64_t(0) >> (64 - BITS));
}

// The same of a word of so many limbs, at a place that no compiler knows: of one limb there is no next one to look into.
template <int BITS, int LIMBS>
GAN2HLS_INLINE uint64_t field_at(const uint64_t* limbs, int low) {
    return LIMBS == 1 ? (limbs[0] >> low) & (~uint64_t(0) >> (64 - BITS)) : field<BITS>(limbs, low);
}

// Read BITS raw bits as a signed (two's complement) or unsigned number.
template <int BITS, bool SIGNED>
GAN2HLS_INLINE int64_t extend(uint64_t raw) {
    return SIGNED ? int64_t(raw << (64 - BITS)) >> (64 - BITS) : int64_t(raw);
}

// Put the low BITS bits of `value` at bit `low` of a word in limbs that is 0 there.
template <int BITS>
GAN2HLS_INLINE void put_field(uint64_t* limbs, int low, int64_t value) {
    const int limb = low / 64, offset = low % 64;
    const uint64_t raw = uint64_t(value) & (~uint64_t(0) >> (64 - BITS));
    limbs[limb] |= raw << offset;
    if (offset + BITS > 64) limbs[limb + 1] |= raw >> (64 - offset);
}

// Put `value`, of BITS bits, above the low LOW bits of a word, which is 0 there.
template <int LOW, int BITS, int WIDTH>
GAN2HLS_INLINE void put_above(ap_uint<WIDTH>& word, uint64_t value) {
    static_assert(LOW + BITS <= WIDTH, "the word must have room for it");
#ifdef GAN2HLS_OPEN_AP_TYPES
    uint64_t limbs[limbs_of(WIDTH)];
    to_limbs<WIDTH>(word, limbs);
    put_field<BITS>(limbs, LOW, int64_t(value));
    from_limbs<WIDTH>(limbs, word);
#else
    word.range(LOW + BITS - 1, LOW) = ap_uint<BITS>(value);
#endif
}

}  // namespace gan2hls

#ifdef GAN2HLS_OPEN_AP_TYPES
#include "words.h"
#else
namespace gan2hls {

// Read COUNT fields of BITS bits, from the bottom of a word in limbs on, as signed or unsigned numbers, each plus `more`.
template <int BITS, bool SIGNED, int COUNT, class T>
GAN2HLS_INLINE void numbers(const uint64_t* limbs, int more, T* to) {
#ifdef __BAMBU__
#pragma unroll
#endif
    for (int n = 0; n < COUNT; ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires: every field is a fixed slice of the word; adding 0 costs nothing
#endif
        to[n] = T(extend<BITS, SIGNED>(field<BITS>(limbs, n * BITS)) + more);
    }
}

// Shift a word down by BITS bits.
template <int BITS, int WIDTH>
GAN2HLS_INLINE void shift_down(ap_uint<WIDTH>& word) {
    word >>= BITS;
}

// Put `part` at the bits from LOW on of a word that is 0 there.
template <int LOW, int PART, int WIDTH>
GAN2HLS_INLINE void put_part(ap_uint<WIDTH>& word, const ap_uint<PART>& part) {
    word.range(LOW + PART - 1, LOW) = part;
}

}  // namespace gan2hls
#endif

#endif
