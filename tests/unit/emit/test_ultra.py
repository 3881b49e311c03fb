"""What is emitted of memories in UltraRAM: parameters of the RTL, arguments and pragmas of the C++."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gan2hls.emit.hls.files import emit_hls
from gan2hls.emit.rtl.files import emit_rtl
from gan2hls.hardware import Design
from tests.random_integer_graphs import norm_design, u_net_design
from tests.randomized import in_ultra, off_chip_design


def long_queues() -> Design:
    """A U-Net: queues in front of engines, and behind converters in them."""
    made = u_net_design(0)
    return replace(made, depths=dict.fromkeys(made.depths, 100))


#: A design, its processes whose array is in UltraRAM, and its modules that have one.
MADE = {
    "weights": (
        off_chip_design(),
        {"feeder<config, 1, true>", "reorder<config, true>"},
        {"g2h_feeder", "g2h_tiles", "g2h_reorder"},
    ),
    "map": (norm_design((16, 16, 8), 8, 8), set(), {"g2h_norm"}),
    "queues": (long_queues(), {"feeder<config, 1, true>"}, {"g2h_feeder", "g2h_ring"}),
}
#: A stream in UltraRAM, and its words.
URAM = re.compile(
    r"#pragma HLS STREAM variable=(\w+) depth=(\d+)\n(?:#ifndef __BAMBU__\n)? *// Block RAM is short.\n"
    r"#pragma HLS BIND_STORAGE variable=\1 type=fifo impl=uram\n"
)


def code(made: Design, name: str) -> str:
    """The C++ of a design outside of its library, or its RTL."""
    files = emit_hls(made) if name == "hls" else emit_rtl(made)
    return "\n".join(
        text.decode() for path, text in files.items() if "lib/" not in path and path.endswith(("pp", "sv"))
    )


@pytest.mark.parametrize("name", MADE)
def test_memories_are_asked_for_where_they_are(name: str) -> None:
    plain, processes, modules = MADE[name]
    made = in_ultra(plain)
    assert processes <= set(re.findall(r"gan2hls::(\w+<config(?:, \w+)*>)", code(made, "hls")))
    instances = re.findall(r"(g2h_\w+) #\(\n([^;]*?)\n *\) u_\w+ \(", code(made, "rtl"))
    assert {module for module, given in instances if re.search(r"\.Ultra *\(1", given)} == modules
    streams = [edge for edge in made.edges if edge.ultra] + [unit for unit in made.units if "map" in unit.ultra]
    bound = URAM.findall(code(made, "hls"))
    assert len(bound) == len(streams) and all(int(depth) >= 100 for _, depth in bound)


@pytest.mark.parametrize("name", MADE)
def test_nothing_else_changes(name: str) -> None:
    plain = MADE[name][0]
    assert "Ultra" not in code(plain, "rtl") and "true>" not in code(plain, "hls") and "uram" not in code(plain, "hls")
    made = code(in_ultra(plain), "rtl")
    assert re.sub(r"(,\n)? *\.Ultra\(1(?:'b1)?\)(?(1)|,\n)", "", made) == code(plain, "rtl")
