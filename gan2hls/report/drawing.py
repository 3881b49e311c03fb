"""The graph of a model, or of a design, as people look at it: rails beside the rows of a table, and an SVG."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from gan2hls.base import ToolError
from gan2hls.report.inspect import ModelFacts
from gan2hls.report.schema import LayerReport, Report

#: Fill of a node, by whether it is on the path that decides the latency; of the engine that decides the interval.
_FILL, _FILL_SLOWEST, _STROKE, _STROKE_CRITICAL = "#f4f6f8", "#fde8c8", "#8a94a0", "#c2410c"


@final
@dataclass(frozen=True)
class Arrow:
    """A tensor on its way into a node: who makes it, what is said beside it, and whether it decides the latency."""

    tensor: str
    text: str
    critical: bool = False


@final
@dataclass(frozen=True)
class Node:
    """A layer, an input or an output: its name, lines of text, what it reads, and how it stands out."""

    name: str
    lines: tuple[str, ...]
    arrows: tuple[Arrow, ...] = ()
    critical: bool = False
    slowest: bool = False


def rails(reads: Mapping[str, Sequence[str]]) -> list[str]:
    """Return, for a line of text per node, a piece of the graph: a column for every tensor that is still to be read.

    Args:
        reads: by node, in topological order, the tensors that it reads.

    Returns:
        Pieces of one width: ``●`` the node, ``│`` what passes it by, ``─`` what it reads from further right; nothing at
        all where each node reads just the one before.
    """
    order = list(reads)
    last = {tensor: n for n, name in enumerate(order) for tensor in reads[name]}
    columns: list[str | None] = []
    rows = []
    for n, name in enumerate(order):
        ends = [c for c, tensor in enumerate(columns) if tensor in reads[name] and last[str(tensor)] == n]
        at = ends[0] if ends else next((c for c, tensor in enumerate(columns) if tensor is None), len(columns))
        columns += [None] * (at + 1 - len(columns))
        reached = [c for c, tensor in enumerate(columns) if tensor in reads[name] and c != at]
        rows.append(_row(columns, at, reached, ends))
        for c in ends:
            columns[c] = None
        columns[at] = name if name in last else None
    width = max(map(len, rows), default=0)
    return [row.ljust(width) for row in rows] if width > 1 else [""] * len(rows)


def _row(columns: Sequence[str | None], at: int, reached: Sequence[int], ends: Sequence[int]) -> str:
    """Return one piece: the node in column ``at``, and lines to the columns that it reads."""
    first, final_ = min([at, *reached]), max([at, *reached])
    text = ""
    for c, tensor in enumerate(columns):
        if c == at:
            mark = "●"
        elif c in reached:
            right = c > at
            mark = ("╯" if right else "╰") if c in ends else ("┤" if right else "├")
        else:
            crossed = first < c < final_
            mark = ("┼" if crossed else "│") if tensor is not None else ("─" if crossed else " ")
        text += mark + ("─" if first <= c < final_ else " ")
    return text.rstrip()


def model_nodes(facts: ModelFacts) -> list[Node]:
    """Return what ``draw_svg`` draws of a model."""
    shapes = {layer.name: layer.out_shape for layer in facts.layers}
    nodes = [Node(port["name"], (port["name"], _size(port["onnx_shape"]))) for port in facts.inputs]
    for layer in facts.layers:
        lines = [layer.name, f"{layer.params:,} weights" if layer.params else "no weights"]
        lines += [f"{layer.useful_macs:,} MACs"] if layer.useful_macs else []
        arrows = tuple(Arrow(name, _size(shapes[name]) if name in shapes else "") for name in layer.inputs)
        nodes.append(Node(layer.name, tuple(lines), arrows))
    return nodes + _ends([(port["name"], _size(shapes.get(port["name"], ()))) for port in facts.outputs])


def report_nodes(report: Report) -> list[Node]:
    """Return what ``draw_svg`` draws of a design: bits of every queue, how busy engines are, the critical path."""
    path, interval = report.totals.critical_path, report.totals.frame_interval_cycles
    critical, steps = set(path), set(itertools.pairwise(path))
    period = interval.measured or interval.estimated or interval.limit
    nodes = [
        Node(p.name, (p.name, f"{_size(p.shape)} {p.type}"), critical=p.name in critical) for p in report.model.inputs
    ]
    slowest = max((layer.cycles.estimated or 0 for layer in report.layers), default=0)
    for layer in report.layers:
        cycles = layer.cycles.measured or layer.cycles.estimated or 0
        lines = (layer.name, _engine(layer), f"{cycles:,} clocks, {cycles / period:.0%} busy" if period else "")
        arrows = tuple(
            Arrow(
                one.tensor,
                f"{one.beats:,} beats" + (f"\nqueue {one.queue_bits:,} bits" if one.queue_bits else ""),
                (one.tensor, layer.name) in steps,
            )
            for one in layer.inputs
        )
        nodes.append(Node(layer.name, lines, arrows, layer.name in critical, layer.cycles.estimated == slowest))
    return nodes + _ends([(port.name, f"{_size(port.shape)} {port.type}") for port in report.model.outputs])


def _engine(layer: LayerReport) -> str:
    folding = f"{layer.folding.pe} x {layer.folding.simd}"
    return f"{layer.precision.weight}, {folding}" if layer.precision.weight else folding


def _ends(outputs: Sequence[tuple[str, str]]) -> list[Node]:
    return [Node(f"{name}/output", ("output", text), (Arrow(name, ""),)) for name, text in outputs]


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def draw_svg(nodes: Sequence[Node]) -> bytes:
    """Return a drawing of ``nodes`` from top to bottom, laid out by Graphviz.

    Raises:
        ToolError: pygraphviz is not installed.
    """
    try:
        import pygraphviz
    except ImportError as error:
        raise ToolError("--svg needs pygraphviz", hint="pip install 'gan2hls[draw]'") from error
    graph = pygraphviz.AGraph(directed=True, rankdir="TB", nodesep="0.3", ranksep="0.35")
    graph.node_attr.update(shape="box", style="filled,rounded", fontname="Helvetica", fontsize="11", color=_STROKE)
    graph.edge_attr.update(fontname="Helvetica", fontsize="9", color=_STROKE, arrowsize="0.7")
    for node in nodes:
        stroke = {"color": _STROKE_CRITICAL, "penwidth": "2"} if node.critical else {}
        graph.add_node(
            node.name, label="\n".join(node.lines), fillcolor=_FILL_SLOWEST if node.slowest else _FILL, **stroke
        )
    for node in nodes:
        for n, arrow in enumerate(node.arrows):
            stroke = {"color": _STROKE_CRITICAL, "penwidth": "2"} if arrow.critical else {}
            graph.add_edge(arrow.tensor, node.name, key=f"{node.name}.{n}", label=arrow.text, **stroke)
    made: bytes = graph.draw(format="svg", prog="dot")
    return made
