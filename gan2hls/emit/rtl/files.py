"""The SystemVerilog back end: hand-written library modules, one generated instance per engine, memories, a file list.

Everything is described in ``docs/microarchitecture.md``.  Templates hold the code; this file holds numbers only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, final

from gan2hls.base import ConfigError
from gan2hls.emit import library, render, static, template_root
from gan2hls.emit.rtl.linear import Values, bit, linear_context, linear_memories, memory_file, memory_path
from gan2hls.emit.rtl.memory import address_bits, lane_table_memories, lane_table_role, requant_memory, table_memory
from gan2hls.hardware import OUT_QUEUE_WORDS, Design, EngineDesign, LinearEngine
from gan2hls.numbers import IntType

#: Names that a module cannot have: the keywords of IEEE 1800-2017.
_RESERVED = frozenset((template_root() / "rtl" / "reserved.txt").read_text().split())


def emit_rtl(design: Design) -> dict[str, bytes]:
    """Return the RTL files of ``design`` by path below ``rtl/``.

    ``NAME.sv`` (top), ``NAME_<layer>.sv`` per engine, ``lib/*.sv``, ``mem/*.mem``, ``NAME.f`` in compile order and
    ``vivado.tcl``.

    Raises:
        ConfigError: the design's name cannot be a module.
        UnsupportedError: an engine without a single tap, which would have nothing to compute.
    """
    engines = [_engine(design, engine) for engine in design.engines]
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
    files[f"{design.name}.sv"] = render("rtl/top.sv.j2", _top(design))
    compile_order.append(f"{design.name}.sv")
    used = library("rtl/lib", ".sv", [files[path] for path in compile_order], _instantiated)
    files |= {f"lib/{name}": text for name, text in used.items()}
    compile_order = [*(f"lib/{name}" for name in used), *compile_order]
    tool = {"top": design.name, "part": design.part, "clock_ns": f"{design.clock_ns:g}"}
    files["vivado.tcl"] = render("rtl/vivado.tcl.j2", tool)
    files[f"{design.name}.f"] = "".join(f"{path}\n" for path in compile_order).encode()
    return dict(sorted(files.items()))


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
    memories = {"requant": requant_memory(layer.requant, layer.acc_type, folding.lanes)}
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
        "in_shape": _shape(layer.shape),
        "out_shape": _shape(layer.shape),
        "in_elem": str(engine.in_elem),
        "out_elem": str(engine.out_elem),
        "zero_point": layer.input_type.zero_point,
        "in_lanes": engine.in_lanes,
        "out_lanes": engine.out_lanes,
        "in_beats": engine.in_beats,
        "out_beats": engine.out_beats,
        "in_msb": engine.in_lanes * engine.in_elem.bits - 1,
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
        context |= {"linear": True, "in_shape": _shape(engine.geometry.in_shape), **linear_context(engine)}
        memories |= linear_memories(engine)
    else:
        context["centre"] = _centre(engine)
    return _Engine(context["module"], context, {memory_file(engine, role): image for role, image in memories.items()})


def _centre(engine: EngineDesign) -> Values:
    return {
        "Lanes": engine.folding.lanes,
        "InBits": engine.in_elem.bits,
        "Signed": bit(engine.in_elem.signed),
        "ZeroPoint": engine.layer.input_type.zero_point,
        "OutBits": engine.layer.acc_type.signed_bits,
    }


def _requant(engine: EngineDesign) -> Values:
    layer, requant, phases = engine.layer, engine.layer.requant, engine.row_phases
    total = requant.sum_type(layer.acc_type)
    values: Values = {
        "Lanes": engine.folding.lanes,
        "Groups": requant.channels // (phases * engine.folding.lanes),
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
        "OutDepth": OUT_QUEUE_WORDS,
        "File": memory_path(engine, "requant"),
    }
    sizes = engine.out_grid
    if phases > 1:
        values |= {"RowPhases": phases, "OutColumns": sizes[1]}
    if engine.pixels.all():
        return values
    masks = [sum(bit << n for n, bit in enumerate(taps)) for taps in (engine.row_taps, engine.column_taps)]
    return values | {
        "Holes": bit(True),
        "OutRows": sizes[0],
        "OutColumns": sizes[1],
        "YMask": f"{sizes[0]}'h{masks[0]:x}",
        "XMask": f"{sizes[1]}'h{masks[1]:x}",
    }


def _code_bits(engine: EngineDesign) -> int:
    """Return the signed width of a code before its clamp, one bit wider than needed so that no compare is constant."""
    requant = engine.layer.requant
    total = requant.sum_type(engine.layer.acc_type)
    ends = ((total.lo >> requant.shift) + requant.zero_point, (total.hi >> requant.shift) + requant.zero_point)
    low, high = min(*ends, requant.lo, requant.zero_point), max(*ends, requant.hi, requant.zero_point)
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
    groups, phases = engine.table_groups, engine.table_phases
    group_bits = address_bits(groups)
    group: Values = {"Groups": groups // phases, "GroupBits": group_bits}
    if phases > 1:
        group |= {"RowPhases": phases, "OutColumns": engine.out_grid[1]}
    index_bits, out_bits = table.index_type.bits, table.out_type.bits
    sizes: Values = {
        "Groups": groups,
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


def _top(design: Design) -> dict[str, Any]:
    (given,), (made,) = design.inputs, design.outputs
    streams: list[dict[str, str | int]] = [{"name": given.tensor, "msb": given.bits - 1}]
    blocks: list[dict[str, str | int]] = []

    def add(module: str, name: str, source: str, bits: int, *, width: int = 0, ratio: int = 0) -> str:
        blocks.append({"module": module, "name": name, "source": source, "ratio": ratio, "width": width})
        streams.append({"name": name, "msb": bits - 1})
        return name

    for engine in design.engines:
        name = engine.layer.name
        (edge,) = design.edges_into(engine)
        source, bits = edge.source.tensor, edge.source.elem.bits
        for stage in edge.converters:
            kind, width = stage.direction, stage.narrow * bits
            converter = f"{name}_{kind}"
            source = add(f"g2h_{kind}", converter, source, stage.out_lanes * bits, width=width, ratio=stage.ratio)
        add(f"{design.name}_{name}", name, source, engine.sends.bits)
    assert len({stream["name"] for stream in streams}) == len(streams), "stream names repeat"
    in_padded, out_padded = 8 * given.byte_count, 8 * made.byte_count
    last_stream = f"{made.tensor}_data"
    padding = f"{{{out_padded - made.bits}'d0, {last_stream}}}"
    return {
        "top": design.name,
        "engines": [
            {"name": engine.layer.name, "linear": isinstance(engine, LinearEngine)} for engine in design.engines
        ],
        "input_shape": _shape(given.shape),
        "input_elem": str(given.elem),
        "input_lanes": given.lanes,
        "input_beats": given.beats,
        "output_shape": _shape(made.shape),
        "output_elem": str(made.elem),
        "output_lanes": made.lanes,
        "output_beats": made.beats,
        "s_pad_msb": in_padded - 1,
        "m_pad_msb": out_padded - 1,
        "s_unused": f", s_axis_tdata[{in_padded - 1}:{given.bits}]" if in_padded > given.bits else "",
        "m_padded": padding if out_padded > made.bits else last_stream,
        "first_stream": given.tensor,
        "first_msb": given.bits - 1,
        "last_stream": made.tensor,
        "streams": streams,
        "blocks": blocks,
    }


def _shape(shape: tuple[int, int, int]) -> str:
    return " x ".join(map(str, shape))
