"""Engines: geometry, folding, cycles, cost, and the parts that they must fit."""

from gan2hls.hardware.budget import RESOURCE_NAMES, MemoryPort, Target, Utilization
from gan2hls.hardware.channel_order import ChannelOrder
from gan2hls.hardware.cycles import critical_path, estimate, frame_count, holding_clocks
from gan2hls.hardware.design import TURNS, WORD_LIMIT_BITS, Design, verify_design
from gan2hls.hardware.edges import QUEUE_WORDS, Edge, Stream, StreamPort
from gan2hls.hardware.engine import (
    OUT_QUEUE_WORDS,
    EngineDesign,
    Folding,
    FoldingRequest,
    Written,
)
from gan2hls.hardware.engines import make_engine
from gan2hls.hardware.entropy import (
    CHUNK_BITS,
    MOST_DECODERS,
    MOST_PHRASE,
    HuffmanStreams,
    legal_decoders,
    symbol_bits,
)
from gan2hls.hardware.footprint import footprint
from gan2hls.hardware.groups import legal_pe, legal_simd
from gan2hls.hardware.line_buffer import stretch_rows
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.memory_map import ADDRESS_BITS, OUTSTANDING, MemoryMap, Port, Region
from gan2hls.hardware.off_chip import OffChip, Tiles, legal_band_rows
from gan2hls.hardware.parts import find_part, part_name, part_resources
from gan2hls.hardware.prefetch import waits_for_bands
from gan2hls.hardware.resources import (
    design_resources,
    edges_resources,
    engine_resources,
    joints_resources,
)
from gan2hls.hardware.schedule import check_fits, fits, schedule
from gan2hls.hardware.sizing import sizing
from gan2hls.hardware.skip import AxisPhases
from gan2hls.hardware.stream_engine import StreamEngine
from gan2hls.hardware.tap_loop import granted_loop, tap_loop
from gan2hls.hardware.turns import turn_of
from gan2hls.hardware.weigh import Weighed, plain_pace, weigh
from gan2hls.hardware.width_converters import Converter

__all__ = [
    "ADDRESS_BITS",
    "CHUNK_BITS",
    "MOST_DECODERS",
    "MOST_PHRASE",
    "OUTSTANDING",
    "OUT_QUEUE_WORDS",
    "QUEUE_WORDS",
    "RESOURCE_NAMES",
    "TURNS",
    "WORD_LIMIT_BITS",
    "AxisPhases",
    "ChannelOrder",
    "Converter",
    "Design",
    "Edge",
    "EngineDesign",
    "Folding",
    "FoldingRequest",
    "HuffmanStreams",
    "LinearEngine",
    "MemoryMap",
    "MemoryPort",
    "OffChip",
    "Port",
    "Region",
    "Stream",
    "StreamEngine",
    "StreamPort",
    "Target",
    "Tiles",
    "Utilization",
    "Weighed",
    "Written",
    "check_fits",
    "critical_path",
    "design_resources",
    "edges_resources",
    "engine_resources",
    "estimate",
    "find_part",
    "fits",
    "footprint",
    "frame_count",
    "granted_loop",
    "holding_clocks",
    "joints_resources",
    "legal_band_rows",
    "legal_decoders",
    "legal_pe",
    "legal_simd",
    "make_engine",
    "part_name",
    "part_resources",
    "plain_pace",
    "schedule",
    "sizing",
    "stretch_rows",
    "symbol_bits",
    "tap_loop",
    "turn_of",
    "verify_design",
    "waits_for_bands",
    "weigh",
]
