"""Layer kinds: how each reads its ONNX operators.  One file each."""

from __future__ import annotations

from gan2hls.kinds import (
    add,
    concat,
    conv,
    conv_transpose,
    crop,
    dense,
    extremum,
    gather,
    mul,
    norm,
    pointwise,
    pool,
    rearrange,
    reorder,
    resize,
    select,
)
from gan2hls.kinds.add import Add
from gan2hls.kinds.base import (
    MAX_SEEN,
    Array,
    Kind,
    Normalization,
    Reader,
    Reading,
    StreamReading,
    Tensor,
    check_size,
    map_parameters,
    parameters,
    select_channels,
)
from gan2hls.kinds.concat import Concat
from gan2hls.kinds.int_rearrange import rearrangement
from gan2hls.kinds.norm import Norm
from gan2hls.kinds.pointwise import NO_STATISTICS
from gan2hls.kinds.rearrange import Rearrange
from gan2hls.kinds.resize import COORDINATES
from gan2hls.kinds.windows import window_axes

#: Every layer kind; adding one touches this line, its file and its templates.
KINDS: tuple[Kind, ...] = (
    conv.KIND,
    conv_transpose.KIND,
    dense.KIND,
    pointwise.KIND,
    reorder.KIND,
    crop.KIND,
    select.KIND,
    add.KIND,
    mul.KIND,
    extremum.KIND,
    concat.KIND,
    norm.KIND,
    resize.KIND,
    pool.KIND,
    pool.AVERAGE,
    gather.KIND,
    rearrange.KIND,
)

KIND_BY_NAME: dict[str, Kind] = {kind.name: kind for kind in KINDS}
#: Readers of operators that join several computed tensors.
JOINS = {op: join for kind in KINDS for op, join in kind.joins.items()}
READERS: dict[str, Reader] = {op: reader for kind in KINDS for op, reader in kind.operators.items()}

__all__ = [
    "COORDINATES",
    "JOINS",
    "KINDS",
    "KIND_BY_NAME",
    "MAX_SEEN",
    "NO_STATISTICS",
    "READERS",
    "Add",
    "Array",
    "Concat",
    "Norm",
    "Normalization",
    "Reading",
    "Rearrange",
    "StreamReading",
    "Tensor",
    "check_size",
    "map_parameters",
    "parameters",
    "rearrangement",
    "select_channels",
    "window_axes",
]
