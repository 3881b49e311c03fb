"""The interpreter of networks against a simulation clock by clock, forks by hand, and networks that get stuck."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.ops.taps import AxisTaps, conv_axis, conv_transpose_axis
from gan2hls.timing import clocks, layout, network
from gan2hls.timing.network import Block, Network, Queue, Stream
from gan2hls.timing.simulation import Simulation
from gan2hls.timing.simulation import evaluated as simulate
from tests import clocked
from tests.sampling import sampled

Rng = np.random.Generator
FRAMES = 3


class Builder:
    """Random blocks behind a stream, down to sinks."""

    def __init__(self, rng: Rng) -> None:
        self.rng, self.blocks = rng, []
        for _ in range(int(rng.integers(1, 3))):
            stream = self.stream(FRAMES * int(rng.integers(1, 25)))
            self.blocks.append(network.source(stream, FRAMES))
            self.behind(stream, int(rng.integers(1, 5)))

    def stream(self, beats: int) -> Stream:
        return Stream(f"s{len(self.blocks)}.{self.rng.integers(1 << 40)}", beats)

    def queue(self, words: int, depth: int, early: int = 0) -> Queue:
        return Queue(f"q{len(self.blocks)}.{self.rng.integers(1 << 40)}", words, depth, early)

    def behind(self, stream: Stream, stages: int) -> None:
        """Read ``stream``: by another stage, or by several branches."""
        branches = int(self.rng.choice([1, 1, 1, 2, 3])) if stages else 1
        for _ in range(branches):
            if not stages:
                self.blocks.append(network.sink(stream, FRAMES))
                continue
            made = self.rng.choice([self.up, self.down, self.both, self.engine, self.engine, self.requant])(stream)
            self.behind(made, stages - 1)

    def up(self, stream: Stream) -> Stream:
        ratio = self.divisor(stream.beats // FRAMES, most=9)
        if ratio == 1:
            return self.down(stream)
        out = self.stream(stream.beats // ratio)
        self.blocks.append(network.up(stream, out, ratio))
        return out

    def down(self, stream: Stream) -> Stream:
        out = self.stream(stream.beats * int(self.rng.integers(2, 5 if stream.beats < 100 else 3)))
        self.blocks.append(network.down(stream, out, out.beats // stream.beats))
        return out

    def split(self, stream: Stream) -> Stream:
        """As between engines that send and take words of one width, and a narrow queue."""
        narrow, out = self.down(stream), self.stream(stream.beats)
        self.blocks.append(network.up(narrow, out, narrow.beats // out.beats))
        return out

    def both(self, stream: Stream) -> Stream:
        """As between widths of which neither divides the other."""
        return self.down(self.up(stream))

    def engine(self, stream: Stream) -> Stream:
        """A line buffer, a sequencer of random vectors, and a requantizer."""
        axis = self.axis(self.divisor(stream.beats // FRAMES, most=12))
        depth = axis.window + int(self.rng.integers(0, 3))
        rows = self.queue(axis.in_size * FRAMES, depth, early=axis.in_size)
        shape = len(axis.outputs), int(self.rng.integers(1, 4)), int(self.rng.integers(1, 3))
        cycles = self.rng.integers(1, int(self.rng.choice([2, 4, 12])), shape)
        vectors = self.queue(cycles.size * FRAMES, int(self.rng.choice([1, 2, 4, 16])))
        acc = self.stream(vectors.words * int(self.rng.integers(1, 5)))
        self.blocks += [
            network.loader(stream, rows, int(self.rng.integers(1, 9)), int(self.rng.choice([0, 0, 7]))),
            network.sequencer(
                rows, vectors, in_rows=axis.in_size, need=axis.need, released=axis.released, vector_cycles=cycles,
                to_push=int(self.rng.integers(1, self.rng.choice([4, 12, 30]))),
            ),
            network.fifo(vectors, acc),
        ]  # fmt: skip
        return self.requant(acc)

    def requant(self, stream: Stream) -> Stream:
        frame = stream.beats // FRAMES
        groups = self.divisor(frame, most=frame)
        pixels = np.ones(frame // groups, np.int64)
        if self.rng.random() < 0.5:
            pixels = np.insert(pixels, self.rng.integers(0, pixels.size + 1, self.rng.integers(1, 6)), 0)
        out = self.stream(pixels.size * groups * FRAMES)
        latency, words = int(self.rng.integers(1, 20)), int(self.rng.choice([1, 2, 16]))
        self.blocks.append(
            network.requant(stream, out, latency=latency, queue_words=words, pixels=pixels, groups=groups)
        )
        return out

    def requant_of(self, stream: Stream) -> Stream:
        """A requantizer without holes."""
        out = self.stream(stream.beats)
        latency, words = int(self.rng.integers(1, 20)), int(self.rng.choice([1, 2, 16]))
        pixels = np.ones(stream.beats // FRAMES, np.int64)
        self.blocks.append(network.requant(stream, out, latency=latency, queue_words=words, pixels=pixels, groups=1))
        return out

    def axis(self, size: int) -> AxisTaps:
        kernel, stride = int(self.rng.integers(1, min(4, size) + 1)), int(self.rng.integers(1, 3))
        if self.rng.random() < 0.5:
            return conv_axis(size, kernel, stride, 1, (0, kernel - 1))
        return conv_transpose_axis(size, kernel, stride, 1, 0, (size - 1) * stride + kernel)

    def divisor(self, number: int, most: int) -> int:
        return int(self.rng.choice([n for n in range(1, min(number, most) + 1) if number % n == 0]))


def check(net: Network) -> None:
    """Every clock of every edge; what is looked ahead changes nothing, nor what is kept."""
    wires, words = clocked.run(net)
    leaves = {stream: np.max(wire.taken, axis=0) for stream, wire in wires.items()}
    for window in (1, 5, 128):
        found = simulate(net, window=window, keep=net.edges)
        for stream, wire in ((stream, wire) for stream, wire in wires.items() if stream in net.edges):
            moves = found.stream(stream)
            assert moves.valid.tolist() == wire.valid, stream.name
            assert [taken.tolist() for taken in moves.taken] == wire.taken, stream.name
        for queue, moves in words.items():
            passed = found.queue(queue)
            assert (passed.put.tolist(), passed.free.tolist()) == (moves.put, moves.free), queue.name
        told = simulate(net, window=window)
        for block in net.blocks:
            if block.kind == "source":
                assert told.frames(block).tolist() == leaves[block.writes[0]][:: block.numbers[0]].tolist()
            if block.kind == "sink":
                taken = wires[block.reads[0]].taken[net.readers(block.reads[0]).index(block)]
                assert told.frames(block).tolist() == taken[block.numbers[0] - 1 :: block.numbers[0]]


@pytest.mark.parametrize("seed", [pytest.param(n, marks=pytest.mark.slow) if n > 2 else n for n in range(1, 13)])
def test_random_networks_equal_a_simulation_clock_by_clock(seed: int) -> None:
    check(Network(tuple(Builder(np.random.default_rng(seed)).blocks)))


def branches(seed: int) -> Network:
    """A fork whose branches meet again behind queues, but for one: beat by beat, or in turn."""
    build = Builder(np.random.default_rng(seed))
    rng, stream = build.rng, build.stream(24 * FRAMES)
    build.blocks = [network.source(stream, FRAMES)]
    arriving = []
    for _ in range(int(rng.integers(2, 4))):
        branch = build.requant_of(stream) if rng.random() < 0.6 else stream
        out = build.stream(branch.beats)
        if branch is stream and stream not in arriving and rng.random() < 0.3:
            arriving.append(stream)
            continue
        depth = int(rng.choice([2, 16, 128]))
        build.blocks += network.ring(branch, out, 128, 8) if rng.random() < 0.3 else network.queue(branch, out, depth)
        arriving.append(out)
    program = network.Phase(((tuple(range(len(arriving))), True),), 24)
    if rng.random() < 0.5:  # in turn; a fork's branches may then have to wait for long
        takes = tuple(((n,), bool(rng.integers(2)) or n == 0) for n in range(len(arriving)))
        program = network.Phase(takes, 24)
    joined = build.stream(24 * sum(offers for _, offers in program.steps) * FRAMES // (24 // program.repeats))
    build.blocks.append(network.steps(arriving, joined, (program,)))
    build.blocks.append(network.sink(build.requant_of(joined), FRAMES))
    return Network(tuple(build.blocks))


@pytest.mark.parametrize("seed", range(12))
def test_branches_that_meet_equal_a_simulation_clock_by_clock(seed: int) -> None:
    check(branches(seed))


def turns(seed: int) -> Network:
    """One requantizer that streams take turns at, each behind what the turn before it has sent."""
    build = Builder(np.random.default_rng(seed))
    rng, count, beats = build.rng, int(build.rng.integers(2, 5)), int(build.rng.integers(1, 13))
    given = build.stream(beats * FRAMES)
    build.blocks = [network.source(given, FRAMES)]
    ins, outs = [given], [build.stream(beats * FRAMES) for _ in range(count)]
    for out in outs[:-1]:
        behind = build.rng.choice([build.requant_of, build.split, lambda stream: stream])(out)
        held = build.stream(behind.beats)
        build.blocks += network.queue(behind, held, beats + int(rng.integers(0, 4)))
        ins.append(held)
        if rng.random() < 0.5:
            build.blocks.append(network.sink(behind, FRAMES))
    muxed = build.stream(count * beats * FRAMES)
    build.blocks.append(network.take_turns(ins, muxed, beats))
    build.blocks.append(network.deal(build.requant_of(muxed), outs, beats))
    build.behind(outs[-1], int(rng.integers(0, 3)))
    return Network(tuple(build.blocks))


@pytest.mark.parametrize("seed", range(12))
def test_streams_that_take_turns_equal_a_simulation_clock_by_clock(seed: int) -> None:
    check(turns(seed))


def rings(seed: int) -> Network:
    """A ring that fills up, before readers of a slower pace."""
    build = Builder(np.random.default_rng(seed))
    rng, given = build.rng, build.stream(4 * int(build.rng.integers(2, 13)) * FRAMES)
    out = build.stream(given.beats)
    build.blocks = [network.source(given, FRAMES)]
    before = build.requant_of(given) if rng.random() < 0.5 else given
    build.blocks += network.ring(before, out, int(rng.integers(2, 40)), int(rng.choice([2, 8])))
    build.behind(build.down(out), int(rng.integers(0, 3)))
    return Network(tuple(build.blocks))


@pytest.mark.parametrize("seed", range(12))
def test_rings_that_fill_up_equal_a_simulation_clock_by_clock(seed: int) -> None:
    check(rings(seed))


def maps(seed: int) -> Network:
    """A unit that waits for a token with the first beat of a map, which is made of all of its beats, as in a norm."""
    build = Builder(np.random.default_rng(seed))
    rng, beats, count = build.rng, int(build.rng.integers(2, 13)), int(build.rng.integers(1, 4))
    given, held, out = (build.stream(beats * count * FRAMES) for _ in range(3))
    summed, known = (build.stream(count * FRAMES) for _ in range(2))
    sums = (network.Phase((((0,), False),), beats - 1), network.Phase((((0,), True),), 1))
    every = network.Phase((((0,), True),), beats - 1)
    one = np.ones(1, np.int64)
    build.blocks = [
        network.source(given, FRAMES),
        *network.ring(given, held, beats + int(rng.integers(0, 30)), 8),
        network.steps((given,), summed, sums),
        network.requant(summed, known, latency=int(rng.integers(1, 20)), queue_words=64, pixels=one, groups=1),
        network.steps((held, known), out, (network.Phase((((0, 1), True),), 1), every)),
    ]
    build.blocks.append(network.sink(build.requant_of(out), FRAMES))
    return Network(tuple(build.blocks))


@pytest.mark.parametrize("seed", range(6))
def test_units_that_take_one_stream_in_a_row_equal_a_simulation_clock_by_clock(seed: int) -> None:
    check(maps(seed))


@pytest.mark.parametrize(("cycles", "to_push"), [(1, 1), (3, 3), (4, 11), (4, 12), (5, 14), (5, 16)])
def test_an_engine_waits_for_its_accumulator_queue(cycles: int, to_push: int) -> None:
    """Vectors of 4 beats, faster and slower than these, in a queue of 4 words."""
    stream, rows, vectors = Stream("in", 6), Queue("rows", 6, 2, early=2), Queue("vectors", 180, 4)
    acc, out = Stream("acc", 720), Stream("out", 720)
    steps = np.full((2, 30), cycles, np.int64)
    check(
        Network(
            (
                network.source(stream, FRAMES),
                network.loader(stream, rows, 5),
                network.sequencer(
                    rows, vectors, in_rows=2, need=(1, 2), released=(1, 1), vector_cycles=steps, to_push=to_push
                ),
                network.fifo(vectors, acc),
                network.requant(acc, out, latency=7, queue_words=16, pixels=np.ones(60, np.int64), groups=4),
                network.sink(out, FRAMES),
            )
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", sampled(range(1000, 1150), 20))
def test_more_random_networks(seed: int) -> None:
    check(Network(tuple(Builder(np.random.default_rng(seed)).blocks)))


def fork(*ratios: int) -> tuple[Simulation, Stream]:
    """A source whose beats go to a sink, and to a width converter of each of ``ratios`` before another one."""
    stream = Stream("forked", 4)
    blocks = [network.source(stream, 1), network.sink(stream, 1)]
    for n, ratio in enumerate(ratios):
        out = Stream(f"out{n}", 4 * ratio)
        blocks += [network.down(stream, out, ratio), network.sink(out, 1)]
    net = Network(tuple(blocks))
    return simulate(net, keep=net.edges), stream


def test_each_branch_of_a_fork_takes_a_beat_on_its_own_and_it_leaves_with_the_last() -> None:
    found, stream = fork(3)
    moves = found.stream(stream)
    assert moves.valid.tolist() == [0, 1, 4, 7]
    assert [taken.tolist() for taken in moves.taken] == [[0, 1, 4, 7], [0, 3, 6, 9]]


def test_the_slowest_branch_of_a_fork_sets_the_pace_of_all() -> None:
    found, stream = fork(2, 5, 3)
    assert [taken.tolist() for taken in found.stream(stream).taken] == [
        [0, 1, 6, 11],
        [0, 2, 6, 11],
        [0, 5, 10, 15],
        [0, 3, 6, 11],
    ]


def buffered(depth: int, *behind: Block) -> Network:
    """Four rows of two beats; an output row needs three of them."""
    stream, rows, vectors = Stream("in", 8), Queue("rows", 4, depth, early=4), Queue("vectors", 2, 16)
    out = Stream("out", 2)
    steps = np.ones((2, 1), np.int64)
    return Network(
        (
            network.source(stream, 1),
            network.loader(stream, rows, 5),
            network.sequencer(rows, vectors, in_rows=4, need=(3, 4), released=(1, 3), vector_cycles=steps, to_push=9),
            network.fifo(vectors, out),
            network.sink(out, 1),
            *(replace(block, reads=(stream,)) for block in behind),
        )
    )


def test_a_network_that_gets_stuck_names_what_is_full_and_what_is_empty() -> None:
    simulate(buffered(3))
    with pytest.raises(AssertionError, match=r"^stuck: full: in, rows; empty: vectors, out$"):
        simulate(buffered(2))


def test_a_stuck_branch_of_a_fork_is_named() -> None:
    other = network.sink(Stream("in", 8), 1)
    with pytest.raises(AssertionError, match=r"full: in to the loader of rows, rows; empty: in to the sink of in, "):
        simulate(buffered(2, other))


@pytest.mark.cosim
def test_the_evaluation_compiles_without_warnings(tmp_path: Path) -> None:
    (tmp_path / "layout.hpp").write_text(layout.header())
    source = Path(clocks.__file__).parent / "native" / "clocks.cpp"
    command = ["g++", "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{tmp_path}", "-c", str(source)]
    done = subprocess.run([*command, "-o", os.devnull], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_edge_has_one_writer_and_a_reader() -> None:
    stream = Stream("s", 4)
    source, sink = network.source(stream, 1), network.sink(stream, 1)
    for blocks, message in (((source,), "one end only"), ((source, source, sink), "several writers")):
        with pytest.raises(AssertionError, match=message):
            Network(blocks)
