"""Quantization of graphs with forks and joins, of several inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import onnx
import pytest

from gan2hls.base import ModelError
from gan2hls.config import parse_config
from gan2hls.fit import LayerPrecision, fit_weight
from gan2hls.flow.from_config import goal_of
from gan2hls.formats import Precision
from gan2hls.kinds.add import IntAdd
from gan2hls.model import Golden, Graph, IntegerModel, Port, linear_layers
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import COPY, IntWeight, Linear, Structure
from gan2hls.quantize import FloatModel, quantize, quantize_inputs
from gan2hls.quantize.bias_correction import _mean_sums, find_biases
from gan2hls.quantize.equalize import apply_gains, apply_to_streams, find_gains
from gan2hls.quantize.lower import choose_types, lower, quantize_weights
from gan2hls.quantize.range_search import CANDIDATES, RangeSearch
from gan2hls.quantize.widening import choices, family
from gan2hls.verify import run_float
from tests.graph_models import NETS, Net, fork, random_net, residual, run_graph, run_onnx
from tests.randomized import conv, port
from tests.sampling import sampled

INT8 = Precision("int", 8)


def precisions(graph: Graph, weight: str = "int8", *, widen: bool = False, **own: str) -> dict[str, LayerPrecision]:
    """Every tensor of 8 bits, but for activations that ``own`` says."""
    names = [*(one.name for one in graph.inputs), *(layer.name for layer in graph.layers)]
    formats = {name: Precision.parse(own[name]) if name in own else INT8 for name in names}
    return {
        name: LayerPrecision(Precision.parse(weight), activation, may_widen=widen and name not in own)
        for name, activation in formats.items()
    }


def least_psnr(net: Net, outputs: tuple[str, ...], model: IntegerModel) -> float:
    _, fidelity = run_float(net.graph(*outputs), net.model(*outputs), model, net.frames(16, seed=9), 0.0)
    assert fidelity.quality.psnr_db is not None
    return fidelity.quality.psnr_db


# -- whole models --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETS)
def test_graphs_of_8_bits_are_near_float(name: str) -> None:
    net, outputs = NETS[name]()
    graph, model = net.graph(*outputs), net.model(*outputs)
    made = quantize(graph, model, net.frames(32), precisions(graph), None).model
    assert least_psnr(net, outputs, made) >= 35
    for layer in made.layers:
        assert layer.input_types == tuple(made.type_of(one) for one in layer.inputs)


@pytest.mark.parametrize("seed", [pytest.param(n, marks=pytest.mark.slow) if n > 3 else n for n in range(12)])
def test_random_graphs_of_16_bits_are_float_nearly(seed: int) -> None:
    """What is wrong with a fork or a join shows at once."""
    net, outputs = random_net(seed)
    graph, model = net.graph(*outputs), net.model(*outputs)
    given = {name: LayerPrecision(Precision("int", 16), Precision("int", 14)) for name in precisions(graph)}
    made = quantize(graph, model, net.frames(32), given, "minmax").model
    seen = {name: values[:16] for name, values in net.frames(32).items()}
    _, fidelity = run_float(graph, model, made, seen, 0.0)
    assert fidelity.quality.psnr_db is not None and fidelity.quality.psnr_db > 50


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(NETS, ("residual", "fork", "squeezed")))
def test_few_bits_are_reconstructed_through_forks_and_joins(name: str) -> None:
    def psnr(seed: int, reconstruct: bool) -> float:
        net, outputs = NETS[name](seed=seed)
        graph, model = net.graph(*outputs), net.model(*outputs)
        given = precisions(graph, "codebook<4>")
        made = quantize(graph, model, net.frames(128), given, None, reconstruct=reconstruct)
        return least_psnr(net, outputs, made.model)

    assert np.mean([psnr(seed, True) - psnr(seed, False) for seed in range(3)]) > 1


def test_what_feeds_a_join_keeps_a_scale_of_its_own() -> None:
    net, outputs = residual()
    graph, model = net.graph(*outputs), net.model(*outputs)
    given = precisions(graph, l0_conv="int12", l2_conv="fixed<6,3>")
    made = quantize(graph, model, net.frames(32), given, None).model
    join = made.layer("l3_add")
    assert isinstance(join.op, IntAdd)
    assert [kind.int_type.bits for kind in join.input_types] == [12, 6]
    assert join.input_types[1].scale == 2.0**-3
    a, b = join.op.factors
    step = join.input_types[0].scale / a
    assert b * step == pytest.approx(join.input_types[1].scale, rel=1e-3)


def test_types_that_the_file_pins_meet_in_a_join() -> None:
    net, outputs = residual()
    graph, model = net.graph(*outputs), net.model(*outputs)
    pinned = {
        "l0_conv": QuantType(IntType(8, signed=False), 0.011, 0),
        "l2_conv": QuantType(IntType(8, signed=True), 0.037, 5),
    }
    made = quantize(replace(graph, pinned=pinned), model, net.frames(32), precisions(graph), None).model
    assert made.layer("l3_add").input_types == (pinned["l0_conv"], pinned["l2_conv"])
    assert made.layer("l8_add").input_types[1] == pinned["l0_conv"]
    assert least_psnr(net, outputs, made) > 25


@pytest.mark.slow
def test_a_tensor_that_feeds_a_join_can_be_widened() -> None:
    net, outputs = residual()
    graph, model = net.graph(*outputs), net.model(*outputs)
    given = precisions(graph, "int12", widen=True)
    made = quantize(graph, model, net.frames(256), given, None, activation_goal_db=50.0)
    assert made.widening is not None and made.widening.reached and made.widening.free
    wide = {tensor.tensor for tensor in made.widening.tensors}
    joined = {one for layer in graph.layers if layer.op.kind == "add" for one in layer.inputs}
    assert wide & joined and "l9_conv" not in wide
    assert least_psnr(net, outputs, made.model) >= 50


def test_the_goal_holds_for_every_output() -> None:
    net, outputs = NETS["twins"]()
    graph, model = net.graph(*outputs), net.model(*outputs)
    given = precisions(graph, "int12", widen=True)
    made = quantize(graph, model, net.frames(256), given, None, activation_goal_db=45.0)
    assert made.widening is not None and made.widening.reached
    assert least_psnr(net, outputs, made.model) >= 45


@pytest.mark.slow
@pytest.mark.parametrize("name", ["twins", "fork"])
def test_formats_of_weights_are_chosen_for_graphs(name: str) -> None:
    net, outputs = NETS[name]()
    graph, model = net.graph(*outputs), net.model(*outputs)
    goal = goal_of(parse_config({"precision": {"weight": "auto", "auto": {"psnr_min_db": 28}}}).precision.auto)
    given = {one: replace(precision, weight=None) for one, precision in precisions(graph, widen=True).items()}
    made = quantize(graph, model, net.frames(128), given, None, goal=goal)
    assert made.assignment is not None and made.assignment.psnr_db >= 28
    assert [choice.layer for choice in made.assignment.layers] == [layer.name for layer, _ in linear_layers(graph)]
    assert len({choice.precision for choice in made.assignment.layers}) > 1
    assert least_psnr(net, outputs, made.model) >= 26


def test_errors_of_outputs_are_relative_to_their_ranges() -> None:
    """Ten times as large an output has the same say."""
    net, outputs = NETS["twins"]()
    graph, model = net.graph(*outputs), net.model(*outputs)
    search = RangeSearch(graph, run_onnx(graph, model, net.frames(32)), precisions(graph))
    trial = search.measure(None, CANDIDATES[0])
    codes = quantize_inputs(trial.model, {name: v[16:] for name, v in net.frames(32).items()})
    tensors, lost = Golden(trial.model).run(codes), 0.0
    for one in graph.outputs:
        wanted = search.judge[one.name]
        lost += np.square(trial.model.real(one.name, tensors[one.name]) - wanted).mean() / np.ptp(wanted) ** 2
    assert trial.error == pytest.approx(search.peak**2 * lost)


# -- equalization --------------------------------------------------------------------------------------------------


def with_copy(net: Net, source: str) -> str:
    """A layer that copies a tensor, as views make it."""
    height, width, channels = net.shapes[source]
    values = np.eye(channels)[None]
    codes = IntWeight(values.astype(np.int64), IntType(2, signed=True), np.ones(1), "ternary", "ternary")
    op = Linear(COPY, conv((height, width), channels, channels, k=1, p=0), values, Structure(codes, True))
    name = net.points(source)
    net.layers[-1] = replace(net.layers[-1], op=op)
    assert net.layers[-1].is_copy
    return name


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_a_gain_applies_to_all_readers_and_the_function_stays(alpha: float) -> None:
    net, outputs = fork()
    graph = net.graph(*outputs)
    streams = run_onnx(graph, net.model(*outputs), net.frames(6))
    gains = find_gains(graph, streams, alpha)
    assert set(gains) == {"l0_conv"} and gains["l0_conv"].max() > 1.1 * gains["l0_conv"].min()
    even = apply_gains(graph, gains)
    predicted, found = apply_to_streams(streams, gains), run_graph(even, streams)
    assert all(np.allclose(found[name], predicted[name], rtol=1e-4, atol=1e-4) for name in found)
    (out,) = outputs
    assert np.allclose(found[out], streams[out], atol=1e-5)
    for layer in even.layers[1:3]:
        before = next(one for one in graph.layers if one.name == layer.name)
        assert np.allclose(layer.op.weight, before.op.weight * gains["l0_conv"])


def test_readers_are_balanced_together() -> None:
    """With exponent 0, the widest column of any reader is what counts."""
    net, outputs = fork()
    graph = net.graph(*outputs)
    streams = run_onnx(graph, net.model(*outputs), net.frames(6))
    gain = find_gains(graph, streams, 0.0)["l0_conv"]
    columns = [
        np.abs(layer.op.weight) / np.abs(layer.op.weight).max(axis=(0, 2), keepdims=True) for layer in graph.layers[1:3]
    ]
    widest = np.max([part.max(axis=(0, 1)) for part in columns], axis=0)
    even = (gain * widest)[streams["l0_conv"].any(axis=(0, 1, 2))]
    assert even.size > 3 and np.allclose(even, even[0])


@pytest.mark.parametrize(
    "more",
    [
        lambda net: net.points("l0_conv", "Tanh"),
        lambda net: net.add("l0_conv", "l0_conv"),
        lambda net: with_copy(net, "l0_conv"),
        lambda net: "l0_conv",
    ],
    ids=["points", "join", "copy", "output"],
)
def test_one_reader_that_cannot_take_a_gain_keeps_all_from_it(more: Callable[[Net], str]) -> None:
    net, outputs = fork()
    graph = net.graph(*outputs, more(net))
    streams = run_graph(graph, {"z0": net.frames(4)["z0"].transpose(0, 2, 3, 1)})
    coded = [layer.name for layer in graph.layers if layer.op.kind == COPY]
    assert find_gains(graph, streams, 0.5, coded) == {}


def test_what_a_join_makes_can_be_equalized() -> None:
    net = Net()
    head = net.conv(net.input(4, 4, 3), 6, "Relu", spread=100.0)
    body = net.add(head, net.conv(head, 6, spread=100.0), "Relu")
    outputs = (net.conv(body, 3),)
    graph = net.graph(*outputs)
    streams = run_onnx(graph, net.model(*outputs), net.frames(6))
    gains = find_gains(graph, streams, 0.5)
    assert set(gains) == {body}
    assert np.allclose(run_graph(apply_gains(graph, gains), streams)[outputs[0]], streams[outputs[0]], atol=1e-4)


# -- bias correction -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETS)
def test_corrected_sums_have_the_float_mean_behind_joins(name: str) -> None:
    net, outputs = NETS[name]()
    graph = net.graph(*outputs)
    streams = run_onnx(graph, net.model(*outputs), net.frames(8))
    coarse = {one: LayerPrecision(Precision("int", 4), Precision("int", 5)) for one in streams}
    weights = quantize_weights(graph, coarse)
    types = choose_types(graph, streams, coarse, "minmax")
    biases = find_biases(graph, weights, types, streams)
    assert set(biases) == {layer.name for layer, _ in linear_layers(graph)}
    model = lower(graph, weights, types, biases=biases)
    tensors = Golden(model).run({one.name: types[one.name].quantize(streams[one.name]) for one in graph.inputs})
    for layer, op in linear_layers(graph):
        (source,), weight = layer.inputs, weights[layer.name]
        real = types[source].dequantize(tensors[source])
        found = _mean_sums(op.geometry, weight.values * weight.scale[:, None], real) + biases[layer.name]
        wanted = _mean_sums(op.geometry, op.weight, streams[source])
        assert np.allclose(found, wanted, atol=1e-6 * np.abs(wanted).max()), layer.name


# -- copies --------------------------------------------------------------------------------------------------------


def test_copies_have_the_type_of_what_they_copy_and_are_no_choice() -> None:
    net = Net()
    head = net.conv(net.input(3, 3, 2), 4, "Relu")
    copy = with_copy(net, head)
    again = with_copy(net, copy)
    last = with_copy(net, net.add(again, net.conv(head, 4)))
    graph = net.graph(last, net.conv(copy, 2))
    assert choices(graph) == ["z0", head, "l3_conv"]  # the sum is what an output copies
    assert family(graph, head) == {head, copy, again}
    streams = run_graph(graph, {"z0": net.frames(4)["z0"].transpose(0, 2, 3, 1)})
    given = precisions(graph)
    for layer, op in linear_layers(graph):
        if op.structure is not None:
            given[layer.name] = replace(given[layer.name], weight=None, codes=op.structure.weight)
    types = choose_types(graph, streams, given, "minmax")
    assert types[head] == types[copy] == types[again] != types["l3_conv"]
    pinned = QuantType(IntType(4, signed=True), 0.5)
    assert family(replace(graph, pinned={again: pinned}), head) == {head, copy}
    made = lower(graph, quantize_weights(graph, given), types)
    tensors = Golden(made).run({"z0": types["z0"].quantize(streams["z0"])})
    assert (tensors[head] == tensors[again]).all()


# -- float runs ----------------------------------------------------------------------------------------------------


def test_inputs_that_a_part_of_a_model_lacks_are_left_out() -> None:
    net, outputs = NETS["twins"]()
    whole = net.model(*outputs)
    part = onnx.helper.make_model(
        onnx.helper.make_graph(whole.graph.node[:2], "part", whole.graph.input[:1], [], whole.graph.initializer[:2]),
        opset_imports=whole.opset_import,
        ir_version=8,
    )
    frames = net.frames(2)
    found = FloatModel(part, [Port("a", "t1", (1, 5, 4, 6), (4, 6, 5), port("a", (4, 6, 5)).order)]).run(frames)
    assert np.allclose(found["a"], run_onnx(net.graph(*outputs), net.model(*outputs), frames)["l0_conv"], atol=1e-6)


def label_model() -> onnx.ModelProto:
    """``y = z + table[label]``."""
    i64, f32 = onnx.TensorProto.INT64, onnx.TensorProto.FLOAT
    infos = [
        onnx.helper.make_tensor_value_info("z", f32, [1, 3]),
        onnx.helper.make_tensor_value_info("label", i64, [1]),
    ]
    nodes = [onnx.helper.make_node("Gather", ["t", "label"], ["e"]), onnx.helper.make_node("Add", ["z", "e"], ["y"])]
    table = onnx.numpy_helper.from_array(np.arange(12, dtype=np.float32).reshape(4, 3), "t")
    out = onnx.helper.make_tensor_value_info("y", f32, [1, 3])
    graph = onnx.helper.make_graph(nodes, "m", infos, [out], [table])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def run_labels(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    return FloatModel(label_model(), [Port("y", "y", (1, 3), (1, 1, 3), np.arange(3))]).run(inputs)["y"]


def test_labels_are_whole_numbers() -> None:
    z = np.zeros((3, 3), np.float32)
    found = run_labels({"z": z, "label": np.float32([2, 0, 3])})
    assert found[:, 0, 0, 0].tolist() == [6, 0, 9]
    with pytest.raises(ModelError, match=r"input 'label'.*takes whole numbers, such as labels, and gets 0\.5"):
        run_labels({"z": z, "label": np.float32([2, 0.5, 3])})


# -- reconstruction ------------------------------------------------------------------------------------------------


def test_branches_that_do_not_meet_are_solved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from gan2hls.fit import Reconstruction

    net, outputs = NETS["twins"]()
    graph = net.graph(*outputs)
    streams = run_onnx(graph, net.model(*outputs), net.frames(16))
    work, solved = Reconstruction(graph, streams), list[str]()
    heads = [layer.name for layer, _ in linear_layers(graph)]
    formats = {name: Precision.parse("int4") for name in heads}
    first = work.solve(formats, {}, solved.append)
    assert solved == heads
    again = work.solve({**formats, heads[0]: Precision.parse("ternary")}, {}, solved.append)
    assert solved[len(heads) :] == [heads[0], *heads[2:]]  # the other branch stays as it is
    assert again[heads[1]] is first[heads[1]]


def test_what_no_change_reaches_keeps_its_float_values() -> None:
    from gan2hls.fit import Reconstruction

    net, outputs = NETS["twins"]()
    graph = net.graph(*outputs)
    streams = run_onnx(graph, net.model(*outputs), net.frames(8))
    work = Reconstruction(graph, streams)
    left, right, *_ = linear_layers(graph)
    codes = fit_weight(left[1].weight, Precision.parse("ternary"))
    alone = work.solve({right[0].name: Precision.parse("int4")}, {}, lambda _: None)
    beside = Reconstruction(graph, streams).solve(
        {right[0].name: Precision.parse("int4")}, {left[0].name: codes}, lambda _: None
    )
    assert (alone[right[0].name].values == beside[right[0].name].values).all()
