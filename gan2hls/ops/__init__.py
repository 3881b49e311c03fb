"""Operations: what a layer makes of the tensors that it reads, before its points.  A closed union of frozen data.

Each has a file: in float, as the passes rewrite it, and in integers, as golden model and hardware compute it.
"""

from gan2hls.ops.identity import Identity, IntIdentity
from gan2hls.ops.linear import COPY, IntLinear, Linear, acc_bounds
from gan2hls.ops.linear_map import joined, linear
from gan2hls.ops.shuffle import Shape, is_shuffle, shuffled, unshuffled
from gan2hls.ops.taps import (
    AxisTaps,
    LinearGeometry,
    by_row_phases,
    conv_axis,
    conv_transpose_axis,
    dense_geometry,
)
from gan2hls.ops.weights import EXACT, IntWeight, Structure, weight_type

#: What a layer of the float graph does.
Op = Linear | Identity
#: What a layer of the integer model does.
IntOp = IntLinear | IntIdentity

__all__ = [
    "COPY",
    "EXACT",
    "AxisTaps",
    "Identity",
    "IntIdentity",
    "IntLinear",
    "IntOp",
    "IntWeight",
    "Linear",
    "LinearGeometry",
    "Op",
    "Shape",
    "Structure",
    "acc_bounds",
    "by_row_phases",
    "conv_axis",
    "conv_transpose_axis",
    "dense_geometry",
    "is_shuffle",
    "joined",
    "linear",
    "shuffled",
    "unshuffled",
    "weight_type",
]
