"""Random residual networks whose convolutions take turns at one engine."""

from __future__ import annotations

import numpy as np

from gan2hls.hardware import TURNS, Design, Folding, LinearEngine, OffChip, make_engine, verify_design
from gan2hls.hardware.line_buffer import most_rows
from gan2hls.hardware.off_chip import Bands, legal_band_rows
from gan2hls.hardware.queues import with_endless_queues, with_queues
from gan2hls.hardware.turns import shareable
from gan2hls.kinds.add import IntAdd
from gan2hls.model import IntegerModel
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import IntLinear, Shape
from tests.cosim.hls_chains import random_type
from tests.random_integer_graphs import Graph, norm_layer
from tests.randomized import Rng, chain, conv, linear_layer, pointwise_layer


def residual_model(rng: Rng, blocks: int, *, channels: int = 6, codec: str = "raw", size: int = 0) -> IntegerModel:
    """Blocks of two convolutions, each with a norm, a function or nothing behind it, around which a skip leads.

    All types and zero points are random.
    """
    height, width = (size, size) if size else (int(rng.integers(2, 6)), int(rng.integers(2, 6)))
    shape = (height, width, channels)
    grown = Graph(rng, {"z": shape})
    given = "z"
    for _ in range(blocks):
        skip = given
        for _ in range(2):
            behind = str(rng.choice(["norm", "function", "nothing"]))
            out = random_type(rng)
            name = f"l{len(grown.layers)}"
            grown.keep(
                linear_layer(
                    rng, name, given, conv(shape[:2], channels, channels), grown.types[given],
                    weight_bits=int(rng.integers(3, 6)), out=out, pieces=int(rng.integers(1, 3)), codec=codec,
                )
            )  # fmt: skip
            given, name = name, f"l{len(grown.layers)}"
            if behind == "norm":
                grown.keep(norm_layer(rng, name, given, shape, out, groups=channels))
                given = name
            elif behind == "function":
                grown.keep(pointwise_layer(rng, name, given, shape, out))
                given = name
        other = skip if rng.random() < 0.5 else str(rng.choice(list(grown.shapes)))  # a convolution's output, too
        grown.stream(IntAdd(grown.factors(2)), (other, given), shape)
        given = grown.layers[-1].name
    return grown.model(f"residual_{blocks}_{codec}", (given,))


def norm_model(rng: Rng, shape: Shape, groups: int, count: int, *, by_pixel: bool, apart: bool) -> IntegerModel:
    """So many normalizations of one form, functions between some of them, and sums of what came before.

    With ``apart`` all read the input, so that frames of theirs follow one another at once.
    All types, zero points, constants and epsilons are random.
    """
    grown = Graph(rng, {"z": shape})
    given, centred = "z", not apart
    for epsilon in rng.choice([1, 1000, (1 << 33) + 5, 1 << 40], count, replace=False).tolist():
        name = f"l{len(grown.layers)}"
        grown.keep(
            norm_layer(
                rng, name, "z" if apart else given, shape, grown.types["z" if apart else given],
                groups=groups, by_pixel=by_pixel, centred=centred, epsilon=epsilon, table_bits=(0,),
            )
        )  # fmt: skip
        given, before = name, str(rng.choice(list(grown.shapes)))
        if rng.random() < 0.5:
            grown.stream(IntAdd(grown.factors(2)), (before, given), shape)
        else:
            grown.function(given)
        given = grown.layers[-1].name
    read = {name for layer in grown.layers for name in layer.inputs}
    return grown.model("norms", tuple(layer.name for layer in grown.layers if layer.name not in read))


def shared_design(
    rng: Rng,
    model: IntegerModel,
    *,
    bus_bits: int = 64,
    band_rows: int = 0,
    endless: bool = False,
    maps: bool = False,
    narrow: bool = False,
    queued: bool = False,
    banks: int = 2,
) -> Design:
    """``model`` with one engine for all layers that can share it, of any folding, height of bands and rows.

    With ``maps`` the maps of norms are off chip.  With ``narrow`` all send an element a beat, and convolutions take a
    whole pixel.  With ``queued`` there is a queue behind the turns of convolutions.  Codes of ``banks`` bands are kept.
    """
    groups = shareable(model)
    of = {name: group for group in groups for name in group}
    chosen: dict[tuple[str, ...], tuple[Folding, int, OffChip]] = {}
    lanes_of: dict[tuple[str, ...], int] = {}
    engines = []
    for layer in model.layers:
        channels = layer.shape[2]
        group = of.get(layer.name, (layer.name,))
        if not isinstance(layer.op, IntLinear):
            most = layer.op.lane_channels(layer.shape)
            drawn = 1 if narrow else int(rng.choice([n for n in range(1, most + 1) if most % n == 0]))
            lanes = lanes_of.setdefault(group, drawn)
            away = bus_bits if maps and layer.op.kind == "norm" else 0
            engines.append(make_engine(layer, Folding(lanes, lanes, lanes), bus_bits=away))
            continue
        if group not in chosen:
            pe, simd = (int(rng.choice([n for n in (1, 2, 3, 6) if channels % n == 0])) for _ in range(2))
            pe, simd = (1, channels) if narrow else (pe, simd)
            fewer = int(rng.choice([n for n in range(1, pe + 1) if pe % n == 0]))
            height = band_rows or int(rng.choice(legal_band_rows(layer.op.geometry)))
            away = OffChip(height, bus_bits, banks=banks)
            bands = Bands(layer.op.geometry.y, away.band_rows)
            rows = int(rng.choice([bands.window, bands.buffer_rows, most_rows(layer)]))
            chosen[group] = Folding(pe, simd, fewer), rows, away
        folding, rows, away = chosen[group]
        engines.append(make_engine(layer, folding, rows=rows, off_chip=away))
    depths = {(group[0], TURNS): 2 for group in groups if group in chosen and queued}
    made = with_endless_queues(Design(model, tuple(engines), "xc7z020clg400-1", 5.0, depths, shared=groups))
    made = made if endless else with_queues(made)
    verify_design(made)
    return made


def shared_engines(design: Design) -> list[LinearEngine]:
    """The engines of ``design`` with weights at which layers take turns."""
    return [unit for unit in design.units if isinstance(unit, LinearEngine) and unit.turns]


#: Normalizations that take turns: shape, groups, whether each pixel has sets of its own, how many, and whether their
#: maps are off chip.  Maps of one pixel change turns from clock to clock; those of 1600 have serial roots.
NORMS = (
    ((3, 4, 6), 6, False, 3, False),
    ((2, 3, 6), 1, True, 4, False),
    ((1, 3, 4), 4, True, 3, False),
    ((40, 40, 2), 2, False, 3, False),
    ((4, 5, 6), 3, False, 3, True),
)


def norms_design(form: int) -> Design:
    """The design of a form of ``NORMS``."""
    shape, groups, by_pixel, count, maps = NORMS[form]
    rng = np.random.default_rng(form)
    return shared_design(rng, norm_model(rng, shape, groups, count, by_pixel=by_pixel, apart=form == 2), maps=maps)


def some_shared_design(seed: int = 0, codec: str = "raw") -> Design:
    """Four layers that take turns at one engine, two of them through normalizations or functions."""
    rng = np.random.default_rng(seed)
    return shared_design(rng, residual_model(rng, 2, codec=codec))


def behind_itself() -> Design:
    """Two convolutions in a row that share an engine, whose line buffer holds a part of a frame."""
    rng, kind = np.random.default_rng(0), QuantType(IntType(8, signed=True), 1.0)
    layers = [linear_layer(rng, f"l{n}", "z", conv((12, 12), 6, 6), kind, out=kind) for n in range(2)]
    return shared_design(rng, chain("behind_itself", (12, 12, 6), kind, layers), band_rows=1)
