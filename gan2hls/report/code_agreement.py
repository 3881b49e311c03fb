"""How far the golden model is from the codes that a quantized file computes itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from gan2hls.model import Graph
from gan2hls.numbers import Float32Array, Int64Array


@final
@dataclass(frozen=True)
class CodeAgreement:
    """The codes of one tensor that the file quantizes, against those of the reference.

    Attributes:
        differ: how many of the compared codes are not equal.
        max_difference: the greatest difference, in codes.
    """

    differ: int
    max_difference: int

    def together(self, other: CodeAgreement) -> CodeAgreement:
        """Return what is so of the codes of both."""
        return CodeAgreement(self.differ + other.differ, max(self.max_difference, other.max_difference))


def compare_codes(
    graph: Graph, reference: Mapping[str, Float32Array], golden: Mapping[str, Int64Array]
) -> dict[str, CodeAgreement]:
    """Compare the layers whose type the file fixes; returns an entry for each, by layer name.

    Args:
        graph: after the passes.
        reference: float streams ``[N, H, W, C]`` by layer name, as ONNX Runtime computes the file.
        golden: codes ``[N, H, W, C]`` by layer name.
    """
    found = {}
    for layer in graph.layers:
        if layer.name in graph.pinned:
            difference = np.abs(graph.pinned[layer.name].quantize(reference[layer.name]) - golden[layer.name])
            found[layer.name] = CodeAgreement(int(np.count_nonzero(difference)), int(difference.max(initial=0)))
    return found
