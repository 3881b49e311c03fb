"""What compression made of each layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gan2hls.codecs import CODECS, to_blocks
from gan2hls.compress.recipe import Rule
from gan2hls.detect import find_structure
from gan2hls.hardware import legal_pe, legal_simd
from gan2hls.model import Layer
from gan2hls.ops import Linear

_FLOAT_BITS = 32
#: Blocks whose emptiness is told where the recipe prunes none.
_BLOCK = (4, 4)


@final
@dataclass(frozen=True)
class CompressedLayer:
    """One layer.

    Attributes:
        name: of the layer.
        source: its ONNX nodes; untrusted text.
        format: what was asked for, ``float`` where weights were pruned only.
        found: what the build will recognize in the file, ``zeros`` where nothing is left, None for plain float weights.
        weights: number of weights.
        bits_per_weight: stored, tables included, by the codec's formula; 1 of zeros.
        sparsity: part of the weights that are 0.
        block: output x input channels of a block.
        empty_blocks: part of the blocks in which all weights are 0.
        sqnr_db: of the layer's sums on the calibration inputs, errors of earlier layers included.
    """

    name: str
    source: str
    format: str
    found: str | None
    weights: int
    bits_per_weight: float
    sparsity: float
    block: tuple[int, int]
    empty_blocks: float
    sqnr_db: float

    @property
    def ratio(self) -> float:
        """How much smaller than 32-bit floats."""
        return _FLOAT_BITS / self.bits_per_weight


@final
@dataclass(frozen=True)
class Compressed:
    """A compressed model.

    Attributes:
        layers: those that changed.
        psnr_db: of the output against the original's, both under ONNX Runtime; the peak is the original's range.  Of
            several outputs the least.
        frames: on which it was measured.
        bytes_before: size of the original file.
        bytes_after: size of the written file.
    """

    layers: tuple[CompressedLayer, ...]
    psnr_db: float
    frames: int
    bytes_before: int = 0
    bytes_after: int = 0


def describe(layer: Layer, rule: Rule, sqnr_db: float, found: Layer) -> CompressedLayer:
    """Return the facts of ``layer``, whose sums have ``sqnr_db``; ``found`` is it read back from the written file."""
    assert isinstance(layer.op, Linear) and isinstance(found.op, Linear), layer.name
    geometry, values = layer.op.geometry, found.op.weight
    structure = find_structure(values)
    found_as, bits = (None, float(_FLOAT_BITS)) if values.any() else ("zeros", 1.0)
    if structure is not None:
        found_as = structure.weight.precision
        bits = CODECS[structure.weight.codec].bits(structure.weight, values.size).overall / values.size
    block = rule.prune.block if rule.prune is not None and rule.prune.block is not None else None
    if block is None:
        simd = max(n for n in legal_simd(geometry, 1) if n <= _BLOCK[1])
        pes = (n for n in legal_pe(geometry) if simd in legal_simd(geometry, n))
        block = max(n for n in pes if n <= _BLOCK[0]), simd
    blocks = to_blocks(values != 0, *block)
    return CompressedLayer(
        layer.name,
        layer.source,
        "float" if rule.weight is None else str(rule.weight),
        found_as,
        values.size,
        bits,
        float((values == 0).mean()),
        block,
        float(1 - blocks.any(axis=1).mean()),
        sqnr_db,
    )
