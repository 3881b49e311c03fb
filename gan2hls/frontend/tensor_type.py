"""Element type and static shape of a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import onnx

from gan2hls.base import UnsupportedError
from gan2hls.frontend.naming import describe


@final
@dataclass(frozen=True)
class TensorType:
    """Element type (``onnx.TensorProto.DataType``) and static shape."""

    elem: int
    shape: tuple[int, ...]


def static_type(info: onnx.ValueInfoProto, node: onnx.NodeProto) -> TensorType:
    """Return the type of an output of ``node`` that inference gives.

    Raises:
        UnsupportedError: a size that it does not know.
    """
    tensor = info.type.tensor_type
    if not info.type.HasField("tensor_type") or not tensor.HasField("shape"):
        raise UnsupportedError(
            "has an output whose size is not known beforehand",
            where=describe(node),
            hint="remove it from the generator: every size must follow from the input's shape",
        )
    if not all(dim.HasField("dim_value") for dim in tensor.shape.dim):
        raise UnsupportedError(
            "has an output whose size depends on values",
            where=describe(node),
            hint="remove it from the generator: every size must follow from the input's shape",
        )
    return TensorType(tensor.elem_type, tuple(dim.dim_value for dim in tensor.shape.dim))
