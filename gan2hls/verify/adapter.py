"""Put an HLS compiler's Verilog behind the ports that the bench drives: read its ports, render the adapter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from gan2hls.base import VerificationError
from gan2hls.emit import render

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_RANGE = re.compile(r"\[\s*(\d+)(?:\s*-\s*(\d+))?\s*:\s*0\s*\]")


@final
@dataclass(frozen=True)
class AdapterPort:
    """A stream between bench and core.

    Attributes:
        axis: what the bench calls it, ``s_axis`` or ``m_axis`` and perhaps ``_NAME``.
        bits: of TDATA as the bench has it, whole bytes.
        beats: of a frame.
    """

    axis: str
    bits: int
    beats: int

    @property
    def inward(self) -> bool:
        """Whether it enters the core."""
        return self.axis.startswith("s_axis")

    @property
    def names(self) -> tuple[str, ...]:
        """What the core may call it: ``in`` and ``out`` are reserved words for some tools, which then add to them."""
        plain = ("in" if self.inward else "out") + self.axis.removeprefix("s_axis").removeprefix("m_axis")
        return self.axis, f"{plain}_r", plain, f"{plain}_V"


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


def render_adapter(module: str, core: str, ports: Mapping[str, int], streams: Sequence[AdapterPort]) -> bytes:
    """Return the adapter ``module`` around ``core``; ``streams`` are those of the bench, inputs first.

    Raises:
        VerificationError: the core's ports are not those streams, clock and reset.
    """
    found = [_stream(core, ports, stream) for stream in streams]
    reset = _pick(ports, ("ap_rst_n", "reset", "ap_rst"), "")
    start = "held" if "ap_start" in ports else "pulsed" if "start_port" in ports else ""
    context: dict[str, Any] = {
        "module": module,
        "core": core,
        "sources": [stream for stream in found if stream["inward"]],
        "sinks": [stream for stream in found if not stream["inward"]],
        "clock": _pick(ports, ("ap_clk", "clock", "clk"), ""),
        "reset": reset,
        "reset_low": reset != "ap_rst",
        "start": start,
        "start_port": {"held": "ap_start", "pulsed": "start_port"}.get(start, ""),
        "done_port": _pick(ports, ("done_port",), "") if start == "pulsed" else "",
    }
    return render("project/testbench/adapter.sv.j2", context)


def _stream(core: str, ports: Mapping[str, int], stream: AdapterPort) -> dict[str, Any]:
    name = _pick(ports, stream.names, "_TDATA")
    bits = ports[f"{name}_TDATA"]
    if bits < stream.bits:
        raise VerificationError(f"{core} has {name}_TDATA of {bits} bits, not {stream.bits}", where="vendor")
    return {
        "axis": stream.axis,
        "inward": stream.inward,
        "core": name,
        "core_bits": bits,
        "core_high": bits - 1,
        "high": stream.bits - 1,
        "beats": stream.beats,
        "last_beat": stream.beats - 1,
        "last": f"{name}_TLAST" in ports,
        "strobes": [f"{name}_{kind}" for kind in ("TKEEP", "TSTRB") if f"{name}_{kind}" in ports],
    }


def _pick(ports: Mapping[str, int], names: Sequence[str], suffix: str) -> str:
    for name in names:
        if name + suffix in ports:
            return name
    wanted = ", ".join(name + suffix for name in names)
    raise VerificationError(
        f"the HLS compiler's module has no port {wanted}; it has {', '.join(ports)}", where="vendor"
    )
