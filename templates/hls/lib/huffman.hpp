// huffman.hpp - the decoder of a canonical prefix code, a symbol a clock.
//
//   The next CODE_LONGEST bits of the stream, the first one most significant, are p.  The length of the next code is the
//   least n with p < CODE_LIMIT(n - 1); its symbol is symbol[(p >> (CODE_LONGEST - n)) + CODE_BASE(n - 1)].
//
// One flat loop of BANDS * CYCLES iterations, II = 1.  A pass over the weights is CHUNKS chunks in CYCLES iterations: the
// first one takes a chunk, each of the next SYMBOLS sends a symbol, and what is left of the last chunks is dropped.
// An iteration takes a chunk when the buffer has room for it, or when as many chunks as iterations are left in the pass.
//
// Invariant: while chunks of the pass are left, the buffer has a whole code.  Bits of a chunk follow those before it, so
// that only the length of a code stands between an iteration and the next one; the symbol is looked up behind that.
// Bits that are none of the code's give some symbols, of as many chunks.
//
// In:  CHUNKS chunks a pass, first bit least significant.  Out: SYMBOLS symbols a pass, in the low bits.
// Needs from layer L: BANDS, CODE_LONGEST, CODE_LIMIT, CODE_BASE, PLACE_BITS and the table `symbol`, of
// symbols by length of code and then by value.
#ifndef GAN2HLS_HUFFMAN_HPP
#define GAN2HLS_HUFFMAN_HPP

#include "bits.hpp"
#include "types.hpp"

namespace gan2hls {

template <class L, int SYMBOLS, int CHUNKS, int CYCLES, int WIDTH_IN, int WIDTH_OUT>
void huffman(hls::stream<ap_uint<WIDTH_IN> >& in, hls::stream<ap_uint<WIDTH_OUT> >& out) {
    static_assert(WIDTH_IN >= L::CODE_LONGEST, "a chunk must hold the longest code");
    static_assert(CYCLES > SYMBOLS && CYCLES >= CHUNKS, "a pass must have time for its chunks and symbols");
    const int LONGEST = L::CODE_LONGEST, BUFFER = WIDTH_IN + 2 * LONGEST, SPARE = CYCLES - CHUNKS;
    static_assert(BUFFER <= 64, "the buffer must be a native integer");
    typedef typename exact_or<ap_uint<BUFFER>, uint64_t>::type buffer_t;
    typedef typename upto<BUFFER>::type count_t;
    typedef typename upto<(1 << L::CODE_LONGEST) - 1>::type prefix_t;
    typedef typename upto<(1 << L::PLACE_BITS) - 1>::type place_t;
    buffer_t buffer = 0;  // the next bit least significant
    count_t count = 0;    // bits in it
    counter<CYCLES> turn;
    counter<SYMBOLS> symbol;
    counter<CHUNKS> chunk;
    counter<(SPARE > 0 ? SPARE : 1)> idle;  // iterations that take no chunk
    bool more = true, spare = SPARE > 0;    // whether chunks, and such iterations, are left in the pass
    bool starts = true, emits = false;      // whether a pass starts; whether a symbol is sent
#ifdef __BAMBU__
#pragma nounroll
#endif
    for (typename upto<L::BANDS * CYCLES>::type cycle = 0; cycle < L::BANDS * CYCLES; ++cycle) {
#ifndef __BAMBU__
#pragma HLS PIPELINE II=1  // a symbol a clock
#endif
        const bool room = count <= 2 * LONGEST;
        const bool take = more && (room || !spare);
        buffer_t filled = buffer;
        if (take) {
            const ap_uint<WIDTH_IN> bits = in.read();
            if (room) filled |= buffer_t(buffer_t(bits.to_uint64()) << count);
        }

        prefix_t prefix = 0;
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int bit = 0; bit < LONGEST; ++bit) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // only wires
#endif
            prefix = prefix_t(prefix << 1 | prefix_t(buffer >> bit & 1));
        }
        buffer_t rest = 0;
        count_t length = 0;
        place_t place = 0;
        bool shorter = false;
#ifdef __BAMBU__
#pragma unroll
#endif
        for (int bit = 0; bit < LONGEST; ++bit) {
#ifndef __BAMBU__
#pragma HLS UNROLL  // all lengths are compared together, and one of them is chosen by masks
#endif
            const bool within = bit == LONGEST - 1 || int(prefix) < L::CODE_LIMIT(bit);
            const bool own = within && !shorter;
            rest |= own ? buffer_t(filled >> (bit + 1)) : buffer_t(0);
            length |= own ? count_t(bit + 1) : count_t(0);
            place |= own ? place_t(int(prefix >> (LONGEST - 1 - bit)) + L::CODE_BASE(bit)) : place_t(0);
            shorter = within;
        }
        if (emits) out.write(ap_uint<WIDTH_OUT>(L::symbol(int(place) & ((1 << L::PLACE_BITS) - 1))));

        const bool ends = turn.last;
        buffer = ends ? buffer_t(0) : emits ? rest : filled;
        count = ends ? count_t(0) : count_t(count + (take && room ? WIDTH_IN : 0) - (emits ? int(length) : 0));
        if (take) {
            more = !chunk.last;
            chunk.step();
        } else {
            spare = !idle.last;
            idle.step();
        }
        if (ends) {
            more = true;
            spare = SPARE > 0;
        }
        const bool sent = emits && symbol.last;
        if (emits) symbol.step();
        emits = !ends && (starts || (emits && !sent));
        starts = ends;
        turn.step();
    }
}

}  // namespace gan2hls

#endif
