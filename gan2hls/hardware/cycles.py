"""The cycle model: when every beat of the RTL moves, without simulating it.

A design becomes a network of blocks, a recurrence over clock numbers each (the headers in ``templates/rtl/lib`` state
latency and handshake), so back-pressure, credits and line buffers act as they do in hardware.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import final

import numpy as np

from gan2hls import timing
from gan2hls.hardware.design import Design
from gan2hls.hardware.edges import QUEUE_WORDS, RING_OUT_WORDS, Edge
from gan2hls.hardware.engine import OUT_QUEUE_WORDS, EngineDesign
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.off_chip import REORDER_OUT_WORDS
from gan2hls.hardware.stream_engine import StreamEngine
from gan2hls.hardware.weight_cycles import MEMORY_CLOCKS, memory_ports, weights_from_memory
from gan2hls.hardware.width_converters import Converter
from gan2hls.timing import Block, Network, Queue, Stream, simulate

# Clocks between events, from the headers of the RTL library; those of a grant are in ``clocks``.
_RELEASE_TO_READY = 5
_STEP_TO_PUSH = 9
_SKIP = 2  # more from a step to its address, and so to its push and to the release of rows
_READ_TO_PUSH = 2  # of a beat of codes that is reordered
_REQUANT = 7
_TABLE = 2
_FILL = 2

#: Frames that tell the steady state, for frames of fewer clocks: less where a frame is long and its steady state comes
#: sooner.
_FRAMES = ((50_000, 5), (4_000_000, 4))
_LEAST_FRAMES = 3


@final
@dataclass(frozen=True)
class Estimate:
    """What the model predicts at full rate on both sides.

    Attributes:
        layers: MAC cycles of one frame, by layer name (output beats for a layer without weights).
        latency: clocks from the first input beat to the last output beat of the first frame.
        interval: clocks between the last beats of two frames in the steady state.
    """

    layers: dict[str, int]
    latency: int
    interval: int


@lru_cache(maxsize=8)
def estimate(design: Design, memory_clocks: int = MEMORY_CLOCKS) -> Estimate:
    """Return the predicted cycles of ``design`` (remembered by identity: a design never changes).

    ``memory_clocks``: of the external memory, from a request to its first beat.
    """
    layers = {engine.layer.name: engine.work_cycles for engine in design.engines}
    ends = frame_ends(design, frame_count(design), memory_clocks)
    counted = 1 if len(ends) <= _LEAST_FRAMES else 2  # short intervals may alternate
    interval = -(-(ends[-1] - ends[-1 - counted]) // counted)
    # while queues fill up, frames may end sooner one after the other than the slowest engine takes for one
    return Estimate(layers, ends[0], max(interval, port_cycles(design), design.interval_limit))


def port_cycles(design: Design) -> int:
    """Return the clocks in which a frame comes from external memory, a beat of its port each."""
    port = 0 if design.memory is None else design.memory.read_cycles
    linear = (unit for unit in design.units if isinstance(unit, LinearEngine))
    return max(port, max((engine.decode_cycles for engine in linear), default=0))


def frame_ends(design: Design, frames: int, memory_clocks: int = MEMORY_CLOCKS) -> tuple[int, ...]:
    """Return, of each of so many frames, the clocks from the first input beat of all to its last output beat."""
    return _frame_ends(design_network(design, frames, memory_clocks))


@lru_cache(maxsize=64)
def _frame_ends(network: Network) -> tuple[int, ...]:
    """Return the same of the frames of ``network`` (remembered by content: what bits a stream has does not matter)."""
    made = simulate(network)
    first = min(int(made.frames(block)[0]) for block in network.blocks if block.kind == "source")
    ends = [made.frames(block) for block in network.blocks if block.kind == "sink"]
    return tuple((np.max(ends, axis=0) - first).tolist())


@lru_cache(maxsize=8)
def critical_path(design: Design) -> tuple[str, ...]:
    """Return the tensors that decide the latency, from an input to an output.

    Each is, of what the next one reads, that whose first frame is over last at full rate on both sides.
    """
    network = design_network(design, 1)
    ends = [timing.sink(Stream(engine.layer.name, engine.out_beats), 1) for engine in design.engines]
    made = simulate(Network((*network.blocks, *ends)))
    over = {stream.tensor: 0 for stream in design.inputs}
    over |= {end.reads[0].name: int(made.frames(end)[0]) for end in ends}
    reads = {engine.layer.name: engine.layer.inputs for engine in design.engines}
    path = [max((edge.source.tensor for edge in design.edges_out), key=over.__getitem__)]
    while path[-1] in reads:
        path.append(max(reads[path[-1]], key=over.__getitem__))
    return tuple(reversed(path))


@lru_cache(maxsize=8)
def holding_clocks(design: Design) -> int:
    """Return the clocks from the first beat of a frame that is held to the last one that is given; 0: none is held.

    The longest of the maps and the queues in external memory.  The RTL takes the next frame meanwhile; what does not,
    as a ring of the HLS C++, is done with a frame no sooner.
    """
    held = (unit for unit in design.units if isinstance(unit, StreamEngine) and unit.ring is not None)
    names = {f"{queue_name(edge)}.words" for edge in design.edges if edge.ring is not None}
    names |= {f"{unit.layer.name}.held.words" for unit in held}
    engines = tuple(replace(e, bus_bits=0) if isinstance(e, StreamEngine) else e for e in design.engines)
    network = design_network(replace(design, engines=engines, off_chip={}), 1)
    kept = [edge for edge in network.edges if isinstance(edge, Queue) and edge.name in names]
    if not kept:
        return 0
    clocks = map(simulate(network, kept).queue, kept)
    return max(int(one.free[-1] - one.put[0]) + 1 for one in clocks)


def frame_count(design: Design) -> int:
    """Return how many frames tell the steady state of ``design``, in the estimate and in a bench at full rate."""
    return next((frames for clocks, frames in _FRAMES if design.interval_limit < clocks), _LEAST_FRAMES)


def is_long(design: Design) -> bool:
    """Whether a frame of ``design`` is so long that the fewest frames tell its steady state."""
    return frame_count(design) == _LEAST_FRAMES


def queue_name(edge: Edge) -> str:
    """Return the name of the stream that the queue of ``edge`` sends."""
    return f"{edge.reader or 'output'}.{edge.port}.queue"


def turns_queue_name(engine: EngineDesign) -> str:
    """Return the name of the stream that the queue behind the turns of ``engine`` sends."""
    return f"{engine.layer.name}.turns"


def design_network(design: Design, frames: int, memory_clocks: int = MEMORY_CLOCKS) -> Network:
    """Return the blocks of ``design`` between sources that always have data and sinks that are always ready.

    ``memory_clocks``: of the external memory, from a request to its first beat.
    """
    streams = {stream.tensor: Stream(stream.tensor, stream.beats * frames) for stream in design.inputs}
    weights = weights_from_memory(design.memory, frames)
    ports = memory_ports(design.memory, weights, frames, memory_clocks)
    blocks = [*ports, *weights.blocks, *(weights.source(stream, frames) for stream in streams.values())]
    streams |= {e.layer.name: Stream(e.layer.name, e.out_beats * frames) for e in design.engines}
    for unit in design.units:
        arriving = []
        for edge in design.edges_into(unit):
            made, stream = edge_blocks(edge, streams[edge.source.tensor])
            blocks += made
            arriving.append(stream)
        outs = [streams[layer.name] for layer in unit.layers]
        blocks += unit_blocks(unit, arriving, outs, frames, weights.tiles.get(unit.layer.name))
    for edge in design.edges_out:
        made, stream = edge_blocks(edge, streams[edge.source.tensor])
        blocks += (*made, timing.sink(stream, frames))
    return Network(tuple(blocks))


def edge_blocks(edge: Edge, stream: Stream) -> tuple[tuple[Block, ...], Stream]:
    """Return the width converters and the queue of ``edge``, which read ``stream``, and what they send."""
    blocks, stream = _converter_blocks(edge, edge.before, stream)
    if edge.ring is not None:
        made = Stream(queue_name(edge), stream.beats)
        blocks += edge.ring.blocks(edge.port_name, stream, made)
        stream = made
    else:
        queue, stream = _queue_blocks(stream, queue_name(edge), edge.depth)
        blocks += queue
    last, stream = _converter_blocks(edge, edge.behind, stream)
    return (*blocks, *last), stream


def _converter_blocks(edge: Edge, stages: Sequence[Converter], stream: Stream) -> tuple[list[Block], Stream]:
    """Return ``stages`` of ``edge``, the first of which reads ``stream``, and what they send."""
    blocks: list[Block] = []
    name = f"{edge.reader or 'output'}.{edge.port}"
    for stage in stages:
        if stage.direction == "up":
            made = Stream(f"{name}.up", stream.beats // stage.ratio)
            blocks.append(timing.up(stream, made, stage.ratio))
        else:
            made = Stream(f"{name}.down", stream.beats * stage.ratio)
            blocks.append(timing.down(stream, made, stage.ratio))
        stream = made
    return blocks, stream


def unit_blocks(
    engine: EngineDesign, streams: Sequence[Stream], outs: Sequence[Stream], frames: int, tiles: Queue | None
) -> tuple[Block, ...]:
    """Return the blocks of ``engine`` that reads ``streams`` and ``tiles`` of weights, and sends ``outs``.

    Where several layers take turns at it, a frame of the design is a frame of each of them.
    """
    if len(engine.layers) == 1:
        return engine_blocks(engine, streams, frames, tiles)[0]
    name, turns = engine.layer.name, len(engine.layers)
    given = Stream(f"{name}.given", sum(stream.beats for stream in streams))
    mux = timing.take_turns(streams, given, engine.turn_beats)
    between, taken = _queue_blocks(given, turns_queue_name(engine), engine.given_depth)
    if engine.given_lanes:
        ratio, narrow = engine.in_lanes // engine.given_lanes, taken
        taken = Stream(f"{name}.joined", given.beats // ratio)
        between += (timing.up(narrow, taken, ratio),)
    blocks, sent = engine_blocks(engine, [taken], turns * frames, tiles)
    return (mux, *between, *blocks, timing.deal(sent, outs, engine.out_beats))


def _queue_blocks(stream: Stream, name: str, depth: int) -> tuple[tuple[Block, ...], Stream]:
    """Return the queue on chip of ``depth`` words behind ``stream``, if any, and what it sends, called ``name``."""
    if not depth:
        return (), stream
    made = Stream(name, stream.beats)
    if depth > QUEUE_WORDS:
        return timing.ring(stream, made, depth, RING_OUT_WORDS), made
    return timing.queue(stream, made, depth), made


def engine_blocks(
    engine: EngineDesign, streams: Sequence[Stream], frames: int, tiles: Queue | None
) -> tuple[tuple[Block, ...], Stream]:
    """Return the blocks of ``engine`` that reads ``streams`` and ``tiles`` of weights, and the stream that it sends."""
    name = engine.layer.name
    blocks: list[Block] = []
    if isinstance(engine, LinearEngine):
        (given,) = streams
        made, stream = _mac_blocks(engine, given, frames, tiles)
        blocks += made
    else:
        assert isinstance(engine, StreamEngine)
        made, stream = engine.op.blocks(engine.sizes, name, streams, frames)
        blocks += made
    out, pixels = Stream(name, engine.out_beats * frames), engine.pixels
    latency = _REQUANT + (_TABLE if engine.layer.table else 0)
    if isinstance(engine, LinearEngine) and engine.off_chip is not None:
        ordered = Stream(f"{name}.ordered", stream.beats) if engine.fills else out
        blocks += _reorder_blocks(engine, stream, ordered, latency, frames)
        if not engine.fills:
            return tuple(blocks), out
        stream, latency = ordered, _FILL
    tail = timing.requant(
        stream,
        out,
        latency=latency,
        queue_words=OUT_QUEUE_WORDS,
        pixels=pixels,
        groups=engine.out_beats // pixels.size,
    )
    return (*blocks, tail), out


def _mac_blocks(
    engine: LinearEngine, stream: Stream, frames: int, tiles: Queue | None
) -> tuple[tuple[Block, ...], Stream]:
    """Return the blocks from the input of a linear ``engine`` to its accumulators, and the stream of those."""
    g, folding, name = engine.geometry, engine.folding, engine.layer.name
    granted = g.y if engine.off_chip is None else engine.bands
    later = 0 if engine.skip is None else _SKIP
    vectors = engine.vector_cycles.size * frames
    rows = Queue(f"{name}.rows", g.y.in_size * frames, engine.rows, early=g.y.in_size)
    queue = Queue(f"{name}.acc_queue", vectors, engine.acc_queue_words)
    accumulators = Stream(f"{name}.acc", vectors * (folding.pe // folding.lanes))
    sequencer = timing.sequencer(
        rows,
        queue,
        in_rows=g.y.in_size,
        need=granted.need,
        released=granted.released,
        vector_cycles=engine.walk_cycles,
        to_push=_STEP_TO_PUSH + later + engine.decoder_clocks + (folding.simd - 1).bit_length(),
        tiles=tiles,
        tile_vectors=0 if tiles is None else engine.band_pixels,
        tile_words=() if tiles is None or engine.skip is None else engine.tiles.sizes,
    )
    loader = timing.loader(stream, rows, _RELEASE_TO_READY + later)
    return (loader, sequencer, timing.fifo(queue, accumulators)), accumulators


def _reorder_blocks(engine: LinearEngine, stream: Stream, out: Stream, latency: int, frames: int) -> tuple[Block, ...]:
    """Return the requantizer of an engine whose weights are off chip, and what turns its bands into pixels.

    It takes the first beat of a band when one of the banks is free; a beat stands in it ``latency`` clocks later.
    """
    assert engine.off_chip is not None, f"{engine.layer.name}: weights stand on chip"
    name, beats = engine.layer.name, engine.band_beats
    banks = Queue(f"{name}.bands", engine.bands.count * frames, engine.off_chip.banks)
    ahead = Queue(f"{name}.ahead", stream.beats, REORDER_OUT_WORDS)
    reader = timing.sequencer(
        banks,
        ahead,
        in_rows=1,
        need=(1,),
        released=(1,),
        vector_cycles=np.ones((1, beats), np.int64),
        to_push=_READ_TO_PUSH,
    )
    return timing.loader(stream, banks, to_ready=1, latency=latency), reader, timing.fifo(ahead, out)
