"""Which order the inputs of the model have, and whether maps are held to be put in another order: what copies least."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from gan2hls.base import UnsupportedError
from gan2hls.frontend.copying import OrderError
from gan2hls.frontend.normalize import Normalized
from gan2hls.kinds import KIND_BY_NAME
from gan2hls.model import Graph

#: Layouts of the model's inputs that are tried where tensors have several readers, until no layer copies an input.
_LAYOUTS = (None, 0, 1)

#: Reads the graph: with a layout of the inputs (``Builder.add_input``), and whether maps may be held to be rearranged.
Read = Callable[[int | None, bool], Graph]


def best_graph(plain: Normalized, read: Read) -> Graph:
    """Return what ``read`` makes of ``plain``; maps are held only where nothing else reads it.

    Raises:
        UnsupportedError: it cannot be read.
    """
    try:
        return _of_layouts(plain, lambda layout: read(layout, False))
    except OrderError:
        return _of_layouts(plain, lambda layout: read(layout, True))


def _of_layouts(plain: Normalized, read: Callable[[int | None], Graph]) -> Graph:
    if not any(count > 1 for name, count in _readings(plain).items() if name in plain.types):
        return read(None)
    found: list[Graph] = []
    errors: list[UnsupportedError] = []
    for layout in _LAYOUTS:
        try:
            found.append(read(layout))
        except UnsupportedError as error:
            errors.append(error)
        else:
            if not _copies_inputs(found[-1]):
                break
    if not found:
        raise errors[0]
    return min(found, key=lambda graph: sum(layer.is_copy for layer in graph.layers))


def _readings(plain: Normalized) -> Counter[str]:
    """Return how often each tensor is read, by nodes and as an output."""
    graph = plain.model.graph
    return Counter([name for node in graph.node for name in node.input] + [port.name for port in graph.output])


def _copies_inputs(graph: Graph) -> bool:
    """Whether a layer copies an input of the model, or functions and sums of inputs."""
    ordered = {port.name for port in graph.inputs}
    for layer in graph.layers:
        if KIND_BY_NAME[layer.op.kind].passes_order_on and not ordered.isdisjoint(layer.inputs):
            ordered.add(layer.name)
    return any(layer.is_copy and not ordered.isdisjoint(layer.inputs) for layer in graph.layers)
