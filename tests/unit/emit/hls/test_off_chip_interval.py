"""The estimated interval of engines whose weights are off chip, beside their loops run clock by clock.

Each process does an iteration a clock if the words that it reads are there and those that it writes have room, begins a
frame anew when its loop has run empty, and what it writes arrives as late as its pipeline is long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
import pytest

from gan2hls.emit.hls.config import reorder_cycles, reorder_period
from gan2hls.emit.hls.feeder import feeder_program
from gan2hls.emit.hls.latency import latency_cycles, restart_cycles
from gan2hls.emit.hls.layer import LayerView, layer_view
from gan2hls.emit.hls.process import Process
from gan2hls.emit.hls.tiles import MEMORY_CLOCKS, tile_program
from gan2hls.hardware import Design, LinearEngine
from tests.cosim.hls_chains import random_design
from tests.cosim.test_rtl_skip import sparse_random_design
from tests.randomized import random_off_chip

#: Names of the streams that an iteration reads, and of those that it writes.
Iteration = tuple[tuple[str, ...], tuple[str, ...]]

_FRAMES = 4
_FIFO_WORDS = 2


def loop(engine: LinearEngine, process: Process) -> list[Iteration]:
    """The iterations of a frame."""
    reads, write = tuple(stream.name for stream in process.sources), (process.sink.name,)
    match process.kind:
        case "feeder" | "skip_feeder":
            return list(feeder(engine, reads[0]))
        case "band_mac":
            return list(mac(engine, reads[1]))
        case "huffman":
            return list(huffman(engine, process))
        case "expand":
            return list(expand(engine, process))
        case "join_parts":
            return [(reads, write)] * process.cycles
        case "load_weights":
            beats, passes = map(int, process.arguments)
            wait: list[Iteration] = [((), ())] * MEMORY_CLOCKS
            return (([((), write)] * beats + wait) * passes)[:-MEMORY_CLOCKS]
        case "widen":
            factor, _, beats = map(int, process.arguments)
            return [(reads, write if n % factor == factor - 1 else ()) for n in range(beats)]
        case "narrow":
            factor, _, beats = map(int, process.arguments)
            return [(reads if n % factor == 0 else (), write) for n in range(beats)]
        case "reorder":
            assert engine.off_chip is not None
            bands, banks = engine.bands.count, engine.off_chip.banks
            words, alone = engine.reorder_words // banks, banks == 1 or bands == 1
            rounds = [(n % 2 == 0, n % 2 == 1) for n in range(2 * bands)]  # whether a band comes, and one leaves
            if not alone:
                rounds = [(n < bands, n > 0) for n in range(bands + 1)]
            turns = [divmod(n, reorder_period(engine)) for n in range(reorder_cycles(engine))]
            return [
                (reads if turn < words and rounds[n][0] else (), write if turn < words and rounds[n][1] else ())
                for n, turn in turns
            ]
        case "fill":
            taps = np.repeat(engine.pixels, engine.out_beats // engine.pixels.size)
            return [(reads if tapped else (), write) for tapped in taps]
        case "requant" | "table":
            return [(reads, write)] * process.cycles
    raise AssertionError(process.kind)


def feeder(engine: LinearEngine, source: str) -> Iterator[Iteration]:
    for segment in feeder_program(engine):
        for n in range(segment.cycles):
            due = (n + 1) * segment.loads // segment.cycles > n * segment.loads // segment.cycles
            yield (source,) if due else (), ("feed",) if segment.emits else ()


def mac(engine: LinearEngine, weights: str) -> Iterator[Iteration]:
    program, bands = tile_program(engine), engine.bands
    vectors = engine.vector_cycles.reshape(bands.count, bands.rows, -1, engine.co_folds).transpose(0, 3, 1, 2)
    ends = np.cumsum(vectors.reshape(bands.count * engine.co_folds, -1), axis=1) - 1
    paces = [(pace.period, pace.gap, pace.words, pace.start) for pace in program.of_tiles]
    yield from [((weights,), ())] * program.tiles.sizes[0] + [((), ())] * program.trail
    for n, (period, gap, words, start) in enumerate(paces):
        vector_ends, work = set(ends[n].tolist()), int(ends[n, -1]) + 1
        left, credit = (words if n < len(paces) - 1 else 0), -start
        for turn in range(period if n < len(paces) - 1 else work):
            stores = left > 0 and credit >= 0
            left, credit = (left - 1, credit - gap) if stores else (left, credit + words)
            feed = ("feed",) if turn < work else ()
            yield (*feed, *((weights,) if stores else ())), ("accs",) if turn in vector_ends else ()


def huffman(engine: LinearEngine, process: Process) -> Iterator[Iteration]:
    """Bit by bit: a chunk is taken where ``huffman.hpp`` says, and a symbol is sent once its bits are there."""
    assert engine.huffman is not None
    code, number = engine.huffman.code, int(process.sources[0].name.rpartition("_")[2])
    stream, (_, phrases, chunks, cycles) = engine.huffman.streams[number].tolist(), map(str, process.arguments)
    known = set(zip(code.lengths.tolist(), code.codes.tolist(), strict=True))
    reads, write = (process.sources[0].name,), (process.sink.name,)
    for _ in range(engine.bands.count):
        taken = used = sent = 0
        for turn in range(int(cycles)):
            room, left = 16 * taken - used <= 2 * code.longest, int(chunks) - taken
            takes = left > 0 and (room or int(cycles) - turn == left)
            sends = turn > 0 and sent < int(phrases)
            if sends:
                word = length = 0
                while (length, word) not in known:
                    word, length = word << 1 | stream[used + length], length + 1
                assert length <= 16 * taken - used, "a bit is used before it is there"
                used, sent = used + length, sent + 1
            taken += takes
            yield reads if takes else (), write if sends else ()
        assert (taken, sent) == (int(chunks), int(phrases))


def expand(engine: LinearEngine, process: Process) -> Iterator[Iteration]:
    """A phrase is read in the iteration of its first symbol."""
    assert engine.huffman is not None
    coded, number = engine.huffman, int(process.sources[0].name.rpartition("_")[2])
    phrases = coded.code.decode(coded.streams[number], coded.counts[number])
    reads, write = (process.sources[0].name,), (process.sink.name,)
    for _ in range(engine.bands.count):
        for zeros in (phrases >> coded.phrases.symbol_bits).tolist():
            yield reads, write
            yield from [((), write)] * zeros


def interval(view: LayerView) -> int:
    """The clocks between the last two frames."""
    engine = view.engine
    assert isinstance(engine, LinearEngine)
    programs = ("schedule", "band_pixels", "pixel_runs", "runner", "tile_paces")
    processes = [process for process in view.processes if process.kind not in programs]
    loops = [loop(engine, process) for process in processes]
    kinds = [(process.kind, engine.folding.simd) for process in processes]
    latency = {p.sink.name: latency_cycles(*kind) for p, kind in zip(processes, kinds, strict=True)}
    ports = {stream.name for stream in view.parameters}
    words: dict[str, deque[int]] = {process.sink.name: deque() for process in processes}
    at, begins, left, ends = [0] * len(loops), [0] * len(loops), [_FRAMES] * len(loops), []
    clock = 0
    while left[-1]:
        going = []
        for n, iterations in enumerate(loops):
            reads, writes = iterations[at[n]]
            there = all(name in ports or (words[name] and words[name][0] <= clock) for name in reads)
            room = all(name in ports or len(words[name]) < _FIFO_WORDS + latency[name] for name in writes)
            if left[n] and clock >= begins[n] and there and room:
                going.append(n)
        for n in going:
            reads, writes = loops[n][at[n]]
            for name in set(reads) - ports:
                words[name].popleft()
            for name in set(writes) - ports:
                words[name].append(clock + latency[name])
            at[n] += 1
            if at[n] == len(loops[n]):
                at[n], left[n], begins[n] = 0, left[n] - 1, clock + 1 + restart_cycles(*kinds[n])
                ends += [clock] if n == len(loops) - 1 else []
        clock += 1
    return ends[-1] - ends[-2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "bus", "decoders", "phrase"),
    [
        (0, 128, 0, 1),
        (1, 32, 0, 1),
        (4, 64, 0, 1),
        (16, 32, 0, 1),
        (18, 128, 0, 1),
        (0, 128, 4, 1),
        (4, 32, 1, 1),
        (18, 64, 2, 1),
        (0, 128, 4, 8),
        (18, 64, 2, 3),
    ],
)
def test_no_frame_takes_longer_than_estimated(seed: int, bus: int, decoders: int, phrase: int) -> None:
    """And not much less where it takes long."""
    rng = np.random.default_rng(seed)
    check(random_off_chip(rng, random_design(seed, layers=8), bus, part=1.0, decoders=decoders, phrase=phrase))


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "bus", "decoders"), [(2, 64, 0), (5, 32, 0), (600, 128, 0), (601, 64, 2)])
def test_nor_where_empty_blocks_are_skipped(seed: int, bus: int, decoders: int) -> None:
    made = random_off_chip(np.random.default_rng(seed), sparse_random_design(seed), bus, part=1.0, decoders=decoders)
    check(made, skips=True)


def check(made: Design, *, skips: bool = False) -> None:
    """Run the loops of every engine whose weights are off chip; ``skips``: of those that skip empty blocks."""
    away = [e for e in made.engines if isinstance(e, LinearEngine) and e.off_chip is not None]
    away = [engine for engine in away if not skips or engine.skip is not None]
    assert len(away) > (2 if skips else 4)
    for engine in away:
        view = layer_view(engine, *made.edges_into(engine))
        (cycles,) = (process.cycles for process in view.processes if process.kind == "band_mac")
        assert cycles == len(list(mac(engine, "words"))), engine.layer.name
        found = interval(view)
        times = 3 if engine.huffman else 2  # slow decoders of a single band are counted twice
        assert found <= view.interval <= times * found + 300, engine.layer.name
