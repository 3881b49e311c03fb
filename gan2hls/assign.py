"""Assignment: which number format and which folding the config gives each layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import final

from gan2hls.config import Config, LayerConfig
from gan2hls.errors import ConfigError
from gan2hls.ir import Graph, Layer
from gan2hls.precision import Precision
from gan2hls.weights import IntWeight

#: What activations start from where the config leaves them open.
_FIRST = Precision("int", 8)
#: Of an input in front of quantizers of the file.
_FINE = Precision("int", 16)


@final
@dataclass(frozen=True)
class LayerPrecision:
    """What a layer's weights and its output become.

    Attributes:
        weight: format to fit; None: ``codes`` stay as they are, or ``auto`` chooses.
        activation: format of the output.
        codes: integer weights that the file has, or that were reconstructed.
        may_widen: whether nothing fixes ``activation``: it may get more bits.
    """

    weight: Precision | None
    activation: Precision
    codes: IntWeight | None = None
    may_widen: bool = False

    @property
    def is_open(self) -> bool:
        """Whether ``auto`` is to choose."""
        return self.weight is None and self.codes is None


@final
@dataclass(frozen=True)
class FoldingRequest:
    """Parallelism that a user pinned for a layer; None leaves it to the search."""

    pe: int | None = None
    simd: int | None = None
    lanes: int | None = None


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
        found = layer.structure.weight if layer.structure is not None and common.detect else None
        pinned, activation = None, common.activation
        for entry in _entries(layer, config.layers):
            pinned = entry.precision.weight or pinned
            activation = entry.precision.activation or activation
        kept = found if pinned is None else None
        weight = None if kept is not None else pinned or common.weight
        assigned[layer.name] = LayerPrecision(weight, activation or _FIRST, kept, activation is None)
    _check_patterns({layer.name: layer.source for layer in graph.layers}, config)
    return assigned


def _fine_input(graph: Graph, name: str) -> Precision | None:
    """Return a format that keeps an input as good as float, where the file quantizes what is made of it but not itself.

    The codes behind it are to be the file's.
    """
    readers = [layer.name for layer in graph.layers if name in layer.inputs]
    return _FINE if any(reader in graph.pinned for reader in readers) else None


def assign_folding(graph_layers: Mapping[str, str], config: Config) -> dict[str, FoldingRequest]:
    """Return the pinned foldings by layer name; ``graph_layers`` maps layer names to their ONNX sources.

    Raises:
        ConfigError: a pattern that matches no layer.
    """
    _check_patterns(graph_layers, config)
    pinned = {}
    for name, source in graph_layers.items():
        pe, simd, lanes = config.target.pe, config.target.simd, None
        for pattern, entry in config.layers.items():
            if matches(pattern, name, source):
                pe, simd, lanes = entry.pe or pe, entry.simd or simd, entry.lanes or lanes
        pinned[name] = FoldingRequest(pe, simd, lanes)
    return pinned


def _entries(layer: Layer, layers: Mapping[str, LayerConfig]) -> list[LayerConfig]:
    return [entry for pattern, entry in layers.items() if matches(pattern, layer.name, layer.source)]


def matches(pattern: str, name: str, source: str) -> bool:
    """Whether ``pattern`` names the layer ``name`` or one of the ONNX nodes in ``source``, or is a glob of either."""
    return any(text == pattern or fnmatchcase(text, pattern) for text in (name, source, *source.split(" + ")))


def named(name: str, source: str) -> str:
    """Return how a message names a layer: with its ONNX nodes, where those have names."""
    nodes = " + ".join(node for node in source.split(" + ") if node)
    return f"{name} ({nodes})" if nodes else name


def _check_patterns(sources: Mapping[str, str], config: Config) -> None:
    for pattern in config.layers:
        if not any(matches(pattern, name, source) for name, source in sources.items()):
            known = ", ".join(named(name, source) for name, source in sources.items())
            raise ConfigError("matches no layer", where=f"layers.{pattern}", hint=f"the layers are {known}")
