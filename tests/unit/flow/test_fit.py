"""Formats of weights that bring a design onto its part, and what a build says of them where nothing fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import gan2hls
from gan2hls.base.errors import FoldingError
from gan2hls.fabric import BRAM18_BITS
from gan2hls.flow import lowering
from gan2hls.flow.from_config import settled_config
from gan2hls.hardware import design_resources
from gan2hls.ops import IntLinear
from tests.onnx_models import f32, make_model

pytestmark = pytest.mark.slow

#: Block RAMs that hold weights of five bits, but not of eight.
FEW = 60
ON_CHIP: dict[str, Any] = {"memory": {"weights": "on_chip"}, "verify": {"steps": []}, "calibration": {"samples": 32}}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator of 197,184 weights: 86 block RAMs of 8 bits."""
    path, rng = tmp_path_factory.mktemp("fit") / "large.onnx", np.random.default_rng(0)
    text = "a = Gemm(x,w)\n r = Relu(a)\n m = Reshape(r,s)\n c = Conv(m,k)\n y = Tanh(c)"
    weights = {
        "w": f32(rng, 128, 1536) / 11,
        "k": f32(rng, 6, 96, 1, 1) / 10,
        "s": np.array([1, 96, 4, 4], np.int64),
    }
    onnx.save(make_model(text, [1, 128], weights), path)
    return path


def test_weights_have_fewer_bits_where_the_design_has_to_fit(model: Path) -> None:
    auto = {"memory_bits_max": FEW * BRAM18_BITS, "candidates": ["ternary", "int4", "int8"]}
    made = gan2hls.build(model, config=ON_CHIP | {"precision": {"weight": "auto", "auto": auto}}, write=False)
    assert made.design is not None and made.assignment is not None
    assert design_resources(made.design).bram18 <= FEW
    assert {choice.precision for choice in made.assignment.layers} != {"int8"}
    again = gan2hls.build(model, config=settled_config(made.config, made.assignment), write=False)
    assert again.design is not None
    assert [e.folding for e in again.design.engines] == [e.folding for e in made.design.engines]
    assert design_resources(again.design) == design_resources(made.design)


def test_weights_keep_their_bits_where_the_design_fits_anyhow(model: Path) -> None:
    auto = {"fit": True, "candidates": ["ternary", "int8"]}
    made = gan2hls.build(model, config=ON_CHIP | {"precision": {"weight": "auto", "auto": auto}}, write=False)
    assert made.assignment is not None and {choice.precision for choice in made.assignment.layers} == {"int8"}


def test_an_error_says_which_format_fits_and_what_it_loses(model: Path) -> None:
    """What the hint names does fit, fewer bits as well as more memory."""
    limit = {"auto": {"memory_bits_max": FEW * BRAM18_BITS}}
    with pytest.raises(FoldingError, match=f"{FEW} are allowed") as found:
        gan2hls.build(model, config=ON_CHIP | {"precision": limit}, write=False)
    (way,) = [line for line in found.value.hint.splitlines() if "which fits" in line]
    name = way.split("precision.weight: ")[1].split(":")[0]
    made = gan2hls.build(model, config=ON_CHIP | {"precision": limit | {"weight": name}}, write=False)
    assert made.design is not None and made.integer_model is not None
    assert design_resources(made.design).bram18 <= FEW
    linear = [layer.op.weight for layer in made.integer_model.layers if isinstance(layer.op, IntLinear)]
    assert {weight.precision for weight in linear} == {name}
    psnr_db = float(way.split("a PSNR of ")[1].split()[0])
    assert 5 < psnr_db < 60
    (way,) = [line for line in found.value.hint.splitlines() if "memory_bits_max: " in line]
    enough = {"auto": {"memory_bits_max": int(way.split("memory_bits_max: ")[1].split()[0])}}
    assert gan2hls.build(model, config=ON_CHIP | {"precision": enough}, write=False).design is not None


def test_a_vast_model_is_not_lowered_again_for_a_hint(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether another format fits is told by its sizes, and no PSNR."""
    monkeypatch.setattr(lowering, "_MOST_WEIGHTS", 100_000)
    limit = {"auto": {"memory_bits_max": FEW * BRAM18_BITS}}
    with pytest.raises(FoldingError) as found:
        gan2hls.build(model, config=ON_CHIP | {"precision": limit}, write=False)
    (way,) = [line for line in found.value.hint.splitlines() if "which fits" in line]
    assert "PSNR" not in way
