// reorder.hpp - turns codes that come fold by fold into codes that leave pixel by pixel, a band at a time.
//
//     in:  for each band / for each output fold / for each of BAND_PIXELS pixels / for each of ORDER_GROUPS words
//     out: for each band / for each of BAND_PIXELS pixels / for each output fold / for each of ORDER_GROUPS words
//
// CODE_BANKS of a band each.  One flat loop of REORDER_CYCLES iterations, II = 1, in rounds of REORDER_PERIOD iterations, in
// the first BAND_PIXELS * FOLDS * ORDER_GROUPS of which words move.  With two banks there are BANDS + 1 rounds: one is
// written while the one before leaves, first a word leaves, then one comes; the first round has none to send, and the last
// one none to take.  With one bank there are two rounds a band, one that takes it and one that sends it.  The last round
// ends with its last word.
//
// Invariant: a word is read GUARD or more iterations after it was written, and its place is written again GUARD or more
// iterations after that; where a band is too small for that, rounds have some more iterations.
//
// In and out: LANES codes of KEPT_BITS bits, in the low bits.
// Needs from layer L: LANES, KEPT_BITS, BANDS, BAND_PIXELS, FOLDS, ORDER_GROUPS, CODE_BANKS, REORDER_PERIOD,
// REORDER_CYCLES.
#ifndef GAN2HLS_REORDER_HPP
#define GAN2HLS_REORDER_HPP

#include "bits.hpp"
#include "storage.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, bool ULTRA = false, int WIDTH>
void reorder(hls::stream<ap_uint<WIDTH> >& in, hls::stream<ap_uint<WIDTH> >& out) {
    static_assert(WIDTH >= L::LANES * L::KEPT_BITS, "the streams must carry LANES codes");
    const int PIXEL_WORDS = L::FOLDS * L::ORDER_GROUPS;
    const int WORDS = L::BAND_PIXELS * PIXEL_WORDS, BANKS = L::CODE_BANKS;
    typedef typename upto<2 * WORDS>::type place_t;
    ap_uint<memory_bits(L::LANES * L::KEPT_BITS)> bank[BANKS * WORDS];
#ifndef __BAMBU__
// Rounds keep reads and writes of one place at least 8 iterations (GUARD) apart, in both directions: saying so lets the
// loop reach II = 1 without a forwarding path.
#pragma HLS DEPENDENCE variable=bank type=inter direction=RAW distance=8 dependent=true
#pragma HLS DEPENDENCE variable=bank type=inter direction=WAR distance=8 dependent=true
#pragma HLS DEPENDENCE variable=bank type=intra dependent=false
    in_memory<ULTRA>::put(bank);
#endif
    counter<L::REORDER_PERIOD> turn;
    counter<WORDS> word;
    counter<L::ORDER_GROUPS> group;  // of the word that comes
    counter<L::BAND_PIXELS> pixel;
    counter<L::BANDS> band;
    counter<BANKS * WORDS> read;
    place_t write = 0, begin = 0, start = 0;  // places; `begin` is that of the pixel that comes, `start` that of its fold
    bool upper = false;            // whether the second bank is written
    bool moves = true, takes = true, gives = false;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::REORDER_CYCLES>::type cycle = 0; cycle < L::REORDER_CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one word in and one out a clock
#endif
        if (moves && gives) {
            out.write(ap_uint<WIDTH>(bank[read.at]));
            read.step();
        }
        if (moves && takes) {
            bank[write] = ap_uint<memory_bits(L::LANES * L::KEPT_BITS)>(in.read());
            if (word.last) {
                upper = BANKS > 1 && !upper;
                write = begin = start = upper ? place_t(BANKS > 1 ? WORDS : 0) : place_t(0);
            } else if (!group.last) {
                write = place_t(write + 1);
            } else if (pixel.last) {
                write = begin = start = place_t(start + L::ORDER_GROUPS);
            } else {
                write = begin = place_t(begin + PIXEL_WORDS);
            }
            if (group.last) pixel.step();
            group.step();
        }
        if (moves) {
            moves = !word.last || L::REORDER_PERIOD == WORDS;
            word.step();
        }
        if (turn.last) {
            moves = true;
            if (BANKS > 1) {
                gives = true;
                takes = takes && !band.last;
                band.step();
            } else {
                gives = !gives;
                takes = !takes;
            }
        }
        turn.step();
    }
}

}  // namespace gan2hls

#endif
