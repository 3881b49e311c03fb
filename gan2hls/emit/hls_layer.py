"""What the template of one layer prints: constants, types, tables, and the processes of its DATAFLOW region."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import final

from gan2hls.codecs import CODECS
from gan2hls.design import EngineDesign
from gan2hls.emit.hls_feeder import feeder_cycles, feeder_program, kept_words
from gan2hls.emit.hls_roms import Rom, linear_roms, requant_roms
from gan2hls.numerics import IntType


@final
@dataclass(frozen=True)
class Constant:
    """One compile-time number of a layer."""

    name: str
    value: int
    about: str
    ctype: str = "int"


@final
@dataclass(frozen=True)
class Number:
    """One integer type of a layer: a signed number of ``bits`` in arithmetic of ``room`` bits."""

    name: str
    bits: int
    room: int
    about: str


@final
@dataclass(frozen=True)
class Stream:
    """A local stream, or the region's ``in`` and ``out``."""

    name: str
    bits: int
    about: str = ""


@final
@dataclass(frozen=True)
class Process:
    """One process of the region: the library function ``kind`` with template arguments ``arguments``."""

    kind: str
    arguments: tuple[str, ...]
    source: Stream
    sink: Stream
    cycles: int
    about: str


@final
@dataclass(frozen=True, eq=False)
class LayerView:
    """Everything that ``layer.hpp.j2`` prints."""

    engine: EngineDesign
    constants: tuple[Constant, ...]
    numbers: tuple[Number, ...]
    roms: tuple[Rom, ...]
    processes: tuple[Process, ...]
    in_lanes: int
    in_stream: Stream
    out_stream: Stream

    @property
    def name(self) -> str:
        """The layer's identifier."""
        return self.engine.layer.name

    @property
    def scope(self) -> str:
        """The layer's namespace; the prefix keeps it clear of C++ keywords."""
        return f"layer_{self.name}"

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The local streams, in order."""
        return tuple(process.sink for process in self.processes[:-1])

    @property
    def library(self) -> tuple[str, ...]:
        """The library headers that the processes come from."""
        headers = {_HEADERS[process.kind] for process in self.processes} | {"bits.hpp"}
        if self.engine.encoded is not None:
            headers.add(f"wsrc_{self.engine.encoded.codec}.hpp")
        return tuple(sorted(headers))

    @property
    def in_beats(self) -> int:
        """Beats of one frame at ``in``."""
        return self.engine.in_beats * self.engine.in_lanes // self.in_lanes

    @property
    def out_beats(self) -> int:
        """Beats of one frame at ``out``."""
        return self.engine.out_beats

    @property
    def interval(self) -> int:
        """Clocks between two frames: the longest trip count of a process."""
        return max(process.cycles for process in self.processes)

    @property
    def acc(self) -> str:
        """The accumulator's type in words."""
        return str(self.engine.layer.acc_type)


_HEADERS = {
    "narrow": "convert.hpp",
    "widen": "convert.hpp",
    "feeder": "feeder.hpp",
    "mac": "mac.hpp",
    "requant": "requant.hpp",
    "table": "table.hpp",
}


def layer_view(engine: EngineDesign, *, in_lanes: int, in_width: int, out_width: int) -> LayerView:
    """Return the view of an engine that is fed ``in_lanes`` elements a beat in words of ``in_width`` bits."""
    linear = engine.layer.geometry is not None
    in_stream, out_stream = Stream("in", in_width), Stream("out", out_width)
    roms = (*linear_roms(engine), *requant_roms(engine)) if linear else requant_roms(engine)
    constants = (*_common(engine), *(_linear(engine) if linear else ()), *_requant(engine))
    numbers = (*(_mac_numbers(engine) if linear else ()), *_requant_numbers(engine))
    processes = _processes(engine, in_lanes, in_stream, out_stream)
    return LayerView(engine, constants, numbers, roms, processes, in_lanes, in_stream, out_stream)


def signed_bits(kind: IntType) -> int:
    """Return the bits of the signed integer that holds every value of ``kind``."""
    return kind.bits + (0 if kind.signed else 1)


def _acc_bits(engine: EngineDesign) -> int:
    return signed_bits(engine.layer.acc_type)


def _address_bits(engine: EngineDesign) -> int:
    assert engine.layer.geometry is not None
    taps, _, _ = engine.layer.geometry.weight_shape
    return max(1, (taps * engine.co_folds * engine.ci_folds - 1).bit_length())


def _feed_bits(engine: EngineDesign) -> int:
    return engine.folding.simd * engine.in_elem.bits + _address_bits(engine) + 2


def _common(engine: EngineDesign) -> tuple[Constant, ...]:
    folding, elem = engine.folding, engine.in_elem
    return (
        Constant("PE", folding.pe, "output channels in parallel"),
        Constant("SIMD", folding.simd, "input channels in parallel"),
        Constant("LANES", folding.lanes, "output channels requantized in parallel"),
        Constant("IN_BITS", elem.bits, f"input code: {elem}"),
        Constant("IN_SIGNED", int(elem.signed), "", "bool"),
        Constant("IN_ZERO_POINT", engine.layer.input_type.zero_point, "the code that means 0"),
        Constant("ACC_BITS", _acc_bits(engine), f"accumulator: {engine.layer.acc_type}, exact"),
    )


def _linear(engine: EngineDesign) -> tuple[Constant, ...]:
    geometry, encoded = engine.layer.geometry, engine.encoded
    assert geometry is not None and encoded is not None
    codec = CODECS[encoded.codec]
    row_words = engine.in_beats // geometry.y.in_size
    return (
        Constant("MULTIPLIES", int(codec.multiplies), "whether weights are more than -1, 0 and +1", "bool"),
        *(
            Constant(name.upper(), value, f"codec {codec.name}" if n == 0 else "")
            for n, (name, value) in enumerate(encoded.parameters.items())
        ),
        *(
            Constant(f"{memory.name.upper()}_LIMBS", memory.words.shape[1], f"64-bit limbs of a {memory.name} word")
            for memory in encoded.memories
        ),
        Constant("MAC_CYCLES", engine.mac_cycles, "trip count of the mac: useful MACs / (PE * SIMD)"),
        Constant("FEED_CYCLES", feeder_cycles(engine), "trip count of the feeder: MAC_CYCLES + first rows + stalls"),
        Constant("SEGMENTS", len(feeder_program(engine)), "steps of the feeder's program"),
        Constant("ADDRESS_BITS", _address_bits(engine), "weight address"),
        Constant("FEED_BITS", _feed_bits(engine), "feeder word: SIMD elements, weight address, first, last"),
        Constant("LINE_WORDS", engine.rows * row_words, f"line buffer: {engine.rows} rows of {row_words} words"),
        Constant("KEPT_WORDS", kept_words(engine), f"input words that outputs use, of {engine.in_beats}"),
        Constant("CI_FOLDS", engine.ci_folds, "CI / groups / SIMD"),
        Constant("CO_FOLDS", engine.co_folds, "CO / PE"),
        Constant("GROUP_CO_FOLDS", geometry.group_out // engine.folding.pe, "CO / groups / PE"),
        Constant("Y_TAPS", max(1, geometry.y.count), "taps of all output rows"),
        Constant("X_TAPS", max(1, geometry.x.count), "taps of all output columns"),
    )


def _requant(engine: EngineDesign) -> tuple[Constant, ...]:
    layer, requant = engine.layer, engine.layer.requant
    geometry = layer.geometry
    all_taps = geometry is None or len(geometry.y.outputs) * len(geometry.x.outputs) == (
        geometry.y.out_size * geometry.x.out_size
    )
    index = requant.out_type
    shown = (
        Constant("OUT_BEATS", engine.out_beats, "trip count of the requantizer"),
        Constant("OUT_FOLDS", requant.channels // engine.folding.lanes, "CO / LANES"),
        Constant("OUT_COLUMNS", 1 if geometry is None else geometry.x.out_size, "output columns"),
        Constant("ALL_TAPS", int(all_taps), "every output pixel has taps", "bool"),
        Constant("PIECES", requant.pieces, "linear pieces"),
        Constant("SHIFT", requant.shift, "right shift, ties toward +infinity"),
        Constant("ZERO_POINT", requant.zero_point, "added after the shift"),
        Constant("LOW", requant.lo, "least code"),
        Constant("HIGH", requant.hi, "greatest code"),
        Constant("REQUANT_IN_BITS", engine.in_elem.bits if geometry is None else _acc_bits(engine), "what it reads"),
        Constant("REQUANT_IN_SIGNED", int(geometry is not None or engine.in_elem.signed), "", "bool"),
        Constant("REQUANT_IN_ZERO_POINT", layer.input_type.zero_point if geometry is None else 0, "taken off first"),
        Constant("REQUANT_OUT_BITS", index.bits, f"what it writes: {index}"),
    )
    if layer.table is None:
        return shown
    return (
        *shown,
        Constant("INDEX_SIGNED", int(index.signed), "table index", "bool"),
        Constant("INDEX_LOW", index.lo, "index of the table's first entry"),
        Constant("OUT_BITS", engine.out_elem.bits, f"output code: {engine.out_elem}"),
    )


def _mac_numbers(engine: EngineDesign) -> tuple[Number, ...]:
    assert engine.layer.weight is not None
    x, w = signed_bits(engine.layer.input_type.centred), signed_bits(engine.layer.weight.type)
    return (
        Number("input_t", x, x + w, "code - zero point"),
        Number("weight_t", w, x + w, "weight"),
        Number("acc_t", _acc_bits(engine), _acc_bits(engine), "accumulator"),
    )


def _requant_numbers(engine: EngineDesign) -> tuple[Number, ...]:
    requant, acc = engine.layer.requant, engine.layer.acc_type
    threshold = IntType.covering(min(0, acc.lo), acc.hi + 1)
    return (
        Number("requant_acc_t", _acc_bits(engine), 64, "accumulator, about to be multiplied"),
        Number("mult_t", signed_bits(requant.mult_type), 64, "multiplier"),
        Number("offset_t", signed_bits(requant.offset_type), 64, "bias and rounding constant"),
        Number("threshold_t", signed_bits(threshold), 64, "knot of the two pieces"),
        Number("sum_t", requant.sum_type(acc).bits, 64, "acc * mult + offset, exact"),
    )


def _processes(engine: EngineDesign, in_lanes: int, first: Stream, last: Stream) -> tuple[Process, ...]:
    """Return the chain of processes from stream ``first`` to stream ``last``."""
    steps = [*_converters(engine, in_lanes), *(_linear_steps(engine) if engine.linear else []), *_finish(engine)]
    processes, source = [], first
    for n, (kind, arguments, sink, cycles, about) in enumerate(steps):
        target = last if n == len(steps) - 1 else sink
        processes.append(Process(kind, arguments, source, target, cycles, about))
        source = target
    return tuple(processes)


_Step = tuple[str, tuple[str, ...], Stream, int, str]


def _converters(engine: EngineDesign, in_lanes: int) -> list[_Step]:
    """Return the converters from the previous engine's lanes to this one's: down to the gcd, then up."""
    wanted, bits = engine.in_lanes, engine.in_elem.bits
    common = gcd(in_lanes, wanted)
    elements = engine.in_beats * wanted
    steps: list[_Step] = []
    if in_lanes != common:
        beats = elements // common
        about = f"{in_lanes} elements a beat -> {common}"
        sink = Stream("narrowed", common * bits, about)
        steps.append(("narrow", (str(in_lanes // common), str(beats)), sink, beats, about))
    if wanted != common:
        beats = elements // common
        about = f"{common} elements a beat -> {wanted}"
        sink = Stream("widened", wanted * bits, about)
        steps.append(("widen", (str(wanted // common), str(beats)), sink, beats, about))
    return steps


def _linear_steps(engine: EngineDesign) -> list[_Step]:
    assert engine.layer.geometry is not None and engine.encoded is not None
    folding, acc = engine.folding, _acc_bits(engine)
    geometry = engine.layer.geometry
    feed = Stream("feed", _feed_bits(engine), "x, weight address, first, last")
    accs = Stream("accs", folding.pe * acc, f"{folding.pe} accumulators")
    source = f"gan2hls::wsrc_{engine.encoded.codec}<config>"
    steps: list[_Step] = [
        ("feeder", ("config",), feed, feeder_cycles(engine), "line buffer and tap sequencer"),
        ("mac", ("config", source), accs, engine.mac_cycles, "multiply and accumulate"),
    ]
    if folding.pe != folding.lanes:
        beats = len(geometry.y.outputs) * len(geometry.x.outputs) * geometry.out_channels // folding.lanes
        sink = Stream("serial", folding.lanes * acc, f"{folding.lanes} accumulators")
        about = f"{folding.pe} accumulators a beat -> {folding.lanes}"
        steps.append(("narrow", (str(folding.pe // folding.lanes), str(beats)), sink, beats, about))
    return steps


def _finish(engine: EngineDesign) -> list[_Step]:
    index_bits = engine.layer.requant.out_type.bits
    sink = Stream("codes", engine.folding.lanes * index_bits, "requantized codes")
    steps: list[_Step] = [("requant", ("config",), sink, engine.out_beats, "accumulator -> code")]
    if engine.layer.table:
        out = Stream("out", 0)
        steps.append(("table", ("config",), out, engine.out_beats, "code -> curve"))
    return steps
