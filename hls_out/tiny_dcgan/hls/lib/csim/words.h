// words.h - what C simulation does with whole words, where the open headers keep them in limbs.
//
// The same as in bits.hpp, which includes this file: a compiler of programs gains from whole limbs and bytes, whose places
// are constants, where one of hardware sees wires.
#ifndef GAN2HLS_CSIM_WORDS_H
#define GAN2HLS_CSIM_WORDS_H

#include <cstdint>

namespace gan2hls {

// Whether the first byte of a number in memory is its least significant one.
static const bool BYTES_ASCEND = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

// How many fields of so many bits fill whole limbs.
constexpr int fields_of_limbs(int bits, int fields = 64) {
    return bits % 2 == 0 && fields > 1 ? fields_of_limbs(bits / 2, fields / 2) : fields;
}

// Read COUNT fields of BITS bits, from the bottom of a word in limbs on, as signed or unsigned numbers, each plus `more`.
template <int BITS, bool SIGNED, int COUNT, class T>
inline void numbers(const uint64_t* limbs, int more, T* to) {
    if (BITS == 8 && BYTES_ASCEND) {
        const unsigned char* const bytes = reinterpret_cast<const unsigned char*>(limbs);
        for (int n = 0; n < COUNT; ++n) {
            to[n] = T((SIGNED ? int(static_cast<signed char>(bytes[n])) : int(bytes[n])) + more);
        }
        return;
    }
    const int FIELDS = fields_of_limbs(BITS), WHOLE = COUNT / FIELDS * FIELDS;
    for (int from = 0; from < WHOLE; from += FIELDS) {
#pragma GCC unroll 64
        for (int n = 0; n < FIELDS; ++n) {
            const uint64_t raw = field<BITS>(limbs + from / FIELDS * (FIELDS * BITS / 64), n * BITS);
            to[from + n] = T(extend<BITS, SIGNED>(raw) + more);
        }
    }
#pragma GCC unroll 64
    for (int n = WHOLE; n < COUNT; ++n) to[n] = T(extend<BITS, SIGNED>(field<BITS>(limbs, n * BITS)) + more);
}

// Shift a word down by BITS bits.
template <int BITS, int WIDTH>
inline void shift_down(ap_uint<WIDTH>& word) {
    const int LIMBS = limbs_of(WIDTH), WHOLE = BITS / 64, OFFSET = BITS % 64;
    uint64_t limbs[LIMBS];
    to_limbs<WIDTH>(word, limbs);
    for (int n = 0; n < LIMBS; ++n) {
        const uint64_t low = n + WHOLE < LIMBS ? limbs[n + WHOLE] : 0;
        const uint64_t high = n + WHOLE + 1 < LIMBS ? limbs[n + WHOLE + 1] : 0;
        limbs[n] = OFFSET == 0 ? low : low >> OFFSET | high << (63 - OFFSET) << 1;
    }
    from_limbs<WIDTH>(limbs, word);
}

// Put `part` at the bits from LOW on of a word that is 0 there.
template <int LOW, int PART, int WIDTH>
inline void put_part(ap_uint<WIDTH>& word, const ap_uint<PART>& part) {
    const int LAST = limbs_of(PART) - 1;
    uint64_t limbs[limbs_of(WIDTH)], parts[limbs_of(PART)];
    to_limbs<WIDTH>(word, limbs);
    to_limbs<PART>(part, parts);
    for (int n = 0; n < LAST; ++n) put_field<64>(limbs, LOW + 64 * n, int64_t(parts[n]));
    put_field<(PART - 1) % 64 + 1>(limbs, LOW + 64 * LAST, int64_t(parts[LAST]));
    from_limbs<WIDTH>(limbs, word);
}

}  // namespace gan2hls

#endif
