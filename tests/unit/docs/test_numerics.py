from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from gan2hls.numbers.numerics import IntType, Requant

TEXT = (Path(__file__).parents[3] / "docs" / "numerics.md").read_text()
ROWS = re.findall(r"^\| (-?\d+) \| (\d+) \| (-?[\d.]+) \| (-?\d+) \| (-?\d*) ?\|$", TEXT, re.MULTILINE)


def test_the_table_holds_ties_and_negatives() -> None:
    assert len(ROWS) >= 8
    assert any(float(quotient) % 1 == 0.5 and float(quotient) < 0 for _, _, quotient, _, _ in ROWS)


@pytest.mark.parametrize(("value", "shift", "quotient", "code", "even"), ROWS)
def test_the_table_is_what_requant_does(value: str, shift: str, quotient: str, code: str, even: str) -> None:
    one, zero = np.ones((1, 1), np.int64), np.zeros((1, 1), np.int64)
    out = IntType(8, signed=True)
    assert int(value) / 2 ** int(shift) == float(quotient)
    for half_even, wanted in ((False, code), (True, even)):
        if wanted:
            requant = Requant(one, zero, zero[0], int(shift), 0, out.lo, out.hi, out, half_even)
            assert requant(np.array([[int(value)]]), IntType(8, signed=True)).item() == int(wanted)
