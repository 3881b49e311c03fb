"""Functions of one element: affine maps per channel and activations.

Readers return points whose parameters broadcast to the ONNX tensor's shape; the front end maps them onto the stream.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.kinds.base import Array, Kind, Tensor, constant, map_parameters
from gan2hls.model import Affine, Clip, Curve, Layer, Leaky, Point
from gan2hls.numbers import FloatArray, Int64Array
from gan2hls.ops import IntIdentity, Shape

Points = tuple[Point, ...]

#: What to do with a BatchNormalization that has no statistics of its own.
NO_STATISTICS = (
    "a feature has but one number in a frame. Train with BatchNorm that keeps running statistics "
    "(track_running_stats=True), call model.eval() and export: the node then has no training_mode and one output, and "
    "its inputs 3 and 4 are the mean and variance of the training"
)


def _affine(scale: FloatArray | float, bias: FloatArray | float) -> Points:
    return (Affine(np.asarray(scale, np.float64), np.asarray(bias, np.float64)),)


def _operand(x: Tensor, a: Array | None, b: Array | None) -> FloatArray:
    """Return the constant one of two operands."""
    return constant(b if x.position == 0 else a, "one operand")


def add(x: Tensor, a: Array | None = None, b: Array | None = None) -> Points:
    """Read Add with a constant on either side."""
    return _affine(1.0, _operand(x, a, b))


def sub(x: Tensor, a: Array | None = None, b: Array | None = None) -> Points:
    """Read Sub with a constant on either side."""
    operand = _operand(x, a, b)
    return _affine(1.0, -operand) if x.position == 0 else _affine(-1.0, operand)


def mul(x: Tensor, a: Array | None = None, b: Array | None = None) -> Points:
    """Read Mul with a constant on either side."""
    return _affine(_operand(x, a, b), 0.0)


def div(x: Tensor, a: Array | None = None, b: Array | None = None) -> Points:
    """Read Div by a constant."""
    if x.position != 0:
        raise UnsupportedError("divides by a computed value", hint="only division by a constant is supported")
    divisor = _operand(x, a, b)
    if (divisor == 0).any():
        raise ModelError(
            "divides by a constant zero",
            hint="the output would be infinite: divide by another number, or take the division out",
        )
    return _affine(1.0 / divisor, 0.0)


def neg(x: Tensor, _: Array | None = None) -> Points:
    """Read Neg."""
    return _affine(-1.0, 0.0)


def batch_normalization(
    x: Tensor,
    _: Array | None = None,
    scale: Array | None = None,
    bias: Array | None = None,
    mean: Array | None = None,
    variance: Array | None = None,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
) -> Points:
    """Read BatchNormalization in inference: an affine map per channel (axis 1)."""
    del momentum  # only of use in training
    if training_mode:
        raise UnsupportedError("normalizes by statistics of the batch", hint=NO_STATISTICS)
    if x.position != 0:
        raise UnsupportedError("its statistics are computed by the network", hint=NO_STATISTICS)
    named = {"scale": scale, "bias": bias, "mean": mean, "variance": variance}
    gamma, beta, mu, var = (constant(value, f"the {name}") for name, value in named.items())
    channels = x.shape[1] if len(x.shape) > 1 else 1
    for name, value in named.items():
        if value is not None and value.shape != (channels,):
            raise ModelError(
                f"its {name} has shape {list(value.shape)} for a tensor of shape {list(x.shape)}",
                hint=f"it must have shape [{channels}], one number per channel",
            )
    if (var + epsilon <= 0).any():
        raise ModelError(
            "has a variance that is not positive",
            hint="variances are above 0: correct the numbers, or use an earlier checkpoint",
        )
    factor = gamma / np.sqrt(var + epsilon)
    shape = (-1, *(1,) * (len(x.shape) - 2))
    return _affine(factor.reshape(shape), (beta - mu * factor).reshape(shape))


def relu(x: Tensor, _: Array | None = None) -> Points:
    """Read Relu."""
    return (Leaky(np.zeros(1)),)


def leaky_relu(x: Tensor, _: Array | None = None, *, alpha: float = 0.01) -> Points:
    """Read LeakyRelu."""
    return (Leaky(np.array([alpha])),)


def prelu(x: Tensor, _: Array | None = None, slope: Array | None = None) -> Points:
    """Read PRelu with constant slopes."""
    if x.position != 0:
        raise UnsupportedError("its slopes are computed by the network", hint="only constant slopes are supported")
    return (Leaky(constant(slope, "the slope")),)


def clip(
    x: Tensor,
    _: Array | None = None,
    lo: Array | None = None,
    hi: Array | None = None,
    *,
    min: float = -np.inf,
    max: float = np.inf,
) -> Points:
    """Read Clip; the bounds are attributes before opset 11 and inputs from then on."""
    if x.position != 0:
        raise UnsupportedError("its bounds are computed by the network", hint="only constant bounds are supported")
    for name, value in (("min", lo), ("max", hi)):
        if value is not None and value.size != 1:
            raise ModelError(
                f"its {name} has shape {list(value.shape)}", hint="a bound is one number, the same for all"
            )
    low = _bound(min if lo is None else float(constant(lo, "min").reshape(-1)[0]))
    high = _bound(max if hi is None else float(constant(hi, "max").reshape(-1)[0]))
    if not low <= high:
        raise ModelError(f"clips to [{low}, {high}]", hint="min must not exceed max")
    return (Clip(low, high),)


def _bound(value: float) -> float:
    """Return a bound of Clip; exporters write "none" as the extreme of float32."""
    return math.copysign(math.inf, value) if abs(value) >= np.finfo(np.float32).max else value


def hard_sigmoid(x: Tensor, _: Array | None = None, *, alpha: float = 0.2, beta: float = 0.5) -> Points:
    """Read HardSigmoid: ``clip(alpha * x + beta, 0, 1)``."""
    return *_affine(alpha, beta), Clip(0.0, 1.0)


def elu(x: Tensor, _: Array | None = None, *, alpha: float = 1.0) -> Points:
    """Read Elu."""
    return (Curve("elu", (("alpha", alpha),)),)


def selu(
    x: Tensor,
    _: Array | None = None,
    *,
    alpha: float = 1.67326319217681884765625,
    gamma: float = 1.05070102214813232421875,
) -> Points:
    """Read Selu."""
    return (Curve("selu", (("alpha", alpha), ("gamma", gamma))),)


def _curve(name: str) -> Callable[..., Points]:
    """Return the reader of a curve without attributes."""
    return lambda x, _=None: (Curve(name),)


def reorder(layer: Layer, image: Int64Array) -> Layer:
    """Put the parameters in the order of the stream; the input must be put in the same order."""
    order, before, channels = image.ravel(), math.prod(layer.shape), layer.shape[2]

    def change(value: FloatArray) -> FloatArray:
        return np.tile(value, before // channels)[order] if value.size > 1 else value

    points = tuple(map_parameters(point, change) for point in layer.points)
    shape = (1, 1, order.size)
    flat = replace(layer, points=points, probe=replace(layer.probe, order=layer.probe.order[order], shape=shape))
    return reshape(replace(flat, shape=shape), image.shape)


def reshape(layer: Layer, shape: Shape) -> Layer:
    """See the stream as ``shape``, unless its parameters would then differ from pixel to pixel."""
    channels, count = shape[2], math.prod(shape)
    uniform = True

    def change(value: FloatArray) -> FloatArray:
        nonlocal uniform
        if value.size == 1:
            return value
        rows = np.tile(value, count // layer.shape[2]).reshape(-1, channels)
        uniform = uniform and bool((rows == rows[:1]).all())
        return np.ascontiguousarray(rows[0])

    points = tuple(map_parameters(point, change) for point in layer.points)
    if not uniform:
        return layer
    return replace(layer, points=points, shape=shape, probe=replace(layer.probe, shape=shape))


KIND = Kind(
    "pointwise",
    {
        "Add": add,
        "Sub": sub,
        "Mul": mul,
        "Div": div,
        "Neg": neg,
        "BatchNormalization": batch_normalization,
        "Relu": relu,
        "LeakyRelu": leaky_relu,
        "PRelu": prelu,
        "Clip": clip,
        "Tanh": _curve("tanh"),
        "Sigmoid": _curve("sigmoid"),
        "HardSigmoid": hard_sigmoid,
        "HardSwish": _curve("hardswish"),
        "Elu": elu,
        "Selu": selu,
        "Softplus": _curve("softplus"),
        "Softsign": _curve("softsign"),
    },
    reorder,
    reshape,
    passes_order_on=True,
    saved=IntIdentity,
)
