"""``codebook``: an index a weight, and tables of centroids at the lanes.

One book serves the tensor, or ``books`` of them serve neighbouring output channels.  A word of the centroid memory has
the books of one output fold's PE channels, one after the other: a single one where a fold's channels share it.  With
one book for the tensor there is one word.
Source: Han et al. 2016 (Deep Compression), section 3; Ullrich et al. 2017 (soft weight sharing).
"""

from __future__ import annotations

import numpy as np

from gan2hls.base import remembered
from gan2hls.codecs.base import Bits, Blocks, Code, Codec, Encoded, Memory, pack, pack_parts, unpack, without_zeros
from gan2hls.numbers import Int64Array, IntType
from gan2hls.ops import IntWeight


@remembered
def books_of(weight: IntWeight) -> Int64Array:
    """Return the ascending centroids that occur, int64 ``[books, K]``; shorter books repeat their greatest."""
    groups = np.split(weight.values, weight.books, axis=1)
    found = [np.unique(np.concatenate([np.unique(tap) for tap in group])) for group in groups]
    count = max(book.size for book in found)
    return np.stack([np.append(book, np.full(count - book.size, book[-1])) for book in found])


def encode(weight: IntWeight, blocks: Blocks) -> Code:
    """Store indices and centroids."""
    books = books_of(weight)
    count = books.shape[1]
    index_bits, width = max(1, (count - 1).bit_length()), _width(books)
    of_fold = _books_of_folds(weight.books, blocks.pe, blocks.co_folds)  # [folds, tables]
    lane_book = np.repeat(of_fold, blocks.pe // of_fold.shape[1], axis=1)[:, np.arange(blocks.pe)]
    folds = blocks.co_fold if len(of_fold) > 1 else np.zeros_like(blocks.co_fold)
    shift = np.int64(1) << 17
    keys = (books + np.arange(weight.books)[:, None] * shift).ravel()

    def indices(part: slice) -> Int64Array:
        book = np.repeat(lane_book[folds[part]], blocks.simd, axis=1)  # [n, lanes]
        found: Int64Array = np.searchsorted(keys, blocks.values[part] + book * shift) - book * count
        return found

    depth, lanes = blocks.values.shape
    tables = books[of_fold].reshape(len(of_fold), -1)
    memories = (
        Memory("weight", lanes * index_bits, pack_parts(depth, lanes, index_bits, indices)),
        Memory("centroid", tables.shape[1] * width, pack(tables, width)),
    )
    return memories, {
        "index_bits": index_bits,
        "centroids": count,
        "centroid_bits": width,
        "tables": of_fold.shape[1],
        "table_words": len(of_fold),
    }


def decode(encoded: Encoded) -> Int64Array:
    """Read the blocks back."""
    p = encoded.parameters
    at = unpack(encoded.memories[0].words, encoded.lanes, p["index_bits"], signed=False)
    entries = unpack(encoded.memories[1].words, p["tables"] * p["centroids"], p["centroid_bits"], signed=True)
    tables = entries.reshape(p["table_words"], p["tables"], p["centroids"])
    fold = encoded.co_fold if p["table_words"] > 1 else np.zeros(len(at), np.int64)
    table = np.arange(encoded.lanes) // encoded.simd * p["tables"] // encoded.pe
    return tables[fold[:, None], table, at]


def bits(weight: IntWeight, count: int) -> Bits:
    """``n * ceil(log2 K)`` for the indices, ``books * K * b`` for the centroids."""
    books = books_of(weight)
    return Bits(count * (books.shape[1] - 1).bit_length(), books.size * _width(books))


def _width(books: Int64Array) -> int:
    return max(2, IntType.covering(min(int(books.min()), -1), max(int(books.max()), 0)).bits)


def _books_of_folds(books: int, pe: int, co_folds: int) -> Int64Array:
    """Return the book of each table of each output fold, int64 ``[folds, tables]``; one row where all share a book."""
    if books == 1:
        return np.zeros((1, 1), np.int64)
    of_channel = (np.arange(co_folds * pe) * books // (co_folds * pe)).reshape(co_folds, pe)
    per_book = co_folds * pe // books
    if per_book % pe == 0:
        return np.ascontiguousarray(of_channel[:, :1])
    return np.ascontiguousarray(of_channel[:, ::per_book]) if pe % per_book == 0 else of_channel


def decoder_lut(weight: IntWeight) -> int:
    """Return the LUTs of 6 inputs that select an entry at a lane.

    Where all channels share a book its entries are constants: each bit is a function of the index.  Else they come from
    a memory, through multiplexers of 4 at a time.
    """
    books = books_of(weight)
    width, entries, per_bit = _width(books), int(books.shape[1]), 0
    if len(books) == 1:
        return width << max(0, (entries - 1).bit_length() - 6)
    while entries > 1:
        entries = -(-entries // 4)
        per_bit += entries
    return width * per_bit


CODEC = Codec("codebook", encode, decode, bits, multiplies=True, narrow=without_zeros, decoder_lut=decoder_lut)
