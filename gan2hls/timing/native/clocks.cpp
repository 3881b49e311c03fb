// clocks.cpp - the interpreter of networks: the clock of every event, exactly.
//
// A block goes on as long as the events that it needs are known (recurrences.hpp), then wakes its neighbours; in which
// order they go on does not matter.  sequences.hpp says what events there are.
#include "from_memory.hpp"
#include "memory_port.hpp"
#include "programs.hpp"
#include "recurrences.hpp"

namespace gan2hls {

// Let a block go on as far as it can; return whether it did.
static bool advance(const arrays& net, int64_t number) {
    const block b = block_of(net, number);
    switch (static_cast<kind>(net.kinds.data[number])) {
    case SOURCE: return source(net, b);
    case SINK: return sink(net, b);
    case UP: return up(net, b);
    case DOWN: return down(net, b);
    case LOADER: return loader(net, b);
    case SEQUENCER: return sequencer(net, b);
    case FIFO: return fifo(net, b);
    case STEPS: return steps(net, b);
    case JOIN: return join(net, b);
    case DEAL: return deal(net, b);
    case REQUANT: return requant(net, b);
    case REQUANT_HOLES: return requant_holes(net, b);
    case DECODER: return decoder(net, b);
    case EXPAND: return expand(net, b);
    case MEETING: return meeting(net, b);
    case UNPACK: return unpack(net, b);
    case WRITER: return free_beats(net, number);
    case READER: break;
    }
    return false;
}

// Return the first block from b on, up or down, that is ready; -1: none is.
static int64_t ready_from(const arrays& net, int64_t b, bool up) {
    const int64_t step = up ? 1 : -1;
    for (int64_t n = b / READY_BITS; b >= 0 && n >= 0 && n < net.ready.rows; n += step) {
        const bool first = n == b / READY_BITS;
        uint64_t word = net.ready.data[n];
        if (first) word &= up ? ~uint64_t(0) << b % READY_BITS : ~uint64_t(0) >> (READY_BITS - 1 - b % READY_BITS);
        if (word) return n * READY_BITS + (up ? __builtin_ctzll(word) : READY_BITS - 1 - __builtin_clzll(word));
    }
    return -1;
}

}  // namespace gan2hls

// Let all blocks go on until none can, up and down the network in turn: beats go one way, gates the other.
extern "C" void evaluate(const gan2hls::arrays* network) {
    using namespace gan2hls;
    const arrays& net = *network;
    int64_t waiting = 0, b = 0;
    bool up = true;
    for (int64_t n = 0; n < net.kinds.rows; ++n)
        if (net.kinds.data[n] != READER) waiting += wake(net, n);
    while (waiting) {
        const int64_t next = ready_from(net, b, up);
        if (next < 0) {
            up = !up;
            b = up ? 0 : net.kinds.rows - 1;
            continue;
        }
        net.ready.data[next / READY_BITS] &= ~(uint64_t(1) << next % READY_BITS);
        --waiting;
        const bool moved = advance(net, next);
        if (moved) waiting += wake_neighbours(net, next);
        if (waiting == 0) waiting = ask_all(net);  // nobody wakes a port for that
        b = up ? next + 1 : next - 1;
    }
}
