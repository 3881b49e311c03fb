"""What families of parts make of products, and of what logic takes of a 7-series part."""

from __future__ import annotations

import pytest

from gan2hls.fabric import ECP5, SERIES_7, Family, Product, Resources


@pytest.mark.parametrize(
    ("family", "product", "multipliers"),
    [
        (SERIES_7, Product(18, 25), 1),
        (SERIES_7, Product(25, 18, 3), 3),
        (SERIES_7, Product(19, 19), 2),
        (SERIES_7, Product(8, 26), 2),
        (ECP5, Product(18, 18), 1),
        (ECP5, Product(18, 25, 2), 4),
        (ECP5, Product(20, 24), 4),
        (ECP5, Product(10, 19), 1),  # one bit is no multiplier's
        (ECP5, Product(21, 21), 4),
    ],
)
def test_operands_are_cut_to_the_ports_of_a_multiplier(family: Family, product: Product, multipliers: int) -> None:
    assert family.multipliers(product) == multipliers
    assert family.multipliers(5 * product) == 5 * multipliers


def test_a_7_series_part_takes_what_formulas_say() -> None:
    taken = Resources(lut=10, ff=20, bram18=3, uram=4)
    assert SERIES_7.cells(taken, (Product(8, 8, 6),)) == taken + Resources(dsp=6)


def test_of_an_ecp5_logic_takes_more_and_memories_what_is_counted() -> None:
    taken = Resources(lut=100, ff=100, bram18=3)
    alone, beside = ECP5.cells(taken), ECP5.cells(taken, (Product(8, 9, 4),))
    assert alone.lut > taken.lut and alone.ff > taken.ff
    assert (alone.dsp, alone.bram18) == (0, 3) and (beside.dsp, beside.bram18) == (4, 3)
    assert beside.lut > alone.lut and beside.ff > alone.ff, "registers and adders are in no multiplier"
