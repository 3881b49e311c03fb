"""The pragmas of DATAFLOW regions, rewritten to what they mean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gan2hls.emit.hls.files import emit_hls
from gan2hls.hardware import Design
from gan2hls.verify.dataflow import bounded, write_bounded
from tests.cosim.hls_chains import random_design, write_hls
from tests.random_integer_graphs import random_graph_design

REGION = """\
static const int DEPTH = 2;
void top(hls::stream<ap_uint<8> >& in, hls::stream<ap_uint<8> >& out) {
#pragma HLS DATAFLOW
    hls::stream<ap_uint<8> > from_a;  // to b
#pragma HLS STREAM variable=from_a depth=40
    // A call.
    layer_a::engine(in, from_a);
    gan2hls::table<config, 2>(from_a, out);
}
    f(DEPTH);
"""

REWRITTEN = """\
static const int DEPTH = 2;
void top(hls::stream<ap_uint<8> >& in, hls::stream<ap_uint<8> >& out) {
#pragma HLS DATAFLOW
    hls::region dataflow_region;
    hls::stream<ap_uint<8> > from_a;  // to b
#pragma HLS STREAM variable=from_a depth=40
    from_a.bound("x.from_a", 40, true);
    // A call.
    dataflow_region.call([&] { layer_a::engine(in, from_a); }, {&in, &from_a});
    dataflow_region.call([&] { gan2hls::table<config, 2>(from_a, out); }, {&from_a, &out});
    dataflow_region.join();
}
    f(DEPTH);
"""


def test_a_region() -> None:
    assert "".join(bounded(REGION, {"from_a"}, "x.")) == REWRITTEN


@pytest.mark.parametrize(
    "line", ["    int n = 3;", "    out.write(in.read());", "#pragma HLS STREAM variable=a", "    for (;;) {"]
)
def test_what_is_no_part_of_a_region(line: str) -> None:
    with pytest.raises(AssertionError, match="in a DATAFLOW region: "):
        "".join(bounded(REGION.replace("    // A call.", line), (), ""))


def test_a_region_without_an_end() -> None:
    with pytest.raises(AssertionError, match="without an end"):
        "".join(bounded(REGION.partition("}\n")[0], (), ""))


@pytest.mark.parametrize("made", [random_design(17, layers=8), random_graph_design(3)], ids=lambda made: made.name)
def test_all_streams_and_calls_of_a_project(made: Design, tmp_path: Path) -> None:
    hls = write_hls(made, tmp_path)
    write_bounded(hls, made, tmp_path / "bounded")
    for path, content in emit_hls(made).items():
        text, found = content.decode(), (tmp_path / "bounded" / path).read_text()
        depths = re.findall(r"^#pragma HLS STREAM variable=(\w+) depth=(\d+)", text, re.MULTILINE)
        prefix = f"{Path(path).stem}." if path.startswith("layers/") else ""
        if path.startswith("lib/"):
            assert found == text
            continue
        assert re.findall(r"^    (\w+)\.bound\(\"(.*)\", (\d+), (?:true|false)\);$", found, re.MULTILINE) == [
            (name, prefix + name, depth) for name, depth in depths
        ]
        assert found.count("dataflow_region.join();") == text.count("#pragma HLS DATAFLOW")
    core = (tmp_path / "bounded" / f"{made.name}.cpp").read_text()
    for engine in made.engines:
        layer = (tmp_path / "bounded" / "layers" / f"{engine.layer.name}.hpp").read_text()
        assert "dataflow_region.call([&] { gan2hls::requant<config>(" in layer
        assert f"dataflow_region.call([&] {{ layer_{engine.layer.name}::engine(" in core
