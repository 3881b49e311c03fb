"""From the float graph to the integer model: the one place where anything is lost."""

from gan2hls.quantize.assign import assign_precision
from gan2hls.quantize.cost_bound import CostBound, DesignCost
from gan2hls.quantize.float_runs import FloatModel, Source, draw, frame_limit, probes
from gan2hls.quantize.quantize import Quantized, activation_goal_beside, quantize, quantize_inputs
from gan2hls.quantize.samples import alike, apart, shared, unusual
from gan2hls.quantize.undefined_casts import UndefinedCast, undefined_casts
from gan2hls.quantize.widening import Widening

__all__ = [
    "CostBound",
    "DesignCost",
    "FloatModel",
    "Quantized",
    "Source",
    "UndefinedCast",
    "Widening",
    "activation_goal_beside",
    "alike",
    "apart",
    "assign_precision",
    "draw",
    "frame_limit",
    "probes",
    "quantize",
    "quantize_inputs",
    "shared",
    "undefined_casts",
    "unusual",
]
