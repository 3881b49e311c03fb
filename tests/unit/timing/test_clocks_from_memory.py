"""Weights and rings in a memory: the interpreter of networks against a simulation clock by clock."""

from __future__ import annotations

import numpy as np
import pytest

from gan2hls.timing import memory_blocks, network
from gan2hls.timing.memory_blocks import BurstRing
from gan2hls.timing.network import Block, Network, Queue, Stream
from tests.unit.timing.test_clocks import FRAMES, Builder, check


class Away(Builder):
    """Engines one behind the other that read tiles of weights from memories: through converters, or decoders."""

    def __init__(self, seed: int) -> None:
        self.rng, self.blocks = np.random.default_rng(seed), []
        rng = self.rng
        self.burst = int(rng.choice([1, 2, 4]))
        self.queues, self.regions, self.rings, seen = [], [], [], []
        given = stream = self.stream(FRAMES * int(rng.integers(1, 13)))
        for _ in range(int(rng.integers(1, 4))):
            stream, tiles = self.banded(stream)
            seen.append(tiles)
        self.behind(stream, int(rng.integers(0, 2)))
        self.blocks += [
            network.source(given, FRAMES, {tiles: int(rng.integers(1, 3)) for tiles in seen}, int(rng.integers(1, 5))),
            *self.ports(),
        ]

    def ports(self) -> list[Block]:
        """Some ports, between which the regions are dealt at random."""
        rng = self.rng
        clients = [*zip(self.queues, self.regions, strict=True), *self.rings]
        count = int(rng.integers(1, min(3, len(clients)) + 1))
        of = [*range(count), *rng.integers(0, count, len(clients) - count).tolist()]
        made = []
        for port in range(count):
            served = [client for client, at in zip(clients, of, strict=True) if at == port]
            rings = [client for client in served if isinstance(client, BurstRing)]
            regions = [client for client in served if not isinstance(client, BurstRing)]
            numbers = {"outstanding": int(rng.choice([1, 2, 8])), "memory_clocks": int(rng.choice([1, 2, 9, 30]))}
            queues, beats = zip(*regions, strict=True) if regions else ((), ())
            made.append(memory_blocks.reader(queues, beats, rings, burst=self.burst, turn=port, **numbers))
            if rings:
                made.append(memory_blocks.writer(rings, turn=port, **numbers))
        return made

    def banded(self, stream: Stream) -> tuple[Stream, Queue]:
        """An engine; its rows are bands, and tiles follow one another within them."""
        rng, axis = self.rng, self.axis(self.divisor(stream.beats // FRAMES, most=12))
        rows = self.queue(axis.in_size * FRAMES, axis.window + int(rng.integers(0, 3)), early=axis.in_size)
        folds, pixels, bands = int(rng.integers(1, 4)), int(rng.integers(1, 4)), len(axis.outputs)
        passes = bands * FRAMES + 40
        count, sizes = folds * int(rng.integers(1, 6)), ()
        if rng.random() < 0.4:
            sizes = tuple(np.bincount(rng.integers(0, folds, count), minlength=folds).tolist())
        held = max(a + b for a, b in zip(sizes, (*sizes[1:], sizes[0]), strict=True)) if sizes else 2
        tiles = self.queue(passes * (count if sizes else folds), held)
        cycles = rng.integers(1, int(rng.choice([2, 4, 12])), (bands, folds, pixels))
        vectors = self.queue(cycles.size * FRAMES, int(rng.choice([1, 2, 4, 16])))
        acc = self.stream(vectors.words * int(rng.integers(1, 3)))
        self.blocks += [
            self.filled(tiles, passes, count),
            network.loader(stream, rows, int(rng.integers(1, 9))),
            network.sequencer(
                rows, vectors, in_rows=axis.in_size, need=axis.need, released=axis.released, vector_cycles=cycles,
                to_push=int(rng.integers(1, rng.choice([4, 12, 30]))), tiles=tiles, tile_vectors=pixels,
                tile_words=sizes,
            ),
            network.fifo(vectors, acc),
        ]  # fmt: skip
        return self.requant(acc), tiles

    def filled(self, tiles: Queue, passes: int, count: int) -> Block:
        """What writes ``count`` words of weights a pass into ``tiles``."""
        rng, decoders, to_ready = self.rng, int(self.rng.choice([0, 0, 1, 3])), int(self.rng.integers(1, 9))
        if decoders:
            return network.loader(self.words(passes, count, decoders), tiles, to_ready)
        wide = rng.random() < 0.5
        beats = count * int(rng.choice([1, 2, 3])) if wide else count // self.divisor(count, most=4)
        return memory_blocks.unpack(self.region(passes, beats), tiles, passes * count, to_ready)

    def words(self, passes: int, count: int, decoders: int) -> Stream:
        """``count`` words of weights a pass, each of the parts of some decoders."""
        parts = [self.part(passes, count, int(self.rng.choice([1, 2, 3]))) for _ in range(decoders)]
        if decoders == 1:
            return parts[0]
        words = self.stream(count * passes)
        self.blocks.append(memory_blocks.meeting(parts, words))
        return words

    def part(self, passes: int, count: int, ratio: int) -> Stream:
        """A decoder; sometimes chunks are left of a pass."""
        rng, symbols = self.rng, count * ratio
        ends = np.unique([*rng.integers(1, symbols + 1, int(rng.integers(0, symbols + 1))), symbols])
        spans = np.diff(ends, prepend=0) if rng.random() < 0.5 else np.ones(symbols, np.int64)
        lengths = rng.integers(1, int(rng.choice([2, 5, 13])), spans.size)
        beat_chunks = int(rng.choice([2, 4]))
        beats = -(-int(lengths.sum()) // (16 * beat_chunks)) + int(rng.choice([0, 0, 1, 3]))
        joined = ratio if spans.size == symbols else 1
        made = self.stream(lengths.size * passes // joined)
        self.blocks.append(
            memory_blocks.decoder(
                self.region(passes, beats), made, lengths, chunk_bits=16, longest=max(8, int(lengths.max())),
                beat_chunks=beat_chunks, to_push=int(rng.choice([1, 4, 9])), queue_words=int(rng.choice([2, 8])),
                joined=joined,
            )
        )  # fmt: skip
        if spans.size < symbols:
            phrases, made = made, self.stream(symbols * passes)
            self.blocks.append(memory_blocks.expand(phrases, made, spans))
        if ratio == joined:
            return made
        words = self.stream(count * passes)
        self.blocks.append(network.up(made, words, ratio))
        return words

    def ring(self, stream: Stream) -> Stream:
        """A queue in a memory."""
        rng, beats, out = self.rng, stream.beats, self.stream(stream.beats)
        burst = int(rng.integers(1, self.burst + 1))
        bursts = FRAMES * -(-(beats // FRAMES) // burst)
        written, read = self.queue(beats, 2 * self.burst), self.queue(beats, 2 * self.burst)
        places = self.queue(bursts, int(rng.choice([1, 2, 5, 20])))
        self.rings.append(BurstRing(written, places, read, beats // FRAMES, burst))
        self.blocks += [network.loader(stream, written, 1), network.fifo(read, out)]
        return out

    def region(self, passes: int, beats: int) -> Queue:
        """A region of ``beats``, read over and over."""
        queue = self.queue(passes * beats, 4 * self.burst)
        self.queues.append(queue)
        self.regions.append(beats)
        return queue


@pytest.mark.parametrize("seed", [pytest.param(n, marks=pytest.mark.slow) if n > 4 else n for n in range(40)])
def test_engines_that_read_weights_from_a_memory_equal_a_simulation_clock_by_clock(seed: int) -> None:
    check(Network(tuple(Away(seed).blocks)))


class Maps(Away):
    """Rings, some right behind others, and engines of either kind, between branches that meet again."""

    def __init__(self, seed: int) -> None:
        self.rng, self.blocks = np.random.default_rng(seed), []
        rng = self.rng
        self.burst = int(rng.choice([1, 2, 4, 8]))
        self.queues, self.regions, self.rings, seen = [], [], [], []
        given = stream = self.stream(FRAMES * int(rng.integers(1, 60)))
        for _ in range(int(rng.integers(1, 5))):
            match rng.integers(0, 5):
                case 0:
                    stream, tiles = self.banded(stream)
                    seen.append(tiles)
                case 1:
                    late = self.ring(self.requant_of(stream))
                    early, both = (self.stream(stream.beats) for _ in range(2))
                    self.blocks += network.queue(stream, early, 1 << stream.beats.bit_length())
                    self.blocks.append(network.join((early, late), both))
                    stream = both
                case 2:
                    stream = self.ring(self.requant_of(stream))
                case _:
                    stream = self.ring(stream)
        if not self.rings:
            stream = self.ring(stream)
        self.behind(stream, int(rng.integers(0, 2)))
        after = {tiles: int(rng.integers(1, 3)) for tiles in seen}
        self.blocks += [network.source(given, FRAMES, after, int(rng.integers(1, 5))), *self.ports()]


@pytest.mark.parametrize("seed", [pytest.param(n, marks=pytest.mark.slow) if n > 4 else n for n in range(40)])
def test_rings_in_a_memory_equal_a_simulation_clock_by_clock(seed: int) -> None:
    check(Network(tuple(Maps(seed).blocks)))
