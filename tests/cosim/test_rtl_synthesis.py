"""Synthesis front ends read the emitted RTL and find nothing to complain about."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.codecs import CODECS
from gan2hls.hardware import Design, Folding
from gan2hls.hardware.resources import engine_resources
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.weights import IntWeight
from tests.cosim.hls_chains import random_design
from tests.cosim.hls_codecs import narrowed_design
from tests.cosim.rtl_bench import write_rtl
from tests.cosim.test_channel_tables import chained
from tests.cosim.test_rtl_codecs import coded_design, scaled_design
from tests.random_integer_graphs import norm_layer, random_graph_design
from tests.randomized import chain, conv, design, linear_layer, tiny_design

pytestmark = pytest.mark.cosim


def normalizing(sets: str) -> Design:
    """Three lanes: a set each, of a small map and of one whose roots are serial; or of pixels, all lanes in one."""
    shape, kind = (32, 32, 3) if sets == "large" else (4, 5, 6), QuantType(IntType(8, signed=True), 1.0, 3)
    groups, by_pixel = (1, True) if sets == "pixels" else (shape[2], False)
    rng = np.random.default_rng(3)
    layer = norm_layer(rng, "l0", "z", shape, kind, groups=groups, by_pixel=by_pixel, centred=not by_pixel)
    return design(chain(f"norm_{sets}", shape, kind, (layer,)), (Folding(3, 3, 3),))


#: Runs in its own process: a failing pass of Yosys ends the process it runs in.
YOSYS = """
import sys
import pyosys.libyosys as ys
design = ys.Design()
for line in sys.argv[1:]:
    ys.run_pass(line, design)
print("ALL PASSES DONE")
"""
READ = [
    tiny_design(), random_design(17, 6), coded_design(0), coded_design(1, (0.7,)), scaled_design((0.7,)), chained(),
    normalizing("channels"), normalizing("large"), normalizing("pixels"),
    random_graph_design(3), random_graph_design(37),
]  # fmt: skip
CHECKS = ["proc", "opt", "check -assert", "select -assert-none t:$dlatch t:$sr t:$adlatch"]


@pytest.mark.parametrize("reader", ["read_verilog", "read_slang"])
@pytest.mark.parametrize("made", READ, ids=lambda made: made.name)
def test_yosys_finds_no_latch(made: Design, reader: str, tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    rtl = write_rtl(made, tmp_path)
    files = (rtl / f"{made.name}.f").read_text().replace("\n", " ")
    if reader == "read_verilog":
        read = [f"read_verilog -sv {files}", f"hierarchy -check -top {made.name}"]
    else:
        read = [f"read_slang -j 1 --top {made.name} {files}"]
    command = [sys.executable, "-c", YOSYS, *read, *CHECKS]
    done = subprocess.run(command, cwd=rtl, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "ALL PASSES DONE" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]


def test_memories_are_found_from_any_folder(tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    rtl = write_rtl(tiny_design(), tmp_path)
    files = " ".join(str(rtl / path) for path in (rtl / "tiny.f").read_text().split())
    read = f'read_slang -j 1 --top tiny -D GAN2HLS_MEM_DIR="{rtl}{os.sep}mem/" {files}'
    command = [sys.executable, "-c", YOSYS, read, "proc"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "ALL PASSES DONE" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.parametrize("made", [*READ, narrowed_design(np.random.default_rng(0))], ids=lambda made: made.name)
def test_slang_reports_no_error(made: Design, tmp_path: Path) -> None:
    pytest.importorskip("pyslang")
    import pyslang.ast
    import pyslang.syntax

    rtl = write_rtl(made, tmp_path)
    compilation = pyslang.ast.Compilation()
    for path in (rtl / f"{made.name}.f").read_text().split():
        compilation.addSyntaxTree(pyslang.syntax.SyntaxTree.fromFile(str(rtl / path)))
    errors = [str(diagnostic.code) for diagnostic in compilation.getAllDiagnostics() if diagnostic.isError()]
    assert errors == []


@pytest.mark.parametrize(("codec", "dsp"), [("binary", 0), ("ternary", 0), ("raw", 64), ("blockscale", 64)])
def test_only_codecs_with_multipliers_take_dsp_blocks(codec: str, dsp: int, tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    cells = synthesized(coded_engine(codec), tmp_path)
    assert cells.get("DSP48E1", 0) == dsp, cells


def test_a_depthwise_engine_takes_a_dsp_block_a_lane_as_estimated(tmp_path: Path) -> None:
    """16 groups at once: 16 products, and those of 4 requantizer lanes."""
    pytest.importorskip("pyosys")
    input_type = QuantType(IntType(8, signed=True), 1.0)
    layer = linear_layer(np.random.default_rng(0), "l0", "z", conv((4, 4), 32, 32, groups=32), input_type)
    made = design(chain("depthwise", (4, 4, 32), input_type, (layer,)), (Folding(16, 1, 4),))
    assert synthesized(made, tmp_path)["DSP48E1"] == engine_resources(made.engines[0]).dsp == 20


@pytest.mark.parametrize(("sets", "dsp", "block_rams"), [("channels", 12, 4), ("large", 6, 6), ("pixels", 7, 1)])
def test_a_normalization_takes_what_is_estimated(sets: str, dsp: int, block_rams: int, tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    made = normalizing(sets)
    cells, estimate = synthesized(made, tmp_path), engine_resources(made.engines[0])
    assert cells["DSP48E1"] == estimate.dsp == dsp
    assert cells["RAMB18E1"] == estimate.bram18 == block_rams
    luts = sum(count for kind, count in cells.items() if kind.startswith("LUT"))
    assert 0.6 * luts < estimate.lane_lut < 1.2 * luts  # a requantizer and queues beside it


@pytest.mark.parametrize(("books", "centroids", "pe"), [(1, 64, 8), (8, 16, 4)])
def test_selecting_a_centroid_takes_the_estimated_luts(books: int, centroids: int, pe: int, tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    rng = np.random.default_rng(0)
    tables = np.stack([np.sort(rng.choice(np.arange(-128, 128), centroids, replace=False)) for _ in range(books)])
    values = tables[np.arange(16)[:, None] * books // 16, rng.integers(0, centroids, (9, 16, 64))]
    luts, lanes = [], pe * 8
    for codec, number in (("codebook", books), ("raw", 1)):
        weight = IntWeight(values, IntType(8, signed=True), np.ones(1), codec, codec, number)
        made = engine_of(codec, weight, Folding(pe, 8, 1))
        cells = synthesized(made, tmp_path / codec)
        luts.append(sum(count for kind, count in cells.items() if kind.startswith("LUT")))
    weight = IntWeight(values, IntType(8, signed=True), np.ones(1), "codebook", "codebook", books)
    estimate = lanes * CODECS["codebook"].decoder_lut(weight)
    assert 0.8 * estimate < luts[0] - luts[1] < 1.25 * estimate


def coded_engine(codec: str) -> Design:
    """An engine of 8 x 8 lanes whose requantizer multiplies by 1, in one lane."""
    return engine_of(codec, None, Folding(8, 8, 1))


def engine_of(codec: str, weight: IntWeight | None, folding: Folding) -> Design:
    """An engine of a Conv with ``weight`` int64 ``[9, CO, CI]`` (None: drawn), a requantizer that multiplies by 1."""
    input_type = QuantType(IntType(8, signed=True), 1.0)
    co, ci = (8, 16) if weight is None else weight.values.shape[1:]
    made = linear_layer(np.random.default_rng(0), "l0", "z", conv((4, 4), ci, co), input_type, codec=codec)
    requant = replace(made.requant, mult=np.ones_like(made.requant.mult))
    op = made.op if weight is None else replace(made.op, weight=weight)
    made = replace(made, requant=requant, op=op)
    return design(chain(f"{codec}_engine", (4, 4, ci), input_type, (made,)), (folding,))


def synthesized(made: Design, folder: Path) -> dict[str, int]:
    """Return the cells of each kind that Yosys makes of ``made`` for a 7-series part."""
    rtl = write_rtl(made, folder)
    files = (rtl / f"{made.name}.f").read_text().replace("\n", " ")
    read = f"read_slang -j 1 --top {made.name} {files}"
    command = [sys.executable, "-c", YOSYS, read, f"synth_xilinx -flatten -top {made.name}", "stat"]
    done = subprocess.run(command, cwd=rtl, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "ALL PASSES DONE" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    counts = done.stdout[done.stdout.rindex(f"=== {made.name} ===") :]
    return {kind: int(count) for count, kind in re.findall(r"^\s+(\d+)\s+([A-Z][A-Z0-9]+)$", counts, re.M)}
