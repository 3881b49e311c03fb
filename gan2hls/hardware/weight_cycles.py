"""The part of the cycle model between external memory and engines: ports, decoders, tiles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np

from gan2hls import timing
from gan2hls.hardware.entropy import CHUNK_BITS, HuffmanStreams
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.memory_map import OUTSTANDING, MemoryMap, Region
from gan2hls.timing import Block, Queue, Stream

#: Clocks from a request to its first beat of a memory that answers at once, as that of a project's bench.
MEMORY_CLOCKS = 2
#: Tiles of weights that an engine holds.
TILES = 2
# Clocks between events, from the headers of the RTL library.
_FULL_TO_INPUT = 2  # from the last word of an engine's tiles to the first input beat
_RELEASE_TO_READY, _RING_RELEASE_TO_READY = 5, 7
_SYMBOL_TO_PUSH = 4
_SYMBOL_QUEUE = 8
# Clocks in which rings pass their turns on after a reset: until weights are asked for, and until the first input, which
# comes that late in a project's bench where no weights are waited for.
_RESET_TO_REQUEST, _RESET_TO_INPUT = 1, 8
#: Passes of weights that are read ahead of the last frame, beyond those of tiles and queues.
_MORE_PASSES = 2


@final
@dataclass(frozen=True)
class Weights:
    """How the weights of engines come, for so many frames.

    Attributes:
        blocks: from the memory to the tiles.
        tiles: tiles of each engine, by layer; their words where blocks are skipped.
        queues: of beats, by region, which a port fills.
    """

    blocks: tuple[Block, ...]
    tiles: dict[str, Queue]
    queues: dict[Region, Queue]

    def source(self, stream: Stream, frames: int) -> Block:
        """Return the source of an input: frames come in once all engines have all the weights that they can hold."""
        return timing.source(stream, frames, {queue: queue.depth for queue in self.tiles.values()}, _FULL_TO_INPUT)


def weights_from_memory(memory: MemoryMap | None, frames: int) -> Weights:
    """Return how weights come from the ports of ``memory``.

    Engines read ahead of the last frame as of any other one.
    """
    if memory is None:
        return Weights((), {}, {})
    blocks: list[Block] = []
    tiles: dict[str, Queue] = {}
    queues: dict[Region, Queue] = {}
    for engine in memory.engines:
        name, beats = engine.layer.name, engine.stream_beats
        depth, pass_words = (TILES, engine.co_folds) if engine.skip is None else (engine.tiles.held, engine.tiles.words)
        ahead = -(-depth // pass_words) - (-memory.queue_beats // min(beats)) + _MORE_PASSES
        passes = len(engine.layers) * engine.bands.count * frames + ahead
        given = [Queue(f"{name}.{n}.port", count * passes, memory.queue_beats) for n, count in enumerate(beats)]
        tiles[name] = Queue(f"{name}.tiles", passes * pass_words, depth)
        to_ready = _RELEASE_TO_READY if engine.skip is None else _RING_RELEASE_TO_READY
        if engine.huffman is None:
            blocks.append(timing.unpack(given[0], tiles[name], passes * engine.tiles.words, to_ready))
        else:
            made, words = _decoded(engine, engine.huffman, given, passes)
            blocks += (*made, timing.loader(words, tiles[name], to_ready))
        queues |= zip(memory.regions_of(name), given, strict=True)
    return Weights(tuple(blocks), tiles, queues)


def memory_ports(memory: MemoryMap | None, weights: Weights, frames: int, memory_clocks: int) -> tuple[Block, ...]:
    """Return the readers and writers of ``memory``; ``memory_clocks``: from a request to its first beat."""
    if memory is None:
        return ()
    blocks: list[Block] = []
    passed = _RESET_TO_REQUEST if memory.engines else _RESET_TO_INPUT
    for port in memory.ports:
        rings = [placed.ring.between(placed.name, placed.ring.turns * frames) for placed in port.rings]
        blocks.append(
            timing.reader(
                [weights.queues[region] for region in port.regions],
                [region.beats for region in port.regions],
                rings,
                burst=memory.burst_beats,
                outstanding=OUTSTANDING,
                memory_clocks=memory_clocks,
                turn=0 if port.regions else passed,
            )
        )
        if rings:
            blocks.append(timing.writer(rings, outstanding=OUTSTANDING, memory_clocks=memory_clocks, turn=passed))
    return tuple(blocks)


def _decoded(
    engine: LinearEngine, coded: HuffmanStreams, queues: list[Queue], passes: int
) -> tuple[list[Block], Stream]:
    """Return the decoders that make words of weights of the beats of ``queues``, and the stream of those."""
    assert engine.off_chip is not None, f"{engine.layer.name}: weights stand on chip"
    name, bus = engine.layer.name, engine.off_chip.bus_bits
    blocks, parts = [], []
    code, share = coded.code, coded.word_symbols
    decoding = partial(
        timing.decoder,
        chunk_bits=CHUNK_BITS,
        longest=code.longest,
        beat_chunks=bus // CHUNK_BITS,
        to_push=_SYMBOL_TO_PUSH,
        queue_words=_SYMBOL_QUEUE,
    )
    for n, (queue, lengths, spans) in enumerate(zip(queues, coded.lengths, coded.spans, strict=True)):
        bits, part = lengths.astype(np.int64), Stream(f"{name}.{n}.part", coded.symbols * passes // share)
        parts.append(part)
        if coded.phrases.most == 1:
            blocks.append(decoding(queue, part, bits, joined=share))
            continue
        phrases = Stream(f"{name}.{n}.phrases", lengths.size * passes)
        symbols = part if share == 1 else Stream(f"{name}.{n}.symbols", coded.symbols * passes)
        blocks += [decoding(queue, phrases, bits), timing.expand(phrases, symbols, spans.astype(np.int64))]
        if share > 1:
            blocks.append(timing.up(symbols, part, share))
    if len(parts) == 1:
        return blocks, parts[0]
    words = Stream(f"{name}.words", parts[0].beats)
    return [*blocks, timing.meeting(parts, words)], words
