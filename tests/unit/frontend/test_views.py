"""Operators that compute nothing: placed in taps, weights and orders, or copied; nothing is multiplied twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.base import UnsupportedError
from gan2hls.frontend import load
from gan2hls.model import Graph
from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(31)


def shapes(graph: Graph) -> list[tuple[str, tuple[int, int, int]]]:
    return [(layer.op.kind, layer.shape) for layer in graph.layers]


def macs(graph: Graph) -> int:
    return sum(layer.op.geometry.useful_macs for layer in graph.layers if layer.op.kind != "pointwise")


SHUFFLES = {
    "DCR": "d = DepthToSpace<blocksize = 2>(c)",
    "CRD": 'd = DepthToSpace<blocksize = 2, mode = "CRD">(c)',
    "six axes, CRD": "r = Reshape(c, s1) t = Transpose<perm = [0, 1, 4, 2, 5, 3]>(r) d = Reshape(t, s3)",
    "six axes, DCR": "r = Reshape(c, s2) t = Transpose<perm = [0, 3, 4, 1, 5, 2]>(r) d = Reshape(t, s3)",
    "five axes of NHWC": (
        "n = Transpose<perm = [0, 2, 3, 1]>(c) r = Reshape(n, s4) t = Transpose<perm = [0, 2, 1, 3, 4]>(r) "
        "z = Reshape(t, s5) d = Transpose<perm = [0, 3, 1, 2]>(z)"
    ),
}
CONSTANTS = {
    "w": f32(RNG, 12, 2, 3, 3),
    "b": f32(RNG, 12),
    "a": f32(RNG, 3, 1, 1),
    "u": f32(RNG, 2, 3, 3, 3),
    "s1": np.array([1, 3, 2, 2, 4, 5]),
    "s2": np.array([1, 2, 2, 3, 4, 5]),
    "s3": np.array([1, 3, 8, 10]),
    "s4": np.array([4, 5, 2, 2, 3]),
    "s5": np.array([1, 8, 10, 3]),
}


@pytest.mark.parametrize("spelling", SHUFFLES)
@pytest.mark.parametrize("tail", ["y = Conv<pads = [1, 1, 1, 1]>(p, u)", "y = Tanh(p)"])
def test_a_pixel_shuffle_is_the_order_of_the_convolution_before_it(tmp_path: Path, spelling: str, tail: str) -> None:
    body = f"c = Conv<pads = [1, 1, 1, 1]>(x, w, b) {SHUFFLES[spelling]} p = PRelu(d, a) {tail}"
    _, final = check(save(tmp_path, body, (1, 2, 4, 5), CONSTANTS))
    assert shapes(final)[0] == ("conv", (8, 10, 3)), "one engine, and the stream is the larger image"
    assert final.layers[0].op.kind != "pointwise" and final.layers[0].op.geometry.out_channels == 12


@pytest.mark.parametrize("spelling", ["DCR", "CRD", "five axes of NHWC"])
@pytest.mark.parametrize("tail", ["y = Conv(d, u)", "y = Tanh(d)"])
def test_what_stands_in_front_of_a_pixel_shuffle_joins_the_convolution(
    tmp_path: Path, spelling: str, tail: str
) -> None:
    """It has parameters for each of the convolution's channels, so for each pixel of a block."""
    shuffle = SHUFFLES[spelling].replace("(c", "(q")
    body = f"c = Conv(x, w, b) i = BatchNormalization(c, g, b, b, v) q = PRelu(i, k) {shuffle} {tail}"
    constants = CONSTANTS | {"g": f32(RNG, 12), "v": np.abs(f32(RNG, 12)), "k": np.abs(f32(RNG, 12, 1, 1))}
    _, final = check(save(tmp_path, body, (1, 2, 6, 7), constants))
    assert shapes(final)[:1] == [("conv", (8, 10, 3))] and len(final.layers) == (2 if "Conv" in tail else 1)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_images_that_are_shuffled_on_the_batch_axis(tmp_path: Path, mode: str) -> None:
    body = f"""
        c = Conv(x, w) r = Reshape(c, images) d = DepthToSpace<blocksize = 2, mode = "{mode}">(r) p = Reshape(d, image)
        y = Conv(p, u)
    """
    constants = {"w": f32(RNG, 24, 2, 3, 3), "u": f32(RNG, 2, 6, 3, 3)}
    constants |= {"images": np.array([3, 8, 4, 5]), "image": np.array([1, 6, 8, 10])}
    _, final = check(save(tmp_path, body, (1, 2, 6, 7), constants))
    assert shapes(final) == [("conv", (8, 10, 6)), ("conv", (6, 8, 2))]


def test_a_dilated_convolution_as_tensorflow_spells_it(tmp_path: Path) -> None:
    """SpaceToBatchND and BatchToSpaceND: a convolution of each of four images of every other row and column."""
    body = """
        n = Transpose<perm = [1, 0, 2, 3]>(x) s = SpaceToDepth<blocksize = 2>(n) t = Transpose<perm = [1, 0, 2, 3]>(s)
        c = Conv(t, w) m = Transpose<perm = [1, 0, 2, 3]>(c) d = DepthToSpace<blocksize = 2>(m)
        p = Transpose<perm = [1, 0, 2, 3]>(d) r = Relu(p) y = Conv(r, k)
    """
    constants = {"w": f32(RNG, 5, 2, 3, 3), "k": f32(RNG, 2, 5, 1, 1)}
    _, final = check(save(tmp_path, body, (1, 2, 12, 14), constants))
    assert shapes(final) == [("conv", (4, 5, 20)), ("reorder", (8, 10, 5)), ("conv", (8, 10, 2))]
    assert final.layers[0].op.geometry.useful_macs == 8 * 10 * 9 * 2 * 5, "no more than of the image as a whole"


@pytest.mark.parametrize("tail", ["y = Conv(d, u)", "y = Relu(d)"])
def test_a_scale_per_channel_behind_a_curve_is_shuffled_by_a_copy(tmp_path: Path, tail: str) -> None:
    """In the larger image it would have parameters for each element, and the convolution cannot compute it."""
    body = f"c = Conv(x, w) t = Tanh(c) q = PRelu(t, k) {SHUFFLES['CRD'].replace('(c', '(q')} {tail}"
    _, final = check(save(tmp_path, body, (1, 2, 6, 7), CONSTANTS | {"k": np.abs(f32(RNG, 12, 1, 1))}))
    assert shapes(final)[:3] == [("conv", (4, 5, 12)), ("pointwise", (4, 5, 12)), ("reorder", (8, 10, 3))]


def test_parameters_of_each_element_are_shuffled_with_it(tmp_path: Path) -> None:
    body = f"c = Conv(x, w) q = Mul(c, k) {SHUFFLES['CRD'].replace('(c', '(q')} y = Conv(d, u)"
    _, final = check(save(tmp_path, body, (1, 2, 6, 7), CONSTANTS | {"k": f32(RNG, 1, 12, 4, 5)}))
    assert [layer.op.kind for layer in final.layers] == ["conv", "pointwise", "conv"]


def test_pixel_shuffles_in_a_row_and_in_one_dimension(tmp_path: Path) -> None:
    body = """
        c = Conv(x, w) r = Reshape(c, n) t = Transpose<perm = [0, 1, 3, 2]>(r) d = Reshape(t, m) p = Tanh(d)
        e = Conv(p, u) y = Relu(e)
    """
    constants = {"w": f32(RNG, 8, 3, 1), "u": f32(RNG, 2, 4, 3), "n": np.array([1, 4, 2, 7]), "m": np.array([1, 4, 14])}
    _, final = check(save(tmp_path, body, (1, 3, 7), constants))
    assert shapes(final) == [("conv", (14, 1, 4)), ("conv", (12, 1, 2))]
    body = """
        c = Conv(x, w) d = DepthToSpace<blocksize = 2>(c) e = Conv(d, u) f = DepthToSpace<blocksize = 2>(e)
        y = Sigmoid(f)
    """
    constants = {"w": f32(RNG, 16, 3, 1, 1), "u": f32(RNG, 12, 4, 1, 1)}
    _, final = check(save(tmp_path, body, (1, 3, 2, 3), constants))
    assert shapes(final) == [("conv", (4, 6, 4)), ("conv", (8, 12, 3))]


@pytest.mark.parametrize("before", ["c = Identity(x)", "c = Conv<pads = [1, 1, 1, 1]>(x, v)"])
def test_a_pixel_unshuffle_is_taps_of_the_convolution_behind_it(tmp_path: Path, before: str) -> None:
    body = f"{before} d = SpaceToDepth<blocksize = 2>(c) y = Conv<pads = [1, 1, 1, 1]>(d, w)"
    constants = {"v": f32(RNG, 3, 3, 3, 3), "w": f32(RNG, 5, 12, 3, 3)}
    loaded, final = check(save(tmp_path, body, (1, 3, 8, 6), constants))
    geometry = final.layers[-1].op.geometry
    assert geometry is not None and geometry.kernel == (6, 6) and geometry.in_shape == (8, 6, 3)
    assert geometry.stride == (2, 2)
    assert geometry.useful_macs == (3 * 4 - 2) * (3 * 3 - 2) * 12 * 5
    assert loaded.graph.inputs[0].shape == (8, 6, 3), "frames arrive in raster order"


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("before", ["c = Sub(x, m)", "s = Sub(x, m) c = Mul(s, d)", "c = Conv(x, v)"])
def test_a_pixel_unshuffle_behind_normalization_and_pads(tmp_path: Path, before: str, padded: bool) -> None:
    """Frames arrive in raster order, whatever is computed of each element first; padded zeros lose their taps."""
    pad = "p = Pad(c, n)" if padded else "p = Identity(c)"
    body = f"{before} {pad} d2 = SpaceToDepth<blocksize = 2>(p) y = Conv<pads = [1, 1, 1, 1]>(d2, w)"
    constants = {
        "m": f32(RNG, 1, 3, 1, 1),
        "d": f32(RNG, 1, 3, 1, 1),
        "v": f32(RNG, 3, 3, 1, 1),
        "n": np.array([0, 0, 1, 0, 0, 0, 2, 1]),
        "w": f32(RNG, 5, 12, 3, 3),
    }
    _, final = check(save(tmp_path, body, (1, 3, 5 if padded else 6, 5 if padded else 6), constants))
    assert final.inputs[0].shape == ((5, 5, 3) if padded else (6, 6, 3))
    geometry = final.layers[-1].op.geometry
    assert len(final.layers) == 2 and geometry is not None and geometry.kernel == (6, 6)
    # Of 3 or 4 blocks the ends read two blocks, the others three; rows of padded zeros are in two blocks' reach.
    assert geometry.y.count == (2 * (2 + 3 + 3 + 2) - 2 - 2 - 2 if padded else 2 * (2 + 3 + 2))


def test_frames_arrive_unflipped_and_leave_as_planes(tmp_path: Path) -> None:
    body = """
        f = Slice(x, b, e, a, b) g = Gather<axis = 1>(f, bgr) c = Conv<pads = [1, 1, 1, 1]>(g, w)
        d = DepthToSpace<blocksize = 2>(c) s = Squeeze(d, one) y = Tanh(s)
    """
    constants = {
        "b": np.array([-1]),
        "e": np.array([-99]),
        "a": np.array([3]),
        "bgr": np.array([2, 1, 0]),
        "w": f32(RNG, 4, 3, 3, 3),
        "one": np.array([1]),
    }
    _, final = check(save(tmp_path, body, (1, 3, 4, 5), constants))
    (port,), (out,) = final.inputs, final.outputs
    assert shapes(final) == [("conv", (8, 10, 1))]
    assert np.array_equal(port.order.reshape(4, 5, 3)[0, 0], [0, 20, 40])
    assert np.array_equal(out.order, np.arange(80))


def test_focus_is_a_pixel_unshuffle(tmp_path: Path) -> None:
    """Four slices of the input and a Concat: views of one stream are one view."""
    parts = [(row, column) for column in (0, 1) for row in (0, 1)]
    slices = " ".join(f"p{n} = Slice(x, b{n}, e, ax, st)" for n in range(4))
    body = f"{slices} d = Concat<axis = 1>(p0, p1, p2, p3) y = Conv<pads = [1, 1, 1, 1]>(d, w)"
    constants = {f"b{n}": np.array(start) for n, start in enumerate(parts)}
    constants |= {"e": np.array([99, 99]), "ax": np.array([2, 3]), "st": np.array([2, 2]), "w": f32(RNG, 4, 12, 3, 3)}
    _, final = check(save(tmp_path, body, (1, 3, 6, 4), constants))
    assert shapes(final) == [("conv", (3, 2, 4))]


def test_zeros_between_pixels_are_a_transposed_convolution(tmp_path: Path) -> None:
    body = """
        r = Reshape(x, n) p = Concat<axis = 3>(r, z) q = Concat<axis = 5>(p, zz) s = Reshape(q, m)
        y = Conv<pads = [1, 1, 1, 1]>(s, w)
    """
    constants = {
        "n": np.array([1, 2, 4, 1, 3, 1]),
        "z": np.zeros((1, 2, 4, 1, 3, 1), np.float32),
        "zz": np.zeros((1, 2, 4, 2, 3, 1), np.float32),
        "m": np.array([1, 2, 8, 6]),
        "w": f32(RNG, 3, 2, 3, 3),
    }
    _, final = check(save(tmp_path, body, (1, 2, 4, 3), constants))
    geometry = final.layers[0].op.geometry
    assert geometry is not None and geometry.in_shape == (4, 3, 2)
    per_axis = [4 * 3 - 1, 3 * 3 - 1]  # of three taps, two rows of three are not zero, one at the end is cut
    assert geometry.pixel_taps == per_axis[0] * per_axis[1]


def test_a_channel_shuffle_goes_into_weights(tmp_path: Path) -> None:
    shuffle = "r = Reshape(d, n) t = Transpose<perm = [0, 2, 1, 3, 4]>(r) s = Reshape(t, m)"
    body = f"c = Conv(x, w) d = Conv<group = 4, pads = [1, 1, 1, 1]>(c, v) {shuffle} y = Conv(s, u)"
    constants = {
        "w": f32(RNG, 4, 3, 1, 1),
        "v": f32(RNG, 8, 1, 3, 3),
        "u": f32(RNG, 2, 8, 1, 1),
        "n": np.array([1, 4, 2, 4, 5]),
        "m": np.array([1, 8, 4, 5]),
    }
    _, final = check(save(tmp_path, body, (1, 3, 4, 5), constants))
    assert [layer.op.kind for layer in final.layers] == ["conv"] * 3


@pytest.mark.parametrize(
    ("body", "copies"),
    [
        ("c = Conv(x, w) y = Resize<mode = 'nearest'>(c, , s)", (6, 6, 3)),
        ("c = Conv(x, w) y = Pad<mode = 'reflect'>(c, n)", (5, 5, 3)),
        ("c = Conv(x, w) y = Pad(c, n)", (5, 5, 3)),
        ("c = Conv(x, w) y = Tile(c, r)", (6, 3, 3)),
        ("p = Pad(x, n) q = Sigmoid(p) y = Conv(q, w)", (5, 5, 2)),
        ("u = Resize<mode = 'nearest'>(x, , s) q = Mul(u, b) y = Conv(q, w)", (6, 6, 2)),
        ("c = Conv(x, w) e = Expand(c, one) y = Concat<axis = 1>(e, e)", (3, 3, 6)),
        ("c = Conv<group = 2>(x, g) y = Gather<axis = 1>(c, i)", (3, 3, 2)),
    ],
)
def test_what_no_layer_can_place_is_copied(tmp_path: Path, body: str, copies: tuple[int, int, int]) -> None:
    constants = {
        "w": f32(RNG, 3, 2, 1, 1),
        "g": f32(RNG, 4, 1, 1, 1),
        "b": f32(RNG, 1, 2, 6, 6),
        "s": np.array([1, 1, 2, 2], np.float32),
        "n": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "r": np.array([1, 1, 2, 1]),
        "i": np.array([3, 0]),
        "one": np.array([1, 1, 1, 1]),
    }
    _, final = check(save(tmp_path, body.replace("'", '"'), (1, 2, 3, 3), constants, opset=18))
    assert ("reorder", copies) in shapes(final)
    (copy,) = (layer for layer in final.layers if layer.op.kind == "reorder")
    assert copy.op.structure is not None and copy.op.structure.weight.codec in ("binary", "ternary")


def test_views_of_features_in_front_of_a_dense_layer(tmp_path: Path) -> None:
    """Columns that read the same element are summed, those of zeros go."""
    body = "r = Resize<mode = 'nearest'>(x, , s) p = Pad(r, n) f = Flatten(p) y = MatMul(f, m)".replace("'", '"')
    constants = {"s": np.array([1, 1, 2, 1], np.float32), "n": np.array([0, 0, 1, 0, 0, 0, 0, 0])}
    _, final = check(save(tmp_path, body, (1, 2, 3, 3), constants | {"m": f32(RNG, 42, 4)}))
    assert macs(final) == 18 * 4


def test_split_of_which_one_part_is_read(tmp_path: Path) -> None:
    body = "c = Conv(x, w) a, b = Split<axis = 1>(c, n) y = Conv(b, u)"
    constants = {"w": f32(RNG, 6, 2, 1, 1), "u": f32(RNG, 1, 4, 1, 1), "n": np.array([2, 4])}
    _, final = check(save(tmp_path, body, (1, 2, 3, 3), constants))
    assert shapes(final) == [("conv", (3, 3, 4)), ("conv", (3, 3, 1))], "the other part is not computed"
    check(save(tmp_path, "a, b = Split<axis = 2>(x) y = Conv(a, w)", (1, 2, 4, 3), {"w": f32(RNG, 6, 2, 1, 1)}))
    old = "a, b = Split<axis = 1, split = [1, 1]>(x) y = Conv(a, w)"
    check(save(tmp_path, old, (1, 2, 4, 3), {"w": f32(RNG, 6, 1, 1, 1)}, opset=11))


@pytest.mark.parametrize(
    ("call", "constants"),
    [
        ("GatherND(t, i)", {"i": np.array([[3], [0], [-1], [1]])}),
        ("GatherElements<axis = 0>(t, i)", {"i": np.tile(np.array([1, 0, 3, 2])[:, None, None, None], (1, 1, 2, 6))}),
        ("Compress<axis = 0>(t, i)", {"i": np.array([True, False, True, True])}),
        ("Compress<axis = 0>(t, i)", {"i": np.array([False, True])}),
    ],
)
def test_elements_taken_by_constants(tmp_path: Path, call: str, constants: dict[str, np.ndarray]) -> None:
    body = f"c = Conv(x, w) t = Transpose<perm = [2, 0, 1, 3]>(c) g = {call} u = Transpose<perm = [1, 2, 0, 3]>(g) "
    _, final = check(
        save(
            tmp_path,
            body + "y = Conv(u, v)",
            (1, 3, 4, 6),
            {"w": f32(RNG, 2, 3, 1, 1), "v": f32(RNG, 1, 2, 1, 1), **constants},
        )
    )
    assert "reorder" not in [layer.op.kind for layer in final.layers]


def test_rows_mirrored_as_tensorflow_does(tmp_path: Path) -> None:
    """Of tf.pad in mode SYMMETRIC makes tf2onnx a reflection around zeros, which Compress takes out."""
    body = """
        c = Conv(x, w) r = Relu(c) p = Pad(r, n) q = Pad<mode = "reflect">(p, n)
        f = Expand(yes, size) k = ScatterElements(f, removed, no) g = Compress<axis = 2>(q, k)
        h = Compress<axis = 3>(g, k) y = Conv(h, v)
    """
    constants = {
        "w": f32(RNG, 4, 3, 1, 1),
        "v": f32(RNG, 2, 4, 3, 3),
        "n": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "yes": np.array(True),
        "size": np.array([9]),
        "removed": np.array([1, -2]),
        "no": np.array([False, False]),
    }
    loaded, final = check(save(tmp_path, body, (1, 3, 5, 5), constants))
    assert shapes(final) == [("conv", (5, 5, 4)), ("conv", (5, 5, 2))]
    assert [node.op_type for node in loaded.onnx_model.graph.node].count("Gather") == 2


def test_a_pixel_shuffle_of_samples_behind_which_some_are_cut(tmp_path: Path) -> None:
    body = """
        c = Conv<pads = [1, 1]>(x, w) r = Reshape(c, n) t = Transpose<perm = [0, 1, 3, 2]>(r) d = Reshape(t, m)
        p = Pad(d, one) y = Conv(p, u)
    """
    constants = {
        "w": f32(RNG, 20, 3, 3),
        "u": f32(RNG, 2, 4, 3),
        "n": np.array([1, 4, 5, 7]),
        "m": np.array([1, 4, 35]),
        "one": np.array([0, 0, 1, 0, 0, -1]),
    }
    _, final = check(save(tmp_path, body, (1, 3, 7), constants))
    assert shapes(final) == [("conv", (35, 1, 4)), ("conv", (33, 1, 2))]


def test_what_cannot_be_placed_names_its_node_and_a_way_out(tmp_path: Path) -> None:
    """An order at random, of more elements than a table has."""
    rng = np.random.default_rng(0)
    body = "c = Conv(x, w) r = Reshape(c, flat) g = Gather<axis = 1>(r, places) t = Reshape(g, map) y = Conv(t, w)"
    constants = {"w": f32(RNG, 2, 2, 1, 1), "flat": np.array([1, -1]), "map": np.array([1, 2, 96, 96])}
    constants["places"] = rng.permutation(2 * 96 * 96)
    with pytest.raises(UnsupportedError, match="in an order that is made of no rows, columns and channels") as caught:
        load(save(tmp_path, body, (1, 2, 96, 96), constants))
    assert "/g/" in caught.value.where and caught.value.hint


def test_a_large_network_is_read_in_little_memory(tmp_path: Path) -> None:
    """Layers of one shape share the order of their elements."""
    body, constants = "p0 = Identity(x) ", {"n": np.array([0, 0, 1, 1, 0, 0, 1, 1])}
    for n in range(4):
        constants[f"w{n}"] = f32(RNG, 4, 4 if n else 3, 3, 3)
        body += f'q{n} = Pad<mode = "reflect">(p{n}, n) c{n} = Conv(q{n}, w{n}) p{n + 1} = Relu(c{n}) '
    graph = load(save(tmp_path, body + "y = Identity(p4)", (1, 3, 64, 64), constants)).graph
    orders = {id(layer.probe.order) for layer in graph.layers}
    assert len(graph.layers) == 8 and len(orders) == 1
