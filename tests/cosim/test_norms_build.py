"""Models that normalize by statistics of their maps, up the ladder: what they compute, and their pace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.verify import csim
from tests.cosim.hls_chains import OPTIMIZED
from tests.cosim.test_joins_build import PADS, K, build, weights
from tests.onnx_models import f32, save
from tests.sampling import sampled

pytest.importorskip("cocotb")
pytest.importorskip("hls4ml")
pytestmark = pytest.mark.cosim

RNG = np.random.default_rng(51)
CONSTANTS = K | {
    "image": K["image"] / 2,  # of a sum
    "same0": weights(8, 8, 3, 3),
    "same1": weights(8, 8, 3, 3),
    "gamma": 1 + f32(RNG, 8) / 4,
    "beta": f32(RNG, 8) / 4,
    "ones": np.ones(4, np.float32),
    "zeros": np.zeros(4, np.float32),
    "eps": np.float32(1e-5),
    "groups": np.array([1, 4, -1]),
    "map": np.array([1, 8, 8, 8]),
}
RESIDUAL = f"""
    a = Conv<{PADS}>(x, first) n = InstanceNormalization(a, gamma, beta) r = Relu(n)
    b = Conv<{PADS}>(r, same0) m = ReduceMean<axes = [2, 3]>(b) d = Sub(b, m) q = Mul(d, d)
    v = ReduceMean<axes = [2, 3]>(q) e = Add(v, eps) s = Sqrt(e) k = Div(d, s) t = Add(k, r)
    o = Conv<{PADS}>(t, image) y = Tanh(o)
"""
PIXELS = f"""
    a = Conv<{PADS}>(x, first) r = LeakyRelu(a) q = Mul(r, r) p = ReduceMean<axes = [1]>(q) e = Add(p, eps) s = Sqrt(e)
    n = Div(r, s) b = Conv<{PADS}>(n, same0) c = Reshape(b, groups) g = InstanceNormalization(c, ones, zeros)
    t = Reshape(g, map) l = Relu(t) o = Conv<{PADS}>(l, image) y = Tanh(o)
"""


@pytest.mark.parametrize(("body", "count"), sampled([(RESIDUAL, 2), (PIXELS, 2)], 1))
def test_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, count: int) -> None:
    """Compiled as for a user."""
    monkeypatch.setattr(csim, "FLAGS", OPTIMIZED)
    report = build(save(tmp_path, body, (1, 3, 8, 8), CONSTANTS))
    assert sum(layer.kind == "norm" for layer in report.layers) == count
    assert {layer.kind for layer in report.layers} <= {"conv", "norm", "add"}
