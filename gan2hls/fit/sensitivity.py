"""How much an error at each place of a layer's sums moves the model's output.

Behind a ReLU that is off, or under a saturated Tanh, errors do not matter; least squares that does not know this spends
its freedom on black background.  The expected square of the output's error is, to first order, the sum of
``s[n, y, x, c] * error**2`` with ``s`` the squared gradients of the output, which random signs at the output estimate.

Source: the diagonal Fisher of Li et al. 2021 (BRECQ), section 3.2; signs as in Hutchinson 1990.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.model import Graph, Layer, Point, linear_layers
from gan2hls.numbers import FloatArray
from gan2hls.ops import Linear, LinearGeometry, unshuffled

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
    macs = sum(op.geometry.useful_macs for _, op in linear_layers(graph))
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


def find_sensitivity(graph: Graph, streams: Mapping[str, Stream]) -> dict[str, Sensitivity]:
    """Return by linear layer, but for copies, what its errors matter, on all ways that lead from it to the outputs.

    Several outputs count as if they all had the range of the first.

    Args:
        graph: the float model.
        streams: every tensor's values, ``[N, H, W, C]``.
    """
    slopes = {layer.name: _slopes(layer, [streams[name] for name in layer.inputs]) for layer in graph.layers}
    total: dict[str, FloatArray] = {}
    couplings: dict[str, FloatArray] = {}
    ranges = {port.name: float(np.ptp(streams[port.name])) or 1.0 for port in graph.outputs}
    sizes = {name: ranges[graph.outputs[0].name] / own for name, own in ranges.items()}
    rng = np.random.default_rng(0)
    for _ in range(_DRAWS):
        signs = {
            name: rng.choice([-size, size], size=streams[name].shape).astype(np.float32) for name, size in sizes.items()
        }
        for layer, gradient in gradients(graph, streams, slopes, signs):
            if not isinstance(layer.op, Linear) or layer.is_copy:
                continue
            geometry = layer.op.geometry
            total[layer.name] = total.get(layer.name, 0.0) + np.square(gradient, dtype=np.float64)
            width = geometry.out_channels
            if reads_one_pixel(geometry):
                width *= geometry.y.out_size * geometry.x.out_size
            if width <= _MOST_COUPLED:
                rows = gradient.reshape(-1, width)
                couplings[layer.name] = couplings.get(layer.name, 0.0) + (rows.T @ rows).astype(np.float64)
    del slopes
    made = {}
    for name in [layer.name for layer, _ in linear_layers(graph) if not layer.is_copy]:
        values, coupling = total.pop(name), couplings.get(name)
        shrunk = None if coupling is None else _shrunk(coupling, values.size * _DRAWS)
        made[name] = Sensitivity(_levelled(values), shrunk)
    return made


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


def _slopes(layer: Layer, inputs: Sequence[Stream]) -> npt.NDArray[np.float32]:
    """Return the slope of a layer's points at what its operation makes, ``[N, *sums_shape]``."""
    if not layer.points:
        return np.broadcast_to(np.float32(1), (len(inputs[0]), *layer.op.sums_shape(layer.shape)))
    made = layer.op.evaluate([x.astype(np.float32) for x in inputs])
    sums = made.reshape(-1, *layer.op.sums_shape(layer.shape)).astype(np.float64)
    reach = _REACH * sums.std(axis=(0, 1, 2)) + 1e-12
    ends = (_apply(layer.points, sums + sign * reach) for sign in (1, -1))
    slope: npt.NDArray[np.float32] = ((next(ends) - next(ends)) / (2 * reach)).astype(np.float32)
    return slope


def _apply(points: tuple[Point, ...], values: FloatArray) -> FloatArray:
    for point in points:
        values = point(values)
    return values


def gradients(
    graph: Graph,
    streams: Mapping[str, Stream],
    slopes: Mapping[str, npt.NDArray[np.float32]],
    outputs: Mapping[str, npt.NDArray[np.float32]],
) -> Iterator[tuple[Layer, npt.NDArray[np.float32]]]:
    """Yield each layer, the last one first, with the gradient at its sums, ``[N, *sums_shape]``.

    A tensor's gradient is the sum of those that its readers send back; it is dropped once the maker has had it.

    Args:
        graph: the float model.
        streams: every tensor's values, ``[N, H, W, C]``.
        slopes: of every layer's points at its sums, ``[N, *sums_shape]``.
        outputs: the gradients at the outputs, ``[N, H, W, C]``.
    """
    behind, made = dict(outputs), {layer.name for layer in graph.layers}
    for layer in reversed(graph.layers):
        at = slopes[layer.name]
        after = behind.pop(layer.name, None)
        if after is None:  # nothing that leaves the model depends on it
            yield layer, np.zeros_like(at)
            continue
        gradient = at * unshuffled(after.reshape(-1, *layer.shape), at.shape[1:])
        yield layer, gradient
        if made.isdisjoint(layer.inputs):
            continue
        inputs = [streams[name].astype(np.float32, copy=False) for name in layer.inputs]
        for source, before in zip(layer.inputs, layer.op.backward(inputs, gradient), strict=True):
            if source in made:
                behind[source] = behind[source] + before.reshape(behind[source].shape) if source in behind else before
