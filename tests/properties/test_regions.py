"""Random regions of one input are within the stated bound of what ONNX Runtime computes, at every input code."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import Phase, assume, event, given, settings

from tests.regions import Sample, lowered, regions

KINDS: Counter[str] = Counter()


@settings(max_examples=150, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink])
@given(regions())
def test_integers_are_within_the_stated_bound(sample: Sample) -> None:
    found = lowered(sample)
    assume(found is not None)
    assert found is not None
    table, out = found.layer.table, found.layer.output_type
    KINDS["float32"] += found.jumps_in_float32_alone
    assume(not found.jumps_in_float32_alone)
    KINDS["straight" if table is None else "one table" if table.sets == 1 else "tables"] += 1
    event(f"{'straight' if table is None else f'{table.sets} tables'}")
    low, high = found.bounds()
    made = out.dequantize(found.made())
    off = np.argwhere((made < low) | (made > high))
    assert not len(off), f"{sample.body}: {len(off)} are off, the first at {off[0]}"


def test_all_three_forms_were_met() -> None:
    if KINDS:
        assert KINDS["straight"] and KINDS["one table"] and KINDS["tables"], KINDS
        assert KINDS["float32"] < 0.05 * KINDS.total(), KINDS
