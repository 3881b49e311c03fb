"""Assignment: which number formats the config gives each layer."""

from __future__ import annotations

from collections.abc import Mapping

from gan2hls.config import Config, LayerConfig, check_patterns, matches
from gan2hls.fit import LayerPrecision
from gan2hls.formats import Precision
from gan2hls.model import Graph, Layer
from gan2hls.ops import COPY, Linear

#: What activations start from where the config leaves them open.
_FIRST = Precision("int", 8)
#: Of an input in front of quantizers of the file.
_FINE = Precision("int", 16)


def assign_precision(graph: Graph, config: Config) -> dict[str, LayerPrecision]:
    """Return the precision of every tensor by name; inputs have ``precision.input``.

    What ``layers`` says of a layer's weights comes first, then the codes that its file has, then ``precision.weight``.
    Under ``auto`` a layer of which neither says anything has neither ``weight`` nor ``codes``.

    Raises:
        ConfigError: a pattern that matches no layer.
    """
    common = config.precision
    assigned = {}
    for port in graph.inputs:
        asked = common.input or _fine_input(graph, port.name) or common.activation
        assigned[port.name] = LayerPrecision(common.weight, asked or _FIRST, may_widen=asked is None)
    for layer in graph.layers:
        structure = layer.op.structure if isinstance(layer.op, Linear) else None
        found = structure.weight if structure is not None and common.detect else None
        pinned, activation = None, common.activation
        for entry in _entries(layer, config.layers):
            pinned = entry.precision.weight or pinned
            activation = entry.precision.activation or activation
        if layer.op.kind == COPY and structure is not None:  # there is nothing to choose in ones
            found, pinned = structure.weight, None
        kept = found if pinned is None else None
        weight = None if kept is not None else pinned or common.weight
        assigned[layer.name] = LayerPrecision(weight, activation or _FIRST, kept, activation is None)
    check_patterns({layer.name: layer.source for layer in graph.layers}, config)
    return assigned


def _fine_input(graph: Graph, name: str) -> Precision | None:
    """Return a format that keeps an input as good as float, where the file quantizes what is made of it but not itself.

    The codes behind it are to be the file's.
    """
    readers = [layer.name for layer in graph.layers if name in layer.inputs]
    return _FINE if any(reader in graph.pinned for reader in readers) else None


def _entries(layer: Layer, layers: Mapping[str, LayerConfig]) -> list[LayerConfig]:
    return [entry for pattern, entry in layers.items() if matches(pattern, layer.name, layer.source)]
