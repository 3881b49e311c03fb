"""How the decoders of an entropy code go through a pass over the weights: ``templates/hls/lib/huffman.hpp`` runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gan2hls.hardware import CHUNK_BITS, LinearEngine


@final
@dataclass(frozen=True)
class Decoder:
    """A pass of one decoder.

    Attributes:
        beats: of the memory port.
        chunks: that those are.
        phrases: that those hold; symbols, where the code is not of runs of zeros.
        cycles: iterations: the first one takes a chunk, the next ones send a phrase each, and the last ones take what
            the last beat has beyond the phrases.
    """

    beats: int
    chunks: int
    phrases: int
    cycles: int


def decoders(engine: LinearEngine) -> tuple[Decoder, ...]:
    """Return the decoders of an engine; none where its weights have no entropy code."""
    found = engine.huffman
    if found is None:
        return ()
    assert engine.off_chip is not None
    made = []
    for beats, bits, phrases in zip(engine.stream_beats, found.streams, found.counts, strict=True):
        chunks = beats * engine.off_chip.bus_bits // CHUNK_BITS
        made.append(Decoder(beats, chunks, phrases, 1 + phrases + chunks - -(-bits.size // CHUNK_BITS)))
    return tuple(made)


def pass_clocks(engine: LinearEngine) -> int:
    """Return the clocks in which the weights of a pass come, each decoder's through a port of its own."""
    symbols = 0 if engine.huffman is None else engine.huffman.symbols
    return max(*engine.stream_beats, *(decoder.cycles for decoder in decoders(engine)), symbols)
