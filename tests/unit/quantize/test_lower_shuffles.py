"""A convolution whose rows take turns computes the codes of the one that it is, in the larger image's order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.fit.layer_precision import LayerPrecision
from gan2hls.formats.precision import Precision
from gan2hls.model.golden import Golden
from gan2hls.model.integer import IntegerModel
from gan2hls.model.ir import Graph
from gan2hls.ops.shuffle import shuffled
from gan2hls.quantize.lower import choose_types, lower, quantize_weights
from tests.onnx_models import f32, final_graph, make_model

RNG = np.random.default_rng(23)
FRAMES = RNG.normal(size=(2, 4, 5, 8)).astype(np.float32)


def weights(kind: str, out: int = 24) -> np.ndarray:
    """Weights ``[CO, 8, 3, 3]`` that betray codes of a ``kind``."""
    shape, scale = (out, 8, 3, 3), RNG.uniform(0.05, 0.2, (out, 1, 1, 1))
    match kind:
        case "books":
            tables = f32(RNG, 4, 4)
            books = np.arange(out) * 4 // out
            return np.stack([tables[book][RNG.integers(0, 4, shape[1:])] for book in books])
        case "large books":
            tables = f32(RNG, 2, 40)
            books = np.arange(out) * 2 // out
            return np.stack([tables[book][RNG.integers(0, 40, shape[1:])] for book in books])
        case "blocks":
            factors = RNG.uniform(0.5, 2, (out, 2, 1, 1)).repeat(4, axis=1)
            return (RNG.integers(-7, 8, shape) * scale * factors).astype(np.float32)
        case "trits":
            return (RNG.integers(-1, 2, shape) * scale).astype(np.float32)
        case _:
            return f32(RNG, *shape)


def lowered(graph: Graph, precision: str, streams: dict[str, np.ndarray]) -> IntegerModel:
    precisions = dict.fromkeys(streams, LayerPrecision(Precision.parse(precision), Precision.parse("int8")))
    for layer in graph.layers:
        if layer.op.structure is not None:
            precisions[layer.name] = LayerPrecision(None, Precision.parse("int8"), codes=layer.op.structure.weight)
    return lower(graph, quantize_weights(graph, precisions), choose_types(graph, streams, precisions, "minmax"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "precision", "codec"),
    [
        ("plain", "int8", "raw"),
        ("plain", "int4", "raw"),
        ("plain", "binary", "binary"),
        ("plain", "ternary", "ternary"),
        ("plain", "codebook<16>", "codebook"),
        ("plain", "flex<6,3>", "raw"),
        ("plain", "fixed<8,2>", "raw"),
        ("trits", "int8", "ternary"),
        ("blocks", "int8", "blockscale"),
        ("books", "int8", "codebook"),
        ("large books", "int8", "raw"),
    ],
)
@pytest.mark.parametrize("factor", [2, 1])
def test_codes_are_those_of_the_convolution(tmp_path: Path, kind: str, precision: str, codec: str, factor: int) -> None:
    made = weights(kind)
    constants = {"w": made, "b": f32(RNG, 24), "a": np.abs(f32(RNG, 24, 1, 1))}
    body = "c = Conv<pads = [1, 1, 1, 1]>(x, w, b) p = PRelu(c, a)"
    plain = final_graph(tmp_path, make_model(body + " y = Identity(p)", (1, 8, 4, 5), constants))
    tail = f"y = DepthToSpace<blocksize = {factor}>(p)"
    larger = final_graph(tmp_path, make_model(f"{body} {tail}", (1, 8, 4, 5), constants))
    shape = larger.layers[0].shape
    assert shape == (4 * factor, 5 * factor, 24 // factor**2)
    values = RNG.normal(size=(3, *plain.layers[0].shape)).astype(np.float32)
    types = {"x": FRAMES, plain.layers[0].name: values}
    of_larger = {"x": FRAMES, larger.layers[0].name: shuffled(values, shape)}
    small, large = lowered(plain, precision, types), lowered(larger, precision, of_larger)
    codes = small.input_types[0].quantize(FRAMES)
    wanted = shuffled(Golden(small).run({"x": codes})[plain.layers[0].name], shape)
    assert np.array_equal(Golden(large).run({"x": codes})[larger.layers[0].name], wanted)
    weight = large.layers[0].op.weight
    assert weight is not None and weight.codec == (codec if factor == 2 or kind != "large books" else "codebook")
