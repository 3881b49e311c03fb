// memory_port.hpp - the ports of external memories, which ask for bursts of the queues behind them in turn.
#ifndef GAN2HLS_TIMING_MEMORY_PORT_HPP
#define GAN2HLS_TIMING_MEMORY_PORT_HPP

#include "from_memory.hpp"

namespace gan2hls {

// Beyond every clock.
constexpr int64_t NEVER = int64_t(1) << 62;

// What stands in a block's state for each client of a port.
struct client_state {
    int64_t ready;  // 1 more than the first clock from which it can ask for a burst; 0: not known yet
    int64_t asked;  // beats so far
    int64_t begun;  // those of them that are of the same frame as the next one
    int64_t last;   // clock of the last of them
    int64_t again;  // clock from which it may ask again, whatever there is
};
static_assert(sizeof(client_state) == CLIENT * sizeof(int64_t), "layout.py says how long it is");

// What a reader and a writer have in common: clients that take turns, and bursts that the memory serves in order.
//
// Numbers: clients, bursts on their way, clocks of the memory; tables: of each client, beats of a region or a frame,
// and of a burst; state: the next clock in which it may ask, whose turn it is, the first clock in which the memory
// could move another beat, bursts so far, the first clock in which any client can ask, as far as it is known; then, of
// each burst that may be on its way, the last clock in which it is; then a `client_state` of each client.
class master {
public:
    const block b;

    master(const arrays& net, int64_t number) : b(block_of(net, number)), net_(net), number_(number) {}

    int64_t clients() const { return b.numbers[0]; }
    int64_t outstanding() const { return b.numbers[1]; }
    int64_t memory_clocks() const { return b.numbers[2]; }

    client_state& client(int64_t n) const {
        return reinterpret_cast<client_state*>(b.state + LASTS + outstanding())[n];
    }
    // Find the first clock in which any client can ask, as far as it is known, which `first_ask` tells then.
    void find_first() const {
        int64_t first = NEVER;
        for (int64_t n = 0; n < clients(); ++n) first = std::min(first, can_ask(n, b.state[0]));
        b.state[4] = first;
    }
    int64_t first_ask() const { return b.state[4]; }
    // The first clock from `clock` on in which client n can ask, as far as it is known.
    int64_t can_ask(int64_t n, int64_t clock) const {
        const int64_t ready = client(n).ready;
        return ready ? std::max(ready - 1, clock) : NEVER;
    }

protected:
    const arrays& net_;

    queued edge(int64_t n) const { return {net_, b.ports + 3 * n}; }
    // Beats of the next burst of client n.
    int64_t beats(int64_t n) const { return std::min(b.table(1)[n], b.table(0)[n] - client(n).begun); }
    // They go from clock `first` on.
    void asked(int64_t n, int64_t count, int64_t first) const {
        client_state& of = client(n);
        of.ready = 0;
        of.asked += count;
        of.begun += count;
        if (of.begun == b.table(0)[n]) of.begun = 0;
        of.last = first + count - 1;
        b.state[2] = first + count;
    }
    // What is on the other side of a queue of client n.
    int64_t neighbour(int64_t n) const { return net_.wakes.data[net_.wakes_at.data[number_] + n]; }

private:
    int64_t number_;
};

// Read regions over and over, and rings, the last clients, where bursts stand that were written.
//
// Ports: bursts of the rings, then what the clients fill; more numbers: regions, beats for which a queue must have
// room; another table: beats of the queues.
class reader : public master {
public:
    using master::master;

    // By how many clocks what a burst does to others comes later than its request.
    int64_t later() const { return memory_clocks() + 3; }

    // Work out from when on client n can ask for a burst, if that is known now.
    void look(int64_t n) const {
        const queued to = fills(n);
        const int64_t burst = b.numbers[5], begin = to.put.count();
        if (begin + (in_ring(n) ? 1 : burst) > to.put.limit()) return;  // all that the network has
        const int64_t last = begin - b.table(2)[n] + burst - 1;
        if (last >= to.free.count()) return;
        int64_t ready = last < 0 ? 0 : to.free[last] + 1;
        if (in_ring(n)) {
            const queued bursts = edge(n - regions());
            const int64_t next = bursts.free.count();
            if (next == bursts.put.count()) return;
            ready = std::max(ready, bursts.put[next] + 2);
        }
        client(n).ready = ready + 1;
    }

    // Ask for it; return the clock of its last beat, and add to `woken` how many blocks are.
    int64_t ask(int64_t n, int64_t clock, int64_t& woken) const {
        queued to = fills(n);
        const int64_t begin = to.put.count(), count = beats(n);
        const int64_t come = std::max(clock + 1 + memory_clocks(), b.state[2]);
        for (int64_t beat = 0; beat < count; ++beat) to.put.set(begin + beat, come + beat);
        to.put.count(begin + count);
        asked(n, count, come);
        const int64_t last = come + count - 1;
        if (in_ring(n)) edge(n - regions()).free.add(last);
        const int64_t other = neighbour(n);
        if (!net_.unpacks.data[other])
            woken += wake(net_, other);
        else if (unpack(net_, block_of(net_, other)))
            woken += wake_neighbours(net_, other);
        return last;
    }

private:
    int64_t regions() const { return b.numbers[4]; }
    bool in_ring(int64_t n) const { return n >= regions(); }
    queued fills(int64_t n) const { return edge(clients() - regions() + n); }
};

// Write rings: a burst when all its beats are there and a place is.
//
// Ports: what the clients bring, then bursts of the rings, whose depths are another table.
class writer : public master {
public:
    using master::master;

    // As of a reader: the first beat leaves two clocks later, for which one can come a clock later.
    int64_t later() const { return 4; }

    // As of a reader.  A burst is whole in the clock after its last beat came, and in the next one it may be asked for.
    void look(int64_t n) const {
        const queued from = edge(n), bursts = places(n);
        const int64_t taken = bursts.put.count() - b.table(2)[n];
        const int64_t begin = client(n).asked, last = begin + beats(n) - 1;
        if (begin == from.put.limit() || last >= from.put.count() || taken >= bursts.free.count()) return;
        int64_t ready = std::max(client(n).again, from.put[last] + 2);
        if (taken >= 0) ready = std::max(ready, bursts.free[taken] + 3);
        client(n).ready = ready + 1;
    }

    // The memory answers some clocks after the last beat is on the bus, which is a clock after it left its queue.
    int64_t ask(int64_t n, int64_t clock, int64_t& woken) const {
        queued from = edge(n), bursts = places(n);
        const int64_t begin = client(n).asked, count = beats(n), first = std::max(clock + 2, b.state[2]);
        for (int64_t beat = 1; beat < count; ++beat) from.free.set(begin + beat, first + beat - 1);
        from.free.count(begin + count);
        asked(n, count, first);
        client(n).again = clock + 2;
        const int64_t answered = first + count + memory_clocks();
        bursts.put.add(answered);
        free_next(n);
        woken += wake(net_, neighbour(n));
        return answered;
    }

    // Free the place of the beat that is in front, if it is there: it stands in a register.
    bool free_next(int64_t n) const {
        queued from = edge(n);
        const client_state& of = client(n);
        if (from.free.count() > of.asked || from.put.count() == of.asked) return false;
        from.free.add(std::max(from.put[of.asked] + 1, of.last));
        return true;
    }

private:
    queued places(int64_t n) const { return edge(clients() + n); }
};

// Let the places of beats be free that a writer has in front of it; return whether there are such.
inline bool free_beats(const arrays& net, int64_t number) {
    const writer to(net, number);
    bool moved = false;
    for (int64_t n = 0; n < to.clients(); ++n) moved |= to.free_next(n);
    return moved;
}

// Ask for bursts: of whose turn it is, where it can; a turn that cannot is passed on in a clock.
//
// Returns how many blocks are woken.  It asks no further than to `horizon`.
template <class port>
int64_t ask(const port& of, int64_t horizon) {
    const int64_t count = of.clients(), outstanding = of.outstanding();
    int64_t &clock = of.b.state[0], &turn = of.b.state[TURN], &bursts = of.b.state[3], woken = 0;
    while (true) {
        int64_t passed = 0, first = NEVER;
        for (int64_t n = turn; passed < count; ++passed, n = n + 1 < count ? n + 1 : 0) {
            const int64_t from = of.can_ask(n, clock);
            if (from <= clock + passed) break;
            first = std::min(first, from);
        }
        const bool found = passed < count && clock + passed <= horizon;
        if (!found) {
            if (passed == count) passed = std::max(first - clock, count);  // nobody can before the first one can
            passed = std::min(passed, horizon + 1 - clock);
            if (passed <= 0) return woken;
        }
        clock += passed;
        turn = (turn + passed) % count;
        if (!found) continue;
        int64_t& last = of.b.state[LASTS + bursts % outstanding];
        if (bursts >= outstanding && last >= clock) {
            clock = last + 1;
            continue;
        }
        last = of.ask(turn, clock, woken);
        of.look(turn);
        ++bursts;
        turn = (turn + 1) % count;
        ++clock;
    }
}

// Do `act` with every reader and writer.
template <class action>
void for_masters(const arrays& net, const action& act) {
    for (int64_t at = 0; at < net.memory.rows; ++at) {
        const int64_t number = net.memory.data[at];
        if (net.kinds.data[number] == READER)
            act(reader(net, number));
        else
            act(writer(net, number));
    }
}

// Let the ports ask for bursts; return how many blocks that wakes: 0, as none can ask any more.
//
// They must only go on when no other block can.  Then whatever is not known yet is behind bursts that they have not
// asked for yet, and no port asks further than to the clock before the first of those could matter.  Nobody else wakes
// them, but a writer for the places of its beats, and they wake who is on the other side of their queues; an `unpack`
// goes on at once, and wakes whom it has a row for.  So as long as nobody is woken, only who has asked can do so
// earlier.
inline int64_t ask_all(const arrays& net) {
    int64_t woken = 0, horizon;
    const auto look = [&](const auto& of) {
        for (int64_t n = 0; n < of.clients(); ++n)
            if (of.client(n).ready == 0) of.look(n);
    };
    const auto see = [&](const auto& of) {
        of.find_first();
        horizon = std::min(horizon, of.first_ask() + of.later() - 1);
    };
    const auto let = [&](const auto& of) {
        if (of.first_ask() <= horizon) woken += ask(of, horizon);
    };
    for_masters(net, look);
    while (woken == 0) {
        horizon = NEVER;
        for_masters(net, see);
        if (horizon >= NEVER) break;
        for_masters(net, let);
    }
    return woken;
}

}  // namespace gan2hls

#endif
