"""The pixel shuffle: channels of a pixel become the pixels of a block of the larger image.

Channel ``(py * RX + px) * C + c`` of pixel ``(y, x)`` becomes channel ``c`` of pixel ``(y * RY + py, x * RX + px)``.
Other orders of channels are this one behind a permutation of what makes them, so layers know no other.
Source: sub-pixel convolution, Shi et al. 2016, equation 4.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

Shape = tuple[int, int, int]


def is_shuffle(given: Shape, shape: Shape) -> bool:
    """Whether a pixel shuffle, or none, makes ``(H, W, C)`` streams of ``shape`` of those of ``given``."""
    return shape[0] % given[0] == shape[1] % given[1] == 0 and given[2] * given[0] * given[1] == (
        shape[0] * shape[1] * shape[2]
    )


def shuffled(values: npt.NDArray[Any], shape: Shape) -> npt.NDArray[Any]:
    """Return ``[N, h, w, RY * RX * C]`` as ``[N, H, W, C]``, ``shape`` being ``(H, W, C)``."""
    frames, height, width = values.shape[:3]
    if (height, width, values.shape[3]) == shape:
        return values
    blocks = values.reshape(frames, height, width, shape[0] // height, shape[1] // width, shape[2])
    return blocks.swapaxes(2, 3).reshape(frames, *shape)


def unshuffled(values: npt.NDArray[Any], shape: Shape) -> npt.NDArray[Any]:
    """Return ``[N, H, W, C]`` as the ``[N, h, w, RY * RX * C]`` of which ``shuffled`` makes it.

    ``shape`` is ``(h, w, RY * RX * C)``.
    """
    frames = len(values)
    (height, width, _), (rows, columns, channels) = shape, values.shape[1:]
    if values.shape[1:] == shape:
        return values
    blocks = values.reshape(frames, height, rows // height, width, columns // width, channels)
    return blocks.swapaxes(2, 3).reshape(frames, *shape)
