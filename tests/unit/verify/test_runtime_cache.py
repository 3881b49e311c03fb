"""The launcher that keeps objects of Verilator's runtime, in front of a compiler that counts how often it is called."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[3] / "testbench" / "runtime_cache.py"
COMPILER = """#!/bin/sh
echo called >> "$CALLS"
[ -z "$FAILS" ] || exit 3
while [ "$1" != "-o" ]; do shift; done
echo "object of $3" > "$2"
"""


class Compiles:
    """A folder with a compiler, sources and a cache."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls = folder, folder / "calls"
        self.include = folder / "verilator" / "include"
        self.include.mkdir(parents=True)
        for name in ("verilated.cpp", "verilated_vpi.cpp", "verilated_config.h", "../design.cpp"):
            (self.include / name).write_text(name)
        self.compiler = folder / "g++"
        self.compiler.write_text(COMPILER)
        self.compiler.chmod(0o755)
        self.cache = folder / "cache"

    def __call__(self, source: str, *options: str, out: str = "a.o", fails: str = "") -> int:
        """Compile ``source`` and return how often the compiler has been called by now."""
        made = self.folder / out
        made.unlink(missing_ok=True)
        command = [str(self.compiler), *options, "-c", "-o", str(made), str(self.include / source)]
        environment = {
            **os.environ,
            "CALLS": str(self.calls),
            "FAILS": fails,
            "XDG_CACHE_HOME": str(self.cache),
        }
        done = subprocess.run([sys.executable, "-IS", str(LAUNCHER), *command], env=environment, check=False)
        assert done.returncode == (3 if fails else 0)
        assert fails or made.read_text() == f"object of {self.include / source}\n"
        return len(self.calls.read_text().splitlines())


@pytest.fixture
def compiles(tmp_path: Path) -> Compiles:
    return Compiles(tmp_path)


def test_the_runtime_is_compiled_once(compiles: Compiles) -> None:
    assert compiles("verilated.cpp", "-O2", "-Ihere", "-Wall") == 1
    assert compiles("verilated.cpp", "-O2", "-Ithere", "-O2", out="b.o") == 1, "what makes no other object"
    assert compiles("verilated.cpp", "-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic") == 1, "which does the same"
    assert compiles("verilated_vpi.cpp", "-O2") == 2


def test_what_makes_another_object_is_compiled_anew(compiles: Compiles) -> None:
    assert compiles("verilated.cpp", "-O2") == 1
    assert compiles("verilated.cpp", "-Og") == 2
    assert compiles("verilated.cpp", "-O2", "-DVM_TRACE=1") == 3
    (compiles.include / "verilated_config.h").write_text("another version")
    assert compiles("verilated.cpp", "-O2") == 4
    compiles.compiler.write_text(COMPILER + "\n")
    assert compiles("verilated.cpp", "-O2") == 5


def test_other_sources_are_compiled_each_time(compiles: Compiles) -> None:
    assert compiles("../design.cpp", "-O2") == 1
    assert compiles("../design.cpp", "-O2") == 2


def test_who_wants_the_same_at_the_same_time_waits_for_it(compiles: Compiles) -> None:
    compiles.compiler.write_text(COMPILER.replace("echo called", "sleep 0.5; echo called"))
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda n: compiles("verilated.cpp", out=f"{n}.o"), range(4)))
    assert compiles("verilated.cpp") == 1


def test_nothing_is_kept_of_what_does_not_compile(compiles: Compiles) -> None:
    assert compiles("verilated.cpp", fails="yes") == 1
    assert compiles("verilated.cpp") == 2


def test_without_a_cache_folder_all_is_compiled(compiles: Compiles) -> None:
    compiles.cache.write_text("no folder")
    assert compiles("verilated.cpp") == 1
    assert compiles("verilated.cpp") == 2
