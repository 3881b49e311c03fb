"""Random regions of one input in hardware: golden model, C++ and RTL, integer for integer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from gan2hls.hardware import Design, Folding
from gan2hls.model.integer import IntLayer
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.randomized import chain, design, port, random_inputs
from tests.regions import CHANNELS, INPUT, Sample, lowered, regions

pytestmark = pytest.mark.cosim

SHAPE = (2, 3, CHANNELS)


def sampled() -> list[IntLayer]:
    """Layers of hypothesis' samples, of outputs that use all of their codes or few, each time the same."""
    found: list[IntLayer] = []

    @settings(max_examples=40, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(regions())
    def collect(sample: Sample) -> None:
        made = lowered(sample, bits=(9, 13)[len(found) % 2], kind=INPUT.int_type)
        if made is not None:
            found.append(made.layer)

    collect()
    return found


@pytest.fixture(scope="module")
def layers() -> list[IntLayer]:
    found = sampled()
    sets = [layer.table.sets for layer in found if layer.table is not None]
    assert len(found) >= 24 and len(sets) < len(found) and 1 in sets and CHANNELS in sets
    return found


def chained(layers: list[IntLayer]) -> Design:
    """A chain of these layers at one, two and four lanes in turn; hardware sees codes alone, whatever they mean."""
    named = [
        replace(layer, name=f"l{n}", shape=SHAPE, probe=port(f"l{n}", SHAPE), output_type=INPUT)
        for n, layer in enumerate(layers)
    ]
    lanes = [(1, 2, 4)[n % 3] for n in range(len(named))]
    return design(chain("regions", SHAPE, INPUT, named), [Folding(count, count, count) for count in lanes])


def test_csim_of_all_samples(tmp_path: Path, layers: list[IntLayer]) -> None:
    made = chained(layers)
    inputs = random_inputs(np.random.default_rng(1), made.model, 20)
    result = check_csim(write_hls(made, tmp_path), made, inputs, tmp_path / "work")
    assert result.status == "passed", result


def test_rtl_of_some(tmp_path: Path, layers: list[IntLayer]) -> None:
    found = sorted(layers, key=lambda layer: 0 if layer.table is None else layer.table.sets)
    made = chained(found[:2] + found[len(found) // 2 - 1 : len(found) // 2 + 1] + found[-3:])
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    bench.run(4, seed=0, idle=0, stall=0)
    bench.run(4, seed=1, idle=50, stall=50)
