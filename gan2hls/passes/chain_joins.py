"""Join to what is joined already, as the concatenations of a dense block begin with those before them.

A block of five convolutions joins its input, and what all convolutions before have made, in front of each of them.  So
each tensor waits for every convolution behind it, in a queue for each.  Joined to the former concatenation, only that
waits, for one convolution: half of the bits in half of the queues, and the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gan2hls.kinds import Concat
from gan2hls.model import Graph, Layer, rewired


def chain_joins(graph: Graph) -> Graph:
    """Let concatenations along channels read former ones instead of all that those read; of equal ones one is left."""
    joins: list[Layer] = []
    layers: list[Layer] = []
    equal: dict[str, str] = {}
    outputs = {port.name for port in graph.outputs}
    for layer in graph.layers:
        layer = rewired(layer, equal)
        if _joins_channels(layer):
            layer = _chained(layer, joins)
            same = next((former for former in joins if former.inputs == layer.inputs), None)
            if same is not None and not layer.points and layer.name not in outputs:
                equal[layer.name] = same.name
                continue
            if not layer.points:
                joins.append(layer)
        layers.append(layer)
    return replace(graph, layers=tuple(layers))


def _joins_channels(layer: Layer) -> bool:
    """Whether ``layer`` writes its operands behind one another in each pixel."""
    return isinstance(layer.op, Concat) and sum(layer.op.runs) == layer.shape[2]


def _chained(layer: Layer, joins: Iterable[Layer]) -> Layer:
    """Return ``layer``, which reads those of ``joins`` whose operands stand side by side among its own.

    In the order in which they are joined: a later one reads a former one as this does by then.
    """
    for former in joins:
        count = len(former.inputs)
        places = range(len(layer.inputs) - count + 1) if count < len(layer.inputs) else ()
        at = next((n for n in places if layer.inputs[n : n + count] == former.inputs), None)
        if at is not None and former.shape[:2] == layer.shape[:2]:
            assert isinstance(layer.op, Concat)
            inputs = (*layer.inputs[:at], former.name, *layer.inputs[at + count :])
            runs = (*layer.op.runs[:at], former.shape[2], *layer.op.runs[at + count :])
            layer = replace(layer, inputs=inputs, op=replace(layer.op, runs=runs))
    return layer
