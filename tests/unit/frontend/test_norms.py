"""Normalizations by statistics of the tensor: ONNX's operators, and what exporters spell out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from gan2hls.base import UnsupportedError
from gan2hls.frontend import load
from gan2hls.kinds import Norm
from tests.float_evaluator import check
from tests.onnx_models import f32, make_model, save
from tests.unit.frontend.test_graphs import with_ports

RNG = np.random.default_rng(41)
PADS = "pads = [1, 1, 1, 1]"
CONV, LAST = f"a = Conv<{PADS}>(x, first, offset) ", f" y = Conv<{PADS}>(o, last)"
K: dict[str, np.ndarray] = {
    "first": f32(RNG, 6, 3, 3, 3) / 3,
    "offset": f32(RNG, 6),
    "same": f32(RNG, 6, 6, 3, 3) / 3,
    "last": f32(RNG, 3, 6, 3, 3) / 3,
    "gamma": 1 + 0.3 * f32(RNG, 6),
    "beta": f32(RNG, 6),
    "gamma2": 1 + 0.3 * f32(RNG, 2),
    "beta2": f32(RNG, 2),
    "one2": np.ones(2, np.float32),
    "zero2": np.zeros(2, np.float32),
    "scale": 1 + 0.3 * f32(RNG, 1, 6, 1, 1),
    "bias": f32(RNG, 1, 6, 1, 1),
    "grouped": np.array([1, 2, -1]),
    "groups": np.array([1, 2, 3, 8, 8]),
    "image": np.array([1, 6, 8, 8]),
    "eps": np.float32(1e-5),
    "small": np.float32(1e-8),
    "large": np.float32(0.5),
    "two": np.float32(2.0),
    "minus_half": np.float32(-0.5),
    "bessel": np.float32(64 / 63),
    "five": np.array([1, 6, 1, 8, 8]),
    "of_five": np.array([2, 3, 4]),
    "weights": np.full((1, 6, 1, 1, 1), 64, np.float32),
    "none": np.float32(0),
    "hw": np.array([2, 3]),
    "c": np.array([1]),
    "chw": np.array([1, 2, 3]),
    "nhwc": np.array([1, 2]),
    "ghw": np.array([2, 3, 4]),
    "m6": np.zeros(6, np.float32),
    "v6": np.ones(6, np.float32),
    "every": f32(RNG, 6, 8, 8),
    "dense": f32(RNG, 3, 96) / 2,
    "map": np.array([1, 6, 4, 4]),
}
TO_NHWC, TO_NCHW = "Transpose<perm = [0, 2, 3, 1]>", "Transpose<perm = [0, 3, 1, 2]>"


def norms(path: Path) -> list[Norm]:
    """Hold the model to ONNX Runtime, at every layer; return its normalizations."""
    _, final = check(path)
    made = [layer.op for layer in final.layers if layer.op.kind == "norm"]
    assert {layer.op.kind for layer in final.layers} <= {"conv", "norm", "dense"}, "scale, bias and views cost a layer"
    return made


# --- operators


@pytest.mark.parametrize(
    ("body", "groups", "opset"),
    [
        ("o = InstanceNormalization<epsilon = 0.01>(a, gamma, beta)", 6, 9),
        ("n = InstanceNormalization(a, gamma, beta) o = Relu(n)", 6, 22),
        ("o = GroupNormalization<num_groups = 2>(a, gamma2, beta2)", 2, 18),
        ("o = GroupNormalization<num_groups = 3>(a, gamma, beta)", 3, 21),
        ("o = MeanVarianceNormalization(a)", 6, 13),
        ("o = MeanVarianceNormalization<axes = [1, 2, 3]>(a)", 1, 13),
        ("o = LayerNormalization<axis = 1>(a, unit)", 1, 17),
    ],
)
def test_operators_over_all_pixels(tmp_path: Path, body: str, groups: int, opset: int) -> None:
    constants = K | {"unit": np.ones((6, 8, 8), np.float32)}
    (norm,) = norms(save(tmp_path, CONV + body + LAST, (1, 3, 8, 8), constants, opset=opset))
    assert (norm.groups, norm.by_pixel, norm.centred) == (groups, False, True)


@pytest.mark.parametrize(
    ("op", "centred"), [("LayerNormalization(t, gamma, beta)", True), ("RMSNormalization(t, gamma)", False)]
)
def test_operators_over_the_channels_of_a_pixel(tmp_path: Path, op: str, centred: bool) -> None:
    body = f"{CONV}t = {TO_NHWC}(a) n = {op} o = {TO_NCHW}(n){LAST}"
    (norm,) = norms(save(tmp_path, body, (1, 3, 8, 8), K, opset=23))
    assert (norm.groups, norm.by_pixel, norm.centred) == (1, True, centred)


def test_a_vector(tmp_path: Path) -> None:
    body = "h = Gemm(x, dense) y = LayerNormalization(h, g)"
    (norm,) = norms(save(tmp_path, body, (1, 3), K | {"g": 1 + 0.1 * f32(RNG, 96)}))
    assert norm.shape == (1, 1, 96) and norm.groups == 1


def test_a_map_that_a_matrix_product_makes(tmp_path: Path) -> None:
    body = f"h = Gemm(x, dense) r = Reshape(h, map) o = InstanceNormalization(r, gamma, beta){LAST}"
    (norm,) = norms(save(tmp_path, body, (1, 3), K))
    assert norm.shape == (4, 4, 6) and norm.groups == 6


@pytest.mark.parametrize("opset", [13, 17])
def test_batch_normalization_of_one_frame_in_training(tmp_path: Path, opset: int) -> None:
    """Which ONNX Runtime does not run, so it is held to an InstanceNormalization."""
    training, more = ("<training_mode = 1>", "") if opset > 13 else ("", ", t, u")
    body = f"{CONV}o, r, s{more} = BatchNormalization{training}(a, gamma, beta, m6, v6){LAST}"
    loaded = load(save(tmp_path, body, (1, 3, 8, 8), K, opset=opset))
    body = f"{CONV}o = InstanceNormalization(a, gamma, beta){LAST}"
    wanted = make_model(body, (1, 3, 8, 8), K, opset=opset)
    assert [node.op_type for node in loaded.onnx_model.graph.node] == [node.op_type for node in wanted.graph.node]
    assert [layer.op.kind for layer in loaded.graph.layers] == ["conv", "norm", "conv"]


# --- spelled out

MEAN = "m = ReduceMean(a, hw) d = Sub(a, m) q = Mul(d, d) v = ReduceMean(q, hw) "
SPELLED = {
    "PyTorch": MEAN.replace("Mul(d, d)", "Pow(d, two)")
    + "e = Add(v, eps) s = Sqrt(e) n = Div(d, s) u = Mul(n, scale) o = Add(u, bias)",
    "tf2onnx, channels last": f"t = {TO_NHWC}(a) m = ReduceMean(t, nhwc) d = Sub(t, m) q = Mul(d, d) "
    "v = ReduceMean(q, nhwc) e = Add(v, eps) s = Sqrt(e) n = Div(d, s) u = Mul(n, gamma) w = Add(u, beta) "
    f"o = {TO_NCHW}(w)",
    "TensorFlow's batch_normalization": MEAN + "e = Add(v, eps) s = Sqrt(e) i = Reciprocal(s) f = Mul(i, scale) "
    "k = Mul(a, f) h = Mul(m, f) g = Sub(bias, h) o = Add(k, g)",
    "mean of squares": "m = ReduceMean(a, hw) q = Mul(a, a) p = ReduceMean(q, hw) r = Mul(m, m) v = Sub(p, r) "
    "e = Add(v, eps) s = Pow(e, minus_half) d = Sub(a, m) o = Mul(d, s)",
    "epsilon beside the root": MEAN + "s = Sqrt(v) e = Add(s, eps) o = Div(d, e)",
    "Bessel's correction": MEAN + "w = Mul(v, bessel) e = Add(w, eps) s = Sqrt(e) o = Div(d, s)",
    "Keras' GroupNormalization": "r = Reshape(a, five) s = ReduceSum(r, of_five) m0 = Div(s, weights) "
    "no = Equal(weights, none) m = Where(no, none, m0) d = Sub(r, m) q = Mul(d, d) p = ReduceSum(q, of_five) "
    "v0 = Div(p, weights) "
    "v = Where(no, none, v0) e = Add(v, eps) t = Sqrt(e) i = Reciprocal(t) k = Mul(r, i) h = Mul(m, i) g = Neg(h) "
    "n = Add(k, g) o = Reshape(n, image)",
    "a pooled mean": "m = GlobalAveragePool(a) d = Sub(a, m) q = Mul(d, d) v = GlobalAveragePool(q) e = Add(v, eps) "
    "s = Sqrt(e) o = Div(d, s)",
}


@pytest.mark.parametrize("name", SPELLED)
def test_instance_normalization_spelled_out(tmp_path: Path, name: str) -> None:
    (norm,) = norms(save(tmp_path, CONV + SPELLED[name] + LAST, (1, 3, 8, 8), K, opset=18))
    assert (norm.groups, norm.by_pixel, norm.centred) == (6, False, True)


@pytest.mark.parametrize(
    ("size", "axes", "image"),
    [
        ((1, 4, 4, 2, 3), (1, 2, 4), f"m = Reshape(n, last_of) o = {TO_NCHW}(m)"),
        ((1, 2, 3, 4, 4), (2, 3, 4), "o = Reshape(n, map)"),
    ],
    ids=["channels last, as Keras", "channels first"],
)
def test_groups_of_a_map_that_a_matrix_product_makes(
    tmp_path: Path, size: tuple[int, ...], axes: tuple[int, ...], image: str
) -> None:
    body = f"""h = Gemm(x, dense) r = Reshape(h, size) u = ReduceMean(r, axes) d = Sub(r, u) q = Mul(d, d)
        v = ReduceMean(q, axes) e = Add(v, eps) s = Sqrt(e) n = Div(d, s) {image}{LAST}"""
    values = {"size": np.array(size), "axes": np.array(axes), "last_of": np.array([1, 4, 4, 6])}
    (norm,) = norms(save(tmp_path, body, (1, 3), K | values, opset=18))
    assert norm.shape == (4, 4, 6) and norm.groups == 2


@pytest.mark.parametrize(
    ("norm", "opset"),
    [
        ("InstanceNormalization(a, s, t)", 11),
        ("InstanceNormalization(a, gamma, t)", 17),
        ("InstanceNormalization(a, s, beta)", 17),
        ("BatchNormalization(a, s, t, m6, v6)", 17),
        ("GroupNormalization<num_groups = 3>(a, s, t)", 21),
    ],
)
def test_scale_and_bias_that_a_style_makes(tmp_path: Path, norm: str, opset: int) -> None:
    """As PyTorch's functional norms with weights of a style (MUNIT) are exported."""
    body = f"""p = Gemm(z, style) f = Reshape(p, flat) s = Slice(f, none, six) t = Slice(f, six, twelve)
        {CONV} o = {norm} {LAST}"""
    values = {"style": f32(RNG, 4, 12), "flat": np.array([-1]), "none": np.array([0])}
    values |= {"six": np.array([6]), "twelve": np.array([12])}
    path = with_ports(tmp_path, body, {"x": (1, 3, 8, 8), "z": (1, 4)}, ("y",), K | values)
    model = onnx.load(path)
    model.opset_import[0].version = opset
    model.ir_version = 10
    onnx.save(model, path)
    check(path)


def test_rows_whose_scale_and_bias_a_style_makes(tmp_path: Path) -> None:
    body = (
        "r = MatMul(x, front) s = Gemm(z, style) u = Gemm(z, shift) n = LayerNormalization(r, s, u) y = MatMul(n, back)"
    )
    values = {"front": f32(RNG, 4, 6), "style": f32(RNG, 3, 6), "shift": f32(RNG, 3, 6), "back": f32(RNG, 6, 2)}
    check(with_ports(tmp_path, body, {"x": (1, 5, 4), "z": (1, 3)}, ("y",), values))


@pytest.mark.parametrize(
    "body",
    [
        "r = Reshape(a, grouped) n = InstanceNormalization(r, one2, zero2) p = Reshape(n, image) u = Mul(p, scale) "
        "o = Add(u, bias)",
        "r = Reshape(a, groups) m = ReduceMean(r, ghw) d = Sub(r, m) q = Mul(d, d) v = ReduceMean(q, ghw) "
        "e = Add(v, eps) s = Sqrt(e) n = Div(d, s) p = Reshape(n, image) u = Mul(p, scale) o = Add(u, bias)",
    ],
)
def test_group_normalization_spelled_out(tmp_path: Path, body: str) -> None:
    (norm,) = norms(save(tmp_path, CONV + body + LAST, (1, 3, 8, 8), K, opset=18))
    assert (norm.groups, norm.by_pixel, norm.centred) == (2, False, True)


@pytest.mark.parametrize(
    "body",
    [
        "q = Mul(r, r) p = ReduceMean(q, c) e = Add(p, small) s = Sqrt(e) o = Div(r, s)",
        "q = Pow(r, two) p = ReduceMean(q, c) e = Add(p, small) s = Sqrt(e) i = Reciprocal(s) o = Mul(r, i)",
        "l = ReduceL2(r, c) e = Add(l, small) o = Div(r, e)",
        "q = ReduceSumSquare(r, c) l = Sqrt(q) o = Div(r, l)",
        "q = Mul(r, r) p = ReduceSum(q, c) e = Add(p, small) s = Sqrt(e) o = Div(r, s)",
        "l = ReduceL2(r, c) m = Clip(l, small) o = Div(r, m)",
        "l = ReduceL2(r, c) m = Max(small, l) e = Expand(m, image) o = Div(r, e)",
    ],
)
def test_pixel_normalization(tmp_path: Path, body: str) -> None:
    """Of ProGAN and StyleGAN, behind an activation."""
    body = f"{CONV}r = LeakyRelu<alpha = 0.2>(a) {body}{LAST}"
    (norm,) = norms(save(tmp_path, body, (1, 3, 8, 8), K, opset=18))
    assert (norm.groups, norm.by_pixel, norm.centred) == (1, True, False)


@pytest.mark.parametrize(
    ("body", "opset", "groups"),
    [
        ("n = InstanceNormalization(f, gamma3, beta3)", 18, 6),
        ("n = GroupNormalization<num_groups = 1>(f, gamma3, beta3)", 21, 2),
        ("n = GroupNormalization<num_groups = 1>(f, gamma1, beta1)", 18, 2),
        ("l = Reshape(f, flat) i = InstanceNormalization(l, one1, zero1) n = Reshape(i, frames)", 18, 2),
    ],
)
def test_frames_that_stand_on_the_batch_axis(tmp_path: Path, body: str, opset: int, groups: int) -> None:
    """Two of three channels: each has statistics of its own, and all have one scale for each channel."""
    constants = K | {
        "frames": np.array([2, 3, 8, 8]),
        "flat": np.array([2, 1, -1]),
        "gamma3": 1 + 0.3 * f32(RNG, 3),
        "beta3": f32(RNG, 3),
        "gamma1": np.array([1.5], np.float32),
        "beta1": np.array([0.5], np.float32),
        "one1": np.ones(1, np.float32),
        "zero1": np.zeros(1, np.float32),
    }
    body = f"{CONV}f = Reshape(a, frames) {body} o = Reshape(n, image){LAST}"
    (norm,) = norms(save(tmp_path, body, (1, 3, 8, 8), constants, opset=opset))
    assert (norm.groups, norm.by_pixel, norm.centred) == (groups, False, True)


@pytest.mark.parametrize("opset", [9, 17, 18])
@pytest.mark.parametrize("axis", ["1", "-3"])
def test_length_as_an_operator(tmp_path: Path, axis: str, opset: int) -> None:
    body = f"{CONV}r = LeakyRelu<alpha = 0.2>(a) o = LpNormalization<axis = {axis}, p = 2>(r){LAST}"
    (norm,) = norms(save(tmp_path, body, (1, 3, 8, 8), K, opset=opset))
    assert (norm.groups, norm.by_pixel, norm.centred) == (1, True, False)


def test_over_everything(tmp_path: Path) -> None:
    body = MEAN.replace("hw", "chw") + "e = Add(v, eps) s = Sqrt(e) o = Div(d, s)"
    (norm,) = norms(save(tmp_path, CONV + body + LAST, (1, 3, 8, 8), K, opset=18))
    assert (norm.groups, norm.by_pixel) == (1, False)


def test_two_in_a_residual_block_need_no_copies(tmp_path: Path) -> None:
    body = (
        f"{CONV}n = InstanceNormalization(a, gamma, beta) r = Relu(n) b = Conv<{PADS}>(r, same) "
        + MEAN.replace("a,", "b,")
        + f"e = Add(v, eps) s = Sqrt(e) k = Div(d, s) o = Add(r, k){LAST}"
    )
    _, final = check(save(tmp_path, body, (1, 3, 8, 8), K, opset=18))
    assert [layer.op.kind for layer in final.layers] == ["conv", "norm", "conv", "norm", "add", "conv"]


# --- what is none

NEARLY = {
    "the mean alone": "m = ReduceMean(a, hw) o = Sub(a, m)",
    "the deviation alone": MEAN + "e = Add(v, eps) s = Sqrt(e) o = Div(a, s)",
    "the variance for its root": MEAN + "e = Add(v, eps) o = Div(d, e)",
    "a mean of rows and a variance of channels": MEAN.replace("(q, hw)", "(q, c)")
    + "e = Add(v, eps) s = Sqrt(e) o = Div(d, s)",
    "much beside the root": MEAN + "s = Sqrt(v) e = Add(s, large) o = Div(d, e)",
    "a mean that is used elsewhere": MEAN + "e = Add(v, eps) s = Sqrt(e) n = Div(d, s) o = Add(n, m)",
}


@pytest.mark.parametrize("name", NEARLY)
def test_what_is_nearly_a_norm_is_built_as_what_it_is(tmp_path: Path, name: str) -> None:
    _, final = check(save(tmp_path, CONV + NEARLY[name] + LAST, (1, 3, 8, 8), K, opset=18))
    assert len({layer.op.kind for layer in final.layers} & {"pool", "mul", "add"}) > 0


@pytest.mark.parametrize(
    ("body", "shape", "words"),
    [
        ("y = InstanceNormalization(x, gamma, beta)", (1, 6), "reads a tensor of shape"),
        (f"a = Conv<{PADS}>(x, same) y = LayerNormalization<axis = 1>(a, every)", (1, 6, 8, 8), "pixel to pixel"),
        (
            f"a = Conv<{PADS}>(x, same) y = MeanVarianceNormalization<axes = [2]>(a)",
            (1, 6, 8, 8),
            "pixels and channels",
        ),
        ("y, r, s = BatchNormalization<training_mode = 1>(x, gamma, beta, m6, v6)", (1, 6), "statistics of the batch"),
        ("y, r, s = BatchNormalization<training_mode = 1>(x, gamma, beta, m6, v6)", (2, 6, 8, 8), "a batch of 2"),
        ("y = MeanVarianceNormalization(x)", (2, 6, 8, 8), "a batch of 2"),
    ],
)
def test_refusals_say_where_why_and_a_way_out(tmp_path: Path, body: str, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(UnsupportedError, match=words) as caught:
        load(save(tmp_path, body, shape, K), input_shapes={"x": (1, *shape[1:])})
    assert caught.value.where and caught.value.hint


def test_scale_and_bias_that_the_network_computes_stay_behind_it(tmp_path: Path) -> None:
    """As adaptive instance normalization has them."""
    body = f"{CONV}{MEAN}e = Add(v, eps) s = Sqrt(e) n = Div(d, s) o = Mul(n, a){LAST}"
    _, final = check(save(tmp_path, body, (1, 3, 8, 8), K, opset=18))
    assert [layer.op.kind for layer in final.layers] == ["conv", "norm", "mul", "conv"]
