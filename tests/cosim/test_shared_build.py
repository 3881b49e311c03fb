"""Residual networks whose convolutions take turns at one engine, from the ONNX file up the whole ladder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cosim.test_joins_build import PADS, build, weights
from tests.onnx_models import f32, save
from tests.sampling import sampled

pytest.importorskip("cocotb")
pytest.importorskip("hls4ml")
pytestmark = pytest.mark.cosim

RNG = np.random.default_rng(52)
CHANNELS, BLOCKS, SIZE = 24, 2, 6
CONSTANTS = {
    "first": weights(CHANNELS, 3, 3, 3),
    "image": weights(3, CHANNELS, 3, 3) / 2,  # of sums
    "gamma": 1 + f32(RNG, CHANNELS) / 4,
    "beta": f32(RNG, CHANNELS) / 4,
    **{f"w{n}": weights(CHANNELS, CHANNELS, 3, 3) for n in range(2 * BLOCKS)},
}


def residual_network(norm: bool) -> str:
    """Blocks of two convolutions, each with a normalization or without, around which a skip leads."""
    body, given = f"h = Conv<{PADS}>(x, first) s = Relu(h)", "s"
    for n in range(BLOCKS):
        body += f" a{n} = Conv<{PADS}>({given}, w{2 * n})"
        body += f" b{n} = InstanceNormalization(a{n}, gamma, beta)" if norm else f" b{n} = Identity(a{n})"
        body += f" c{n} = LeakyRelu(b{n}) d{n} = Conv<{PADS}>(c{n}, w{2 * n + 1})"
        body += f" e{n} = InstanceNormalization(d{n}, gamma, beta)" if norm else f" e{n} = Identity(d{n})"
        body += f" t{n} = Add({given}, e{n})"
        given = f"t{n}"
    return f"{body} o = Conv<{PADS}>({given}, image) y = Tanh(o)"


@pytest.mark.parametrize("norm", sampled([True, False], 1), ids=["norms", "plain"])
def test_convolutions_of_residual_blocks_share_an_engine(norm: bool, tmp_path: Path) -> None:
    path = save(tmp_path, residual_network(norm), (1, 3, SIZE, SIZE), CONSTANTS)
    report = build(path, ("float", "csim", "hls", "rtl"), {"shared_engines": "always"})
    sharing = [layer for layer in report.layers if layer.shares]
    assert len(sharing) == 2 * BLOCKS and {layer.shares for layer in sharing} == {sharing[0].name}
    assert all(layer.executed_macs == layer.useful_macs for layer in report.layers if layer.useful_macs)
    assert [layer.resources.dsp for layer in sharing[1:]] == [0] * (2 * BLOCKS - 1)
