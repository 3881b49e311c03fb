"""``--input-shape`` gives a model that fixes its sizes other ones, as far as its constants follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from gan2hls.base import Gan2HlsError, ModelError, UnsupportedError
from gan2hls.frontend import load
from gan2hls.frontend.tensor_shapes import tensor_shapes
from tests.float_evaluator import evaluate, run_onnx
from tests.onnx_models import f32, save

RNG = np.random.default_rng(5)
WEIGHTS = {"c": f32(RNG, 8, 4, 3, 3), "d": f32(RNG, 4, 2, 3, 3), "e": f32(RNG, 4, 16, 3, 3)}
CONV = "Conv<pads = [1, 1, 1, 1]>"
SHUFFLED = f"h = {CONV}(x, c) r = Reshape(h, parts) t = Transpose<perm = [0, 1, 4, 2, 5, 3]>(r) s = Reshape(t, joined)"
#: Bodies, and what their constants are for a map of H x W.
MODELS = {
    "pixel shuffle": (
        f"{SHUFFLED} y = {CONV}(s, d)",
        lambda h, w: {"parts": [1, 2, 2, 2, h, w], "joined": [1, 2, 2 * h, 2 * w]},
    ),
    "the same with sizes left open": (
        f"{SHUFFLED} y = {CONV}(s, d)",
        lambda h, w: {"parts": [-1, 2, 2, 2, h, w], "joined": [0, 2, 2 * h, -1]},
    ),
    "space to depth": (
        f"r = Reshape(x, parts) t = Transpose<perm = [0, 1, 3, 5, 2, 4]>(r) s = Reshape(t, joined) y = {CONV}(s, e)",
        lambda h, w: {"parts": [1, 4, h // 2, 2, w // 2, 2], "joined": [1, 16, h // 2, w // 2]},
    ),
    "resize to sizes": (f"h = {CONV}(x, c) y = Resize(h, , , sizes)", lambda h, w: {"sizes": [1, 8, 2 * h, 3 * w]}),
    "a crop": (
        f"h = {CONV}(x, c) y = Slice(h, starts, ends, axes)",
        lambda h, w: {"starts": [1, 2], "ends": [h - 1, w - 3], "axes": [2, 3]},
    ),
    "a crop from the far end": (
        f"h = {CONV}(x, c) y = Slice(h, starts, ends, axes)",
        lambda h, w: {"starts": [1, 0], "ends": [-2, 1 << 40], "axes": [2, 3]},
    ),
    "rows in one axis and back": (
        f"r = Reshape(x, rows) t = Relu(r) s = Reshape(t, back) y = {CONV}(s, c)",
        lambda h, w: {"rows": [1, 4, h * w], "back": [1, 4, h, w]},
    ),
}


def constants(name: str, size: tuple[int, int]) -> dict[str, np.ndarray]:
    _, values = MODELS[name]
    return WEIGHTS | {key: np.asarray(value) for key, value in values(*size).items()}


@pytest.mark.parametrize("size", [(6, 6), (4, 10), (12, 8), (8, 8)])
@pytest.mark.parametrize("name", MODELS)
def test_equals_a_file_of_that_size(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    body, _ = MODELS[name]
    path = save(tmp_path, body, (1, 4, 8, 8), constants(name, (8, 8)))
    x = f32(np.random.default_rng(1), 1, 4, *size)
    loaded = load(path, input_shapes={"x": (1, 4, *size)})
    (port,) = loaded.graph.outputs
    made = port.from_stream(evaluate(loaded.graph, {"x": x})[port.name][None])
    (wanted,) = run_onnx(save(tmp_path, body, (1, 4, *size), constants(name, size)), {"x": x})
    assert made.shape == wanted.shape
    np.testing.assert_allclose(made, wanted, rtol=1e-4, atol=1e-4)


def test_sizes_that_do_not_follow(tmp_path: Path) -> None:
    """A map of 8 x 8 in 2 x 2 tiles: 5 rows have none."""
    body, _ = MODELS["space to depth"]
    path = save(tmp_path, body, (1, 4, 8, 8), constants("space to depth", (8, 8)))
    with pytest.raises(UnsupportedError, match="do not follow") as caught:
        load(path, input_shapes={"x": (1, 4, 5, 8)})
    assert "(Reshape)" in caught.value.where


def test_weights_that_fix_a_size(tmp_path: Path) -> None:
    body = "r = Reshape(x, flat) h = Gemm(r, w) y = Relu(h)"
    path = save(tmp_path, body, (1, 4, 2, 2), {"flat": np.array([1, -1]), "w": f32(RNG, 16, 8)})
    with pytest.raises(Gan2HlsError) as caught:
        load(path, input_shapes={"x": (1, 4, 3, 3)})
    assert "(Gemm)" in caught.value.where


@pytest.mark.parametrize(
    "broken",
    [{"ends": [7]}, {"axes": [2, 9]}, {"axes": [2, 3, 1]}, {"ends": np.zeros((2, 2), np.int64)}],
    ids=["ends", "an axis", "axes", "a matrix"],
)
def test_a_broken_crop_is_told_by_its_node(tmp_path: Path, broken: dict[str, object]) -> None:
    body, _ = MODELS["a crop"]
    values = constants("a crop", (8, 8)) | {name: np.asarray(value) for name, value in broken.items()}
    with pytest.raises(Gan2HlsError) as caught:
        load(save(tmp_path, body, (1, 4, 8, 8), values), input_shapes={"x": (1, 4, 6, 6)})
    assert "(Slice)" in caught.value.where


def test_kernels_may_be_larger_than_what_a_small_input_leaves(tmp_path: Path) -> None:
    """And a crop of that, whose inference by onnx ends the process; crops of crops have their shapes."""
    crop = "Slice({}, starts, ends, axes)"
    body = f"a = Conv(x, v) b = Conv(a, c) d = {crop.format('b')} e = Relu(d) y = {crop.format('e')}"
    constants = {
        "v": f32(RNG, 4, 4, 5, 5),
        "c": f32(RNG, 8, 4, 3, 3),
        "starts": [1, 1],
        "ends": [-1, -1],
        "axes": [2, 3],
    }
    tensors = {name: np.asarray(value) for name, value in constants.items()}
    path = save(tmp_path, body, (1, 4, 16, 16), tensors)
    shapes = tensor_shapes(onnx.load(path), {"x": (1, 4, 12, 11)})
    assert shapes == {
        "a": (1, 4, 8, 7), "b": (1, 8, 6, 5), "d": (1, 8, 4, 3), "e": (1, 8, 4, 3), "y": (1, 8, 2, 1),
    }  # fmt: skip
    load(path, input_shapes={"x": (1, 4, 12, 11)})
    for size, left in ((5, -1), (6, 0)):
        message = rf"takes a part of nothing: 'b' is \[1, 8, {left}, 4\]"
        with pytest.raises(ModelError, match=message) as caught:
            load(path, input_shapes={"x": (1, 4, size, 10)})
        assert "(Slice)" in caught.value.where and "enlarge the input" in caught.value.hint


def test_sums_of_nothing(tmp_path: Path) -> None:
    body = "a = Conv(x, v) b = Conv(a, v) y = Add(b, x)"
    with pytest.raises(ModelError, match="does not fit its inputs") as caught:
        load(save(tmp_path, body, (1, 4, 6, 6), {"v": f32(RNG, 4, 4, 5, 5)}))
    assert "it reads 'b' [1, 4, -2, -2], 'x' [1, 4, 6, 6]; enlarge the input" in caught.value.hint


def test_a_shape_that_does_not_fit_leads_back_to_that_of_the_file(tmp_path: Path) -> None:
    """Channels are last here: what is given as for channels first cannot be read, and its own shape can."""
    body = f"t = Transpose<perm = [0, 3, 1, 2]>(x) h = {CONV}(t, c) y = Transpose<perm = [0, 2, 3, 1]>(h)"
    path = save(tmp_path, body, (1, 8, 8, 4), WEIGHTS)
    with pytest.raises(UnsupportedError, match="6 input channels do not fit") as caught:
        load(path, input_shapes={"x": (1, 4, 6, 6)})
    assert "with its own [1, 8, 8, 4] of 'x' the file is read: leave --input-shape out" in caught.value.hint
    load(path)
    load(path, input_shapes={"x": (1, 6, 6, 4)})
    path = save(tmp_path, body.replace("3, 1, 2", "2, 3, 1"), (1, 8, 8, 4), WEIGHTS)
    with pytest.raises(Gan2HlsError) as caught:
        load(path, input_shapes={"x": (1, 4, 6, 6)})
    assert "its own" not in caught.value.hint, "which is not read either"
