// tiles.hpp - the pace of an engine whose weights are off chip, and the word of weights at hand.
//
// A tile is the weights of one output fold.  Where empty blocks are skipped (SKIPS), tiles are of any size, that of a fold
// without weights is empty, and a word's address is that among all words of a pass.  Any two neighbours fit into a memory
// of HELD_WORDS words, which they go round.  In a period of a tile the mac works on it, in the first `work` iterations,
// while the words of the next one are stored, evenly spread.  First a tile of FIRST_TILE_WORDS is stored alone, in
// FIRST_TILE_CYCLES iterations; in the last period of a frame nothing is stored.
//
// A process of its own, `tile_paces`, reads the tables, which have PACES entries, each for PACE_REPEATS tiles in turn, and
// sends a period ahead of its start: PACES * PACE_REPEATS iterations, II = 1.
//
// Out: | final | single | start | words | gap | work | period |, PERIOD_BITS bits each of the last four and START_BITS;
// `words` are those of the next tile, `single` says that the period has one iteration, `final` that no tile follows.  A word
// is stored when `start` has been counted off, `words` in an iteration, then whenever `gap` has been.
// Needs from layer L: SKIPS, HELD_WORDS, FOLDS, PACES, PACE_REPEATS, PERIOD_BITS, START_BITS, PACE_WIDTH, FIRST_TILE_WORDS,
// FIRST_TILE_CYCLES and the tables tile_period, tile_work, tile_gap, tile_words, tile_start.
#ifndef GAN2HLS_TILES_HPP
#define GAN2HLS_TILES_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

// Where the fields of a word stand.
template <class L>
struct pace_word {
    static const int WORK = L::PERIOD_BITS, GAP = 2 * L::PERIOD_BITS, WORDS = 3 * L::PERIOD_BITS;
    static const int START = 4 * L::PERIOD_BITS, SINGLE = START + L::START_BITS, FINAL = SINGLE + 1;
    static_assert(L::PACE_WIDTH > FINAL, "a word must hold a period");
};

template <class L>
void tile_paces(hls::stream<ap_uint<L::PACE_WIDTH> >& out) {
    typedef pace_word<L> word_t;
    counter<L::PACE_REPEATS> again;
    counter<L::PACES> pace;
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::PACES * L::PACE_REPEATS>::type cycle = 0; cycle < L::PACES * L::PACE_REPEATS; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // one period a clock, which is as fast as any mac asks for them
#endif
        const bool last = again.last && pace.last;
        const int64_t work = L::tile_work(pace.at), period = last ? work : int64_t(L::tile_period(pace.at));
        uint64_t limbs[limbs_of(L::PACE_WIDTH)];
#ifndef __BAMBU__
#pragma HLS ARRAY_PARTITION variable=limbs complete  // wires, not a memory
#endif
        clear<limbs_of(L::PACE_WIDTH)>(limbs);
        put_field<L::PERIOD_BITS>(limbs, 0, period);
        put_field<L::PERIOD_BITS>(limbs, word_t::WORK, work);
        put_field<L::PERIOD_BITS>(limbs, word_t::GAP, L::tile_gap(pace.at));
        put_field<L::PERIOD_BITS>(limbs, word_t::WORDS, last ? int64_t(0) : int64_t(L::tile_words(pace.at)));
        put_field<L::START_BITS>(limbs, word_t::START, L::tile_start(pace.at));
        put_field<1>(limbs, word_t::SINGLE, period == 1);
        put_field<1>(limbs, word_t::FINAL, last);
        ap_uint<L::PACE_WIDTH> word = 0;
        from_limbs<L::PACE_WIDTH>(limbs, word);
        out.write(word);
        if (again.last) pace.step();
        again.step();
    }
}

// The period that a mac is in.  What decides the next iteration is a register, and no two adders stand behind each other.
template <class L>
struct tile_pace {
    typedef typename upto<(int64_t(1) << L::PERIOD_BITS) - 1>::type count_t;
    typedef typename int_of<L::START_BITS + 2>::type credit_t;

    count_t left, work;  // iterations of this period that are left, and those of the mac, this one included
    bool ends, emits;    // whether this is its last iteration; whether the mac computes
    bool stores, final;  // whether words of the next tile are still to come; whether no period follows
    count_t used, words, missing;  // words of the tile in use, of the next one, and those of it that are still to come
    count_t gap;
    credit_t credit;  // a word is stored from 0 on; each iteration adds `words` and each word takes that and the gap

    GAN2HLS_INLINE tile_pace()
        : left(L::FIRST_TILE_CYCLES), work(0), ends(L::FIRST_TILE_CYCLES == 1), emits(false),
          stores(L::FIRST_TILE_WORDS > 0), final(false), used(0), words(L::FIRST_TILE_WORDS), missing(L::FIRST_TILE_WORDS),
          gap(0), credit(0) {}

    // Whether this iteration stores a word.
    GAN2HLS_INLINE bool store() const { return stores && credit >= 0; }

    // End an iteration in the middle of a period.
    GAN2HLS_INLINE void step() {
        if (store()) {
            stores = missing != 1;
            --missing;
        }
        credit += credit >= 0 ? credit_t(-credit_t(gap)) : credit_t(words);
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
        used = words;
        words = count_t(field<L::PERIOD_BITS>(limbs, word_t::WORDS));
        missing = words;
        stores = words != 0;
        credit = credit_t(-credit_t(field<L::START_BITS>(limbs, word_t::START)));
        ends = field<1>(limbs, word_t::SINGLE) != 0;
        final = field<1>(limbs, word_t::FINAL) != 0;
        emits = true;
    }
};

// Where the tile in use stands in the memory.
template <class L>
struct tile_place {
    typedef typename int_of<bits_for(L::HELD_WORDS + (int64_t(1) << L::ADDRESS_BITS)) + 1>::type place_t;

    place_t base, offset;  // its first word; what an address lies below its place, but for a whole round

    GAN2HLS_INLINE tile_place() : base(0), offset(0) {}

    // The place of the word at `address`.
    GAN2HLS_INLINE int of(int address) const {
        const int at = int(offset) + address;
        return L::SKIPS && at >= L::HELD_WORDS ? at - L::HELD_WORDS : at;
    }

    // Go on behind a tile of so many words; `renews`: addresses begin anew.
    GAN2HLS_INLINE void next(int words, bool renews) {
        const int end = int(base) + words;
        const bool wraps = end >= L::HELD_WORDS;
        base = place_t(wraps ? end - L::HELD_WORDS : end);
        if (renews) {
            offset = base;
        } else if (wraps) {
            offset = place_t(offset - L::HELD_WORDS);
        }
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
