// memory_port.hpp - the ports of external memories, which ask for bursts of the queues behind them in turn.
#ifndef GAN2HLS_TIMING_MEMORY_PORT_HPP
#define GAN2HLS_TIMING_MEMORY_PORT_HPP

#include "from_memory.hpp"

namespace gan2hls {

// Beyond every clock.
constexpr int64_t NEVER = int64_t(1) << 62;

// The first clock from `clock` on in which queue n of a port has room for a burst, as far as it is known.
inline int64_t has_room(const arrays& net, const block& b, int64_t n, int64_t clock) {
    const sequence put(net, b.ports[3 * n]), free(net, b.ports[3 * n + 1]);
    const int64_t burst = b.numbers[1], depth = b.numbers[2];
    if (put.count() + burst > put.limit()) return NEVER;  // all that the network has
    const int64_t last = put.count() - depth + burst - 1;
    if (last < 0) return clock;
    return last >= free.count() ? NEVER : std::max(clock, free[last] + 1);
}

// Ask for bursts: of whose turn it is, where a queue has room; a turn without room is passed on in a clock.
//
// Returns how many blocks are woken.  It asks no further than `horizon`.  Ports: queues; numbers: queues, beats of a
// burst and of a queue, bursts on their way, clocks from a request to its first beat; table: beats of regions; state:
// the next clock in which it may ask, whose turn it is, the first clock in which the memory could send another beat,
// bursts so far; then the clock of the last beat of each burst that may be on its way.
inline int64_t ask(const arrays& net, int64_t number, int64_t horizon) {
    const block b = block_of(net, number);
    const int64_t count = b.numbers[0], burst = b.numbers[1], outstanding = b.numbers[3], latency = b.numbers[4];
    int64_t &clock = b.state[0], &turn = b.state[1], &end = b.state[2], &bursts = b.state[3], woken = 0;
    while (true) {
        int64_t passed = 0, first = NEVER;
        for (int64_t n = turn; passed < count; ++passed, n = n + 1 < count ? n + 1 : 0) {
            const int64_t room = has_room(net, b, n, clock);
            if (room <= clock + passed) break;
            first = std::min(first, room);
        }
        const bool found = passed < count && clock + passed <= horizon;
        if (!found) {
            if (passed == count) passed = std::max(first - clock, count);  // nobody has room before the first one has
            passed = std::min(passed, horizon + 1 - clock);
            if (passed <= 0) return woken;
        }
        clock += passed;
        turn = (turn + passed) % count;
        if (!found) continue;
        int64_t& last = b.state[LASTS + bursts % outstanding];
        if (bursts >= outstanding && last >= clock) {
            clock = last + 1;
            continue;
        }
        sequence put(net, b.ports[3 * turn]);
        const int64_t asked = put.count(), region = b.table(0)[turn], beats = std::min(burst, region - asked % region);
        const int64_t come = std::max(clock + 1 + latency, end);
        for (int64_t beat = 0; beat < beats; ++beat) put.set(asked + beat, come + beat);
        put.count(asked + beats);
        end = come + beats;
        last = end - 1;
        ++bursts;
        const int64_t reader = net.wakes.data[net.wakes_at.data[number] + turn];
        turn = (turn + 1) % count;
        ++clock;
        if (!net.unpacks.data[reader])
            woken += wake(net, reader);
        else if (unpack(net, block_of(net, reader)))
            woken += wake_neighbours(net, reader);
    }
}

// Let the ports ask for bursts; return how many blocks that wakes: 0, as none can ask any more.
//
// They must only go on when no other block can.  Then whatever is not known yet is behind words that they have not put
// yet, and no port asks further than to the clock in which the first of those could be there.  Nobody else wakes them,
// and they wake who reads what they fill; an `unpack` goes on at once, and wakes whom it has a row for.
inline int64_t ask_all(const arrays& net) {
    int64_t woken = 0;
    while (woken == 0) {
        int64_t horizon = NEVER;
        for (int64_t at = 0; at < net.memory.rows; ++at) {
            const block b = block_of(net, net.memory.data[at]);
            int64_t first = NEVER;
            for (int64_t n = 0; n < b.numbers[0]; ++n) first = std::min(first, has_room(net, b, n, b.state[0]));
            horizon = std::min(horizon, first + 2 + b.numbers[4]);
        }
        if (horizon >= NEVER) break;
        for (int64_t at = 0; at < net.memory.rows; ++at) woken += ask(net, net.memory.data[at], horizon);
    }
    return woken;
}

}  // namespace gan2hls

#endif
