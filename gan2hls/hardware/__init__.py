"""Engines: geometry, folding, cycles, cost, and the parts that they must fit."""

from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.design import (
    OUT_QUEUE_WORDS,
    WORD_LIMIT_BITS,
    Design,
    EngineDesign,
    Folding,
    FoldingRequest,
    make_engine,
    verify_design,
)
from gan2hls.hardware.footprint import footprint
from gan2hls.hardware.groups import legal_pe, legal_simd
from gan2hls.hardware.parts import find_part, part_name, part_resources
from gan2hls.hardware.resources import engine_resources
from gan2hls.hardware.schedule import Target, schedule, sizing
from gan2hls.hardware.skip import AxisPhases
from gan2hls.hardware.width_converters import converters

__all__ = [
    "OUT_QUEUE_WORDS",
    "WORD_LIMIT_BITS",
    "AxisPhases",
    "Design",
    "EngineDesign",
    "Folding",
    "FoldingRequest",
    "Target",
    "converters",
    "engine_resources",
    "estimate",
    "find_part",
    "footprint",
    "legal_pe",
    "legal_simd",
    "make_engine",
    "part_name",
    "part_resources",
    "schedule",
    "sizing",
    "verify_design",
]
