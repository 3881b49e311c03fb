"""The float graph and the integer model, each with its evaluator."""

from gan2hls.model.float_eval import joined, linear, run_layer
from gan2hls.model.golden import Golden
from gan2hls.model.integer import IntegerModel, IntLayer, acc_bounds, verify_integer_model
from gan2hls.model.ir import IDENTIFIER, Graph, Layer, Port, Shape, verify_graph
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
from gan2hls.model.taps import AxisTaps, LinearGeometry, conv_axis, conv_transpose_axis, dense_geometry
from gan2hls.model.weights import EXACT, IntWeight, Structure, weight_type

__all__ = [
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
    "IntLayer",
    "IntWeight",
    "IntegerModel",
    "Layer",
    "Leaky",
    "LinearGeometry",
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
    "conv_axis",
    "conv_transpose_axis",
    "dense_geometry",
    "joined",
    "linear",
    "readings",
    "rewired",
    "run_layer",
    "split",
    "verify_graph",
    "verify_integer_model",
    "weight_type",
    "with_layers",
]
