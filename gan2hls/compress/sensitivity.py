"""How much an error at each place of a layer's sums moves the model's output.

Behind a ReLU that is off, or under a saturated Tanh, errors do not matter; least squares that does not know this spends
its freedom on black background.  The expected square of the output's error is, to first order, the sum of
``s[n, y, x, c] * error**2`` with ``s`` the squared gradients of the output, which random signs at the output estimate.

Source: the diagonal Fisher of Li et al. 2021 (BRECQ), section 3.2; signs as in Hutchinson 1990.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.ir import Graph, Layer
from gan2hls.numerics import FloatArray
from gan2hls.points import Point
from gan2hls.taps import LinearGeometry

#: Frames, rows ``[n, 1]``, columns ``[m]``, channels.
_Index = tuple[slice, npt.NDArray[np.int64], npt.NDArray[np.int64], slice]
Stream = npt.NDArray[np.floating]

#: Values and MACs on which sensitivities are measured, but on so many frames at least.
_MOST_VALUES, _MOST_MACS, _LEAST_FRAMES = 1 << 24, 4_000_000_000, 16
#: Draws of signs.
_DRAWS = 8
#: Most sums whose errors are coupled.
_MOST_COUPLED = 4096
#: Part of a channel's standard deviation over which a slope is taken: errors are of about that size.
_REACH = 0.1
#: Part of the mean sensitivity that every place has at least.
_FLOOR = 0.01


def affordable_frames(graph: Graph) -> int:
    """Return on how many frames sensitivities can be measured within bounds of memory and time."""
    values = sum(int(np.prod(layer.shape)) for layer in graph.layers)
    macs = sum(layer.geometry.useful_macs for layer in graph.layers if layer.geometry)
    return max(_LEAST_FRAMES, min(_MOST_VALUES // max(1, values), _MOST_MACS // max(1, macs)))


@final
@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What errors of a layer's sums matter.

    Attributes:
        places: float64 ``[N, H, W, CO]``, of mean 1.
        coupling: float64 ``[C, C]``, the second moment of the gradients: over all sums of a frame (pixel by pixel,
            channels innermost) where the layer reads one pixel, else over the channels of a pixel; None: not known.
    """

    places: FloatArray
    coupling: FloatArray | None


def sensitivities(graph: Graph, streams: Mapping[str, Stream]) -> dict[str, FloatArray]:
    """Return ``Sensitivity.places`` by linear layer, see ``find_sensitivity``."""
    return {name: found.places for name, found in find_sensitivity(graph, streams).items()}


def find_sensitivity(graph: Graph, streams: Mapping[str, Stream]) -> dict[str, Sensitivity]:
    """Return by linear layer what its errors matter.

    Layers from which a way to the output leads through one that joins several tensors know their own activation only.

    Args:
        graph: the float model.
        streams: every tensor's values, ``[N, H, W, C]``.
    """
    slopes = {layer.name: _slopes(layer, streams[layer.inputs[0]]) for layer in graph.layers}
    total: dict[str, FloatArray] = {}
    couplings: dict[str, FloatArray] = {}
    joined = any(len(layer.inputs) != 1 for layer in graph.layers)
    rng = np.random.default_rng(0)
    for _ in range(1 if joined else _DRAWS):
        if joined:
            found = slopes
        else:
            signs = {
                port.name: rng.choice([-1.0, 1.0], size=streams[port.name].shape).astype(np.float32)
                for port in graph.outputs
            }
            found = _gradients(graph, slopes, signs)
        for layer in graph.layers:
            if layer.geometry is None:
                continue
            gradient = found[layer.name]
            total[layer.name] = total.get(layer.name, 0.0) + np.square(gradient, dtype=np.float64)
            width = layer.geometry.out_channels
            if reads_one_pixel(layer.geometry):
                width *= layer.geometry.y.out_size * layer.geometry.x.out_size
            if not joined and width <= _MOST_COUPLED:
                rows = gradient.reshape(-1, width)
                couplings[layer.name] = couplings.get(layer.name, 0.0) + (rows.T @ rows).astype(np.float64)
    return {
        name: Sensitivity(
            _levelled(values), _shrunk(couplings[name], values.size * _DRAWS) if name in couplings else None
        )
        for name, values in total.items()
    }


def _shrunk(coupling: FloatArray, values: int) -> FloatArray:
    """Return a coupling drawn to its diagonal, the more the fewer rows (of ``values`` in all) it was measured on."""
    width = len(coupling)
    part = width / (width + values // width)
    made: FloatArray = (1 - part) * coupling + part * np.diag(np.diag(coupling))
    return made


def reads_one_pixel(geometry: LinearGeometry) -> bool:
    """Whether every output pixel reads the one input pixel, through a tap of its own."""
    axes = (geometry.y, geometry.x)
    once = all(len(pairs) <= 1 for axis in axes for pairs in axis.taps)
    return once and all(axis.in_size == 1 for axis in axes) and geometry.groups == 1


def _levelled(values: FloatArray) -> FloatArray:
    mean = float(values.mean())
    if mean <= 0:
        return np.ones_like(values)
    made: FloatArray = (values / mean + _FLOOR) / (1 + _FLOOR)
    return made


def _slopes(layer: Layer, source: Stream) -> npt.NDArray[np.float32]:
    """Return the slope of a layer's points at its sums, ``[N, *out_shape]``."""
    x = source.reshape(len(source), *_seen(layer)).astype(np.float64)
    sums = x if layer.geometry is None else _forward(layer.geometry, layer, x)
    reach = _REACH * sums.std(axis=(0, 1, 2)) + 1e-12
    ends = (_apply(layer.points, sums + sign * reach) for sign in (1, -1))
    made: npt.NDArray[np.float32] = ((next(ends) - next(ends)) / (2 * reach)).astype(np.float32)
    return made


def _seen(layer: Layer) -> tuple[int, int, int]:
    return layer.shape if layer.geometry is None else layer.geometry.in_shape


def _apply(points: tuple[Point, ...], values: FloatArray) -> FloatArray:
    for point in points:
        values = point(values)
    return values


def _gradients(
    graph: Graph, slopes: Mapping[str, npt.NDArray[np.float32]], behind: dict[str, npt.NDArray[np.float32]]
) -> dict[str, npt.NDArray[np.float32]]:
    """Return the gradients at every layer's sums, of ``behind``'s at the outputs."""
    behind, made = dict(behind), {}
    for layer in reversed(graph.layers):
        at = slopes[layer.name]
        gradient = at * behind[layer.name].reshape(at.shape) if layer.name in behind else np.zeros_like(at)
        made[layer.name] = gradient
        before = gradient if layer.geometry is None else _backward(layer.geometry, layer, gradient)
        source = layer.inputs[0]
        behind[source] = behind[source] + before.reshape(behind[source].shape) if source in behind else before
    return made


def _forward(g: LinearGeometry, layer: Layer, x: FloatArray) -> FloatArray:
    made = np.zeros((len(x), *g.out_shape))

    def add(outer: _Index, inner: _Index, weight: FloatArray) -> None:
        made[outer] += x[inner] @ weight.T  # an output meets a kernel index once

    _for_taps(g, layer, add)
    return made


def _backward(g: LinearGeometry, layer: Layer, gradient: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    made = np.zeros((len(gradient), *g.in_shape), np.float32)

    def add(outer: _Index, inner: _Index, weight: FloatArray) -> None:
        part = gradient[outer] @ weight.astype(np.float32)
        if all(np.unique(at).size == at.size for at in inner[1:3]):
            made[inner] += part
        else:
            np.add.at(made, inner, part)  # type: ignore[arg-type]

    _for_taps(g, layer, add)
    return made


def _for_taps(g: LinearGeometry, layer: Layer, use: Callable[[_Index, _Index, FloatArray], None]) -> None:
    """Call ``use(outputs, inputs, weight [CO, CI])`` for every tap and group; the indices are of ``[N, H, W, C]``."""
    assert layer.weight is not None
    y, x = (_pairs(axis.taps, axis.kernel) for axis in (g.y, g.x))
    for ky, rows in enumerate(y):
        for kx, columns in enumerate(x):
            for group in range(g.groups if rows.size and columns.size else 0):
                outer = slice(group * g.group_out, (group + 1) * g.group_out)
                inner = slice(group * g.group_in, (group + 1) * g.group_in)
                use(
                    (slice(None), rows[:, 0, None], columns[:, 0], outer),
                    (slice(None), rows[:, 1, None], columns[:, 1], inner),
                    layer.weight[ky * g.x.kernel + kx, outer],
                )


def _pairs(taps: tuple[tuple[tuple[int, int], ...], ...], kernel: int) -> list[npt.NDArray[np.int64]]:
    """Return by kernel index the ``(output, input)`` pairs that it connects, int64 ``[n, 2]``."""
    found: list[list[tuple[int, int]]] = [[] for _ in range(kernel)]
    for o, pairs in enumerate(taps):
        for i, k in pairs:
            found[k].append((o, i))
    return [np.array(pairs, np.int64).reshape(-1, 2) for pairs in found]
