"""The float graph and the integer model, each with its evaluator."""

from gan2hls.model.float_eval import run_layer
from gan2hls.model.golden import Golden
from gan2hls.model.integer import IntegerModel, IntLayer, verify_integer_model
from gan2hls.model.ir import IDENTIFIER, Graph, Layer, Port, linear_layers, verify_graph
from gan2hls.model.linear_map import joined, linear
from gan2hls.model.ops import COPY, Identity, IntIdentity, IntLinear, IntOp, Linear, Op, acc_bounds
from gan2hls.model.origin import Origin
from gan2hls.model.points import (
    Affine,
    Clip,
    Curve,
    Evaluator,
    Function,
    Leaky,
    Piecewise,
    Point,
    Quantize,
    Sign,
    Split,
    split,
)
from gan2hls.model.rewiring import readings, rewired, with_layers
from gan2hls.model.shuffle import Shape, is_shuffle, shuffled, unshuffled
from gan2hls.model.taps import (
    AxisTaps,
    LinearGeometry,
    by_row_phases,
    conv_axis,
    conv_transpose_axis,
    dense_geometry,
)
from gan2hls.model.weights import EXACT, IntWeight, Structure, weight_type

__all__ = [
    "COPY",
    "EXACT",
    "IDENTIFIER",
    "Affine",
    "AxisTaps",
    "Clip",
    "Curve",
    "Evaluator",
    "Function",
    "Golden",
    "Graph",
    "Identity",
    "IntIdentity",
    "IntLayer",
    "IntLinear",
    "IntOp",
    "IntWeight",
    "IntegerModel",
    "Layer",
    "Leaky",
    "Linear",
    "LinearGeometry",
    "Op",
    "Origin",
    "Piecewise",
    "Point",
    "Port",
    "Quantize",
    "Shape",
    "Sign",
    "Split",
    "Structure",
    "acc_bounds",
    "by_row_phases",
    "conv_axis",
    "conv_transpose_axis",
    "dense_geometry",
    "is_shuffle",
    "joined",
    "linear",
    "linear_layers",
    "readings",
    "rewired",
    "run_layer",
    "shuffled",
    "split",
    "unshuffled",
    "verify_graph",
    "verify_integer_model",
    "weight_type",
    "with_layers",
]
