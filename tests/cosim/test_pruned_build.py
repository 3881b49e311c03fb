"""A pruned DCGAN whose weights are off chip through the whole ladder: runs of zeros on the bus, no clock lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gan2hls
from gan2hls.hardware import LinearEngine
from tests.onnx_models import save

pytest.importorskip("cocotb")
pytest.importorskip("hls4ml")
pytestmark = pytest.mark.cosim

BODY = """
    a = ConvTranspose(x, first) b = Relu(a) c = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1]>(b, second)
    d = Relu(c) e = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1]>(d, third) y = Tanh(e)
"""
SHAPES = {"first": (12, 32, 4, 4), "second": (32, 16, 4, 4), "third": (16, 3, 4, 4)}


def pruned(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Integers of 4 bits of which nine of ten are zeros, wherever they stand."""
    others = np.delete(np.arange(-8, 8), 8)[rng.integers(0, 15, shape)]
    return np.where(rng.random(shape) < 0.9, 0, others / 32).astype(np.float32)


def test_scattered_zeros_climb_the_ladder(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    weights = {name: pruned(rng, shape) for name, shape in SHAPES.items()}
    model = save(tmp_path, BODY, (1, 12, 1, 1), weights)
    config = {"target": {"dsp": 40}, "memory": {"weights": "off_chip"}, "precision": {"activation": "int8"}}
    made = gan2hls.build(model, config=config, write=False)
    report = made.report
    assert report is not None and report.memory is not None
    assert {name for name, step in report.verification.items() if step.status == "passed"} == {
        "float", "csim", "hls", "rtl",
    }  # fmt: skip
    interval = report.totals.frame_interval_cycles
    assert interval.measured is not None and interval.measured <= 1.02 * interval.limit
    coded = [e for e in made.design.engines if isinstance(e, LinearEngine) and e.huffman is not None]
    assert len(coded) >= 2 and {"huffman_runs"} == {
        region.coding for region in report.memory.regions if region.layer in {e.layer.name for e in coded}
    }
    for engine in coded:
        assert engine.huffman is not None
        beats = sum(-(-bits.size // 64) for bits in engine.huffman.streams)
        assert sum(r.bytes for r in report.memory.regions if r.layer == engine.layer.name) == 8 * beats
        values = engine.weight.values
        assert sum(bits.size for bits in engine.huffman.streams) < 0.95 * values.size, "less than a bit a weight"
    passes = sum(region.bytes * region.passes for region in report.memory.regions)
    assert report.memory.bytes_per_frame == passes
