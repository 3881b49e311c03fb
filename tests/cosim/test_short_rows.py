"""Line buffers without room for the next frame's first rows: exact, and at the interval that is estimated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import LinearEngine, Target, design_resources, estimate, schedule
from gan2hls.hardware.budget import MemoryPort, Utilization
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.randomized import random_inputs
from tests.sampling import sampled
from tests.unit.hardware.test_short_rows import PINNED, rows, valid_convolutions

pytestmark = pytest.mark.cosim


@pytest.mark.parametrize("off_chip", sampled([True, False], 1), ids=["off_chip", "on_chip"])
def test_the_next_frame_waits_as_estimated(off_chip: bool, tmp_path: Path) -> None:
    """The block RAMs of three line buffers are short, as in upscalers whose convolutions have no padding.

    Weights that are off chip are read once for each output row, and forgotten.
    """
    model, memory = valid_convolutions(), MemoryPort(off_chip=off_chip, maps=False)
    full = schedule(model, Target(memory=memory), PINNED)
    share = Utilization(bram=(design_resources(full).bram18 - 2.5) / 280)
    made = schedule(model, Target(utilization=share, memory=memory), PINNED)
    assert rows(full) == [6, 6, 6] and rows(made) == [4, 4, 4]
    assert all((e.off_chip is not None) == off_chip for e in made.engines if isinstance(e, LinearEngine))
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    bench.run(2)
    bench.run(2, seed=1, idle=30, stall=30, memory=(40, 30), reset_at=9001)
    assert bench.interval(4) == estimate(made).interval > made.interval_limit
    pytest.importorskip("hls4ml")
    codes = random_inputs(np.random.default_rng(1), model, 3)
    result = check_csim(write_hls(made, tmp_path / "hls"), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result
