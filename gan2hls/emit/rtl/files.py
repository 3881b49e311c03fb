"""The SystemVerilog back end: hand-written library modules, one generated instance per engine, memories, a file list.

Everything is described in ``docs/microarchitecture.md``.  Templates hold the code; this file holds numbers only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from gan2hls.base import ConfigError
from gan2hls.emit import library, render, static, template_root
from gan2hls.emit.rtl.linear import (
    Values,
    bit,
    camel,
    hole_masks,
    linear_context,
    linear_memories,
    memory_file,
    memory_path,
    order_values,
)
from gan2hls.emit.rtl.memory import (
    address_bits,
    lane_table_memories,
    lane_table_role,
    requant_memory,
    table_memory,
    unit_memory,
)
from gan2hls.emit.rtl.top import shape_text, top_context
from gan2hls.emit.rtl.turns import packed, requant_turns, turns_context
from gan2hls.hardware import (
    OUT_QUEUE_WORDS,
    Design,
    Edge,
    EngineDesign,
    LinearEngine,
    StreamEngine,
    find_part,
    turn_of,
)
from gan2hls.numbers import IntType
from gan2hls.ops import Parameter

#: Names that a module cannot have: the keywords of IEEE 1800-2017.
_RESERVED = frozenset((template_root() / "rtl" / "reserved.txt").read_text().split())


def emit_rtl(design: Design) -> dict[str, bytes]:
    """Return the RTL files of ``design`` by path below ``rtl/``.

    ``NAME.sv`` (top), ``NAME_<layer>.sv`` per engine, ``lib/*.sv``, ``mem/*.mem``, ``NAME.f`` in compile order and
    ``vivado.tcl``, or ``yosys.ys`` for ECP5.

    Raises:
        ConfigError: the design's name cannot be a module.
        UnsupportedError: an engine without a single tap, which would have nothing to compute.
    """
    engines = [_engine(design, engine) for engine in design.units]
    modules = [design.name, *(engine.module for engine in engines)]
    taken = {name.removesuffix(".sv") for name in static("rtl/lib", (".sv",))}
    if design.name in _RESERVED or len(set(modules)) < len(modules) or taken & set(modules):
        raise ConfigError(
            f"{design.name!r} cannot be the name of a SystemVerilog module: it is a keyword, or the library uses it",
            where="name",
            hint="give the model another name",
        )
    files: dict[str, bytes] = {}
    compile_order = []
    for engine in engines:
        files[f"{engine.module}.sv"] = render("rtl/engine.sv.j2", engine.context)
        files |= {f"mem/{name}": image for name, image in engine.memories.items()}
        compile_order.append(f"{engine.module}.sv")
    files[f"{design.name}.sv"] = render("rtl/top.sv.j2", top_context(design))
    compile_order.append(f"{design.name}.sv")
    used = library("rtl/lib", ".sv", [files[path] for path in compile_order], _instantiated)
    files |= {f"lib/{name}": text for name, text in used.items()}
    compile_order = [*(f"lib/{name}" for name in used), *compile_order]
    files |= _synthesis_script(design, compile_order)
    files[f"{design.name}.f"] = "".join(f"{path}\n" for path in compile_order).encode()
    return dict(sorted(files.items()))


def _synthesis_script(design: Design, sources: list[str]) -> dict[str, bytes]:
    """Return the script that synthesizes ``sources`` for the part: Vivado's, or that of Yosys and nextpnr."""
    part = find_part(design.part)
    if part is not None and part.nextpnr is not None:
        yosys = {"top": design.name, "nextpnr": part.nextpnr, "sources": sources}
        return {"yosys.ys": render("rtl/yosys.ys.j2", {**yosys, "clock_mhz": f"{1000 / design.clock_ns:g}"})}
    axes = [port.axis for port in (*design.sources, *design.sinks)]
    tool: dict[str, Any] = {"top": design.name, "part": design.part, "clock_ns": f"{design.clock_ns:g}", "axes": axes}
    tool["memory"] = [] if design.memory is None else [port.axi for port in design.memory.ports]
    return {"vivado.tcl": render("rtl/vivado.tcl.j2", tool)}


def _instantiated(content: bytes) -> list[str]:
    """Return the files of the modules that a file names outside of comments."""
    code = re.sub(r"//[^\n]*", "", content.decode())
    return [f"{module}.sv" for module in re.findall(r"\bg2h_\w+", code)]


@final
@dataclass(frozen=True)
class _Engine:
    """One engine, ready to render: module name, template context, memory images by file name."""

    module: str
    context: dict[str, Any]
    memories: dict[str, bytes]


def _engine(design: Design, engine: EngineDesign) -> _Engine:
    layer, folding = engine.layer, engine.folding
    words = engine.requant_runs or range(engine.requant_words)
    memories = {"requant": requant_memory(layer.requant, layer.acc_type, folding.lanes, words)}
    common = layer.table is not None and layer.table.sets == 1
    if layer.table is not None:
        memories |= {"table": table_memory(layer.table)} if common else lane_table_memories(engine)
    code_bits = layer.requant.out_type.bits
    context: dict[str, Any] = {
        "module": f"{design.name}_{layer.name}",
        "layer": layer.name,
        "kind": layer.op.kind,
        "source": layer.source,
        "linear": False,
        "off_chip": None,
        "held_msb": None if engine.ring is None else engine.ring.width - 1,
        "reorder": None,
        "fill": None,
        "inputs": _inputs(engine, design.edges_into(engine)),
        "in_msb": engine.in_lanes * engine.in_elem.bits - 1 if len(layer.input_types) == 1 else None,
        "outputs": _outputs(engine),
        "turns": turns_context(engine) if engine.turns else None,
        "out_shape": shape_text(layer.shape),
        "out_lanes": engine.out_lanes,
        "out_beats": engine.out_beats,
        "out_msb": engine.out_lanes * engine.out_elem.bits - 1,
        "acc_msb": folding.lanes * layer.acc_type.signed_bits - 1,
        "code_msb": folding.lanes * code_bits - 1,
        "requant": _requant(engine),
        "out_fifo": {"Width": engine.out_lanes * engine.out_elem.bits, "Ratio": 1, "Depth": OUT_QUEUE_WORDS},
        "table": _table(engine) if common else None,
        "table_words": 0 if layer.table is None else layer.table.values.size,
        "channel_table": None if layer.table is None or common else _channel_table(engine),
    }
    if isinstance(engine, LinearEngine):
        context |= {"linear": True, **linear_context(engine)}
        memories |= linear_memories(engine)
    elif isinstance(engine, StreamEngine):
        unit = engine.rtl_unit
        files: Values = {f"{camel(name)}File": memory_path(engine, name) for name in unit.tables}
        context |= {"unit": unit.name, "unit_parameters": _literals(unit.parameters) | files}
        assert memories.keys().isdisjoint(unit.tables), f"{layer.name}: two memories of one name"
        memories |= {name: unit_memory(table) for name, table in unit.tables.items()}
    return _Engine(context["module"], context, {memory_file(engine, role): image for role, image in memories.items()})


def _inputs(engine: EngineDesign, edges: Sequence[Edge]) -> list[dict[str, Any]]:
    """Return what the template needs to know of each input: the only one is ``s``, several are numbered."""
    alone = len(edges) == 1
    types = [given for layer in engine.layers for given in layer.input_types]
    beats = (engine.turn_beats,) * len(engine.turns) if engine.turns else engine.in_beats
    lanes = engine.turn_lanes
    return [
        {
            "prefix": "s" if alone else f"s{n}",
            "tensor": "" if alone else f" {edge.source.tensor}",
            "shape": shape_text(edge.source.shape),
            "elem": str(given.int_type),
            "zero_point": given.zero_point,
            "lanes": lanes,
            "beats": beats[n],
            "msb": lanes * given.int_type.bits - 1,
        }
        for n, (edge, given) in enumerate(zip(edges, types, strict=True))
    ]


def _outputs(engine: EngineDesign) -> list[dict[str, Any]]:
    """Return what the template needs to know of each output: the only one is ``m``, several are numbered."""
    alone, types = len(engine.layers) == 1, [layer.output_type.int_type for layer in engine.layers]
    return [
        {
            "prefix": "m" if alone else f"m{n}",
            "tensor": "" if alone else f" {layer.name}",
            "elem": str(elem),
            "msb": engine.out_lanes * elem.bits - 1,
        }
        for n, (layer, elem) in enumerate(zip(engine.layers, types, strict=True))
    ]


def _literals(parameters: Mapping[str, Parameter]) -> Values:
    return {name: _literal(value) for name, value in parameters.items()}


def _literal(value: Parameter) -> int | str:
    """Return a parameter as Verilog has it; the first of several numbers is in the least significant bits."""
    if isinstance(value, tuple):
        words = ", ".join(f"32'h{number & 0xFFFFFFFF:08x}" for number in reversed(value))
        return f"{{{words}}}"
    return bit(value) if isinstance(value, bool) else value


def _requant(engine: EngineDesign) -> Values:
    layer, requant, order = engine.layer, engine.layer.requant, engine.requant_order
    off_chip = engine.off_chip if isinstance(engine, LinearEngine) else None
    total = requant.sum_type(layer.acc_type)
    values: Values = {
        "Lanes": engine.folding.lanes,
        "Groups": order.groups,
        **order_values(order),
        "AccBits": layer.acc_type.signed_bits,
        "Pieces": requant.pieces,
        "MultBits": requant.mult_type.bits,
        "OffsetBits": requant.offset_type.bits,
        "SumBits": total.bits,
        "Shift": requant.shift,
        "HalfEven": bit(requant.half_even),
        "CodeBits": _code_bits(engine),
        "ZeroPoint": requant.zero_point,
        "Lo": requant.lo,
        "Hi": requant.hi,
        "OutBits": requant.out_type.bits,
        "OutDepth": OUT_QUEUE_WORDS if off_chip is None else off_chip.banks,
        "File": memory_path(engine, "requant"),
    }
    if engine.requant_runs:
        values |= {"Runs": len(engine.requant_runs), "RunStarts": packed([*engine.requant_runs, 0])}
    if engine.turns:
        values |= requant_turns(engine)
    if off_chip is not None:
        return values | {"Bands": bit(True)}
    return values | {"Holes": bit(True), **hole_masks(engine)} if engine.has_holes else values


def _code_bits(engine: EngineDesign) -> int:
    """Return the signed width of a code before its clamp, one bit wider than needed so that no compare is constant."""
    requant = engine.layer.requant
    total = requant.sum_type(engine.layer.acc_type)
    turns = [turn_of(layer) for layer in engine.layers]
    shift, points = min(turn.shift for turn in turns), [turn.zero_point for turn in turns]
    ends = [(end >> shift) + point for end in (total.lo, total.hi) for point in points]
    low, high = min(*ends, *points), max(*ends, *points)
    low, high = min(low, *(turn.lo for turn in turns)), max(high, *(turn.hi for turn in turns))
    return IntType.covering(low, high).signed_bits + 1


def _table(engine: EngineDesign) -> Values:
    table = engine.layer.table
    assert table is not None
    return {
        "Lanes": engine.folding.lanes,
        "IndexBits": table.index_type.bits,
        "Signed": bit(table.index_type.signed),
        "OutBits": table.out_type.bits,
        "File": memory_path(engine, "table"),
    }


def _channel_table(engine: EngineDesign) -> dict[str, Any]:
    """Return what the template needs to know of tables per channel: their group counter, and a memory for each lane."""
    table, lanes = engine.layer.table, engine.folding.lanes
    assert table is not None
    order = engine.table_order
    group_bits = address_bits(order.words)
    group: Values = {"Groups": order.groups, "GroupBits": group_bits, **order_values(order)}
    index_bits, out_bits = table.index_type.bits, table.out_type.bits
    sizes: Values = {
        "Groups": order.words,
        "GroupBits": group_bits,
        "IndexBits": index_bits,
        "Signed": bit(table.index_type.signed),
        "OutBits": out_bits,
    }
    return {
        "group": group,
        "group_msb": group_bits - 1,
        "sets": table.sets,
        "entries": 1 << index_bits,
        "lanes": [
            {
                "params": sizes | {"File": memory_path(engine, lane_table_role(lane))},
                "code": f"[{lane * index_bits + index_bits - 1}:{lane * index_bits}]",
                "value": f"[{lane * out_bits + out_bits - 1}:{lane * out_bits}]",
            }
            for lane in range(lanes)
        ],
    }
