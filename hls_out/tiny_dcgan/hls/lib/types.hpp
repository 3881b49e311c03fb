// types.hpp - the vendor's types: ap_int, ap_uint and hls::stream.
//
// Every other file includes them through this one, so that their settings are the same everywhere.
#ifndef GAN2HLS_TYPES_HPP
#define GAN2HLS_TYPES_HPP

// Streams between processes can be wider than the default limit of 1024 bits.
#ifndef AP_INT_MAX_W
#define AP_INT_MAX_W 4096
#endif

#include <stdint.h>

// The open ap_types headers mask the bits of a number before it has a value; once inlined, g++ blames the caller.
// What else g++ says of those headers is said while it reads them.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wdeprecated-copy"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"
#pragma GCC diagnostic ignored "-Wtype-limits"
#endif

#include "ap_int.h"
#include "hls_stream.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
