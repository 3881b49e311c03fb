"""Models whose branches meet, up the ladder: what they compute, and their pace as the cycle model says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

import gan2hls
from gan2hls.report import Report
from tests.onnx_models import f32, save
from tests.sampling import sampled
from tests.unit.frontend.test_graphs import with_ports

pytest.importorskip("cocotb")
pytest.importorskip("hls4ml")
pytestmark = pytest.mark.cosim

STEPS = ("float", "csim", "rtl")
PADS = "pads = [1, 1, 1, 1]"
RNG = np.random.default_rng(50)


def weights(*shape: int) -> np.ndarray:
    """Weights that keep the spread of what they read."""
    return f32(RNG, *shape) / np.float32(np.sqrt(np.prod(shape[1:])))


K = {
    "first": weights(8, 3, 3, 3),
    "down": weights(12, 8, 3, 3),
    "deep": weights(12, 12, 3, 3),
    "up": weights(12, 8, 2, 2),
    "joined": weights(8, 16, 3, 3),
    "image": weights(3, 8, 3, 3),
    "k0": weights(4, 8, 3, 3),
    "k1": weights(4, 12, 3, 3),
    "k2": weights(8, 16, 1, 1),
    "small": 2 * weights(4, 8, 1, 1),
    "large": 4 * weights(8, 4, 1, 1),
    "twice": np.array([1, 1, 2, 2], np.float32),
    "plane": 3 * weights(1, 8, 3, 3),
    "same": 2 * weights(8, 8, 3, 3),
    "same2": 4 * weights(8, 8, 3, 3),
    "one": np.array([1, 1]),
    "last": np.array([-1, -1]),
    "rows_columns": np.array([2, 3]),
}
U_NET = f"""
    h = Conv<{PADS}>(x, first) s = LeakyRelu(h) d = Conv<{PADS}, strides = [2, 2]>(s, down) r = Relu(d)
    e = Conv<{PADS}>(r, deep) f = Relu(e) u = ConvTranspose<strides = [2, 2]>(f, up) c = Concat<axis = 1>(u, s)
    g = Conv<{PADS}>(c, joined) i = Relu(g) o = Conv<{PADS}>(i, image) y = Tanh(o)
"""
DENSE_BLOCK = f"""
    h = Conv<{PADS}>(x, first) s = LeakyRelu(h) a = Conv<{PADS}>(s, k0) b = LeakyRelu(a) c = Concat<axis = 1>(s, b)
    d = Conv<{PADS}>(c, k1) e = LeakyRelu(d) f = Concat<axis = 1>(s, b, e) g = Conv(f, k2) i = Add(g, h)
    o = Conv<{PADS}>(i, image) y = Tanh(o)
"""
ATTENTION = f"""
    h = Conv<{PADS}>(x, first) s = LeakyRelu(h) a = Conv<{PADS}>(s, plane) b = Sigmoid(a) c = Mul(b, s)
    d = Conv<{PADS}>(c, same) e = Sigmoid(d) f = Mul(d, e) g = Conv<{PADS}>(f, same2) i = Max(g, s)
    o = Conv<{PADS}>(i, image) y = Tanh(o)
"""
SQUEEZE = f"""
    h = Conv<{PADS}>(x, first) p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(h) s = LeakyRelu(p)
    m = GlobalAveragePool(s) a = Conv(m, small) b = Relu(a) c = Conv(b, large) d = Sigmoid(c) e = Mul(s, d)
    u = Resize<mode = "nearest">(e, , twice) f = Conv<{PADS}>(u, same) g = Add(f, h)
    q = AveragePool<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(g) o = Conv<{PADS}>(q, image) y = Tanh(o)
"""
#: A convolution without pads, and the middle of what it reads.
VALID = f"""
    h = Conv<{PADS}>(x, first) s = LeakyRelu(h) a = Conv(s, same) c = Slice(s, one, last, rows_columns) g = Add(a, c)
    o = Conv<{PADS}>(g, image) y = Tanh(o)
"""

KINDS = (
    (U_NET, "concat", 1), (SQUEEZE, "pool", 2), (ATTENTION, "mul", 1), (DENSE_BLOCK, "concat", 2), (VALID, "crop", 1),
)  # fmt: skip


def build(model: Path, steps: tuple[str, ...] = STEPS, target: dict[str, object] | None = None) -> Report:
    """Build a model, climb ``steps`` and hold its report to what every build promises."""
    chosen = {"target": {"dsp": 60} | (target or {}), "verify": {"steps": list(steps)}}
    config = chosen | {"calibration": {"samples": 32}}
    report = gan2hls.build(model, config=config, write=False).report
    assert report is not None
    assert [name for name, step in report.verification.items() if step.status == "passed"] == list(steps)
    assert report.quality is not None and report.quality.psnr_db >= 35
    totals = report.totals
    assert totals.frame_interval_cycles.estimated == totals.frame_interval_cycles.measured
    assert totals.latency_cycles.estimated == totals.latency_cycles.measured
    return report


@pytest.mark.parametrize(
    ("body", "kind", "count"),
    sampled(KINDS, KINDS[1:2]),
    ids=["u-net", "squeeze", "attention", "dense block", "valid"],
)
def test_builds(tmp_path: Path, body: str, kind: str, count: int) -> None:
    report = build(save(tmp_path, body, (1, 3, 8, 8), K))
    assert sum(layer.kind == kind for layer in report.layers) == count
    assert all(layer.kind != "reorder" for layer in report.layers)


def test_a_generator_with_a_label(tmp_path: Path) -> None:
    constants = {
        "embedding": f32(RNG, 10, 6),
        "wide": weights(14, 4 * 4 * 8).reshape(14, -1),
        "image4": np.array([1, 8, 4, 4]),
        "grow": weights(8, 3, 4, 4),
    }
    body = """
        e = Gather(embedding, label) c = Concat<axis = 1>(z, e) h = Gemm(c, wide) r = Relu(h) i = Reshape(r, image4)
        u = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1]>(i, grow) y = Tanh(u)
    """
    inputs = {"z": (1, 8), "label": (1,)}
    path = with_ports(tmp_path, body, inputs, ("y",), constants, {"label": TensorProto.INT64})
    report = build(path, ("float", "csim", "hls", "rtl"))
    assert [layer.kind for layer in report.layers] == ["gather", "concat", "dense", "conv_transpose"]


def test_a_generator_of_modulated_convolutions(tmp_path: Path) -> None:
    constants = {
        "style1": 0.3 * weights(8, 6),
        "style2": 0.3 * weights(8, 6),
        "ones": np.ones(6, np.float32),
        "as_style": np.array([1, 1, 6, 1, 1]),
        "begin": f32(RNG, 1, 6, 3, 3),
        "kernel1": weights(1, 6, 6, 3, 3),
        "kernel2": weights(1, 3, 6, 3, 3),
        "two": np.float32(2),
        "eps": np.float32(1e-8),
        "axes": np.array([2, 3, 4]),
        "as_root1": np.array([1, 6, 1, 1, 1]),
        "as_weight1": np.array([6, 6, 3, 3]),
        "as_weight2": np.array([6, 3, 3, 3]),
        "noise": 0.1 * f32(RNG, 1, 1, 3, 3),
    }
    body = f"""
        a = Gemm(x, style1, ones) s = Reshape(a, as_style) w = Mul(kernel1, s) p = Pow(w, two)
        q = ReduceSum<keepdims = 0>(p, axes) e = Add(q, eps) r = Sqrt(e) i = Reciprocal(r) d = Reshape(i, as_root1)
        v = Mul(w, d) k = Reshape(v, as_weight1) c = Conv<{PADS}>(begin, k) n = Add(c, noise) l = LeakyRelu(n)
        b = Gemm(x, style2, ones) t = Reshape(b, as_style) u = Mul(kernel2, t)
        f = Transpose<perm = [0, 2, 1, 3, 4]>(u) g = Reshape(f, as_weight2)
        o = ConvTranspose<strides = [2, 2]>(l, g) y = Tanh(o)
    """
    report = build(save(tmp_path, body, (1, 8), constants))
    kinds = [layer.kind for layer in report.layers]
    assert kinds.count("mul") == 2 and kinds.count("conv") == 1 and kinds[-1] == "conv_transpose"
