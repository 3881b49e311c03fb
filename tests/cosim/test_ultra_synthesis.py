"""UltraRAMs as Yosys maps them for UltraScale+: as many as are counted, with block RAMs and DSP blocks beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan2hls.emit import template_root
from gan2hls.fabric import SERIES_7, memory_cells
from gan2hls.hardware import Design, Folding, design_resources
from tests.cosim.rtl_bench import write_rtl
from tests.cosim.test_rtl_synthesis import away, linear
from tests.cosim.yosys import mapped
from tests.random_integer_graphs import norm_design, u_net_design
from tests.randomized import conv, conv_transpose, in_ultra

pytestmark = pytest.mark.cosim

#: The steps of ``synth_xilinx`` up to memories.
ULTRASCALE = "synth_xilinx -family xcup -uram -flatten"
MEMORIES = "-run begin:map_ffram"


@pytest.mark.parametrize(
    ("module", "width", "depth"),
    [
        ("line_buffer", 128, 3072),
        ("line_buffer", 73, 100),
        ("line_buffer", 8, 40_000),
        ("line_buffer", 16, 12_288),
        ("ring", 145, 4097),
        ("ring", 36, 36_000),
    ],
)
def test_memories_take_what_is_counted(module: str, width: int, depth: int, tmp_path: Path) -> None:
    """Wide words, narrow ones that share rows, and last slices of a few rows too."""
    pytest.importorskip("pyosys")
    lib = template_root() / "rtl" / "lib"
    own = f"-G AddrBits={(depth - 1).bit_length()}" if module == "line_buffer" else ""
    files = " ".join(str(lib / f"g2h_{name}.sv") for name in ("line_buffer", "ring", "ultra", "credit", "fifo"))
    read = f"read_slang -j 1 --top g2h_{module} -G Width={width} -G Depth={depth} -G Ultra=1 {own} {files}"
    cells = mapped(read, f"{ULTRASCALE} -top g2h_{module} {MEMORIES}", f"g2h_{module}", tmp_path)
    assert cells["URAM288"] == memory_cells(SERIES_7, width, depth, "ultra").uram
    assert not any(kind.startswith("RAMB") for kind in cells)


def line_buffer_of_two() -> Design:
    """4 rows of 1536 words of 64 bits, two slices; block RAM has the weights."""
    return in_ultra(linear("two", conv((8, 192), 64, 8), "raw", Folding(4, 8, 2)))


@pytest.mark.parametrize(
    ("made", "uram", "block_rams"),
    [
        (line_buffer_of_two(), 2, 8),
        (in_ultra(away("away", conv_transpose((4, 4), 32, 32), "raw", Folding(2, 16, 1))), 7, 0),
        (in_ultra(norm_design((100, 84, 3), 3, 3)), 2, 3),
        pytest.param(in_ultra(u_net_design(0, 16)), 7, 6, marks=pytest.mark.exhaustive),
    ],
    ids=["line_buffer", "off_chip", "map", "queues"],
)
def test_a_design_takes_what_is_estimated(made: Design, uram: int, block_rams: int, tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    rtl = write_rtl(made, tmp_path)
    files = (rtl / f"{made.name}.f").read_text().replace("\n", " ")
    read = f"read_slang -j 1 --top {made.name} {files}"
    cells, estimate = mapped(read, f"{ULTRASCALE} -top {made.name} {MEMORIES}", made.name, rtl), design_resources(made)
    assert cells["URAM288"] == estimate.uram == uram
    assert cells.get("RAMB18E2", 0) + 2 * cells.get("RAMB36E2", 0) == estimate.bram18 == block_rams
    assert cells.get("DSP48E2", 0) == estimate.dsp
