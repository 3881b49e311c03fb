"""Which steps of the ladder run where nobody names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan2hls import verify
from gan2hls.config import VERIFY_STEPS, VerifyConfig
from gan2hls.flow.ladder import climb
from gan2hls.verify import Measurements, StepResult, extent
from tests.randomized import tiny_design


@pytest.mark.parametrize("named", [False, True])
def test_rtl_of_long_frames_runs_only_where_steps_are_named(
    named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def step(name: str) -> object:
        def run(*_: object) -> StepResult:
            started.append(name)
            return StepResult("passed", "", 1, 1, 0, None, Measurements())

        return run

    for name in ("csim", "hls", "rtl"):
        monkeypatch.setattr(
            "gan2hls.flow.ladder.check_csim" if name == "csim" else f"{verify.__name__}.run_{name}", step(name)
        )
    monkeypatch.setattr(extent, "_LONG_FRAME", 0)
    config = VerifyConfig(steps=VERIFY_STEPS if named else None)
    found = climb(config, tmp_path, tiny_design(), {}, float_step=None).steps
    assert sorted(started) == (["csim", "hls", "rtl"] if named else ["csim", "hls"])
    assert found["rtl"].status == ("passed" if named else "skipped")
    assert named or "clocks" in found["rtl"].reason
