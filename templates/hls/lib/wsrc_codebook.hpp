// wsrc_codebook.hpp - the weight source of codec `codebook`: an index per weight into a table of CENTROIDS centroids.
//
//   weight[lane] = centroid[word of co][table of lane][index[lane]]
//   table of lane p * SIMD + s = p * TABLES / PE;  word of co = co, or 0 where TABLE_WORDS = 1
//
// Memory `weight`: lane n's index in the INDEX_BITS bits from n * INDEX_BITS on.
// Memory `centroid`: TABLES tables, one after the other, CENTROIDS entries of CENTROID_BITS bits each, two's complement;
// one word per output fold, or a single one for all.
// Needs from layer L: PE, SIMD, INDEX_BITS, CENTROIDS, CENTROID_BITS, TABLES, TABLE_WORDS, WEIGHT_LIMBS, CENTROID_LIMBS,
// weight_t, tables weight_rom, centroid_rom.
#ifndef GAN2HLS_WSRC_CODEBOOK_HPP
#define GAN2HLS_WSRC_CODEBOOK_HPP

#include "bits.hpp"

namespace gan2hls {

template <class L>
struct wsrc_codebook {
    static GAN2HLS_INLINE void fetch(int address, int co, typename L::weight_t weight[L::PE * L::SIMD]) {
        uint64_t limbs[L::WEIGHT_LIMBS], entries[L::CENTROID_LIMBS];
        // A table has a place for every index, so that an index is an address; places beyond CENTROIDS are never read.
        typename L::weight_t centroid[L::TABLES << L::INDEX_BITS];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=entries complete  // wires, not a memory
#pragma HLS ARRAY_PARTITION variable=centroid complete  // wires into every lane's multiplexer
#endif
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int n = 0; n < L::WEIGHT_LIMBS; ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // the limbs of one word are read together
#endif
            limbs[n] = L::weight_rom(address, n);
        }
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int n = 0; n < L::CENTROID_LIMBS; ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // the limbs of one word are read together
#endif
            entries[n] = L::centroid_rom(L::TABLE_WORDS == 1 ? 0 : co, n);
        }
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int n = 0; n < L::TABLES << L::INDEX_BITS; ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires: every centroid is a fixed slice of the word
#endif
            const int index = n & ((1 << L::INDEX_BITS) - 1);
            const int entry = (n >> L::INDEX_BITS) * L::CENTROIDS + (index < L::CENTROIDS ? index : 0);
            const uint64_t raw = field<L::CENTROID_BITS>(entries, entry * L::CENTROID_BITS);
            centroid[n] = typename L::weight_t(extend<L::CENTROID_BITS, true>(raw));
        }
        typename upto<(1 << L::INDEX_BITS) - 1>::type index[L::PE * L::SIMD];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=index complete  // wires, not a memory
#endif
        numbers<L::INDEX_BITS, false, L::PE * L::SIMD>(limbs, 0, index);
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int lane = 0; lane < L::PE * L::SIMD; ++lane) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // one multiplexer per lane; where one table serves all folds, its inputs are constants
#endif
            const int table = lane / L::SIMD * L::TABLES / L::PE;
            weight[lane] = centroid[table << L::INDEX_BITS | int(index[lane])];
        }
    }
};

}  // namespace gan2hls

#endif
