"""``precision: auto``: goals are kept, uniform is never better, pins stay, and the result can be repeated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from threadpoolctl import threadpool_info

import gan2hls
from gan2hls.auto.assignment import most_weight_bits, weight_bits
from gan2hls.auto.policy import redundancy
from gan2hls.base.errors import ConfigError
from gan2hls.fabric import SERIES_7
from gan2hls.fit.weight import fit_weight
from gan2hls.flow.from_config import settled_config
from gan2hls.flow.result import BuildResult
from gan2hls.formats.precision import Precision
from gan2hls.hardware.resources import engine_resources
from gan2hls.model.integer import IntegerModel
from gan2hls.ops.weights import IntWeight
from gan2hls.quantize.range_search import RangeSearch
from tests.onnx_models import f32, make_model

pytestmark = pytest.mark.slow

CANDIDATES = ["ternary", "codebook<8>", "codebook<32>", "int8"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small generator whose last layer matters most and whose first has most weights."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("auto") / "net.onnx"
    made = make_model(
        "a = ConvTranspose<strides=[1,1]>(x,k)\n r = Relu(a)\n b = ConvTranspose<strides=[2,2], pads=[1,1,1,1]>(r,w)\n"
        "q = Relu(b)\n c = Conv<pads=[1,1,1,1]>(q,v)\n y = Tanh(c)",
        [1, 24, 1, 1],
        {"k": f32(rng, 24, 32, 3, 3) / 5, "w": f32(rng, 32, 12, 4, 4) / 12, "v": f32(rng, 2, 12, 3, 3) / 5},
    )
    onnx.save(made, path)
    return path


def build(model: Path, auto: dict[str, Any], **config: Any) -> BuildResult:
    values = {
        "precision": {"weight": "auto", "auto": {"candidates": CANDIDATES, **auto}},
        "calibration": {"samples": 64},
        **config,
    }
    return gan2hls.build(model, config=values, stop="lower", write=False)


def bits_of(result: BuildResult) -> int:
    """The sum of each layer's bits, counted from the weights themselves."""
    total = 0
    assert result.integer_model is not None
    for layer in result.integer_model.layers:
        assert layer.op.kind != "pointwise"
        values, codec = layer.op.weight.values, layer.op.weight.codec
        distinct = np.unique(values).size
        each = {"binary": 1, "ternary": 1.6, "codebook": np.ceil(np.log2(distinct)), "raw": layer.op.weight.type.bits}[
            codec
        ]
        total += int(np.ceil(each * values.size)) + 18 * np.unique(layer.op.weight.scale).size
        total += distinct * 8 if codec == "codebook" else 0
    return total


def test_least_bits_above_a_psnr(model: Path) -> None:
    found = build(model, {"psnr_min_db": 30.0}).assignment
    assert found is not None and found.gap_db == 0
    assert found.psnr_db >= 30.0
    assert all(one.bits >= found.bits for one in found.uniform if one.psnr_db >= 30.0)
    assert [choice.layer for choice in found.layers] == ["l0_conv_transpose", "l1_conv_transpose", "l2_conv"]
    for choice in found.layers:
        assert [one.precision for one in choice.alternatives] == CANDIDATES
        alone = next(one.bits for one in choice.alternatives if one.precision == choice.precision)
        assert choice.bits == pytest.approx(alone, rel=0.02), "centroids may fall together when layers meet"


def test_more_is_asked_more_is_spent(model: Path) -> None:
    low, high = (build(model, {"psnr_min_db": db}) for db in (22.0, 36.0))
    assert low.assignment is not None and high.assignment is not None
    assert low.assignment.bits < high.assignment.bits
    assert bits_of(low) == pytest.approx(low.assignment.bits, rel=0.01)
    assert bits_of(high) == pytest.approx(high.assignment.bits, rel=0.01)


def test_highest_psnr_within_a_budget(model: Path) -> None:
    budget = 60_000
    found = build(model, {"weight_bits_max": budget}).assignment
    assert found is not None and found.bits <= budget
    within = [one for one in found.uniform if one.bits <= budget]
    assert within and all(found.psnr_db >= one.psnr_db for one in within)


@pytest.mark.parametrize(
    "text", ["fixed<8,1>", "int8", "flex<8,4>", "codebook<16>", "codebook<64,7>", "ternary", "binary"]
)
def test_equalized_weights_take_no_more_bits_than_were_counted(text: str) -> None:
    rng, precision = np.random.default_rng(0), Precision.parse(text)
    weight = np.abs(rng.normal(size=(4, 5, 6))) * 0.05
    counted = most_weight_bits(fit_weight(weight, precision), precision)
    for _ in range(20):
        equalized = weight * 2 ** rng.normal(size=(1, 5, 1)) * 2 ** rng.normal(size=(1, 1, 6))
        assert weight_bits(fit_weight(equalized, precision)) <= counted


def test_codes_that_grow_with_equalized_channels_stay_within_the_budget(tmp_path: Path) -> None:
    """Weak channels before strong ones: equalization makes codes longer than those that were judged."""
    rng, path, weight = np.random.default_rng(0), tmp_path / "net.onnx", "fixed<8,1>"
    first, second = f32(rng, 8, 8, 3, 3) / 80, f32(rng, 2, 8, 3, 3) / 5
    text = "a = Conv<pads=[1,1,1,1]>(x,k)\n r = Relu(a)\n y = Conv<pads=[1,1,1,1]>(r,v)"
    onnx.save(make_model(text, [1, 8, 4, 4], {"k": first, "v": second}), path)
    made = build(path, {"candidates": [weight], "weight_bits_max": 100_000})
    assert made.assignment is not None and made.graph is not None and made.integer_model is not None
    precision = Precision.parse(weight)
    alone = [
        weight_bits(fit_weight(layer.op.weight, precision))
        for layer in made.graph.layers
        if layer.op.kind != "pointwise"
    ]
    built = [weight_bits(layer.op.weight) for layer in made.integer_model.layers if layer.op.kind != "pointwise"]
    assert any(after > before for before, after in zip(alone, built, strict=True)), "or this model shows nothing"
    assert all(after <= choice.bits for after, choice in zip(built, made.assignment.layers, strict=True))


@pytest.mark.parametrize("goal", [{"psnr_min_db": 28.0}, {"weight_bits_max": 1 << 30}])
def test_the_choice_can_be_repeated(model: Path, goal: dict[str, Any]) -> None:
    """Also where no layer gets few bits, though a candidate has few."""
    first = build(model, goal)
    assert first.assignment is not None and first.integer_model is not None
    again = gan2hls.build(model, config=settled_config(first.config, first.assignment), stop="lower", write=False)
    assert again.assignment is None and again.integer_model is not None
    for one, two in zip(first.integer_model.layers, again.integer_model.layers, strict=True):
        assert one.op.kind == two.op.kind != "pointwise"
        assert np.array_equal(one.op.weight.values, two.op.weight.values)
        assert np.array_equal(one.requant.mult, two.requant.mult)
        assert np.array_equal(one.requant.bias, two.requant.bias)


@pytest.mark.parametrize("weight", ["int6", "codebook<16>"])
def test_a_pinned_layer_stays(model: Path, weight: str) -> None:
    made = build(model, {"psnr_min_db": 15.0}, layers={"l1*": {"precision": {"weight": weight}}})
    assert made.assignment is not None and made.integer_model is not None
    pinned = made.assignment.layers[1]
    assert pinned.pinned and pinned.precision == weight and not pinned.alternatives
    assert [layer.op.weight.precision for layer in made.integer_model.layers if layer.op.weight][1] == weight


def test_nothing_to_choose_is_told(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = build(model, {"psnr_min_db": 90.0}, layers={"*": {"precision": {"weight": "int6"}}})
    assert made.assignment is None
    assert "auto has nothing to choose" in caplog.text


def test_what_is_judged_of_a_pinned_layer_is_what_is_built(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its few bits are reconstructed in the build: no measurement of the search may have them as rounded alone."""
    judged: list[IntegerModel] = []
    lowered = RangeSearch.model_with

    def spy(self: RangeSearch, *args: Any) -> IntegerModel:
        blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
        assert all(library["num_threads"] == 1 for library in blas), "threads only get in each other's way"
        judged.append(lowered(self, *args))
        return judged[-1]

    monkeypatch.setattr(RangeSearch, "model_with", spy)
    made = build(model, {"psnr_min_db": 15.0}, layers={"l1*": {"precision": {"weight": "codebook<4>"}}})
    assert made.graph is not None and made.integer_model is not None and judged
    floats = made.graph.layers[1].op.weight
    assert floats is not None
    alone = fit_weight(floats, Precision.parse("codebook<4>"))
    assert not any(np.array_equal(weight_of(one, 1).values, alone.values) for one in judged)
    few = [n for n, layer in enumerate(made.integer_model.layers) if layer.op.weight and layer.op.weight.codec != "raw"]
    assert 1 in few and any(all(same_weight(one, made.integer_model, n) for n in few) for one in judged)


def weight_of(model: IntegerModel, layer: int) -> IntWeight:
    weight = model.layers[layer].op.weight
    assert weight is not None
    return weight


def same_weight(one: IntegerModel, two: IntegerModel, layer: int) -> bool:
    a, b = weight_of(one, layer), weight_of(two, layer)
    return np.array_equal(a.values, b.values) and np.array_equal(a.scale, b.scale)


def test_formats_are_compared_at_one_folding(model: Path) -> None:
    """Where the config gives the folding, an alternative takes what the report says of the engine."""
    said: list[str] = []
    made = gan2hls.build(
        model,
        config={
            "precision": {"weight": "auto", "auto": {"candidates": ["binary", "int8"], "psnr_min_db": 20.0}},
            "calibration": {"samples": 32},
            "target": {"pe": 2, "simd": 4},
        },
        stop="emit",
        write=False,
        notify=lambda stage, detail: said.append(f"{stage} {detail}"),
    )
    assert "lower l1_conv_transpose as binary (3 of 6)" in said
    found, design = made.assignment, made.design
    assert found is not None and design is not None and made.report is not None
    for choice, engine in zip(found.layers, design.engines, strict=True):
        taken = engine_resources(engine, SERIES_7)
        assert (choice.dsp, choice.lut) == (taken.dsp, taken.lane_lut)
        binary, whole = choice.alternatives
        lanes = engine.folding.pe * engine.folding.simd
        assert binary.lut > 0 == whole.lut and whole.dsp >= binary.dsp + lanes
    assert (found.dsp, found.lut) == tuple(sum(getattr(c, key) for c in found.layers) for key in ("dsp", "lut"))
    report = made.report.assignment
    assert report is not None and report.layers[0].alternatives[0].dsp == found.layers[0].alternatives[0].dsp
    assert report.cost == found.cost == found.bits


def test_a_price_of_dsp_blocks_buys_layers_without_them(model: Path) -> None:
    """A codebook of two entries takes a bit a weight, a ternary weight 1.6 but no multiplier."""
    auto = {"candidates": ["ternary", "codebook<2>", "int8"], "psnr_min_db": 8.0}
    plain, priced = (build(model, {**auto, "cost": cost}) for cost in ({}, {"dsp": 1e6}))
    assert plain.assignment is not None and priced.assignment is not None
    assert priced.assignment.dsp < plain.assignment.dsp and priced.assignment.bits > plain.assignment.bits
    again = gan2hls.build(model, config=settled_config(priced.config, priced.assignment), stop="lower", write=False)
    assert again.integer_model is not None and priced.integer_model is not None
    assert all(same_weight(again.integer_model, priced.integer_model, n) for n in range(3))


def test_redundancy_has_signs_whatever_the_candidates(model: Path) -> None:
    made = build(model, {"policy": "redundancy", "candidates": ["int8"]})
    assert made.assignment is not None
    assert [choice.precision for choice in made.assignment.layers] == ["binary", "binary", "int8"]


def test_redundancy_is_held_to_a_goal_that_is_given(model: Path) -> None:
    with pytest.raises(ConfigError, match="no assignment by redundancy reaches 60 dB"):
        build(model, {"policy": "redundancy", "psnr_min_db": 60.0})


def test_redundancy_is_channels_less_pixels(model: Path) -> None:
    """24 - 1 * 1 and 32 - 3 * 3 are positive, 12 - 6 * 6 is not."""
    made = build(model, {"policy": "redundancy"})
    assert made.graph is not None and made.assignment is not None
    assert [redundancy(layer) for layer in made.graph.layers] == [23, 23, -24]
    assert [choice.precision for choice in made.assignment.layers] == ["binary", "binary", "int8"]


def test_uniform_has_one_format(model: Path) -> None:
    found = build(model, {"policy": "uniform", "weight_bits_max": 60_000}).assignment
    assert found is not None and len({choice.precision for choice in found.layers}) == 1


@pytest.mark.parametrize(
    ("auto", "what"), [({"psnr_min_db": 150.0}, "the best are"), ({"weight_bits_max": 1000}, "the least are")]
)
def test_a_goal_out_of_reach_says_what_can_be_had(model: Path, auto: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match="no assignment") as caught:
        build(model, auto)
    assert what in caught.value.hint and "l0_conv_transpose" in caught.value.hint


@pytest.mark.parametrize(
    ("auto", "message"),
    [
        ({"psnr_min_db": 30.0, "weight_bits_max": 10}, "not both"),
        ({"psnr_min_db": 30.0, "cost_max": 10.0}, "not both"),
        ({"cost": {"bits": 0.0}}, "must cost something"),
        ({"cost": {"dsp": -1.0}}, "greater than or equal to 0"),
        ({"cost": {"bram": 1.0}}, "bram"),
        ({"candidates": []}, "must not be empty"),
        ({"candidates": ["int8", "int8"]}, "repeat"),
        ({"candidates": ["uint8"]}, "signed"),
        ({"policy": "best"}, "redundancy"),
    ],
)
def test_illegal_goals(model: Path, auto: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(model, auto)
