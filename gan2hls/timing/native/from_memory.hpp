// from_memory.hpp - the recurrences of blocks between an external memory and an engine: decoders, where parts meet.
#ifndef GAN2HLS_TIMING_FROM_MEMORY_HPP
#define GAN2HLS_TIMING_FROM_MEMORY_HPP

#include "sequences.hpp"

namespace gan2hls {

// Make words of beats, and rows of words: a FIFO, a width converter and a loader, without events between them.
//
// A beat is freed when the FIFO loads it, in the clock in which the former one is taken.  It is taken when the last word
// of that one leaves, or, if it makes a word whole, one clock later; a word leaves when its row has a place.  Ports:
// beats, rows; numbers: words of a beat, beats of a word, words of a row, rows, clocks from a free row to its first
// word; state: beats taken, clock of the last one, beats of a word that is not whole, words that are left, first clock
// of the first of them, clock of the last word that left, place of the next one in its row, row.
inline bool unpack(const arrays& net, const block& b) {
    queued in(net, b.ports), made(net, b.ports + 3);
    const int64_t parts = b.numbers[0], joined = b.numbers[1], row_words = b.numbers[2], rows = b.numbers[3];
    const int64_t registered = parts > 1 || joined > 1;  // a converter stands between FIFO and loader
    int64_t taken = b.state[0], take = b.state[1], beats = b.state[2], left = b.state[3];
    int64_t valid = b.state[4], clock = b.state[5], place = b.state[6], row = b.state[7];
    bool moved = false, going = true;
    while (going) {
        going = false;
        while (left > 0) {
            int64_t opened = ANY;
            if (place == 0 && row >= rows) {
                if (row - rows >= made.free.count()) break;
                opened = made.free[row - rows] + b.numbers[4];
            }
            clock = std::max(std::max(clock + 1, opened), valid);
            --left;
            ++place;
            going = true;
            if (!registered) take = clock;
            if (place == row_words) {
                made.put.add(clock);
                place = 0;
                ++row;
            }
        }
        if (in.free.count() == taken && taken < in.put.count() && (registered || left == 0)) {
            const int64_t loaded = in.put[taken] + 1;
            in.free.add(taken == 0 ? loaded : std::max(loaded, take));
            going = true;
        }
        const int64_t more = left == 0 ? std::min(in.put.count() - taken, joined - 1 - beats) : 0;
        if (more > 0) {  // they make no word whole, so nothing else matters to them
            const int64_t end = taken + more, loaded = in.free.count();
            for (int64_t n = taken; n < end; ++n) {
                const int64_t put = in.put[n];
                if (n >= loaded) in.free.set(n, n == 0 ? put + 1 : std::max(put + 1, take));
                take = std::max(take + 1, put + 2);
            }
            in.free.count(end);
            taken = end;
            beats += more;
            going = true;
        }
        const bool whole = beats + 1 == joined;
        if (in.free.count() > taken && (left == 0 || !whole)) {
            take = std::max(take + 1, in.put[taken] + 2);
            if (whole && registered) take = std::max(take, parts > 1 ? clock : clock + 1);
            ++taken;
            ++beats;
            going = true;
            if (whole) {
                beats = 0;
                left = parts;
                valid = take + registered;
            }
        }
        moved |= going;
    }
    const int64_t state[] = {taken, take, beats, left, valid, clock, place, row};
    std::copy(state, state + 8, b.state);
    return moved;
}

// Make words of coded beats, without events in between: a decoder, what stands in front of it and behind it.
//
// In front: a FIFO, and what makes chunks; behind: the queue of its table, and what joins symbols to words.
//
// A symbol is decoded when the bits that it needs are there, or all of the pass; a chunk is taken where it has room.
// What is left of a pass is dropped before the next one begins.  The queue gives credits, as that of a requantizer does,
// and the last symbol of a word is taken when the former word has left.  Ports: beats, words; numbers: symbols and
// chunks of a pass, bits of a chunk, bits of the longest code, chunks of a beat, clocks from a symbol to its push,
// credits, symbols of a word; tables: bits of a pass before each symbol, and all; the chunk of the pass with which a
// symbol has what it needs; state: beats taken, clock of the last one, chunks of it that are left, first clock of the
// first of them; chunks taken, clock of the last one, symbols of the pass that leave room for the next one; symbols that
// are decoded, that have left the queue, and the first clocks of the next ones; symbols of the next word; clocks of the
// last chunks, and those of the last symbols, twice.
inline bool decoder(const arrays& net, const block& b) {
    queued in(net, b.ports);
    writing out(net, b.ports + 3);
    const int64_t symbols = b.numbers[0], chunks = b.numbers[1], chunk_bits = b.numbers[2], longest = b.numbers[3];
    const int64_t to_push = b.numbers[5], credits = b.numbers[6], joined = b.numbers[7];
    const int64_t *bits = b.table(0), *needs = b.table(1);
    int64_t taken = b.state[0], take = b.state[1], left = b.state[2], valid = b.state[3];
    int64_t chunk = b.state[4], clock = b.state[5], before = b.state[6], decoded = b.state[7];
    int64_t gone = b.state[8], decodes = b.state[9], sends = b.state[10], part = b.state[11];
    const auto chunk_clock = [&](int64_t n) -> int64_t& { return b.state[CHUNKS + (n & (LAST_CHUNKS - 1))]; };
    const auto decoded_at = [&](int64_t n) -> int64_t& { return b.state[DECODED + (n & (LAST_SYMBOLS - 1))]; };
    const auto gone_at = [&](int64_t n) -> int64_t& { return b.state[SENT + (n & (LAST_SYMBOLS - 1))]; };
    const int64_t total = out.offer.limit() * joined;
    int64_t symbol = decoded % symbols, first = decoded / symbols * chunks;
    bool moved = false, going = true;
    while (going) {
        going = false;
        if (in.free.count() == taken && taken < in.put.count()) {
            const int64_t loaded = in.put[taken] + 1;
            in.free.add(taken == 0 ? loaded : std::max(loaded, take));
            going = true;
        }
        if (left == 0 && in.free.count() > taken) {
            take = std::max(std::max(take + 1, in.put[taken] + 2), clock);
            ++taken;
            left = b.numbers[4];
            valid = take + 1;
            going = true;
        }
        while (left > 0) {
            const int64_t start = chunk / chunks * symbols, within = chunk % chunks;
            if (within == 0) before = 0;
            while (before < symbols && bits[before] < within * chunk_bits - 2 * longest) ++before;
            if (decoded < start + before) break;
            int64_t opened = ANY;
            if (within == 0 && chunk > 0)
                opened = std::max(decoded_at(start - 1), clock) + 2;
            else if (before > 0)
                opened = decoded_at(start + before - 1) + 1;
            clock = std::max(std::max(clock + 1, opened), valid);
            chunk_clock(chunk) = clock;
            ++chunk;
            --left;
            going = true;
        }
        for (int64_t n = decoded, end = std::min(total, gone + credits + 1); n < end; ++n) {
            const int64_t last = first + needs[symbol];
            if (chunk <= last) break;
            decodes = std::max(decodes, chunk_clock(last) + 1);
            if (n >= credits) decodes = std::max(decodes, decoded_at(n - credits) + to_push + 2);
            if (n > credits) decodes = std::max(decodes, gone_at(n - credits - 1) + 1);
            decoded_at(n) = decodes;
            decoded = n + 1;
            ++decodes;
            going = true;
            if (++symbol == symbols) {
                symbol = 0;
                first += chunks;
            }
        }
        if (joined == 1) {
            for (int64_t n = out.offer.count(), end = std::min(decoded, out.room()); n < end; ++n)
                out.offer.add(decoded_at(n) + to_push + 2);
            out.meet();
            for (; gone < out.leave.count(); ++gone) {
                gone_at(gone) = out.leave[gone];
                going = true;
            }
        }
        for (int64_t n = gone, end = joined > 1 ? decoded : gone; n < end; ++n) {
            const int64_t word = out.offer.count();
            const bool last = part == joined - 1;
            if (last && word > out.leave.count()) break;
            sends = std::max(sends, decoded_at(n) + to_push + 2);
            if (last && word > 0) sends = std::max(sends, out.leave[word - 1] + 1);
            gone_at(n) = sends;
            gone = n + 1;
            ++sends;
            going = true;
            if (++part == joined) {
                out.offer.add(sends);
                part = 0;
                out.meet();
            }
        }
        going |= out.meet();
        moved |= going;
    }
    const int64_t state[] = {taken, take, left, valid, chunk, clock, before, decoded, gone, decodes, sends, part};
    std::copy(state, state + 12, b.state);
    return moved;
}

// Give the symbols of phrases, a clock each: a phrase is taken in the clock in which its last symbol is put.
//
// Ports: phrases, symbols; number: phrases of a pass; table: symbols of each; state: symbols of the phrase that are put,
// phrases that are done with.
inline bool expand(const arrays& net, const block& b) {
    reading in(net, b.ports);
    writing out(net, b.ports + 4);
    const int64_t phrases = b.numbers[0];
    bool moved = false, going = true;
    while (going) {
        going = false;
        const int64_t n = out.offer.count(), phrase = b.state[1];
        if (phrase < in.take.count()) {
            out.offer.add(in.take[phrase] + 1);
            b.state[0] = 0;
            b.state[1] = phrase + 1;
            going = true;
        } else if (n < out.offer.limit() && out.leave.count() == n) {
            const int64_t before = n > 0 ? out.leave[n - 1] : ANY;
            if (b.state[0] + 1 < b.table(0)[phrase % phrases]) {
                if (phrase < in.offer.count()) {
                    out.offer.add(std::max(before, in.offer[phrase]) + 1);
                    ++b.state[0];
                    going = true;
                }
            } else if (in.gate.count() == phrase) {
                in.gate.add(before);
                moved = true;
            }
        }
        going |= out.meet();
        moved |= going;
    }
    return moved;
}

// Let a beat of each stream leave with the one that they make.  Ports: streams, then the one that is written; number: of
// streams.
inline bool meeting(const arrays& net, const block& b) {
    const int64_t count = b.numbers[0];
    writing out(net, b.ports + 4 * count);
    bool moved = false, passed = true;
    while (passed) {
        int64_t known = out.room();
        for (int64_t stream = 0; stream < count; ++stream)
            known = std::min(known, sequence(net, b.ports[4 * stream]).count());
        for (int64_t n = out.offer.count(); n < known; ++n) {
            int64_t clock = ANY;
            for (int64_t stream = 0; stream < count; ++stream)
                clock = std::max(clock, sequence(net, b.ports[4 * stream])[n]);
            out.offer.add(clock);
            moved = true;
        }
        passed = out.meet();
        moved |= passed;
    }
    for (int64_t n = sequence(net, b.ports[1]).count(); n < out.leave.count(); ++n) {
        for (int64_t stream = 0; stream < count; ++stream) sequence(net, b.ports[4 * stream + 1]).add(out.leave[n]);
        moved = true;
    }
    return moved;
}

}  // namespace gan2hls

#endif
