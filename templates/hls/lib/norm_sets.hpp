// norm_sets.hpp - the arithmetic of a normalization: where a beat stands, sums and roots of sets, and a lane.
//
//   d = code - IN_ZERO_POINT; S1, S2 = sums of d and of d * d over the COUNT codes of a set
//   y = COUNT * S2 - S1 * S1 + EPSILON, u = COUNT * d - S1                         (not CENTRED: without S1)
//   y = m * 4^k * 2^-17 with 2^17 <= m < 2^19, cut;  root = (start * 2^10 - drop * (m mod 2^10)) >> 13, chord m / 2^10 - 128
//   acc = (((u << FRACTION) >> k) * root + 2^16) >> 17
//
// A map is PIXELS pixels of SLOTS * SLOT_BEATS beats.  Every SLOT_BEATS beats the next SETS sets take their turn, of which
// each lane has its own, or all have one.  EPSILON is EPSILON_HIGH * 2^31 + EPSILON_LOW, of each layer where several take turns.
//
// Its processes are norm_take.hpp and norm_give.hpp, between which a map waits until its sums are complete.
// Needs from layer L: all that is in capitals here, LANES, IN_BITS, IN_SIGNED, CODE_BITS, SUM_BITS, SQUARE_BITS, SHIFT_BITS,
// POWER_BITS (even), CENTRE_BITS (of u) and the tables chord_start, chord_drop.
#ifndef GAN2HLS_NORM_SETS_HPP
#define GAN2HLS_NORM_SETS_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// The numbers of a set: sums, and by how much and by what its values are divided.
template <class L>
struct norm_types {
    typedef typename int_of<L::CODE_BITS, 2 * L::CODE_BITS>::type code_t;
    typedef typename int_of<L::SUM_BITS>::type total_t;
    typedef typename int_of<L::SQUARE_BITS + 1>::type power_t;
    typedef typename int_of<L::SHIFT_BITS + 1>::type shift_t;
    static const int ROOT_BITS = 17;
    typedef typename int_of<ROOT_BITS + 1>::type root_t;
    static const int IN_SET = L::LANES / L::SETS;                           // lanes
    static const int SET_BITS = L::SUM_BITS + L::SHIFT_BITS + ROOT_BITS;    // of a word that has its statistics
};

// Where a beat stands in its map.
template <class L>
struct norm_walk {
    counter<L::SLOT_BEATS> beat;
    counter<L::SLOTS> slot;
    counter<L::PIXELS> pixel;

    GAN2HLS_INLINE void step() {
        if (beat.last && slot.last) pixel.step();
        if (beat.last) slot.step();
        beat.step();
    }
};

// What divides the values of a set: 1 / sqrt(y) is root * 2^-(17 + shift).
struct norm_root {
    int root, shift;
};

template <class L>
GAN2HLS_INLINE norm_root root_of(int64_t sum, int64_t square, int turn) {
    const int64_t epsilon = (int64_t(L::EPSILON_HIGH(turn)) << 31) + L::EPSILON_LOW(turn);
    const int64_t power = L::COUNT * square + epsilon - (L::CENTRED ? sum * sum : int64_t(0));
    int k = 0;
#ifdef __BAMBU__
#pragma unroll
#endif
    for (int pair = 0; pair < L::POWER_BITS / 2; ++pair) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // the highest pair of bits that is not 0: a priority encoder
#endif
        if ((power >> (2 * pair) & 3) != 0) k = pair;
    }
    const int64_t m = k > 8 ? power >> (2 * k - 17) : power << (k > 8 ? 0 : 17 - 2 * k);
    const int chord = int(m >> 10) - 128;
    const int64_t fall = int64_t(L::chord_drop(chord)) * (m & 1023);
    norm_root made;
    made.root = int(((int64_t(L::chord_start(chord)) << 10) - fall) >> 13);
    made.shift = k;
    return made;
}

// The accumulator of a code, given the sum, the shift and the root of its set.
template <class L>
GAN2HLS_INLINE int64_t norm_lane(uint64_t raw, int64_t mean, int shift, int64_t root) {
    const int64_t d = extend<L::IN_BITS, L::IN_SIGNED>(raw) - L::IN_ZERO_POINT;
    const int64_t u = L::COUNT * d - (L::CENTRED ? mean : int64_t(0));
    const int64_t value = u * (int64_t(1) << L::FRACTION) >> shift;
    return (value * root + (1 << 16)) >> 17;
}

// Add the codes of a beat that stands at `at` to the sums of its set `set`.  Of the slot that is at work those are registers,
// `running`; all others wait in `sums`.
template <class L>
GAN2HLS_INLINE void norm_add(const uint64_t* from, int set, const norm_walk<L>& at, typename norm_types<L>::total_t& running,
    typename norm_types<L>::power_t& running_power, typename norm_types<L>::total_t sums[L::SLOTS],
    typename norm_types<L>::power_t powers[L::SLOTS]) {
    typedef norm_types<L> types;
    typedef typename types::total_t total_t;
    typedef typename types::power_t power_t;
    total_t more = 0;
    power_t more_power = 0;
#ifdef __BAMBU__
#pragma unroll
#endif
    for (int lane = 0; lane < types::IN_SET; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // an adder tree
#endif
        typedef typename types::code_t code_t;
        const uint64_t raw = field<L::IN_BITS>(from, (set * types::IN_SET + lane) * L::IN_BITS);
        const code_t d = code_t(extend<L::IN_BITS, L::IN_SIGNED>(raw) - L::IN_ZERO_POINT);
        const power_t square = power_t(int64_t(d) * int64_t(d));
#ifndef __BAMBU__
#pragma HLS BIND_OP variable=square op=mul impl=fabric  // a short square: multipliers are for products
#endif
        more = total_t(more + d);
        more_power = power_t(more_power + square);
    }
    const bool starts = bool(at.pixel.at == 0) && bool(at.beat.at == 0);
    const bool resumes = L::SLOTS > 1 && bool(at.beat.at == 0);
    const total_t old = starts ? total_t(0) : resumes ? sums[at.slot.at] : running;
    const power_t old_power = starts ? power_t(0) : resumes ? powers[at.slot.at] : running_power;
    running = total_t(old + more);
    running_power = power_t(old_power + more_power);
    if (at.beat.last) {
        sums[at.slot.at] = running;
        powers[at.slot.at] = running_power;
    }
}

}  // namespace gan2hls

#endif
