"""The float graph and the integer model, each with its evaluator."""

from gan2hls.model.batch import batched
from gan2hls.model.float_eval import run_layer
from gan2hls.model.golden import Golden, Rerun
from gan2hls.model.integer import IntegerModel, IntLayer, verify_integer_model
from gan2hls.model.ir import IDENTIFIER, Graph, Layer, Port, linear_layers, verify_graph
from gan2hls.model.liveness import done_with
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

__all__ = [
    "IDENTIFIER",
    "Affine",
    "Clip",
    "Curve",
    "Evaluator",
    "Function",
    "Golden",
    "Graph",
    "IntLayer",
    "IntegerModel",
    "Layer",
    "Leaky",
    "Origin",
    "Piecewise",
    "Point",
    "Port",
    "Quantize",
    "Rerun",
    "Sign",
    "Split",
    "batched",
    "done_with",
    "linear_layers",
    "readings",
    "rewired",
    "run_layer",
    "split",
    "verify_graph",
    "verify_integer_model",
    "with_layers",
]
