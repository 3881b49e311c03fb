"""Post-training quantization of whole models, judged by ONNX Runtime on inputs that calibration has not seen."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from gan2hls import passes
from gan2hls.config.schema import parse_config
from gan2hls.fit.ranges import RULES
from gan2hls.fit.whole_model import Reconstruction
from gan2hls.flow.inputs import read_inputs
from gan2hls.frontend import load
from gan2hls.model.golden import Golden
from gan2hls.model.integer import IntegerModel, verify_integer_model
from gan2hls.ops.weights import IntWeight
from gan2hls.quantize.assign import assign_precision
from gan2hls.quantize.quantize import quantize, quantize_inputs
from gan2hls.quantize.range_search import RangeSearch
from gan2hls.verify.float import run_float
from tests.float_evaluator import run_onnx
from tests.onnx_models import f32, make_model
from tests.tiny_onnx import tiny_model

R = np.random.default_rng(11)
K = f32(R, 4, 3, 3, 3)
LIVE = np.float32([1, 0, 1, 0]).reshape(4, 1, 1, 1)
DEPTHWISE = {"w": f32(R, 6, 1, 3, 3), "v": f32(R, 3, 2, 2, 2)}


@dataclass
class Built:
    model: IntegerModel
    psnr: float
    passed: bool
    sqnr: dict[str, float | None]


def build(folder: Path, model: onnx.ModelProto, least: float = 0.0, **config: object) -> Built:
    onnx.save(model, folder / "m.onnx")
    loaded = load(folder / "m.onnx")
    graph = passes.run(loaded.graph)
    values = {"calibration": {"samples": 32}, "evaluation": {"samples": 16}, **config}
    resolved = parse_config(values)
    inputs = read_inputs(graph.inputs, resolved)
    rule = resolved.calibration.range
    made = quantize(
        graph,
        loaded.onnx_model,
        inputs.calibration,
        assign_precision(graph, resolved),
        None if rule == "auto" else rule,
        reconstruct=resolved.precision.reconstruct,
        fitting=inputs.reconstruction,
    ).model
    verify_integer_model(made)
    report, fidelity = run_float(graph, loaded.onnx_model, made, inputs.evaluation, least)
    # The float step's own number, computed again from ONNX Runtime on the file as it is.
    (out,) = made.outputs
    codes = Golden(made).run(quantize_inputs(made, inputs.evaluation))[out.name]
    found = out.from_stream(made.real(out.name, codes))
    wanted = np.concatenate(
        [run_onnx(model, {k: v[n : n + 1] for k, v in inputs.evaluation.items()})[0] for n in range(len(found))]
    )
    error, peak = np.square(found.reshape(wanted.shape) - wanted).mean(), wanted.max() - wanted.min() or 1.0
    psnr = float("inf") if error == 0 else float(10 * np.log10(peak**2 / error))
    if fidelity.quality.psnr_db is not None:
        assert psnr == pytest.approx(fidelity.quality.psnr_db, abs=0.01)
    return Built(made, psnr, report.status == "passed", dict(fidelity.sqnr_db))


def precision(weight: str, activation: str) -> dict[str, str]:
    return {"weight": weight, "activation": activation}


@pytest.mark.parametrize(
    ("weight", "activation", "least"),
    [
        ("int2", "int2", 8),
        ("int4", "int4", 18),
        ("int8", "int8", 34),
        ("int16", "int16", 36),
        ("fixed<8,2>", "fixed<8,3>", 28),
        ("fixed<16,3>", "fixed<16,5>", 60),
        ("fixed<12,3>", "int12", 36),
    ],
)
def test_widths_from_2_to_16(tmp_path: Path, weight: str, activation: str, least: float) -> None:
    built = build(tmp_path, tiny_model(), precision=precision(weight, activation))
    assert built.psnr >= least
    for layer in built.model.layers:
        assert layer.op.kind != "pointwise" and layer.op.weight.type.bits <= int(
            "".join(c for c in weight.split(",")[0] if c.isdigit())
        )


@pytest.mark.parametrize("weight", ["int3", "codebook<4>", "ternary"])
def test_reconstruction_pays_at_the_output(tmp_path: Path, weight: str) -> None:
    """The same codes' worth of bits, with weights fitted by themselves and by what their layers make."""
    by_weights, by_outputs = (
        build(tmp_path, tiny_model(), precision=precision(weight, "int8") | {"reconstruct": reconstruct}).psnr
        for reconstruct in (False, True)
    )
    assert by_outputs > by_weights + 1.0


@pytest.mark.slow
@pytest.mark.parametrize("weight", ["int6", "codebook<64>"])
def test_codes_of_6_bits_are_reconstructed_where_that_is_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weight: str
) -> None:
    def psnr(reconstruct: bool | None) -> float:
        settings = precision(weight, "int12") | {"reconstruct": reconstruct}
        return build(tmp_path, tiny_model(), precision=settings).psnr

    rounded = psnr(False)
    assert psnr(None) == psnr(True) > rounded + 1.0
    solve = Reconstruction.solve

    def worse(self: Reconstruction, *args: Any) -> dict[str, IntWeight]:
        made = solve(self, *args)
        return {name: replace(weight, scale=2 * weight.scale) for name, weight in made.items()}

    monkeypatch.setattr(Reconstruction, "solve", worse)
    assert psnr(True) < rounded - 3.0, "who asks for it gets it"
    assert psnr(None) > rounded - 0.5, "else the rounded codes are kept; biases may suit them better"


def test_no_weight_is_fitted_to_the_frames_that_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    judging: list[np.ndarray] = []
    made, judged = Reconstruction.__init__, RangeSearch.__init__

    def reconstruct(self: Reconstruction, graph: Any, streams: Any) -> None:
        seen.append(streams[graph.inputs[0].name])
        made(self, graph, streams)

    def search(self: RangeSearch, graph: Any, *args: Any) -> None:
        judged(self, graph, *args)
        judging.append(self.judge[graph.inputs[0].name])

    monkeypatch.setattr(Reconstruction, "__init__", reconstruct)
    monkeypatch.setattr(RangeSearch, "__init__", search)
    build(tmp_path, tiny_model(), precision=precision("ternary", "int8"))
    assert len(seen) == len(judging) == 1 and len(seen[0]) == 4 * 32 - 16 and len(judging[0]) == 16
    assert not np.isin(judging[0], seen[0]).any()


@pytest.mark.parametrize("rule", [*RULES, "auto"])
def test_every_rule_serves(tmp_path: Path, rule: str) -> None:
    assert build(tmp_path, tiny_model(), calibration={"samples": 64, "range": rule}).psnr >= 34


@pytest.mark.parametrize("samples", [1, 2, 3, 5])
def test_few_frames_suffice_to_build(tmp_path: Path, samples: int) -> None:
    assert build(tmp_path, tiny_model(), calibration={"samples": samples}).psnr > 12


def test_the_search_is_deterministic(tmp_path: Path) -> None:
    first, again = (build(tmp_path, tiny_model()).model for _ in range(2))
    for a, b in zip(first.layers, again.layers, strict=True):
        assert a.op.kind == b.op.kind != "pointwise"
        assert (a.op.weight.values == b.op.weight.values).all() and (a.requant.bias == b.requant.bias).all()
        assert a.output_type == b.output_type


def test_equalization_saves_uneven_channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels that differ by 300: one range for all of them loses the small ones, the search moves them."""
    small = np.float32(np.geomspace(1, 1 / 300, 8))
    body = "a = Gemm(x,k)\n s = Reshape(a,t)\n n = BatchNormalization(s,g,h,m,v)\n r = Relu(n)\n"
    model = make_model(
        body + "c = ConvTranspose<strides=[2,2],pads=[1,1,1,1]>(r,w)\n y = Tanh(c)",
        [1, 6],
        {
            "k": f32(R, 6, 32), "t": np.array([1, 8, 2, 2]), "g": small, "h": small * 0.2, "m": np.zeros(8, np.float32),
            "v": np.ones(8, np.float32), "w": f32(R, 8, 3, 4, 4) / small[:, None, None, None] * 0.1,
        },
    )  # fmt: skip
    found = build(tmp_path, model)
    monkeypatch.setattr("gan2hls.quantize.range_search._ALPHAS", (None,))
    plain = build(tmp_path, model)
    assert found.psnr > plain.psnr + 6
    assert found.model.layers[0].probe_gain.size == 8 and plain.model.layers[0].probe_gain.size == 1


@pytest.mark.parametrize(
    ("name", "body", "constants"),
    [
        ("no curve", "y = Conv(x,w)", {"w": K}),
        ("relu6 out", "a = Conv(x,w)\n y = Clip(a,lo,hi)", {"w": K, "lo": np.float32(0), "hi": np.float32(6)}),
        ("one value", "a = Flatten(x)\n b = MatMul(a,w)\n y = Sigmoid(b)", {"w": f32(R, 75, 1) * 0.2}),
        ("pointwise", "y = Tanh(x)", {}),
        ("dead channel", "a = Conv(x,w)\n r = Relu(a)\n y = Conv(r,v)", {"w": K * LIVE, "v": f32(R, 2, 4, 1, 1)}),
        ("depthwise", "a = Conv<group=3>(x,w)\n r = LeakyRelu(a)\n y = Conv<group=3>(r,v)", DEPTHWISE),
    ],
)
def test_shapes_of_models(tmp_path: Path, name: str, body: str, constants: dict[str, np.ndarray]) -> None:
    assert build(tmp_path, make_model(body, [1, 3, 5, 5], constants)).psnr > 28, name


@pytest.mark.parametrize("bias", [0.0, 0.75, 1e4])
def test_constant_layers_give_their_constant(tmp_path: Path, bias: float) -> None:
    constants = {"w": np.zeros((2, 3, 1, 1), np.float32), "b": np.full(2, bias, np.float32)}
    assert build(tmp_path, make_model("y = Conv(x,w,b)", [1, 3, 4, 4], constants)).psnr > 50


def test_a_layer_that_is_never_on_does_not_hurt(tmp_path: Path) -> None:
    constants = {"w": f32(R, 4, 3, 1, 1), "b": np.full(4, -1e3, np.float32), "v": f32(R, 2, 4, 1, 1), "d": f32(R, 2)}
    built = build(
        tmp_path, make_model("a = Conv(x,w,b)\n r = Relu(a)\n c = Conv(r,v,d)\n y = Tanh(c)", [1, 3, 4, 4], constants)
    )
    assert built.psnr > 40


def test_the_float_step_fails_below_its_bound(tmp_path: Path) -> None:
    assert build(tmp_path, tiny_model(), 20.0).passed
    assert not build(tmp_path, tiny_model(), 90.0).passed


def test_every_layer_has_a_signal_to_noise_ratio(tmp_path: Path) -> None:
    built = build(tmp_path, tiny_model())
    assert set(built.sqnr) == {layer.name for layer in built.model.layers}
    assert all(value is not None and 15 < value < 80 for value in built.sqnr.values())


def test_an_output_that_saturates_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One frame beyond what calibration saw costs more than all rounding; calibration that has such frames helps."""
    rng = np.random.default_rng(3)
    model = make_model("y = Gemm(x, w)", [1, 8], {"w": f32(rng, 8, 16)})
    frames = rng.normal(size=(96, 8)).astype(np.float32)
    frames[-1] *= 4
    np.save(tmp_path / "tame.npy", frames[:80])
    np.save(tmp_path / "wild.npy", np.concatenate([frames[80:], frames[:80]]))
    np.save(tmp_path / "frames.npy", frames[80:])
    told, psnr = {}, {}
    for name in ("tame", "wild"):
        data = {"calibration": {"data": tmp_path / f"{name}.npy", "samples": 96, "range": "minmax"}}
        psnr[name] = build(tmp_path, model, evaluation={"data": tmp_path / "frames.npy"}, **data).psnr
        told[name] = [record.message for record in caplog.records if "saturates in" in record.message]
        caplog.clear()
    assert psnr["tame"] < 30 and psnr["wild"] > 35 and not told["wild"]
    (said,) = told["tame"]
    beyond = run_onnx(model, {"x": frames[-1:]})[0]
    count = re.match(r"the output saturates in (\d+) of 256 evaluation values: they reach from (\S+) to (\S+),", said)
    assert count is not None and 0 < int(count[1]) <= beyond.size
    assert (float(count[2]), float(count[3])) == pytest.approx((beyond.min(), beyond.max()), rel=0.01)


def test_rounding_alone_is_not_saturation(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    build(tmp_path, make_model("y = Gemm(x, w)", [1, 8], {"w": f32(np.random.default_rng(3), 8, 16)}))
    assert "saturates" not in caplog.text
