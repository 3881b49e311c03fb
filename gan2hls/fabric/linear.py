"""Blocks of an engine with a MAC array, each named after its module, and its requantizer and tables.

Counts are those of a flattened engine: a DSP block takes in the registers in front of it and the adder behind it.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil

from gan2hls.fabric.blocks import (
    COMPUTED_LUT,
    SIMPLE_WORDS,
    WrittenKind,
    adder_tree,
    bits_of,
    counter,
    credit,
    distinct_bits,
    fifo,
    logic_lut,
    memory,
    rom,
)
from gan2hls.fabric.family import Family
from gan2hls.fabric.memories import LUT_ROM_DEPTH, memory_cells
from gan2hls.fabric.resources import Resources

#: Registers of what a run has, which no multiplier takes in.
_RUN_FF = 20
#: Registers of the valid bit of the requantizer, and of a table.
_REQUANT_CLOCKS, _TABLE_CLOCKS = 7, 2
#: Words of constants that a counter and the selection by it fit into one LUT with.
_FEW_WORDS = 32
#: A chain of so many registers becomes a shift register in a LUT.
_SHIFT_REGISTER = 3


def operand_registers(
    family: Family,
    width: int,
    buffer_words: int,
    centred_bits: int,
    kind: WrittenKind = "buffer",
    *,
    multiplies: bool,
    centres: bool,
    alone: bool,
) -> Resources:
    """Return the registers from the line buffer to the operands.

    A multiplier takes in the last one, and the last two where it is ``alone`` in reading them.  A chain that is long
    enough, no adder in between, is a shift register.
    """
    chain = 1 if memory_cells(family, width, buffer_words, kind).registers else 2
    if multiplies:
        return Resources(ff=(chain - (alone and not centres)) * width)
    if chain + 1 < _SHIFT_REGISTER or centres:
        return Resources(ff=chain * width + centred_bits)
    return Resources(lut=width)


@lru_cache(maxsize=1 << 12)
def feeder(
    family: Family,
    width: int,
    rows: int,
    row_words: int,
    in_rows: int,
    out_rows: int,
    kind: WrittenKind = "buffer",
    rounds: int = 1,
) -> Resources:
    """Return ``g2h_feeder`` but for the registers of its words: loader, grants of rows, line buffer.

    ``out_rows`` are those that memories hold, of which some come ``rounds`` times.
    """
    free, loaded = (rows + in_rows).bit_length(), (in_rows + rows).bit_length() + 1
    loader = free + 1 + bits_of(row_words) + bits_of(rows * row_words)
    own = Resources(lut=loader - 2, ff=loader + 8)
    row_grant = Resources(lut=loaded + 4, ff=loaded + 4)
    if out_rows > 1:
        pointer = bits_of(out_rows)
        row_grant += Resources(lut=loaded + pointer + logic_lut(loaded - 3, out_rows), ff=loaded + pointer)
    if rounds > 1:
        row_grant += Resources(lut=loaded + pointer + 2 * bits_of(rounds), ff=loaded + bits_of(rounds))
    return own + row_grant + memory(family, width, rows * row_words, kind)


@lru_cache(maxsize=1 << 12)
def sequencer(
    *,
    rows: int,
    row_words: int,
    in_rows: int,
    out_rows: int,
    taps: tuple[int, int],
    folds: tuple[int, int],
    groups: int,
    weight_words: int,
    acc_words: int,
    rounds: int = 1,
) -> Resources:
    """Return ``g2h_sequencer``.

    Args:
        rows: of the line buffer.
        row_words: words of one.
        in_rows: rows of the input.
        out_rows: rows of the output that memories hold.
        taps: of those rows, and of all columns.
        folds: of output and of input channels.
        groups: of channels that follow one another.
        weight_words: words of weights.
        acc_words: words of the accumulator queue.
        rounds: how often some of the rows come.
    """
    x, w = bits_of(rows * row_words), bits_of(weight_words)
    pointers = sum(2 * bits_of(count) for count in taps if count > 1) + bits_of(out_rows)
    more = [count for count in (groups, rounds) if count > 1]
    counters = sum(bits_of(count) for count in (*folds, *more))
    sums = (2 if in_rows % rows == 0 else 5) * x + 4 * w
    tables = sum(logic_lut(x + w, count) // 2 for count in taps if count > 1)
    returns = 0 if rounds == 1 else bits_of(taps[0]) + bits_of(out_rows) + bits_of(rounds)
    lut = pointers + counters + (sums + pointers) // 2 + tables + returns
    return Resources(lut=lut, ff=pointers + counters + sums + 2 * x) + credit(acc_words)


@lru_cache(maxsize=1 << 12)
def mac(pe: int, simd: int, x_bits: int, weight_bits: int, acc_bits: int, *, multiplies: bool) -> Resources:
    """Return ``g2h_mac`` without its multipliers and the registers of operands.

    A multiplier takes in the register of its product, half of them the first adders of the tree, and one alone the
    accumulator.
    """
    if multiplies and simd == 1:
        return Resources(lut=2, ff=6)
    full = x_bits + weight_bits if multiplies else x_bits + 1
    product = min(full, acc_bits)
    tree = pe * adder_tree(simd, product, acc_bits)
    lanes = pe * simd
    own = Resources(lut=pe * acc_bits, ff=pe * acc_bits + 2 * bits_of(simd) + 6)
    if multiplies:
        bits = min(product + 1, acc_bits)
        absorbed = pe * (simd // 2)
        return own + tree - Resources(lut=absorbed * (bits - 1), ff=absorbed * bits)
    return own + tree + Resources(lut=lanes * x_bits, ff=lanes * product)


def weight_rom(family: Family, width: int, depth: int, *, multiplies: bool, decoder: bool) -> Resources:
    """Return the memory of codes and the registers of its words up to those of the operands.

    A multiplier takes in the last one, and that of the memory where no decoder stands in between; a lane without one
    has a register more.
    """
    chain = 1 if memory_cells(family, width, depth, "rom").bram18 else 2
    if decoder:
        registers = Resources(ff=width * chain)
    elif multiplies:
        registers = Resources(ff=width * (chain - 1))
    elif chain + 1 < _SHIFT_REGISTER:
        registers = Resources(ff=width * (chain + 1))
    else:
        registers = Resources(lut=width)
    return memory(family, width, depth, "rom") + registers


def requant(
    family: Family,
    *,
    lanes: int,
    words: int,
    acc_bits: int,
    mult_bits: int,
    offset_bits: int,
    sum_bits: int,
    code_bits: int,
    out_bits: int,
    pieces: int,
    multiplies: bool,
    clamps: bool,
    holes: tuple[int, int] | None,
    order: tuple[int, ...],
    out_words: int,
    varying: tuple[int, int],
    run_of: int = 0,
) -> Resources:
    """Return ``g2h_requant`` without its multipliers.

    Args:
        family: of the part.
        lanes: channels a clock.
        words: of its memory.
        acc_bits: of an accumulator.
        mult_bits: of a multiplier.
        offset_bits: of an offset.
        sum_bits: of a product with its offset.
        code_bits: of a code before it is clamped.
        out_bits: of a code that leaves.
        pieces: of a channel's function.
        multiplies: whether products are those of DSP blocks.
        clamps: whether codes end before those that their bits can hold.
        holes: rows and columns of the output where some have no accumulators.
        order: in which its beats have channels, as ``channels`` has it.
        out_words: places behind that credits are for.
        varying: bits of all lanes' multipliers, and of all other constants, that differ between words and are no copies
            of others: logic computes no more.
        run_of: words that channels have, where the memory has one for each run of equal ones; else 0.
    """
    lane = Resources(lut=code_bits if clamps else out_bits + 1, ff=code_bits + out_bits)
    if multiplies:
        lane += Resources(ff=acc_bits // 4)
    else:
        lane += Resources(lut=2 * acc_bits + sum_bits, ff=2 * acc_bits + sum_bits)
    if pieces > 1:
        chosen = min(distinct_bits(mult_bits + offset_bits, 2 * words), mult_bits + varying[1])
        lane += Resources(lut=chosen + acc_bits // 2, ff=acc_bits)
    own = channels(*order) + Resources(lut=2, ff=_REQUANT_CLOCKS)
    if holes is not None:
        own += hole(holes) + Resources(lut=lanes * acc_bits)
    if run_of:
        own += Resources(lut=(words - 1) * ceil(bits_of(run_of) / 5), ff=_RUN_FF)
    if words > LUT_ROM_DEPTH:
        constants = _requant_blocks(family, lanes, words, mult_bits, offset_bits, acc_bits, pieces, into_dsp=multiplies)
    else:
        constants = _requant_logic(family, *varying, words, pieces, into_dsp=multiplies)
        if words > _FEW_WORDS and order == (words, *order[1:]):  # a counter is all that selects them
            constants += Resources(lut=(COMPUTED_LUT - 1) * sum(varying))
    return lanes * lane + own + constants + credit(out_words)


def channels(groups: int, pixels: int = 1, rows: int = 1, folds: int = 1, phases: int = 1) -> Resources:
    """Return ``g2h_channels``: counters, and the words where beat, row and fold begin."""
    own = counter(groups) + sum((counter(n) for n in (pixels, rows, folds, phases) if n > 1), Resources())
    if folds * phases == 1:
        return own
    bits = bits_of(phases * folds * groups)
    kept = 3 if rows > 1 else 2
    return own + Resources(lut=(kept + 1) * bits, ff=kept * bits)


def hole(grid: tuple[int, int]) -> Resources:
    """Return ``g2h_hole`` of so many rows and columns."""
    return sum((counter(size) for size in grid), Resources(lut=3 + sum(ceil(size / 64) for size in grid)))


def _requant_blocks(
    family: Family,
    lanes: int,
    words: int,
    mult_bits: int,
    offset_bits: int,
    acc_bits: int,
    pieces: int,
    *,
    into_dsp: bool,
) -> Resources:
    """Return constants in block RAM, and the registers of the offsets up to their sum.

    A DSP block takes in the last of a multiplier's registers.
    """
    offsets, mults = lanes * offset_bits, lanes * mult_bits
    if pieces > 1:
        return rom(family, lanes * (2 * (mult_bits + offset_bits) + acc_bits + 1), words) + Resources(ff=offsets)
    return memory(family, offsets + mults, words, "rom") + Resources(ff=2 * offsets + (0 if into_dsp else mults))


def _requant_logic(family: Family, mults: int, others: int, words: int, pieces: int, *, into_dsp: bool) -> Resources:
    """Return constants in logic, of which so many bits vary, and the registers of the offsets up to their sum.

    A DSP block takes in the last two of a multiplier's registers; offsets from logic have a chain of three.
    """
    bits = mults + others
    if pieces > 1:
        return rom(family, bits, words) + Resources(ff=others)
    found = memory(family, bits, words, "rom")
    few = distinct_bits(bits, words)
    if few < bits:
        return found + Resources(ff=3 * few)
    registers = Resources(ff=mults if into_dsp else 2 * mults)
    if words <= SIMPLE_WORDS:
        return found + registers + Resources(lut=others // 2, ff=3 * others // 2)
    return found + registers + Resources(lut=others)


def table(family: Family, lanes: int, index_bits: int, out_bits: int) -> Resources:
    """Return ``g2h_table``, a memory a lane."""
    return lanes * rom(family, out_bits, 1 << index_bits) + Resources(ff=_TABLE_CLOCKS)


def channel_tables(
    family: Family, lanes: int, order: tuple[int, ...], groups: int, index_bits: int, out_bits: int
) -> Resources:
    """Return ``g2h_table_group``, which counts as ``channels`` does, and a ``g2h_lane_table`` of each lane's groups."""
    own = channels(*order) + Resources(lut=lanes, ff=_TABLE_CLOCKS)
    return own + lanes * rom(family, out_bits, groups << index_bits)


def acc_queue(family: Family, lanes: int, ratio: int, acc_bits: int, words: int) -> Resources:
    """Return the queue of accumulators in front of the requantizer."""
    return fifo(family, lanes * acc_bits, words, ratio)


def step_delay(width: int, clocks: int) -> Resources:
    """Return ``g2h_step_delay``."""
    return Resources(ff=clocks * (width + 4))


def skip_sequencer(buffer_words: int, weight_words: int, acc_words: int) -> Resources:
    """Return ``g2h_skip_sequencer`` without its memories of displacements and runs."""
    x, w = bits_of(buffer_words), bits_of(weight_words)
    return Resources(lut=60 + 10 * (x + w), ff=50 + 7 * (x + w)) + credit(acc_words)
