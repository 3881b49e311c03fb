"""Rails beside tables, and drawings of models and designs."""

from __future__ import annotations

import io
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

import gan2hls
from gan2hls.base import ToolError
from gan2hls.cli.commands import app
from gan2hls.cli.tables import show_report
from gan2hls.flow import inspect
from gan2hls.report import rails
from gan2hls.report.drawing import Arrow, Node, draw_svg
from tests.onnx_models import f32, save

RESIDUAL = {"a": ["x"], "b": ["a"], "c": ["b"], "d": ["a", "c"], "e": ["d"]}


def test_a_chain_has_no_rails() -> None:
    assert rails({"a": ["x"], "b": ["a"], "c": ["b"]}) == ["", "", ""]


def test_a_residual_block() -> None:
    assert [row.rstrip() for row in rails(RESIDUAL)] == ["●", "├─●", "│ ●", "●─╯", "●"]


def test_rails_that_cross_and_end() -> None:
    reads = {"a": ["x"], "b": ["a"], "c": ["a"], "d": ["b"], "e": ["a", "d"], "f": ["c", "e"], "g": ["f", "f"]}
    rows = [row.rstrip() for row in rails(reads)]
    assert rows == ["●", "├─●", "├─┼─●", "│ ● │", "●─╯ │", "●───╯", "●"]


def test_every_line_of_rails_leads_to_what_is_read() -> None:
    """Follow the columns of random graphs: a node stands in its column until its last reader."""
    for seed in range(50):
        rng = np.random.default_rng(seed)
        names = [f"n{n}" for n in range(12)]
        reads = {
            name: [names[k] for k in {*rng.integers(0, n, size=int(rng.integers(1, 4))).tolist()}] if n else ["x"]
            for n, name in enumerate(names)
        }
        rows = rails(reads)
        assert len({len(row) for row in rows}) == 1
        for name, row in zip(names, rows, strict=True):
            assert row.count("●") == 1
            marks = sum(row.count(mark) for mark in "├┤╯╰")
            known = [one for one in reads[name] if one != "x"]
            assert marks in (len(known), len(known) - 1), (name, row)  # the node may stand in a column that ends there


def test_nothing_of_a_name_gets_into_the_drawing_as_code() -> None:
    node = Node("a", ('<script>"\\n</text>',))
    made = draw_svg([node, Node("b", ("b",), (Arrow("a", "1 & 2"),), critical=True)])
    root = ElementTree.fromstring(made)
    assert not root.findall(".//{*}script")
    assert "1 & 2" in {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}


def project(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    body = "h = Conv<pads = [1, 1, 1, 1]>(x, a) r = Relu(h) s = Conv<pads = [1, 1, 1, 1]>(r, b) y = Add(h, s)"
    path = save(folder, body, (1, 2, 6, 6), {"a": f32(rng, 4, 2, 3, 3), "b": f32(rng, 4, 4, 3, 3)})
    made = gan2hls.build(path, output=folder, overrides={"verify": {"steps": []}}).path
    assert made is not None
    return made


def test_a_project_is_drawn_with_its_queues_and_its_critical_path(tmp_path: Path) -> None:
    folder = project(tmp_path)
    svg = tmp_path / "graph.svg"
    report = inspect(folder, svg=svg)
    (join,) = (layer for layer in report.layers if layer.kind == "add")
    queue = max(one.queue_bits for one in join.inputs)
    assert queue > 0
    words = {text.text for text in ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")}
    assert {layer.name for layer in report.layers} | {f"queue {queue:,} bits"} <= words
    path = report.totals.critical_path
    assert path[0] == "x" and path[-1] == report.layers[-1].name and len(path) > 3
    shown = CliRunner().invoke(app, ["inspect", str(folder)]).output
    assert "●─╯" in shown and "critical path: x > " in shown


@pytest.mark.parametrize(("times", "told"), [(1, False), (3, True)])
def test_frames_of_the_cpp_that_take_much_longer_are_told(times: int, told: bool, tmp_path: Path) -> None:
    report = inspect(project(tmp_path))
    cycles = report.totals.frame_interval_cycles
    assert cycles.estimated is not None
    slow = cycles.model_copy(update={"hls_estimated": times * cycles.estimated})
    totals = report.totals.model_copy(update={"frame_interval_cycles": slow})
    screen = io.StringIO()
    show_report(Console(file=screen, width=200), report.model_copy(update={"totals": totals}))
    assert (f"HLS C++: {slow.hls_estimated:,} cycles: its loops" in screen.getvalue()) == told


def test_a_model_is_drawn(tmp_path: Path) -> None:
    path = save(tmp_path, "h = Conv(x, a) y = Relu(h)", (1, 2, 6, 6), {"a": f32(np.random.default_rng(0), 4, 2, 3, 3)})
    result = CliRunner().invoke(app, ["inspect", str(path), "--svg", str(tmp_path / "m.svg")])
    assert result.exit_code == 0, result.output
    words = {text.text for text in ElementTree.parse(tmp_path / "m.svg").iter("{http://www.w3.org/2000/svg}text")}
    assert {"l0_conv", "72 weights", "output"} <= words


def test_without_pygraphviz_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(ToolError) as caught:
        draw_svg([Node("a", ("a",))])
    assert "gan2hls[draw]" in caught.value.hint
