// norm.hpp - normalization by statistics of the map itself.
//
//   d = code - IN_ZERO_POINT; S1, S2 = sums of d and of d * d over the COUNT codes of a set
//   y = COUNT * S2 - S1 * S1 + EPSILON, u = COUNT * d - S1                         (not CENTRED: without S1)
//   y = m * 4^k * 2^-17 with 2^17 <= m < 2^19, cut;  root = (start * 2^10 - drop * (m mod 2^10)) >> 13, chord m / 2^10 - 128
//   acc = (((u << FRACTION) >> k) * root + 2^16) >> 17
//
// One flat loop of NORM_CYCLES iterations, II = 1: beat n is read in iteration n and normalized in iteration
// n + NORM_CYCLES - OUT_BEATS, when the sums of its map are complete and their root, a long pipeline, is there.
//
// A map is PIXELS pixels of SLOTS * SLOT_BEATS beats.  Every SLOT_BEATS beats the next SETS sets take their turn, of which
// each lane has its own, or all have one.  Statistics of COPIES maps are kept.  EPSILON is EPSILON_HIGH * 2^31 + EPSILON_LOW.
//
// In:  LANES codes of IN_BITS bits, in the low bits.  Out: LANES accumulators of ACC_BITS bits.
// Needs from layer L: all that is in capitals here, HELD (words of the buffer), CODE_BITS, SUM_BITS, SQUARE_BITS, SHIFT_BITS,
// POWER_BITS (even), CENTRE_BITS (of u) and the tables chord_start, chord_drop.
#ifndef GAN2HLS_NORM_HPP
#define GAN2HLS_NORM_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// Where a beat stands in its map, and where the statistics of its sets are kept.
template <class L>
struct norm_walk {
    counter<L::SLOT_BEATS> beat;
    counter<L::SLOTS> slot;
    counter<L::PIXELS> pixel;
    counter<L::COPIES> copy;

    GAN2HLS_INLINE int word() const { return int(copy.at) * L::SLOTS + int(slot.at); }

    GAN2HLS_INLINE void step() {
        const bool pixel_ends = beat.last && slot.last, map_ends = pixel_ends && pixel.last;
        if (map_ends) copy.step();
        if (pixel_ends) pixel.step();
        if (beat.last) slot.step();
        beat.step();
    }
};

// What divides the values of a set: 1 / sqrt(y) is root * 2^-(17 + shift).
struct norm_root {
    int root, shift;
};

template <class L>
GAN2HLS_INLINE norm_root root_of(int64_t sum, int64_t square) {
    const int64_t epsilon = (int64_t(L::EPSILON_HIGH) << 31) + L::EPSILON_LOW;
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

template <class L, int WIDTH_IN, int WIDTH_OUT>
void norm(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    static_assert(WIDTH_IN >= L::LANES * L::IN_BITS, "the input stream must carry LANES codes");
    static_assert(WIDTH_OUT >= L::LANES * L::ACC_BITS, "the output stream must carry LANES accumulators");
    const int IN_SET = L::LANES / L::SETS, LAG = L::NORM_CYCLES - L::OUT_BEATS, WORDS = L::COPIES * L::SLOTS;
    typedef typename int_of<L::CODE_BITS, 2 * L::CODE_BITS>::type code_t;
    typedef typename int_of<L::SUM_BITS>::type total_t;
    typedef typename int_of<L::SQUARE_BITS + 1>::type power_t;
    typedef typename int_of<L::SHIFT_BITS + 1>::type shift_t;
    typedef typename int_of<18>::type root_t;
    ap_uint<memory_bits(L::LANES * L::IN_BITS)> held[L::HELD];
    total_t running[L::SETS], sums[L::SETS][L::SLOTS], means[L::SETS][WORDS];
    power_t running_power[L::SETS], powers[L::SETS][L::SLOTS];
    shift_t shifts[L::SETS][WORDS];
    root_t roots[L::SETS][WORDS];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=running complete  // registers: the slot that is at work
#pragma HLS ARRAY_PARTITION variable=running_power complete  // registers: the slot that is at work
#pragma HLS ARRAY_PARTITION variable=sums dim=1 complete  // a memory for each set
#pragma HLS ARRAY_PARTITION variable=powers dim=1 complete  // a memory for each set
#pragma HLS ARRAY_PARTITION variable=means dim=1 complete  // a memory for each set
#pragma HLS ARRAY_PARTITION variable=shifts dim=1 complete  // a memory for each set
#pragma HLS ARRAY_PARTITION variable=roots dim=1 complete  // a memory for each set
// A beat is read LAG iterations after it was written, and its place is written again 8 iterations later; a statistic is
// used 48 iterations after it was made at the earliest: saying so lets the loop reach II = 1.
#pragma HLS DEPENDENCE variable=held type=inter direction=RAW distance=48 dependent=true
#pragma HLS DEPENDENCE variable=held type=inter direction=WAR distance=8 dependent=true
#pragma HLS DEPENDENCE variable=held type=intra dependent=false
#pragma HLS DEPENDENCE variable=means type=inter direction=RAW distance=48 dependent=true
#pragma HLS DEPENDENCE variable=shifts type=inter direction=RAW distance=48 dependent=true
#pragma HLS DEPENDENCE variable=roots type=inter direction=RAW distance=48 dependent=true
#endif
    norm_walk<L> enters, leaves;
    counter<L::HELD> write, read;
    counter<L::OUT_BEATS> taken;
    counter<LAG> waited;
    bool takes = true, gives = false;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::NORM_CYCLES>::type cycle = 0; cycle < L::NORM_CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // a beat in and a beat out a clock
#endif
        if (gives) {
            uint64_t from[limbs_of(WIDTH_IN)], to[limbs_of(WIDTH_OUT)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
            const ap_uint<WIDTH_IN> beat = ap_uint<WIDTH_IN>(held[read.at]);
            to_limbs<WIDTH_IN>(beat, from);
            clear<limbs_of(WIDTH_OUT)>(to);
            const int word = leaves.word();
#ifdef __BAMBU__
#pragma unroll
#endif
            for (int lane = 0; lane < L::LANES; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // a multiplier for each lane
#endif
                const int set = lane / IN_SET;
                const uint64_t raw = field<L::IN_BITS>(from, lane * L::IN_BITS);
                const int64_t d = extend<L::IN_BITS, L::IN_SIGNED>(raw) - L::IN_ZERO_POINT;
                const int64_t u = L::COUNT * d - (L::CENTRED ? int64_t(means[set][word]) : int64_t(0));
                const int64_t value = u * (int64_t(1) << L::FRACTION) >> int(shifts[set][word]);
                const int64_t acc = (value * int64_t(roots[set][word]) + (1 << 16)) >> 17;
                put_field<L::ACC_BITS>(to, lane * L::ACC_BITS, acc);
            }
            ap_uint<WIDTH_OUT> accs = 0;
            from_limbs<WIDTH_OUT>(to, accs);
            out.write(accs);
            leaves.step();
            read.step();
        }
        if (takes) {
            uint64_t from[limbs_of(WIDTH_IN)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from complete  // wires, not a memory
#endif
            const ap_uint<WIDTH_IN> beat = in.read();
            to_limbs<WIDTH_IN>(beat, from);
            held[write.at] = ap_uint<memory_bits(L::LANES * L::IN_BITS)>(beat);
            const int word = enters.word();
#ifdef __BAMBU__
#pragma unroll
#endif
            for (int set = 0; set < L::SETS; ++set) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // sets of a beat have sums of their own
#endif
                total_t more = 0;
                power_t more_power = 0;
#ifdef __BAMBU__
#pragma unroll
#endif
                for (int lane = 0; lane < IN_SET; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // an adder tree
#endif
                    const uint64_t raw = field<L::IN_BITS>(from, (set * IN_SET + lane) * L::IN_BITS);
                    const code_t d = code_t(extend<L::IN_BITS, L::IN_SIGNED>(raw) - L::IN_ZERO_POINT);
                    const power_t square = power_t(int64_t(d) * int64_t(d));
#ifndef __BAMBU__
#pragma HLS BIND_OP variable=square op=mul impl=fabric  // a short square: multipliers are for products
#endif
                    more = total_t(more + d);
                    more_power = power_t(more_power + square);
                }
                const bool starts = bool(enters.pixel.at == 0) && bool(enters.beat.at == 0);
                const bool resumes = L::SLOTS > 1 && bool(enters.beat.at == 0);
                const total_t old = starts ? total_t(0) : resumes ? sums[set][enters.slot.at] : running[set];
                const power_t old_power = starts ? power_t(0) : resumes ? powers[set][enters.slot.at] : running_power[set];
                const total_t sum = total_t(old + more);
                const power_t power = power_t(old_power + more_power);
                running[set] = sum;
                running_power[set] = power;
                if (enters.beat.last) {
                    sums[set][enters.slot.at] = sum;
                    powers[set][enters.slot.at] = power;
                }
                if (enters.beat.last && enters.pixel.last) {
                    const norm_root made = root_of<L>(int64_t(sum), int64_t(power));
                    means[set][word] = sum;
                    roots[set][word] = root_t(made.root);
                    shifts[set][word] = shift_t(made.shift);
                }
            }
            takes = !taken.last;
            taken.step();
            enters.step();
            write.step();
        }
        gives = gives || waited.last;
        waited.step();
    }
}

}  // namespace gan2hls

#endif
