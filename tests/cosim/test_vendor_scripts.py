"""The Tcl scripts of a project, run with stand-ins for the vendor's commands, in a folder with a blank in its name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gan2hls.emit.hls.files import emit_hls
from gan2hls.emit.rtl.files import emit_rtl
from gan2hls.verify.csim import ap_types_folder
from tests.randomized import off_chip_design, tiny_design
from tests.tcl import run_tcl

HLS = (
    "open_project", "set_top", "add_files", "open_solution", "set_part", "create_clock", "csim_design",
    "csynth_design", "cosim_design", "export_design",
)  # fmt: skip
VIVADO = (
    "create_project", "add_files", "set_property", "get_files", "current_fileset", "update_compile_order",
    "synth_design", "opt_design", "place_design", "phys_opt_design", "route_design", "report_utilization",
    "report_timing_summary", "write_checkpoint", "close_project", "ipx::package_project", "ipx::current_core",
    "ipx::get_bus_interfaces", "ipx::infer_bus_interface", "ipx::add_bus_parameter", "ipx::get_bus_parameters",
    "ipx::associate_bus_interfaces", "ipx::create_xgui_files", "ipx::update_checksums", "ipx::check_integrity",
    "ipx::save_core",
)  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "a project"
    for part, files in (("hls", emit_hls(tiny_design())), ("rtl", emit_rtl(tiny_design()))):
        for path, content in files.items():
            target = folder / part / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return folder


def names(calls: list[tuple[str, ...]]) -> list[str]:
    return [call[0] for call in calls]


def test_hls_script_synthesizes_and_exports(project: Path) -> None:
    code, errors, calls = run_tcl(project / "hls" / "run_hls.tcl", HLS)
    assert code == 0, errors
    assert names(calls) == [
        "open_project", "set_top", "add_files", "add_files", "open_solution", "set_part", "create_clock",
        "csim_design", "csynth_design", "export_design",
    ]  # fmt: skip
    assert ("set_top", "tiny") in calls and ("set_part", "xc7z020clg400-1") in calls
    assert ("add_files", "tiny.cpp", "-cflags", "-std=c++14") in calls
    assert not any(" " in word for call in calls for word in call if "/" in word), "a path with a blank"


def test_scripts_give_the_test_bench_the_image_of_external_memory(tmp_path: Path) -> None:
    files = emit_hls(off_chip_design())
    (tmp_path / "run_hls.tcl").write_bytes(files["run_hls.tcl"])
    code, errors, calls = run_tcl(tmp_path / "run_hls.tcl", HLS, {"GAN2HLS_COSIM": "1"})
    assert code == 0, errors
    arguments = "../../../../../testbench/vectors ../../../../../memory/memory.image"
    assert ("csim_design", "-argv", arguments) in calls and ("cosim_design", "-argv", arguments) in calls
    assert f"csim.argv={arguments}\n" in files["hls_config.cfg"].decode()


def test_hls_script_with_both_switches(project: Path) -> None:
    settings = {"GAN2HLS_TOP": "tiny_core", "GAN2HLS_COSIM": "1", "GAN2HLS_EXPORT": "0"}
    code, errors, calls = run_tcl(project / "hls" / "run_hls.tcl", HLS, settings)
    assert code == 0, errors
    assert ("set_top", "tiny_core") in calls
    assert ("add_files", "-tb", "tiny_tb.cpp", "-cflags", "-std=c++14 -DGAN2HLS_TEST_CORE") in calls
    assert "cosim_design" in names(calls) and "export_design" not in names(calls)
    code, errors, calls = run_tcl(project / "hls" / "run_hls.tcl", HLS, {"GAN2HLS_TOP": "other"})
    assert code != 0 and "must be tiny or tiny_core, not other" in errors and not calls


def test_vectors_lie_where_a_simulation_looks_for_them(project: Path) -> None:
    _, _, calls = run_tcl(project / "hls" / "run_hls.tcl", HLS)
    (argv,) = [call[2] for call in calls if call[0] == "csim_design"]
    simulation = project / "hls" / "tiny_hls" / "solution" / "csim" / "build"
    simulation.mkdir(parents=True)
    assert (simulation / argv).resolve() == (project / "testbench" / "vectors").resolve()


@pytest.mark.cosim
@pytest.mark.parametrize(("flags", "called"), [([], "tiny("), (["-DGAN2HLS_TEST_CORE"], "tiny_core(")])
def test_the_test_bench_calls_one_top(project: Path, flags: list[str], called: str) -> None:
    """What C/RTL co-simulation needs: the linker misses the top under test and no other."""
    command = ["g++", "-std=c++14", "-O0", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", *flags]
    command += ["-Ilib/csim", "-isystem", str(ap_types_folder()), "tiny_tb.cpp", "-o", "bench"]
    done = subprocess.run(command, cwd=project / "hls", capture_output=True, text=True, check=False, timeout=300)
    missing = {line.split("undefined reference to ")[1] for line in done.stderr.splitlines() if "undefined ref" in line}
    assert missing == {f"`{called[:-1]}'"}, done.stderr


def test_vivado_script_synthesizes_and_packages(project: Path) -> None:
    script = project / "rtl" / "vivado.tcl"
    code, errors, calls = run_tcl(script, VIVADO)
    assert code == 0, errors
    assert ("synth_design", "-top", "tiny", "-part", "xc7z020clg400-1", "-mode", "out_of_context") in calls
    assert "route_design" not in names(calls)
    source_calls = [call for call in calls if call[:2] == ("add_files", "-norecurse")]
    sources = [Path(path) for path in source_calls[0][2].split()]
    listed = (project / "rtl" / "tiny.f").read_text().split()
    assert [path.name for path in sources] == [Path(path).name for path in listed]
    memories = source_calls[1][2].split()
    assert sorted(memories) == sorted(f"mem/{path.name}" for path in (project / "rtl" / "mem").glob("*.mem"))
    for copy, original in zip(sources, listed, strict=True):
        text = (project / "rtl" / copy).read_text()
        assert text.replace('"', "") == (project / "rtl" / original).read_text().replace('"mem/', "").replace('"', "")
        assert '"mem/' not in text
    assert (
        project / "rtl/vivado/src/clock.xdc"
    ).read_text() == "create_clock -period 5 -name clk_i [get_ports clk_i]\n"
    associated = [call for call in calls if call[0] == "ipx::associate_bus_interfaces"]
    assert [call[1:5] for call in associated] == [
        ("-busif", "s_axis", "-clock", "clk_i"),
        ("-busif", "m_axis", "-clock", "clk_i"),
        ("-clock", "clk_i", "-reset", "rst_ni"),
    ]
    assert calls[-1] == ("close_project",)


def test_vivado_script_with_both_switches(project: Path) -> None:
    code, errors, calls = run_tcl(
        project / "rtl" / "vivado.tcl", VIVADO, {"GAN2HLS_ROUTE": "1", "GAN2HLS_PACKAGE": "0"}
    )
    assert code == 0, errors
    order = [name for name in names(calls) if name in ("synth_design", "route_design", "report_timing_summary")]
    assert order == ["synth_design", "route_design", "report_timing_summary"]
    assert not any(name.startswith("ipx::") for name in names(calls))


def test_a_typo_fails(project: Path) -> None:
    script = project / "rtl" / "vivado.tcl"
    script.write_text(script.read_text().replace("report_utilization", "report_utilisation"))
    code, errors, _ = run_tcl(script, VIVADO)
    assert code != 0 and "report_utilisation" in errors
