"""Blocks of engines whose weights come from external memory, each named after its module."""

from __future__ import annotations

from gan2hls.fabric.blocks import WrittenKind, bits_of, counter, credit, fifo, line_buffer, memory, rom
from gan2hls.fabric.family import Family
from gan2hls.fabric.linear import channels, hole
from gan2hls.fabric.resources import Resources

#: Words in the queue behind a reordering memory, and symbols in that behind a decoder.
_OUT_WORDS = 8


def tiles(family: Family, width: int, tile_words: int, kind: WrittenKind = "buffer", *, absorbed: bool) -> Resources:
    """Return ``g2h_tiles``: a loader, and two tiles of memory; ``absorbed``: multipliers take in its last register."""
    own = 3 + bits_of(tile_words) + bits_of(2 * tile_words)
    spared = Resources(ff=width if absorbed else 0)
    return Resources(lut=own + 4, ff=own + 3) + line_buffer(family, width, 2 * tile_words, kind) - spared


def tile_ring(
    family: Family, width: int, held: int, pass_words: int, tiles: int, kind: WrittenKind = "buffer", *, absorbed: bool
) -> Resources:
    """Return ``g2h_tile_ring`` and ``g2h_tile_address``: a loader, grants of tiles, their sizes, sums of addresses."""
    address, words, loaded = bits_of(held), held.bit_length(), (pass_words + held).bit_length() + 1
    own = Resources(lut=words + loaded + 8, ff=words + address + loaded + 5)
    sums = Resources(lut=3 * (address + 1) + words, ff=4 * (address + 1) + 2 * words)
    if tiles > 1:
        own += Resources(lut=loaded + bits_of(tiles), ff=loaded + bits_of(tiles)) + rom(family, loaded, tiles)
        sums += Resources(lut=bits_of(tiles), ff=words + bits_of(tiles)) + rom(family, words, tiles)
    spared = Resources(ff=width if absorbed else 0)
    return own + sums + line_buffer(family, width, held, kind) - spared


def run_ranges(family: Family, width: int, depth: int) -> Resources:
    """Return the memory of ``g2h_skip_fetch`` that says where the runs of each output fold stand."""
    return memory(family, width, depth, "table") + Resources(ff=width)


def reorder(
    family: Family, width: int, groups: int, pixels: int, folds: int, words: int, kind: WrittenKind = "buffer"
) -> Resources:
    """Return ``g2h_reorder`` of ``words`` in all, ``groups`` of each of ``pixels`` in each of ``folds``."""
    counters = sum((counter(n) for n in (groups, pixels, folds) if n > 1), Resources())
    kept = 4 if groups > 1 else 3
    own = Resources(lut=(kept + 2) * bits_of(words) + 8, ff=kept * bits_of(words) + 9)
    return (
        own + counters + line_buffer(family, width, words, kind) + fifo(family, width, _OUT_WORDS) + credit(_OUT_WORDS)
    )


def fill(
    family: Family, width: int, order: tuple[int, ...], grid: tuple[int, int], words: int, out_words: int
) -> Resources:
    """Return ``g2h_fill`` of ``words`` constants; ``order``: as ``channels`` has it, ``grid``: rows and columns."""
    own = channels(*order) + hole(grid) + Resources(lut=width + 3, ff=2 * width + 4)
    return own + rom(family, width, words) + credit(out_words)


def reader(streams: int) -> Resources:
    """Return ``g2h_axi_reader`` without what each of its streams has."""
    return Resources(lut=90 + 20 * bits_of(streams), ff=70 + 8 * bits_of(streams))


def reader_queue(family: Family, bus_bits: int, beats: int) -> Resources:
    """Return what each stream of ``g2h_axi_reader`` has: an address, a count, a queue."""
    return Resources(lut=30, ff=20 + bits_of(beats) + 1) + fifo(family, bus_bits, beats)


def writer(bus_bits: int) -> Resources:
    """Return ``g2h_axi_writer`` without what each of its streams has."""
    return Resources(lut=90 + bus_bits // 2, ff=90 + 9 * bus_bits // 8)


def writer_queue(family: Family, bus_bits: int, beats: int, slots: int) -> Resources:
    """Return what each stream of ``g2h_axi_writer`` has: a queue, counts, and an address."""
    return Resources(lut=35, ff=25 + 3 * bits_of(slots)) + fifo(family, bus_bits, beats) + credit(beats)


def huffman(
    family: Family, chunk_bits: int, longest: int, lengths: int, symbol_bits: int, symbols: int, pass_symbols: int
) -> Resources:
    """Return ``g2h_huffman`` of codes of ``lengths`` different lengths.

    For each of them the buffer is shifted, and one of those chosen; the bits of a chunk come behind what is left.
    """
    buffer = chunk_bits + 2 * longest
    lut = lengths * (buffer - 6) + 4 * (buffer - 4) + bits_of(pass_symbols)
    ff = buffer + longest + lengths + bits_of(symbols) + 2 * bits_of(pass_symbols) + 8
    return (
        Resources(lut=lut, ff=ff)
        + rom(family, symbol_bits, symbols)
        + fifo(family, symbol_bits, _OUT_WORDS)
        + credit(_OUT_WORDS)
    )


def expand(symbol_bits: int, zero_bits: int, pass_symbols: int, pass_phrases: int) -> Resources:
    """Return ``g2h_expand``: two counters, a comparison of zeros and a register of symbols."""
    counts = counter(pass_phrases + 1) + counter(pass_symbols - pass_phrases + 1)
    return counts + Resources(lut=symbol_bits // 2 + zero_bits + 6, ff=symbol_bits + zero_bits + 3)
