"""Casts to integers that do not hold what they read: ONNX leaves the result undefined, and runtimes differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from gan2hls.model import Port
from gan2hls.quantize.float_runs import FloatModel

_SATURATING = (TensorProto.UINT8, TensorProto.INT8, TensorProto.UINT16, TensorProto.INT16)


@final
@dataclass(frozen=True)
class UndefinedCast:
    """A Cast that read numbers beyond its type.

    Attributes:
        node: how messages name it.
        elem: name of the type.
        lo: least integer of the type.
        hi: greatest.
        share: of the numbers that it read, those beyond.
    """

    node: str
    elem: str
    lo: int
    hi: int
    share: float

    @property
    def way_out(self) -> str:
        """Return what to do."""
        return f"put a Clip to {self.lo}..{self.hi} in front of it"

    def __str__(self) -> str:
        return (
            f"{self.node}: {100 * self.share:.2g} % of what it reads is beyond {self.elem}, {self.lo}..{self.hi}, of "
            "which ONNX leaves the result undefined: here it saturates, in ONNX Runtime it may wrap"
        )


def undefined_casts(model: onnx.ModelProto, inputs: Mapping[str, npt.NDArray[np.generic]]) -> tuple[UndefinedCast, ...]:
    """Run the normalized ``model`` on ``inputs`` and return the casts to 8 and 16 bits that met numbers beyond them.

    Args:
        model: as ``frontend.Loaded.onnx_model``.
        inputs: by ONNX name, ``[N, *onnx_shape[1:]]``.
    """
    infos = {info.name: info.type.tensor_type for info in (*model.graph.input, *model.graph.value_info)}
    casts = [
        (node, elem)
        for node in model.graph.node
        for elem in (a.i for a in node.attribute if node.op_type == "Cast" and a.name == "to")
        if elem in _SATURATING and node.input[0] in infos and infos[node.input[0]].elem_type == TensorProto.FLOAT
    ]
    if not casts:
        return ()
    streams = FloatModel(model, [_port(n, node.input[0], infos) for n, (node, _) in enumerate(casts)]).run(inputs)
    found = []
    for n, (node, elem) in enumerate(casts):
        kind = np.iinfo(helper.tensor_dtype_to_np_dtype(elem))
        whole = np.trunc(streams[str(n)])
        share = np.count_nonzero((whole < kind.min) | (whole > kind.max)) / whole.size
        name = f"node {(node.name or node.output[0])!r} (Cast)"
        found.append(UndefinedCast(name, TensorProto.DataType.Name(elem), int(kind.min), int(kind.max), share))
    return tuple(cast for cast in found if cast.share)


def _port(n: int, name: str, infos: Mapping[str, onnx.TypeProto.Tensor]) -> Port:
    shape = tuple(dim.dim_value for dim in infos[name].shape.dim)
    size = int(np.prod(shape))
    return Port(str(n), name, shape, (1, 1, size), np.arange(size))
