// programs.hpp - the recurrences of blocks that take beats of some streams in turn, or send beats to some in turn.
#ifndef GAN2HLS_TIMING_PROGRAMS_HPP
#define GAN2HLS_TIMING_PROGRAMS_HPP

#include "sequences.hpp"

namespace gan2hls {

// Where a program is: a phase, its repetition and the step in that, in three integers of a block's state.
class place_of {
public:
    place_of(const block& b, int64_t* state) : phases_(b.table(0)), does_(b.table(1)), count_(b.numbers[1]), at_(state) {}

    // What the step does.
    int64_t does() const { return does_[phase()[0] + at_[2]]; }

    // How often the step comes from here on, before any other.
    int64_t times() const { return phase()[1] == 1 ? phase()[2] - at_[1] : 1; }

    // Go on, by so many of one step.
    void next(int64_t times) {
        const int64_t *now = phase(), steps = now[1];
        if (steps > 1) {
            if (++at_[2] < steps) return;
            at_[2] = 0;
        }
        at_[1] += times;
        if (at_[1] == now[2]) {
            at_[1] = 0;
            at_[0] = (at_[0] + 1) % count_;
        }
    }

private:
    const int64_t *phases_, *does_;
    int64_t count_;
    int64_t* at_;

    const int64_t* phase() const { return phases_ + 3 * at_[0]; }
};

// Return the first clock from `clock` on in which all beats that a step takes are valid; -1: not known yet.
inline int64_t offered(const arrays& net, const block& b, int64_t does, int64_t clock) {
    for (int64_t stream = 0; stream < b.numbers[0]; ++stream) {
        if (!(does >> (stream + 1) & 1)) continue;
        const reading in(net, b.ports + 4 * stream);
        const int64_t beat = in.gate.count();
        if (in.valid() <= beat) return -1;
        clock = std::max(clock, in.valid_from(beat));
    }
    return clock;
}

// Follow a program: each step takes a beat of some streams in one clock, and may offer one in the next.
//
// A step that offers waits until the former beat has left, or leaves.  One that takes a beat of the same single stream
// as the step before it is held up by gates behind it alone, and by that stream: its gate opens ahead, and it is done
// when its beat was taken.  Ports: streams, then the one that is written; numbers: of streams, of phases; tables: first
// step, steps and repetitions of each phase, then what steps do: bit 0 offers, the others take; state: first clock of
// the next step that is to be done; phase, repetition, step of the next one to open, and of the next to be done; how
// many are between the two, and their offers; the stream that the last one took alone, and 1.
inline bool steps(const arrays& net, const block& b) {
    const int64_t count = b.numbers[0];
    writing out(net, b.ports + 4 * count);
    place_of opening(b, b.state + 1), doing(b, b.state + 4);
    int64_t &clock = b.state[0], &between = b.state[7], &offers = b.state[8], &alone = b.state[9];
    const bool ahead = out.least_step() == 1;
    bool moved = false, going = true;
    while (going) {
        going = false;
        while (between > 0) {
            const int64_t does = doing.does();
            const reading in(net, b.ports + 4 * (alone - 1));
            const int64_t beat = in.gate.count() - between;
            int64_t times = std::min(std::min(doing.times(), between), in.take.count() - beat);
            if (does & 1) times = std::min(times, out.room() - out.offer.count());
            if (times <= 0) break;
            if (does & 1) {
                for (int64_t n = beat; n < beat + times; ++n) out.offer.add(in.take[n] + 1);
                offers -= times;
            }
            clock = in.take[beat + times - 1] + 1;
            between -= times;
            doing.next(times);
            going = true;
        }
        going |= out.meet();
        const int64_t known = out.wanted();
        while (true) {
            const int64_t does = opening.does(), n = out.offer.count() + offers;
            int64_t times = 1;
            if (does & 1 && n == out.offer.limit()) break;
            if (ahead && alone > 0 && does >> 1 == int64_t(1) << (alone - 1)) {
                reading in(net, b.ports + 4 * (alone - 1));
                times = std::min(opening.times(), in.room() - in.gate.count());
                if (does & 1) {
                    times = std::min(times, std::min(known + 1, out.offer.limit()) - n);
                    offers += std::max<int64_t>(times, 0);
                }
                if (times <= 0) break;
                for (int64_t offer = n; offer < n + times; ++offer)
                    in.gate.add(does & 1 && offer > 0 ? out.last_gate(offer - 1) : ANY);
                between += times;
            } else {
                if (between > 0 || (does & 1 && out.leave.count() < n)) break;
                int64_t from = clock;
                if (does & 1 && n > 0) from = std::max(from, out.leave[n - 1]);
                from = offered(net, b, does, from);
                if (from < 0) break;
                alone = 0;
                for (int64_t stream = 0; stream < count; ++stream)
                    if (does >> (stream + 1) & 1) {
                        sequence(net, b.ports[4 * stream + 1]).add(from);
                        alone = stream + 1;
                    }
                if (does >> 1 & ((does >> 1) - 1)) alone = 0;
                if (does & 1) {
                    out.offer.add(from + 1);
                    out.meet();
                }
                clock = from + 1;
                doing.next(1);
            }
            opening.next(times);
            going = true;
        }
        moved |= going;
    }
    return moved;
}

// Take a beat of each stream in one clock, and offer one in the next.
//
// Each of them is held up by the others' beats and by the former one that is made.  If that may leave a clock after the
// one before it, it is late only where gates are.  Ports: streams, then the one that is written; number: of streams.
inline bool join(const arrays& net, const block& b) {
    const int64_t count = b.numbers[0];
    writing out(net, b.ports + 4 * count);
    const bool ahead = out.least_step() == 1;
    bool moved = false, passed = true;
    while (passed) {
        int64_t taken = out.room();
        for (int64_t stream = 0; stream < count; ++stream)
            taken = std::min(taken, reading(net, b.ports + 4 * stream).take.count());
        const sequence first = reading(net, b.ports).take;
        for (int64_t n = out.offer.count(); n < taken; ++n) {
            out.offer.add(first[n] + 1);
            moved = true;
        }
        passed = out.meet();
        moved |= passed;
    }
    const int64_t known = 1 + (ahead ? out.wanted() : out.leave.count());
    for (int64_t stream = 0; stream < count; ++stream) {
        reading in(net, b.ports + 4 * stream);
        int64_t most = std::min(in.room(), known);
        for (int64_t other = 0; other < count; ++other)
            if (other != stream) most = std::min(most, reading(net, b.ports + 4 * other).valid());
        for (int64_t n = in.gate.count(); n < most; ++n) {
            int64_t opened = ANY;
            if (n > 0) opened = ahead ? out.last_gate(n - 1) : out.leave[n - 1];
            for (int64_t other = 0; other < count; ++other)
                if (other != stream) opened = std::max(opened, reading(net, b.ports + 4 * other).valid_from(n));
            in.gate.add(opened);
            moved = true;
        }
    }
    return moved;
}

// Return the ports of the stream to which `beat` is dealt.
inline const int64_t* dealt_to(const arrays& net, const block& b, int64_t beat) {
    const int64_t* ports = b.ports + 4;
    for (int64_t turn = beat / b.numbers[1] % b.numbers[0]; turn > 0; --turn)
        ports += 2 + 2 * sequence(net, *ports).readers();
    return ports;
}

// Send a number of beats to each of some streams in turn, through one register.
//
// A beat is taken when the former one leaves, which is late only where gates are if its stream may have a beat a clock.
// Ports: the stream that is read, by nobody else, then those that are written; numbers: of streams, of beats in a turn;
// state: beats offered, clock in which the last of them was taken.
inline bool deal(const arrays& net, const block& b) {
    reading in(net, b.ports);
    const int64_t beats = b.numbers[1];
    int64_t dealt = b.state[0], clock = b.state[1];
    bool moved = false;
    if (dealt > 0) moved = writing(net, dealt_to(net, b, dealt - 1)).meet();
    while (dealt < in.take.count()) {
        writing out(net, dealt_to(net, b, dealt));
        int64_t times = std::min(in.take.count() - dealt, beats - dealt % beats);
        times = std::min(times, out.room() - out.offer.count());
        if (times <= 0) break;
        for (int64_t n = dealt; n < dealt + times; ++n) {
            clock = in.take[n];
            out.offer.add(clock + 1);
        }
        out.meet();
        dealt += times;
        moved = true;
    }
    const int64_t most = in.room();
    if (in.gate.count() == 0) {
        in.gate.add(ANY);
        moved = true;
    }
    while (in.gate.count() < most) {
        const int64_t opened = in.gate.count(), former = opened - 1;
        const writing out(net, dealt_to(net, b, former));
        const int64_t first = former / (beats * b.numbers[0]) * beats + former % beats;  // of that stream
        if (out.least_step() == 1) {
            int64_t times = std::min(most - opened, beats - former % beats);
            times = std::min(times, out.wanted() - first);
            if (times <= 0) break;
            for (int64_t n = first; n < first + times; ++n) in.gate.add(out.last_gate(n));
        } else {
            if (out.leave.count() <= first) break;
            int64_t left = out.leave[first];
            if (dealt == opened && in.offer.count() > opened) {  // it is known when it will be taken
                left = clock = std::max(std::max(clock + 1, in.offer[opened]), left);
                writing next(net, dealt_to(net, b, opened));
                next.offer.add(clock + 1);
                next.meet();
                dealt = opened + 1;
            }
            in.gate.add(left);
        }
        moved = true;
    }
    b.state[0] = dealt;
    b.state[1] = clock;
    return moved;
}

}  // namespace gan2hls

#endif
