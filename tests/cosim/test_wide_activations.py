"""Tensors of 9 to 12 bits beside others of 8: golden = C++ = RTL."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

import gan2hls
from tests.heavy_tails import selu_generator

pytestmark = pytest.mark.cosim


def test_mixed_widths_are_bit_exact(tmp_path: Path) -> None:
    onnx.save(selu_generator(1.3), tmp_path / "heavy.onnx")
    report = gan2hls.build(
        tmp_path / "heavy.onnx",
        config={"verify": {"steps": ["csim", "rtl"], "frames": 2}, "target": {"dsp": 40}},
        write=False,
    ).report
    assert report is not None and report.widening is not None
    assert {one.bits for one in report.widening.tensors} - {8}, "nothing was widened"
    for step in ("csim", "rtl"):
        found = report.verification[step]  # type: ignore[index]
        assert found.status == "passed" and found.values > 0 and found.mismatches == 0, (step, found)
