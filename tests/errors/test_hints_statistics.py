"""The hints of normalizations and reductions are tried too: refused, then built as the hint says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from tests.errors.test_hints import IMAGE, Row, initializer, more_input, swapped, tried
from tests.onnx_models import f32

RNG = np.random.default_rng(6)
# fmt: off
ROWS = {
    "InstanceNormalization": Row(
        "y = InstanceNormalization(x, s4, z4)", "at least one axis behind the channels", shape=(1, 4),
        edit=lambda m: m.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, IMAGE))),
    "the scale of a normalization": Row(
        "c = Conv(x, conv) y = InstanceNormalization(c, v, z4)", "model.graph.initializer.append", shape=IMAGE,
        spoil=more_input("v", 4), edit=initializer("v", np.ones(4))),
    "the scale of LayerNormalization": Row(
        "c = Conv(x, conv) t = Transpose<perm = [0, 2, 3, 1]>(c) y = LayerNormalization(t, v)",
        "model.graph.initializer.append", shape=IMAGE, spoil=more_input("v", 4), edit=initializer("v", np.ones(4))),
    "sets of neither pixels nor channels": Row(
        "r = Neg(x) y = MeanVarianceNormalization<axes = [2]>(r)", "over all pixels or each pixel for itself",
        shape=IMAGE, fix=swapped("[2]", "[2, 3]")),
    "a scale for each pixel": Row(
        "c = Conv(x, conv) y = LayerNormalization<axis = 1>(c, every)", "let a Mul and an Add behind it", shape=IMAGE,
        values={"every": f32(RNG, 4, 3, 3), "ones": np.ones((4, 3, 3), np.float32)},
        fix=lambda _: "c = Conv(x, conv) n = LayerNormalization<axis = 1>(c, ones) y = Mul(n, every)"),
    "a mean over rows and channels": Row(
        "h = Conv(x, conv) t = Transpose<perm = [0, 2, 3, 1]>(h) y = ReduceMean<axes = [1, 3]>(t)",
        "reduce one of the two first", shape=IMAGE,
        fix=swapped("y = ReduceMean<axes = [1, 3]>(t)", "m = ReduceMean<axes = [3]>(t) y = ReduceMean<axes = [1]>(m)")),
}
# fmt: on


@pytest.mark.parametrize("name", ROWS)
def test_what_the_hint_says_works(tmp_path: Path, name: str):
    tried(ROWS[name], tmp_path / "m.onnx")
