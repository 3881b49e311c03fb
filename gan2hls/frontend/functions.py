"""Elementwise operators in float64: what a region of them computes of one number is a function, however spelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper
from scipy.special import erf

from gan2hls.base import UnsupportedError
from gan2hls.frontend.naming import describe
from gan2hls.frontend.whole import BITWISE, OF_WHOLE, WHOLE, saturated, wrapped
from gan2hls.kinds import KIND_BY_NAME, READERS, Tensor
from gan2hls.numbers import FloatArray, Int64Array

Array = npt.NDArray[Any]


def _shrink(x: Array, *, lambd: float = 0.5, bias: float = 0.0) -> Array:
    return np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0.0))


def _cast(x: Array, *, to: int, saturate: int = 1, round_mode: str = "up") -> Array:
    del saturate, round_mode
    if to == TensorProto.BOOL:
        return np.asarray(x != 0)
    return saturated(x, to) if to in WHOLE else np.asarray(x, np.float64)


def _dropout(x: Array, ratio: Array | None = None, training: Array | None = None, **_: object) -> Array:
    del ratio
    if training is not None and bool(np.any(training)):
        raise UnsupportedError(
            "drops values at random", hint="call model.eval() before the export, or make its third input False"
        )
    return x


def _is_inf(x: Array, *, detect_negative: int = 1, detect_positive: int = 1) -> Array:
    return np.isinf(x) & ((x < 0) & bool(detect_negative) | (x > 0) & bool(detect_positive))


def _mod(x: Array, divisor: Array, *, fmod: int = 0) -> Array:
    return np.asarray((np.fmod if fmod else np.mod)(x, divisor))


def _all(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """Return a function of any number of operands."""
    return lambda *values: reduce(function, values)


#: ``(*operands, **attributes) -> array``; operands are computed or constant.
FUNCTIONS: Mapping[str, Callable[..., Array]] = {
    "Abs": np.abs,
    "Acos": np.arccos,
    "Acosh": np.arccosh,
    "Add": np.add,
    "And": np.logical_and,
    "Asin": np.arcsin,
    "Asinh": np.arcsinh,
    "Atan": np.arctan,
    "Atanh": np.arctanh,
    **BITWISE,
    "Cast": _cast,
    "Ceil": np.ceil,
    "Cos": np.cos,
    "Cosh": np.cosh,
    "Div": np.divide,
    "Dropout": _dropout,
    "Equal": np.equal,
    "Erf": erf,
    "Exp": np.exp,
    "Floor": np.floor,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Identity": np.asarray,
    "IsInf": _is_inf,
    "IsNaN": np.isnan,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Log": np.log,
    "Max": _all(np.maximum),
    "Mean": lambda *values: reduce(np.add, values) / len(values),
    "Min": _all(np.minimum),
    "Mod": _mod,
    "Mul": np.multiply,
    "Not": np.logical_not,
    "Or": np.logical_or,
    "PRelu": lambda x, slope: np.where(x >= 0, x, x * slope),
    "Pow": np.power,
    "Reciprocal": np.reciprocal,
    "Round": np.rint,
    "Shrink": _shrink,
    "Sign": np.sign,
    "Sin": np.sin,
    "Sinh": np.sinh,
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Sum": _all(np.add),
    "Tan": np.tan,
    "ThresholdedRelu": lambda x, *, alpha=1.0: np.where(x > alpha, x, 0.0),
    "Where": np.where,
    "Xor": np.logical_xor,
}
#: Readers of points that a region may hold: those of one computed operand, without channels of their own.
_POINTS = frozenset(KIND_BY_NAME["pointwise"].operators) - {"BatchNormalization"}
#: Numbers all over the line, none of them large enough to overflow.
FAR: FloatArray = np.linspace(-64.0, 64.0, 4097)
#: The first set of parameters.
_FIRST: Int64Array = np.zeros(1, np.int64)
#: Operators of one element at a time; a BatchNormalization becomes a product and a sum before.
ELEMENTWISE = frozenset(FUNCTIONS) | _POINTS | {"BatchNormalization"}


def _to_float32(values: FloatArray) -> FloatArray:
    """Return float64 numbers within the range of float32; NaN stays."""
    end = float(np.finfo(np.float32).max)
    return np.clip(values, -end, end)


@final
@dataclass(frozen=True, eq=False)
class Region:
    """Elementwise nodes that read one computed tensor, in order; the last makes the result.

    Attributes:
        input: name of the computed tensor.
        nodes: of the region.
        constants: what else they read, float64 or bool, one number or ``[U]`` of them, one of each set.
        whole: types of the tensors that are integers, inside and among constants, by name.
    """

    input: str
    nodes: tuple[onnx.NodeProto, ...]
    constants: Mapping[str, Array]
    whole: Mapping[str, int] = field(default_factory=dict)

    def __call__(self, x: FloatArray, sets: Int64Array = _FIRST) -> FloatArray:
        """Evaluate on any shape, with the parameters of set ``sets``, which broadcast against it along the last axes.

        A number that the function has no value for becomes NaN, and what is beyond float32, as in the model, its end.
        At infinity stands the limit, if the function keeps to what lies between both, else NaN.
        """
        made = self.raw(x, sets)
        made = np.broadcast_to(made, np.broadcast_shapes(made.shape, x.shape))
        finite = ~np.isinf(x)
        if finite.all():
            return _to_float32(made)
        inside = self.raw(FAR if sets.size == 1 else FAR[:, None], sets)
        over = None if sets.size == 1 else 0
        keeps = (made.min(over) <= inside.min(over)) & (inside.max(over) <= made.max(over))
        return np.where(finite, _to_float32(made), np.where(keeps, made, np.nan))

    def raw(self, x: FloatArray, sets: Int64Array = _FIRST) -> FloatArray:
        """Return what it computes, NaN and infinite where that is so."""
        *_, (_, made) = self.steps(x, sets)
        return made

    def steps(self, x: FloatArray, sets: Int64Array = _FIRST) -> Iterator[tuple[str, FloatArray]]:
        """Yield how messages name each node, and what it makes of ``x``."""
        values: dict[str, Array] = {self.input: x}
        constants = {name: value[sets] if value.ndim else value for name, value in self.constants.items()}
        with np.errstate(all="ignore"):
            for node in self.nodes:
                values[node.output[0]] = self._wrapped(node, _node(node, values, constants, self._reads_whole(node)))
                yield describe(node), np.asarray(values[node.output[0]], np.float64)

    def _reads_whole(self, node: onnx.NodeProto) -> bool:
        return node.input[0] in self.whole

    def _wrapped(self, node: onnx.NodeProto, made: Array) -> Array:
        """Return what ``node`` makes, modulo its type where that is one of integers; casts of floats saturate."""
        elem = self.whole.get(node.output[0])
        return made if elem is None or not self._reads_whole(node) else wrapped(made, elem)


def _node(node: onnx.NodeProto, values: Mapping[str, Array], constants: Mapping[str, Array], whole: bool) -> Array:
    """Return what ``node`` makes of the ``values`` so far; ``whole`` says that it reads integers."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    attributes = {k: v.decode("utf-8", "replace") if isinstance(v, bytes) else v for k, v in attributes.items()}
    computed = [n for n, name in enumerate(node.input) if name in values]
    if node.op_type in FUNCTIONS:
        operands = [values[name] if name in values else constants.get(name) for name in node.input]
        function = FUNCTIONS[node.op_type]
        if whole:
            if node.op_type == "Cast" and attributes["to"] in WHOLE:
                return np.asarray(operands[0])
            function = OF_WHOLE.get(node.op_type, function)
        return np.asarray(function(*operands, **attributes))
    if len(computed) != 1:
        raise UnsupportedError(f"reads {len(computed)} computed operands", hint="make all but one constant")
    at = computed[0]
    given = [constants.get(name) for name in node.input]
    points = READERS[node.op_type](Tensor((1,), at), *given, **attributes)
    assert isinstance(points, tuple), node.op_type
    value = np.asarray(values[node.input[at]], np.float64)
    for point in points:
        value = point(value)
    return value
