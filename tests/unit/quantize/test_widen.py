"""``activation: auto``: 8 bits, and more where the output needs them."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import gan2hls
from gan2hls import passes
from gan2hls.config.schema import parse_config
from gan2hls.flow.inputs import read_inputs
from gan2hls.flow.result import BuildResult
from gan2hls.frontend import load
from gan2hls.model.integer import IntegerModel, IntLayer
from gan2hls.quantize import range_search
from gan2hls.quantize.assign import assign_precision
from gan2hls.quantize.bias_correction import find_biases
from gan2hls.quantize.cost_bound import CostBound, DesignCost
from gan2hls.quantize.lower import lower
from gan2hls.quantize.quantize import measure
from gan2hls.quantize.range_search import CANDIDATES, RangeSearch
from gan2hls.quantize.widen import widen
from gan2hls.quantize.widening import choices
from gan2hls.report.schema import WideningReport
from tests.heavy_tails import dense_generator, selu_generator
from tests.onnx_models import f32, save
from tests.quantized_models import Network

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("widen")
    onnx.save(selu_generator(1.3), made / "heavy.onnx")
    onnx.save(selu_generator(1.0, seed=1), made / "tame.onnx")
    onnx.save(dense_generator(1.2), made / "dense.onnx")
    onnx.save(dense_generator(0.8), made / "tame_dense.onnx")
    return made


def build(path: Path, precision: dict[str, Any], **config: Any) -> BuildResult:
    """Build; where nothing is said of cost, it is not bounded: a block is much of a design that has six."""
    precision = {"activation_cost_percent": None, **precision}
    verify = {"steps": ["float"], "min_psnr_db": 0}
    return gan2hls.build(path, config={"precision": precision, "verify": verify, **config}, write=False)


def widening(result: BuildResult) -> WideningReport:
    assert result.report is not None and result.report.widening is not None
    return result.report.widening


def bits(result: BuildResult) -> dict[str, int]:
    """Bits of every tensor by name, from the model that is built."""
    model = result.integer_model
    assert model is not None
    return {name: model.type_of(name).int_type.bits for name in (*(p.name for p in model.inputs), *layers(model))}


def layers(model: IntegerModel) -> list[str]:
    return [layer.name for layer in model.layers]


def psnr(result: BuildResult) -> float:
    assert result.report is not None and result.report.quality.psnr_db is not None
    return result.report.quality.psnr_db


def assert_same(one: BuildResult, two: BuildResult) -> None:
    a, b = one.integer_model, two.integer_model
    assert a is not None and b is not None and a.input_types == b.input_types and layers(a) == layers(b)
    for x, y in zip(a.layers, b.layers, strict=True):
        assert (x.input_type, x.output_type, x.acc_type) == (y.input_type, y.output_type, y.acc_type)
        for name in ("mult", "bias", "threshold"):
            assert np.array_equal(getattr(x.requant, name), getattr(y.requant, name)), (x.name, name)
        assert x.op.kind == y.op.kind
        assert x.op.kind == "pointwise" or np.array_equal(x.op.weight.values, y.op.weight.values)


def test_one_tensor_narrower_is_lowered_as_the_whole_model_is(folder: Path) -> None:
    loaded = load(folder / "heavy.onnx")
    graph, config = passes.run(loaded.graph), parse_config({})
    inputs = read_inputs(graph.inputs, config).calibration
    search = RangeSearch(graph, measure(graph, loaded.onnx_model, inputs), assign_precision(graph, config))
    variant, names = search.variant(None), choices(graph)
    wide = dict.fromkeys(names, 12)
    whole, *others = variant.narrower(CANDIDATES[0], wide, names)
    biases = find_biases(graph, variant.weights, variant.types(CANDIDATES[0], wide), search.fit)
    for name, model in zip(names, others, strict=True):
        types = variant.types(CANDIDATES[0], {other: 12 for other in names if other != name})
        wanted = lower(graph, variant.weights, types, gains=variant.gains, biases=biases)
        assert model.input_types == wanted.input_types
        for x, y in zip(model.layers, wanted.layers, strict=True):
            assert (x.input_types, x.output_type, x.acc_type) == (y.input_types, y.output_type, y.acc_type)
            assert np.array_equal(x.requant.mult, y.requant.mult) and np.array_equal(x.requant.bias, y.requant.bias)
        assert sum(x is y for x, y in zip(model.layers, whole.layers, strict=True)) >= len(whole.layers) - 3


def test_a_deep_network_is_lowered_once_however_small_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pairs = [f"c{n} = Conv({f'a{n}' if n else 'x'}, k)\n a{n + 1} = Tanh(c{n})" for n in range(8)]
    body = "\n".join([*pairs, "y = Conv(a8, k)"])
    loaded = load(save(tmp_path, body, [1, 2, 2, 2], {"k": f32(rng, 2, 2, 1, 1)}))
    graph, config = passes.run(loaded.graph), parse_config({})
    inputs = read_inputs(graph.inputs, config).calibration
    search = RangeSearch(graph, measure(graph, loaded.onnx_model, inputs), assign_precision(graph, config))
    names = choices(graph)
    most = search.measure(None, CANDIDATES[0], dict.fromkeys(names, 12))
    monkeypatch.setattr(range_search, "_OPTION_MACS", 1_000_000_000)  # with the default it would have 70 layers
    monkeypatch.setattr(search, "measure", lambda *_: pytest.fail("lowered anew for a tensor"))
    assert len(list(search.alone(most, names))) == len(names) >= 8
    monkeypatch.setattr(range_search.RangeSearch, "_squares", lambda *_: next(falling))
    falling = iter(np.linspace(1.0, 0.0, len(names) + 1)[:, None])
    assert min(search.alone(most, names)) == most.held_error / 2, "no error is less than nothing"


def test_heavy_tails_get_the_bits_that_bring_the_goal(folder: Path) -> None:
    narrow, auto = build(folder / "heavy.onnx", {"activation": "int8"}), build(folder / "heavy.onnx", {})
    assert psnr(narrow) < 34 and psnr(auto) >= 38
    assert narrow.report is not None and narrow.report.widening is None
    assert set(bits(narrow).values()) == {8}
    found = widening(auto)
    wide = {one.tensor: one.bits for one in found.tensors}
    assert {name: n for name, n in bits(auto).items() if n > 8} == wide and all(8 < n <= 12 for n in wide.values())
    assert found.psnr_db is not None and found.goal_db == 38.3 and found.psnr_db >= 38.3
    output = auto.integer_model
    assert output is not None and output.outputs[0].name not in wide
    assert auto.report is not None and narrow.report.totals.resources.dsp == auto.report.totals.resources.dsp


def cost(result: BuildResult) -> DesignCost:
    assert result.report is not None
    totals = result.report.totals
    assert totals.frame_interval_cycles.estimated is not None
    return DesignCost(totals.resources.dsp, totals.resources.bram18, totals.frame_interval_cycles.estimated)


def test_cost_is_bounded_and_the_price_of_more_is_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    narrow = build(folder / "heavy.onnx", {"activation": "int8"})
    with caplog.at_level(logging.WARNING):
        made = build(folder / "heavy.onnx", {"activation_cost_percent": 2.0})
    assert cost(made).within(CostBound(2.0, 35.0, lambda _: None, lambda _: True).most(cost(narrow)))
    assert psnr(narrow) + 3 < psnr(made) < 38
    (said,) = (record.message for record in caplog.records if "activation: auto" in record.message)
    price = r"([\d.]+) dB would take (\d+) block RAMs of 18 kbit instead of (\d+); "
    told = re.search(price + r"precision.activation_cost_percent: (\d+) lets them", said)
    assert told is not None and int(told[3]) == cost(narrow).bram18
    # and it does
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        dearer = build(folder / "heavy.onnx", {"activation_cost_percent": float(told[4])})
    reached = widening(dearer).psnr_db
    assert reached is not None and reached >= float(told[1]) - 0.05
    assert cost(dearer).bram18 == int(told[2]) and psnr(dearer) >= 38
    assert "activation: auto" not in caplog.text


def test_no_bits_that_cost_time(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A design that uses all DSP blocks would be folded anew, and run at half the pace."""
    narrow = build(folder / "dense.onnx", {"activation": "int8"})
    full = {"dsp": cost(narrow).dsp}
    free = build(folder / "dense.onnx", {}, target=full)
    assert cost(free).interval == 2 * cost(narrow).interval
    bounded = {"activation_cost_percent": 2.0, "activation_psnr_floor_db": 0.0}
    with caplog.at_level(logging.WARNING):
        made = build(folder / "dense.onnx", bounded, target=full)
    assert cost(made) == cost(narrow) and psnr(made) > psnr(narrow) + 5
    assert f"would take {cost(free).interval} cycles a frame instead of {cost(narrow).interval}" in caplog.text
    assert "precision.activation_cost_percent: null lets them" in caplog.text


def test_below_the_floor_bits_may_cost_anything(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Up to the floor, not to the goal."""
    bounded = {"activation_cost_percent": 0.0, "activation_psnr_min_db": 60.0}
    inside = build(folder / "heavy.onnx", bounded | {"activation_psnr_floor_db": 0.0})
    assert psnr(inside) < 37
    assert "floor" not in caplog.text
    made = build(folder / "heavy.onnx", bounded | {"activation_psnr_floor_db": 37.0})
    assert "precision.activation_psnr_floor_db takes" in caplog.text and f"{cost(made).bram18} block" in caplog.text
    free = build(folder / "heavy.onnx", bounded | {"activation_cost_percent": None})
    assert 37 <= psnr(made) <= psnr(free)
    assert cost(inside).bram18 < cost(made).bram18 < cost(free).bram18


def test_bits_that_are_free_bring_a_margin(folder: Path) -> None:
    """Frames that saturate a tensor of 8 bits are rare, and spoil a whole set of them."""
    narrow, auto = (build(folder / "tame_dense.onnx", {"activation": n}) for n in ("int8", "auto"))
    assert cost(auto) == cost(narrow) and psnr(narrow) < 36
    for seed in range(2, 5):
        frames = {"evaluation": {"seed": seed}}
        assert psnr(build(folder / "tame_dense.onnx", {"activation_cost_percent": 2.0}, **frames)) >= 39


def test_a_lower_goal_takes_fewer_bits(folder: Path) -> None:
    more, fewer = build(folder / "heavy.onnx", {}), build(folder / "heavy.onnx", {"activation_psnr_min_db": 34.0})
    assert psnr(fewer) >= 34 and sum(bits(fewer).values()) < sum(bits(more).values())


def test_nothing_changes_where_8_bits_do(folder: Path) -> None:
    narrow, auto = build(folder / "tame.onnx", {"activation": "int8"}), build(folder / "tame.onnx", {})
    assert_same(narrow, auto)
    found = widening(auto)
    assert found.tensors == () and found.most_db is None and found.psnr_db == found.narrow_db


def test_what_the_config_fixes_stays(folder: Path) -> None:
    fixed = {"l1*": {"precision": {"activation": "int7"}}, "l2*": {"precision": {"activation": "int8"}}}
    made = build(folder / "heavy.onnx", {"input": "int8", "activation_psnr_min_db": 34.0}, layers=fixed)
    assert bits(made) | {"x": 8, "l1_pointwise": 7, "l2_conv_transpose": 8} == bits(made)
    assert {one.tensor for one in widening(made).tensors} <= {"l0_dense", "l3_pointwise"}


def test_what_the_file_fixes_stays(tmp_path: Path) -> None:
    net = Network((1, 12)).quant(0.25, 3)
    net.gemm(net.constant(net.floats(12, 32)), net.constant(net.floats(32)))
    net.then("Relu").reshape(1, 8, 2, 2).up(net.constant(net.floats(8, 3, 4, 4))).then("Tanh")
    onnx.save(net.model(), tmp_path / "part.onnx")
    made = build(tmp_path / "part.onnx", {"activation_psnr_min_db": 60.0})
    assert made.graph is not None
    (source,) = made.graph.inputs
    assert bits(made)[source.name] == 3 and source.name in made.graph.pinned
    assert {one.tensor for one in widening(made).tensors} <= {"l0_dense"}


def test_bits_are_not_spent_where_weights_stop_the_goal(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made = build(folder / "tame.onnx", {"weight": "int3"})
    assert set(bits(made).values()) == {8} and widening(made).tensors == ()
    (said,) = (record.message for record in caplog.records if "activation: auto" in record.message)
    assert "weights of int3 stop it, of precision.weight: int12 they would let it reach" in said
    # and it does
    helped = build(folder / "tame.onnx", {"weight": "int12"})
    assert psnr(helped) >= 38


def test_outputs_that_stop_the_goal_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """8 bits between zero and 0.5 are coarse for numbers that are all near 0.5."""
    rng = np.random.default_rng(3)
    constants = {"first": f32(rng, 8, 2, 3, 3), "last": f32(rng, 3, 8, 3, 3) / np.float32(4000)}
    body = "h = Conv<pads = [1, 1, 1, 1]>(x, first) r = Relu(h) o = Conv<pads = [1, 1, 1, 1]>(r, last) y = Sigmoid(o)"
    path = save(tmp_path, body, (1, 2, 8, 8), constants)
    with caplog.at_level(logging.WARNING):
        made = build(path, {})
    (said,) = (record.message for record in caplog.records if "activation: auto" in record.message)
    hint = re.search(r"layers\.(\w+)\.precision\.activation: (\w+) would let it reach", said)
    assert hint is not None, said
    helped = build(path, {}, layers={hint[1]: {"precision": {"activation": hint[2]}}})
    assert psnr(helped) >= 38 > psnr(made)


def test_a_goal_out_of_reach_is_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Bits come near what they can bring at most, since that is worth it."""
    with caplog.at_level(logging.WARNING):
        made = build(folder / "heavy.onnx", {"activation_psnr_min_db": 100.0})
    found = widening(made)
    assert found.psnr_db is not None and found.most_db is not None and found.psnr_db >= found.most_db - 0.51
    assert "weights of int8 do not stop it alone" in caplog.text
    assert sum(one.bits for one in found.tensors) < 12 * 5


def test_weights_of_few_bits_ask_for_no_more_than_their_own_goal(folder: Path, tmp_path: Path) -> None:
    auto = {"psnr_min_db": 25.0, "candidates": ["int4", "int6", "int8"]}
    precision = {"weight": "auto", "auto": auto, "activation_cost_percent": None}
    config = {"precision": precision, "verify": {"steps": ["float"]}}
    made = gan2hls.build(folder / "heavy.onnx", config=config, output=tmp_path)
    assert widening(made).goal_db == 25.0 and made.path is not None
    again = gan2hls.build(folder / "heavy.onnx", config=made.path / "assignment.yaml", output=tmp_path / "again")
    assert_same(made, again)


def test_a_resumed_build_remembers(folder: Path, tmp_path: Path) -> None:
    config = {"precision": {"activation_cost_percent": None}, "verify": {"steps": []}}
    made = gan2hls.build(folder / "heavy.onnx", config=config, output=tmp_path)
    assert made.path is not None and widening(made).tensors
    assert widening(gan2hls.build(made.path, start="schedule", write=False)) == widening(made)
    assert_same(made, gan2hls.build(folder / "heavy.onnx", config=made.path / "config.yaml", write=False))


def test_a_tensor_whose_sums_would_be_too_wide_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    widest = max(layer.acc_type.bits for layer in integer_layers(build(folder / "heavy.onnx", {"activation": "int8"})))
    monkeypatch.setattr("gan2hls.quantize.lower.MOST_ACC_BITS", widest + 4)
    made = build(folder / "heavy.onnx", {})
    assert max(layer.acc_type.bits for layer in integer_layers(made)) <= widest + 2
    assert widening(made).tensors, "where sums have room there is something to gain"


def integer_layers(result: BuildResult) -> tuple[IntLayer, ...]:
    assert result.integer_model is not None
    return result.integer_model.layers


@dataclass(frozen=True)
class Sizes:
    """Wide inputs take DSP blocks, of which there are many; other wide tensors take dearer block RAM."""

    spare_dsp: int

    def __call__(self, layer: IntLayer) -> tuple[int, int, int]:
        more = layer.input_type.int_type.bits - 8
        return (1000 + more, 0, 100) if layer.inputs == ("x",) else (1000, 0, 100 + 5 * more)


def test_dsp_blocks_that_are_not_there_are_not_asked_for(folder: Path) -> None:
    """A design that is full would be folded anew, and slower; block RAM has no such limit."""
    loaded = load(folder / "heavy.onnx")
    graph, config = passes.run(loaded.graph), parse_config({})
    streams = measure(graph, loaded.onnx_model, read_inputs(graph.inputs, config).calibration)
    search = RangeSearch(graph, streams, assign_precision(graph, config))
    narrow, names = search.run(CANDIDATES), [name for name in streams if name != graph.outputs[0].name]
    many, none = (
        widen(search, narrow, names, 34.0, lambda _, spare=spare: Sizes(spare), None, lambda _: None)
        for spare in (99, 0)
    )
    assert many[1].reached and none[1].reached
    assert many[0].wide["x"] > none[0].wide.get("x", 8)
