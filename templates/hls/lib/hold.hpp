// hold.hpp - a long first-in first-out queue, for compilers whose FIFOs are a few words deep: an array and a program.
//
//     take LAG beats / BEATS - LAG times: give one, take one / give LAG beats
//
// The reader of the stream waits for another branch meanwhile, whose first beat comes when LAG beats, or a few less, have
// passed here.  A FIFO would decide by what it holds; this process blocks like any other one, and its order alone says
// that the design comes to its end (gan2hls/emit/hls/depths.py).
//
// One flat loop of BEATS + LAG iterations, II = 1.  The array is a ring: a beat is read in the iteration in which its place
// is written anew, LAG iterations after it was written.
#ifndef GAN2HLS_HOLD_HPP
#define GAN2HLS_HOLD_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <int WIDTH, int BEATS, int LAG>
void hold(hls::stream<ap_uint<WIDTH> >& in, hls::stream<ap_uint<WIDTH> >& out) {
    static_assert(0 < LAG && LAG <= BEATS, "a beat must leave in the frame in which it came");
    ap_uint<memory_bits(WIDTH)> ring[LAG];
    counter<LAG> slot;
    typename upto<BEATS>::type wanted = BEATS;  // beats that are still to be taken
    bool gives = false;                         // LAG beats were taken
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<BEATS + LAG>::type cycle = 0; cycle < BEATS + LAG; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one beat in and one out a clock
#endif
        if (gives) out.write(ap_uint<WIDTH>(ring[slot.at]));
        if (wanted != 0) {
            ring[slot.at] = in.read();
            --wanted;
        }
        gives = gives || slot.last;
        slot.step();
    }
}

}  // namespace gan2hls

#endif
