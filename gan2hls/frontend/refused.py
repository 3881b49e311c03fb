"""What is said of nodes that read tensors which they cannot."""

from __future__ import annotations

from collections.abc import Collection

import onnx

from gan2hls.base import UnsupportedError
from gan2hls.frontend.sums import SUMS
from gan2hls.kinds import JOINS


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
    if node.op_type == "Div":
        way_out = "multiply (Mul) by the Reciprocal of the divisor, which must not come near 0"
    return UnsupportedError(f"{what}, which is built for {built} alone", hint=way_out)
