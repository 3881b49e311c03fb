"""Builds of batches: reports tell of a frame, projects are read again, and pictures have any number of frames."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gan2hls
from gan2hls.base.errors import ConfigError, FoldingError
from gan2hls.fabric import BRAM18_BITS
from gan2hls.flow.actions import generate
from gan2hls.flow.inputs import first_batches
from gan2hls.flow.project_folder import load_saved
from gan2hls.hardware import Design, MemoryPort, Target, Utilization, design_resources, estimate, fits, schedule
from gan2hls.model import Golden, batched
from gan2hls.numbers import IntType, QuantType
from gan2hls.quantize import quantize_inputs
from tests.randomized import chain, conv, conv_transpose, dense, linear_layer

INT8 = QuantType(IntType(8, signed=True), 1.0)
MODEL = Path(__file__).parents[3] / "models" / "tiny_dcgan.onnx"


def built(tmp_path: Path, batch: int, **more: Any) -> gan2hls.BuildResult:
    """A build of batches whose weights are off chip."""
    config = {"target": {"batch": batch}, "memory": {"weights": "off_chip"}, "verify": {"steps": []}, **more}
    return gan2hls.build(MODEL, config=config, output=tmp_path / str(batch))


def test_a_report_tells_of_a_frame(tmp_path: Path) -> None:
    """But for the latency, which is that of a batch; weights cross the port once for all its frames."""
    one, four = built(tmp_path, 1), built(tmp_path, 4)
    assert one.report is not None and four.report is not None
    assert (one.report.totals.batch, four.report.totals.batch) == (1, 4)
    assert one.report.model == four.report.model  # ports have the shapes of a frame
    for a, b in zip(one.report.layers, four.report.layers, strict=True):
        assert (a.shape, a.useful_macs, a.params, a.weight_bits) == (b.shape, b.useful_macs, b.params, b.weight_bits)
        assert (a.zero_insertion_macs, a.padded_phase_macs) == (b.zero_insertion_macs, b.padded_phase_macs)
        for edge in b.inputs:
            assert edge.beats == four.design.streams[edge.tensor].beats // 4  # type: ignore[union-attr]
    assert one.report.totals.useful_macs == four.report.totals.useful_macs
    assert one.report.memory is not None and four.report.memory is not None
    assert four.report.memory.bytes_per_frame < one.report.memory.bytes_per_frame
    made = four.design
    assert made is not None and made.memory is not None
    assert four.report.memory.bytes_per_frame == -(-made.memory.frame_bytes // 4)
    interval = four.report.totals.frame_interval_cycles
    assert interval.estimated == -(-estimate(made).interval // 4) >= interval.limit == -(-made.interval_limit // 4)
    assert four.report.totals.latency_cycles.estimated == estimate(made).latency
    memory, weights = four.report.memory, sum(e.weight.values.size for e in made.memory.engines)
    assert memory.gigabytes_per_second == pytest.approx(memory.bytes_per_frame / (5 * interval.estimated), rel=0.01)
    assert memory.float32_ratio == pytest.approx(4 * weights / memory.bytes_per_frame, rel=0.01)


def test_batches_that_bring_nothing_are_told_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        built(tmp_path, 2)
        assert "brings latency alone" not in caplog.text
        built(tmp_path, 3, memory={"weights": "on_chip"})
    assert "target.batch: 3 brings latency alone: no weights are off chip, no layers take turns" in caplog.text


def test_a_project_is_read_again(tmp_path: Path) -> None:
    made = built(tmp_path, 3)
    assert made.path is not None and made.design is not None
    saved = load_saved(made.path)
    assert saved.design is not None and saved.model.batch == 1
    assert _choices(saved.design) == _choices(made.design) and saved.design.batch == 3
    assert estimate(saved.design) == estimate(made.design)
    vectors = (made.path / "testbench" / "vectors" / f"{saved.model.outputs[0].name}.hex").read_text().split()
    assert len(vectors) == 3 * saved.design.outputs[0].beats  # as many batches as there are frames without


def _choices(design: Design) -> list[Any]:
    return [(e.folding, getattr(e, "off_chip", None), getattr(e, "rows", 0)) for e in design.engines]


@pytest.mark.slow
def test_a_picture_has_any_number_of_frames(tmp_path: Path) -> None:
    """The last batch is filled up, and what fills it is left out."""
    pytest.importorskip("hls4ml")
    made = built(tmp_path, 3)
    assert made.path is not None
    assert generate(made.path, tmp_path / "grid.png", count=4) == ("golden", "csim")


def test_batches_are_filled_up_from_the_start() -> None:
    frames = {"z": np.arange(5)}
    assert first_batches(frames, 2, 1)["z"].tolist() == [0, 1]
    assert first_batches(frames, 2, 2)["z"].tolist() == [0, 1, 2, 3]
    assert first_batches(frames, 9, 3)["z"].tolist() == [0, 1, 2, 3, 4, 0]
    assert first_batches(frames, 1, 16)["z"].tolist() == [*range(5)] * 3 + [0]


def test_inputs_and_outputs_are_those_of_frames_one_after_the_other(tmp_path: Path) -> None:
    """As people give and get them, in the layout of the ONNX model."""
    made = built(tmp_path, 2)
    assert made.integer_model is not None and made.design is not None
    rng = np.random.default_rng(0)
    inputs = {port.onnx_name: rng.normal(size=(4, *port.onnx_shape[1:])) for port in made.integer_model.inputs}
    several = Golden(made.design.model).outputs(quantize_inputs(made.design.model, inputs))
    (port,) = made.design.model.outputs
    alone = Golden(made.integer_model).outputs(quantize_inputs(made.integer_model, inputs))
    assert np.array_equal(port.from_stream(several[port.name]), port.from_stream(alone[port.name]))


def test_frames_a_second_are_those_of_frames() -> None:
    """A batch has as many clocks more."""
    layer = linear_layer(np.random.default_rng(0), "l0", "z", conv((6, 6), 8, 8), INT8)
    model = chain("paced", (6, 6, 8), INT8, (layer,))
    target = Target(fps=50_000.0)
    assert target.cycles == 4000 and replace(target, batch=3).cycles == 12_000 == 3 * (target.cycles or 0)
    one, three = schedule(model, target, {}), schedule(model, replace(target, batch=3), {})
    assert one.engines[0].folding == three.engines[0].folding
    with pytest.raises(FoldingError, match="leave 2 cycles a frame, the most parallel folding takes") as found:
        schedule(model, replace(target, fps=1e8, batch=3), {})
    with pytest.raises(FoldingError) as other:
        schedule(model, replace(target, fps=1e8), {})
    assert found.value.hint == other.value.hint


def test_block_rams_that_are_left_spare_bytes() -> None:
    """Where the whole batch as one band fits, each weight crosses the port once for all its frames."""
    rng = np.random.default_rng(0)
    layers = [
        linear_layer(rng, "l0", "z", dense(64, 1024), INT8, out=INT8, shape=(4, 4, 64)),
        linear_layer(rng, "l1", "l0", conv_transpose((4, 4), 64, 32), INT8, out=INT8),
    ]
    model = chain("bands", (1, 1, 64), INT8, layers)
    target = Target(fps=2000.0, memory=MemoryPort(off_chip=True), batch=4)
    made = schedule(model, target, {})
    assert made.memory is not None and [region.passes for region in made.memory.regions] == [1, 1]
    image = sum(region.size for region in made.memory.regions)
    assert made.memory.frame_bytes == image, "a batch reads all weights once"
    few = design_resources(made).bram18 // 2
    tight = schedule(model, replace(target, memory_bits=few * BRAM18_BITS), {})
    assert tight.memory is not None and tight.memory.frame_bytes > image


def test_what_fits_without_batches_is_told_so() -> None:
    layer = linear_layer(np.random.default_rng(0), "l0", "z", conv((6, 6), 8, 8), INT8)
    model = chain("tight", (6, 6, 8), INT8, (layer,))
    shares = np.arange(20, 400) / 1e4
    share = next(float(share) for share in shares if fits(model, Target(utilization=Utilization(lut=share)), {}))
    tight = Target(utilization=Utilization(lut=share), batch=16)
    with pytest.raises(FoldingError, match="LUTs") as found:
        schedule(model, tight, {})
    assert "target.batch: 1: frames one by one fit" in found.value.hint
    assert schedule(model, replace(tight, batch=1), {}).batch == 1
    assert batched(model, 16).single is model


def test_batches_that_a_memory_port_needs_are_told_so() -> None:
    """Twice 64 KiB of weights take 20,480 clocks of the port, which are more than a frame may have."""
    rng, sizes = np.random.default_rng(0), ((64, 1024), (1024, 64))
    layers = [linear_layer(rng, f"l{n}", "z", dense(*size), INT8, out=INT8) for n, size in enumerate(sizes)]
    model = chain("narrow", (1, 1, 64), INT8, layers)
    fast = Target(fps=200e6 / 9000, memory=MemoryPort(off_chip=True))
    with pytest.raises(FoldingError) as found:
        schedule(model, fast, {})
    assert "target.batch: 4: frames that share passes over weights off chip fit" in found.value.hint
    assert not fits(model, replace(fast, batch=2), {})
    made = schedule(model, replace(fast, batch=4), {})
    assert made.per_frame(estimate(made).interval) <= 9000


@pytest.mark.parametrize("batch", [0, 17, 1.5, True])
def test_batches_of_other_lengths_are_refused(batch: object) -> None:
    with pytest.raises(ConfigError, match=r"target\.batch"):
        gan2hls.build(MODEL, config={"target": {"batch": batch}}, write=False)
