"""The bench itself: it passes a good design and catches every kind of fault, each in a hand-written stand-in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cosim.stand_in import DATA, dut, run, write_bench

pytest.importorskip("cocotb")
pytestmark = pytest.mark.cosim

SOURCES = [str(DATA / "stand_in.vlt"), str(DATA / "stand_in.sv")]
WRONG = "l0: frame 1, beat 2, element (y=0, x=2, channel=1): expected 73, got 89"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stand_in")


def run_fault(folder: Path, fault: int, *options: str) -> dict[str, object]:
    bench = write_bench(folder / "testbench", {"dut": dut("stand_in", SOURCES, plusargs=[f"+fault={fault}"])})
    return run(bench, "dut", folder / "work", "--reuse", *options)


def test_good_design(folder: Path) -> None:
    found = run_fault(folder, 0)
    assert found["status"] == "passed" and found["mismatches"] == 0, found
    assert found["frames"] == 5 + 3 + 3 + 3 + 3 and found["first_mismatch"] is None
    assert found["interval_cycles"] == 6 and found["latency_cycles"] == 6


@pytest.mark.parametrize(
    ("fault", "tests", "words"),
    [
        (1, {"full_rate", "idle", "back_pressure", "idle_back_pressure"}, WRONG),
        (2, {"back_pressure"}, "tvalid dropped while the beat waited"),
        (3, {"back_pressure"}, "tdata or tlast changed while the beat waited"),
        (4, {"full_rate"}, "output frame 0, beat 5: tlast is 0, expected 1"),
        (5, {"full_rate"}, "output frame 0, beat 4: tlast is 1, expected 0"),
        (6, {"full_rate"}, "l0: frame 1, beat 3"),
        (7, {"back_pressure"}, "beats came out, expected 18"),
        (8, {"back_pressure"}, "the design is stuck"),
        (9, {"reset_recovery"}, "l0: frame 0, beat 0"),
        (10, {"full_rate"}, "tvalid of the output is high in reset"),
    ],
)
def test_fault_is_caught(folder: Path, fault: int, tests: set[str], words: str) -> None:
    found = run_fault(folder, fault, "--tests", *sorted(tests))
    assert found["status"] == "failed"
    failed = {test["test"]: test["reason"] for test in found["tests"] if test["status"] == "failed"}
    assert tests == set(failed), failed
    assert all(words in failed[test] for test in tests), failed


def test_build_failure_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "stand_in.sv"
    broken.write_text("module stand_in (input logic clk_i); assign = 1; endmodule\n")
    bench = write_bench(tmp_path / "testbench", {"dut": dut("stand_in", [str(broken)])})
    found = run(bench, "dut", tmp_path / "work")
    assert found["status"] == "failed" and "the Verilator build failed" in found["reason"], found
