// recurrences.hpp - the recurrences of blocks with a stream or a queue on either side.
//
// Each lets its block go on as far as the events it needs are known, and returns whether it did.
//
// What makes them fast: gates open far ahead of the beats wherever what a reader must wait for does not depend on them.
// A requantizer takes beat n when output beat n - depth is valid.  Its own pipeline is shorter than that queue, so that
// beat is late only where gates behind it are, and those may be known long before.  Each kind says when this holds.
#ifndef GAN2HLS_TIMING_RECURRENCES_HPP
#define GAN2HLS_TIMING_RECURRENCES_HPP

#include "sequences.hpp"

namespace gan2hls {

// Offer beats.  Ports: mark, stream, words of queues that are seen.
//
// Numbers: beats of a frame, queues, clocks by which the first beat comes later than what it waits for; table: how many
// words of each queue that is; state: next beat to mark.
inline bool source(const arrays& net, const block& b) {
    sequence mark(net, b.ports[0]);
    writing out(net, b.ports + 1);
    int64_t opened = ANY;
    if (out.offer.count() == 0)
        for (int64_t n = 0; n < b.numbers[1]; ++n) {
            const sequence put(net, b.ports[3 + 2 * out.offer.readers() + n]);
            const int64_t words = b.table(0)[n];
            if (put.count() < words) return false;
            opened = std::max(opened, put[words - 1] + b.numbers[2]);
        }
    bool moved = false, passed = true;
    while (passed) {
        for (int64_t n = out.offer.count(), end = out.room(); n < end; ++n) {
            out.offer.add(opened);
            opened = ANY;
            moved = true;
        }
        passed = out.meet();
        for (; b.state[0] < out.leave.count(); b.state[0] += b.numbers[0]) mark.add(out.leave[b.state[0]]);
        moved |= passed;
    }
    return moved;
}

// Take beats.  Ports: stream, mark; number: beats of a frame.
inline bool sink(const arrays& net, const block& b) {
    reading in(net, b.ports);
    sequence mark(net, b.ports[4]);
    const int64_t frame = b.numbers[0];
    while ((mark.count() + 1) * frame <= in.take.count()) mark.add(in.take[(mark.count() + 1) * frame - 1]);
    const int64_t begin = in.gate.count(), end = in.room();
    for (int64_t n = begin; n < end; ++n) in.gate.add(ANY);
    return begin < end;
}

// Join beats: the last part of a wide beat is taken when the former wide beat has left.
//
// Where wide beats may leave as fast as they come, a former one is late only where gates are.  Ports: narrow stream,
// wide one; number: ratio; state: part and wide beat of a gate, first clock in which that beat could leave.
inline bool up(const arrays& net, const block& b) {
    reading in(net, b.ports);
    writing out(net, b.ports + 4);
    const int64_t ratio = b.numbers[0];
    bool moved = false;
    while ((out.offer.count() + 1) * ratio <= in.take.count()) {
        out.offer.add(in.take[(out.offer.count() + 1) * ratio - 1] + 1);
        moved = true;
    }
    moved |= out.meet();
    const int64_t step = out.least_step();
    const bool ahead = step == 1 || (step <= ratio && out.offer.readers() == 1);
    const int64_t known = ahead ? out.wanted() : out.leave.count();
    int64_t part = b.state[0], word = b.state[1], earliest = b.state[2];
    for (int64_t n = in.gate.count(), end = in.room(); n < end; ++n) {
        int64_t opened = ANY;
        if (part == ratio - 1) {
            if (word > known) break;
            if (word > 0) {
                const int64_t left = ahead ? std::max(earliest, out.last_gate(word - 1)) : out.leave[word - 1];
                earliest = left + step;
                opened = left + 1;
            }
        }
        in.gate.add(opened);
        moved = true;
        if (++part == ratio) {
            part = 0;
            ++word;
        }
    }
    b.state[0] = part;
    b.state[1] = word;
    b.state[2] = earliest;
    return moved;
}

// Split beats: a wide beat is taken in the clock in which the last part of the former one leaves.
//
// If parts leave every clock that is the step of this stream, else gates are late.  Ports: wide stream, narrow one;
// number: ratio; state: of `send`, parts whose gates are known, first clock of the next.
inline bool down(const arrays& net, const block& b) {
    reading in(net, b.ports);
    writing out(net, b.ports + 4);
    const int64_t ratio = b.numbers[0];
    sent last = send(out, b.state, in.take, ratio, 1);
    bool moved = last.any;
    while (last.passed) last = send(out, b.state, in.take, ratio, 1);
    const bool ahead = in.gate.step() > 1;
    const int64_t known = ahead ? out.wanted() : out.leave.count();
    int64_t parts = b.state[2], earliest = b.state[3];
    for (int64_t n = in.gate.count(), end = in.room(); n < end && n * ratio <= known; ++n) {
        int64_t opened = ANY;
        for (; ahead && parts < n * ratio; ++parts) {
            opened = std::max(earliest, out.last_gate(parts));
            earliest = opened + 1;
        }
        if (n > 0 && !ahead) opened = out.leave[n * ratio - 1];
        in.gate.add(opened);
        moved = true;
    }
    b.state[2] = parts;
    b.state[3] = earliest;
    return moved;
}

// Write rows.  Ports: stream, rows.
//
// Numbers: beats of a row, rows, clocks from a free row to its first beat, and from its last beat until it is there;
// state: beat and row of a gate.
inline bool loader(const arrays& net, const block& b) {
    reading in(net, b.ports);
    queued made(net, b.ports + 4);
    const int64_t row_beats = b.numbers[0], rows = b.numbers[1], to_ready = b.numbers[2];
    bool moved = false;
    while ((made.put.count() + 1) * row_beats <= in.take.count()) {
        made.put.add(in.take[(made.put.count() + 1) * row_beats - 1] + b.numbers[3]);
        moved = true;
    }
    int64_t beat = b.state[0], row = b.state[1];
    for (int64_t n = in.gate.count(), end = in.room(); n < end; ++n) {
        int64_t opened = ANY;
        if (beat == 0 && row >= rows) {
            if (row - rows >= made.free.count()) break;
            opened = made.free[row - rows] + to_ready;
        }
        in.gate.add(opened);
        moved = true;
        if (++beat == row_beats) {
            beat = 0;
            ++row;
        }
    }
    b.state[0] = beat;
    b.state[1] = row;
    return moved;
}

// Step through rows and vectors.  Ports: rows, tiles if there are, vectors.
//
// That rows are granted four ahead at most holds nothing up, since a row takes a step or more.  Numbers: input rows of
// a frame, output rows, vectors of one, credits, clocks from a vector's last step to its push, vectors of a tile (0:
// there are none), tiles of a pass where they come word by word (0: as a whole); tables: rows needed, rows released,
// steps of vectors, words of tiles; state: row, input rows of former frames, vectors of the row, whether it is granted,
// first clock of the next step, of the next grant, tile of the pass, clock of its grant.
inline bool sequencer(const arrays& net, const block& b) {
    const int64_t in_rows = b.numbers[0], out_rows = b.numbers[1], row_vectors = b.numbers[2], depth = b.numbers[3];
    const int64_t to_push = b.numbers[4], tile_vectors = b.numbers[5], pass_tiles = b.numbers[6];
    queued rows(net, b.ports), made(net, b.ports + (tile_vectors ? 6 : 3));
    queued tiles(net, b.ports + (tile_vectors ? 3 : 0));  // where there are some
    const sequence given = made.credit.limit() ? made.credit : made.free;
    const int64_t *need = b.table(0), *released = b.table(1), *steps = b.table(2);
    const int64_t* sizes = tile_vectors && pass_tiles ? b.table(3) : nullptr;
    int64_t row = b.state[0], before = b.state[1], done = b.state[2], granted = b.state[3];
    int64_t clock = b.state[4], grant = b.state[5], tile = b.state[6], tile_grant = b.state[7];
    int64_t vector = made.put.count();
    bool moved = false;
    while (vector < made.put.limit()) {
        if (!granted) {
            const int64_t needed = before + need[row];
            if (rows.put.count() < needed) break;
            grant = std::max(grant, rows.put[needed - 1] + 1) + 1;
            clock = std::max(clock, grant);
            granted = 1;
        }
        while (done < row_vectors && vector - depth < given.count()) {
            if (tile_vectors && done % tile_vectors == 0) {
                const int64_t size = sizes ? sizes[tile] : 1, needed = tiles.free.count() + size;
                if (tiles.put.count() < needed) break;
                if (size) tile_grant = std::max(tile_grant, tiles.put[needed - 1] + 1);
                if (pass_tiles) ++tile_grant;
                clock = std::max(clock, tile_grant);
            }
            if (vector >= depth) clock = std::max(clock, given[vector - depth] + 1);
            clock += steps[row * row_vectors + done];
            made.put.add(clock - 1 + to_push);
            ++vector;
            ++done;
            moved = true;
            if (tile_vectors && done % tile_vectors == 0) {
                for (int64_t n = sizes ? sizes[tile] : 1; n > 0; --n) tiles.free.add(clock - 1);
                tile = (tile + 1) % std::max<int64_t>(1, pass_tiles);
            }
        }
        if (done < row_vectors) break;
        for (int64_t n = 0; n < released[row]; ++n) rows.free.add(clock - 1);
        granted = done = 0;
        if (++row == out_rows) {
            row = 0;
            before += in_rows;
        }
    }
    const int64_t state[] = {row, before, done, granted, clock, grant, tile, tile_grant};
    std::copy(state, state + 8, b.state);
    return moved;
}

// Send words: one is loaded in the clock in which the last beat of the former one leaves.
//
// Credits are told ahead where gates alone can make them late.  Ports: queue, stream; number: beats of a word; state:
// of `send`, beats whose gates are known, first clock of the next.
inline bool fifo(const arrays& net, const block& b) {
    queued in(net, b.ports);
    writing out(net, b.ports + 3);
    const int64_t ratio = b.numbers[0];
    bool moved = false, passed = true;
    while (passed) {
        const sent last = send(out, b.state, in.put, ratio, 2);
        passed = last.passed;
        moved |= last.any;
        const int64_t loaded = std::min(out.offer.count() - 1, out.leave.count());
        int64_t n = in.free.count();
        for (; n * ratio <= loaded; ++n) {
            const int64_t load = in.put[n] + 1;
            in.free.set(n, n > 0 ? std::max(load, out.leave[n * ratio - 1]) : load);
        }
        in.free.count(n);
    }
    int64_t beats = b.state[2], earliest = b.state[3];
    const int64_t end = std::min(in.credit.limit(), out.wanted() / ratio + 1);
    for (int64_t n = in.credit.count(); n < end; ++n) {
        for (; beats < n * ratio; ++beats) earliest = std::max(earliest, out.last_gate(beats)) + 1;
        in.credit.add(earliest - 1);
        moved = true;
    }
    b.state[2] = beats;
    b.state[3] = earliest;
    return moved;
}

// Make codes: a beat is taken when output beat n - depth is valid, which frees its place in the queue.
//
// If the pipeline is shorter than the queue, that beat is late only where gates are.  Ports: accumulators, codes;
// numbers: latency, credits; state: of `send`, first clock in which the beat of the next gate could leave.
inline bool requant(const arrays& net, const block& b) {
    reading in(net, b.ports);
    writing out(net, b.ports + 4);
    const int64_t latency = b.numbers[0], depth = b.numbers[1];
    sent last = send(out, b.state, in.take, 1, latency + 2);
    bool moved = last.any;
    while (last.passed) last = send(out, b.state, in.take, 1, latency + 2);
    const bool ahead = latency + 2 <= depth && out.least_step() == 1;
    const int64_t known = ahead ? out.wanted() + 1 : std::min(out.offer.count(), out.leave.count() + 1);
    int64_t earliest = b.state[2];
    const int64_t begin = in.gate.count(), end = std::min(in.room(), known + depth);
    for (int64_t n = begin; n < end; ++n) {
        int64_t opened = ANY;
        if (n >= depth && !ahead) opened = out.offer[n - depth];
        if (n > depth) {
            const int64_t former = n - depth - 1;
            earliest = (ahead ? std::max(earliest, out.last_gate(former)) : out.leave[former]) + 1;
            opened = std::max(opened, earliest);
        }
        in.gate.add(opened);
    }
    b.state[2] = earliest;
    return moved || begin < end;
}

// Make codes, also of output pixels without taps, holes; those at the start of a frame wait for its first beat.
//
// Ports: accumulators, codes; numbers: latency, credits, beats of a pixel, pixels of a frame; table: whether a pixel
// has taps; state: beats taken, first clock of the next beat, pixel, its beat, whether a beat of the frame came.
inline bool requant_holes(const arrays& net, const block& b) {
    reading in(net, b.ports);
    writing out(net, b.ports + 4);
    const int64_t latency = b.numbers[0], depth = b.numbers[1], groups = b.numbers[2], pixels = b.numbers[3];
    int64_t taken = b.state[0], clock = b.state[1], pixel = b.state[2], group = b.state[3], started = b.state[4];
    bool moved = false;
    while (true) {
        for (; taken < in.take.count(); ++taken) {
            clock = in.take[taken] + 1;
            out.offer.add(clock + latency + 1);
            moved = true;
        }
        moved |= out.meet();
        const int64_t opened = in.gate.count(), beat = out.offer.count() + opened - taken;
        if (beat == out.offer.limit()) break;
        if (std::min(out.offer.count(), out.leave.count() + 1) <= beat - depth) break;
        int64_t earliest = clock;
        if (beat >= depth) earliest = std::max(earliest, out.offer[beat - depth]);
        if (beat > depth) earliest = std::max(earliest, out.leave[beat - depth - 1] + 1);
        if (b.table(0)[pixel]) {
            if (opened == in.room()) break;
            in.gate.add(earliest);
            started = 1;
        } else {
            if (taken < opened) break;
            if (!started) {
                if (in.offer.count() == taken || in.leave.count() < taken) break;
                earliest = std::max(earliest, in.offer[taken]);
                if (taken > 0) earliest = std::max(earliest, in.leave[taken - 1] + 1);
            }
            out.offer.add(earliest + latency + 2);
            clock = earliest + 1;
        }
        moved = true;
        if (++group == groups) {
            group = 0;
            if (++pixel == pixels) pixel = started = 0;
        }
    }
    const int64_t state[] = {taken, clock, pixel, group, started};
    std::copy(state, state + 5, b.state);
    return moved;
}

}  // namespace gan2hls

#endif
