// storage.hpp - which memories an array that is written becomes.
//
// An array without more is what the compiler sees fit: block RAM, or LUTs where it is small.  in_memory<true> asks for
// UltraRAM, where the design's estimate counts on it: one port writes and one reads, and nothing stands there at first.
#ifndef GAN2HLS_STORAGE_HPP
#define GAN2HLS_STORAGE_HPP

#include "bits.hpp"

namespace gan2hls {

template <bool ULTRA>
struct in_memory {
    template <class T>
    static GAN2HLS_INLINE void put(T*) {}
};

template <>
struct in_memory<true> {
    template <class T>
    static GAN2HLS_INLINE void put(T* array) {
#ifndef __BAMBU__
#pragma HLS INLINE  // so that it says so of the caller's array
#pragma HLS BIND_STORAGE variable=array type=ram_2p impl=uram  // block RAM is short
#endif
        (void)array;
    }
};

}  // namespace gan2hls

#endif
