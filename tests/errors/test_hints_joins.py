"""Quotients and attention: the error names the node and why, and what its hint says builds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gan2hls
from tests.errors.test_hints import Row, swapped, tried
from tests.onnx_models import f32

RNG = np.random.default_rng(11)
PADS = "pads = [1, 1, 1, 1]"
SEQUENCE = (1, 6, 8)
LARGE = {name: f32(RNG, 8, 8) for name in ("query", "key", "value", "out")}
ATTENTION = """
    q = MatMul(x, query) c = MatMul(x, key) v = MatMul(x, value) t = Transpose<perm = [0, 2, 1]>(c)
    s = MatMul(q, t) p = Softmax<axis = -1>(s) g = MatMul(p, v) o = Add(g, v) y = MatMul(o, out)
"""
CASES = {
    "attention without its block": (
        Row(
            ATTENTION, "train and export without the block", values=LARGE, shape=SEQUENCE,
            fix=lambda _: "v = MatMul(x, value) g = Identity(v) o = Add(g, v) y = MatMul(o, out)",
        ),
        "node '/g/MatMul_4' (MatMul)",
        "joins the computed tensors ['q', 't']",
    ),
    "attention times 0": (
        Row(
            ATTENTION, "multiplied by a constant 0 falls away", values=LARGE, shape=SEQUENCE,
            fix=swapped("o = Add(g, v)", "m = Mul(g, zero) o = Add(m, v)"),
        ),
        "node '/g/MatMul_4' (MatMul)",
        "joins the computed tensors ['q', 't']",
    ),
    "products of two computed tensors": (
        Row(
            "t = Transpose<perm = [0, 2, 1]>(x) s = MatMul(x, t) g = MatMul(s, x) o = Add(g, x) y = MatMul(o, out)",
            "torch.nn.Identity() in its place", values=LARGE, shape=SEQUENCE,
            fix=lambda _: "g = Identity(x) o = Add(g, x) y = MatMul(o, out)",
        ),
        "node '/g/MatMul_1' (MatMul)",
        "joins the computed tensors ['t', 'x']",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_the_hint_says_builds(tmp_path: Path, name: str) -> None:
    row, node, why = CASES[name]
    said = tried(row, tmp_path / "m.onnx")
    assert (said.where, why in said.message) == (node, True), said
    config = {"verify": {"steps": ["float"]}, "calibration": {"samples": 32}}
    report = gan2hls.build(tmp_path / "m.onnx", config=config, write=False).report
    assert report.quality.psnr_db > 30
