"""The HLS C++ back end: a design becomes the files below ``hls/``.

All code text stands in ``templates/hls``: hand-written library headers (``lib/``) and thin generated instances.  Here
are only the numbers that the templates print.
"""

from __future__ import annotations

import re
from typing import Any

from gan2hls.base import ConfigError, FoldingError
from gan2hls.emit import library, render, static, template_root
from gan2hls.emit.hls.depths import ring_programs, with_depths
from gan2hls.emit.hls.layer import LayerView, layer_view, simulated
from gan2hls.emit.hls.tiles import MEMORY_CLOCKS
from gan2hls.emit.hls.top import top_region
from gan2hls.fabric import SERIES_7
from gan2hls.hardware import WORD_LIMIT_BITS, Design, LinearEngine, StreamPort, holding_clocks

#: Names that a C++ function with C linkage cannot have: keywords, and what the C library and POSIX declare.
_RESERVED = frozenset((template_root() / "hls" / "reserved.txt").read_text().split())


def emit_hls(design: Design) -> dict[str, bytes]:
    """Return every file of the HLS project, by path relative to ``hls/``.

    Raises:
        ConfigError: the design's name cannot be a C++ function.
        FoldingError: a stream would be wider than HLS compilers allow.
    """
    name = design.name
    if name in _RESERVED:
        raise ConfigError(
            f"{name!r} cannot be the name of a C++ function", where="name", hint="give the model another name"
        )
    layers = _layer_views(design)
    region = with_depths(design, top_region(design))
    context = {"name": name, "guard": name.upper(), "design": design, "layers": layers, "top": region, **_ports(design)}
    context |= _memory(design, layers)
    context |= {"shared": bool(design.shared), "order": _in_order(design, layers), "declared": region.declared(layers)}
    files = {f"lib/csim/{file}": text for file, text in static("hls/lib/csim", (".h",)).items()}
    for layer in layers:
        files[f"layers/{layer.name}.hpp"] = render("hls/layer.hpp.j2", {"layer": layer, **context})
        files |= {f"weights/{rom.file}": f"{rom.text}\n".encode() for rom in layer.arrays if rom.file}
    for file, template in (_FILES if design.family is SERIES_7 else _FILES_WITHOUT_VITIS).items():
        files[file.replace("NAME", name)] = render(f"hls/{template}", context)
    files |= {f"lib/{file}": text for file, text in library("hls/lib", ".hpp", files.values(), _included).items()}
    return dict(sorted(files.items()))


def _in_order(design: Design, layers: list[LayerView]) -> list[dict[str, Any]]:
    """Return the calls of C simulation, layer by layer: an engine, or a turn of one."""
    calls = {}
    for view in layers:
        calls[view.name] = {"name": view.name, "call": f"{view.scope}::engine", "pointers": view.pointers}
        for one in view.turns:
            call = f"{view.scope}::turn_{one.number}"
            calls[one.name] = {"name": one.name, "call": call, "pointers": one.region.pointers}
    return [calls[engine.layer.name] for engine in design.engines]


def _included(content: bytes) -> list[str]:
    """Return the names of the headers that a file includes."""
    return re.findall(r'^#include "(?:[^"\n]*/)?([^"/\n]+)"', content.decode(), re.MULTILINE)


def hls_interval(design: Design) -> int:
    """Return the estimated clocks between two frames of the HLS C++ under Vitis: those of its slowest process.

    A process that holds a frame takes the next one when it has given all of it.
    """
    return max(holding_clocks(design), *(view.interval for view in _layer_views(design)))


_FILES = {
    "NAME.hpp": "top.hpp.j2",
    "NAME.cpp": "top.cpp.j2",
    "NAME_tb.cpp": "tb.cpp.j2",
    "NAME_csim.cpp": "csim.cpp.j2",
    "NAME_dpi.cpp": "dpi.cpp.j2",
    "run_hls.tcl": "run_hls.tcl.j2",
    "hls_config.cfg": "hls_config.cfg.j2",
    "Makefile": "Makefile.j2",
}
#: For a part that Vitis HLS does not know.
_FILES_WITHOUT_VITIS = {file: _FILES[file] for file in _FILES if not file.endswith((".tcl", ".cfg"))}


def _layer_views(design: Design) -> list[LayerView]:
    views = []
    for engine in design.units:
        view = layer_view(engine, *design.edges_into(engine), programs=ring_programs(design))
        _check_widths(view)
        views.append(view)
    return views


def _check_widths(view: LayerView) -> None:
    for stream in view.streams:
        if stream.bits > WORD_LIMIT_BITS:
            raise FoldingError(
                f"stream {stream.name} would be {stream.bits} bits wide, HLS takes at most {WORD_LIMIT_BITS}",
                where=view.name,
                hint="lower the layer's PE or SIMD",
            )


def _slices(width: int) -> list[tuple[int, int]]:
    """Return ``(low, high)`` bits of each 32-bit word of a beat."""
    return [(low, min(low + 31, width - 1)) for low in range(0, width, 32)]


def _ports(design: Design) -> dict[str, Any]:
    """Return the sizes and names of the ports; TDATA has whole bytes."""
    sources, sinks = ([_port(design.name, port) for port in ports] for ports in (design.sources, design.sinks))
    return {
        "sources": sources,
        "sinks": sinks,
        "ports": [*sources, *sinks],
        "alone": len(sources) == len(sinks) == 1,
        "core": {
            "sources": [simulated(port.stream, port.word) for port in design.sources],
            "sinks": [simulated(port.stream, port.word) for port in design.sinks],
        },
        "clock_ns": f"{design.clock_ns:g}",
    }


def _memory(design: Design, layers: list[LayerView]) -> dict[str, Any]:
    """Return what stands in external memory, and the pointers to it."""
    memory = design.memory
    pointers = [pointer for layer in layers for pointer in layer.pointers]
    regions, rings = ((), ()) if memory is None else (memory.regions, memory.rings)
    loads = [pointer for pointer in pointers if pointer.what == "weights"]
    of = {ring.name: ring for ring in rings}
    ways = [(pointer, of[pointer.of]) for pointer in pointers if pointer.what == "ring"]
    assert len(ways) == len(rings), "a ring to which nothing leads"
    return {
        "regions": [
            {"pointer": p.name, "name": p.of, "bus_bits": r.bus_bits, "offset": r.offset, "beats": r.all_beats}
            for p, r in zip(loads, regions, strict=True)
        ],
        "rings": [
            {
                "pointer": p.name,
                "about": placed.about,
                "bus_bits": p.bits,
                "offset": placed.offset,
                "words": placed.ring.size * 8 // p.bits,
            }
            for p, placed in ways
        ],
        "burst": 0 if memory is None else memory.burst_beats,
        "latency": MEMORY_CLOCKS,
        "memory": pointers,
        "decoders": any(isinstance(e, LinearEngine) and e.huffman is not None for e in design.engines),
    }


def _port(name: str, port: StreamPort) -> dict[str, Any]:
    width = port.padded_bits
    return {
        "axis": port.axis,
        "word": port.word,
        "constant": f"{name}_{port.word}".upper(),
        "suffix": port.suffix,
        "tensor": port.stream.tensor,
        "width": width,
        "words": -(-width // 32),
        "slices": _slices(width),
        "beats": port.stream.beats,
        "lanes": port.stream.lanes,
        "elem": port.stream.elem,
    }
