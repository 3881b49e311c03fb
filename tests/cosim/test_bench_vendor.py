"""The vendor step around stand-ins for the Verilog of both HLS compilers; the compilers are scripts that copy it."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gan2hls.base.errors import ToolError, VerificationError
from gan2hls.hardware import Design
from gan2hls.hardware.parts import part_family
from gan2hls.verify import run_vendor, vendor
from gan2hls.verify.adapter import AdapterPort, read_ports, render_adapter
from tests.cosim.stand_in import DATA, write_bench
from tests.sampling import sampled


def design_for(part: str) -> Design:
    """Return what the step asks of a design for ``part``."""
    known = {"name": "stand_in", "clock_ns": 5.0, "part": part, "family": part_family(part), "memory": None}
    return cast(Design, SimpleNamespace(**known))


DESIGN, FOR_ECP5 = design_for("xc7z020clg400-1"), design_for("LFE5U-45F-6BG381C")


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, script: str) -> None:
    """Put a compiler called ``name`` on PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    write_bench(folder / "testbench", {})
    vectors = folder / "testbench" / "vectors"
    vectors.mkdir()
    (folder / "hls").mkdir()
    (folder / "hls" / "stand_in.cpp").write_text("// nothing\n")
    return folder


BAMBU = f"""
[ "$1 $2" = "stand_in.cpp --top-fname=stand_in_core" ] || exit 9
cp {DATA}/bambu_core.v stand_in_core.v; echo $INCREMENT > increment.mem; exit 3
"""
VITIS = f"""
[ "$1 $2 $GAN2HLS_EXPORT" = "-f run_hls.tcl 0" ] || exit 9
mkdir -p stand_in_hls/solution/syn/verilog && cd stand_in_hls/solution/syn/verilog
cp {DATA}/vitis_core.v stand_in.v; echo $INCREMENT > stand_in_increment.dat
"""
TOOLS: dict[str, tuple[str, str]] = {"bambu": ("bambu", BAMBU), "vitis": ("vitis_hls", VITIS)}


@pytest.mark.cosim
@pytest.mark.parametrize(
    ("tool", "increment"), sampled([("bambu", "01"), ("vitis", "02"), ("vitis", "01"), ("bambu", "02")], 2)
)
def test_synthesized_verilog_is_judged_by_its_beats(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Path, tool: Any, increment: str
) -> None:
    pytest.importorskip("cocotb")
    install(monkeypatch, tmp_path / "bin", *TOOLS[tool])
    monkeypatch.setenv("INCREMENT", increment)
    before = sorted(project.rglob("*"))
    result = run_vendor(project, DESIGN, tmp_path / "work", tool)
    assert result.status == ("passed" if increment == "01" else "failed"), result
    assert result.values > 0 and (result.mismatches == 0) == (increment == "01")
    assert increment == "01" or (result.first_mismatch or "").startswith("l0: frame 0, beat 0, element (y=0, x=0")
    assert sorted(project.rglob("*")) == before


def test_no_tool_is_skipped(tmp_path: Path, project: Path) -> None:
    assert run_vendor(project, DESIGN, tmp_path, None).status == "skipped"


def test_missing_tool_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="vitis-run is not on PATH"):
        run_vendor(project, DESIGN, tmp_path, "vitis")


def test_vitis_is_not_asked_for_a_part_of_another_maker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Path
) -> None:
    install(monkeypatch, tmp_path / "bin", "vitis_hls", "touch ran")
    result = run_vendor(project, FOR_ECP5, tmp_path / "work", "vitis")
    assert result.status == "skipped" and "does not know LFE5U-45F-6BG381C (--hls-tool bambu" in (result.reason or "")
    assert not list(tmp_path.rglob("ran"))


REFUSAL = """
echo 'Information: reading stand_in.cpp'
echo "error -> Vertices not completely allocated"
echo 'Please report bugs'
"""


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (REFUSAL, "error -> Vertices not completely allocated"),
        (
            "echo 'ERROR: [HLS 207-2311] no matching function'; echo Exiting",
            "ERROR: [HLS 207-2311] no matching function",
        ),
        ("echo internal compiler trouble", "internal compiler trouble"),
        ("exit 7", "no output"),
    ],
)
def test_compiler_that_refuses_fails_the_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Path, script: str, reason: str
) -> None:
    install(monkeypatch, tmp_path / "bin", "bambu", script)
    log = tmp_path / "stand_in.vendor.log"
    result = run_vendor(project, DESIGN, tmp_path / "work", "bambu", log)
    assert (result.status, result.values) == ("failed", 0)
    assert result.reason == f"the HLS compiler made no Verilog: {reason}; its output is in {log}"
    assert reason in (*log.read_text().splitlines(), "no output")


def test_compiler_that_does_not_end_fails_the_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Path
) -> None:
    """Its children end with it."""
    install(monkeypatch, tmp_path / "bin", "bambu", "echo thinking; sleep 60 & wait")
    monkeypatch.setattr(vendor, "SYNTHESIS_SECONDS", 0.5)
    begun = time.monotonic()
    result = run_vendor(project, DESIGN, tmp_path / "work", "bambu")
    assert time.monotonic() - begun < 30
    assert (result.status, result.reason) == ("failed", "bambu took longer than 0.5 s")


def test_verilog_with_other_ports_fails_the_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Path
) -> None:
    install(monkeypatch, tmp_path / "bin", "bambu", "echo 'module stand_in_core(input a); endmodule' > x.v")
    result = run_vendor(project, DESIGN, tmp_path / "work", "bambu")
    assert result.status == "failed" and "has no port s_axis_TDATA" in result.reason


@pytest.mark.parametrize(
    ("part", "device"),
    [
        ("xc7z020clg400-1", "xc7z020,-1,clg484,VVD"),
        ("xc7a100tcsg324-1", "xc7a100t,-1,csg324,VVD"),
        ("xczu3eg-sbva484-1-e", "xc7z020,-1,clg484,VVD"),
        ("LFE5U-85F-6BG381C", "LFE5U85F8BG756C"),
        ("LFE5U-45F-6BG381C", "LFE5U85F8BG756C"),
    ],
)
def test_bambu_gets_the_device_of_the_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Path, part: str, device: str
) -> None:
    install(monkeypatch, tmp_path / "bin", "bambu", 'echo "error -> $*"')
    assert f"--device-name={device} " in run_vendor(project, design_for(part), tmp_path / "work", "bambu").reason


def test_ports_in_both_styles(tmp_path: Path) -> None:
    bambu = read_ports([DATA / "vitis_core.v", DATA / "bambu_core.v"], "stand_in_core")
    assert bambu["in_TDATA"] == 32 and bambu["out_TREADY"] == 1 and bambu["done_port"] == 1
    assert read_ports([DATA / "vitis_core.v"], "stand_in")["s_axis_TKEEP"] == 4
    ansi = tmp_path / "ansi.v"
    ansi.write_text("module m (input clk, input [8 - 1:0] a, b, /* [3:0] */ output reg c); wire [3:0] d; endmodule")
    assert read_ports([ansi], "m") == {"clk": 1, "a": 8, "b": 8, "c": 1}


def test_adapter_of_a_held_start() -> None:
    ports = {"ap_clk": 1, "ap_rst_n": 1, "ap_start": 1, "ap_done": 1, "ap_idle": 1, "ap_ready": 1}
    for name, bits in (("in_r", 16), ("out_r", 8)):
        ports |= {f"{name}_TDATA": bits, f"{name}_TVALID": 1, f"{name}_TREADY": 1}
    streams = [AdapterPort("s_axis", 16, 4), AdapterPort("m_axis", 8, 6)]
    text = render_adapter("m_vendor", "m_core", ports, streams).decode()
    assert ".ap_start(1'b1)" in text and ".in_r_TDATA(16'(s_axis_tdata))" in text and "m_axis_beat_q == 5;" in text
    with pytest.raises(VerificationError, match="has in_r_TDATA of 16 bits, not 24"):
        render_adapter("m_vendor", "m_core", ports, [AdapterPort("s_axis", 24, 4), *streams[1:]])
    del ports["out_r_TDATA"]
    with pytest.raises(VerificationError, match="has no port"):
        render_adapter("m_vendor", "m_core", ports, streams)
