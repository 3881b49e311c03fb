"""Tensors into a part of which another one is written: what is left of them beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.float_evaluator import check
from tests.onnx_models import f32, save
from tests.unit.frontend.test_graphs import kinds

RNG = np.random.default_rng(43)
PADS = "pads = [1, 1, 1, 1]"
SHAPE = (1, 4, 6, 8)


def places(box: tuple[slice, ...], step: int = 1) -> np.ndarray:
    """The indices of a ScatterND that writes a box of a tensor of ``SHAPE``."""
    grid = np.stack(np.indices(SHAPE), -1)[box]
    return grid[..., ::step, :]


def model(folder: Path, box: tuple[slice, ...], updates: str, **constants: np.ndarray) -> Path:
    every = {"k": f32(RNG, 4, 3, 3, 3), "v": f32(RNG, 2, 4, 1, 1), "at": places(box), **constants}
    body = f"h = Conv<{PADS}>(x, k) {updates} s = ScatterND(h, at, u) y = Conv(s, v)"
    return save(folder, body, (1, 3, 6, 8), every)


ALL = slice(None)


@pytest.mark.parametrize(
    ("box", "concats"),
    [
        ((ALL, slice(2, 4)), 1),
        ((ALL, slice(1, 3)), 1),
        ((ALL, ALL, slice(0, 2)), 1),
        ((ALL, ALL, slice(2, 4), slice(3, 7)), 2),
        ((ALL, slice(0, 1), slice(2, 6), slice(3, 7)), 3),
    ],
)
def test_a_box_is_written(tmp_path: Path, box: tuple[slice, ...], concats: int) -> None:
    """Some channels, some rows, a smaller image, and some channels of one."""
    sizes = [len(range(*one.indices(size))) for one, size in zip((*box, ALL, ALL)[:4], SHAPE, strict=True)]
    channels, rows, columns = sizes[1:]
    updates = f"w = Conv<pads = [{6 - rows}, {8 - columns}, 0, 0], strides = [1, 1]>(x, p) u = Tanh(w)"
    kernel = f32(RNG, channels, 3, 13 - 2 * rows, 17 - 2 * columns)
    assert kernel.shape[2] >= 1 and kernel.shape[3] >= 1
    _, final = check(model(tmp_path, box, updates, p=kernel))
    assert kinds(final)["concat"] == concats


def test_channels_that_are_a_function_of_themselves(tmp_path: Path) -> None:
    """``y[:, 2:] = f(y[:, 2:])``, of the channels as a front axis, as PyTorch's newer exporter writes it."""
    constants = {
        "k": f32(RNG, 4, 3, 3, 3),
        "v": f32(RNG, 2, 4, 1, 1),
        "q": f32(RNG, 2, 2, 3, 3),
        "late": np.array([2, 3]),
        "rows": np.array([[2], [3]]),
    }
    body = f"""h = Conv<{PADS}>(x, k) g = Gather<axis = 1>(h, late) c = Conv<{PADS}>(g, q)
        t = Transpose<perm = [1, 0, 2, 3]>(h) u = Transpose<perm = [1, 0, 2, 3]>(c) s = ScatterND(t, rows, u)
        r = Transpose<perm = [1, 0, 2, 3]>(s) y = Conv(r, v)"""
    _, final = check(save(tmp_path, body, (1, 3, 6, 8), constants))
    assert kinds(final)["concat"] == 1 and kinds(final)["conv"] == 3


def test_what_is_no_box_is_joined_element_by_element(tmp_path: Path) -> None:
    """Every other column of some channels."""
    constants = {"k": f32(RNG, 4, 3, 3, 3), "p": f32(RNG, 2, 3, 3, 3), "at": places((ALL, slice(0, 2)), 2)}
    body = f"""h = Conv<{PADS}>(x, k) u = Conv<pads = [1, 1, 1, 1], strides = [1, 2]>(x, p)
        y = ScatterND(h, at, u)"""
    check(save(tmp_path, body, (1, 3, 6, 8), constants))


def test_a_box_in_another_order_is_none(tmp_path: Path) -> None:
    """Two channels whose rows and columns are exchanged."""
    at = np.stack(np.indices((1, 4, 6, 6)), -1)[:, 2:]
    constants = {"k": f32(RNG, 4, 3, 3, 3), "p": f32(RNG, 2, 3, 3, 3), "at": at}
    body = f"""h = Conv<{PADS}>(x, k) c = Conv<{PADS}>(x, p) u = Transpose<perm = [0, 1, 3, 2]>(c)
        y = ScatterND(h, at, u)"""
    check(save(tmp_path, body, (1, 3, 6, 6), constants))
