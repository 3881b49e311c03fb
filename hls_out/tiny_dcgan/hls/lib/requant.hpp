// requant.hpp - from an accumulator to an output code: the only rounding of the design.
//
//   piece = acc >= threshold[c] ? 1 : 0            (one piece: always 0)
//   code  = clamp(((acc * mult[piece, c] + offset[piece, c]) >> SHIFT) + ZERO_POINT(turn), LOW(turn), HIGH(turn))
//
// The shift is arithmetic and `offset` holds the rounding constant, so ties round toward +infinity (ap_fixed's AP_RND);
// the clamp saturates (AP_SAT).  With HALF_EVEN a tie, which leaves only zeros to shift out, clears the least bit of what
// was shifted (AP_RND_CONV).  Of layers that take turns each shifts by MORE_SHIFT(turn) more, and has words of its own in the
// tables, one layer's behind the other's; an engine of one layer has turn 0.
//
// One flat loop of REQUANT_BEATS iterations, II = 1, LANES channels each, in the order that channels.hpp says.  Where not
// ALL_TAPS, an output pixel without taps takes acc = 0 and reads nothing.  In a pointwise engine the accumulator is the
// input code less its zero point.
//
// In:  LANES accumulators of REQUANT_IN_BITS bits, in the low bits.  Out: LANES codes of REQUANT_OUT_BITS bits.
// Needs from layer L: LANES, REQUANT_BEATS, ORDER_GROUPS, ORDER_PIXELS, ORDER_ROWS, ORDER_FOLDS, ROW_PHASES, ALL_TAPS, OUT_ROWS,
// OUT_COLUMNS, PIECES, MULT_BITS, SHIFT, MORE_SHIFT, HALF_EVEN, ZERO_POINT, LOW, HIGH, REQUANT_IN_BITS, REQUANT_IN_SIGNED,
// REQUANT_IN_ZERO_POINT, REQUANT_OUT_BITS, the types requant_acc_t, mult_t, scaled_t, offset_t, threshold_t, sum_t and the
// tables mult, offset, threshold, row_taps, column_taps.
#ifndef GAN2HLS_REQUANT_HPP
#define GAN2HLS_REQUANT_HPP

#include "bits.hpp"
#include "channels.hpp"
#include "types.hpp"

namespace gan2hls {

// acc * mult, in DSP blocks, as the folding counts them.
template <class L, bool ADDS>
struct requant_product {
    static GAN2HLS_INLINE typename L::scaled_t of(typename L::requant_acc_t acc, typename L::mult_t mult) {
        const typename L::scaled_t product = acc * mult;
#ifndef __BAMBU__
#pragma HLS BIND_OP variable=product op=mul impl=dsp  // however narrow: the folding counts on it
#endif
        return product;
    }
};

// acc * mult of a mult from -2 to 1: an adder, which the folding counts no DSP block for.
template <class L>
struct requant_product<L, true> {
    static GAN2HLS_INLINE typename L::scaled_t of(typename L::requant_acc_t acc, typename L::mult_t mult) {
        return typename L::scaled_t(acc * mult);
    }
};

template <class L>
GAN2HLS_INLINE int64_t requant_lane(typename L::requant_acc_t acc, int turn, int fold, int lane) {
    const bool high = L::PIECES == 2 && acc >= typename L::threshold_t(L::threshold(fold, lane));
    const int entry = high ? L::LANES + lane : lane;
    const typename L::mult_t mult = typename L::mult_t(L::mult(fold, entry));
    const typename L::offset_t offset = typename L::offset_t(L::offset(fold, entry));
    const typename L::scaled_t scaled = requant_product<L, L::MULT_BITS <= 2>::of(acc, mult);
    const typename L::sum_t sum = scaled + offset;
    const bool tie = L::HALF_EVEN && (int64_t(sum) & ((int64_t(1) << L::SHIFT) - 1)) == 0;
    const int64_t rounded = int64_t(typename L::sum_t(sum >> L::SHIFT)) >> L::MORE_SHIFT(turn);
    const int64_t code = (tie ? rounded & ~int64_t(1) : rounded) + L::ZERO_POINT(turn);
    return code < L::LOW(turn) ? int64_t(L::LOW(turn)) : code > L::HIGH(turn) ? int64_t(L::HIGH(turn)) : code;
}

template <class L, int WIDTH_IN, int WIDTH_OUT>
void requant(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out, int turn = 0) {
    static_assert(WIDTH_IN >= L::LANES * L::REQUANT_IN_BITS, "the input stream must carry LANES accumulators");
    static_assert(WIDTH_OUT >= L::LANES * L::REQUANT_OUT_BITS, "the output stream must carry LANES codes");
    channels<L::ORDER_GROUPS, L::ORDER_PIXELS, L::ORDER_ROWS, L::ORDER_FOLDS, L::ROW_PHASES> at;
    const int first = turn * (L::ROW_PHASES * L::ORDER_FOLDS * L::ORDER_GROUPS);  // word of the layer
    counter<L::OUT_COLUMNS> column;  // for pixels without taps
    counter<L::OUT_ROWS> row;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::REQUANT_BEATS>::type beat = 0; beat < L::REQUANT_BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // LANES codes a clock
#endif
        ap_uint<WIDTH_IN> accs = 0;
        const bool taps = L::ALL_TAPS || (L::row_taps(row.at) != 0 && L::column_taps(column.at) != 0);
        if (taps) accs = in.read();

        uint64_t from[limbs_of(WIDTH_IN)], to[limbs_of(WIDTH_OUT)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
        to_limbs<WIDTH_IN>(accs, from);
        clear<limbs_of(WIDTH_OUT)>(to);
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int lane = 0; lane < L::LANES; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // one multiplier per lane
#endif
            const uint64_t raw = field<L::REQUANT_IN_BITS>(from, lane * L::REQUANT_IN_BITS);
            const int64_t code = extend<L::REQUANT_IN_BITS, L::REQUANT_IN_SIGNED>(raw);
            const typename L::requant_acc_t acc = typename L::requant_acc_t(code - L::REQUANT_IN_ZERO_POINT);
            put_field<L::REQUANT_OUT_BITS>(to, lane * L::REQUANT_OUT_BITS, requant_lane<L>(acc, turn, first + at.word(), lane));
        }
        ap_uint<WIDTH_OUT> codes = 0;
        from_limbs<WIDTH_OUT>(to, codes);
        out.write(codes);

        if (!L::ALL_TAPS && at.group.last) {
            if (column.last) row.step();
            column.step();
        }
        at.step();
    }
}

}  // namespace gan2hls

#endif
