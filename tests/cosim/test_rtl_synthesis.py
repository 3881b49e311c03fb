"""Synthesis front ends read the emitted RTL and find nothing to complain about."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.codecs import CODECS
from gan2hls.emit import template_root
from gan2hls.fabric import SERIES_7, MemoryKind, memory_cells
from gan2hls.hardware import Design, Folding, OffChip, StreamEngine, design_resources
from gan2hls.hardware.resources import engine_resources
from gan2hls.kinds import rearrangement
from gan2hls.kinds.add import IntAdd
from gan2hls.kinds.gather import IntGather
from gan2hls.kinds.int_rearrange import IntRearrange
from gan2hls.kinds.mul import IntMul
from gan2hls.kinds.pool import IntPool
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops import IntCrop, IntSelect, Shape, StreamOperation
from gan2hls.ops.taps import LinearGeometry, by_row_phases
from gan2hls.ops.weights import IntWeight
from tests.cosim.hls_chains import random_design
from tests.cosim.hls_codecs import narrowed_design
from tests.cosim.rtl_bench import write_rtl
from tests.cosim.test_channel_tables import chained
from tests.cosim.test_off_chip_campaign import sparse_campaign
from tests.cosim.test_rearrange import apart
from tests.cosim.test_requant_runs import joined
from tests.cosim.test_rtl_codecs import coded_design, scaled_design
from tests.cosim.test_rtl_engines import signal_design
from tests.cosim.yosys import counted, mapped, run_passes, synthesized
from tests.random_integer_graphs import Graph, maps_away, norm_design, norm_layer, random_graph_design, u_net_design
from tests.randomized import (
    chain,
    coded_chain,
    conv,
    conv_transpose,
    dense,
    design,
    linear_layer,
    pointwise_layer,
    random_off_chip,
    scaled_weights,
    tiny_design,
)
from tests.sampling import sampled, sampled_designs
from tests.shared_engines import behind_itself, norms_design, some_shared_design

pytestmark = pytest.mark.cosim


def normalizing(sets: str) -> Design:
    """Three lanes: a set each, of a small map and of one whose roots are serial; or of pixels, all lanes in one."""
    shape, kind = (32, 32, 3) if sets == "large" else (4, 5, 6), QuantType(IntType(8, signed=True), 1.0, 3)
    groups, by_pixel = (1, True) if sets == "pixels" else (shape[2], False)
    rng = np.random.default_rng(3)
    layer = norm_layer(rng, "l0", "z", shape, kind, groups=groups, by_pixel=by_pixel, centred=not by_pixel)
    return design(chain(f"norm_{sets}", shape, kind, (layer,)), (Folding(3, 3, 3),))


READ = [
    tiny_design(), random_design(17, 6), coded_design(0), coded_design(1, (0.7,)), scaled_design((0.7,)), chained(),
    normalizing("channels"), normalizing("large"), normalizing("pixels"),
    random_graph_design(3), random_graph_design(37), random_graph_design(33, crops=True),
    random_off_chip(np.random.default_rng(0), random_design(18, 6), 64),  # weights in external memory
    coded_chain(np.random.default_rng(2), 64, 2),  # the same, in a Huffman code
    coded_chain(np.random.default_rng(2), 64, 2, 5, 0.8),  # the same, of runs of zeros
    sparse_campaign(13),  # the same, without empty blocks
    maps_away(u_net_design(0), 64),
    some_shared_design(), some_shared_design(1, "ternary"),  # layers that take turns at one engine
]  # fmt: skip
CHECKS = ["proc", "opt_clean", "check -assert", "select -assert-none t:$dlatch t:$sr t:$adlatch"]


@pytest.mark.parametrize("reader", sampled(["read_slang", "read_verilog"], 1))
@pytest.mark.parametrize("made", sampled(READ, READ[::2]), ids=lambda made: made.name)
def test_yosys_finds_no_latch(made: Design, reader: str, tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    rtl = write_rtl(made, tmp_path)
    files = (rtl / f"{made.name}.f").read_text().replace("\n", " ")
    if reader == "read_verilog":
        read = [f"read_verilog -sv {files}", f"hierarchy -check -top {made.name}"]
    else:
        read = [f"read_slang -j 1 --top {made.name} {files}"]
    run_passes(rtl, *read, *CHECKS)


def test_memories_are_found_from_any_folder(tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    rtl = write_rtl(tiny_design(), tmp_path)
    files = " ".join(str(rtl / path) for path in (rtl / "tiny.f").read_text().split())
    read = f'read_slang -j 1 --top tiny -D GAN2HLS_MEM_DIR="{rtl}{os.sep}mem/" {files}'
    run_passes(Path("/"), read, "proc")


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


@pytest.mark.parametrize(("codec", "dsp"), sampled([("ternary", 0), ("blockscale", 64), ("binary", 0), ("raw", 64)], 2))
def test_only_codecs_with_multipliers_take_dsp_blocks(codec: str, dsp: int, tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    cells = synthesized(coded_engine(codec), tmp_path, DSP)
    assert cells.get("DSP48E1", 0) == dsp, cells


def test_a_depthwise_engine_takes_a_dsp_block_a_lane_as_estimated(tmp_path: Path) -> None:
    """16 groups at once: 16 products, and those of 4 requantizer lanes."""
    pytest.importorskip("pyosys")
    input_type = QuantType(IntType(8, signed=True), 1.0)
    layer = linear_layer(np.random.default_rng(0), "l0", "z", conv((4, 4), 32, 32, groups=32), input_type)
    made = design(chain("depthwise", (4, 4, 32), input_type, (layer,)), (Folding(16, 1, 4),))
    assert synthesized(made, tmp_path, DSP)["DSP48E1"] == engine_resources(made.engines[0], SERIES_7).dsp == 20


@pytest.mark.parametrize(
    ("sets", "dsp", "block_rams"), sampled([("channels", 12, 4), ("large", 6, 6), ("pixels", 7, 1)], 1)
)
def test_a_normalization_takes_what_is_estimated(sets: str, dsp: int, block_rams: int, tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    made = normalizing(sets)
    cells, estimate = synthesized(made, tmp_path), engine_resources(made.engines[0], SERIES_7)
    assert cells["DSP48E1"] == estimate.dsp == dsp
    assert cells["RAMB18E1"] == estimate.bram18 == block_rams
    luts, registers = counted(cells)
    taken = design_resources(made)
    assert abs(taken.lut / luts - 1) < 0.25 and abs(taken.ff / registers - 1) < 0.25


def test_tap_programs_that_go_round_take_what_is_estimated(tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    made = signal_design()
    luts, registers = counted(synthesized(made, tmp_path))
    taken = design_resources(made)
    assert abs(taken.lut / luts - 1) < 0.2 and abs(taken.ff / registers - 1) < 0.2


@pytest.mark.parametrize(("books", "centroids", "pe"), sampled([(8, 16, 4), (1, 64, 4)], 0))
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


@pytest.mark.parametrize(
    ("width", "depth", "kind"),
    [
        (512, 1152, "rom"),
        (17, 9000, "rom"),
        (36, 64, "rom"),
        (103, 3073, "rom"),  # 4 slices and 23 blocks: 7 slices would spare two
        (8, 300, "buffer"),
        (40, 65, "buffer"),
        (64, 100, "buffer"),
        (80, 1100, "buffer"),
        (16, 5000, "ring"),
        (103, 3073, "ring"),  # 7 slices and 21 blocks: 4 would take three more
    ],
)
def test_memories_take_what_is_counted(width: int, depth: int, kind: MemoryKind, tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    lib = template_root() / "rtl" / "lib"
    module, others = {"rom": ("rom", ()), "buffer": ("line_buffer", ()), "ring": ("ring", ("credit", "fifo"))}[kind]
    rows = np.random.default_rng(0).integers(0, 2, (depth, width)).astype(str)
    image = tmp_path / "words.mem"
    image.write_text("".join(f"{int(''.join(row), 2):x}\n" for row in rows))
    own = "" if kind == "ring" else f"-G AddrBits={(depth - 1).bit_length()}"
    own += f' -G File="{image}"' if kind == "rom" else ""
    files = " ".join(str(lib / f"g2h_{name}.sv") for name in (module, *others))
    cells = mapped(
        f"read_slang -j 1 --top g2h_{module} -G Width={width} -G Depth={depth} {own} {files}",
        f"synth_xilinx -flatten -top g2h_{module} -run begin:map_ffram",
        f"g2h_{module}",
        tmp_path,
    )
    estimate = memory_cells(SERIES_7, width, depth, kind)
    assert cells.get("RAMB18E1", 0) + 2 * cells.get("RAMB36E1", 0) == estimate.bram18
    if kind == "buffer":
        assert 4 * (cells.get("RAM32M", 0) + cells.get("RAM64M", 0)) == estimate.lut


def linear(
    name: str,
    geometry: LinearGeometry,
    codec: str,
    folding: Folding,
    *,
    skips: bool = False,
    table_bits: int = 0,
    empty: float = 0.0,
) -> Design:
    rng = np.random.default_rng(0)
    values, factors = None, None
    if codec == "blockscale":
        values, factors = scaled_weights(rng, geometry.weight_shape, 16, factor_bits=8)
    block = (1, 1) if empty else (folding.pe, folding.simd)  # wherever they stand, or in blocks that are skipped
    layer = linear_layer(
        rng, "l0", "z", geometry, INT8, codec=codec, values=values, factors=factors, table_bits=table_bits,
        scaled=16 if codec == "blockscale" else 0, empty=0.6 if skips else empty, block=block,
    )  # fmt: skip
    return design(chain(name, geometry.in_shape, INT8, (layer,)), (folding,), skip=("l0",) if skips else ())


def streaming(name: str, op: StreamOperation, shape: Shape, given: tuple[Shape, ...], lanes: int, bits: int) -> Design:
    """An engine without weights; its inputs have unsigned codes of ``bits`` bits."""
    graph = Graph(np.random.default_rng(1), {f"z{n}": one for n, one in enumerate(given)})
    graph.types = dict.fromkeys(graph.inputs, QuantType(IntType(bits, signed=False), 1.0))
    graph.stream(op, graph.inputs, shape)
    return design(graph.model(name, ("l0",)), (Folding(lanes, lanes, lanes),))


def choice(name: str, channels: int, lanes: int) -> Design:
    """A shuffle of channels."""
    order = np.arange(channels).reshape(2, -1).T.ravel()
    return streaming(name, IntSelect(tuple(order.tolist()), channels), (4, 4, channels), ((4, 4, channels),), lanes, 8)


def pointwise() -> Design:
    layer = pointwise_layer(np.random.default_rng(0), "l0", "z", (8, 8, 16), INT8, table_bits=8)
    return design(chain("pointwise", (8, 8, 16), INT8, (layer,)), (Folding(4, 4, 4),))


INT8 = QuantType(IntType(8, signed=True), 1.0)
MAP, HALVES = (8, 8, 16), tuple((n, n + 2) for n in range(0, 8, 2))


def away(
    name: str,
    geometry: LinearGeometry,
    codec: str,
    folding: Folding,
    decoders: int = 0,
    *,
    phrase: int = 1,
    skips: bool = False,
) -> Design:
    """Weights from external memory in one pass, Huffman-coded where there are decoders; where of phrases, pruned."""
    made = linear(name, geometry, codec, folding, skips=skips, empty=0.0 if phrase == 1 else 0.9)
    off_chip = {"l0": OffChip(len(geometry.y.outputs), 64, decoders, phrase)}
    return design(made.model, (folding,), off_chip=off_chip, skip=("l0",) if skips else ())


def fold_by_fold(name: str, geometry: LinearGeometry, rows: int, table_bits: int = 0) -> Design:
    """Weights from external memory, two output folds and more, codes that are reordered."""
    made = linear(name, geometry, "raw", Folding(4, 8, 2), table_bits=table_bits)
    return design(made.model, (made.engines[0].folding,), off_chip={"l0": OffChip(rows, 64)})


def channels(name: str, *, shared: bool) -> Design:
    """64 channels, one a clock: a word of constants each; ``shared``: all have one multiplier and one offset."""
    made = linear(name, conv((4, 4), 4, 64), "raw", Folding(1, 4, 1))
    (layer,) = made.model.layers
    if shared:
        one, other = (np.full_like(kind, kind[0, 0]) for kind in (layer.requant.mult, layer.requant.bias))
        layer = replace(layer, requant=replace(layer.requant, mult=one, bias=other))
    return design(chain(name, (4, 4, 4), INT8, (layer,)), (Folding(1, 4, 1),))


def rearranged(shape: Shape, order: tuple[int, int, int]) -> IntRearrange:
    """The axes of a map of ``shape`` exchanged."""
    made = rearrangement(np.arange(np.prod(shape)).reshape(shape).transpose(order), shape)
    assert made is not None
    return made


WHOLE = [
    channels("channels", shared=False),
    channels("shared", shared=True),
    linear("raw", conv((8, 8), 16, 8), "raw", Folding(4, 4, 2)),
    linear("dense", dense(64, 256), "raw", Folding(16, 4, 2)),
    linear("ternary", conv_transpose((8, 8), 16, 16), "ternary", Folding(8, 4, 4)),
    linear("codebook", conv((8, 8), 16, 16), "codebook", Folding(4, 4, 1)),
    linear("blockscale", conv((8, 8), 32, 16), "blockscale", Folding(2, 8, 2)),
    linear("skipping", conv((8, 8), 32, 32), "raw", Folding(4, 4, 1), skips=True),
    streaming("sum", IntAdd((1, 3), "vector"), MAP, (MAP, (1, 1, 16)), 4, 8),
    streaming("product", IntMul("plane"), MAP, (MAP, (8, 8, 1)), 4, 8),
    streaming("pooled", IntPool(HALVES, HALVES, (8, 8), True), (4, 4, 16), (MAP,), 4, 8),
    streaming(
        "rows", IntGather(np.random.default_rng(2).integers(-2000, 2000, (16, 32))), (1, 1, 32), ((1, 1, 1),), 1, 4
    ),
    streaming("turned", rearranged((16, 16, 16), (1, 0, 2)), (16, 16, 16), ((16, 16, 16),), 4, 9),
    streaming("element", rearranged((12, 20, 24), (2, 0, 1)), (24, 12, 20), ((12, 20, 24),), 1, 9),
    streaming("one_by_one", rearrangement(apart(), (4, 3, 4)), (4, 3, 4), ((4, 3, 4),), 1, 9),
    choice("choice", 192, 1), choice("choice_few", 24, 4),
    joined((64, 32, 96, 128), 4, name="joined_runs"),
    fold_by_fold("turns", by_row_phases(conv((12, 8), 16, 32), 2), rows=3),
    fold_by_fold("fills", conv_transpose((8, 8), 16, 32, k=1, s=2, p=0), rows=4, table_bits=9),
    pointwise(),
    away("away0", conv_transpose((4, 4), 32, 32), "raw", Folding(2, 16, 1)),
    away("away2", conv_transpose((4, 4), 32, 32), "raw", Folding(2, 16, 1), 2),
    away("away_runs", conv_transpose((4, 4), 32, 32), "codebook", Folding(2, 16, 1), 4, phrase=8),
    maps_away(norm_design((32, 32, 4), 4, 2), 64),
    away("away_skipping", conv_transpose((4, 4), 32, 32), "raw", Folding(4, 4, 1), skips=True),
    away("away_few", dense(64, 128), "ternary", Folding(8, 8, 1), skips=True),
    behind_itself(), some_shared_design(12), norms_design(0), norms_design(3),  # layers that take turns
    away("away_trits", conv((4, 4), 8, 80), "ternary", Folding(10, 8, 2)),
]  # fmt: skip


#: Others have a like of theirs among these.
OFTEN = (*("raw", "shared", "codebook", "skipping", "away_skipping", "grouped", "sum", "joined", "rows"),)


@pytest.mark.parametrize("made", sampled_designs(WHOLE, OFTEN))
def test_an_engine_takes_what_is_estimated(made: Design, tmp_path: Path) -> None:
    """DSP blocks and block RAMs exactly, LUTs and flip-flops within a fifth."""
    pytest.importorskip("pyosys")
    cells, estimate = synthesized(made, tmp_path), design_resources(made)
    assert cells.get("DSP48E1", 0) == estimate.dsp
    assert cells.get("RAMB18E1", 0) + 2 * cells.get("RAMB36E1", 0) == estimate.bram18
    luts, registers = counted(cells)
    assert 0.8 * luts <= estimate.lut <= 1.2 * luts
    assert 0.8 * registers <= estimate.ff <= 1.2 * registers


def test_a_crop_counts_and_holds_a_beat(tmp_path: Path) -> None:
    """The unit alone takes two counters, a register and no memory: the middle of a map of 92 x 92, 64 channels."""
    pytest.importorskip("pyosys")
    made = streaming("crop", IntCrop((16, 76), (16, 76), (92, 92)), (60, 60, 64), ((92, 92, 64),), 1, 9)
    (engine,) = made.engines
    assert isinstance(engine, StreamEngine)
    unit, cost, lib = engine.rtl_unit, engine.op.cost(engine.sizes), template_root() / "rtl" / "lib"
    parameters = " ".join(f"-G {name}={int(value)}" for name, value in unit.parameters.items())
    read = f"read_slang -j 1 --top {unit.name} {parameters} {lib / 'g2h_crop.sv'} {lib / 'g2h_centre.sv'}"
    cells = mapped(read, f"synth_xilinx -flatten -top {unit.name}", unit.name, tmp_path)
    assert cost.memories == () and not any("RAM" in kind or "DSP" in kind for kind in cells)
    luts, registers = counted(cells)
    assert 0.8 * luts <= cost.lut <= 1.2 * luts
    assert 0.9 * registers <= cost.ff <= 1.1 * registers


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


#: The steps of ``synth_xilinx`` up to that which chooses DSP blocks; those behind it take most of the time.
DSP = " -run begin:coarse"
