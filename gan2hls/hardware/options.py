"""What a layer can be folded to, and what each folding takes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import final
from weakref import ref

from gan2hls.base import remembered
from gan2hls.codecs import CODECS
from gan2hls.fabric import SERIES_7, Family, Resources, bram18, may_be_ultra, memory_cells
from gan2hls.hardware.budget import MemoryPort
from gan2hls.hardware.design import WORD_LIMIT_BITS
from gan2hls.hardware.engine import EngineDesign, Folding, FoldingRequest, Written
from gan2hls.hardware.line_buffer import line_buffer_rows, linear_op
from gan2hls.hardware.linear_engine import LinearEngine, bits_per_weight
from gan2hls.hardware.off_chip import Bands, OffChip, band_rows_choices
from gan2hls.hardware.pinned import lanes_choices, pe_choices, simd_choices
from gan2hls.hardware.requant_lanes import enough_lanes, turn_cycles, vector_pace, with_more_lanes, with_quicker_ends
from gan2hls.hardware.requant_resources import RequantShape, requant_resources, requant_shape
from gan2hls.hardware.resources import line_buffer_bram18, resources_beside_requant, rows_resources
from gan2hls.hardware.skip import SkipSavings
from gan2hls.hardware.stream_engine import StreamEngine
from gan2hls.hardware.turns import joint_layer
from gan2hls.model import IntLayer
from gan2hls.ops import IntLinear, IntWeight

#: Bits of weights that are worth a LUT: block RAM over LUTs of the default part.
_BITS_OF_A_LUT = 100
#: Bits of weights, or of a map, from which on a layer's may go off chip: two block RAMs of 18 kbit.
_WORTH_AWAY_BITS = 1 << 15
#: Line buffers that are too short, of as many lengths, are compared where a row is one pixel.
_MOST_SHORT = 32
#: All weights and maps on chip.
_ON_CHIP = MemoryPort(off_chip=False, maps=False)


@final
@dataclass(frozen=True)
class Option:
    """One legal folding with what it costs.

    Attributes:
        rows: of a line buffer that is too short to hold the first rows of the next frame beside the last ones of a
            frame; 0: it is not.
        ultra: memories of its engine that are UltraRAMs.
    """

    folding: Folding
    interval: int
    taken: Resources
    lane_lut: int
    bits: int
    skip: bool
    off_chip: OffChip | None = None
    bus_bits: int = 0
    bus_bytes: int = 0
    rows: int = 0
    ultra: frozenset[Written] = frozenset()

    @property
    def away(self) -> bool:
        """Whether it needs external memory."""
        return self.off_chip is not None or self.bus_bits > 0

    @property
    def spares_ram(self) -> bool:
        """Whether it spares block RAM: by a short line buffer, or by UltraRAMs."""
        return self.rows > 0 or bool(self.ultra)

    def spares_ram_of(self, other: Option) -> bool:
        """Whether ``other`` is the same without sparing block RAM."""
        same = (self.folding, self.skip, self.off_chip, self.bus_bits)
        return not other.spares_ram and (other.folding, other.skip, other.off_chip, other.bus_bits) == same

    @property
    def rank(self) -> tuple[bool, bool, int, int, int, int, int, int, bool]:
        """What orders options from cheap to dear.

        Those that need external memory stand behind all others, then such with short line buffers, then with UltraRAMs.
        """
        weights, taken = _BITS_OF_A_LUT * self.lane_lut + self.bits, self.taken
        spared = self.rows > 0, taken.uram
        return self.away, *spared, taken.dsp, weights, taken.bram18, self.lane_lut, self.interval, self.skip


def options(
    layer: IntLayer,
    request: FoldingRequest,
    memory: MemoryPort = _ON_CHIP,
    *,
    family: Family = SERIES_7,
    short: bool = False,
    ultra: bool = False,
) -> tuple[Option, ...]:
    """Return the legal foldings of ``layer``, cheapest first.

    Args:
        layer: what is folded.
        request: what is pinned.
        memory: the port to external memory.
        family: of the part.
        short: whether line buffers may be so short that the next frame waits for one to end.
        ultra: whether memories may be UltraRAMs.

    Raises:
        FoldingError: a pinned value that does not divide.
    """
    return _options(layer, request, memory, family, short, ultra)


def shared_options(
    layers: Sequence[IntLayer], memory: MemoryPort, *, family: Family, short: bool, ultra: bool, least_bands: int
) -> tuple[Option, ...]:
    """Return the foldings of one engine at which ``layers`` take turns, cheapest first; see ``options``.

    A frame has ``least_bands`` or more: what is made of a batch as one band leaves when all of it is done, so the next
    turn, which is made of it, has to wait, and one band of several fills that time.
    """
    return _shared_options(layers[0], tuple(layers[1:]), memory, family, short, ultra, least_bands)


@remembered
def _options(
    layer: IntLayer, request: FoldingRequest, memory: MemoryPort, family: Family, short: bool, ultra: bool
) -> tuple[Option, ...]:
    if not isinstance(layer.op, IntLinear):
        drafts = _drafts(_stream_engines(layer, request, memory), family, short=short, ultra=ultra)
    else:
        alike = _Alike.of(layer, layer.op)
        if SkipSavings(layer.op).live is None:
            drafts = _dense_drafts(alike, request, memory, family, short, ultra)
        else:
            drafts = _skipping_drafts(layer.op.weight, alike, request, memory, family, short, ultra)
    return _ranked(draft.of(layer, family) for draft in drafts)


@remembered
def _shared_options(
    first: IntLayer,
    others: tuple[IntLayer, ...],
    memory: MemoryPort,
    family: Family,
    short: bool,
    ultra: bool,
    least_bands: int,
) -> tuple[Option, ...]:
    layers = turns = (first, *others)
    joint = joint_layer(layers)
    if not isinstance(joint.op, IntLinear):
        alone = _stream_engines(layers[0], FoldingRequest(), memory)
        shared = (replace(engine, layer=joint, turns=turns) for engine in alone)
        return _ranked(draft.of(joint, family) for draft in _drafts(shared, family, short=short, ultra=ultra))
    away = _away_engines(joint, linear_op(joint), FoldingRequest(off_chip=True), memory, None, least_bands)
    engines = (replace(one, turns=turns) for engine in away for one in with_quicker_ends(engine))
    return _ranked(draft.of(joint, family) for draft in _drafts(engines, family, short=short, ultra=ultra))


def _ranked(found: Iterable[Option]) -> tuple[Option, ...]:
    return tuple(sorted(found, key=lambda option: option.rank))


def worth_away(layer: IntLayer) -> bool:
    """Return whether the weights of a linear ``layer`` take so many block RAMs that they may go off chip."""
    weight = linear_op(layer).weight
    return weight.values.size * bits_per_weight(weight) >= _WORTH_AWAY_BITS


@final
@dataclass(frozen=True)
class _Draft:
    """An option of every layer of some shapes, types and codec.

    Attributes:
        option: it, but for what the requantizer takes.
        requant: the requantizer, which takes what its layer's constants need.
    """

    option: Option
    requant: RequantShape

    def of(self, layer: IntLayer, family: Family) -> Option:
        """Return the option of ``layer``."""
        return replace(self.option, taken=self.option.taken + requant_resources(layer, self.requant, family))


@final
@dataclass(frozen=True)
class _Alike:
    """A layer by its content, which is all that drafts of its options depend on, but for weights that are skipped.

    Attributes:
        content: shapes, types and codec.
        layer: one of those that are alike.
    """

    content: tuple[Hashable, ...]
    layer: ref[IntLayer] = field(compare=False)

    @staticmethod
    def of(layer: IntLayer, op: IntLinear) -> _Alike:
        """Return ``layer`` by its content."""
        weight, given, table = op.weight, layer.input_type, layer.table
        codec = CODECS[weight.codec]
        decoder = codec.decoder_lut(weight), codec.decoder_ff(weight), bits_per_weight(weight)
        weights = weight.codec, weight.type, weight.values.shape, weight.books, weight.block, *decoder
        reads = given.int_type, given.centred, given.zero_point != 0
        types = *reads, layer.acc_type, layer.output_type.int_type, layer.shape
        requant = layer.requant.channels, layer.requant.out_type
        tables = None if table is None else (table.sets, table.index_type, table.out_type)
        return _Alike((op.kind, op.geometry, *weights, *types, *requant, tables), ref(layer))


@lru_cache(maxsize=512)
def _dense_drafts(
    alike: _Alike, request: FoldingRequest, memory: MemoryPort, family: Family, short: bool, ultra: bool
) -> tuple[_Draft, ...]:
    return _linear_drafts(alike, request, memory, family, short, ultra)


@remembered
def _skipping_drafts(
    weight: IntWeight,
    alike: _Alike,
    request: FoldingRequest,
    memory: MemoryPort,
    family: Family,
    short: bool,
    ultra: bool,
) -> tuple[_Draft, ...]:
    """Return the same of engines that may skip blocks of ``weight``: a search lowers many models with the same one."""
    del weight
    return _linear_drafts(alike, request, memory, family, short, ultra)


def _linear_drafts(
    alike: _Alike, request: FoldingRequest, memory: MemoryPort, family: Family, short: bool, ultra: bool
) -> tuple[_Draft, ...]:
    layer = alike.layer()
    assert layer is not None, "whoever asks has one of them"
    skipping = SkipSavings(linear_op(layer))
    return tuple(_drafts(_linear_engines(layer, request, memory, skipping), family, short=short, ultra=ultra))


def _drafts(engines: Iterable[EngineDesign], family: Family, *, short: bool, ultra: bool) -> Iterable[_Draft]:
    found = list(engines)
    narrow = [engine for engine in found if engine.word_bits <= WORD_LIMIT_BITS]
    return (
        _Draft(option, requant_shape(engine))
        for engine in narrow or found  # too wide only where nothing else is pinned
        for option in _with_spared(engine, family, short=short, ultra=ultra)
    )


def _stream_engines(layer: IntLayer, request: FoldingRequest, memory: MemoryPort) -> Iterator[StreamEngine]:
    assert not isinstance(layer.op, IntLinear), f"{layer.name} is linear"
    wanted = request.lanes or request.pe or request.simd
    channels = math.gcd(layer.requant.channels, layer.op.lane_channels(layer.shape))
    for n in lanes_choices(layer, channels, wanted):
        yield StreamEngine(layer, Folding(n, n, n))
        away = StreamEngine(layer, Folding(n, n, n), memory.bits)
        if memory.maps and away.ring is not None and away.ring.depth * away.ring.width >= _WORTH_AWAY_BITS:
            yield away


def _linear_engines(
    layer: IntLayer, request: FoldingRequest, memory: MemoryPort, skipping: SkipSavings
) -> Iterator[LinearEngine]:
    op = linear_op(layer)
    away = list(_away_engines(layer, op, request, memory, skipping))
    yield from away
    if away and _wanted_off_chip(request, memory):
        return
    for pe in pe_choices(layer, request):
        for simd in simd_choices(layer, pe, request):
            legal = lanes_choices(layer, pe, request.lanes)
            dense = vector_pace(op.geometry, simd)
            folding = Folding(pe, simd, enough_lanes(legal, pe, dense))
            rows = line_buffer_rows(layer, folding)
            engine = LinearEngine(layer, folding, rows)
            yield from with_more_lanes(engine, legal)
            left = skipping.occupancy(pe, simd)
            if left is not None:
                pace = max(1, int(dense * (left.executed + left.idle) / engine.interval))
                yield LinearEngine(layer, Folding(pe, simd, enough_lanes(legal, pe, pace)), rows, left=left)


def _wanted_off_chip(request: FoldingRequest, memory: MemoryPort) -> bool | None:
    return memory.off_chip if request.off_chip is None else request.off_chip


def _away_engines(
    layer: IntLayer,
    op: IntLinear,
    request: FoldingRequest,
    memory: MemoryPort,
    skipping: SkipSavings | None,
    least_bands: int = 1,
) -> Iterator[LinearEngine]:
    """Yield the foldings with weights off chip; none for layers of which few block RAMs would be spared.

    Engines that skip blocks are among them only with ``skipping``: none can be shared.
    """
    wanted = _wanted_off_chip(request, memory)
    if wanted is False:
        return
    if not wanted and not worth_away(layer):
        return
    heights = band_rows_choices(op.geometry, least_bands)
    for pe in pe_choices(layer, request):
        for simd in simd_choices(layer, pe, request):
            legal, pace = lanes_choices(layer, pe, request.lanes), vector_pace(op.geometry, simd)
            dense = Folding(pe, simd, enough_lanes(legal, pe, pace))
            left = None if skipping is None else skipping.occupancy(pe, simd)
            for band in heights:
                rows, off_chip = line_buffer_rows(layer, dense, band), OffChip(band, memory.bits)
                made = LinearEngine(layer, dense, rows, off_chip=off_chip)
                yield made
                if left is not None:
                    fewer = max(1, int(pace * (left.executed + left.idle) / made.mac_cycles))
                    folding = Folding(pe, simd, enough_lanes(legal, pe, fewer))
                    yield LinearEngine(layer, folding, rows, off_chip=off_chip, left=left)


def _with_spared(engine: EngineDesign, family: Family, *, short: bool, ultra: bool) -> Iterator[Option]:
    """Yield what ``engine`` takes beside its requantizer; with ``ultra`` and ``short`` also in ways that spare RAM."""
    plain = _option(engine, family)
    yield plain
    if short and isinstance(engine, LinearEngine):
        yield from _with_short_rows(engine, plain, family)
    if ultra:
        yield from _with_ultra(engine, plain, family)


def _with_short_rows(engine: LinearEngine, plain: Option, family: Family) -> Iterator[Option]:
    """Yield ``plain``, what ``engine`` takes, with line buffers that are too short.

    Where rows of the next frame have no place until a frame is done, they come afterwards, at the pace of the frame.
    """
    y, blocks = engine.geometry.y, line_buffer_bram18(engine, engine.rows, family)
    bands = Bands(y, 1 if engine.off_chip is None else engine.off_chip.band_rows)
    beside: Resources | None = None
    pixels = engine.geometry.x.in_size == 1  # of a signal there are thousands of rows
    step = max(1, (engine.rows - bands.frame_rows) // _MOST_SHORT) if pixels else 1
    for rows in range(engine.rows - step, bands.frame_rows - 1, -step):
        on_time, fewer = y.in_size - bands.late_rows(rows), line_buffer_bram18(engine, rows, family)
        if on_time > 0 and fewer < blocks:
            blocks = fewer
            if engine.occupancy is None:
                beside = beside or plain.taken - rows_resources(engine, engine.rows, family)
                taken = beside + rows_resources(engine, rows, family)
            else:  # a program of its steps has addresses of rows
                taken = resources_beside_requant(replace(engine, rows=rows), family).taken
            interval = -(-plain.interval * y.in_size // on_time)
            yield replace(plain, taken=taken, interval=interval, rows=rows)


def _with_ultra(engine: EngineDesign, plain: Option, family: Family) -> Iterator[Option]:
    """Yield ``plain``, what ``engine`` takes, with one, two, ... of its memories in UltraRAM.

    First comes that of which an UltraRAM spares most block RAMs.
    """
    sizes = {name: size for name, size in engine.written.items() if may_be_ultra(family, *size)}
    spared = {
        name: bram18(family, *size, "ring") / memory_cells(family, *size, "ultra").uram for name, size in sizes.items()
    }
    order = sorted(sizes, key=lambda name: -spared[name])
    for count in range(1, len(order) + 1):
        ultra = frozenset(order[:count])
        taken = resources_beside_requant(replace(engine, ultra=ultra), family).taken
        yield replace(plain, taken=taken, ultra=ultra)


def _option(engine: EngineDesign, family: Family) -> Option:
    """Return what ``engine`` takes beside its requantizer."""
    found = resources_beside_requant(engine, family)
    return Option(
        engine.folding,
        turn_cycles(engine),
        found.taken,
        found.lane_lut,
        found.weight_bits,
        isinstance(engine, LinearEngine) and engine.left is not None,
        engine.off_chip if isinstance(engine, LinearEngine) else None,
        engine.bus_bits if isinstance(engine, StreamEngine) else 0,
        _bus_bytes(engine),
    )


def _bus_bytes(engine: EngineDesign) -> int:
    """Return the bytes of ``engine`` that cross the memory port in a frame: weights, or a map both ways."""
    if isinstance(engine, LinearEngine):
        return len(engine.layers) * engine.bands.count * engine.pass_bytes
    return 0 if engine.ring is None else 2 * engine.ring.frame_bytes
