"""Random regions of one input are within the stated bound of what ONNX Runtime computes, at every input code."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import Phase, assume, event, example, given, settings

from tests.regions import Sample, lowered, regions, sample

KINDS: Counter[str] = Counter()


#: A jump just beyond the last code; a constant behind clamps that meet; a jump around which zooming ends in one number.
BEYOND = "t0 = BatchNormalization(x, gain, shift, mean, variance) t1 = Abs(t0) t2 = Round(t1) y = Add(t2, t0)"
CONSTANT = (
    "t0 = Max(x, zero) t1 = Min(t0, zero) t2 = Abs(t1) "
    "t3 = BatchNormalization(t2, gain, shift, mean, variance) t4 = Abs(t3) y = Add(t4, t1)"
)
#: Indices of its table lie where the power has no value, but nothing comes there.
UNREACHED = "a0 = Abs(x) g0 = Add(a0, half) t0 = Pow(g0, p0) t1 = Abs(x) t2 = Abs(t0) y = Mul(t2, t0)"
JUMP = "a = Abs(x) b = Add(a, half) t0 = Sqrt(b) t1 = Max(t0, one) t2 = Floor(t1) y = Min(t2, t1)"

#: At whole numbers stands 0, between numbers that are not near it: one point is no pole.
ALONE = (
    "t0 = Cast<to = 6>(x) t1 = Cast<to = 1>(t0) t2 = Sub(x, t1) c3 = Greater(t2, zero) t3 = Where(c3, x, t2) "
    "y = Add(t3, t2)"
)


@example(sample(BEYOND))
@example(sample(ALONE))
@example(sample(CONSTANT))
@example(sample(JUMP))
@example(sample(UNREACHED, (-1.5, -1.5, -0.4, 2.0)))
@settings(max_examples=75, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink])
@given(regions())
def test_integers_are_within_the_stated_bound(region: Sample) -> None:
    found = lowered(region)
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
    assert not len(off), f"{region.body}: {len(off)} are off, the first at {off[0]}"


def test_all_three_forms_were_met() -> None:
    if KINDS:
        assert KINDS["straight"] and KINDS["one table"] and KINDS["tables"], KINDS
        assert KINDS["float32"] < 0.05 * KINDS.total(), KINDS
