"""A saved design: the choices of the schedule as JSON; the rest follows from the integer model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from gan2hls.flow.saved import DESIGN_JSON, READ_ERRORS, Count, Name, Part, broken
from gan2hls.hardware import (
    MOST_DECODERS,
    MOST_PHRASE,
    TURNS,
    Design,
    EngineDesign,
    Folding,
    LinearEngine,
    OffChip,
    StreamEngine,
    Written,
    legal_band_rows,
    legal_pe,
    legal_simd,
    make_engine,
    verify_design,
)
from gan2hls.model import IntegerModel, IntLayer, batched
from gan2hls.ops import IntLinear, LinearGeometry

_Number = TypeVar("_Number", bool, int)
BusBits = Literal[0, 32, 64, 128, 256, 512]


class _OffChip(Part):
    band_rows: Count
    bus_bits: Annotated[int, Field(ge=32, le=512)]
    decoders: Annotated[int, Field(ge=0, le=MOST_DECODERS)] = 0
    phrase_symbols: Annotated[int, Field(ge=1, le=MOST_PHRASE)] = 1
    banks: Annotated[int, Field(ge=1, le=2)] = 2


class _Engine(Part):
    layer: Name
    pe: Count
    simd: Count
    lanes: Count
    rows: Annotated[int, Field(ge=0)]
    skip: bool = False
    off_chip: _OffChip | None = None
    bus_bits: BusBits = 0
    ultra: tuple[Written, ...] = ()
    queues: tuple[Annotated[int, Field(ge=0, le=1 << 31)], ...] = ()
    queues_bus_bits: tuple[BusBits, ...] = ()
    queues_ultra: tuple[bool, ...] = ()


class _Design(Part):
    format: Literal["gan2hls.design"] = "gan2hls.design"
    version: Literal[1] = 1
    part: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{1,63}$")]
    clock_ns: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    engines: tuple[_Engine, ...]
    shared: tuple[Annotated[tuple[Name, ...], Field(min_length=2)], ...] = ()
    turn_queues: tuple[Annotated[int, Field(ge=0, le=1 << 31)], ...] = ()
    batch: Annotated[int, Field(ge=1, le=16)] = 1
    memory_ports: Annotated[int, Field(ge=1, le=16)] = 1


def dump_design(design: Design) -> dict[str, bytes]:
    """Return the file that holds the choices of ``design``; the rest follows from the integer model."""
    engines = tuple(
        _Engine(
            layer=e.layer.name,
            pe=e.folding.pe,
            simd=e.folding.simd,
            lanes=e.folding.lanes,
            rows=e.rows if isinstance(e, LinearEngine) else 0,
            skip=isinstance(e, LinearEngine) and e.skip is not None,
            off_chip=_off_chip(e),
            bus_bits=e.bus_bits if isinstance(e, StreamEngine) else 0,
            ultra=tuple(sorted(e.ultra)),
            queues=_queues(edge.depth for edge in design.edges_into(e)),
            queues_bus_bits=_queues(edge.bus_bits for edge in design.edges_into(e)),
            queues_ultra=_queues(edge.ultra for edge in design.edges_into(e)),
        )
        for e in design.engines
    )
    parsed = _Design(
        part=design.part,
        clock_ns=design.clock_ns,
        engines=engines,
        shared=design.shared,
        turn_queues=_queues(design.depths.get((group[0], TURNS), 0) for group in design.shared),
        batch=design.batch,
        memory_ports=design.memory_ports,
    )
    return {DESIGN_JSON: parsed.model_dump_json(indent=2, ensure_ascii=True).encode() + b"\n"}


def _off_chip(engine: EngineDesign) -> _OffChip | None:
    found = engine.off_chip if isinstance(engine, LinearEngine) else None
    return None if found is None else _OffChip(**asdict(found))


def _queues(numbers: Iterable[_Number]) -> tuple[_Number, ...]:
    """Return a number of the queue at each input of an engine, 0 where there is none; nothing where none has one."""
    every = tuple(numbers)
    return every if any(every) else ()


def load_design(model: IntegerModel, json_bytes: bytes, *, where: str = DESIGN_JSON) -> Design:
    """Read what ``dump_design`` wrote and lay the weights of ``model``, of one frame, out for it.

    Raises:
        ModelError: anything that ``dump_design`` would not have written for ``model``.
    """
    try:
        parsed = _Design.model_validate_json(json_bytes)
        model = batched(model, parsed.batch)
        engines = tuple(
            _build_engine(layer, engine) for layer, engine in zip(model.layers, parsed.engines, strict=True)
        )
        depths = {(e.layer, port): depth for e in parsed.engines for port, depth in enumerate(e.queues) if depth}
        turns = zip(parsed.shared, parsed.turn_queues or (0,) * len(parsed.shared), strict=True)
        depths |= {(group[0], TURNS): depth for group, depth in turns if depth}
        off_chip = {
            (e.layer, port): bits for e in parsed.engines for port, bits in enumerate(e.queues_bus_bits) if bits
        }
        ultra = frozenset((e.layer, port) for e in parsed.engines for port, is_so in enumerate(e.queues_ultra) if is_so)
        _check_shared(model, parsed.shared)
        design = Design(
            model,
            engines,
            parsed.part,
            parsed.clock_ns,
            depths,
            off_chip,
            ultra,
            parsed.shared,
            parsed.memory_ports,
        )
        verify_design(design)
    except READ_ERRORS as error:
        raise broken(where, error) from error
    return design


def _check_shared(model: IntegerModel, shared: tuple[tuple[str, ...], ...]) -> None:
    names = [layer.name for layer in model.layers]
    if not all(name in names for group in shared for name in group):
        raise ValueError("shared: there is no such layer")
    if len({name for group in shared for name in group}) < sum(map(len, shared)):
        raise ValueError("shared: a layer stands there twice")


def _build_engine(layer: IntLayer, engine: _Engine) -> EngineDesign:
    if engine.layer != layer.name:
        raise ValueError(f"engine {engine.layer!r} stands where layer {layer.name!r} is due")
    folding = Folding(engine.pe, engine.simd, engine.lanes)
    if isinstance(layer.op, IntLinear):
        g = layer.op.geometry
        if folding.pe not in legal_pe(g) or folding.simd not in legal_simd(g, folding.pe):
            raise ValueError(f"{layer.name}: folding {folding} does not divide the channels")
    given = engine.off_chip
    off_chip = None if given is None else OffChip(**given.model_dump())
    if off_chip is not None and off_chip.band_rows not in legal_band_rows(_geometry(layer)):
        raise ValueError(f"{layer.name}: bands of {off_chip.band_rows} rows")
    made = make_engine(
        layer,
        folding,
        rows=engine.rows,
        skip=engine.skip,
        off_chip=off_chip,
        bus_bits=engine.bus_bits,
        ultra=frozenset(engine.ultra),
    )
    if engine.bus_bits and made.ring is None:
        raise ValueError(f"{layer.name} has no map that is off chip")
    return made


def _geometry(layer: IntLayer) -> LinearGeometry:
    if not isinstance(layer.op, IntLinear):
        raise ValueError(f"{layer.name} has no weights")
    return layer.op.geometry
