"""What a report tells of the external memory."""

from __future__ import annotations

from typing import Literal

from gan2hls.hardware import Design, LinearEngine
from gan2hls.report.schema import MemoryReport, RegionReport, RingReport


def memory_report(design: Design, interval: int | None) -> MemoryReport:
    """Return what stands in external memory and what crosses its ports, a frame of a generator in ``interval`` clocks.

    Raises:
        AssertionError: all of ``design`` stands on chip.
    """
    memory = design.memory
    assert memory is not None, "no external memory"
    codings = {engine.layer.name: _coding(engine) for engine in memory.engines}
    floats = sum(4 * engine.weight.values.size for engine in memory.engines)
    spent = None if not interval else memory.frame_bytes / (design.batch * interval * design.clock_ns)
    return MemoryReport(
        port_bits=memory.bus_bits,
        ports=len(memory.ports),
        image_bytes=memory.size,
        span_bytes=memory.span,
        bytes_per_frame=design.per_frame(memory.frame_bytes),
        float32_ratio=round(design.batch * floats / memory.weight_bytes, 4) if memory.regions else None,
        gigabytes_per_second=None if spent is None else round(spent, 4),
        regions=tuple(
            RegionReport(
                layer=region.layer,
                port=next(n for n, port in enumerate(memory.ports) if region in port.regions),
                stream=region.stream,
                offset=region.offset,
                bytes=region.size,
                passes=region.passes,
                turns=region.turns,
                coding=codings[region.layer],
            )
            for region in memory.regions
        ),
        rings=tuple(
            RingReport(
                of=placed.about,
                port=next(n for n, port in enumerate(memory.ports) if placed in port.rings),
                offset=placed.offset,
                bytes=placed.ring.size,
                bytes_per_frame=design.per_frame(placed.ring.frame_bytes),
            )
            for placed in memory.rings
        ),
    )


def _coding(engine: LinearEngine) -> Literal["plain", "huffman", "huffman_runs"]:
    """Return how the weights of an engine stand in external memory."""
    if engine.huffman is None:
        return "plain"
    return "huffman" if engine.huffman.phrases.most == 1 else "huffman_runs"
