"""Operators that compute nothing: they rearrange a view, repeat or leave out elements, or put zeros beside them.

Each is a function from the index array of its input (``views``), the shapes of its outputs, its constant inputs and its
attributes to the index arrays of its outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.frontend.constants import Array
from gan2hls.frontend.lookups import gather, gather_elements, gather_nd
from gan2hls.frontend.nearest import resample
from gan2hls.frontend.views import ZERO
from gan2hls.numbers import Int64Array

Rearrange = Callable[..., Int64Array | list[Int64Array]]


def _reshape(index: Int64Array, shape: tuple[int, ...], *_: Array | None, **__: object) -> Int64Array:
    """Read an operator whose result differs in shape only; shape inference has worked it out."""
    return index.reshape(shape)


def _transpose(index: Int64Array, _: tuple[int, ...], *, perm: list[int] | None = None) -> Int64Array:
    return index.transpose(perm)


def _dropout(
    index: Int64Array,
    _: tuple[int, ...],
    ratio_input: Array | None = None,
    training: Array | None = None,
    *,
    ratio: float = 0.5,
    seed: int = 0,
) -> Int64Array:
    del ratio, ratio_input, seed
    if training is not None and bool(np.any(training)):
        raise UnsupportedError(
            "drops values at random", hint="call model.eval() before the export, or make its third input False"
        )
    return index


def _slice(
    index: Int64Array,
    _: tuple[int, ...],
    starts_input: Array | None = None,
    ends_input: Array | None = None,
    axes_input: Array | None = None,
    steps_input: Array | None = None,
    *,
    starts: list[int] | None = None,
    ends: list[int] | None = None,
    axes: list[int] | None = None,
) -> Int64Array:
    """Read Slice; what it takes are attributes before opset 10 and inputs from then on."""
    begins, stops = (
        attribute if value is None else value.ravel().tolist()
        for value, attribute in ((starts_input, starts), (ends_input, ends))
    )
    if begins is None or stops is None:
        raise UnsupportedError("its bounds are computed by the network", hint="only constant bounds are supported")
    along = axes if axes_input is None else axes_input.ravel().tolist()
    steps = [1] * len(begins) if steps_input is None else steps_input.ravel().tolist()
    cut = [slice(None)] * index.ndim
    for axis, begin, stop, step in zip(along or range(len(begins)), begins, stops, steps, strict=True):
        cut[axis] = slice(begin, stop, step)
    return index[tuple(cut)]


#: ONNX's names of what pads, and NumPy's.
_PAD_MODES: Mapping[str, Literal["constant", "reflect", "edge", "wrap"]] = {
    "constant": "constant",
    "reflect": "reflect",
    "edge": "edge",
    "wrap": "wrap",
}


def _pad(
    index: Int64Array,
    _: tuple[int, ...],
    pads_input: Array | None = None,
    value_input: Array | None = None,
    axes_input: Array | None = None,
    *,
    mode: str = "constant",
    pads: list[int] | None = None,
    value: float = 0.0,
) -> Int64Array:
    """Read Pad with zeros or what is there; a negative pad crops.  What it takes are attributes before opset 11."""
    fill = value if value_input is None else float(value_input.ravel()[0])
    if mode not in _PAD_MODES or (mode == "constant" and fill != 0):
        raise UnsupportedError(
            f"pads with {fill:g}" if mode == "constant" else f"pads in mode {mode!r}",
            hint="pad with zeros, a number from -1024 to 1024, or in one of the modes 'reflect', 'edge' and 'wrap'; or "
            "take it out where it pads the model's input, and give the padded image as the input",
        )
    amounts = pads if pads_input is None else pads_input.ravel().tolist()
    if amounts is None:
        raise UnsupportedError("its pads are computed by the network", hint="only constant pads are supported")
    along = range(index.ndim) if axes_input is None else axes_input.ravel().tolist()
    cut, grown = [slice(None)] * index.ndim, [(0, 0)] * index.ndim
    for axis, before, after in zip(along, amounts[: len(along)], amounts[len(along) :], strict=True):
        cut[axis] = slice(max(0, -before), index.shape[axis] - max(0, -after))
        grown[axis] = (max(0, before), max(0, after))
    cropped = index[tuple(cut)]
    if mode == "constant":
        return np.pad(cropped, grown, constant_values=ZERO)
    if mode == "reflect" and any(max(pad) >= size for pad, size in zip(grown, cropped.shape, strict=True)):
        raise ModelError(
            f"reflects {max(map(max, grown))} elements of a shape of {list(cropped.shape)}",
            hint="a reflection is smaller than what it reflects",
        )
    return np.pad(cropped, grown, mode=_PAD_MODES[mode])


def _split(
    index: Int64Array,
    shape: tuple[int, ...],
    sizes_input: Array | None = None,
    *,
    axis: int = 0,
    split: list[int] | None = None,
    num_outputs: int = 0,
) -> list[Int64Array]:
    """Read Split; the sizes are an attribute before opset 13 and an input from then on, or equal."""
    sizes = split if sizes_input is None else sizes_input.ravel().tolist()
    if sizes is None:
        first = shape[axis]
        return np.split(index, range(first, index.shape[axis], first), axis=axis)
    return np.split(index, np.cumsum(sizes)[:-1], axis=axis)


def _check_images(index: Int64Array) -> None:
    if index.ndim != 4:
        raise ModelError(
            f"rearranges a tensor of shape {list(index.shape)}", hint="its input must have shape [N, C, H, W]"
        )


def _depth_to_space(index: Int64Array, _: tuple[int, ...], *, blocksize: int, mode: str = "DCR") -> Int64Array:
    """Read DepthToSpace: depth, column, row (TensorFlow) or column, row, depth (PyTorch's PixelShuffle).

    Images are several where channels stand on the batch axis, as TensorFlow's BatchToSpaceND has them.
    """
    _check_images(index)
    images, channels, height, width = index.shape
    b = blocksize
    if b < 1 or channels % b**2:
        raise ModelError(
            f"makes blocks of {b} x {b} of {channels} channels",
            hint=f"the square of its blocksize must divide {channels}",
        )
    if mode == "CRD":
        blocks = index.reshape(images, channels // b**2, b, b, height, width).transpose(0, 1, 4, 2, 5, 3)
    else:
        blocks = index.reshape(images, b, b, channels // b**2, height, width).transpose(0, 3, 4, 1, 5, 2)
    return blocks.reshape(images, channels // b**2, height * b, width * b)


def _space_to_depth(index: Int64Array, _: tuple[int, ...], *, blocksize: int) -> Int64Array:
    _check_images(index)
    images, channels, height, width = index.shape
    b = blocksize
    if b < 1 or height % b or width % b:
        raise ModelError(
            f"takes blocks of {b} x {b} out of an image of {height} x {width}",
            hint=f"its blocksize must divide {height} and {width}",
        )
    blocks = index.reshape(images, channels, height // b, b, width // b, b).transpose(0, 3, 5, 1, 2, 4)
    return blocks.reshape(images, channels * b**2, height // b, width // b)


def _expand(index: Int64Array, shape: tuple[int, ...], _: Array | None = None) -> Int64Array:
    return np.broadcast_to(index, shape)


def _tile(index: Int64Array, _: tuple[int, ...], repeats: Array | None = None) -> Int64Array:
    if repeats is None:
        raise UnsupportedError("its repeats are computed by the network", hint="only constant repeats are supported")
    return np.tile(index, repeats.ravel().tolist())


def computed_lookup() -> UnsupportedError:
    """Return what is said of a Gather by computed indices."""
    return UnsupportedError(
        "takes elements by computed indices",
        hint="make the label an input of INT64 that Gather reads as it is, or give the embedded vector as the input; "
        "codebooks of weights are constant",
    )


def _looked_up(look_up: Callable[..., Array]) -> Rearrange:
    """Return the reader of an operator that takes elements by constant indices."""

    def read(index: Int64Array, _: tuple[int, ...], indices: Array | None = None, **attributes: int) -> Int64Array:
        if indices is None:
            raise computed_lookup()
        return np.asarray(look_up(index, indices, **attributes), np.int64)

    return read


def concat(parts: Sequence[Int64Array | Array], *, axis: int) -> Int64Array:
    """Read Concat of index arrays of one stream and of constants, which must be zeros.

    Raises:
        UnsupportedError: a constant that is not zero.
    """
    indices = []
    for part in parts:
        if part.dtype.kind == "f":
            if part.any():
                raise UnsupportedError(
                    "joins a computed tensor with constants that are not zero",
                    hint="only zeros can stand beside computed values, as padding",
                )
            indices.append(np.full(part.shape, ZERO, np.int64))
        else:
            indices.append(part)
    return np.concatenate(indices, axis=axis)


#: ``(index, shape of the first output, *constant inputs, **attributes) -> index``.
VIEWS: Mapping[str, Rearrange] = {
    "Cast": _reshape,
    "DepthToSpace": _depth_to_space,
    "Dropout": _dropout,
    "Expand": _expand,
    "Flatten": _reshape,
    "Gather": _looked_up(gather),
    "GatherElements": _looked_up(gather_elements),
    "GatherND": _looked_up(gather_nd),
    "Identity": _reshape,
    "Pad": _pad,
    "Reshape": _reshape,
    "Resize": resample,
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _reshape,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _reshape,
    "Upsample": resample,
}
