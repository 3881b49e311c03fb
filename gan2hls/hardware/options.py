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
from gan2hls.fabric import SERIES_7, Family
from gan2hls.hardware.budget import MemoryPort
from gan2hls.hardware.design import WORD_LIMIT_BITS
from gan2hls.hardware.engine import EngineDesign, Folding, FoldingRequest
from gan2hls.hardware.line_buffer import line_buffer_rows, linear_op
from gan2hls.hardware.linear_engine import LinearEngine, bits_per_weight
from gan2hls.hardware.off_chip import OffChip, band_rows_choices
from gan2hls.hardware.option import Option, Short, with_spared
from gan2hls.hardware.pinned import lanes_choices, pe_choices, simd_choices
from gan2hls.hardware.requant_lanes import enough_lanes, vector_pace, with_more_lanes, with_quicker_ends
from gan2hls.hardware.requant_resources import RequantShape, requant_resources, requant_shape
from gan2hls.hardware.skip import SkipSavings
from gan2hls.hardware.stream_engine import StreamEngine
from gan2hls.hardware.turns import joint_layer
from gan2hls.model import IntLayer
from gan2hls.ops import IntLinear, IntWeight

#: Bits of weights, or of a map, from which on a layer's may go off chip: two block RAMs of 18 kbit.
_WORTH_AWAY_BITS = 1 << 15
#: All weights and maps on chip.
_ON_CHIP = MemoryPort(off_chip=False, maps=False)


def options(
    layer: IntLayer,
    request: FoldingRequest,
    memory: MemoryPort = _ON_CHIP,
    *,
    family: Family = SERIES_7,
    short: Short = "",
    ultra: bool = False,
) -> tuple[Option, ...]:
    """Return the legal foldings of ``layer``, cheapest first.

    Args:
        layer: what is folded.
        request: what is pinned.
        memory: the port to external memory.
        family: of the part.
        short: what waits for what is before it to end where line buffers may be too short for both.
        ultra: whether memories may be UltraRAMs.

    Raises:
        FoldingError: a pinned value that does not divide.
    """
    return _options(layer, request, memory, family, short, ultra)


def shared_options(
    layers: Sequence[IntLayer], memory: MemoryPort, *, family: Family, short: Short, ultra: bool, least_bands: int
) -> tuple[Option, ...]:
    """Return the foldings of one engine at which ``layers`` take turns, cheapest first; see ``options``.

    A frame has ``least_bands`` or more: what is made of a batch as one band leaves when all of it is done, so the next
    turn, which is made of it, has to wait, and one band of several fills that time.
    """
    return _shared_options(layers[0], tuple(layers[1:]), memory, family, short, ultra, least_bands)


@remembered
def _options(
    layer: IntLayer, request: FoldingRequest, memory: MemoryPort, family: Family, short: Short, ultra: bool
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
    short: Short,
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
    alike: _Alike, request: FoldingRequest, memory: MemoryPort, family: Family, short: Short, ultra: bool
) -> tuple[_Draft, ...]:
    return _linear_drafts(alike, request, memory, family, short, ultra)


@remembered
def _skipping_drafts(
    weight: IntWeight,
    alike: _Alike,
    request: FoldingRequest,
    memory: MemoryPort,
    family: Family,
    short: Short,
    ultra: bool,
) -> tuple[_Draft, ...]:
    """Return the same of engines that may skip blocks of ``weight``: a search lowers many models with the same one."""
    del weight
    return _linear_drafts(alike, request, memory, family, short, ultra)


def _linear_drafts(
    alike: _Alike, request: FoldingRequest, memory: MemoryPort, family: Family, short: Short, ultra: bool
) -> tuple[_Draft, ...]:
    layer = alike.layer()
    assert layer is not None, "whoever asks has one of them"
    skipping = SkipSavings(linear_op(layer))
    return tuple(_drafts(_linear_engines(layer, request, memory, skipping), family, short=short, ultra=ultra))


def _drafts(engines: Iterable[EngineDesign], family: Family, *, short: Short, ultra: bool) -> Iterable[_Draft]:
    found = list(engines)
    narrow = [engine for engine in found if engine.word_bits <= WORD_LIMIT_BITS]
    for engine in narrow or found:  # too wide only where nothing else is pinned
        shape = requant_shape(engine)
        for option in with_spared(engine, family, short=short, ultra=ultra):
            yield _Draft(option, replace(shape, out_words=1) if option.single else shape)


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
