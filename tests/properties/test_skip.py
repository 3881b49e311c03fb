"""The program of a block-skipping engine visits exactly the full blocks of every output pixel, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.codecs.base import to_blocks
from gan2hls.hardware.skip import SkipProgram, axis_phases, occupancy, skip_program
from gan2hls.ops.taps import AxisTaps, LinearGeometry
from tests.randomized import block_mask, conv, conv_transpose, dense


@st.composite
def geometries(draw: st.DrawFn) -> LinearGeometry:
    """Small linear layers of every kind."""
    kind, ci, co = draw(st.sampled_from(["transpose", "conv", "dense"])), 4, 6
    if kind == "dense":
        return dense(ci, co)
    groups = draw(st.sampled_from([1, 2]))
    size = draw(st.integers(2, 5)), draw(st.integers(2, 5))
    k, s, d = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    p = draw(st.integers(0, (k - 1) * d))
    if kind == "conv":
        reach = (k - 1) * d + 1
        size = max(size[0], reach), max(size[1], reach)
        return conv(size, ci, co, k=k, s=s, p=p, d=d, groups=groups)
    p = min(p, ((min(size) - 1) * s + d * (k - 1)) // 2)
    return conv_transpose(size, ci, co, k=k, s=s, p=p, d=d, op=draw(st.integers(0, s - 1)), groups=groups)


def _steps(program: SkipProgram, cy: int, cx: int) -> list[list[int]]:
    """Storage addresses of each accumulator vector of a pixel, by walking the runs as hardware does."""
    vectors: list[list[int]] = [[]]
    first, count = int(program.first[cy, cx, 0]), int(program.count[cy, cx].sum())
    for start, length, last in program.runs[first : first + count].tolist():
        vectors[-1] += range(start, start + length)
        if last:
            vectors.append([])
    assert not vectors.pop(), "the last run of a pixel ends a vector"
    return vectors


@settings(max_examples=150)
@given(geometries(), st.sampled_from([(1, 1), (3, 2), (1, 2)]), st.sampled_from([0.0, 0.5, 0.9]), st.integers(0, 99))
def test_program_visits_the_full_blocks_of_every_pixel(
    g: LinearGeometry, block: tuple[int, int], empty: float, seed: int
) -> None:
    pe, simd = block
    values = block_mask(np.random.default_rng(seed), g.weight_shape, block, empty)
    found = occupancy(g, values, pe, simd)
    assert (found is None) == (not g.y.outputs or not g.x.outputs)
    if found is None:
        return
    program = skip_program(found)
    full = to_blocks(values, pe, simd).any(axis=1)
    co_folds, ci_folds = g.out_channels // pe, g.group_in // simd
    executed = idle = 0
    for ry, oy in enumerate(g.y.outputs):
        for rx, ox in enumerate(g.x.outputs):
            cy, cx = int(found.y.of_output[ry]), int(found.x.of_output[rx])
            vectors = _steps(program, cy, cx)
            assert len(vectors) == co_folds
            for co, addresses in enumerate(vectors):
                expected = {
                    ((ky * g.x.kernel + kx) * co_folds + co) * ci_folds + ci: (iy, ix, ci)
                    for iy, ky in g.y.taps[oy]
                    for ix, kx in g.x.taps[ox]
                    for ci in range(ci_folds)
                }
                expected = {at: pixel for at, pixel in expected.items() if full[at]}
                visited = {
                    int(program.kept[n]): (
                        int(found.y.origin[ry] + program.y[n]),
                        int(found.x.origin[rx] + program.x[n]),
                        int(program.ci[n]),
                    )
                    for n in addresses
                }
                assert visited == expected and len(addresses) == len(expected)
                executed += len(expected)
                idle += not expected
    assert (found.executed, found.idle) == (executed, idle)
    assert len(set(program.kept.tolist())) == program.kept.size
    if not executed:
        return  # no engine skips all of its blocks
    (wide, stored), (_, vectors), (_, places) = found.memories(4, ci_folds * g.groups, by_fold=True)
    (narrow, depth), (_, runs), (_, ranges) = program.memories(4, ci_folds * g.groups, by_fold=True)
    assert wide >= narrow and stored == depth and vectors <= runs, "what is reckoned before blocks are laid out"
    assert places == ranges == len(program.ranges(by_fold=True))
    assert found.memories(4, ci_folds * g.groups) == ((wide, stored), found.memories(4, ci_folds * g.groups)[1])


def test_outputs_that_are_no_shifted_copies_have_no_phases() -> None:
    """Output 1 reads its two taps from inputs whose distance is another than output 0's."""
    assert axis_phases(AxisTaps(4, 2, (((0, 0), (1, 1)), ((0, 0), (2, 1))))) is None
    assert axis_phases(AxisTaps(2, 3, ((),))) is None, "nor where no output reads anything"


@pytest.mark.parametrize(("k", "s", "p", "phases"), [(4, 2, 1, 2), (3, 2, 1, 2), (5, 3, 2, 3), (3, 1, 1, 1)])
def test_transposed_axes_have_a_phase_per_residue_of_the_stride(k: int, s: int, p: int, phases: int) -> None:
    found = axis_phases(conv_transpose((6, 6), 1, 1, k=k, s=s, p=p).y)
    assert found is not None and len(found.phases) == phases


def test_a_pixel_away_from_the_border_has_one_run_per_vector() -> None:
    g = conv_transpose((6, 6), 8, 4)
    values = block_mask(np.random.default_rng(0), g.weight_shape, (2, 2), 0.5)
    found = occupancy(g, values, 2, 2)
    assert found is not None
    program = skip_program(found)
    cy, cx = int(found.y.of_output[5]), int(found.x.of_output[5])
    assert program.count[cy, cx].tolist() == [1, 1], "one for each of the two output folds"
