"""Quantizers that a file carries: which operators they are, what is legal, and their points on computed tensors.

QONNX spells one as a single node (``Quant``, ``IntQuant``, ``BipolarQuant``, ``Trunc``), QCDQ and ONNX Runtime as
``QuantizeLinear``, ``Clip``, ``DequantizeLinear``.  On constants they fold to float weights (``quant_values``); on
computed tensors each becomes the points of one quantizer, which later fixes the tensor's type.

Source: intquant_v1.md, bipolar_quant_v1.md, trunc_v1.md and trunc_v2.md of QONNX; the operators of ONNX.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.kinds import Array, Tensor
from gan2hls.model import Affine, Clip, Point, Quantize, Sign
from gan2hls.numbers import FloatArray, IntType, QuantType, Ties

#: Domains under which QONNX operators are found; the first is the one that they have had since QONNX 0.1.
QONNX_DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.quant")
#: Domains of QuantizeLinear and DequantizeLinear; ONNX Runtime has wider types in its own.
QDQ_DOMAINS = ("", "ai.onnx", "com.microsoft")
QONNX_OPS = ("Quant", "IntQuant", "BipolarQuant", "Trunc")
QDQ_OPS = ("QuantizeLinear", "DequantizeLinear")

#: Widths of a code: of weights, and of what flows between engines.
MOST_BITS, MOST_ACTIVATION_BITS = 32, 16
#: How far a zero point may lie outside of the codes.
_MOST_ZERO_POINT = 1 << 16
#: ``ceil`` is our rounding after adding nearly half a step; what lies this close above a code stays there.
_NEARLY_HALF = 0.5 - 2.0**-12
_INT, _STRING = onnx.AttributeProto.INT, onnx.AttributeProto.STRING
_MODES: Mapping[str, int] = {"signed": _INT, "narrow": _INT, "rounding_mode": _STRING}
#: Legal numbers of inputs, and attributes.
_SIGNATURES: Mapping[str, tuple[tuple[int, ...], Mapping[str, int]]] = {
    "Quant": ((4,), _MODES),
    "IntQuant": ((4,), _MODES),
    "BipolarQuant": ((2,), {}),
    "Trunc": ((5, 6), _MODES),
}
_ROUNDINGS = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")


def is_qonnx(node: onnx.NodeProto) -> bool:
    """Whether ``node`` is a quantizer of QONNX."""
    return node.domain in QONNX_DOMAINS and node.op_type in QONNX_OPS


def is_qdq(node: onnx.NodeProto) -> bool:
    """Whether ``node`` is QuantizeLinear or DequantizeLinear."""
    return node.domain in QDQ_DOMAINS and node.op_type in QDQ_OPS


# --- what is legal


def check_qonnx(node: onnx.NodeProto) -> None:
    """Check the inputs and attributes of a QONNX operator, for which onnx has no schema.

    Raises:
        ModelError: what its definition does not have.
    """
    counts, legal = _SIGNATURES[node.op_type]
    given = len(node.input)
    if given not in counts or len(node.output) != 1 or not all(node.input):
        raise ModelError(
            f"has {sum(map(bool, node.input))} inputs and {len(node.output)} outputs",
            hint=f"{node.op_type} has {' or '.join(map(str, counts))} inputs and one output",
        )
    for attribute in node.attribute:
        if legal.get(attribute.name) != attribute.type:
            raise ModelError(
                f"has the attribute {attribute.name!r} of type {attribute.type}",
                hint=f"{node.op_type} has the attributes {sorted(legal)}; signed and narrow are integers",
            )


def check_scale(scale: Array, what: str = "its scale") -> FloatArray:
    """Return the scale of a quantizer of computed values as float64.

    Raises:
        ModelError: a number that is not finite, or 0.
        UnsupportedError: a number below 0.
    """
    values = check_divisor(scale, what)
    if (values < 0).any():
        raise UnsupportedError(
            f"{what} is {float(values.min())} on a computed tensor",
            hint="give activations a scale above 0, the same without its sign; weights may have either",
        )
    return values


def check_divisor(scale: Array, what: str = "its scale") -> FloatArray:
    """Return the scale of a quantizer of constants, of either sign, as float64.

    Raises:
        ModelError: a number that is not finite, or 0.
    """
    values = np.asarray(scale).astype(np.float64)
    bad = ~(np.isfinite(values) & (values != 0))
    if bad.any() or not values.size:
        found = f"{float(values[bad].reshape(-1)[0])}" if values.size else "empty"
        raise ModelError(
            f"{what} is {found}{f' in {int(bad.sum())} of {bad.size} places' if bad.size > 1 else ''}",
            hint="a scale must be a finite number other than 0; where a channel is all zeros, any does, such as 1",
        )
    return values


def check_finite_scale(scale: Array) -> None:
    """Check a scale that only multiplies, which may be 0.

    Raises:
        ModelError: a number that is not finite.
    """
    if not scale.size or not np.isfinite(scale.astype(np.float64)).all():
        raise ModelError(
            "its scale is not finite", hint="where a channel or block is all zeros, any scale does, such as 1"
        )


def check_bits(bits: Array, most: int) -> int:
    """Return a bit width.

    Raises:
        ModelError: not a whole number in 1..32.
        UnsupportedError: several widths, or one above ``most``.
    """
    widths = np.unique(np.asarray(bits).astype(np.float64))
    if widths.size != 1:
        raise UnsupportedError(
            f"its bit width has {widths.size} values",
            hint="give each tensor one bit width; per channel is not supported",
        )
    width = float(widths[0])
    if not (np.isfinite(width) and width == int(width) and 1 <= width <= MOST_BITS):
        raise ModelError(f"its bit width is {width:g}", hint=f"legal is a whole number in 1..{MOST_BITS}")
    if width > most:
        raise UnsupportedError(
            f"its bit width is {int(width)}", hint=f"activations have at most {most} bits; quantize them narrower"
        )
    return int(width)


def check_zero_point(zero_point: Array) -> FloatArray:
    """Return ``zero_point`` as float64.

    Raises:
        ModelError: a number that is not finite.
    """
    values = np.asarray(zero_point).astype(np.float64)
    if not np.isfinite(values).all():
        raise ModelError("its zero point is not finite", hint="give it a number; 0 for symmetric codes")
    return values


def check_rounding(mode: str) -> str:
    """Return a rounding mode in upper case.

    Raises:
        ModelError: QONNX has no such mode.
    """
    if mode.upper() not in _ROUNDINGS:
        raise ModelError(f"its rounding mode is {mode!r}", hint=f"legal: {', '.join(_ROUNDINGS)}")
    return mode.upper()


def code_range(bits: int, signed: bool, narrow: bool) -> tuple[int, int]:
    """Return the least and the greatest code of QONNX's ``signed`` and ``narrow``."""
    if signed:
        top = (1 << (bits - 1)) - 1
        return (-top if narrow else -top - 1), top
    return 0, (1 << bits) - 1 - narrow


# --- points on computed tensors


def levels(
    scale: float, zero_point: int, lo: int, hi: int, *, shift: float = 0.0, ties: Ties = "up"
) -> tuple[Point, ...]:
    """Return the points of the quantizer to the codes ``lo..hi``.

    Args:
        scale: between two levels.
        zero_point: code of 0.
        lo: least code.
        hi: greatest code.
        shift: added before rounding, in codes: -0.5 makes it floor.
        ties: which code a value between two becomes.

    Raises:
        UnsupportedError: codes of more than 16 bits, or a zero point far outside of them.
    """
    code_type = IntType.covering(lo, hi)
    if code_type.bits > MOST_ACTIVATION_BITS or abs(zero_point) > _MOST_ZERO_POINT:
        raise UnsupportedError(
            f"quantizes a computed tensor to the codes {lo}..{hi} with zero point {zero_point}",
            hint=f"codes of at most {MOST_ACTIVATION_BITS} bits, zero points within {_MOST_ZERO_POINT}",
        )
    moved = (Affine(np.ones(1), np.array([shift * scale])),) if shift else ()
    narrow = (lo, hi) != (code_type.lo, code_type.hi)
    clip = (Clip((lo - zero_point) * scale, (hi - zero_point) * scale),) if narrow else ()
    return (*moved, *clip, Quantize(QuantType(code_type, scale, zero_point, ties)))


def _one(value: Array | None, what: str) -> float:
    """Return the one number that a constant holds."""
    if value is None:
        raise UnsupportedError(
            f"{what} is computed by the network",
            hint="give it a constant, as static quantization does: calibrate, then export",
        )
    values = np.unique(np.asarray(value).astype(np.float64))
    if values.size != 1:
        raise UnsupportedError(
            f"{what} differs from channel to channel ({values.size} values) on a computed tensor",
            hint="quantize activations per tensor; weights may have a scale per channel",
        )
    return float(values[0])


def _whole(value: float, what: str) -> int:
    if value != int(value):
        raise UnsupportedError(f"{what} is {value:g}", hint="on computed tensors it must be a whole number")
    return int(value)


def scale_of(value: Array | None) -> float:
    """Return the scale of a quantizer of a computed tensor."""
    if value is not None:
        check_scale(value)
    return _one(value, "its scale")


def zero_point_of(value: Array | None) -> int:
    """Return the zero point of a quantizer of a computed tensor."""
    if value is not None:
        check_zero_point(value)
    return _whole(_one(value, "its zero point"), "its zero point")


def bipolar(scale: float) -> tuple[Point, ...]:
    """Return the points of a quantizer to {-scale, +scale}."""
    return Sign(scale), Quantize(QuantType(IntType(2, signed=True), scale))


def _shift(mode: str, nonnegative: bool) -> float:
    """Return what to add, in codes, so that our rounding is that of ``mode``."""
    match mode:
        case "FLOOR":
            return -0.5
        case "CEIL":
            return _NEARLY_HALF
        case "DOWN" if nonnegative:
            return -0.5
        case "UP" if nonnegative:
            return _NEARLY_HALF
        case "DOWN" | "UP":
            raise UnsupportedError(
                f"rounds a computed tensor by {mode}, towards or away from zero, to signed codes",
                hint="use ROUND, FLOOR or CEIL, or unsigned codes",
            )
        case _:
            return 0.0  # they differ in ties only


def _ties(mode: str) -> Ties:
    """Return where our rounding, moved by ``_shift``, has to take ties; ROUND is NumPy's, of codes with zero point."""
    return "even" if mode in ("ROUND", "HALF_EVEN") else "up"


def quant(
    x: Tensor,
    _: Array | None,
    scale: Array | None,
    zero_point: Array | None,
    bits: Array | None,
    *,
    signed: int = 1,
    narrow: int = 0,
    rounding_mode: str = "ROUND",
) -> tuple[Point, ...]:
    """Read Quant or IntQuant."""
    _check_position(x)
    step, zero = scale_of(scale), zero_point_of(zero_point)
    if bits is None:
        raise UnsupportedError(
            "its bit width is computed by the network", hint="make all its inputs but the first constants"
        )
    width, mode = check_bits(bits, MOST_ACTIVATION_BITS), check_rounding(rounding_mode)
    if width == 1 and signed:
        if zero:
            raise UnsupportedError(f"is bipolar with zero point {zero}", hint="a bipolar quantizer needs zero point 0")
        return bipolar(step)
    lo, hi = code_range(width, bool(signed), bool(narrow))
    if lo == hi:
        raise ModelError(f"has the one code {lo}", hint="a narrow range of 1 bit is empty; use 2 bits or more")
    return levels(step, zero, lo, hi, shift=_shift(mode, lo >= zero), ties=_ties(mode))


def bipolar_quant(x: Tensor, _: Array | None, scale: Array | None) -> tuple[Point, ...]:
    """Read BipolarQuant."""
    _check_position(x)
    return bipolar(scale_of(scale))


def trunc(
    x: Tensor,
    _: Array | None,
    scale: Array | None,
    zero_point: Array | None,
    in_bits: Array | None,
    *more: Array | None,
    rounding_mode: str = "FLOOR",
    signed: int = 1,
    narrow: int = 0,
) -> tuple[Point, ...]:
    """Read Trunc: of version 1 with the output's width, of version 2 with the output's scale and width.

    Version 1 divides by the truncated bits and keeps the input's scale; it clamps nothing, so its codes get the width
    of the input's.
    """
    _check_position(x)
    step, zero = scale_of(scale), zero_point_of(zero_point)
    if in_bits is None or not more or any(value is None for value in more):
        raise UnsupportedError(
            "its widths are computed by the network", hint="make all its inputs but the first constants"
        )
    before = check_bits(in_bits, MOST_BITS)
    after = check_bits(np.asarray(more[-1]), MOST_ACTIVATION_BITS)
    mode = check_rounding(rounding_mode)
    if zero:
        raise UnsupportedError(f"truncates with zero point {zero}", hint="only zero point 0 is supported")
    if len(more) == 2:
        out_scale = scale_of(more[0])
        factor = 2.0 ** round(math.log2(out_scale / step))
        lo, hi = code_range(after, bool(signed), bool(narrow))
    else:
        out_scale, factor = step, float(2.0 ** (before - after))
        lo, hi = code_range(min(MOST_ACTIVATION_BITS, after + 1), True, False)
    if factor < 1:
        raise ModelError(
            f"truncates {before} bits to {after}: there is nothing to cut",
            hint=f"give it an output of fewer than {before} bits, or take the Trunc out",
        )
    # the input lies on multiples of ``step``: moved by half of one, no rounding error can cross a code
    shift = _shift(mode, lo >= 0) + (0.5 / factor if mode in ("FLOOR", "DOWN") else 0.0)
    scaled = (Affine(np.array([out_scale / (step * factor)]), np.zeros(1)),) if out_scale != step * factor else ()
    return (*scaled, *levels(out_scale, 0, lo, hi, shift=shift, ties=_ties(mode)))


def _check_position(x: Tensor) -> None:
    if x.position != 0:
        raise UnsupportedError(
            "its parameters are computed by the network", hint="make all its inputs but the first constants"
        )


#: Readers of QONNX operators on computed tensors, called as those of ``layers.READERS``.
QONNX_READERS: Mapping[str, Callable[..., tuple[Point, ...]]] = {
    "Quant": quant,
    "IntQuant": quant,
    "BipolarQuant": bipolar_quant,
    "Trunc": trunc,
}


# --- types


def integer_bounds(dtype: np.dtype[Any]) -> tuple[int, int] | None:
    """Return the range of an integer type, 2-bit and 4-bit ones included; None for any other."""
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return int(info.min), int(info.max)
    small = {"int2": (-2, 1), "uint2": (0, 3), "int4": (-8, 7), "uint4": (0, 15)}
    return small.get(dtype.name)


def quantizer_elem(node: onnx.NodeProto, elems: Mapping[str, int]) -> int:
    """Return the element type of what a quantizer makes; ``elems`` holds those of its inputs."""
    attributes = {a.name: a.i for a in node.attribute}
    if is_qonnx(node):
        return elems[node.input[0]]
    if attributes.get("output_dtype"):
        return int(attributes["output_dtype"])
    if node.op_type == "DequantizeLinear":
        return elems[node.input[1]]
    given = node.input[2] if len(node.input) > 2 else ""
    return elems[given] if given else int(TensorProto.UINT8)
