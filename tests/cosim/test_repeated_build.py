"""Pixels that a Resize or a reflection repeats, through the whole ladder: the engines need nothing new for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gan2hls
from tests.onnx_models import f32, save

pytest.importorskip("cocotb")
pytest.importorskip("hls4ml")
pytestmark = pytest.mark.cosim


def test_upsampling_and_reflection_climb_the_ladder(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    body = """
        c = Conv<pads = [1, 1, 1, 1]>(x, a) d = Relu(c) u = Resize<mode = "nearest">(d, , s)
        p = Pad<mode = "reflect">(u, n) e = Conv(p, b) f = LeakyRelu(e) q = Pad<mode = "edge">(f, n) g = Conv(q, v)
        y = Tanh(g)
    """
    constants = {
        "a": f32(rng, 6, 3, 3, 3) / 4,
        "b": f32(rng, 4, 6, 3, 3) / 6,
        "v": f32(rng, 2, 4, 3, 3) / 6,
        "s": np.array([1, 1, 2, 2], np.float32),
        "n": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    }
    model = save(tmp_path, body, (1, 3, 5, 4), constants)
    report = gan2hls.build(model, config={"target": {"dsp": 40}}, write=False).report
    assert report is not None
    assert {name for name, step in report.verification.items() if step.status == "passed"} == {
        "float", "csim", "hls", "rtl",
    }  # fmt: skip
    interval = report.totals.frame_interval_cycles
    assert interval.estimated == interval.measured and interval.measured is not None
    assert interval.measured <= 1.02 * interval.limit
    assert report.totals.executed_macs == report.totals.useful_macs
    shapes = [layer.shape for layer in report.layers]
    assert shapes == [(5, 4, 6), (10, 8, 4), (10, 8, 2)], "nothing is computed twice"
