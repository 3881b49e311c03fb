"""The C++ that both HLS compilers take: what can be checked in the text of the library and of emitted projects."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from gan2hls.emit.hls.depths import ring_programs
from gan2hls.emit.hls.files import emit_hls
from gan2hls.emit.hls.layer import layer_view
from gan2hls.emit.rendering import static
from gan2hls.hardware import Design, Folding, make_engine
from tests.cosim.hls_chains import random_design
from tests.cosim.test_channel_tables import chained
from tests.random_integer_graphs import maps_away, random_graph_design, u_net_design
from tests.randomized import (
    chain,
    coded_off_chip_design,
    conv,
    design,
    linear_layer,
    off_chip_design,
    tiny_design,
    two_chains,
)
from tests.shared_engines import some_shared_design

#: What only test benches include.
HOST_ONLY = ("bench.hpp", "image.hpp")
LIBRARY = {name: content.decode() for name, content in static("hls/lib", (".hpp",)).items() if name not in HOST_ONLY}
#: The only file that bambu never sees.
VITIS_ONLY = ("lib/axis.hpp", "lib/axi_beat.hpp")
BANNED = (
    "float",
    "double",
    "virtual",
    "new ",
    "malloc",
    ".empty()",
    "read_nb",
    "<< in",
    ">> in",
    "_Pragma",
)

#: A loop that Vitis unrolls, in both spellings, and nothing between them and the loop.
UNROLLED = re.compile(
    r"#ifdef __BAMBU__\n#pragma unroll\n#endif\n *for \([^\n]*\) \{\n#ifndef __BAMBU__\n#pragma HLS UNROLL"
)
#: A loop that touches streams.
STREAMING = re.compile(
    r"#ifdef __BAMBU__\n#pragma nounroll\n#endif\n"
    r"    for \(typename upto<[^;]*>::type (?:cycle|beat) = 0; (?:cycle|beat) < [^;]*; \+\+(?:cycle|beat)\) \{\n"
    r"#ifndef __BAMBU__\n#pragma HLS PIPELINE II=1  // [a-zA-Z]"
)
#: Loops over passes through external memory, whose index is an address: a plain one, of which Vitis makes bursts.
BURSTS = re.compile(
    r"#ifdef __BAMBU__\n#pragma nounroll\n#endif\n"
    r"    for \(typename upto<PASSES>::type pass = 0; pass < PASSES; \+\+pass\) \{\n"
    r"#ifndef __BAMBU__\n#pragma HLS LOOP_FLATTEN off  // [a-zA-Z ]+\n#endif\n"
    r"#ifdef __BAMBU__\n#pragma nounroll\n#endif\n"
    r"        for \(int beat = 0; beat < BEATS; \+\+beat\) \{\n"
    r"#ifndef __BAMBU__\n#pragma HLS PIPELINE II=1  // [a-zA-Z ]+\n#endif\n"
    r"            out\.write\(weights\[beat\]\);\n        \}\n    \}\n"
)
#: A loop over words of a ring, whose index is an address too, in a function that does nothing else.
STRETCH = re.compile(
    r"#ifndef __BAMBU__\n#pragma HLS INLINE off  // [a-zA-Z :]+\n#endif\n"
    r"#ifdef __BAMBU__\n#pragma nounroll\n#endif\n"
    r"    for \(int word = 0; word < words; \+\+word\) \{\n"
    r"#ifndef __BAMBU__\n#pragma HLS PIPELINE II=1  // [a-zA-Z ]+\n#endif\n"
    r"        (?:out\.write\(.*memory\[first \+ word\]\)\)|memory\[first \+ word\] = .*in\.read\(\)\));\n    \}\n\}\n"
)


@pytest.fixture(
    scope="module", params=["tiny", "random", "tables", "ports", "branches", "off_chip", "coded", "rings", "shared"]
)
def synthesized(request: pytest.FixtureRequest) -> dict[str, str]:
    """Everything that an HLS compiler reads of a project."""
    designs = {"tiny": tiny_design, "tables": chained, "ports": two_chains, "branches": lambda: u_net_design(2)}
    designs |= {"off_chip": off_chip_design, "coded": coded_off_chip_design}
    designs |= {"shared": some_shared_design}
    designs |= {"rings": lambda: maps_away(random_graph_design(2, norms=True), 64)}
    made = designs.get(request.param, lambda: random_design(17, layers=8))()
    keep = re.compile(rf"({made.name}\.[ch]pp|layers/.*|lib/[a-z_0-9]+\.hpp)\Z")
    return {
        p: c.decode() for p, c in emit_hls(made).items() if keep.match(p) and p.removeprefix("lib/") not in HOST_ONLY
    }


def test_nothing_that_a_compiler_refuses(synthesized: dict[str, str]) -> None:
    for path, text in synthesized.items():
        code = re.sub(r"//.*", "", text)
        for banned in BANNED:
            assert banned not in code, f"{path}: {banned}"


def test_pragmas_of_vitis_are_guarded_and_say_why(synthesized: dict[str, str]) -> None:
    for path, text in synthesized.items():
        guards: list[str] = []
        lines = text.splitlines()
        for n, line in enumerate(lines):
            if line.startswith("#if"):
                guards.append(line)
            elif line.startswith("#else"):
                guards[-1] = f"not {guards[-1]}"
            elif line.startswith("#endif"):
                guards.pop()
            if (
                re.match(r"#pragma HLS (PIPELINE|UNROLL|LOOP_FLATTEN|ARRAY|DEPENDENCE|BIND)", line)
                or "port=return" in line
            ):
                inside = any("__BAMBU__" in g and not g.startswith("not ") for g in guards)
                assert inside or path in VITIS_ONLY, f"{path}:{n + 1}: {line}"
                reason = "//" in line or any("//" in before for before in lines[max(0, n - 5) : n])
                assert reason, f"{path}:{n + 1}: no reason: {line}"


@pytest.mark.parametrize("name", LIBRARY)
def test_unrolled_loops_have_both_spellings_and_constant_bounds(name: str) -> None:
    text = LIBRARY[name]
    assert len(UNROLLED.findall(text)) == text.count("#pragma HLS UNROLL") == text.count("#pragma unroll"), name
    outer: list[tuple[int, str]] = []  # indent and variable of the loops around a line
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if line.strip() and not line.startswith("#"):
            outer = [(depth, variable) for depth, variable in outer if depth < indent]
        loop = re.match(r" *for \((?:int|typename upto<.*>::type) (\w+) = 0; \1 < (.*); \+\+\1\) \{\Z", line)
        assert loop or not line.lstrip().startswith("for ("), f"{name}: {line}"
        if loop:
            used = set(re.findall(r"[a-z_]\w*", loop.group(2)))
            depends = used & {variable for _, variable in outer}
            assert not depends, f"{name}: the bound of {line.strip()} depends on {depends}"
            outer.append((indent, loop.group(1)))


@pytest.mark.parametrize("name", [name for name in LIBRARY if "HLS PIPELINE" in LIBRARY[name]])
def test_pipelined_loops_count_in_bounded_types(name: str) -> None:
    """A 32-bit counter does not fit a clock: loops count to a bound, and so does what lives from turn to turn."""
    text = LIBRARY[name]
    if name == "load_weights.hpp":
        assert BURSTS.search(text) and text.count("#pragma HLS PIPELINE") == 1 and text.count("#pragma nounroll") == 2
    elif name == "ring.hpp":
        assert len(STRETCH.findall(text)) == text.count("#pragma HLS PIPELINE") == 2
        assert text.count("#pragma nounroll") == 4 and text.count("memory[") == 2
    elif f"lib/{name}" not in VITIS_ONLY:
        assert len(STREAMING.findall(text)) == text.count("#pragma HLS PIPELINE") == text.count("#pragma nounroll"), (
            name
        )
    for function in re.findall(r"\nvoid \w+\(.*?\n}\n", text, re.DOTALL):
        if name == "ring.hpp" and "PIPELINE" not in function:
            continue
        state = function[: function.index("PIPELINE")]
        plain = re.findall(r"^    (?:int|unsigned|int64_t|uint64_t|long) +(\w+) *(?:=|;|\[)", state, re.MULTILINE)
        assert not plain, f"{name}: {plain} live from turn to turn"
    for struct in re.findall(
        r"^struct (?:counter|segments|tap_walk|tile_pace) \{\n(.*?)^\};", text, re.DOTALL | re.MULTILINE
    ):
        assert not re.search(r"^    (?:int|unsigned) ", struct, re.MULTILINE), name


@pytest.mark.parametrize("name", [name for name in LIBRARY if "HLS PIPELINE" in LIBRARY[name]])
def test_a_turn_reads_and_writes_a_stream_once(name: str) -> None:
    for function in re.findall(r"\nvoid \w+\(.*?\n}\n", LIBRARY[name], re.DOTALL):
        whole = LIBRARY[name] if "(STREAMS&... streams)" in function else function  # what passes streams on
        used = re.findall(r"(\w+\.(?:read\(\)|write\())", whole)
        if name == "ring.hpp" and function.startswith("\nvoid ring("):
            assert not used and "PIPELINE" not in function, "loops over words are functions of their own"
            continue
        assert used and len(used) == len(set(used)), f"{name}: {used}"
        assert ".read()" not in function[: function.index("PIPELINE")], f"{name} reads before its loop"


def designs() -> list[Design]:
    rng = np.random.default_rng(4)
    z = tiny_design().model.input_types[0]
    skipping = linear_layer(rng, "l0", "z", conv((6, 6), 6, 6), z, weight_bits=5, empty=0.6, block=(2, 3))
    plain = design(chain("skips", (6, 6, 6), z, (skipping,)), [Folding(2, 3, 1)])
    engine = plain.engines[0]
    skips = replace(plain, engines=(make_engine(engine.layer, engine.folding, rows=engine.rows, skip=True),))
    return [
        tiny_design(),
        off_chip_design(),
        coded_off_chip_design(),
        skips,
        u_net_design(2),
        maps_away(random_graph_design(2, norms=True), 64),
        *(random_design(seed, layers=8) for seed in range(3)),
    ]


@pytest.mark.parametrize("made", designs(), ids=lambda made: made.name)
def test_streams_are_whole_bytes(made: Design) -> None:
    """Bambu loses the top bits of words of other widths that it keeps in a memory."""
    for engine in made.engines:
        view = layer_view(engine, *made.edges_into(engine), programs=ring_programs(made))
        for stream in view.streams:
            assert stream.bits % 8 == 0, f"{view.name}: {stream}"
    for path, content in emit_hls(made).items():
        for width in re.findall(r"hls::stream<ap_uint<(\d+)>", content.decode()):
            assert int(width) % 8 == 0, f"{path}: a stream of {width} bits"


def test_memories_of_words_are_whole_bytes_where_widths_are_not_exact() -> None:
    for name, text in LIBRARY.items():
        for array in re.findall(r"^    ap_uint<(.*)> \w+\[", text, re.MULTILINE):
            assert array.startswith("memory_bits("), f"{name}: {array}"
