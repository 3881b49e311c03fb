"""The sizes of the entropy code over weights in external memory, as compile-time numbers of a layer."""

from __future__ import annotations

from gan2hls.codecs import HuffmanCode, Phrases
from gan2hls.emit.hls.config import Constant, bits_for
from gan2hls.hardware import EngineDesign, LinearEngine


def place_bits(code: HuffmanCode) -> int:
    """Return the bits of the place of a symbol in its table."""
    return bits_for(len(code.symbols) - 1)


def code_constants(engine: EngineDesign) -> tuple[Constant, ...]:
    """Return the sizes of the entropy code over an engine's weights; none without one."""
    found = engine.huffman if isinstance(engine, LinearEngine) else None
    if found is None:
        return ()
    return (
        Constant("PASS_SYMBOLS", found.symbols, "symbols of a pass, of each decoder"),
        Constant("CODE_LONGEST", found.code.longest, "bits of the longest code"),
        Constant("CODE_LIMIT", found.code.limits, "by length less 1, the first prefix beyond all codes up to it"),
        Constant("CODE_BASE", found.code.bases, "by length less 1, from a code to its place in the table"),
        Constant("PLACE_BITS", place_bits(found.code), "place of a symbol in the table"),
        *_phrases(found.phrases),
    )


def _phrases(phrases: Phrases) -> tuple[Constant, ...]:
    """Return what the phrases of an entropy code are, where it is one of runs of zeros."""
    if phrases.most == 1:
        return ()
    return (
        Constant("SYMBOL_BITS", phrases.symbol_bits, "symbol of a phrase"),
        Constant("ZERO_BITS", phrases.zero_bits, "zeros in front of it"),
        Constant("ZERO_SYMBOL", phrases.zero, "what those are"),
    )
