"""What units on several streams share: whole factors by which operands of different steps come to one step.

``factor * (code - zero point)`` of every operand is a multiple of one step, so nothing is rounded in front of the
requantizer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gan2hls.numbers import FloatArray, Int64Array, IntType, QuantType
from gan2hls.ops import UnitCost

#: Greatest factor of an operand: 12 bits.
MOST_FACTOR = (1 << 12) - 1
#: How far whole factors may move an operand at its ends, in steps of the coarser one.
_TOLERANCE = 1 / 32


def common_step(inputs: Sequence[QuantType], scales: Sequence[float]) -> tuple[tuple[int, ...], float]:
    """Return whole factors of operands of types ``inputs``, each times its scale, and the step that they come to."""
    steps = np.array([scale * given.scale for scale, given in zip(scales, inputs, strict=True)])
    reach = np.array([max(abs(given.centred.lo), abs(given.centred.hi)) for given in inputs])
    return whole_factors(steps, reach)


def whole_factors(steps: FloatArray, reach: Int64Array) -> tuple[tuple[int, ...], float]:
    """Return the least whole factors by which operands of different steps add up, and the step of their sum.

    Args:
        steps: float64 ``[N]``, what a code of 1 of each operand adds to the sum; any sign, not all 0.
        reach: int64 ``[N]``, the greatest magnitude of each operand's codes less its zero point.

    Returns:
        Factors of the signs of ``steps``, of which each operand is ``factor * step`` within ``_TOLERANCE`` steps of the
        coarsest at its ends, or as near as factors up to ``MOST_FACTOR`` come.
    """
    coarsest = float(np.abs(steps).max())
    step = coarsest / np.arange(1, MOST_FACTOR + 1)
    factors = np.rint(steps / step[:, None])
    off = np.abs(steps - factors * step[:, None]) * reach
    worst = off.max(axis=1) / coarsest
    near = np.flatnonzero(worst <= _TOLERANCE)
    chosen = int(near[0]) if near.size else int(worst.argmin())
    return tuple(int(factor) for factor in factors[chosen]), float(step[chosen])


def ends(factor: int, given: QuantType) -> tuple[int, int]:
    """Return the least and the greatest of codes of a type less its zero point, times ``factor``."""
    low, high = sorted((factor * given.centred.lo, factor * given.centred.hi))
    return low, high


def term_type(factor: int, given: QuantType) -> IntType:
    """Return the type of codes less their zero point, and of those times ``factor``."""
    all_ends = (*ends(1, given), *ends(factor, given))
    return IntType.covering(min(0, *all_ends), max(0, *all_ends))


def check_factors(factors: Sequence[int], inputs: Sequence[QuantType]) -> None:
    """Check whole factors of operands.

    Raises:
        AssertionError: one beyond ``MOST_FACTOR``, or another number of inputs.
    """
    assert len(inputs) == len(factors), f"{len(inputs)} inputs and {len(factors)} factors"
    assert all(abs(factor) <= MOST_FACTOR for factor in factors), f"factors {factors}"


def terms_cost(factors: Sequence[int], acc_bits: int) -> UnitCost:
    """Return the adders of a lane that bring operands to one step, and the registers of what they make.

    An operand takes an adder for each set bit of its factor beyond the first, of which further ones share LUTs.  What
    takes off a zero point or turns a sign is a carry chain without LUTs.
    """
    adders = [abs(factor).bit_count() - 1 for factor in factors]
    lut = sum(acc_bits * (5 + 3 * count) // 10 for count in adders if count > 0)
    return UnitCost(lut=lut, ff=len(factors) * acc_bits)
