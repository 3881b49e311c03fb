// frames.hpp - codes of a stream, made wider or narrower, for engines at which layers take turns.
//
// recode: LANES codes of FROM bits, SIGNED or not, less ZERO, become numbers of TO bits; fewer bits are the least ones.
// recode_frame: one flat loop of BEATS iterations, II = 1.
#ifndef GAN2HLS_FRAMES_HPP
#define GAN2HLS_FRAMES_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <int LANES, int FROM, bool SIGNED, int ZERO, int TO, int WIDTH, int GIVEN>
GAN2HLS_INLINE ap_uint<WIDTH> recode(const ap_uint<GIVEN>& word) {
    static_assert(GIVEN >= LANES * FROM && WIDTH >= LANES * TO, "the streams must carry LANES codes");
    uint64_t from[limbs_of(GIVEN)], to[limbs_of(WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=from complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=to complete  // wires, not a memory
#endif
    to_limbs<GIVEN>(word, from);
    clear<limbs_of(WIDTH)>(to);
#ifdef __BAMBU__
#pragma unroll
#endif
    for (int lane = 0; lane < LANES; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires
#endif
        put_field<TO>(to, lane * TO, extend<FROM, SIGNED>(field<FROM>(from, lane * FROM)) - ZERO);
    }
    ap_uint<WIDTH> made = 0;
    from_limbs<WIDTH>(to, made);
    return made;
}

template <int LANES, int FROM, bool SIGNED, int ZERO, int TO, int BEATS, int GIVEN, int WIDTH>
void recode_frame(hls::stream<ap_uint<GIVEN> >& in, hls::stream<ap_uint<WIDTH> >& out) {
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<BEATS>::type beat = 0; beat < BEATS; ++beat) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one beat a clock
#endif
        out.write(recode<LANES, FROM, SIGNED, ZERO, TO, WIDTH>(in.read()));
    }
}

}  // namespace gan2hls

#endif
