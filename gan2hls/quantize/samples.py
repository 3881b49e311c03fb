"""Whether frames can calibrate and judge: what is alike, apart or the same says little, however good the PSNR."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]

#: Fewer different frames than this are no sample.
_LEAST_FRAMES = 4
#: Frames that differ by less than this share of the greatest value are equal.
_LEAST_SPREAD = 1e-4
#: Values of the frames that judge beyond those that calibrate: more of them saturate than a range is meant to cut.
_MOST_OUTSIDE = 0.01
#: Difference of means in standard deviations, and ratio of standard deviations, of two samples of one kind.
_MOST_SHIFT, _MOST_RATIO = 0.5, 2.0
#: The same between a file's latents and what the config would draw.
_UNUSUAL_SHIFT, _UNUSUAL_RATIO = 2.0, 4.0
#: Standard errors that are put down to chance.
_CHANCE = 4.0


def alike(inputs: Mapping[str, Array]) -> str:
    """Return why frames, ``[N, ...]`` by input name, are too few or too much alike to judge by, or nothing.

    Of several inputs one may hold few different whole numbers: labels do.
    """
    for name, values in inputs.items():
        frames = np.asarray(values, np.float32).reshape(len(values), -1)
        if len(frames) == 1:
            return f"the input {name!r} has one frame"
        if not frames.any():
            return f"the input {name!r} is zero in all {len(frames)} frames"
        changes = np.ptp(frames, axis=0)
        if changes.max() <= _LEAST_SPREAD * np.abs(frames).max():
            return f"the {len(frames)} frames of the input {name!r} are equal"
        different = len(set(_digests({name: values})))
        labels = len(inputs) > 1 and np.array_equal(frames, np.rint(frames))
        if different < min(_LEAST_FRAMES, len(frames)) and not labels:
            return f"of the {len(frames)} frames of the input {name!r} only {different} differ"
        still = np.count_nonzero(changes == 0)
        if 2 * still > changes.size and len(frames) >= _LEAST_FRAMES:
            return f"{still} of {changes.size} elements of the input {name!r} are the same in every frame"
    return ""


def apart(first: Mapping[str, Array], second: Mapping[str, Array]) -> str:
    """Return in which input the frames of ``second`` are of another kind than those of ``first``, or nothing."""
    for name in first:
        one, two = (np.asarray(values[name], np.float64) for values in (first, second))
        error = _CHANCE * math.sqrt(1 / _independent(one) + 1 / _independent(two))
        low, high = one.min(), one.max()
        outside = float(np.mean((two < low) | (two > high)))
        if (
            abs(one.mean() - two.mean()) > (_MOST_SHIFT + error) * max(one.std(), two.std())
            or _ratio(one.std(), two.std()) > _MOST_RATIO * (1 + error)
            or outside > _MOST_OUTSIDE + 3 * _CHANCE / _independent(one)
        ):
            beyond = f", {100 * outside:.3g} % of them beyond the former" if outside > _MOST_OUTSIDE else ""
            return f"the input {name!r} has {_describe(one)}, but {_describe(two)} where quality is measured{beyond}"
    return ""


def shared(first: Mapping[str, Array], second: Mapping[str, Array]) -> int:
    """Return how many frames of ``second`` are frames of ``first`` too, in every input."""
    known = set(_digests({name: first[name] for name in second}))
    return sum(digest in known for digest in _digests(second))


def unusual(name: str, values: Array, mean: float, std: float) -> str:
    """Return what ``values`` have in place of ``mean`` and ``std``, where that is far from it, or nothing."""
    numbers = np.asarray(values, np.float64)
    error = _CHANCE / math.sqrt(numbers.size)
    shift = abs(numbers.mean() - mean) > (_UNUSUAL_SHIFT + error) * max(numbers.std(), std)
    if shift or _ratio(numbers.std(), std) > _UNUSUAL_RATIO * (1 + error):
        return f"the input {name!r} has {_describe(numbers)}, not mean {mean:.3g} and standard deviation {std:.3g}"
    return ""


def _describe(values: npt.NDArray[np.float64]) -> str:
    return (
        f"mean {values.mean():.3g}, standard deviation {values.std():.3g} and values from {values.min():.3g} to "
        f"{values.max():.3g}"
    )


def _ratio(one: float, two: float) -> float:
    low, high = sorted((float(one), float(two)))
    return high / low if low > 0 else math.inf


def _independent(values: npt.NDArray[np.float64]) -> int:
    """Return how many values count as drawn by themselves: all of latents, one a frame of pictures."""
    picture = math.prod(size for size in values.shape[2:]) > 1
    return len(values) if picture else values.size


def _digests(inputs: Mapping[str, Array]) -> list[tuple[bytes, ...]]:
    """Return what tells frames apart, all inputs of each together."""
    columns = ([_digest(frame) for frame in np.asarray(values)] for values in inputs.values())
    return list(zip(*columns, strict=True))


def _digest(frame: Array) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(frame).tobytes(), digest_size=16).digest()
