"""A design again, of a model that differs in types and weights alone."""

from __future__ import annotations

from dataclasses import replace

from gan2hls.hardware.design import TURNS, Design
from gan2hls.hardware.engine import EngineDesign
from gan2hls.hardware.engines import make_engine
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.stream_engine import StreamEngine
from gan2hls.hardware.turns import sharing_key
from gan2hls.model import IntegerModel, IntLayer


def refolded(design: Design, model: IntegerModel) -> Design:
    """Return ``design`` of another model, whose layers differ in types and weights alone: foldings and queues stay."""
    engines = tuple(_refolded(engine, layer) for engine, layer in zip(design.engines, model.layers, strict=True))
    shared = still_shared(design.shared, model)
    firsts = {group[0] for group in shared}
    depths = {key: depth for key, depth in design.depths.items() if key[1] != TURNS or key[0] in firsts}
    return replace(design, model=model, engines=engines, shared=shared, depths=depths)


def still_shared(groups: tuple[tuple[str, ...], ...], model: IntegerModel) -> tuple[tuple[str, ...], ...]:
    """Return those of ``groups`` of layers that can still take turns at one engine in ``model``, of other types."""
    keys = {layer.name: sharing_key(layer) for layer in model.layers}
    first = (keys[group[0]] for group in groups)
    pairs = zip(groups, first, strict=True)
    return tuple(group for group, key in pairs if key is not None and all(keys[name] == key for name in group))


def _refolded(engine: EngineDesign, layer: IntLayer) -> EngineDesign:
    if not isinstance(engine, LinearEngine):
        bus_bits = engine.bus_bits if isinstance(engine, StreamEngine) else 0
        return make_engine(layer, engine.folding, bus_bits=bus_bits, ultra=engine.ultra)
    return make_engine(
        layer,
        engine.folding,
        rows=engine.rows,
        skip=engine.skip is not None,
        off_chip=engine.off_chip,
        ultra=engine.ultra,
    )
