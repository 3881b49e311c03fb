"""Line buffers, tiles, band codes, maps and queues in UltraRAM: golden == RTL == C++, at the clocks of block RAM.

With traces an UltraRAM gives ones where a word is read that was never written, or is being written
(``g2h_ultra``), so nothing here relies on either.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import Design, estimate
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.cosim.test_off_chip_campaign import sparse_campaign
from tests.random_integer_graphs import norm_design, u_net_design
from tests.randomized import in_ultra, off_chip_design, random_inputs, tiny_design
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

#: Of each kind of memory: line buffers; tiles and band codes; a ring of tiles of different sizes; a map of 8960 words,
#: of which eight share a row; one of 8400, two in each row of two slices; queues.
MADE = {
    "line_buffers": tiny_design(),
    "off_chip": off_chip_design(),
    "skipping": sparse_campaign(13),
    "map": norm_design((80, 56, 2), 2, 1),
    "sliced": norm_design((100, 84, 3), 3, 3),
    "queues": u_net_design(0, 16),
}


def names(made: Design) -> set[str]:
    """What is in UltraRAM, by kind of memory."""
    found = {str(name) for engine in made.engines for name in engine.ultra}
    return found | ({"queue"} if made.ultra else set())


def test_every_kind_of_memory_is_there() -> None:
    found = set[str]().union(*(names(in_ultra(made)) for made in MADE.values()))
    assert found == {"line_buffer", "tiles", "codes", "map", "queue"}


@pytest.mark.parametrize("name", sampled(MADE, ("off_chip", "map", "queues")))
def test_rtl(name: str, tmp_path: Path) -> None:
    made = in_ultra(MADE[name])
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    assert ".Ultra(1" in "".join(path.read_text() for path in (tmp_path / "rtl").glob("*.sv")).replace(" ", "")
    bench.run(3, seed=1, idle=40, stall=40, memory=(60, 50))
    bench.run(2, seed=2, stall=10, reset_at=152)
    if made.memory is None:
        assert bench.measured() == (estimate(MADE[name]).latency, estimate(MADE[name]).interval)


@pytest.mark.parametrize("name", sampled(MADE, ("off_chip", "map", "queues", "sliced")))
def test_cpp(name: str, tmp_path: Path) -> None:
    """Pragmas do not reach g++; that arrays and streams are asked for once each, by name, is what is held here."""
    pytest.importorskip("hls4ml")
    made = in_ultra(MADE[name])
    hls = write_hls(made, tmp_path)
    result = check_csim(hls, made, random_inputs(np.random.default_rng(0), made.model, 3), tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result
