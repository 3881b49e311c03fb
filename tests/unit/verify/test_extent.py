"""How much is simulated where the configuration does not say it: by MACs, and by clocks."""

from __future__ import annotations

import pytest

from gan2hls.config import VerifyConfig
from gan2hls.hardware import estimate
from gan2hls.verify import extent
from tests.randomized import tiny_design

DESIGN = tiny_design()
MACS = sum(layer.op.useful_macs for layer in DESIGN.model.layers)


def test_large_models_have_one_frame_and_one_test_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extent, "_LARGE_MACS", MACS)
    assert extent.frames_of(VerifyConfig(), DESIGN.model) == 3 and extent.hls_tests(DESIGN.model) == ()
    monkeypatch.setattr(extent, "_LARGE_MACS", MACS - 1)
    assert extent.frames_of(VerifyConfig(), DESIGN.model) == 1
    assert extent.hls_tests(DESIGN.model) == ("idle_back_pressure",)
    assert extent.frames_of(VerifyConfig(frames=7), DESIGN.model) == 7


def test_rtl_of_long_frames_is_simulated_where_steps_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    interval = estimate(DESIGN).interval
    monkeypatch.setattr(extent, "_LONG_FRAME", interval)
    assert extent.why_no_rtl(VerifyConfig(), DESIGN) is None
    monkeypatch.setattr(extent, "_LONG_FRAME", interval - 1)
    reason = extent.why_no_rtl(VerifyConfig(), DESIGN)
    assert reason and f"{interval:,} clocks" in reason and "--verify float,csim,hls,rtl" in reason
    assert extent.why_no_rtl(VerifyConfig(steps=("rtl",)), DESIGN) is None
