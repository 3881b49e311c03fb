"""Reshape, Transpose and their like: absorbed into weights and ports, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(11)
NHWC = "<perm = [0, 2, 3, 1]>"
NCHW = "<perm = [0, 3, 1, 2]>"


def kinds(graph) -> list[str]:
    return [layer.op.kind for layer in graph.layers]


@pytest.mark.parametrize("order", ["NCHW", "NHWC"])
@pytest.mark.parametrize("between", ["", "BatchNormalization(r, s, o, m, v)", "Relu(r)", "Mul(r, c)"])
def test_reshape_between_dense_and_transposed_convolution(tmp_path: Path, order: str, between: str):
    channels = 3
    tail = "k = ConvTranspose<strides = [2, 2]>(t, w) y = Tanh(k)"
    shape = [1, 3, 2, 4] if order == "NCHW" else [1, 2, 4, 3]
    middle = f"q = {between or 'Identity(r)'}"
    layout = "t = Identity(q)" if order == "NCHW" else f"t = Transpose{NCHW}(q)"
    if order == "NHWC" and "Batch" in between:
        middle, layout = f"u = Transpose{NCHW}(r)", "t = BatchNormalization(u, s, o, m, v)"
    constants = {
        "a": f32(RNG, 5, 24),
        "b": f32(RNG, 24),
        "shape": np.array(shape),
        "w": f32(RNG, channels, 2, 3, 3),
        "s": f32(RNG, 3),
        "o": f32(RNG, 3),
        "m": f32(RNG, 3),
        "v": np.ones(3, np.float32),
        "c": f32(RNG, 1, 3, 1, 1) if order == "NCHW" else f32(RNG, 3),
    }
    body = f"h = Gemm(x, a, b) r = Reshape(h, shape) {middle} {layout} {tail}"
    _, final = check(save(tmp_path, body, (1, 5), constants))
    assert kinds(final) == ["dense", "conv_transpose"]
    assert final.layers[0].shape == (2, 4, 3)


def test_batch_norm_after_reshape_is_an_affine_per_feature(tmp_path: Path):
    constants = {"a": f32(RNG, 4, 12), "n": np.array([1, 3, 2, 2]), "w": f32(RNG, 3, 1, 2, 2)}
    constants |= {name: f32(RNG, 3) for name in "som"} | {"v": np.full(3, 0.7, np.float32)}
    body = "h = MatMul(x, a) r = Reshape(h, n) q = BatchNormalization(r, s, o, m, v) y = ConvTranspose(q, w)"
    _, final = check(save(tmp_path, body, (1, 4), constants))
    (affine,) = final.layers[0].points
    assert affine.scale.shape == (12,)


def test_nhwc_model_with_transposes_around_every_convolution(tmp_path: Path):
    body = f"""
        t0 = Transpose{NCHW}(x) a0 = Conv<auto_pad = "SAME_UPPER", strides = [2, 2]>(t0, w0) t1 = Transpose{NHWC}(a0)
        b1 = Add(t1, bias) m1 = Mul(b1, gain) r1 = Relu(m1) t2 = Transpose{NCHW}(r1)
        a1 = ConvTranspose<strides = [2, 2]>(t2, w1) t3 = Transpose{NHWC}(a1) y = Sigmoid(t3)
    """
    constants = {
        "w0": f32(RNG, 4, 3, 3, 3),
        "bias": f32(RNG, 4),
        "gain": f32(RNG, 4),
        "w1": f32(RNG, 4, 2, 2, 2),
    }
    _, final = check(save(tmp_path, body, (1, 6, 8, 3), constants))
    assert kinds(final) == ["conv", "conv_transpose"]
    assert final.inputs[0].shape == (6, 8, 3)
    assert np.array_equal(final.inputs[0].order, np.arange(144)), "an NHWC input streams as it is"
    assert np.array_equal(final.outputs[0].order, np.arange(final.outputs[0].order.size))


def test_flatten_of_an_image_goes_into_the_columns_of_a_dense_layer(tmp_path: Path):
    body = "a = Conv(x, w) r = Relu(a) f = Flatten(r) y = Gemm(f, d)"
    _, final = check(save(tmp_path, body, (1, 2, 4, 5), {"w": f32(RNG, 3, 2, 2, 2), "d": f32(RNG, 36, 4)}))
    assert kinds(final) == ["conv", "dense"]


def test_per_feature_normalization_after_flatten_folds_into_the_dense_layer(tmp_path: Path):
    body = "a = Conv(x, w) r = Tanh(a) f = Flatten(r) n = BatchNormalization(f, s, o, m, v) y = Gemm(n, d)"
    constants = {"w": f32(RNG, 3, 2, 2, 2), "d": f32(RNG, 36, 4), "v": np.full(36, 0.5, np.float32)}
    constants |= {name: f32(RNG, 36) for name in "som"}
    _, final = check(save(tmp_path, body, (1, 2, 4, 5), constants))
    assert kinds(final) == ["conv", "dense"]


def test_constant_that_differs_from_pixel_to_pixel_is_a_layer_of_its_own(tmp_path: Path):
    body = "a = Conv(x, w) b = Add(a, c) y = Conv<pads = [1, 1, 1, 1]>(b, u)"
    constants = {"w": f32(RNG, 3, 2, 1, 1), "c": f32(RNG, 1, 3, 4, 5), "u": f32(RNG, 2, 3, 3, 3)}
    _, final = check(save(tmp_path, body, (1, 2, 4, 5), constants))
    assert kinds(final) == ["conv", "pointwise", "conv"]


def test_reordered_input_goes_into_the_input_port(tmp_path: Path):
    body = "r = Reshape(x, n) t = Transpose<perm = [0, 2, 3, 1]>(r) b = Mul(t, c) y = Conv(b, w)"
    constants = {"n": np.array([1, 2, 3, 4]), "w": f32(RNG, 2, 3, 2, 2), "c": f32(RNG, 1, 3, 1, 1)}
    _, final = check(save(tmp_path, body, (1, 24), constants))
    assert kinds(final) == ["conv"]
    assert final.inputs[0].shape == (4, 2, 3)


def test_vector_convolution_reshaped_to_an_image_permutes_its_channels(tmp_path: Path):
    body = "a = Conv(x, w) r = Reshape(a, n) p = LeakyRelu(r) y = ConvTranspose(p, u)"
    constants = {"w": f32(RNG, 12, 5, 1, 1), "n": np.array([1, 3, 2, 2]), "u": f32(RNG, 3, 2, 2, 2)}
    _, final = check(save(tmp_path, body, (1, 5, 1, 1), constants))
    assert kinds(final) == ["conv", "conv_transpose"]


def test_channels_permuted_alike_in_every_pixel_go_into_the_convolution(tmp_path: Path):
    body = """
        a = Conv(x, w, b) q = PRelu(a, s) r = Reshape(q, n) t = Transpose<perm = [0, 2, 1, 3, 4]>(r) z = Reshape(t, k)
        y = Conv(z, u)
    """
    constants = {
        "w": f32(RNG, 6, 2, 2, 2),
        "b": f32(RNG, 6),
        "s": f32(RNG, 6, 1, 1),
        "n": np.array([1, 2, 3, 3, 4]),
        "k": np.array([1, 6, 3, 4]),
        "u": f32(RNG, 2, 6, 2, 2),
    }
    _, final = check(save(tmp_path, body, (1, 2, 4, 5), constants))
    assert kinds(final) == ["conv", "conv"], "a channel shuffle costs nothing"


def test_output_in_any_order(tmp_path: Path):
    body = "a = Conv(x, w) t = Transpose<perm = [0, 3, 1, 2]>(a) r = Reshape(t, n) y = Tanh(r)"
    _, final = check(save(tmp_path, body, (1, 2, 4, 5), {"w": f32(RNG, 3, 2, 2, 2), "n": np.array([1, -1])}))
    assert kinds(final) == ["conv"]
    assert final.outputs[0].onnx_shape == (1, 36)
