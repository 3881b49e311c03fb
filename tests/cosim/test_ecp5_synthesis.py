"""What designs take of an ECP5, held against Yosys' counts, and the script of a project that synthesizes for one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import gan2hls
from gan2hls.emit import template_root
from gan2hls.fabric import ECP5, MemoryKind, memory_cells
from gan2hls.hardware import Design, design_resources
from tests.cosim.rtl_bench import write_rtl
from tests.cosim.test_rtl_synthesis import WHOLE
from tests.cosim.yosys import mapped, run_passes
from tests.sampling import sampled_designs
from tests.tiny_onnx import save_tiny

pytestmark = pytest.mark.cosim

PART = "LFE5U-85F-6BG381C"
#: Others have a like of theirs among these.
AMONG = (
    *("channels", "raw", "dense", "ternary", "codebook", "skipping", "product", "pooled", "rows", "choice_few"),
    *("joined_runs", "fills", "away0", "away_skipping", "away_few", "behind_itself"),
)
#: Of these, those that are mapped each time.
OFTEN = ("channels", "ternary", "pooled")


def counts(printed: str, top: str) -> tuple[int, int, int, int]:
    """Return multipliers, LUTs, those of carry chains and memories among them, flip-flops and block RAMs."""
    cells = re.findall(r"^\s+(\d+)\s+([A-Z][A-Z0-9_]+)$", printed[printed.rindex(f"=== {top} ===") :], re.M)
    of = {kind: int(count) for count, kind in cells}
    lut = of["LUT4"] + 2 * of.get("CCU2C", 0) + 6 * of.get("TRELLIS_DPR16X4", 0)
    return of.get("MULT18X18D", 0), lut, of["TRELLIS_FF"], of.get("DP16KD", 0)


@pytest.mark.parametrize("made", sampled_designs([made for made in WHOLE if made.name in AMONG], OFTEN))
def test_an_engine_takes_what_is_estimated(made: Design, tmp_path: Path) -> None:
    """Multipliers and block RAMs exactly but for those that a tool cuts; LUTs and flip-flops of all but small ones."""
    pytest.importorskip("pyosys")
    rtl = write_rtl(made, tmp_path)
    files = (rtl / f"{made.name}.f").read_text().replace("\n", " ")
    read = f"read_slang -j 1 --top {made.name} {files}"
    dsp, lut, ff, bram = counts(run_passes(rtl, read, f"synth_ecp5 -top {made.name}", "stat"), made.name)
    estimate = design_resources(replace(made, part=PART))
    assert estimate.dsp == dsp
    unread = made.name == "behind_itself"  # half of the words that its port brings
    assert estimate.bram18 == bram + unread
    loose = 0.25 if lut > 500 else 0.4
    assert (1 - loose) * lut <= estimate.lut <= (1 + loose) * lut
    assert (1 - loose) * ff <= estimate.ff <= (1 + loose) * ff


@pytest.mark.parametrize(
    ("module", "width", "depth", "kind"),
    [
        ("rom", 36, 64, "rom"),  # of more than 2048 bits, which Yosys puts into a block RAM though it need not
        ("rom", 32, 64, "rom"),
        ("rom", 40, 1100, "rom"),
        ("line_buffer", 32, 48, "buffer"),
        ("line_buffer", 33, 48, "buffer"),
        ("line_buffer", 80, 1100, "buffer"),
    ],
)
def test_memories_take_what_is_counted(module: str, width: int, depth: int, kind: MemoryKind, tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    lib = template_root() / "rtl" / "lib"
    (tmp_path / "words.mem").write_text("".join(f"{pow(3, word, 1 << width):x}\n" for word in range(depth)))
    file = f' -G File="{tmp_path / "words.mem"}"' if kind == "rom" else ""
    size = f"-G Width={width} -G Depth={depth} -G AddrBits={(depth - 1).bit_length()}{file}"
    sources = f"{lib / f'g2h_{module}.sv'} {lib / 'g2h_ultra.sv'}"
    read = f"read_slang -j 1 --top g2h_{module} {size} {sources}"
    printed = run_passes(tmp_path, read, f"synth_ecp5 -top g2h_{module} -run begin:map_ffram")
    found = re.findall(r"mapping memory \S+ via \$__(\w+)_|using (FF) mapping", printed)
    estimate = memory_cells(ECP5, width, depth, kind)
    wanted = "logic" if estimate.logic else estimate.name
    assert [{"TRELLIS_DPR16X4": "lut", "": "logic"}.get(cell, "bram") for cell, _ in found] == [wanted]
    if wanted == "bram":
        cells = mapped(read, f"synth_ecp5 -top g2h_{module}", f"g2h_{module}", tmp_path)
        assert cells["DP16KD"] == estimate.bram18


def test_the_script_of_a_project_synthesizes_it(tmp_path: Path) -> None:
    """By Yosys' own reader of SystemVerilog, in the folder of the script."""
    pytest.importorskip("pyosys")
    target = {"part": "lfe5u-25f-6bg256", "clock_mhz": 80}
    config = {"target": target, "verify": {"steps": []}}
    made = gan2hls.build(save_tiny(tmp_path / "small.onnx"), config=config, output=tmp_path / "out")
    assert made.path is not None and made.design is not None
    rtl, readme = made.path / "rtl", (made.path / "README.md").read_text()
    assert not list(made.path.rglob("*.tcl")) and not list(made.path.rglob("*.cfg")) and "vitis" not in readme
    script = (rtl / "yosys.ys").read_text()
    assert "nextpnr-ecp5 --25k --package CABGA256 --speed 6 --freq 80 " in script
    assert "nextpnr-ecp5 --25k --package CABGA256 --speed 6 --freq 80 " in readme
    found = counts(run_passes(rtl, "script yosys.ys"), made.design.name)
    estimate = design_resources(made.design)
    assert (estimate.dsp, estimate.bram18) == (found[0], found[3])
    assert (rtl / f"{made.design.name}.json").exists()
