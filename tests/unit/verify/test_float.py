"""The float step on graphs of several inputs and outputs, against what is computed from whole tensors."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from gan2hls.model import Golden, IntegerModel
from gan2hls.numbers import IntType, QuantType
from gan2hls.quantize import quantize, quantize_inputs
from gan2hls.report import CodeAgreement, Fidelity, StepReport
from gan2hls.verify import float as float_step
from gan2hls.verify import run_float
from tests.graph_models import NETS, Net, run_onnx
from tests.unit.quantize.test_graphs import precisions


def built(name: str, **own: str) -> tuple[Net, tuple[str, ...], IntegerModel]:
    net, outputs = NETS[name]()
    graph = net.graph(*outputs)
    given = precisions(graph, **own)
    return net, outputs, quantize(graph, net.model(*outputs), net.frames(32), given, None).model


def run(net: Net, outputs: tuple[str, ...], model: IntegerModel, least: float = 0.0) -> tuple[StepReport, Fidelity]:
    return run_float(net.graph(*outputs), net.model(*outputs), model, net.frames(9, seed=4), least)


def psnr(wanted: np.ndarray, found: np.ndarray) -> float:
    return float(10 * np.log10(np.ptp(wanted) ** 2 / np.square(wanted - found).mean()))


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("chunk", [1, 3000, 1 << 26])
def test_it_says_what_whole_tensors_say(name: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(float_step, "_CHUNK_VALUES", chunk)
    net, outputs, model = built(name)
    report, fidelity = run(net, outputs, model)
    frames = net.frames(9, seed=4)
    wanted = run_onnx(net.graph(*outputs), net.model(*outputs), frames)
    golden = Golden(model).run(quantize_inputs(model, frames))
    found = {layer.name: model.real(layer.name, golden[layer.name]) for layer in model.layers}
    assert fidelity.quality.psnr_db == pytest.approx(min(psnr(wanted[one], found[one]) for one in outputs), abs=1e-3)
    for layer, sqnr in fidelity.sqnr_db.items():
        power, error = np.square(wanted[layer]).mean(), np.square(wanted[layer] - found[layer]).mean()
        assert sqnr == pytest.approx(10 * np.log10(power / error), abs=1e-3)
    assert (report.status, report.frames, report.values) == ("passed", 9, sum(v.size for v in found.values()))
    assert fidelity.quality.samples == 9


def test_the_worst_output_fails_and_is_named() -> None:
    net, outputs, model = built("twins", l5_conv="int3")
    report, fidelity = run(net, outputs, model, 30.0)
    worst = net.graph(*outputs).outputs[0].onnx_name
    assert fidelity.quality.psnr_db is not None and fidelity.quality.psnr_db < 30
    assert report.status == "failed"
    assert report.reason == (
        f"output {worst!r}: PSNR {fidelity.quality.psnr_db:.1f} dB is below verify.min_psnr_db = 30"
    )
    single = built("residual", l9_conv="int3")
    report, fidelity = run(*single, 30.0)
    assert report.reason.startswith("output PSNR ")


def test_an_output_that_saturates_is_named(caplog: pytest.LogCaptureFixture) -> None:
    net, outputs, model = built("twins")
    last = model.layers[-1]
    small = QuantType(IntType(8, signed=True), last.output_type.scale / 3)
    graph = net.graph(*outputs)
    narrow = quantize(
        replace(graph, pinned={last.name: small}), net.model(*outputs), net.frames(32), precisions(graph), None
    )
    with caplog.at_level(logging.WARNING):
        run(net, outputs, narrow.model)
    assert f"the output {graph.outputs[1].onnx_name!r} saturates in" in caplog.text


def test_codes_of_all_chunks_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    net, outputs = NETS["fork"]()
    graph = replace(net.graph(*outputs), pinned={"l0_conv": QuantType(IntType(8, signed=False), 0.01)})
    model = quantize(graph, net.model(*outputs), net.frames(32), precisions(graph), None).model
    found: list[CodeAgreement] = []
    for chunk in (1, 1 << 26):
        monkeypatch.setattr(float_step, "_CHUNK_VALUES", chunk)
        _, fidelity = run_float(graph, net.model(*outputs), model, net.frames(9), 0.0)
        found.append(fidelity.file_codes["l0_conv"])
    assert found[0] == found[1] and found[0].differ > 0


def test_a_file_that_makes_something_else_fails_and_says_of_which_output() -> None:
    net, outputs, model = built("twins")
    graph, onnx_model, frames = net.graph(*outputs), net.model(*outputs), net.frames(9, seed=4)
    report, _ = run_float(graph, onnx_model, model, frames, 0.0, lambda: onnx_model)
    assert report.status == "passed"
    other = onnx.ModelProto.FromString(onnx_model.SerializeToString())
    scaled = graph.outputs[1].onnx_name
    node = next(node for node in other.graph.node if scaled in node.output)
    node.output[0] = "before"
    other.graph.initializer.append(numpy_helper.from_array(np.float32(1.02), "factor"))
    other.graph.node.append(helper.make_node("Mul", ["before", "factor"], [scaled]))
    report, _ = run_float(graph, onnx_model, model, frames, 0.0, lambda: other)
    assert report.status == "failed"
    assert report.first_mismatch is not None
    assert report.first_mismatch.startswith(f"output {scaled!r}: what was read of the file has a PSNR of ")


def test_a_file_that_onnx_runtime_does_not_run_is_told(caplog: pytest.LogCaptureFixture) -> None:
    net, outputs, model = built("residual")
    onnx_model = net.model(*outputs)
    other = onnx.ModelProto.FromString(onnx_model.SerializeToString())
    other.graph.node[0].domain = "unknown"
    with caplog.at_level(logging.INFO, "gan2hls"):
        report, _ = run_float(net.graph(*outputs), onnx_model, model, net.frames(9), 0.0, lambda: other)
    assert report.status == "passed"
    assert "not compared with the file" in caplog.text
