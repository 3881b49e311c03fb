"""What is said of nodes whose operands they cannot read."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import onnx

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.frontend.normalize import Normalized
from gan2hls.frontend.operators import NO_ATTENTION
from gan2hls.frontend.sums import SUMS
from gan2hls.kinds import JOINS
from gan2hls.numbers import FloatArray


def reads_codes() -> UnsupportedError:
    """Return what is said of a node that reads codes between QuantizeLinear and DequantizeLinear."""
    return UnsupportedError(
        "reads quantized codes", hint="put a DequantizeLinear with scale and zero point in front of it"
    )


def not_joined(node: onnx.NodeProto, given: Collection[str]) -> UnsupportedError:
    """Return what is said of a node that reads several computed tensors, or one twice."""
    read = sorted({name for name in node.input if name in given})
    what = f"joins the computed tensors {read}" if len(read) > 1 else f"reads the computed tensor {read[0]!r} twice"
    built = ", ".join(sorted({*JOINS, *SUMS}))
    way_out = "make all but one a constant, or add them (Add) in place of it"
    if node.op_type == "MatMul":
        way_out = NO_ATTENTION
    if node.op_type in ("Conv", "ConvTranspose"):
        way_out = (
            "its weights must be constant, or a constant times a number for each input channel and one for each output "
            "channel: multiply the map in front of it in place of the weights"
        )
    return UnsupportedError(f"{what}, which is built for {built} alone", hint=way_out)


def check_finite(values: Iterable[FloatArray | None], node: onnx.NodeProto, plain: Normalized) -> None:
    """Check that parameters are finite, be it by themselves or only together.

    Raises:
        ModelError: some are not.
    """
    if all(value is None or np.isfinite(value).all() for value in values):
        return
    read = [name for name in node.input if name in plain.constants]
    raise ModelError(
        f"its parameters, made of {read}, are NaN or infinite", hint="the training diverged; use an earlier checkpoint"
    )
