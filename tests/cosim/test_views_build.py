"""Views through the whole ladder: pixel shuffles both ways, copies, channels in another order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gan2hls
from gan2hls.report import Report
from tests.onnx_models import f32, save
from tests.random_views import random_views
from tests.sampling import sampled

pytest.importorskip("cocotb")
pytest.importorskip("hls4ml")
pytestmark = pytest.mark.cosim


def _report(model: Path, steps: list[str]) -> Report:
    """Build ``model`` and hold its report to what every build of views promises."""
    config = {"target": {"dsp": 40}, "verify": {"steps": steps}, "calibration": {"samples": 16}}
    report = gan2hls.build(model, config=config, write=False).report
    assert report is not None
    assert [name for name, step in report.verification.items() if step.status == "passed"] == steps
    return report


def test_shuffles_and_copies_climb_the_ladder(tmp_path: Path) -> None:
    body = """
        a = Conv<pads = [1, 1, 1, 1]>(x, w0, b0) b = DepthToSpace<blocksize = 2, mode = "CRD">(a) c = PRelu(b, k)
        d = Conv<group = 4, pads = [1, 1, 1, 1]>(c, w1) e = Relu(d) f = Slice(e, last, least, axis, last)
        g = Gather<axis = 1>(f, order) h = Conv<group = 2>(g, w2) i = LeakyRelu(h)
        j = SpaceToDepth<blocksize = 2>(i) l = Conv<pads = [1, 1, 1, 1]>(j, w3, b3) m = DepthToSpace<blocksize = 3>(l)
        n = Tanh(m) y = Resize<mode = "nearest">(n, , s)
    """
    rng = np.random.default_rng(7)
    constants = {
        "w0": f32(rng, 16, 3, 3, 3) / 5,
        "b0": f32(rng, 16),
        "k": np.abs(f32(rng, 4, 1, 1)),
        "w1": f32(rng, 8, 1, 3, 3) / 3,
        "last": np.array([-1]),
        "least": np.array([-(2**31)]),
        "axis": np.array([3]),
        "order": np.array([0, 4, 1, 5, 2, 6, 3, 7]),
        "w2": f32(rng, 4, 4, 1, 1) / 2,
        "w3": f32(rng, 18, 16, 3, 3) / 12,
        "b3": f32(rng, 18),
        "s": np.array([1, 1, 1, 2], np.float32),
    }
    report = _report(save(tmp_path, body, (1, 3, 4, 6), constants), ["float", "csim", "hls", "rtl"])
    interval = report.totals.frame_interval_cycles
    assert interval.estimated == interval.measured and interval.measured is not None
    assert interval.measured <= 1.02 * interval.limit
    assert [(layer.kind, layer.shape) for layer in report.layers] == [
        ("conv", (8, 12, 4)),
        ("conv", (8, 12, 8)),
        ("reorder", (8, 12, 8)),
        ("conv", (8, 12, 4)),
        ("conv", (12, 18, 2)),
        ("reorder", (12, 36, 2)),
    ]
    assert report.quality.psnr_db is not None and report.quality.psnr_db > 35


def test_a_padded_stem_and_what_stands_in_front_of_a_shuffle(tmp_path: Path) -> None:
    """As Keras and PyTorch export a small network for pictures: normalized, in blocks, and larger again."""
    body = """
        i = Transpose<perm = [0, 3, 1, 2]>(x) f = Sub(i, mean) g = Mul(f, rate) p = Pad(g, pads)
        s = SpaceToDepth<blocksize = 2>(p) a = Conv<pads = [1, 1, 1, 1]>(s, w0)
        b = BatchNormalization(a, v0, m0, m0, v0) c = Clip(b, zero, six)
        d = Conv<group = 8, pads = [1, 1, 1, 1]>(c, w1) e = LeakyRelu(d) h = Conv(e, w2)
        l = BatchNormalization(h, v2, m2, m2, v2) k = PRelu(l, a2) m = DepthToSpace<blocksize = 2, mode = "CRD">(k)
        n = Pad<mode = "reflect">(m, pads) o = Conv(n, w3) q = Mul(o, half) r = Add(q, half) t = Clip(r, zero, one)
        y = Transpose<perm = [0, 2, 3, 1]>(t)
    """
    rng = np.random.default_rng(11)
    constants = {
        "mean": rng.uniform(0.4, 0.5, (1, 3, 1, 1)).astype(np.float32),
        "rate": np.full((1, 3, 1, 1), 1.5, np.float32),
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "w0": f32(rng, 8, 12, 3, 3) / 8,
        "v0": np.abs(f32(rng, 8)) + np.float32(0.5),
        "m0": f32(rng, 8) / 4,
        "w1": f32(rng, 8, 1, 3, 3) / 2,
        "w2": f32(rng, 16, 8, 1, 1) / 2,
        "v2": np.abs(f32(rng, 16)) + np.float32(0.5),
        "m2": f32(rng, 16) / 4,
        "a2": np.abs(f32(rng, 16, 1, 1)) / 2,
        "w3": f32(rng, 3, 4, 3, 3) / 8,
        **{name: np.float32(value) for name, value in {"zero": 0, "half": 0.5, "one": 1, "six": 6}.items()},
    }
    report = _report(save(tmp_path, body, (1, 10, 8, 3), constants), ["float", "csim", "rtl"])
    assert [port.shape for port in (*report.model.inputs, *report.model.outputs)] == [(10, 8, 3), (12, 10, 3)]
    assert [(layer.kind, layer.shape) for layer in report.layers] == [
        ("pointwise", (10, 8, 3)),
        ("conv", (6, 5, 8)),
        ("conv", (6, 5, 8)),
        ("conv", (12, 10, 4)),
        ("conv", (12, 10, 3)),
    ]
    assert all(layer.useful_macs == layer.executed_macs for layer in report.layers)
    interval = report.totals.frame_interval_cycles
    assert interval.estimated == interval.measured
    assert report.quality.psnr_db is not None and report.quality.psnr_db > 35


@pytest.mark.parametrize("seed", sampled([3, 8, 21, 40], 2))
def test_random_views_in_csim(tmp_path: Path, seed: int) -> None:
    model = random_views(seed)
    _report(save(tmp_path, model.text(), model.start, model.constants), ["float", "csim"])


@pytest.mark.parametrize("seed", sampled(range(100, 104), (102,)))
def test_random_views_in_rtl(tmp_path: Path, seed: int) -> None:
    model = random_views(seed)
    report = _report(save(tmp_path, model.text(), model.start, model.constants), ["csim", "rtl"])
    interval = report.totals.frame_interval_cycles
    assert interval.estimated == interval.measured
