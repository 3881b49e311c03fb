"""Slice and Pad: what is cut off is not computed, what is padded is never read, or they are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.base.errors import ModelError, UnsupportedError
from gan2hls.frontend import load
from gan2hls.frontend.copying import check_buffer
from gan2hls.ops import COPY, AxisTaps, Linear, LinearGeometry, conv_axis
from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(12)


def bounds(
    starts: list[int], ends: list[int], axes: list[int], steps: list[int] | None = None
) -> dict[str, np.ndarray]:
    named = {"b": starts, "e": ends, "ax": axes, "st": steps or [1] * len(starts)}
    return {name: np.array(values, np.int64) for name, values in named.items()}


@pytest.mark.parametrize("between", ["r = Identity(t)", "r = PRelu(t, s)", "r = Tanh(t)", "q = Tanh(t) r = Mul(q, s)"])
def test_crop_of_a_transposed_convolution_computes_what_is_left(tmp_path: Path, between: str):
    constants = {"w": f32(RNG, 3, 4, 5, 3), "u": f32(RNG, 2, 4, 3, 3), "s": f32(RNG, 4, 1, 1)}
    constants |= bounds([1, 0], [7, -2], [2, -1])
    body = f"t = ConvTranspose<strides = [2, 2]>(x, w) {between} c = Slice(r, b, e, ax) y = Conv(c, u)"
    _, final = check(save(tmp_path, body, (1, 3, 3, 4), constants))
    assert final.layers[0].shape == (6, 7, 4)
    geometry = final.layers[0].op.geometry
    assert geometry is not None
    assert geometry.useful_macs < 3 * 4 * 5 * 3 * 3 * 4, "cropped outputs cost nothing"
    assert [layer.op.kind for layer in final.layers if layer.op.kind != "pointwise"] == ["conv_transpose", "conv"]


def test_crop_at_the_output_of_an_nhwc_model(tmp_path: Path):
    constants = {"w": f32(RNG, 3, 2, 4, 4), "a": f32(RNG, 2)} | bounds([1, 1], [5, 6], [2, 3])
    body = """
        n = Transpose<perm = [0, 3, 1, 2]>(x) t = ConvTranspose<strides = [2, 2]>(n, w) c = Slice(t, b, e, ax)
        h = Transpose<perm = [0, 2, 3, 1]>(c) q = Add(h, a) y = Sigmoid(q)
    """
    _, final = check(save(tmp_path, body, (1, 2, 3, 3), constants))
    assert [(layer.op.kind, layer.shape) for layer in final.layers] == [("conv_transpose", (4, 5, 2))]


def test_slice_attributes_of_old_operator_sets(tmp_path: Path):
    body = "t = ConvTranspose<group = 2>(x, w) y = Slice<axes = [2], starts = [1], ends = [100]>(t)"
    _, final = check(save(tmp_path, body, (1, 4, 3, 3), {"w": f32(RNG, 4, 1, 2, 2)}, opset=9))
    assert final.layers[0].shape == (3, 4, 2)


def test_slices_of_old_operator_sets_have_their_axes_in_any_order(tmp_path: Path):
    where = "axes = [0, 3, 2, 1], starts = [0, 2, 1, 0], ends = [2147483647, -1, -2, 2147483647]"
    body = f"t = ConvTranspose<strides = [2, 2]>(x, w) y = Slice<{where}>(t)"
    _, final = check(save(tmp_path, body, (1, 4, 3, 3), {"w": f32(RNG, 4, 2, 4, 4)}, opset=9))
    assert final.layers[0].shape == (5, 5, 2)


@pytest.mark.parametrize("step", [2, -1, -3])
def test_steps(tmp_path: Path, step: int):
    span = ([0], [2**63 - 1]) if step > 0 else ([-1], [-(2**63)])
    constants = {"w": f32(RNG, 2, 3, 2, 2)} | bounds(*span, [3], [step])
    check(save(tmp_path, "t = ConvTranspose(x, w) y = Slice(t, b, e, ax, st)", (1, 2, 4, 6), constants))


def test_features_and_channels_that_are_cut_off_are_not_computed(tmp_path: Path):
    constants = {"a": f32(RNG, 5, 24), "n": np.array([1, 4, 2, 3]), "w": f32(RNG, 3, 2, 2, 2), "o": f32(RNG, 24)}
    body = "g = Gemm(x, a, o) h = Relu(g) r = Reshape(h, n) c = Slice(r, b, e, ax) y = ConvTranspose(c, w)"
    _, final = check(save(tmp_path, body, (1, 5), constants | bounds([1], [4], [1])))
    assert [layer.shape for layer in final.layers] == [(2, 3, 3), (3, 4, 2)]


def test_whole_slice_is_nothing(tmp_path: Path):
    body = "t = ConvTranspose(x, w) y = Slice(t, b, e, ax)"
    _, final = check(save(tmp_path, body, (1, 2, 3, 3), {"w": f32(RNG, 2, 1, 2, 2)} | bounds([0], [99], [2])))
    assert final.layers[0].shape == (4, 4, 1)


@pytest.mark.parametrize("pads", [[0, 0, 1, 2, 0, 0, 3, 0], [0, 0, -1, 1, 0, 0, 0, -2]])
@pytest.mark.parametrize(
    "reader", ["Conv(p, w)", "ConvTranspose<strides = [2, 2]>(p, u)", "ConvTranspose<group = 2>(p, g)"]
)
@pytest.mark.parametrize("between", ["p = Pad(r, pads)", "q = Pad(r, pads) p = LeakyRelu(q)"])
def test_padded_zeros_are_never_read(tmp_path: Path, pads: list[int], reader: str, between: str):
    constants = {
        "w": f32(RNG, 3, 4, 3, 2),
        "u": f32(RNG, 4, 3, 3, 2),
        "g": f32(RNG, 4, 1, 2, 3),
        "k": f32(RNG, 2, 4, 2, 2),
    }
    body = f"t = ConvTranspose<strides = [2, 2]>(x, k) r = Relu(t) {between} z = {reader} y = Tanh(z)"
    _, final = check(save(tmp_path, body, (1, 2, 3, 3), constants | {"pads": np.array(pads)}))
    assert len(final.layers) == 2, "padding is no layer"
    assert final.layers[0].shape == (6 + min(0, pads[2]) + min(0, pads[6]), 6 + min(0, pads[3]) + min(0, pads[7]), 4)


def test_pad_of_an_nhwc_model_and_of_features(tmp_path: Path):
    body = """
        p = Pad(x, pads) n = Transpose<perm = [0, 3, 1, 2]>(p) t = Conv(n, w) h = Transpose<perm = [0, 2, 3, 1]>(t)
        f = Flatten(h) q = Pad(f, more) y = Gemm(q, a)
    """
    constants = {"w": f32(RNG, 2, 3, 3, 3), "a": f32(RNG, 29, 5), "more": np.array([0, 2, 0, 3])}
    constants["pads"] = np.array([0, 1, 1, 0, 0, 1, 1, 0])
    _, final = check(save(tmp_path, body, (1, 4, 3, 3), constants))
    assert final.layers[1].op.kind != "pointwise" and final.layers[1].op.weight.shape == (1, 5, 24)


def test_pad_attributes_of_old_operator_sets(tmp_path: Path):
    body = "p = Pad<pads = [0, 0, 1, 1, 0, 0, 1, 1]>(x) y = Conv(p, w)"
    _, final = check(save(tmp_path, body, (1, 2, 3, 3), {"w": f32(RNG, 2, 2, 3, 3)}, opset=9))
    assert final.layers[0].shape == (3, 3, 2)


def test_pad_axes_of_new_operator_sets(tmp_path: Path):
    constants = {"w": f32(RNG, 2, 2, 3, 3), "n": np.array([2, 1]), "ax": np.array([-1])}
    check(save(tmp_path, "p = Pad(x, n, , ax) y = Conv(p, w)", (1, 2, 3, 3), constants, opset=18))


@pytest.mark.parametrize(("number", "opset"), [(1.0, 17), (-0.5, 13), (-1.0, 9)])
def test_pads_with_other_numbers(tmp_path: Path, number: float, opset: int):
    """As around an image whose black is -1: zeros around what is less by it."""
    constants = {"w": f32(RNG, 2, 2, 2, 2), "n": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "value": np.float32(number)}
    call = "Pad(x, n, value)" if opset > 10 else f"Pad<pads = [0, 0, 1, 1, 0, 0, 1, 1], value = {number}>(x)"
    check(save(tmp_path, f"p = {call} y = Conv(p, w)", (1, 2, 3, 3), constants, opset=opset))


def test_pads_with_what_is_no_number_are_refused(tmp_path: Path):
    constants = {"n": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "lowest": np.float32(-np.inf)}
    with pytest.raises((UnsupportedError, ModelError)) as caught:
        load(save(tmp_path, "p = Pad(x, n, lowest) y = Relu(p)", (1, 2, 3, 3), constants))
    assert caught.value.where and caught.value.hint


def test_a_crop_holds_nothing_however_much_another_copy_would():
    def copy(rows: list[int]) -> Linear:
        y, x = AxisTaps(1024, 1, tuple(((n, 0),) for n in rows)), conv_axis(1024, 1, 1, 1, (0, 0))
        return Linear(COPY, LinearGeometry(y, x, 8, 8, 8), np.ones((1, 8, 1)))

    rows = list(range(512, 1024))
    check_buffer(copy(rows))
    with pytest.raises(UnsupportedError, match="puts 8388608 elements in another order"):
        check_buffer(copy(rows[::-1]))
