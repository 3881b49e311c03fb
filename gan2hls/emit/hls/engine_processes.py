"""The processes of one engine, from what arrives to what leaves, and those that stand beside them."""

from __future__ import annotations

from gan2hls.base import remembered
from gan2hls.emit.hls.config import (
    acc_bits,
    accs_width,
    feed_width,
    pixel_width,
    pixels,
    range_width,
    reorder_cycles,
    requant_beats,
    run_width,
    segment_width,
    whole_bytes,
)
from gan2hls.emit.hls.feeder import feeder_cycles, feeder_program
from gan2hls.emit.hls.held import map_processes
from gan2hls.emit.hls.process import Fifo, Process
from gan2hls.emit.hls.tiles import tile_program
from gan2hls.emit.hls.weights import beside_band_mac
from gan2hls.hardware import EngineDesign, LinearEngine, StreamEngine, Written
from gan2hls.ops import Unit

#: A process to be: kind, template arguments, what it writes, clocks, and what it does.
Step = tuple[str, tuple[str, ...], Fifo, int, str]


@remembered
def engine_processes(engine: EngineDesign, arriving: tuple[Fifo, ...], last: Fifo) -> tuple[Process, ...]:
    """Return the processes from what arrives to ``last``, in the order of their calls."""
    processes: list[Process] = []
    sources = arriving
    unit = engine.hls_unit if isinstance(engine, StreamEngine) else None
    if unit is not None and unit.held is not None:
        turns, ultra = len(engine.layers), "map" in engine.ultra
        name, accs = engine.layer.name, _accs(engine)
        processes += map_processes(unit.held, unit.name, name, sources[0], accs, turns=turns, ultra=ultra)
        sources = (accs,)
    steps = [*_front(engine), *_finish(engine)]
    for n, (kind, arguments, sink, cycles, about) in enumerate(steps):
        beside: tuple[Process, ...] = ()
        if isinstance(engine, LinearEngine) and kind in ("feeder", "skip_feeder"):
            beside = _beside(engine)
        elif isinstance(engine, LinearEngine) and kind == "band_mac":
            beside = beside_band_mac(engine)
        processes += beside
        target = last if n == len(steps) - 1 else sink
        taken = {stream for process in beside for stream in process.sources}
        sources = (*sources, *(process.sink for process in beside if process.sink not in taken))
        calls = unit.calls if unit is not None and kind == unit.name else 1
        processes.append(Process(kind, arguments, sources, target, cycles, about, turns=calls))
        sources = (target,)
    return tuple(processes)


def _front(engine: EngineDesign) -> list[Step]:
    """Return the steps from the inputs to the accumulators."""
    if isinstance(engine, LinearEngine):
        return _linear_steps(engine)
    unit = engine.hls_unit if isinstance(engine, StreamEngine) else None
    return [] if unit is None or unit.held is not None else [_unit(engine, unit)]


def _unit(engine: EngineDesign, unit: Unit) -> Step:
    """Return what ``unit`` makes of beats as they come."""
    cycles, about = unit.cycles or engine.out_beats, f"{engine.layer.op.kind} -> accumulator"
    return unit.name, ("config", *_ultra(engine, "map")), _accs(engine), cycles, about


def _accs(engine: EngineDesign) -> Fifo:
    """Return the accumulators of a unit."""
    lanes = engine.folding.lanes
    return Fifo("accs", whole_bytes(lanes * acc_bits(engine)), f"{lanes} accumulators")


def _ultra(engine: EngineDesign, memory: Written) -> tuple[str, ...]:
    """Return the template argument that puts the array of a process into UltraRAM, where its memory is there."""
    return ("true",) if memory in engine.ultra else ()


def _beside(engine: LinearEngine) -> tuple[Process, ...]:
    """Return the processes that stand beside the chain: they follow programs of their own and end in its feeder."""
    segments = Fifo("segments", segment_width(engine), "cycles, loads, their difference, single, emits")
    count, about = len(feeder_program(engine)), "when the feeder loads and when it emits"
    schedule = Process("schedule", ("config",), (), segments, count, about)
    if engine.skip is None:
        taps = Fifo("taps", pixel_width(engine), "first tap and number of taps along both axes")
        kind = "pixels" if engine.off_chip is None else "band_pixels"
        return schedule, Process(kind, ("config",), (), taps, pixels(engine), "which taps each output pixel has")
    ranges = Fifo("ranges", range_width(engine), "first run, number of runs, single")
    runs = Fifo("runs", run_width(engine), "first block, number of blocks, last, single, none")
    about = "which blocks of weights each output needs"
    return (
        schedule,
        Process("pixel_runs", ("config",), (), ranges, pixels(engine), "which runs each output pixel needs"),
        Process("runner", ("config",), (ranges,), runs, engine.skip.run_count + 1, about),
    )


def _linear_steps(engine: LinearEngine) -> list[Step]:
    folding, acc = engine.folding, acc_bits(engine)
    geometry = engine.geometry
    skips = engine.skip is not None
    feed = Fifo("feed", feed_width(engine), f"x, weight address, first, last{', null' if skips else ''}")
    accs = Fifo("accs", accs_width(engine), f"{folding.pe} accumulators")
    away = engine.off_chip is not None
    line_buffer, tiles = (memory in engine.ultra for memory in ("line_buffer", "tiles"))
    source = f"gan2hls::wsrc_{engine.weights.codec}<{'gan2hls::tile_word<config> ' if away else 'config'}>"

    def sizes(*, ultra: bool) -> tuple[str, ...]:
        """Return the groups that a step works on, and whether an array is UltraRAM, as far as they are no defaults."""
        together = (str(engine.parallel_groups),)
        return (*together, "true") if ultra else together if engine.parallel_groups > 1 else ()

    steps: list[Step] = [
        (
            "skip_feeder",
            ("config", *sizes(ultra=line_buffer)),
            feed,
            feeder_cycles(engine),
            "line buffer and runs of blocks",
        )
        if skips
        else (
            "feeder",
            ("config", *sizes(ultra=line_buffer)),
            feed,
            feeder_cycles(engine),
            "line buffer and tap sequencer",
        ),
        (
            "band_mac",
            ("config", source, *sizes(ultra=tiles)),
            accs,
            tile_program(engine).cycles,
            "multiply and accumulate",
        )
        if away
        else ("mac", ("config", source, *sizes(ultra=False)), accs, engine.mac_cycles, "multiply and accumulate"),
    ]
    if folding.pe != folding.lanes:
        beats = len(geometry.y.outputs) * len(geometry.x.outputs) * geometry.out_channels // folding.lanes
        sink = Fifo("serial", whole_bytes(folding.lanes * acc), f"{folding.lanes} accumulators")
        about = f"{folding.pe} accumulators a beat -> {folding.lanes}"
        arguments = (str(folding.pe // folding.lanes), str(folding.lanes * acc), str(beats))
        steps.append(("narrow", arguments, sink, beats, about))
    return steps


def _finish(engine: EngineDesign) -> list[Step]:
    lanes, beats = engine.folding.lanes, requant_beats(engine)
    index_bits, width = engine.layer.requant.out_type.bits, whole_bytes(lanes * engine.out_elem.bits)
    sink = Fifo("codes", whole_bytes(lanes * index_bits), "requantized codes")
    steps: list[Step] = [("requant", ("config",), sink, beats, "accumulator -> code")]
    if engine.layer.table:
        common = engine.layer.table.sets == 1
        kind, about = ("table", "code -> curve") if common else ("channel_table", "code -> curve of its channel")
        steps.append((kind, ("config",), Fifo("values", width, "codes behind the curve"), beats, about))
    if not isinstance(engine, LinearEngine) or engine.off_chip is None:
        return steps
    about = f"bands of {engine.band_pixels} pixels, fold by fold -> pixel by pixel"
    steps.append(
        (
            "reorder",
            ("config", *_ultra(engine, "codes")),
            Fifo("ordered", width, "codes, pixel by pixel"),
            reorder_cycles(engine),
            about,
        )
    )
    if engine.fills:
        about = "output pixels without taps, which are constants"
        steps.append(("fill", ("config",), Fifo("filled", width), engine.out_beats, about))
    return steps
