"""Every hint of the front end is tried: a model that is refused, what the hint says done to it, and it loads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from gan2hls.base.errors import Gan2HlsError
from gan2hls.frontend import load
from tests.onnx_models import f32, make_model

RNG = np.random.default_rng(5)
SHAPES = dict[str, tuple[int, ...]]
Model = onnx.ModelProto
C: Mapping[str, np.ndarray] = {
    "w": f32(RNG, 6, 4),
    "s4": np.ones(4, np.float32),
    "z4": np.zeros(4, np.float32),
    "k": f32(RNG, 4, 3, 4, 4),
    "conv": f32(RNG, 4, 4, 3, 3),
    "one": np.float32(1),
    "zero": np.float32(0),
    "yes": np.array(True),
    "half": np.float32(0.5),
    "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    "sizes": np.array([1, 1, 2, 2], np.float32),
    "label": np.array([0]),
    "target": np.array([1, 4, 1, 1]),
    "bad": np.array([5, 5]),
    "i8": np.int8(0),
    "u8": np.uint8(0),
}
FLAT, IMAGE = (1, 6), (1, 4, 5, 5)


def swapped(old: str, new: str) -> Callable[[str], str]:
    """A fix that rewrites the body of the model."""

    def fix(body: str) -> str:
        assert old in body
        return body.replace(old, new)

    return fix


@dataclass(frozen=True)
class Row:
    """A model that is refused; what its hint says; the fix of its body, of the model, of a constant, or of the call."""

    body: str
    says: str
    fix: Callable[[str], str] = lambda body: body
    edit: Callable[[Model], object] = lambda model: None
    spoil: Callable[[Model], object] = lambda model: None
    values: Mapping[str, Any] = field(default_factory=dict)
    fixed_values: Mapping[str, Any] = field(default_factory=dict)
    shape: tuple[int | str | None, ...] | None = FLAT
    options: SHAPES = field(default_factory=dict)
    opset: int = 17

    def make(self, fixed: bool) -> Model:
        constants = {**C, **self.values, **(self.fixed_values if fixed else {})}
        model = make_model(self.fix(self.body) if fixed else self.body, self.shape, constants, opset=self.opset)
        self.spoil(model)
        if fixed:
            self.edit(model)
        return model


def initializer(name: str, value: np.ndarray | float) -> Callable[[Model], object]:
    """The call that hints give."""
    return lambda m: m.graph.initializer.append(numpy_helper.from_array(np.asarray(value, np.float32), name))


def more_input(name: str, *shape: int) -> Callable[[Model], object]:
    return lambda m: m.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))


def without(name: str) -> Callable[[Model], object]:
    def spoil(model: Model) -> None:
        kept = [tensor for tensor in model.graph.initializer if tensor.name != name]
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)

    return spoil


def output(name: str) -> Callable[[Model], object]:
    return lambda m: m.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))


def first_node(**fields: str) -> Callable[[Model], object]:
    def edit(model: Model) -> None:
        for name, value in fields.items():
            setattr(model.graph.node[0], name, value)
        domain = fields.get("domain")
        if domain:
            model.opset_import.append(helper.make_opsetid(domain, 1))

    return edit


def with_function(model: Model) -> None:
    """Give the unknown operator a domain and a body."""
    model.graph.node[0].domain = "mine"
    model.opset_import.append(helper.make_opsetid("mine", 1))
    body = helper.make_node("Relu", ["a"], ["b"])
    model.functions.append(
        helper.make_function("mine", "NoSuchOperator", ["a"], ["b"], [body], [helper.make_opsetid("", 17)])
    )


def branch_taken(model: Model) -> None:
    model.graph.node[-1].CopyFrom(helper.make_node("Relu", ["x"], ["y"]))


def branches_chosen(model: Model) -> None:
    del model.graph.node[:]
    model.graph.node.extend(
        helper.make_node(op_type, read, [made])
        for op_type, read, made in [
            ("ReduceMax", ["x"], "s"),
            ("Greater", ["s", "zero"], "c"),
            ("Relu", ["x"], "r"),
            ("Where", ["c", "r", "x"], "y"),
        ]
    )


def under_if(model: Model) -> None:
    branch = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["b"])], "b", [], [helper.make_tensor_value_info("b", 1, FLAT)]
    )
    model.graph.node[-1].CopyFrom(helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch))


def under_loop(model: Model) -> None:
    bools = [helper.make_tensor_value_info(name, TensorProto.BOOL, ()) for name in ("before", "after")]
    floats = [helper.make_tensor_value_info(name, 1, FLAT) for name in ("v", "b")]
    nodes = [helper.make_node("Relu", ["v"], ["b"]), helper.make_node("Identity", ["before"], ["after"])]
    turn = helper.make_tensor_value_info("turn", TensorProto.INT64, ())
    body = helper.make_graph(nodes, "b", [turn, bools[0], floats[0]], [bools[1], floats[1]])
    model.graph.node[0].CopyFrom(helper.make_node("Loop", ["", "yes", "x"], ["y"], body=body))


def latent_as_input(model: Model) -> None:
    """Remove the node that draws the latent vector and make its output the input."""
    del model.graph.node[0], model.graph.input[:]
    model.graph.input.append(helper.make_tensor_value_info("n", TensorProto.FLOAT, FLAT))


BN = "BatchNormalization"
UP = "ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1]>"
#: Elements of a map in an order at random between two convolutions.
TURNED = "a = Conv(x, conv) f = Reshape(a, flat) g = Gather<axis = 1>(f, places) t = Reshape(g, map) y = Conv(t, conv)"
PLACES = {
    "flat": np.array([1, -1]),
    "map": np.array([1, 4, 70, 70]),
    "places": np.random.default_rng(6).permutation(4 * 70 * 70),
}
ROWS: dict[str, Row] = {
    # --- inputs and outputs
    "a weight without a value": Row(
        "y = Gemm(x, v)", "initializer.append(onnx.numpy_helper.from_array(value, 'v'))",
        spoil=more_input("v", 6, 4), edit=initializer("v", C["w"])),
    "a bias without a value": Row(
        "h = MatMul(x, w) y = Add(h, v)", "initializer.append(onnx.numpy_helper.from_array(value, 'v'))",
        spoil=more_input("v", 4), edit=initializer("v", np.ones(4))),
    "no input": Row("y = Neg(w)", "as the input", fix=swapped("w", "x")),
    "a latent vector drawn inside": Row(
        "n = RandomNormal<shape = [1, 6]>() y = Relu(n)", "make 'n' the model's input", edit=latent_as_input),
    "open sizes": Row("y = Relu(x)", "--input-shape x:1,4,64,64", shape=("n", 4, "h", "w"),
                      options={"x": (1, 4, 64, 64)}),
    "no shape": Row("y = Relu(x)", "--input-shape x:1,100", shape=None, options={"x": (1, 100)}),
    "a fixed batch": Row("h = Gemm(x, w) y = Reshape(h, four)", "--input-shape x:1,6", shape=(4, 6),
                         values={"four": np.array([4, 2, 2])}, options={"x": (1, 6)}),
    "a vector": Row("y = Relu(x)", "batch axis of 1 in front", shape=(6,),
                    edit=lambda m: m.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, FLAT))),
    # --- the file
    "an opset too new": Row("y = Relu(x)", "opset_version=17",
                            spoil=lambda m: setattr(m.opset_import[0], "version", 99),
                            edit=lambda m: m.CopyFrom(make_model("y = Relu(x)", FLAT, opset=17))),
    "an opset too old": Row("y = Relu(x)", "onnx.version_converter.convert_version(onnx.load(PATH), 17)",
                            spoil=lambda m: setattr(m.opset_import[0], "version", 7),
                            edit=lambda m: m.CopyFrom(onnx.version_converter.convert_version(m, 17))),
    "no opset": Row("y = Relu(x)", "model.opset_import.append(onnx.helper.make_opsetid('', 17))",
                    spoil=lambda m: m.ClearField("opset_import"),
                    edit=lambda m: m.opset_import.append(onnx.helper.make_opsetid("", 17))),
    "parts that onnx does not know": Row(
        "y = Relu(x)", "opset_version=17",
        spoil=lambda m: m.MergeFromString(b"\xaa\x06\x03abc\x08\x63"),  # an unknown field, and format 99
        edit=lambda m: m.CopyFrom(make_model("y = Relu(x)", FLAT, opset=17))),
    "what the checker refuses": Row("y = Relu(q)", "onnx.checker.check_model", fix=swapped("q", "x")),
    "a broken tensor": Row("y = Gemm(x, w)", "onnx.checker.check_model",
                           spoil=lambda m: setattr(m.graph.initializer[0], "raw_data", b"abc"),
                           edit=lambda m: m.graph.initializer[0].CopyFrom(numpy_helper.from_array(C["w"], "w"))),
    "weights that are not finite": Row("y = Gemm(x, v)", "earlier checkpoint", values={"v": C["w"] * np.nan},
                                       fixed_values={"v": C["w"]}),
    # --- operators
    "an operator that ONNX does not know": Row(
        "y = NoSuchOperator(x)", "model.functions", edit=with_function),
    "an operator of another domain": Row(
        "y = Relu(x)", "docs/limits.md", spoil=first_node(domain="mine"),
        edit=lambda m: m.graph.node[0].ClearField("domain")),
    "an operator that is not built": Row(
        "y = CumSum(x, axis)", "docs/limits.md", values={"axis": np.int64(1)},
        fix=swapped("CumSum(x, axis)", "Relu(x)")),
    "a recurrent layer": Row(
        "s = Reshape(x, rows) y, a, b = LSTM<hidden_size = 1>(s, lw, lr)", "Conv of 1-D", opset=14,
        values={"rows": np.array([3, 1, 2]), "lw": f32(RNG, 1, 4, 2), "lr": f32(RNG, 1, 4, 1), "k1": f32(RNG, 1, 3, 1),
                "line": np.array([1, 3, 2])},
        fix=lambda _: "s = Reshape(x, line) y = Conv(s, k1)"),
    "a Fourier transform": Row(
        "s = Reshape(x, column) y = DFT<axis = 1>(s)", "two products by constant matrices",
        values={"column": np.array([1, 6, 1]), "cosines": f32(RNG, 6, 6), "sines": f32(RNG, 6, 6)},
        fix=lambda _: "a = MatMul(x, cosines) b = MatMul(x, sines) y = Concat<axis = 1>(a, b)"),
    "sampling at computed places": Row(
        "g = Reshape(x, places) m = Reshape(x, map) y = GridSample(m, g)", "end the model in front of it",
        values={"places": np.array([1, 1, 3, 2]), "map": np.array([1, 1, 2, 3])},
        fix=lambda _: "m = Reshape(x, map) y = Relu(m)"),
    "a branch that values choose": Row("s = ReduceMax(x) c = Greater(s, zero) y = Relu(x)", "branch that is taken",
                                       spoil=under_if, edit=branch_taken),
    "a choice instead of a branch": Row("s = ReduceMax(x) c = Greater(s, zero) y = Relu(x)", "choose between two",
                                        spoil=under_if, edit=branches_chosen),
    "a loop": Row("y = Relu(x)", "once for each turn", spoil=under_loop, edit=branch_taken),
    "noise": Row("h = Gemm(x, w) n = RandomNormalLike(h) m = Mul(n, half) y = Add(h, m)", "zeros named 'n'",
                 fix=swapped("n = RandomNormalLike(h) ", ""), edit=initializer("n", np.zeros((1, 4)))),
    "noise as an input": Row("h = Gemm(x, w) n = RandomNormalLike(h) y = Add(h, n)", "make 'n' an input of the model",
                             fix=swapped("n = RandomNormalLike(h) ", ""), edit=more_input("n", 1, 4)),
    "draws of a computed chance": Row("h = Gemm(x, w) y = Bernoulli(h)", "zeros named 'y'",
                                      fix=lambda _: "h = Gemm(x, w) y = Add(h, n)", edit=initializer("n", np.zeros(4))),
    "noise, left out": Row("h = Gemm(x, w) n = RandomNormalLike(h) y = Add(h, n)", "leave it out before the export",
                           fix=swapped("n = RandomNormalLike(h) y = Add(h, n)", "y = Identity(h)")),
    "statistics of the batch": Row(
        f"y, a, b = {BN}<training_mode = 1>(x, s4, z4, z4, s4)", "no training_mode and one output", shape=(1, 4),
        fix=swapped("y, a, b = BatchNormalization<training_mode = 1>", f"y = {BN}")),
    "dropout in training": Row("h = Relu(x) y = Dropout(h, half, yes)", "third input False",
                               fixed_values={"yes": np.array(False)}),
    "Resize": Row('r = Resize<mode = "linear", antialias = 1>(x, , sizes) y = Conv(r, conv)', "without antialias",
                  shape=IMAGE, opset=18, values={"sizes": np.array([1, 1, 2, 2], np.float32)},
                  fix=swapped("antialias = 1", "antialias = 0")),
    "a copy of a large image": Row(
        "c = Conv(x, single) y = Tile(c, rows)", "a smaller image", shape=(1, 1, 1500, 1500),
        values={"single": f32(RNG, 1, 1, 1, 1), "rows": np.array([1, 1, 2, 1])},
        edit=lambda m: m.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, (1, 1, 1400, 1400)))),
    "DepthToSpace": Row("h = Conv(x, conv) y = DepthToSpace<blocksize = 3>(h)", "must divide 4", shape=IMAGE,
                        fix=swapped("3>", "2>")),
    "SpaceToDepth": Row("h = Conv(x, conv) y = SpaceToDepth<blocksize = 2>(h)", "must divide 3 and 3", shape=IMAGE,
                        fix=swapped("2>", "3>")),
    "MaxPool of windows beyond the map": Row(
        "y = MaxPool<kernel_shape = [2, 2], dilations = [7, 7], pads = [2, 2, 2, 2]>(x)", "every window reads",
        shape=IMAGE, fix=swapped("[7, 7]", "[3, 3]")),
    "a pool of three axes": Row(
        "h = Reshape(x, volume) p = AveragePool<kernel_shape = [1, 2, 2]>(h) y = Flatten(p)", "and 2-D ([1, C, H, W])",
        shape=IMAGE, values={"volume": np.array([1, 4, 1, 5, 5])},
        fix=lambda _: "p = AveragePool<kernel_shape = [2, 2]>(x) y = Flatten(p)"),
    "tensors of five axes": Row(
        "a = Relu(x) b = Gemm(x, sq) c = Reshape(a, five) d = Reshape(b, five) y = Concat<axis = 2>(c, d)",
        "a Reshape in front of each and one behind", values={"sq": f32(RNG, 6, 6), "five": np.array([1, 1, 2, 3, 1]),
                                                             "four": np.array([1, 2, 3, 1])},
        fix=swapped("c = Reshape(a, five) d = Reshape(b, five) y = Concat<axis = 2>(c, d)",
                    "c = Reshape(a, four) d = Reshape(b, four) y = Concat<axis = 1>(c, d)")),
    "a matrix product of two tensors": Row(
        "h = Gemm(x, sq) y = Gemm<transB = 1>(h, x)", "all but one a constant", values={"sq": f32(RNG, 6, 6)},
        fix=swapped("Gemm<transB = 1>(h, x)", "Gemm(h, sq)")),
    "a label of floats": Row(
        "g = Cast<to = 7>(x) e = Gather(w, g) y = Relu(e)", "an input of INT64 that Gather reads as it", shape=(1, 2),
        fix=lambda _: "e = Gather(w, x) y = Relu(e)",
        edit=lambda m: m.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.INT64, (1, 1)))),
    "a label that is not looked up": Row(
        "f = Cast<to = 1>(x) y = Relu(f)", "as one-hot or embedded vectors", shape=(1, 4), fix=lambda _: "y = Relu(x)",
        spoil=lambda m: m.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.INT64, (1, 4))),
        edit=lambda m: m.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4)))),
    "an image of bytes": Row(
        "f = Cast<to = 1>(x) y = Conv(f, conv)", "declare it FLOAT", shape=IMAGE,
        spoil=lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", TensorProto.UINT8),
        edit=lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 1)),
    "a label": Row("g = Cast<to = 7>(x) y = Gather(w, g)", "embedded vector as the input", shape=(1, 2),
                   fix=lambda _: "y = Relu(x)"),
    "a product of attention": Row(
        "q = Reshape(x, sq) v = Tanh(q) t = Transpose<perm = [0, 2, 1]>(v) a = MatMul(t, q) y = Relu(a)",
        "export without the block", values={"sq": np.array([1, 2, 3])},
        fix=swapped("a = MatMul(t, q) y = Relu(a)", "y = Relu(t)")),
    "a product of attention by letters": Row(
        "q = Reshape(x, sq) v = Tanh(q) a = Einsum<equation = \"bij, bkj -> bik\">(v, q) y = Relu(a)",
        "of two tensors it is built where one is constant", values={"sq": np.array([1, 2, 3])},
        fix=swapped('Einsum<equation = "bij, bkj -> bik">(v, q)', 'Einsum<equation = "bij, bij -> bji">(v, q)')),
    "a reflection instead of infinity": Row("p = Pad(x, pads, lowest) y = Conv(p, conv)", "'reflect'", shape=IMAGE,
                                            values={"lowest": np.float32(-np.inf)},
                                            fix=swapped("Pad(x, pads, lowest)", 'Pad<mode = "reflect">(x, pads)')),
    "infinity around the input": Row("p = Pad(x, pads, lowest) y = Conv(p, conv)", "the padded image as the",
                                     shape=IMAGE, values={"lowest": np.float32(-np.inf)},
                                     fix=lambda _: "y = Conv(x, conv)",
                                     edit=lambda m: m.graph.input[0].CopyFrom(
                                         helper.make_tensor_value_info("x", 1, (1, 4, 7, 7)))),
    "padding with infinity": Row("p = Pad(x, pads, lowest) y = Conv(p, conv)", "zeros", shape=IMAGE,
                                 values={"lowest": np.float32(-np.inf)}, fixed_values={"lowest": np.float32(0)}),
    "sizes that depend on values": Row("i = NonZero(x) f = Cast<to = 1>(i) y = Relu(f)", "docs/limits.md",
                                       fix=lambda _: "y = Relu(x)"),
    "a constant whose size depends on values": Row(
        "n = Compress<axis = 0>(more, yes6) y = Gemm(x, n)", "initializer 'n' in its place",
        values={"more": f32(RNG, 7, 4), "yes6": np.arange(7) > 0},
        fix=swapped("n = Compress<axis = 0>(more, yes6) ", ""),
        edit=initializer("n", C["w"])),
    "a curve per element": Row("m = Mul(x, each) s = Sigmoid(m) y = Mul(x, s)", "one per channel", shape=(1, 6, 30, 30),
                               values={"each": f32(RNG, 6, 30, 30)}, fixed_values={"each": f32(RNG, 6, 1, 1)}),
    "a division by zero": Row("y = Div(x, zero)", "another number", fixed_values={"zero": np.float32(2)}),
    "a constant that grows": Row("y = Add(x, big)", "broadcast to the computed one's", values={"big": f32(RNG, 2, 6)},
                                 fixed_values={"big": f32(RNG, 1, 6)}),
    "a constant of another domain": Row(
        "n = Neg(w) y = Gemm(x, n)", "initializer 'n' in its place", spoil=first_node(domain="mine"),
        fix=swapped("n = Neg(w) ", ""), edit=lambda m: (m.graph.node[0].ClearField("domain"),
                                                       initializer("n", C["w"])(m))),
    "a shape that does not fit": Row("y = Gemm(x, k2)", "'k2' [4, 6]", values={"k2": f32(RNG, 4, 6)},
                                     fix=swapped("Gemm", "Gemm<transB = 1>")),
    "sizes that do not fit": Row("h = Gemm(x, w) y = Reshape(h, target2)", "must have 4 elements",
                                 values={"target2": np.array([1, 5])}, fixed_values={"target2": np.array([1, 4])}),
    "a cast to INT64": Row("y = Cast<to = 7>(x)", "UINT8", fix=swapped("7", "2")),
    # --- convolutions
    "groups": Row("y = Conv<group = 3>(x, conv)", "attribute", shape=IMAGE, fix=swapped("group = 3", "group = 1")),
    "kernel_shape": Row("y = ConvTranspose<kernel_shape = [2, 2]>(x, k)", "leave kernel_shape out", shape=IMAGE,
                        fix=swapped("<kernel_shape = [2, 2]>", "")),
    "output_padding": Row("y = ConvTranspose<strides = [2, 2], output_padding = [2, 0]>(x, k)", "legal: 0..1",
                          shape=IMAGE, fix=swapped("[2, 0]", "[1, 0]")),
    "output_shape": Row("y = ConvTranspose<strides = [2, 2], output_shape = [99, 9]>(x, k)", "legal: 1..13",
                        shape=IMAGE, fix=swapped("99", "13")),
    "auto_pad and pads": Row('y = Conv<auto_pad = "SAME_UPPER", pads = [1, 1, 1, 1]>(x, conv)', "remove one",
                             shape=IMAGE, fix=swapped('auto_pad = "SAME_UPPER", ', "")),
    "computed weights": Row("y = Conv(w, x)", "as an initializer", shape=(1, 4, 3, 3),
                            values={"w": np.ones(IMAGE, np.float32)}, fix=swapped("w, x", "x, conv")),
    "a kernel that does not fit": Row("y = Conv(x, conv)", "enlarge the input", shape=(1, 4, 2, 5),
                                      edit=lambda m: m.graph.input[0].CopyFrom(
                                          helper.make_tensor_value_info("x", 1, (1, 4, 3, 5)))),
    # --- layout
    "a crop of everything": Row("h = Conv(x, conv) y = Slice(h, from2, to2, second)", "crop less", shape=IMAGE,
                                values={"from2": np.array([2]), "to2": np.array([2]), "second": np.array([2])},
                                fixed_values={"to2": np.array([3])}),
    "an order of no axes between convolutions": Row(
        TURNED, "split, rolled, mirrored", shape=(1, 4, 72, 72), values=PLACES,
        fixed_values={"places": np.roll(np.arange(4 * 70 * 70), 70 * 70)}),
    "an order of no axes at the output": Row(
        TURNED, "at the output any order is fine", shape=(1, 4, 72, 72), values=PLACES,
        fix=swapped("t = Reshape(g, map) y = Conv(t, conv)", "y = Reshape(g, map)")),
    "several matrices": Row("y = MatMul(x, many)", "one constant matrix", values={"many": f32(RNG, 2, 6, 4)},
                            fixed_values={"many": f32(RNG, 1, 6, 4)}),
    "a constant bias that does not fit": Row("y = Gemm(x, w, six)", "", values={"six": f32(RNG, 6)},
                                             fixed_values={"six": f32(RNG, 4)}),
    "a bias of a convolution": Row("y = Conv(x, conv, six)", "shape [4]", values={"six": f32(RNG, 6)}, shape=IMAGE,
                                   fixed_values={"six": f32(RNG, 4)}),
    "statistics that do not fit": Row(f"y = {BN}(x, six, six, six, six)", "the shape that does not belong", shape=IMAGE,
                                      values={"six": np.ones(6, np.float32)},
                                      fixed_values={"six": np.ones(4, np.float32)}),
    "bounds of a Clip": Row("y = Clip(x, six)", "one number", values={"six": f32(RNG, 6)},
                            fixed_values={"six": np.float32(0)}),
    "a variance below 0": Row(f"y = {BN}(x, s4, z4, z4, n4)", "above 0", values={"n4": -np.ones(4, np.float32)},
                              shape=IMAGE, fixed_values={"n4": np.ones(4, np.float32)}),
    # --- quantizers
    "a negative scale of a computed tensor": Row(
        "q = QuantizeLinear(x, neg, i8) y = DequantizeLinear(q, neg, i8)", "without its sign",
        values={"neg": np.float32(-0.5)}, fixed_values={"neg": np.float32(0.5)}),
    "a scale of 0": Row("q = QuantizeLinear(w, zero, i8) d = DequantizeLinear(q, zero, i8) y = Gemm(x, d)", "such as 1",
                        fixed_values={"zero": np.float32(1)}),
    "quantization by statistics": Row(
        "q, s, p = DynamicQuantizeLinear(x) y = DequantizeLinear(q, s, p)", "quantize statically",
        fix=lambda _: "q = QuantizeLinear(x, half, u8) y = DequantizeLinear(q, half, u8)"),
    "arithmetic on codes": Row(
        "q = QuantizeLinear(x, half, i8) r = Neg(q) y = DequantizeLinear(r, half, i8)", "can stand Clip",
        fix=swapped("Neg(q)", "Clip(q, i8)")),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_what_the_hint_says_works(tmp_path: Path, name: str):
    tried(ROWS[name], tmp_path / "m.onnx")


def tried(row: Row, path: Path) -> Gan2HlsError:
    """Hold a row to its word; returns what was said."""
    path.write_bytes(row.make(fixed=False).SerializeToString())
    with pytest.raises(Gan2HlsError) as caught:
        load(path)
    assert row.says in caught.value.hint, caught.value
    assert len(caught.value.hint) < 420, "no list of operators"
    path.write_bytes(row.make(fixed=True).SerializeToString())
    load(path, input_shapes=row.options)
    return caught.value
