"""The image of external memory in a project, and who reads it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gan2hls.emit import IMAGE, emit_memory
from gan2hls.emit.bench import emit_bench
from gan2hls.hardware import LinearEngine
from gan2hls.model.golden import Golden
from gan2hls.verify.vendor import run_vendor
from tests.randomized import off_chip_design, random_inputs, tiny_design


def test_a_design_with_all_weights_on_chip_has_none() -> None:
    assert emit_memory(tiny_design()) == {}


def test_weights_stand_fold_by_fold_then_tap_by_tap() -> None:
    made = off_chip_design()
    image = emit_memory(made)["memory.image"]
    assert made.memory is not None and IMAGE == "memory/memory.image"
    for engine in made.engines:
        assert isinstance(engine, LinearEngine) and engine.weights.parameters["base"] == 0
        at, (pe, simd) = made.memory.regions_of(engine.layer.name)[0].offset, (engine.folding.pe, engine.folding.simd)
        values = engine.weight.values  # [tap, output, input]
        for fold in range(engine.co_folds):
            for tap in range(len(values)):
                for ci in range(engine.ci_folds):
                    block = values[tap, fold * pe : (fold + 1) * pe, ci * simd : (ci + 1) * simd]
                    word = np.frombuffer(image, np.int8, pe * simd, at)
                    np.testing.assert_array_equal(word, block.ravel())
                    at += engine.bus_word_bits // 8


def test_only_benches_that_read_it_get_it() -> None:
    for made, data in ((tiny_design(), []), (off_chip_design(), ["{here}/../memory/memory.image"])):
        tensors = Golden(made.model).run(random_inputs(np.random.default_rng(0), made.model, 1))
        assert json.loads(emit_bench(made, tensors)["bench.json"])["duts"]["hls"]["data"] == data


def test_no_vendor_step_for_memory_ports(tmp_path: Path) -> None:
    result = run_vendor(tmp_path, off_chip_design(), tmp_path / "work", "vitis")
    assert result.status == "skipped" and "external memory" in result.reason
    assert not (tmp_path / "work").exists()
