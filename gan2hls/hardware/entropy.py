"""The entropy code over weights in external memory: its symbols, its phrases, and the decoders that share them.

Decoder ``n`` of ``N`` has the ``n``-th part of each word, in a stream of its own.  A run of zeros may go on from word
to word and from tile to tile of a pass, since they follow one another in the stream; it ends with the pass, which
begins anew for each band.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.codecs import LONGEST_CODE, Encoded, HuffmanCode, Phrases, huffman_code, unpack
from gan2hls.hardware.off_chip import pass_words
from gan2hls.numbers import Int64Array

#: Decoders of an engine at most: each has a queue, a buffer and a table of its own.
MOST_DECODERS = 16
#: Bits that a decoder takes in a clock at most.
CHUNK_BITS = 16
#: Least part of the bytes that an entropy code must save, and of those the least that runs of zeros must.
WORTH_CODING = 0.05
#: Symbols of a phrase at most, from which the least are taken that come within a part of the shortest streams.
_PHRASES = (2, 3, 4, 6, 8, 12, 16, 24, 32)
MOST_PHRASE = _PHRASES[-1]
_NEAR_SHORTEST = 0.02
#: Phrases of a table at most: with as many it is a block RAM of 18 kbit, as long as it is no wider than 18 bits.
_MOST_PHRASES = 1024


def symbol_bits(encoded: Encoded) -> int:
    """Return the bits of a symbol of an entropy code: those of a weight's code, or of five trits that share a byte."""
    return _SYMBOL_BITS[encoded.codec](encoded)


def symbols(encoded: Encoded) -> Int64Array:
    """Return the symbols of one pass, int64 ``[words, symbols of a word]``."""
    bits = symbol_bits(encoded)
    return unpack(pass_words(encoded), encoded.memories[0].width_bits // bits, bits, signed=False)


def legal_decoders(encoded: Encoded) -> tuple[int, ...]:
    """Return how many decoders may share the symbols of a word; none where an entropy code saves nothing.

    There is none either where more symbols occur than a code has words.
    """
    if encoded.codec not in _SYMBOL_BITS or encoded.memories[0].width_bits % symbol_bits(encoded):
        return ()
    if symbol_bits(encoded) > LONGEST_CODE and np.unique(symbols(encoded)).size > 1 << LONGEST_CODE:
        return ()
    count = encoded.memories[0].width_bits // symbol_bits(encoded)
    return tuple(n for n in range(1, min(count, MOST_DECODERS) + 1) if count % n == 0)


@final
@dataclass(frozen=True, eq=False)
class HuffmanStreams:
    """The symbols of a pass, coded: decoder ``n`` of ``N`` has the ``n``-th part of each word.

    Attributes:
        code: of the phrases of all of them.
        phrases: what those are; of one symbol each where runs of zeros are not coded.
        streams: the bits of each decoder's phrases.
        lengths: how many of them each phrase takes, uint8, by decoder.
        spans: symbols that each phrase stands for, uint8, by decoder.
        symbols: that each one has in a pass.
        word_symbols: that each one has in a word.
    """

    code: HuffmanCode
    phrases: Phrases
    streams: tuple[npt.NDArray[np.uint8], ...]
    lengths: tuple[npt.NDArray[np.uint8], ...]
    spans: tuple[npt.NDArray[np.uint8], ...]
    symbols: int
    word_symbols: int

    @property
    def counts(self) -> tuple[int, ...]:
        """Phrases that each decoder has in a pass."""
        return tuple(lengths.size for lengths in self.lengths)


def huffman_streams(encoded: Encoded, decoders: int, phrase_symbols: int) -> HuffmanStreams:
    """Return the weights of a layer for so many decoders of phrases of so many symbols at most."""
    text, bits = symbols(encoded), symbol_bits(encoded)
    parts = np.split(text, decoders, axis=1)
    phrases = Phrases(_zero(text, bits), phrase_symbols, bits)
    texts = [phrases.parse(part.ravel()) for part in parts]
    code = huffman_code(_counts(phrases, texts))
    streams = tuple(code.encode(part) for part in texts)
    lengths = tuple(code.lengths_of(part).astype(np.uint8) for part in texts)
    spans = tuple(phrases.spans(part).astype(np.uint8) for part in texts)
    return HuffmanStreams(code, phrases, streams, lengths, spans, parts[0].size, parts[0].shape[1])


def best_phrase(encoded: Encoded, decoders: int) -> int:
    """Return of how many symbols at most phrases should be for so many decoders; 1: runs of zeros save too little.

    A run saves where a zero carries less than the one bit that its code takes at least: where it is more than half of
    all symbols.
    """
    text, bits = symbols(encoded), symbol_bits(encoded)
    zero = _zero(text, bits)
    if 2 * np.count_nonzero(text == zero) <= text.size:
        return 1
    parts = [part.ravel() for part in np.split(text, decoders, axis=1)]
    sizes = {most: _size(Phrases(zero, most, bits), parts) for most in (1, *_PHRASES)}
    shortest = min(sizes.values())
    if shortest > (1 - WORTH_CODING) * sizes[1]:
        return 1
    return next(most for most, size in sizes.items() if size <= (1 + _NEAR_SHORTEST) * shortest)


def _size(phrases: Phrases, parts: list[Int64Array]) -> float:
    """Return the bits of all streams; infinity: such phrases take too large a table."""
    counts = _counts(phrases, [phrases.parse(part) for part in parts])
    if phrases.most > 1 and np.count_nonzero(counts) > _MOST_PHRASES:
        return inf
    code = huffman_code(counts)
    return int(counts[code.symbols] @ code.lengths)


def _zero(text: Int64Array, bits: int) -> int:
    """Return the symbol that occurs most often: that of a weight of 0 where runs are worth coding."""
    return int(np.argmax(np.bincount(text.ravel(), minlength=1 << bits)))


def _counts(phrases: Phrases, texts: list[Int64Array]) -> Int64Array:
    """Return how often each phrase occurs, by its number."""
    return np.bincount(np.concatenate(texts), minlength=phrases.alphabet)


def _ternary_bits(encoded: Encoded) -> int:
    return 8 if encoded.parameters["dense"] else 2


_SYMBOL_BITS: dict[str, Callable[[Encoded], int]] = {
    "raw": lambda encoded: encoded.parameters["code_bits"],
    "codebook": lambda encoded: encoded.parameters["index_bits"],
    "ternary": _ternary_bits,
}
