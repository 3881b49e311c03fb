"""Put an HLS compiler's Verilog behind the ports that the bench drives: read its ports, render the adapter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gan2hls.base import VerificationError
from gan2hls.emit import render

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_RANGE = re.compile(r"\[\s*(\d+)(?:\s*-\s*(\d+))?\s*:\s*0\s*\]")
#: Names of the core's streams: ``in`` and ``out`` are reserved words for some tools, which then add to them.
_SOURCES = ("s_axis", "in_r", "in", "in_V")
_SINKS = ("m_axis", "out_r", "out", "out_V")


def read_ports(sources: Sequence[Path], module: str) -> dict[str, int]:
    """Return the ports of ``module`` with their bits, whether declared in the header or in the body.

    Raises:
        VerificationError: no file of ``sources`` holds the module, or a port's width is not a plain number.
    """
    for path in sources:
        text = _COMMENT.sub(" ", path.read_text(errors="replace"))
        found = re.search(rf"\bmodule\s+{re.escape(module)}\b(.*?)\bendmodule\b", text, re.DOTALL)
        if found:
            return _ports(found.group(1), module)
    raise VerificationError(f"the HLS compiler made no module {module}", where="vendor")


def _ports(body: str, module: str) -> dict[str, int]:
    ports: dict[str, int] = {}
    declaring, bits = False, 1
    for piece, end in re.findall(r"([^,;()]*)([,;()])", body):
        if re.search(r"\b(?:input|output)\b", piece):
            declaring, bits = True, 1
        if declaring:
            span = re.search(r"\[[^\]]*\]", piece)
            if span:
                size = _RANGE.fullmatch(span.group())
                if size is None:
                    raise VerificationError(f"{module} has a port of width {span.group()}", where="vendor")
                bits = int(size.group(1)) - int(size.group(2) or 0) + 1
            name = re.search(r"[A-Za-z_]\w*\s*\Z", piece)
            if name:
                ports[name.group().strip()] = bits
        declaring = declaring and end == ","
    return ports


def render_adapter(
    module: str, core: str, ports: Mapping[str, int], in_bits: int, out_bits: int, out_beats: int
) -> bytes:
    """Return the adapter ``module`` around ``core``; the widths are those of the bench.

    Raises:
        VerificationError: the core's ports are not those of a stream in, a stream out, clock and reset.
    """
    source, sink = _pick(ports, _SOURCES, "_TDATA"), _pick(ports, _SINKS, "_TDATA")
    reset = _pick(ports, ("ap_rst_n", "reset", "ap_rst"), "")
    core_in, core_out = ports[f"{source}_TDATA"], ports[f"{sink}_TDATA"]
    if core_out < out_bits or core_in < in_bits:
        raise VerificationError(
            f"{core} has TDATA of {core_in} and {core_out} bits, not {in_bits} and {out_bits}", where="vendor"
        )
    start = "held" if "ap_start" in ports else "pulsed" if "start_port" in ports else ""
    context: dict[str, Any] = {
        "module": module,
        "core": core,
        "source": source,
        "sink": sink,
        "clock": _pick(ports, ("ap_clk", "clock", "clk"), ""),
        "reset": reset,
        "reset_low": reset != "ap_rst",
        "start": start,
        "start_port": {"held": "ap_start", "pulsed": "start_port"}.get(start, ""),
        "done_port": _pick(ports, ("done_port",), "") if start == "pulsed" else "",
        "source_last": f"{source}_TLAST" in ports,
        "sink_last": f"{sink}_TLAST" in ports,
        "strobes": [f"{source}_{name}" for name in ("TKEEP", "TSTRB") if f"{source}_{name}" in ports],
        "in_high": in_bits - 1,
        "out_high": out_bits - 1,
        "core_in_bits": core_in,
        "core_out_bits": core_out,
        "core_out_high": core_out - 1,
        "out_beats": out_beats,
    }
    return render("project/testbench/adapter.sv.j2", context)


def _pick(ports: Mapping[str, int], names: Sequence[str], suffix: str) -> str:
    for name in names:
        if name + suffix in ports:
            return name
    wanted = ", ".join(name + suffix for name in names)
    raise VerificationError(
        f"the HLS compiler's module has no port {wanted}; it has {', '.join(ports)}", where="vendor"
    )
