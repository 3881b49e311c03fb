// band_mac.hpp - the mac of an engine whose weights are off chip: mac.hpp on tiles that arrive while others are in use.
//
//   acc[p] = sum over a pixel's taps and input folds of sum_s weight[p, s] * (x[g, s] - zero_point)
//
// One flat loop of TILE_CYCLES iterations, II = 1.  An iteration may multiply, and may store a word of the next tile, as
// tiles.hpp says: in MAC_CYCLES of them PE * SIMD useful multiplications are done.  A tile serves BAND_PIXELS accumulator
// vectors, after which the next one is in use: counting them tells the weight source which output fold it serves.
//
// Invariant: a word is read GUARD or more iterations after it was stored, and its place is stored to again GUARD or more
// iterations after it was last read.
//
// In:  one feeder word (feeder.hpp) an iteration that multiplies, whose address is that of the word in its tile, or that of
// a word or of none (skip_feeder.hpp) in the pass, where empty blocks are skipped; words of weights in the low WEIGHT_BITS
// bits, tile by tile; periods: see tiles.hpp.  Out: as mac.hpp, one word per output fold and pixel of a band.
// Needs from layer L: WEIGHT_BITS, TILE_CYCLES, BAND_PIXELS, what tiles.hpp needs and what mac.hpp needs.
// `source` is the codec's weight source, which reads tile_word<L>.
#ifndef GAN2HLS_BAND_MAC_HPP
#define GAN2HLS_BAND_MAC_HPP

#include "bits.hpp"
#include "mac.hpp"
#include "storage.hpp"
#include "tiles.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, class source, int TOGETHER = 1, bool ULTRA = false, int WIDTH>
void band_mac(hls::stream<ap_uint<L::FEED_WIDTH> >& in, hls::stream<ap_uint<WIDTH> >& words,
    hls::stream<ap_uint<L::PACE_WIDTH> >& paces, hls::stream<ap_uint<L::ACCS_WIDTH> >& out) {
    typedef mac_lanes<L, source, TOGETHER> lanes;
    static_assert(WIDTH >= L::WEIGHT_BITS, "the stream of weights must carry a word");
    typedef stored_word<L::WEIGHT_BITS> word_t;
    typename word_t::type tile[L::HELD_WORDS];
#ifndef __BAMBU__
// Periods keep reads and writes of one word at least 8 iterations (GUARD) apart, in both directions: saying so lets the
// loop reach II = 1 without a forwarding path.
#pragma HLS DEPENDENCE variable=tile type=inter direction=RAW distance=8 dependent=true
#pragma HLS DEPENDENCE variable=tile type=inter direction=WAR distance=8 dependent=true
#pragma HLS DEPENDENCE variable=tile type=intra dependent=false
    in_memory<ULTRA>::put(tile);
#endif
    typename L::acc_t acc[L::PE];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=acc complete  // all accumulators change in every clock: registers
#endif
    lanes::clear(acc);
    tile_pace<L> pace;
    tile_place<L> place;
    counter<L::HELD_WORDS> put;
    counter<L::FOLDS> fold;  // whose tile is in use
    counter<L::BAND_PIXELS> pixel;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::TILE_CYCLES>::type cycle = 0; cycle < L::TILE_CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // PE * SIMD multiplications a clock
#endif
        if (pace.emits) {
            const ap_uint<L::FEED_WIDTH> feed = in.read();
            uint64_t limbs[limbs_of(L::FEED_WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
            to_limbs<L::FEED_WIDTH>(feed, limbs);
            // A vector without blocks has no word of weights either.
            const int at = lanes::null(limbs) ? 0 : place.of(lanes::address(limbs));
            word_t::get(tile[at], tile_word<L>::limbs);
            lanes::step(limbs, int(fold.at), acc);
            if (lanes::last(limbs)) {
                lanes::send(acc, out);
                if (pixel.last) {
                    place.next(int(pace.used), !L::SKIPS || fold.last);
                    fold.step();
                }
                pixel.step();
            }
        }
        if (pace.store()) {
            const ap_uint<WIDTH> word = words.read();
            word_t::put(ap_uint<L::WEIGHT_BITS>(word), tile[put.at]);
            put.step();
        }
        if (pace.ends && !pace.final) {
            const ap_uint<L::PACE_WIDTH> period = paces.read();
            pace.next(period);
        } else {
            pace.step();
        }
    }
}

}  // namespace gan2hls

#endif
