"""Line buffers without room for the next frame's rows, or for the next band's: exact, at the interval estimated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import Design, LinearEngine, Target, design_resources, estimate, schedule, waits_for_bands
from gan2hls.hardware.budget import MemoryPort, Utilization
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.randomized import random_inputs
from tests.sampling import sampled
from tests.unit.hardware.test_short_rows import PINNED, rows, valid_convolutions, wide_convolutions

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
    check(made, tmp_path, reset_at=9001)


@pytest.mark.parametrize(("off_chip", "bram18"), [(False, 9), (True, 13)], ids=["on_chip", "off_chip"])
def test_a_band_waits_as_estimated(off_chip: bool, bram18: int, tmp_path: Path) -> None:
    """Line buffers hold the rows that a band reads, and of weights off chip codes of one band are there."""
    memory, model = MemoryPort(off_chip=off_chip, maps=False), wide_convolutions((6, 512), 4)
    share = Utilization(bram=(bram18 + 0.5) / 280)
    made = schedule(model, Target(utilization=share, memory=memory), PINNED)
    assert rows(made) == [3, 3, 3] and all(waits_for_bands(engine) for engine in made.engines)
    check(made, tmp_path, reset_at=50_001)


def check(made: Design, folder: Path, reset_at: int) -> None:
    """Compare RTL and C++ to the golden model, and RTL's interval to the one estimated, which is above the limit."""
    bench = Bench(made, folder)
    assert lint(made, folder / "rtl") == ""
    bench.run(2)
    bench.run(2, seed=1, idle=30, stall=30, memory=(40, 30), reset_at=reset_at)
    assert bench.interval(4) == estimate(made).interval > made.interval_limit
    pytest.importorskip("hls4ml")
    codes = random_inputs(np.random.default_rng(1), made.model, 3)
    result = check_csim(write_hls(made, folder / "hls"), made, codes, folder / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result
