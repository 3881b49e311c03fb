// types.hpp - the vendor's types: ap_int, ap_uint and hls::stream.
//
// Every other file includes them through this one, so that their settings are the same everywhere.
#ifndef GAN2HLS_TYPES_HPP
#define GAN2HLS_TYPES_HPP

// Streams between processes can be wider than the default limit of 1024 bits.
#ifndef AP_INT_MAX_W
#define AP_INT_MAX_W 4096
#endif

// The open ap_types headers mask the bits of a number before it has a value; once inlined, g++ blames the caller.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <stdint.h>

#include "ap_int.h"
#include "hls_stream.h"

#endif
