// sequences.hpp - events in rings, and how the beats of a stream meet.
//
// Events of one sort are a sequence of clocks, in order.  A stream has the sequences
//
//     offer[n]     clock in which its writer alone could make beat n valid
//     gate[r][n]   clock from which reader r alone could take it
//     valid[n]   = max(offer[n], leave[n - 1] + 1)
//     take[r][n] = max(valid[n], gate[r][n], take[r][n - 1] + step[r])
//     leave[n]   = max over r of take[r][n]
//
// where an offer or a gate of ANY adds nothing.  A queue has put[n] and free[n], and credit[n], what its reader can tell
// of free[n] ahead, where that is enough.  The writer of a stream works out take and leave.
//
// Sequences are rings.  Offers and gates run at most `ahead` beats ahead of what has left or was taken, and rings are
// longer by what blocks look back, so nothing is overwritten that is still needed.
//
// layout.hpp, which layout.py writes, says what the arrays of a network are.
#ifndef GAN2HLS_TIMING_SEQUENCES_HPP
#define GAN2HLS_TIMING_SEQUENCES_HPP

#include <algorithm>
#include <cstdint>

#include "layout.hpp"

namespace gan2hls {

// What belongs to one block.
struct block {
    const int64_t* ports;  // numbers of its sequences
    const int64_t* numbers;
    const int64_t* tables_at;
    int64_t* state;
    const int64_t* all_tables;

    const int64_t* table(int n) const { return all_tables + tables_at[n]; }
};

inline block block_of(const arrays& net, int64_t b) {
    return {net.ports.row(b), net.numbers.row(b), net.tables_at.row(b), net.state.row(b), net.tables.data};
}

// A sequence of events.  Where its ring lies is remembered, how many events there are is not.
class sequence {
public:
    sequence(const arrays& net, int64_t number)
        : event_(net.events.data + number), ring_(net.store.data + event_->at), mask_(event_->mask) {}

    int64_t operator[](int64_t n) const { return ring_[n & mask_]; }
    int64_t count() const { return event_->count; }
    int64_t limit() const { return event_->limit; }
    int64_t readers() const { return event_->readers; }
    int64_t step() const { return event_->step; }
    int64_t next() const { return event_->next; }

    // Let the next event happen in `clock`.
    void add(int64_t clock) {
        ring_[event_->count & mask_] = clock;
        ++event_->count;
    }
    // The same of many: set each, then say how many there are.
    void set(int64_t n, int64_t clock) { ring_[n & mask_] = clock; }
    void count(int64_t events) { event_->count = events; }
    void next(int64_t clock) { event_->next = clock; }

    // How many events there may be while those of `done` are the last that were answered.
    int64_t room(const sequence& done) const { return std::min(event_->limit, done.count() + event_->ahead); }

private:
    event* event_;
    int64_t* ring_;
    int64_t mask_;
};

// A stream that a block reads.
struct reading {
    sequence offer, gate, take, leave;

    reading(const arrays& net, const int64_t* ports)
        : offer(net, ports[0]), gate(net, ports[1]), take(net, ports[2]), leave(net, ports[3]) {}

    // Of how many beats it is known when they are valid, but for former takes.
    int64_t valid() const {
        return offer.readers() > 1 ? std::min(offer.count(), leave.count() + 1) : offer.count();
    }
    // When beat n is valid, unless its only reader takes the former one later.
    int64_t valid_from(int64_t n) const {
        return offer.readers() > 1 && n > 0 ? std::max(offer[n], leave[n - 1] + 1) : offer[n];
    }
    // How many gates there may be.
    int64_t room() const { return gate.room(take); }
};

// A stream that a block writes; each of its readers has a gate and takes.
class writing {
public:
    sequence offer, leave;

    writing(const arrays& net, const int64_t* ports)
        : offer(net, ports[0]), leave(net, ports[1]), net_(net), readers_(ports + 2), first_gate_(net, ports[2]) {}

    sequence gate(int64_t reader) const { return {net_, readers_[2 * reader]}; }
    sequence take(int64_t reader) const { return {net_, readers_[2 * reader + 1]}; }

    // How many offers there may be.
    int64_t room() const { return offer.room(leave); }

    // Of how many beats all readers' gates are known.
    int64_t wanted() const {
        int64_t known = offer.limit();
        for (int64_t r = 0; r < offer.readers(); ++r) known = std::min(known, gate(r).count());
        return known;
    }
    // The clock from which all readers could take beat n.
    int64_t last_gate(int64_t n) const {
        int64_t clock = first_gate_[n];
        for (int64_t r = 1; r < offer.readers(); ++r) clock = std::max(clock, gate(r)[n]);
        return clock;
    }
    // The least clocks between beats; of a fork it is only known if 1.
    int64_t least_step() const {
        int64_t least = 1;
        for (int64_t r = 0; r < offer.readers(); ++r) least = std::max(least, gate(r).step());
        return least;
    }

    // Let the beats pass that are offered and wanted; return whether any did.
    bool meet() { return offer.readers() == 1 ? meet_one() : meet_fork(); }

private:
    const arrays& net_;
    const int64_t* readers_;
    sequence first_gate_;

    bool meet_one() {
        const sequence wants = first_gate_;
        const int64_t begin = leave.count(), end = std::min(offer.count(), wants.count()), step = wants.step();
        if (begin >= end) return false;
        int64_t earliest = leave.next();
        for (int64_t n = begin; n < end; ++n) {
            const int64_t clock = std::max(std::max(offer[n], earliest), wants[n]);
            leave.set(n, clock);
            earliest = clock + step;
        }
        leave.count(end);
        leave.next(earliest);
        return true;
    }

    // Each reader takes a beat on its own; the next one is valid when all have.
    bool meet_fork() {
        bool moved = false;
        for (int64_t n = leave.count(); n < offer.count(); ++n) {
            const int64_t valid = std::max(offer[n], leave.next());
            int64_t left = valid;
            bool waiting = false;
            for (int64_t r = 0; r < offer.readers(); ++r) {
                sequence wants = gate(r), takes = take(r);
                if (takes.count() == n) {
                    if (wants.count() == n) {
                        waiting = true;
                        continue;
                    }
                    int64_t clock = std::max(valid, wants[n]);
                    if (n > 0) clock = std::max(clock, takes[n - 1] + wants.step());
                    takes.add(clock);
                    moved = true;
                }
                left = std::max(left, takes[n]);
            }
            if (waiting) break;
            leave.add(left);
            leave.next(left + 1);
        }
        return moved;
    }
};

// A queue, at either end.
struct queued {
    sequence put, free, credit;

    queued(const arrays& net, const int64_t* ports) : put(net, ports[0]), free(net, ports[1]), credit(net, ports[2]) {}
};

// What `send` did: whether anything, and whether beats passed; then there may be room for more.
struct sent {
    bool any, passed;
};

// Offer the `ratio` beats of each of the events `words`, the first `delay` clocks later.  State 0 and 1: part and word
// of the next offer.
inline sent send(writing& out, int64_t* state, const sequence& words, int64_t ratio, int64_t delay) {
    const int64_t end = out.room(), known = words.count(), first = out.offer.count();
    int64_t n = first, part = state[0], word = state[1];
    while (n < end && (part > 0 || word < known)) {
        out.offer.set(n, part == 0 ? words[word] + delay : ANY);
        ++n;
        if (++part == ratio) {
            part = 0;
            ++word;
        }
    }
    out.offer.count(n);
    state[0] = part;
    state[1] = word;
    const bool passed = out.meet();
    return {n > first || passed, passed};
}

// Let block b be ready; return 1 if it was not.
inline int64_t wake(const arrays& net, int64_t b) {
    uint64_t& word = net.ready.data[b / READY_BITS];
    const uint64_t bit = uint64_t(1) << b % READY_BITS;
    if (word & bit) return 0;
    word |= bit;
    return 1;
}

// Let the blocks be ready for which something has happened when b went on; return how many more are.
inline int64_t wake_neighbours(const arrays& net, int64_t b) {
    int64_t more = 0;
    for (int64_t n = net.wakes_at.data[b]; n < net.wakes_at.data[b + 1]; ++n) {
        const int64_t* watched = net.watched.row(n);
        int64_t happened = 0;
        for (int k = 0; k < 3; ++k) happened += net.events.data[watched[k]].count;
        if (happened != net.seen.data[n]) {
            net.seen.data[n] = happened;
            more += wake(net, net.wakes.data[n]);
        }
    }
    return more;
}

}  // namespace gan2hls

#endif
