"""Graph passes: from one layer per ONNX operator to one layer per engine."""

from __future__ import annotations

from collections.abc import Callable, Collection

from gan2hls.model import Graph, split, verify_graph
from gan2hls.passes.chain_joins import chain_joins
from gan2hls.passes.dead_channels import drop_dead_channels
from gan2hls.passes.detect import detect
from gan2hls.passes.fold_forward import fold_forward
from gan2hls.passes.fold_into_sums import fold_into_sums
from gan2hls.passes.fuse_points import fuse_points
from gan2hls.passes.pin import pin
from gan2hls.passes.rename import rename
from gan2hls.passes.simplify import drop_identities, simplify_points
from gan2hls.passes.sum_taps import sum_taps
from gan2hls.passes.upright import upright

#: In order; adding one touches this line and its file.
PASSES: tuple[Callable[[Graph], Graph], ...] = (
    upright,
    simplify_points,
    fuse_points,
    simplify_points,
    drop_identities,
    fold_into_sums,
    chain_joins,
    drop_dead_channels,
    detect,
    fold_forward,
    sum_taps,
    pin,
    rename,
)


def run(graph: Graph) -> Graph:
    """Run all passes; every one leaves a legal graph that computes the same function."""
    return run_traced(graph)[0]


def run_traced(graph: Graph, left_out: Collection[Callable[[Graph], Graph]] = ()) -> tuple[Graph, dict[str, str]]:
    """Run all passes but those ``left_out``; return the graph, and by layer name what each was called before."""
    origins = {layer.name: layer.name for layer in graph.layers}
    for rewrite in PASSES:
        if rewrite in left_out:
            continue
        before, graph = graph, rewrite(graph)
        verify_graph(graph)
        if rewrite is rename:
            pairs = zip(graph.layers, before.layers, strict=True)
            origins = {layer.name: origins[former.name] for layer, former in pairs}
    for layer in graph.layers:
        assert not split(layer.points, layer.channels).rest, f"{layer.name} needs more than one engine"
    return graph, origins


__all__ = [
    "PASSES",
    "detect",
    "drop_dead_channels",
    "fold_forward",
    "fold_into_sums",
    "run",
    "run_traced",
    "sum_taps",
]
