"""How long tensors live: which of them nobody reads any more once a layer is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol


class Reader(Protocol):
    """A layer, in float or in integers."""

    @property
    def name(self) -> str:
        """Of the tensor that it makes."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the tensors that it reads."""


def done_with(layers: Sequence[Reader], kept: Collection[str] = ()) -> Mapping[str, tuple[str, ...]]:
    """Return by layer name the tensors that are read for the last time by it, in an order that is always the same.

    What no layer reads ends with the layer that makes it.

    Args:
        layers: in topological order.
        kept: names of tensors that live on, such as those that leave the model.
    """
    last = {layer.name: layer.name for layer in layers}
    for layer in layers:
        last |= dict.fromkeys(layer.inputs, layer.name)
    ends: dict[str, list[str]] = {layer.name: [] for layer in layers}
    for tensor, reader in last.items():
        if tensor not in kept:
            ends[reader].append(tensor)
    return {name: tuple(tensors) for name, tensors in ends.items()}
