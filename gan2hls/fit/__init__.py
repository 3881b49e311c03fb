"""Real numbers become integers: weights, ranges and requantizers, alone and by what layers make of them."""

from gan2hls.fit.fit_only import fit_alone
from gan2hls.fit.layer_precision import LayerPrecision
from gan2hls.fit.ranges import PERCENTILE, RangeRule, activation_type, range_type
from gan2hls.fit.reconstruct import LayerProblem
from gan2hls.fit.requantize import MULT_BITS, WIDE_MULT_BITS, make_requant, scale_bits
from gan2hls.fit.sensitivity import Sensitivity, affordable_frames, find_sensitivity
from gan2hls.fit.solution import Solution
from gan2hls.fit.statistics import measure
from gan2hls.fit.weight import FitOptions, fit_weight
from gan2hls.fit.whole_model import Reconstruction

__all__ = [
    "MULT_BITS",
    "PERCENTILE",
    "WIDE_MULT_BITS",
    "FitOptions",
    "LayerPrecision",
    "LayerProblem",
    "RangeRule",
    "Reconstruction",
    "Sensitivity",
    "Solution",
    "activation_type",
    "affordable_frames",
    "find_sensitivity",
    "fit_alone",
    "fit_weight",
    "make_requant",
    "measure",
    "range_type",
    "scale_bits",
]
