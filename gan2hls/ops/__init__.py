"""Operations: what a layer makes of the tensors that it reads, before its points, as frozen data.

In float, as the passes rewrite it, and in integers, as golden model and hardware compute it.  Here stand what all of
them answer, the linear one, what it may become and the identity; a kind that is none of these has a file in ``kinds``.
"""

from gan2hls.ops.crop import IntCrop, crop_by
from gan2hls.ops.identity import Identity, IntIdentity
from gan2hls.ops.linear import COPY, IntLinear, Linear
from gan2hls.ops.linear_map import joined, linear
from gan2hls.ops.off_chip_ring import BOUNDARY, OffChipRing, burst_beats, bus_word_bits, queue_beats
from gan2hls.ops.operation import IntOp, Operation
from gan2hls.ops.repeated import IntRepeated, on_frames
from gan2hls.ops.select import IntSelect, selected_by
from gan2hls.ops.shuffle import Shape, is_shuffle, shuffled, unshuffled
from gan2hls.ops.stream_operation import HeldMap, Parameter, Program, Sizes, StreamOperation, Unit, UnitCost, UnitTable
from gan2hls.ops.taps import (
    AxisTaps,
    LinearGeometry,
    TapEntry,
    by_row_phases,
    conv_axis,
    conv_transpose_axis,
    dense_geometry,
)
from gan2hls.ops.weights import EXACT, IntWeight, Structure, weight_type

__all__ = [
    "BOUNDARY",
    "COPY",
    "EXACT",
    "AxisTaps",
    "HeldMap",
    "Identity",
    "IntCrop",
    "IntIdentity",
    "IntLinear",
    "IntOp",
    "IntRepeated",
    "IntSelect",
    "IntWeight",
    "Linear",
    "LinearGeometry",
    "OffChipRing",
    "Operation",
    "Parameter",
    "Program",
    "Shape",
    "Sizes",
    "StreamOperation",
    "Structure",
    "TapEntry",
    "Unit",
    "UnitCost",
    "UnitTable",
    "burst_beats",
    "bus_word_bits",
    "by_row_phases",
    "conv_axis",
    "conv_transpose_axis",
    "crop_by",
    "dense_geometry",
    "is_shuffle",
    "joined",
    "linear",
    "on_frames",
    "queue_beats",
    "selected_by",
    "shuffled",
    "unshuffled",
    "weight_type",
]
