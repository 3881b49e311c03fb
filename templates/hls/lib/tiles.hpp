// tiles.hpp - the pace of an engine whose weights are off chip, and the word of weights at hand.
//
// A tile is the weights of one output fold, TILE_WORDS words.  In a period of a tile the mac works on it, in the first
// `work` iterations, while the words of the next one are stored, evenly spread.  First a tile is stored alone, in
// FIRST_CYCLES iterations; in the last period of a frame nothing is stored.
//
// A process of its own, `tile_paces`, reads the table, which has an entry per band, and sends a period ahead of its start:
// BANDS * FOLDS iterations, II = 1.
//
// Out: | stores | single | start | gap | work | period |, PERIOD_BITS bits each of the last three and START_BITS; `single`
// says that the period has one iteration.  A word is stored when `start` iterations' worth of TILE_WORDS have been
// counted off, then whenever `gap` have.
// Needs from layer L: TILE_WORDS, FOLDS, BANDS, PERIOD_BITS, START_BITS, PACE_WIDTH, FIRST_TILE_CYCLES and the tables
// band_period, band_work, band_gap, band_start.
#ifndef GAN2HLS_TILES_HPP
#define GAN2HLS_TILES_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// Where the fields of a word stand.
template <class L>
struct pace_word {
    static const int WORK = L::PERIOD_BITS, GAP = 2 * L::PERIOD_BITS, START = 3 * L::PERIOD_BITS;
    static const int SINGLE = START + L::START_BITS, STORES = SINGLE + 1;
    static_assert(L::PACE_WIDTH > STORES, "a word must hold a period");
};

template <class L>
void tile_paces(hls::stream<ap_uint<L::PACE_WIDTH> >& out) {
    typedef pace_word<L> word_t;
    counter<L::FOLDS> fold;
    counter<L::BANDS> band;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::BANDS * L::FOLDS>::type cycle = 0; cycle < L::BANDS * L::FOLDS; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one period a clock, which is as fast as any mac asks for them
#endif
        const bool last = fold.last && band.last;
        const int64_t work = L::band_work(band.at), period = last ? work : int64_t(L::band_period(band.at));
        uint64_t limbs[limbs_of(L::PACE_WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
        clear<limbs_of(L::PACE_WIDTH)>(limbs);
        put_field<L::PERIOD_BITS>(limbs, 0, period);
        put_field<L::PERIOD_BITS>(limbs, word_t::WORK, work);
        put_field<L::PERIOD_BITS>(limbs, word_t::GAP, L::band_gap(band.at));
        put_field<L::START_BITS>(limbs, word_t::START, L::band_start(band.at));
        put_field<1>(limbs, word_t::SINGLE, period == 1);
        put_field<1>(limbs, word_t::STORES, !last);
        ap_uint<L::PACE_WIDTH> word = 0;
        from_limbs<L::PACE_WIDTH>(limbs, word);
        out.write(word);
        if (fold.last) band.step();
        fold.step();
    }
}

// The period that a mac is in.  What decides the next iteration is a register, and no two adders stand behind each other.
template <class L>
struct tile_pace {
    typedef typename upto<(int64_t(1) << L::PERIOD_BITS) - 1>::type count_t;
    typedef typename int_of<L::START_BITS + 2>::type credit_t;

    count_t left, work;  // iterations of this period that are left, and those of the mac, this one included
    bool ends, emits;    // whether this is its last iteration; whether the mac computes
    bool stores, final;  // whether words of this tile are still to come; whether no period follows
    count_t gap;
    credit_t credit;  // a word is stored from 0 on; each iteration adds TILE_WORDS and each word takes that and the gap

    GAN2HLS_INLINE tile_pace()
        : left(L::FIRST_TILE_CYCLES), work(0), ends(L::FIRST_TILE_CYCLES == 1), emits(false), stores(true), final(false),
          gap(0), credit(0) {}

    // Whether this iteration stores a word.
    GAN2HLS_INLINE bool store() const { return stores && credit >= 0; }

    // End an iteration in the middle of a period; `done`: it has stored the last word of a tile.
    GAN2HLS_INLINE void step(bool done) {
        credit += credit >= 0 ? credit_t(-credit_t(gap)) : credit_t(L::TILE_WORDS);
        stores = stores && !done;
        emits = emits && work != 1;
        ends = left == 2;
        --work;
        --left;
    }

    // End the last iteration of a period; `word` is the next one.
    GAN2HLS_INLINE void next(const ap_uint<L::PACE_WIDTH>& word) {
        typedef pace_word<L> word_t;
        uint64_t limbs[limbs_of(L::PACE_WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
        to_limbs<L::PACE_WIDTH>(word, limbs);
        left = count_t(field<L::PERIOD_BITS>(limbs, 0));
        work = count_t(field<L::PERIOD_BITS>(limbs, word_t::WORK));
        gap = count_t(field<L::PERIOD_BITS>(limbs, word_t::GAP));
        credit = credit_t(-credit_t(field<L::START_BITS>(limbs, word_t::START)));
        ends = field<1>(limbs, word_t::SINGLE) != 0;
        stores = field<1>(limbs, word_t::STORES) != 0;
        final = !stores;
        emits = true;
    }
};

// A word of weights in a tile: exactly as wide as it is where the tool takes any width, else native limbs.
template <int BITS>
struct stored_word {
#if GAN2HLS_AP_WIDTHS
    typedef ap_uint<BITS> type;

    static GAN2HLS_INLINE void put(const ap_uint<BITS>& word, type& place) { place = word; }
    static GAN2HLS_INLINE void get(const type& place, uint64_t limbs[limbs_of(BITS)]) { to_limbs<BITS>(place, limbs); }
#else
    typedef uint64_t type[limbs_of(BITS)];

    static GAN2HLS_INLINE void put(const ap_uint<BITS>& word, type& place) { to_limbs<BITS>(word, place); }
    static GAN2HLS_INLINE void get(const type& place, uint64_t limbs[limbs_of(BITS)]) {
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int n = 0; n < limbs_of(BITS); ++n) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires
#endif
            limbs[n] = place[n];
        }
    }
#endif
};

// The word of weights that a codec reads as if it stood in a ROM.  The mac puts it there in the iteration in which it is
// read, so that these are wires: a store that a load of the same clock follows.
template <class L>
struct tile_word : L {
    static uint64_t limbs[L::WEIGHT_LIMBS];

    static GAN2HLS_INLINE uint64_t weight_rom(int, int limb) {
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
        return limbs[limb];
    }
};

template <class L>
uint64_t tile_word<L>::limbs[L::WEIGHT_LIMBS];

}  // namespace gan2hls

#endif
