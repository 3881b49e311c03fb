// norm.hpp - normalization by statistics of the map itself, which is kept on chip: the arithmetic of norm_sets.hpp.
//
// One flat loop of NORM_CYCLES iterations, II = 1: beat n is read in iteration n and normalized in iteration
// n + NORM_CYCLES - OUT_BEATS, when the sums of its map are complete and their root, a long pipeline, is there.
//
// In:  LANES codes of IN_BITS bits, in the low bits.  Out: LANES accumulators of ACC_BITS bits.
// Needs from layer L: NORM_CYCLES, OUT_BEATS, HELD (words of the buffer), ACC_BITS and what norm_sets.hpp needs.
#ifndef GAN2HLS_NORM_HPP
#define GAN2HLS_NORM_HPP

#include "bits.hpp"
#include "norm_sets.hpp"
#include "storage.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, bool ULTRA = false, int WIDTH_IN, int WIDTH_OUT>
void norm(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out, int turn = 0) {
    static_assert(WIDTH_IN >= L::LANES * L::IN_BITS, "the input stream must carry LANES codes");
    static_assert(WIDTH_OUT >= L::LANES * L::ACC_BITS, "the output stream must carry LANES accumulators");
    const int LAG = L::NORM_CYCLES - L::OUT_BEATS, WORDS = L::COPIES * L::SLOTS;
    typedef norm_types<L> types;
    typedef typename types::total_t total_t;
    typedef typename types::power_t power_t;
    typedef typename types::shift_t shift_t;
    typedef typename types::root_t root_t;
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
// A beat is read LAG iterations after it was written, and its place is written again 8 iterations later: saying so lets
// the loop reach II = 1.
#pragma HLS DEPENDENCE variable=held type=inter direction=RAW distance=48 dependent=true
#pragma HLS DEPENDENCE variable=held type=inter direction=WAR distance=8 dependent=true
#pragma HLS DEPENDENCE variable=held type=intra dependent=false
// So does this: a statistic is used 48 iterations after it was made at the earliest.
#pragma HLS DEPENDENCE variable=means type=inter direction=RAW distance=48 dependent=true
#pragma HLS DEPENDENCE variable=shifts type=inter direction=RAW distance=48 dependent=true
#pragma HLS DEPENDENCE variable=roots type=inter direction=RAW distance=48 dependent=true
    in_memory<ULTRA>::put(held);
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
                const int set = lane / types::IN_SET;
                const uint64_t raw = field<L::IN_BITS>(from, lane * L::IN_BITS);
                const int64_t acc = norm_lane<L>(raw, int64_t(means[set][word]), int(shifts[set][word]), int64_t(roots[set][word]));
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
                norm_add<L>(from, set, enters, running[set], running_power[set], sums[set], powers[set]);
                if (enters.beat.last && enters.pixel.last) {
                    const norm_root made = root_of<L>(int64_t(running[set]), int64_t(running_power[set]), turn);
                    means[set][word] = running[set];
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
