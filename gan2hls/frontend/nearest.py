"""Nearest-neighbour resampling: which input index each output index repeats, along one axis.

The coordinates are those of ONNX's Resize, in float32 as ONNX Runtime computes them; Upsample and the Resize of opset
10 are its mode ``asymmetric``, rounded down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from gan2hls.base import UnsupportedError
from gan2hls.frontend.constants import Array
from gan2hls.kinds import COORDINATES
from gan2hls.numbers import Float32Array, Int64Array

_HALF, _ONE = np.float32(0.5), np.float32(1)

_ROUNDINGS: Mapping[str, Callable[[Float32Array], npt.NDArray[np.floating]]] = {
    "round_prefer_floor": lambda x: np.ceil(x - _HALF),
    "round_prefer_ceil": lambda x: np.floor(x + _HALF),
    "floor": np.floor,
    "ceil": np.ceil,
}


def resample(
    index: Int64Array,
    shape: tuple[int, ...],
    *inputs: Array | None,
    coordinate_transformation_mode: str = "half_pixel",
    nearest_mode: str = "round_prefer_floor",
    axes: Sequence[int] | None = None,
    scales: Sequence[float] | None = None,
    keep_aspect_ratio_policy: str = "stretch",
    **_: object,
) -> Int64Array:
    """Read Resize and Upsample in mode ``nearest``: the elements of ``index``, some of them repeated or left out.

    Raises:
        UnsupportedError: coordinates that this version does not know.
    """
    if len(inputs) < 2:  # Upsample, and Resize of opset 10
        coordinate_transformation_mode, nearest_mode = "asymmetric", "floor"
    coordinates, rounding = COORDINATES.get(coordinate_transformation_mode), _ROUNDINGS.get(nearest_mode)
    if coordinates is None or rounding is None or keep_aspect_ratio_policy != "stretch":
        raise UnsupportedError(
            f"resamples by {coordinate_transformation_mode!r}, {nearest_mode!r} and {keep_aspect_ratio_policy!r}",
            hint=f"supported are {', '.join(COORDINATES)} with {', '.join(_ROUNDINGS)} and 'stretch'",
        )
    given = (inputs[0] if len(inputs) < 2 else inputs[1]) if inputs else None
    factors = np.ravel(given) if given is not None and given.size else np.asarray(scales or (), np.float32)
    along = range(index.ndim) if axes is None else [axis % index.ndim for axis in axes]
    by_axis = dict(zip(along, factors.tolist(), strict=True)) if factors.size else {}
    if shape == index.shape:
        return index  # ONNX Runtime copies it, whatever the scales
    for axis, (size, wanted) in enumerate(zip(index.shape, shape, strict=True)):
        scale = np.float32(by_axis.get(axis, wanted / size))
        if wanted == size and scale == _ONE:
            continue
        x = coordinates(np.arange(wanted, dtype=np.float32), scale, size, wanted)
        index = np.take(index, np.clip(rounding(x), 0, size - 1).astype(np.int64), axis=axis)
    return index
