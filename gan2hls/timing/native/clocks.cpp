// clocks.cpp - the interpreter of networks: the clock of every event, exactly.
//
// A block goes on as long as the events that it needs are known (recurrences.hpp), then wakes its neighbours; in which
// order they go on does not matter.  sequences.hpp says what events there are.
#include "from_memory.hpp"
#include "memory_port.hpp"
#include "programs.hpp"
#include "recurrences.hpp"

namespace gan2hls {

// Let a block that is no port go on as far as it can; return whether it did.
static bool advance(const arrays& net, kind of, const block& b) {
    switch (of) {
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
    case PORT: break;
    }
    return false;
}

}  // namespace gan2hls

// Let all blocks go on until none can, up and down the network in turn: beats go one way, gates the other.
extern "C" void evaluate(const gan2hls::arrays* network) {
    using namespace gan2hls;
    const arrays& net = *network;
    constexpr int64_t GROUP = (1 << GROUP_BITS) - 1;  // blocks that are passed over at once, less one
    const int64_t blocks = net.kinds.rows;
    int64_t waiting = 0, step = 1, b = -1;
    for (int64_t n = 0; n < blocks; ++n)
        if (net.kinds.data[n] != PORT) waiting += wake(net, n);
    while (waiting) {
        b += step;
        if (b >= blocks || b < 0) {
            b = std::min(b, blocks);
            step = -step;
        } else if (!net.groups.data[b >> GROUP_BITS]) {
            b = step > 0 ? b | GROUP : b & ~GROUP;  // the last of those side by side, none of which is ready
        } else if (net.ready.data[b]) {
            net.ready.data[b] = false;
            --net.groups.data[b >> GROUP_BITS];
            --waiting;
            if (advance(net, static_cast<kind>(net.kinds.data[b]), block_of(net, b))) waiting += wake_neighbours(net, b);
            if (waiting == 0) waiting = ask_all(net);  // nobody wakes a port
        }
    }
}
