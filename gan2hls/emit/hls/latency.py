"""How long the loops of the C++ take besides their iterations: estimates of what Vitis makes of them."""

from __future__ import annotations

from gan2hls.emit.hls.tiles import MEMORY_CLOCKS

#: Clocks from the first read to the last write of one iteration, as a pipeline at 200 MHz has them: 2 for a memory, 4
#: for a product in DSP blocks, 1 for an adder, a register or a FIFO.  Estimates, which no tool has confirmed.
_LATENCY = {
    "narrow": 2,
    "widen": 2,
    "schedule": 5,
    "pixels": 4,
    "band_pixels": 5,
    "pixel_runs": 6,
    "runner": 5,
    "feeder": 7,
    "skip_feeder": 10,
    "mac": 9,
    "band_mac": 9,
    "tile_paces": 5,
    "load_weights": MEMORY_CLOCKS,
    "huffman": 6,
    "expand": 2,
    "join_parts": 2,
    "reorder": 4,
    "fill": 4,
    "requant": 10,
    "table": 4,
    "channel_table": 4,
    "norm_take": 18,
    "norm_give": 12,
    "fork": 2,
    "frame_mux": 2,
    "frame_demux": 2,
}
#: Of the unit of an operation on elements as they come.
_UNIT_LATENCY = 5


def latency_cycles(kind: str, simd: int = 1) -> int:
    """Return the clocks from the first read to the last write of an iteration of a process."""
    tree = (simd - 1).bit_length() if kind in ("mac", "band_mac") else 0
    return _LATENCY.get(kind, _UNIT_LATENCY) + tree


def restart_cycles(kind: str, simd: int = 1) -> int:
    """Return the clocks that a process adds to its trip count between frames: its loop runs empty and starts anew."""
    return latency_cycles(kind, simd) + 1
