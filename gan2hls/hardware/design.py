"""The hardware design: an integer model with its folding, buffers and stream widths fixed.

Everything an emitter needs to know about sizes stands here and in the engines, once.  ``docs/microarchitecture.md``
draws the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gan2hls.hardware.engine import EngineDesign
from gan2hls.model import IntegerModel

#: Widest ``ap_uint`` that HLS compilers take, and so the widest word between two processes.
WORD_LIMIT_BITS = 4096


@final
@dataclass(frozen=True, eq=False)
class Design:
    """All engines of a chain, in stream order.  Engine ``n`` feeds engine ``n + 1`` through a width converter.

    Attributes:
        model: the integer model.
        engines: one per layer, in order.
        part: FPGA part name.
        clock_ns: clock period.
    """

    model: IntegerModel
    engines: tuple[EngineDesign, ...]
    part: str
    clock_ns: float

    @property
    def name(self) -> str:
        """Identifier of the design: the RTL top module and the HLS top function."""
        return self.model.name

    @property
    def interval_limit(self) -> int:
        """``max`` over layers of ``ceil(useful_macs / (PE * SIMD))``: no frame interval can be shorter."""
        return max(max((engine.mac_cycles for engine in self.engines), default=1), 1)


def verify_design(design: Design) -> None:
    """Check what emitters and estimators rely on.

    Raises:
        AssertionError: a stage of gan2hls made an illegal design.
    """
    assert len(design.engines) == len(design.model.layers), "one engine per layer"
    for engine, layer in zip(design.engines, design.model.layers, strict=True):
        folding = engine.folding
        assert engine.layer is layer, f"{layer.name}: engines out of order"
        assert len(layer.inputs) == 1, f"{layer.name}: one input"
        assert folding.pe % folding.lanes == 0, f"{layer.name}: lanes {folding.lanes} must divide PE {folding.pe}"
        engine.verify()
