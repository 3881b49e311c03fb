// axi_beat.hpp - ap_axiu, from the vendor where there is one, else the little of it that C simulation needs.
#ifndef GAN2HLS_AXI_BEAT_HPP
#define GAN2HLS_AXI_BEAT_HPP

#include "types.hpp"

#ifdef __has_include
#if __has_include("ap_axi_sdata.h")
#include "ap_axi_sdata.h"
#define GAN2HLS_VENDOR_AXI 1
#endif
#endif

#ifndef GAN2HLS_VENDOR_AXI
template <int D, int U, int TI, int TD>
struct ap_axiu {
    static_assert(D % 8 == 0, "TDATA must be whole bytes");
    ap_uint<D> data;
    ap_uint<D / 8> keep;
    ap_uint<D / 8> strb;
    ap_uint<(U > 0 ? U : 1)> user;
    ap_uint<1> last;
    ap_uint<(TI > 0 ? TI : 1)> id;
    ap_uint<(TD > 0 ? TD : 1)> dest;
};
#endif

#endif
