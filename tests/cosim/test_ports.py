"""Designs with several input and output ports: two independent chains, in RTL, C simulation and both benches."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.emit.bench import emit_bench
from gan2hls.emit.rtl.files import emit_rtl
from gan2hls.hardware import Design, verify_design
from gan2hls.hardware.cycles import estimate
from gan2hls.model.golden import Golden
from gan2hls.verify import csim, run_hls, run_outputs, run_rtl, run_vendor, vendor
from gan2hls.verify.bench import run_bench
from gan2hls.verify.csim import ap_types_folder, check_csim
from gan2hls.verify.vendor import Synthesized
from tests.cosim import rtl_bench
from tests.cosim.hls_chains import QUICK, random_design, write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.randomized import random_inputs, side_by_side, two_chains

pytestmark = pytest.mark.cosim


def random_chains() -> Design:
    """Two random chains, their outputs in the other order."""
    made = side_by_side("pair", random_design(21, 3), random_design(34, 2))
    made = replace(made, model=replace(made.model, outputs=made.model.outputs[::-1]))
    verify_design(made)
    return made


def test_rtl_of_random_chains(tmp_path: Path) -> None:
    """Ports wait on their own; the slowest decides latency and interval."""
    made = random_chains()
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    for seed, (idle, stall) in enumerate([(50, 50), (80, 10), (10, 80)]):
        bench.run(3, seed=seed, idle=idle, stall=stall)
    bench.run(3, seed=9, idle=20, stall=20, reset_at=150)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)


def twins(name: str) -> Design:
    """Two equal chains, so that nothing but the beats tells their ports apart."""
    part = random_design(34, 2)
    return side_by_side(name, part, part)


def swap(text: bytes, one: str, other: str) -> bytes:
    """Exchange two words."""
    return re.sub(
        rf"\b({one}|{other})(?=\b|_t)".encode(), lambda m: (other if m[1].decode() == one else one).encode(), text
    )


def write_project(made: Design, folder: Path, frames: int = 3) -> None:
    """Write RTL and bench of ``made``."""
    tensors = Golden(made.model).run(random_inputs(np.random.default_rng(6), made.model, frames))
    for part, files in (("rtl", emit_rtl(made)), ("testbench", emit_bench(made, tensors, seed=2))):
        for path, content in files.items():
            target = folder / part / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def test_bench_of_two_chains_in_rtl(tmp_path: Path) -> None:
    """All five tests pass and measure what is estimated."""
    pytest.importorskip("cocotb")
    made = two_chains()
    write_project(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    result = run_rtl(tmp_path, made, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result
    values = sum(stream.elements for stream in (*made.outputs, *(engine.sends for engine in made.engines)))
    assert result.frames == 5 + 3 + 3 + 3 + 2 and result.values >= (5 + 3 + 3 + 3) * values
    measured, expected = result.measurements, estimate(made)
    assert (measured.latency_cycles, measured.interval_cycles) == (expected.latency, expected.interval)


def test_swapped_inputs_are_found_by_the_bench(tmp_path: Path) -> None:
    """And the layer behind them is named."""
    pytest.importorskip("cocotb")
    made = twins("twins")
    write_project(made, tmp_path)
    top = tmp_path / "rtl" / "twins.sv"
    top.write_bytes(swap(top.read_bytes(), *(port.axis for port in made.sources)))
    result = run_bench(tmp_path, "rtl", tmp_path / "work", tests=["full_rate"])
    assert result.status == "failed" and (result.first_mismatch or "").startswith("a_l0: frame 0, beat 0"), result


@pytest.mark.parametrize(("make", "flags"), [(two_chains, ()), (random_chains, ("-DGAN2HLS_FLAT",))])
def test_csim_of_two_chains(
    make: Callable[[], Design], flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every layer and both outputs of the core, in the region of Vitis and in that of bambu."""
    pytest.importorskip("hls4ml")
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    made = make()
    codes = random_inputs(np.random.default_rng(6), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    values = sum(stream.elements for stream in (*made.outputs, *(engine.sends for engine in made.engines)))
    assert (result.status, result.frames, result.values, result.mismatches) == ("passed", 3, 3 * values, 0), result
    outputs, golden = run_outputs(tmp_path, made, tmp_path / "again", codes), Golden(made.model).run(codes)
    assert list(outputs) == [stream.tensor for stream in made.outputs]
    assert all((codes == golden[name]).all() for name, codes in outputs.items())


def test_swapped_outputs_are_found_by_csim(tmp_path: Path) -> None:
    pytest.importorskip("hls4ml")
    made = twins("twins")
    hls = write_hls(made, tmp_path, {"twins.cpp": (b"from_a_l0, out_a_l1", b"from_a_l0, out_b_l1")})
    core = hls / "twins.cpp"
    core.write_bytes(core.read_bytes().replace(b"from_b_l0, out_b_l1", b"from_b_l0, out_a_l1", 1))
    codes = random_inputs(np.random.default_rng(6), made.model, 2)
    result = check_csim(hls, made, codes, tmp_path / "work")
    assert result.status == "failed" and (result.first_mismatch or "").startswith("core a_l1: frame 0"), result


def test_a_word_left_between_layers_is_found_by_csim(tmp_path: Path) -> None:
    pytest.importorskip("hls4ml")
    made = twins("twins")
    change = (b"from_b_l0);\n", b"from_b_l0);\n    from_b_l0.write(0);\n")
    hls = write_hls(made, tmp_path, {"twins.cpp": change})
    codes = random_inputs(np.random.default_rng(6), made.model, 2)
    result = check_csim(hls, made, codes, tmp_path / "work")
    assert (result.status, result.reason) == ("failed", "core: words were left in a stream"), result


def test_test_bench_of_two_chains(tmp_path: Path) -> None:
    """The C++ test bench reads a file for each port; a wrong bit at the second output is told with its name."""
    pytest.importorskip("hls4ml")
    made = two_chains()
    write_project(made, tmp_path)
    hls = write_hls(made, tmp_path)
    includes = ["-I", str(hls), "-I", str(hls / "lib/csim"), "-isystem", str(ap_types_folder())]
    program = tmp_path / "tb"
    sources = [str(hls / "two.cpp"), str(hls / "two_tb.cpp")]
    subprocess.run(["g++", *QUICK, *includes, *sources, "-o", str(program)], check=True, timeout=300)
    core_test = ["-DGAN2HLS_TEST_CORE", "-fsyntax-only", sources[1]]
    subprocess.run(["g++", *QUICK, *includes, *core_test], check=True, timeout=300)
    vectors = tmp_path / "testbench" / "vectors"
    good = subprocess.run([program, vectors], capture_output=True, text=True, check=False, timeout=60)
    assert good.returncode == 0 and "PASSED: 3 frames" in good.stdout, good.stdout
    path = vectors / "b_l1.hex"
    lines = path.read_text().splitlines()
    lines[7] = f"{int(lines[7], 16) ^ 1:0{len(lines[7])}x}"
    path.write_text("\n".join(lines) + "\n")
    bad = subprocess.run([program, vectors], capture_output=True, text=True, check=False, timeout=60)
    assert bad.returncode != 0 and "b_l1: frame 0 beat 7" in bad.stdout, bad.stdout


def test_hls_shell_of_two_chains(tmp_path: Path) -> None:
    pytest.importorskip("cocotb")
    pytest.importorskip("hls4ml")
    made = two_chains()
    write_project(made, tmp_path)
    write_hls(made, tmp_path)
    shell = tmp_path / "testbench" / "two_hls_shell.sv"
    command = ["verilator", "--lint-only", "-Wall", str(shell)]
    done = subprocess.run(command, env=rtl_bench.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = run_hls(tmp_path, made, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


def test_vendor_adapter_of_two_chains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The RTL stands for a compiler's Verilog, behind ports as those have them: no TLAST at one output."""
    pytest.importorskip("cocotb")
    made = two_chains()
    write_project(made, tmp_path)
    write_hls(made, tmp_path)
    names = {
        "s_axis_a_z": "in_a_z",
        "s_axis_b_z": "s_axis_b_z",
        "m_axis_a_l2_conv": "out_a_l2_conv_r",
        "m_axis_b_l1": "m_axis_b_l1",
    }
    ports, pins = ["input ap_clk", "input ap_rst_n"], [".clk_i(ap_clk)", ".rst_ni(ap_rst_n)"]
    for port in (*made.sources, *made.sinks):
        name, ways = names[port.axis], ("input", "output") if port.inward else ("output", "input")
        last = port.axis != "m_axis_a_l2_conv"
        signals = [("TDATA", f"[{port.padded_bits - 1}:0] "), ("TVALID", ""), *([("TLAST", "")] if last else [])]
        ports += [f"{ways[0]} {width}{name}_{signal}" for signal, width in signals] + [f"{ways[1]} {name}_TREADY"]
        pins += [f".{port.axis}_{signal.lower()}({name}_{signal})" for signal, _ in (*signals, ("TREADY", ""))]
        pins += [] if last else [f".{port.axis}_tlast()"]
    core = tmp_path / "core.v"
    define = '`define GAN2HLS_MEM_DIR ""\n'
    core.write_text(f"{define}module vendor_core ({', '.join(ports)}); two u_two ({', '.join(pins)}); endmodule\n")
    sources = [core, *(tmp_path / "rtl" / path for path in (tmp_path / "rtl" / "two.f").read_text().split())]
    memories = sorted((tmp_path / "rtl" / "mem").glob("*.mem"))
    monkeypatch.setattr(vendor, "_vitis", lambda *_: Synthesized("vendor_core", tuple(sources), tuple(memories)))
    result = run_vendor(tmp_path, made, tmp_path / "work", "vitis")
    assert (result.status, result.mismatches) == ("passed", 0), result
