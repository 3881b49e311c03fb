"""What the command line draws: progress, tables of layers and of verification steps."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as RichProgress
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from gan2hls.compress import Compressed
from gan2hls.flow import STAGES
from gan2hls.report import (
    AlternativeReport,
    AssignmentReport,
    LayerFacts,
    MemoryReport,
    ModelFacts,
    Report,
    StepReport,
    WeightBits,
    WideningReport,
    rails,
    shared_engines,
)

#: Characters of the longest text in a table's cell, and of the widest table.
_LONGEST, _WIDEST = 64, 1000
#: How much longer frames of the C++ must take for that to be told.
_SLOWER = 1.1
_RESOURCES = {"dsp": "DSP", "lut": "LUT", "ff": "FF", "bram18": "BRAM18", "uram": "URAM"}
_STATUS_STYLE = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


@final
class Progress:
    """A spinner with the running stage on a terminal, silence elsewhere."""

    def __init__(self, console: Console) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        self._bar = RichProgress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("starting")

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def notify(self, stage: str, detail: str) -> None:
        """Show that ``stage`` is running, and on what."""
        number = f"[{STAGES.index(stage) + 1}/{len(STAGES)}] " if stage in STAGES else ""
        self._bar.update(self._task, description=f"{number}{stage} {detail}".rstrip())


def show_report(console: Console, report: Report) -> None:
    """Print the closing tables of a build."""
    table = _table(
        f"{report.model.name}: {report.model.params:,} parameters",
        ("layer",),
        ("output", "weight", "bits", "out", "PE x SIMD", "MACs", "executed", "cycles", "SQNR dB"),
    )
    beside = rails({layer.name: [one.tensor for one in layer.inputs] for layer in report.layers})
    for rail, layer in zip(beside, report.layers, strict=True):
        cycles = layer.cycles.measured if layer.cycles.measured is not None else layer.cycles.estimated
        table.add_row(
            _beside(rail, layer.name),
            "x".join(map(str, layer.shape)),
            layer.precision.weight or "-",
            _bits_per_weight(layer.weight_bits),
            layer.precision.activation,
            f"{layer.folding.pe} x {layer.folding.simd}",
            f"{layer.useful_macs:,}",
            _number(layer.executed_macs),
            _number(cycles),
            _number(layer.sqnr_db),
        )
    _print(console, table)
    if report.assignment is not None:
        show_assignment(console, report.assignment)
    if report.widening is not None:
        show_widening(console, report.widening)
    totals, interval = report.totals, report.totals.frame_interval_cycles
    inserted = sum(layer.zero_insertion_macs for layer in report.layers)
    console.print(f"MACs per frame: {totals.useful_macs:,} useful, {inserted:,} with inserted zeros")
    console.print(
        f"frame interval: limit {interval.limit:,}, estimated {_number(interval.estimated)}, "
        f"measured {_number(interval.measured)} cycles; {_number(totals.frames_per_second)} frames/s"
        f"{f', in batches of {totals.batch}' if totals.batch > 1 else ''}"
    )
    of_cpp, of_rtl = interval.hls_estimated, interval.measured or interval.estimated
    if of_cpp is not None and of_rtl is not None and of_cpp > _SLOWER * of_rtl:
        console.print(
            f"frame interval of the HLS C++: {of_cpp:,} cycles: its loops start anew with each frame"
            f"{', and what waits in external memory is of one frame' if report.memory and report.memory.rings else ''}",
            soft_wrap=True,
        )
    if any(len(layer.inputs) > 1 for layer in report.layers):
        console.print(f"critical path: {' > '.join(totals.critical_path)}", soft_wrap=True)
        queues = sum(one.queue_bits for layer in report.layers for one in layer.inputs)
        console.print(f"queues of branches: {queues:,} bits")
    _show_resources(console, report)
    if totals.compression_ratio is not None:
        console.print(f"weights: {totals.compression_ratio:.1f} times fewer bits than float32")
    console.print(f"quality: PSNR {_number(report.quality.psnr_db)} dB, SSIM {_number(report.quality.ssim, 3)}")
    show_steps(console, report.verification)


def _beside(rail: str, name: str) -> str:
    return f"{rail} {name}" if rail else name


def _bits_per_weight(bits: WeightBits) -> str:
    """Return what a weight takes with its share of centroids, scales and pointers."""
    overall = bits.encoded + bits.scales + bits.pointers
    return f"{32 * overall / bits.float32:.2f}" if bits.float32 else "-"


def show_assignment(console: Console, assignment: AssignmentReport) -> None:
    """Print what ``precision: auto`` chose, and each layer's alternatives with the network's PSNR."""
    prices = assignment.prices
    priced = (prices.bits, prices.dsp, prices.lut) != (1, 0, 0)
    table = _table(
        f"precision: auto ({assignment.policy}): {_taken(assignment, priced)}, {_number(assignment.psnr_db)} dB",
        ("layer", "weight", f"alternatives: {'cost' if priced else 'bits'}, PSNR of the network"),
        ("bits", "DSP", "LUT", *(["cost"] if priced else [])),
    )
    for choice in assignment.layers:
        rows = [
            f"{one.precision} {_number(one.cost) if priced else f'{one.bits:,}'} {_number(one.psnr_db)}"
            for one in choice.alternatives
        ]
        name = f"{choice.precision} (pinned)" if choice.pinned else choice.precision
        cells = [f"{count:,}" for count in (choice.bits, choice.dsp, choice.lut)] + [_number(choice.cost)] * priced
        table.add_row(choice.layer, name, "; ".join(rows) or "-", *(["-"] * len(cells) if choice.pinned else cells))
    _print(console, table)
    for one in assignment.uniform:
        console.print(f"  uniform {one.precision}: {_taken(one, priced)}, {_number(one.psnr_db)} dB", markup=False)


def show_widening(console: Console, widening: WideningReport) -> None:
    """Print which activations ``activation: auto`` gave more than 8 bits, and what each gains alone."""
    if not widening.tensors:
        return
    console.print(
        f"activation: auto: {_number(widening.narrow_db)} dB with 8 bits, {_number(widening.psnr_db)} dB with more; "
        f"with 12 bits everywhere {_number(widening.most_db)} dB"
    )
    for one in widening.tensors:
        console.print(f"  {one.tensor}: {one.bits} bits; with 8 alone {_number(one.narrow_db)} dB", markup=False)


def _taken(one: AssignmentReport | AlternativeReport, priced: bool) -> str:
    """Say what an assignment takes, and what that costs where more than bits has a price."""
    if not priced:
        return f"{one.bits:,} bits"
    return f"{one.bits:,} bits, {one.dsp:,} DSP, {one.lut:,} LUT, cost {_number(one.cost)}"


def _show_resources(console: Console, report: Report) -> None:
    """Print what each engine takes, what all take, and what the part has."""
    totals = report.totals
    used, there = totals.resources.model_dump(), None if totals.available is None else totals.available.model_dump()
    names = [name for name, count in used.items() if count or (name != "uram" and count is not None)]
    table = _table("resources (estimated)", ("layer",), tuple(_RESOURCES[name] for name in names))
    for layer in report.layers:
        table.add_row(layer.name, *(f"{layer.resources.model_dump()[name]:,}" for name in names))
    table.add_section()
    table.add_row("in all", *(f"{used[name]:,}" for name in names))
    if there is not None:
        table.add_row("of the part", *(f"{there[name]:,}" for name in names))
        table.add_row("used", *(f"{used[name] / there[name]:.0%}" if there[name] else "-" for name in names))
    _print(console, table)
    for group in shared_engines(report):
        console.print(f"one engine, counted with {group[0]}, for {', '.join(group)}", markup=False)
    waiting = [layer.name for layer in report.layers if layer.waits_for_bands and layer.shares in (None, layer.name)]
    if waiting:
        console.print(f"rows wait for those before them, to spare block RAM, in {', '.join(waiting)}", markup=False)
    if report.memory is not None:
        _show_memory(console, report.memory)
    if there is not None and any(used[name] > there[name] for name in names):
        console.print(
            "warning: the part is too small; choose a larger --part, fewer weight bits, or a smaller generator",
            style="yellow",
        )


#: How a layer's weights are coded in external memory, behind its name.
_CODINGS = {"plain": "", "huffman": " (Huffman)", "huffman_runs": " (Huffman, runs of zeros)"}


def _show_memory(console: Console, memory: MemoryReport) -> None:
    """Print what stands in external memory, and how much crosses its ports."""
    spent = memory.gigabytes_per_second
    away = dict.fromkeys(f"{region.layer}{_CODINGS[region.coding]}" for region in memory.regions)
    console.print(
        f"external memory: {memory.bytes_per_frame:,} bytes a frame through "
        f"{f'{memory.ports} ports of ' if memory.ports > 1 else ''}{memory.port_bits} bits"
        f"{'' if spent is None else f', {spent:.2f} GB/s'}",
        markup=False,
    )
    if away:
        console.print(f"  an image of {memory.image_bytes:,} bytes: weights of {', '.join(away)}", markup=False)
    if memory.rings:
        size = sum(ring.bytes for ring in memory.rings)
        console.print(f"  {size:,} bytes behind it: {', '.join(ring.of for ring in memory.rings)}", markup=False)


def show_steps(console: Console, steps: Mapping[Any, StepReport]) -> None:
    """Print what every step of the ladder found."""
    for name, step in steps.items():
        style = _STATUS_STYLE[step.status]
        detail = f"{step.frames} frames, {step.values:,} values" if step.values else ""
        if step.status != "passed":
            detail = step.first_mismatch or step.reason
        console.print(f"  {name:<7}[{style}]{step.status:<8}[/{style}] {escape(detail)}")


def show_inspection(console: Console, facts: ModelFacts) -> None:
    """Print a model's layers and MACs."""
    for role, ports in (("input", facts.inputs), ("output", facts.outputs)):
        for port in ports:
            console.print(f"{role} {port['onnx_name']}: {list(port['onnx_shape'])}", markup=False)
    table = _table(
        f"{facts.name}: {facts.params:,} parameters",
        ("layer", "input", "output", "kernel", "stride", "then"),
        ("params", "useful MACs", "padded", "zeros"),
    )
    beside = rails({layer.name: layer.inputs for layer in facts.layers})
    for rail, layer in zip(beside, facts.layers, strict=True):
        table.add_row(
            _beside(rail, layer.name),
            ", ".join(dict.fromkeys("x".join(map(str, shape)) for shape in layer.in_shapes)),
            "x".join(map(str, layer.out_shape)),
            "x".join(map(str, layer.kernel)) if layer.kernel else "-",
            "x".join(map(str, layer.stride)) if layer.stride else "-",
            ", ".join(layer.points) or "-",
            f"{layer.params:,}",
            f"{layer.useful_macs:,}",
            _times(layer.padded_phase_macs, layer.useful_macs),
            _times(layer.zero_insertion_macs, layer.useful_macs),
        )
    _print(console, table)
    for layer in facts.layers:
        read = f"reads {' and '.join(layer.inputs)}, " if len(layer.inputs) > 1 else ""
        console.print(f"{layer.name}: {read}{_describe_weights(layer)}", markup=False)
    if facts.removed_weights:
        console.print(f"{facts.removed_weights:,} weights of dead channels are left out")
    totals = facts.totals
    console.print(
        f"MACs per frame: {totals['useful_macs']:,} useful, {totals['padded_phase_macs']:,} with padded phases, "
        f"{totals['zero_insertion_macs']:,} with inserted zeros"
    )


def _describe_weights(layer: LayerFacts) -> str:
    """Say what a layer's weights are, and what type the file gives its output."""
    output = f"; output {layer.activation} by the file" if layer.activation else ""
    weights = layer.weights
    if weights is None:
        return f"no weights{output}"
    if weights.precision is None:
        text = "plain float weights"
    else:
        text = f"{weights.precision}, {weights.scales} {'scale' if weights.scales == 1 else 'scales'}"
        rounded = "centroids" if weights.codec == "codebook" else "scales of blocks"
        text += "" if weights.exact else f", {rounded} rounded to 16 bits"
    if weights.zeros:
        text += f", {100 * weights.zeros:.1f} % zeros"
    if weights.rank is not None:
        text += f", rank {weights.rank}: as two layers it would have {weights.factorization_saves:,} weights less"
    return text + output


def show_compression(console: Console, made: Compressed) -> None:
    """Print what compression made of each layer and of the whole."""
    table = _table(
        "compressed layers",
        ("layer", "weight", "recognized"),
        ("weights", "bits/weight", "smaller", "zeros", "empty blocks", "SQNR dB"),
    )
    for layer in made.layers:
        table.add_row(
            layer.name,
            layer.format,
            layer.found or "no: plain float",
            f"{layer.weights:,}",
            f"{layer.bits_per_weight:.2f}",
            f"{layer.ratio:.1f}x",
            f"{layer.sparsity:.1%}",
            f"{layer.empty_blocks:.1%} of {layer.block[0]}x{layer.block[1]}",
            _number(layer.sqnr_db),
        )
    _print(console, table)
    console.print(f"file: {made.bytes_before:,} -> {made.bytes_after:,} bytes")
    console.print(f"quality: PSNR {_number(made.psnr_db)} dB against the original, {made.frames} frames")


def _table(title: str, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in left:
        table.add_column(heading, overflow="fold", max_width=_LONGEST)
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _print(console: Console, table: Table) -> None:
    """Print ``table``, whole cells even on a terminal that is too narrow, which wraps its lines."""
    width = console.width
    console.width = max(width, console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum)
    console.print(table)
    console.width = width


def _times(macs: int, useful: int) -> str:
    return f"{macs / useful:.2f}x" if useful else "-"


def _number(value: float | None, digits: int = 1) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"
