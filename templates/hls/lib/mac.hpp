// mac.hpp - PE x SIMD products, an adder tree per PE, PE accumulators.
//
//   acc[p] = sum over a pixel's taps and input folds of sum_s weight[p, s] * (x[g, s] - zero_point)
//
// One group of channels, g = 0, or TOGETHER of them: PE / TOGETHER neighbouring accumulators each, g = p / (PE / TOGETHER).
//
// One flat loop of MAC_CYCLES = useful MACs / (PE * SIMD) iterations, II = 1: every iteration does PE * SIMD useful
// multiplications and there is no other iteration.  `first` starts an accumulator, `last` sends all PE of them; vectors
// come in the order of their output folds, so that counting `last` tells the weight source which fold it serves.
//
// A product is a multiplication where MULTIPLIES is set, in a DSP block, as the folding counts it.  Where it is not, all
// weights are -1, 0 and +1: x, -x or nothing is added, in LUTs and carry chains, and there is no multiplication that a
// DSP could take.
//
// Where blocks are skipped (SKIPS), a vector without any block arrives as one word with `null` set: its accumulators are 0.
//
// In:  one feeder word (feeder.hpp, skip_feeder.hpp) an iteration.  Out: PE accumulators of ACC_BITS bits, in the low bits of
// ACCS_WIDTH, one word per output pixel with taps and output fold.
// Needs from layer L: PE, SIMD, CO_FOLDS, MAC_CYCLES, MULTIPLIES, SKIPS, IN_BITS, IN_SIGNED, IN_ZERO_POINT, ADDRESS_BITS,
// FEED_WIDTH, ACC_BITS, ACCS_WIDTH, weight_t, input_t, product_t, acc_t.
// `source` is the codec's weight source.
#ifndef GAN2HLS_MAC_HPP
#define GAN2HLS_MAC_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// weight * x, by a multiplier.
template <class L, bool MULTIPLIES>
struct product {
    static GAN2HLS_INLINE typename L::acc_t of(typename L::weight_t weight, typename L::input_t x) {
        const typename L::product_t product = weight * x;
#ifndef __BAMBU__
#pragma HLS BIND_OP variable=product op=mul impl=dsp  // however narrow: the folding counts on it
#endif
        return typename L::acc_t(product);
    }
};

// weight * x of a weight that is -1, 0 or +1: a negation and a multiplexer, both of a few LUTs.  No `*` stands here, so
// no tool is asked to keep multiplications out of DSPs.
template <class L>
struct product<L, false> {
    static GAN2HLS_INLINE typename L::acc_t of(typename L::weight_t weight, typename L::input_t x) {
        const typename L::acc_t plus = typename L::acc_t(x), minus = typename L::acc_t(-x);
        const typename L::acc_t none = 0;
        return weight > 0 ? plus : weight < 0 ? minus : none;
    }
};

// What a loop over feeder words does: operands and weights of a word, their products added to the accumulators, and these
// sent.  `limbs` are those of the word, `fold` is the output fold that it belongs to.
template <class L, class source, int TOGETHER>
struct mac_lanes {
    static const int X_BITS = TOGETHER * L::SIMD * L::IN_BITS;
    static_assert(L::PE % TOGETHER == 0, "each group must have as many accumulators");
    static_assert(L::ACCS_WIDTH >= L::PE * L::ACC_BITS, "the output stream must carry PE accumulators");

    static GAN2HLS_INLINE void clear(typename L::acc_t acc[L::PE]) {
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int p = 0; p < L::PE; ++p) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only a reset
#endif
            acc[p] = 0;
        }
    }

    static GAN2HLS_INLINE int address(const uint64_t limbs[limbs_of(L::FEED_WIDTH)]) {
        return int(field<L::ADDRESS_BITS>(limbs, X_BITS));
    }

    static GAN2HLS_INLINE bool last(const uint64_t limbs[limbs_of(L::FEED_WIDTH)]) {
        return field<1>(limbs, X_BITS + L::ADDRESS_BITS + 1) != 0;
    }

    static GAN2HLS_INLINE bool null(const uint64_t limbs[limbs_of(L::FEED_WIDTH)]) {
        return L::SKIPS && field<1>(limbs, X_BITS + L::ADDRESS_BITS + (L::SKIPS ? 2 : 0)) != 0;
    }

    static GAN2HLS_INLINE void step(
        const uint64_t limbs[limbs_of(L::FEED_WIDTH)], int fold, typename L::acc_t acc[L::PE]) {
        const bool first = field<1>(limbs, X_BITS + L::ADDRESS_BITS) != 0;

        typename L::input_t x[TOGETHER * L::SIMD];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=x complete  // wires, not a memory
#endif
        // One subtracter per lane; a zero point of 0 costs nothing.
        numbers<L::IN_BITS, L::IN_SIGNED != 0, TOGETHER * L::SIMD>(limbs, -L::IN_ZERO_POINT, x);

        typename L::weight_t weight[L::PE * L::SIMD];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=weight complete  // wires, not a memory
#endif
        source::fetch(address(limbs), fold, weight);

#ifdef __BAMBU__
#pragma unroll
#endif
        for (int p = 0; p < L::PE; ++p) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // PE adder trees side by side; Vitis balances each sum into a tree
#endif
            const int own = p / (L::PE / TOGETHER) * L::SIMD;  // the first element of its group
            typename L::acc_t sum = 0;
#ifdef __BAMBU__
#pragma unroll
#endif
            for (int s = 0; s < L::SIMD; ++s) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // SIMD products
#endif
                sum += product<L, L::MULTIPLIES>::of(weight[p * L::SIMD + s], x[own + s]);
            }
            if (null(limbs)) sum = 0;
            acc[p] = first ? sum : typename L::acc_t(acc[p] + sum);
        }
    }

    static GAN2HLS_INLINE void send(const typename L::acc_t acc[L::PE], hls::stream<ap_uint<L::ACCS_WIDTH> >& out) {
        uint64_t packed[limbs_of(L::ACCS_WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=packed complete  // wires, not a memory
#endif
        gan2hls::clear<limbs_of(L::ACCS_WIDTH)>(packed);
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int p = 0; p < L::PE; ++p) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires
#endif
            put_field<L::ACC_BITS>(packed, p * L::ACC_BITS, int64_t(acc[p]));
        }
        ap_uint<L::ACCS_WIDTH> word = 0;
        from_limbs<L::ACCS_WIDTH>(packed, word);
        out.write(word);
    }
};

template <class L, class source, int TOGETHER = 1>
void mac(hls::stream<ap_uint<L::FEED_WIDTH> >& in, hls::stream<ap_uint<L::ACCS_WIDTH> >& out) {
    typedef mac_lanes<L, source, TOGETHER> lanes;
    typename L::acc_t acc[L::PE];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=acc complete  // all accumulators change in every clock: registers
#endif
    lanes::clear(acc);
    counter<L::CO_FOLDS> co;  // output fold of the current vector
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::MAC_CYCLES>::type cycle = 0; cycle < L::MAC_CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // PE * SIMD multiplications a clock
#endif
        const ap_uint<L::FEED_WIDTH> feed = in.read();
        uint64_t limbs[limbs_of(L::FEED_WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
        to_limbs<L::FEED_WIDTH>(feed, limbs);
        lanes::step(limbs, int(co.at), acc);
        if (lanes::last(limbs)) {
            co.step();
            lanes::send(acc, out);
        }
    }
}

}  // namespace gan2hls

#endif
