"""What ``inspect`` says of a model's layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gan2hls.report import inspect_model
from tests.onnx_models import f32, save

RNG = np.random.default_rng(5)


def test_summed_taps_are_no_dead_channels_and_these_are_counted(tmp_path: Path) -> None:
    """Behind a nearest-neighbour upsampling 3 x 3 weights become 4 x 4 sums."""
    body = 'u = Resize<mode = "nearest">(x, , s) c = Conv<pads = [1, 1, 1, 1]>(u, w) y = Conv(c, v)'
    constants = {"s": np.array([1, 1, 2, 2], np.float32), "w": f32(RNG, 4, 3, 3, 3), "v": f32(RNG, 2, 4, 1, 1)}
    assert inspect_model(save(tmp_path, body, (1, 3, 4, 4), constants)).removed_weights == 0
    constants["v"][:, 1] = 0
    facts = inspect_model(save(tmp_path, body, (1, 3, 4, 4), constants))
    assert facts.removed_weights == 3 * 9 + 2
    assert [layer.kernel for layer in facts.layers] == [(4, 4), (1, 1)]
