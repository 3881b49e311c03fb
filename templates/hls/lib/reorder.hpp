// reorder.hpp - turns accumulator vectors that come fold by fold into vectors that leave pixel by pixel, a band at a time.
//
//     in:  for each band / for each output fold / for each of BAND_PIXELS pixels
//     out: for each band / for each of BAND_PIXELS pixels / for each output fold
//
// Two banks of a band each: one is written while the one before leaves.  One flat loop of REORDER_CYCLES iterations, II = 1:
// BANDS + 1 rounds of REORDER_PERIOD iterations, in the first BAND_PIXELS * FOLDS of which a vector leaves, then one comes.
// The first round has none to send, and the last one, which ends with its last vector, none to take.
//
// Invariant: a vector is read GUARD or more iterations after it was written, and its place is written again GUARD or more
// iterations after that; where a band is too small for that, rounds have some more iterations.
// Needs from layer L: PE, ACC_BITS, ACCS_WIDTH, BANDS, BAND_PIXELS, FOLDS, REORDER_PERIOD, REORDER_CYCLES.
#ifndef GAN2HLS_REORDER_HPP
#define GAN2HLS_REORDER_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L>
void reorder(hls::stream<ap_uint<L::ACCS_WIDTH> >& in, hls::stream<ap_uint<L::ACCS_WIDTH> >& out) {
    const int VECTORS = L::BAND_PIXELS * L::FOLDS, BANKS = L::BANDS > 1 ? 2 : 1;
    typedef typename upto<2 * VECTORS>::type place_t;
    ap_uint<memory_bits(L::PE * L::ACC_BITS)> bank[BANKS * VECTORS];
#ifndef __BAMBU__
// Rounds keep reads and writes of one place at least 8 iterations (GUARD) apart, in both directions: saying so lets the
// loop reach II = 1 without a forwarding path.
#pragma HLS DEPENDENCE variable=bank type=inter direction=RAW distance=8 dependent=true
#pragma HLS DEPENDENCE variable=bank type=inter direction=WAR distance=8 dependent=true
#pragma HLS DEPENDENCE variable=bank type=intra dependent=false
#endif
    counter<L::REORDER_PERIOD> turn;
    counter<VECTORS> vector;
    counter<L::BAND_PIXELS> pixel;  // of the vector that comes
    counter<L::BANDS> band;
    counter<BANKS * VECTORS> read;
    place_t write = 0, start = 0;  // places; `start` is that of the first vector of the fold that comes
    bool upper = false;            // whether the second bank is written
    bool moves = true, takes = true, gives = false;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::REORDER_CYCLES>::type cycle = 0; cycle < L::REORDER_CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one vector in and one out a clock
#endif
        if (moves && gives) {
            out.write(ap_uint<L::ACCS_WIDTH>(bank[read.at]));
            read.step();
        }
        if (moves && takes) {
            bank[write] = ap_uint<memory_bits(L::PE * L::ACC_BITS)>(in.read());
            if (vector.last) {
                upper = BANKS > 1 && !upper;
                write = start = upper ? place_t(BANKS > 1 ? VECTORS : 0) : place_t(0);
            } else if (pixel.last) {
                write = start = place_t(start + 1);
            } else {
                write = place_t(write + L::FOLDS);
            }
            pixel.step();
        }
        if (moves) {
            moves = !vector.last || L::REORDER_PERIOD == VECTORS;
            vector.step();
        }
        if (turn.last) {
            moves = true;
            gives = true;
            takes = takes && !band.last;
            band.step();
        }
        turn.step();
    }
}

}  // namespace gan2hls

#endif
