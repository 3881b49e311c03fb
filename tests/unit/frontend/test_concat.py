"""Tensors that a Concat puts one behind the other, along any axis but the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.base import UnsupportedError
from gan2hls.frontend import load
from tests.float_evaluator import check
from tests.onnx_models import f32, save
from tests.unit.frontend.test_graphs import PADS, K, built, kinds, last_channels, with_ports

RNG = np.random.default_rng(34)
W = {
    "down": f32(RNG, 6, 4, 3, 3) / 3,
    "up": f32(RNG, 6, 5, 2, 2),
    "joined": f32(RNG, 3, 9, 3, 3),
    "eight": f32(RNG, 3, 8, 3, 3),
    "deep": f32(RNG, 16, 4, 3, 3),
    "sq": f32(RNG, 6, 5),
}


def test_the_skip_of_a_u_net_needs_no_copy(tmp_path: Path) -> None:
    body = f"""
        h = Conv<{PADS}>(x, first) s = Relu(h) d = Conv<{PADS}, strides = [2, 2]>(s, down) r = Relu(d)
        u = ConvTranspose<strides = [2, 2]>(r, up) c = Concat<axis = 1>(u, s) y = Conv<{PADS}>(c, joined)
    """
    _, final = check(save(tmp_path, body, (1, 3, 6, 8), {**K, **W}))
    assert kinds(final) == {"conv": 3, "conv_transpose": 1, "concat": 1}
    assert [layer.op.runs for layer in final.layers if layer.op.kind == "concat"] == [(5, 4)]


def test_a_dense_block_needs_no_copies(tmp_path: Path) -> None:
    body = f"h = Conv<{PADS}>(x, first) " + " ".join(
        f"c{n} = Concat<axis = 1>({', '.join(['h', *(f'r{m}' for m in range(n))])})"
        f" d{n} = Conv<{PADS}>(c{n}, k{n}) r{n} = LeakyRelu(d{n})"
        for n in range(1, 4)
    ).replace("r0", "h")
    weights = {f"k{n}": f32(RNG, 4, 4 * (n + 1), 3, 3) / 4 for n in range(1, 4)}
    _, final = check(save(tmp_path, body + " y = Identity(r3)", (1, 3, 5, 6), {**K, **weights}))
    assert kinds(final)["reorder"] == 0 and kinds(final)["concat"] == 2  # that of one tensor alone is a view


def test_channels_that_are_last_need_no_copies(tmp_path: Path) -> None:
    body = f"""
        {last_channels("x", "h", f"Conv<{PADS}>(@, first)")} s = Relu(h)
        {last_channels("s", "d", f"Conv<{PADS}>(@, w0)")} c = Concat<axis = 3>(d, s)
        {last_channels("c", "y", f"Conv<{PADS}>(@, eight)")}
    """
    _, final = check(save(tmp_path, body, (1, 6, 8, 3), {**K, **W}))
    assert kinds(final) == {"conv": 3, "concat": 1}


@pytest.mark.parametrize("axis", [1, 2])
def test_frames_that_stand_on_the_batch_axis(tmp_path: Path, axis: int) -> None:
    """As of a generator of videos, which makes each frame from what all have and what it has alone."""
    body = f"""
        h = Gemm(x, scene) s = Reshape(h, frames) r = Relu(s) g = Gemm(x, motion) m = Reshape(g, others)
        c = Concat<axis = {axis}>(r, m) d = Conv<{PADS}>(c, last) t = Tanh(d) y = Reshape(t, video)
    """
    others = [3, 1 if axis == 1 else 2, 4, 5]
    constants = {
        "scene": f32(RNG, 6, 120),
        "motion": f32(RNG, 6, int(np.prod(others))),
        "frames": np.array([3, 2, 4, 5]),
        "others": np.array(others),
        "last": f32(RNG, 2, 3 if axis == 1 else 2, 3, 3),
        "video": np.array([1, 6, -1, 5]),
    }
    check(save(tmp_path, body, (1, 6), constants))


def test_a_label_beside_a_latent(tmp_path: Path) -> None:
    body = "l = Gemm(label, sq) c = Concat<axis = 1>(z, l) y = Gemm(c, wide)"
    constants = {"sq": W["sq"], "wide": f32(RNG, 12, 5)}
    _, final = check(with_ports(tmp_path, body, {"z": (1, 7), "label": (1, 6)}, ("y",), constants))
    assert kinds(final) == {"dense": 2, "concat": 1}


@pytest.mark.parametrize("axis", [2, 3])
def test_rows_and_columns(tmp_path: Path, axis: int) -> None:
    body = f"h = Conv<{PADS}>(x, first) a = Relu(h) b = Conv<{PADS}>(a, w0) y = Concat<axis = {axis}>(b, a, b)"
    assert built(tmp_path, body) == {"conv": 2, "concat": 1}


def test_pixels_in_another_order_are_copied(tmp_path: Path) -> None:
    """What two layers see in two orders stays as the first reads it."""
    body = f"""
        h = Conv<{PADS}>(x, deep) y0 = Conv<{PADS}>(h, deep16) u = DepthToSpace<blocksize = 2>(h)
        v = DepthToSpace<blocksize = 2>(y0) y = Concat<axis = 1>(u, v)
    """
    constants = {**K, **W, "deep": f32(RNG, 16, 3, 3, 3), "deep16": f32(RNG, 8, 16, 3, 3) / 5}
    _, final = check(save(tmp_path, body, (1, 3, 4, 5), constants))
    assert kinds(final) == {"conv": 2, "concat": 1, "reorder": 1}


def test_a_tensor_may_occur_twice(tmp_path: Path) -> None:
    body = f"a = Conv<{PADS}>(x, first) b = Conv<{PADS}>(a, w0) c = Concat<axis = 1>(a, b, a) y = Relu(c)"
    assert built(tmp_path, body) == {"conv": 2, "concat": 1}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("q = QuantizeLinear(a, small, z) y = Concat<axis = 1>(q, bytes)", "reads quantized codes"),
        ("q = QuantizeLinear(a, small, z) y = Concat<axis = 1>(q, q)", "reads quantized codes"),
    ],
)
def test_what_is_not_joined(tmp_path: Path, body: str, words: str) -> None:
    front = f"a = Conv<{PADS}>(x, first) b = Conv<{PADS}>(a, w0) "
    constants = {**K, "bytes": np.ones((1, 2, 6, 8), np.int8), "z": np.int8(0)}
    with pytest.raises(UnsupportedError) as caught:
        load(save(tmp_path, front + body, (1, 3, 6, 8), constants))
    assert words in caught.value.message and "(Concat)" in (caught.value.where or "")


@pytest.mark.parametrize(
    ("join", "layers"),
    [
        ("j = Concat<axis = 1>(a, none, b)", {"concat": 1}),  # zeros alone
        ("j = Concat<axis = 1>(ones, a, b, ones)", {"concat": 1}),  # an inpainting net's mask of ones
        ("j = Concat<axis = 1>(a, b, place)", {"concat": 1, "pointwise": 1}),  # coordinates of pixels
        ("j = Concat<axis = 1>(a, place, lone)", {"pointwise": 1}),  # beside one tensor
        ("j = Concat<axis = 3>(side, a, b)", {"concat": 1, "pointwise": 1}),
    ],
)
def test_constants_beside_computed_tensors(tmp_path: Path, join: str, layers: dict[str, int]) -> None:
    body = f"a = Conv<{PADS}>(x, first) b = Conv<{PADS}>(a, w0) {join} y = Relu(j)"
    constants = {
        **K, "none": np.zeros((1, 2, 6, 8), np.float32), "ones": np.ones((1, 1, 6, 8), np.float32),
        "place": f32(RNG, 1, 2, 6, 8), "lone": f32(RNG, 1, 3, 1, 1) * np.ones((1, 1, 6, 8), np.float32),
        "side": f32(RNG, 1, 4, 6, 2),
    }  # fmt: skip
    _, final = check(save(tmp_path, body, (1, 3, 6, 8), constants))
    of_kind = kinds(final)
    assert {kind: of_kind[kind] for kind in layers} == layers and of_kind["conv"] + of_kind["reorder"] <= 4


def test_coordinates_beside_the_input(tmp_path: Path) -> None:
    """The copy that leaves room for them stands as the convolution reads it, not as the file stores it."""
    body = f"j = Concat<axis = 1>(x, place) y = Conv<{PADS}>(j, six)"
    constants = {"place": f32(RNG, 1, 2, 16, 16), "six": f32(RNG, 4, 6, 3, 3)}
    _, final = check(save(tmp_path, body, (1, 4, 16, 16), constants))
    assert kinds(final) == {"reorder": 1, "pointwise": 1, "conv": 1}


def test_channels_last_behind_a_channel_shuffle(tmp_path: Path) -> None:
    """A unit of ShuffleNet as TensorFlow writes it: half of the shuffled channels pass by."""
    body = (
        "c = Conv(x, head) l = Transpose<perm = [0, 2, 3, 1]>(c) "
        "r = Reshape(l, halves) t = Transpose<perm = [0, 1, 2, 4, 3]>(r) "
        "s = Reshape(t, joined) a, b = Split<axis = 3>(s, four) n = Transpose<perm = [0, 3, 1, 2]>(b) "
        "k = Conv(n, own) m = Transpose<perm = [0, 2, 3, 1]>(k) j = Concat<axis = 3>(a, m) y = Relu(j)"
    )
    rng = np.random.default_rng(3)
    constants = {
        "head": f32(rng, 8, 3, 1, 1), "own": f32(rng, 4, 4, 1, 1), "halves": np.array([1, 5, 6, 2, 4]),
        "joined": np.array([1, 5, 6, 8]), "four": np.array([4, 4]),
    }  # fmt: skip
    _, final = check(save(tmp_path, body, (1, 3, 5, 6), constants))
    assert [layer.op.kind for layer in final.layers if layer.op.kind == "concat"] == ["concat"]
