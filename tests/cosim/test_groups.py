"""Engines whose step spans whole groups of channels, in the emitted C++ and RTL: exact sums, no idle clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.codecs import decode
from gan2hls.emit.rtl.files import emit_rtl
from gan2hls.hardware import Design, Folding, FoldingRequest, LinearEngine
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.groups import legal_pe, legal_simd
from gan2hls.hardware.schedule import Target, schedule
from gan2hls.model.integer import IntLayer
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.taps import LinearGeometry, conv_axis, conv_transpose_axis
from gan2hls.verify import csim
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import QUICK, random_design, write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.cosim.test_rtl_codecs import KINDS, check, coded_layer
from tests.cosim.test_rtl_skip import sparse_random_design
from tests.randomized import chain, conv, conv_transpose, design, linear_layer, random_inputs
from tests.sampling import sampled
from tests.unit.hardware.test_schedule import separable

pytestmark = pytest.mark.cosim

EXACT_FLAT = ("-DGAN2HLS_EXACT_WIDTHS", "-DGAN2HLS_FLAT")
INT8 = QuantType(IntType(8, signed=True), 1.0)
UINT8 = QuantType(IntType(8, signed=False), 1.0, 17)


def test_random_chains_span_groups() -> None:
    """Of those that other tests simulate: many in C, some in RTL, with and without skipping."""
    for seeds, layers in (((17, 33), 6), (range(4), 12)):
        for made in (random_design(seed, layers) for seed in seeds):
            engines = [engine for engine in made.engines if isinstance(engine, LinearEngine)]
            assert sum(engine.parallel_groups > 1 for engine in engines) >= 2
            assert layers > 6 or any(e.group_folds > 1 for e in engines if e.parallel_groups > 1)
    for made in map(sparse_random_design, (2, 5)):
        engines = [engine for engine in made.engines if isinstance(engine, LinearEngine)]
        assert any(engine.skip is not None and engine.parallel_groups > 1 for engine in engines)


def test_a_depthwise_separable_layer_at_16_lanes(tmp_path: Path) -> None:
    """64 channels, as the search folds them for 150 DSP blocks: 16 MACs a clock in the depthwise part, counted."""
    made = schedule(separable(), Target(dsp=150), {})
    depthwise = made.engines[0]
    assert depthwise.folding.pe * depthwise.folding.simd == depthwise.parallel_groups == 16
    useful = (3 * 8 - 2) ** 2 * 64  # three taps an axis and output, two at either end
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    run = bench.run(4, idle=20, stall=20)
    assert run.executed["depthwise"] * 16 == 4 * useful and run.rested["depthwise"] == 0
    assert bench.interval() <= 1.02 * made.interval_limit
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)


def test_a_depthwise_layer_alone_works_in_every_clock(tmp_path: Path) -> None:
    """16 x 16 x 64 at 16 lanes: input and output take the clocks of one tap, the MAC array those of nine."""
    geometry = conv((16, 16), 64, 64, groups=64)
    layer = linear_layer(np.random.default_rng(0), "l0", "z", geometry, UINT8)
    made = schedule(chain("depthwise", (16, 16, 64), UINT8, (layer,)), Target(), {"l0": FoldingRequest(pe=16)})
    assert made.interval_limit == 46 * 46 * 64 // 16 == 8464
    bench = Bench(made, tmp_path)
    assert bench.run(2).executed["l0"] == 2 * 8464
    assert bench.interval() <= 1.02 * 8464
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)


def _line(transposed: bool, channels: int, out: int) -> LinearGeometry:
    """A 1-D layer of ``channels`` groups over 24 positions."""
    one = conv_axis(1, 1, 1, 1, (0, 0))
    along = conv_transpose_axis(24, 4, 2, 1, 1, 48) if transposed else conv_axis(24, 5, 1, 1, (2, 2))
    return LinearGeometry(one, along, channels, out, channels, (1, 1), transposed)


#: Geometry, PE and SIMD, groups at once.
ENGINES = {
    "all groups": (conv((8, 8), 12, 12, groups=12), Folding(12, 1, 4), 12),
    "a third of the groups": (conv((8, 8), 12, 12, groups=12), Folding(4, 1, 2), 4),
    "two outputs of each channel": (conv((6, 6), 12, 24, groups=12), Folding(8, 1, 4), 4),
    "3 groups of 4 x 8": (conv((6, 6), 12, 24, groups=3), Folding(24, 4, 8), 3),
    "4 groups of 3 x 2, two at once": (conv((6, 6), 12, 8, groups=4), Folding(4, 3, 1), 2),
    "bilinear upsampling": (conv_transpose((6, 6), 16, 16, groups=16), Folding(8, 1, 4), 8),
    "a kernel smaller than its stride": (conv_transpose((3, 3), 6, 6, k=2, s=3, p=0, groups=6), Folding(3, 1, 3), 3),
    "1-D": (_line(False, 10, 20), Folding(10, 1, 2), 5),
    "1-D, transposed": (_line(True, 10, 10), Folding(5, 1, 5), 5),
    "outputs of all channels at once": (conv((8, 8), 16, 16, k=1, p=0, groups=16), Folding(16, 1, 16), 16),
}


def _engine(name: str) -> Design:
    geometry, folding, groups = ENGINES[name]
    layer = linear_layer(np.random.default_rng(1), "l0", "z", geometry, UINT8, pieces=2)
    made = design(chain("grouped", geometry.in_shape, UINT8, (layer,)), [folding], extra_rows=3)
    assert made.engines[0].parallel_groups == groups
    return made


@pytest.mark.parametrize("name", sampled(ENGINES, list(ENGINES)[::4]))
def test_measured_clocks_are_those_of_useful_macs(name: str, tmp_path: Path) -> None:
    made, (geometry, folding, _) = _engine(name), ENGINES[name]
    (engine,) = made.engines
    taps = sum(len(y) * len(x) for y in geometry.y.taps for x in geometry.x.taps)
    useful = taps * (geometry.in_channels // geometry.groups) * geometry.out_channels
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    for seed, (idle, stall) in enumerate([(50, 50), (10, 80)]):
        run = bench.run(3, seed=seed, idle=idle, stall=stall)
        assert run.executed["l0"] * folding.pe * folding.simd == 3 * useful
    bench.run(3, seed=9, idle=20, stall=20, reset_at=100)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)
    assert bench.interval() <= 1.02 * engine.interval
    if engine.interval == engine.mac_cycles:
        assert bench.interval() <= 1.02 * useful / (folding.pe * folding.simd)


def _coded(kinds: tuple[tuple[str, int, str], ...], empty: float) -> Design:
    """A chain of engines over several groups, one of each of ``kinds``, with zeros in some of the blocks."""
    rng = np.random.default_rng(len(kinds))
    shapes = (
        (conv((5, 5), 12, 12, groups=12), Folding(4, 1, 2)),
        (conv((5, 5), 12, 24, groups=6), Folding(8, 2, 2)),
        (conv((5, 5), 24, 12, groups=6), Folding(6, 4, 3)),
        (conv_transpose((5, 5), 12, 12, k=3, s=1, p=1, groups=12), Folding(6, 1, 1)),
    )
    layers: list[IntLayer] = []
    for n, kind in enumerate(kinds):
        geometry, f = shapes[n % 4]
        layers.append(coded_layer(rng, f"l{n}", geometry, kind, 6, empty, (f.pe, f.simd)))
    model = chain(f"coded{len(kinds)}", (5, 5, 12), INT8, layers)
    skip = [layer.name for layer in layers] if empty else []
    made = design(model, [shapes[n % 4][1] for n in range(len(kinds))], extra_rows=1, skip=skip)
    assert all(engine.parallel_groups > 1 for engine in made.engines)
    return made


#: Every codec; books are those of six groups, or of channels.
CODED = (*KINDS, ("blockscale", 0, "one"), ("blockscale", 0, "one"))


@pytest.mark.parametrize("empty", sampled([0.6, 0.0], 1), ids=["skipping", "dense"])
def test_every_codec_over_groups_in_rtl(empty: float, tmp_path: Path) -> None:
    made = _coded(CODED, empty)
    codecs = {e.encoded.codec for e in made.engines if e.encoded}
    assert codecs >= {"raw", "ternary", "codebook", "blockscale"} and (empty or "binary" in codecs)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)
    if empty:
        lanes = [engine.folding.pe * engine.folding.simd for engine in made.engines]
        assert all(e.mac_steps < 0.8 * e.layer.op.useful_macs / n for e, n in zip(made.engines, lanes, strict=True))


@pytest.mark.parametrize("flags", [(), pytest.param(EXACT_FLAT, marks=pytest.mark.exhaustive)], ids=["", "exact"])
@pytest.mark.parametrize("empty", sampled([0.6, 0.0], 1), ids=["skipping", "dense"])
def test_every_codec_over_groups_in_c(
    empty: float, flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    made = _coded(CODED, empty)
    result = check_csim(write_hls(made, tmp_path), made, _inputs(made), tmp_path / "work")
    assert result.status == "passed", result


def _inputs(made: Design) -> dict[str, np.ndarray]:
    return random_inputs(np.random.default_rng(1), made.model, 3)


def _every() -> Design:
    """A chain through every folding over groups of a layer of 6 groups of 2 x 1 channels and one of 6 of 1 x 2."""
    rng = np.random.default_rng(3)
    wide, narrow = conv((3, 3), 12, 6, groups=6), conv_transpose((3, 3), 6, 12, k=3, s=1, p=1, groups=6)
    layers, foldings = [], []
    for geometry in (wide, narrow):
        foldings += [(geometry, Folding(pe, simd, 1)) for pe in legal_pe(geometry) for simd in legal_simd(geometry, pe)]
    wides, narrows = ([f for g, f in foldings if g is geometry] for geometry in (wide, narrow))
    assert len(wides) == len(narrows) == 5
    pairs = [pair for both in zip(wides, narrows, strict=True) for pair in zip((wide, narrow), both, strict=True)]
    for n, (geometry, _) in enumerate(pairs):
        layers.append(linear_layer(rng, f"l{n}", "z", geometry, INT8, out=INT8))
    return design(chain("every", (3, 3, 12), INT8, layers), [folding for _, folding in pairs])


def test_every_folding_of_a_grouped_layer(tmp_path: Path) -> None:
    made = _every()
    assert {e.parallel_groups for e in made.engines} == {1, 2, 3, 6}
    result = check_csim(write_hls(made, tmp_path), made, _inputs(made), tmp_path / "work")
    assert result.status == "passed", result
    bench = Bench(made, tmp_path)
    bench.run(3, idle=30, stall=30)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)


def test_a_changed_weight_of_any_lane_is_found(tmp_path: Path) -> None:
    """The first bit of each lane's code in turn, in both back ends: no accumulator reads another group's operands."""
    made = _engine("4 groups of 3 x 2, two at once")
    encoded, bench = made.engines[0].encoded, Bench(made, tmp_path)
    assert encoded is not None and encoded.lanes == 12 and decode(encoded).any()
    image, bits = tmp_path / "rtl" / "mem" / "l0_weight.mem", encoded.parameters["code_bits"]
    text = image.read_text()
    first, *others = text.split()
    for lane in range(encoded.lanes):
        word = int(first, 16) ^ 1 << ((lane + 1) * bits - 1)
        image.write_text("\n".join([f"{word:0{len(first)}x}", *others]) + "\n")
        with pytest.raises(AssertionError, match="l0: beat"):
            bench.run(3)
    image.write_text(text)
    bench.run(3)


#: A wrong wire of an engine of sets of groups: file, old and new text.
WIRES_OF_C = {
    "operands": ("lib/mac.hpp", b"const int own = p / (L::PE / TOGETHER) * L::SIMD", b"const int own = 0"),
    "set": ("lib/feeder.hpp", b"group_base + L::CI_FOLDS", b"group_base + 0 * L::CI_FOLDS"),
}
WIRES_OF_RTL = {
    "operands": (
        "lib/g2h_mac.sv",
        b"First = p / (Pe / Groups) * Simd",
        b"First = (Groups - 1 - p / (Pe / Groups)) * Simd",
    ),
    "set": ("lib/g2h_sequencer.sv", b"gbase_q + XAddrBits'(CiFolds)", b"gbase_q + XAddrBits'(0)"),
}


@pytest.mark.parametrize("wire", WIRES_OF_C)
def test_a_wrong_wire_is_found_in_c(wire: str, tmp_path: Path) -> None:
    made, (path, old, new) = _engine("4 groups of 3 x 2, two at once"), WIRES_OF_C[wire]
    hls = write_hls(made, tmp_path, {path: (old, new)})
    result = check_csim(hls, made, _inputs(made), tmp_path / "work")
    assert result.status == "failed" and result.first_mismatch is not None and "l0" in result.first_mismatch


@pytest.mark.parametrize("wire", WIRES_OF_RTL)
def test_a_wrong_wire_is_found_in_rtl(wire: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, old, new = WIRES_OF_RTL[wire]

    def miswired(design: Design) -> dict[str, bytes]:
        files = emit_rtl(design)
        assert files[path].count(old) == 1
        return files | {path: files[path].replace(old, new)}

    monkeypatch.setattr("tests.cosim.rtl_bench.emit_rtl", miswired)
    bench = Bench(_engine("4 groups of 3 x 2, two at once"), tmp_path)
    with pytest.raises(AssertionError, match="l0: beat"):
        bench.run(3)
