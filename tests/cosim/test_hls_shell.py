"""The hls step over every codec: the emitted C++ as the design under test, behind the bench that the RTL passes.

All engines stand in one chain, so that Verilator's runtime, most of a build, is compiled once.  Its activations have 16
bits and blocks are emptied by halves, so that the chain's output shows a single wrong weight of any engine.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.emit.bench import emit_bench
from gan2hls.hardware import Design
from gan2hls.model.golden import Golden
from gan2hls.model.integer import IntegerModel
from gan2hls.numbers.numerics import Int64Array
from gan2hls.verify import extent, run_hls
from gan2hls.verify.bench import run_bench
from tests.cosim.hls_chains import write_hls
from tests.cosim.hls_codecs import INT16, KINDS, codec_design, flip
from tests.randomized import random_inputs
from tests.sampling import sampled

pytest.importorskip("cocotb")
pytest.importorskip("hls4ml")
pytestmark = pytest.mark.cosim

FRAMES = 4


def shell_design(*kinds: str) -> Design:
    """Each of ``kinds`` in every geometry, first all blocks, then half of them left out."""
    return codec_design(np.random.default_rng(5), *(KINDS[kind] for kind in kinds), types=(INT16,), empties=(0.5,))


def write_project(made: Design, folder: Path) -> dict[str, Int64Array]:
    """Write C++ and bench of ``made``; returns the golden tensors."""
    inputs = random_inputs(np.random.default_rng(6), made.model, FRAMES)
    tensors = Golden(made.model).run(inputs)
    write_hls(made, folder)
    for path, content in emit_bench(made, tensors).items():
        target = folder / "testbench" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return tensors


def test_every_codec_dense_and_skipping_in_every_geometry(tmp_path: Path) -> None:
    made = shell_design(*KINDS)
    found = [(engine.layer.op.kind, engine.geometry.kernel[0], engine.skip is not None) for engine in made.engines]
    shapes = [("dense", 1), ("conv_transpose", 4), ("conv", 3), ("conv_transpose", 3), ("conv", 3)]
    assert found == [(*shape, skips) for _ in KINDS for skips in (False, True) for shape in shapes]
    tensors = write_project(made, tmp_path)
    result = run_hls(tmp_path, made, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result
    assert result.values > 4 * FRAMES * 48, result
    unseen = [layer.name for layer in made.model.layers if not shows_a_wrong_weight(made.model, layer.name, tensors)]
    assert not unseen, "the output does not tell whether their weights are right"


def test_large_designs_have_fewer_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one with waits at both ends."""
    made = shell_design("raw")
    write_project(made, tmp_path)
    monkeypatch.setattr(extent, "_LARGE_MACS", sum(layer.op.useful_macs for layer in made.model.layers) - 1)
    result = run_hls(tmp_path, made, tmp_path / "work")
    assert (result.status, result.frames) == ("passed", FRAMES), result


def shows_a_wrong_weight(model: IntegerModel, name: str, tensors: dict[str, Int64Array], tries: int = 4) -> bool:
    """Whether the model's output changes with one weight of layer ``name``, the best of ``tries``."""
    layer = next(layer for layer in model.layers if layer.name == name)
    assert layer.op.kind != "pointwise"
    codes, out = {"z": tensors["z"]}, model.outputs[0].name
    for place in np.random.default_rng(0).permutation(np.argwhere(layer.op.weight.values))[:tries]:
        values = layer.op.weight.values.copy()
        values[tuple(place)] = 0
        weight = replace(layer.op.weight, values=values)
        wrong = replace(layer, op=replace(layer.op, weight=weight))
        layers = tuple(wrong if other is layer else other for other in model.layers)
        if (Golden(replace(model, layers=layers)).run(codes)[out] != tensors[out]).any():
            return True
    return False


@pytest.mark.parametrize(("layer", "memory"), sampled([(6, "weight"), (0, "centroid")], 0))
def test_flipped_bit_of_an_encoded_memory_is_found(layer: int, memory: str, tmp_path: Path) -> None:
    """An index of an engine that skips, and a centroid of the first engine of the chain."""
    made = shell_design("codebook5-books")
    write_project(made, tmp_path)
    path = tmp_path / "hls" / "weights" / f"l{layer}_{memory}.inc"
    path.write_bytes(flip(path.read_bytes(), 0, 0))
    result = run_bench(tmp_path, "hls", tmp_path / "work", tests=["full_rate"])
    assert result.status == "failed" and result.mismatches > 0, result
    assert (result.first_mismatch or "").startswith("l9: frame "), result
