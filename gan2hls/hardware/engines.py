"""Engines of layers: of one by itself, and of several that take turns, with their weights laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gan2hls.base import shared
from gan2hls.codecs import Encoded, encode
from gan2hls.hardware.engine import EngineDesign, Folding, Written
from gan2hls.hardware.line_buffer import line_buffer_rows, linear_op
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.off_chip import OffChip
from gan2hls.hardware.skip import occupancy, skip_program
from gan2hls.hardware.stream_engine import StreamEngine
from gan2hls.hardware.turns import joint_layer
from gan2hls.model import IntLayer
from gan2hls.ops import IntLinear, IntWeight


def plain_engine(layer: IntLayer, folding: Folding) -> EngineDesign:
    """Return the engine of ``layer`` that skips nothing; weights are not laid out, which comparing needs not."""
    if isinstance(layer.op, IntLinear):
        return LinearEngine(layer, folding, line_buffer_rows(layer, folding))
    return StreamEngine(layer, folding)


def make_engine(
    layer: IntLayer,
    folding: Folding,
    *,
    rows: int | None = None,
    skip: bool = False,
    off_chip: OffChip | None = None,
    bus_bits: int = 0,
    ultra: frozenset[Written] = frozenset(),
) -> EngineDesign:
    """Return the engine of ``layer``, with the least line buffer unless ``rows`` says otherwise.

    Where it has no weights ``bus_bits`` says where its map is, as in ``StreamEngine``.
    """
    if isinstance(layer.op, IntLinear):
        if rows is None:
            rows = line_buffer_rows(layer, folding, 1 if off_chip is None else off_chip.band_rows)
        return _linear_engine(layer, folding, rows, skip=skip, off_chip=off_chip, ultra=ultra)
    assert not rows and not skip, f"{layer.name} has neither weights nor a line buffer"
    return StreamEngine(layer, folding, bus_bits, ultra=ultra)


def _linear_engine(
    layer: IntLayer,
    folding: Folding,
    rows: int,
    *,
    skip: bool = False,
    off_chip: OffChip | None = None,
    ultra: frozenset[Written] = frozenset(),
) -> LinearEngine:
    """Return the engine of ``layer``, its weights laid out for ``folding``; with ``skip`` it skips empty blocks.

    Raises:
        AssertionError: ``skip`` for a layer whose outputs are no shifted copies of each other, or that is empty.
    """
    op = linear_op(layer)
    if not skip:
        plain = encode(op.weight, folding.pe, folding.simd, streamed=off_chip is not None)
        return LinearEngine(layer, folding, rows, plain, off_chip=off_chip, ultra=ultra)
    found = occupancy(op.geometry, op.weight.values, folding.pe, folding.simd)
    assert found is not None and found.executed, f"{layer.name}: nothing to skip by"
    program = skip_program(found)
    encoded = encode(op.weight, folding.pe, folding.simd, program.kept, streamed=off_chip is not None)
    return LinearEngine(layer, folding, rows, encoded, program, off_chip, ultra=ultra)


def shared_engine(engine: EngineDesign, layers: Sequence[IntLayer], lanes: int, depth: int) -> EngineDesign:
    """Return the engine at which ``layers`` take turns.

    Args:
        engine: that of the first one alone.
        layers: in the order of their turns.
        lanes: elements a beat that they give.
        depth: words of the queue behind the turns; 0: there is none.
    """
    joint, given = joint_layer(tuple(layers)), 0 if lanes == engine.in_lanes else lanes
    unit = replace(engine, layer=joint, turns=tuple(layers), given_lanes=given, given_depth=depth)
    if not isinstance(unit, LinearEngine):
        return unit
    return replace(unit, encoded=_encoded(linear_op(joint).weight, engine.folding))


@shared
def _encoded(weight: IntWeight, folding: Folding) -> Encoded:
    """Return the weights of all turns; a search makes many designs of the same turns, which differ elsewhere."""
    return encode(weight, folding.pe, folding.simd)
