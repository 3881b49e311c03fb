"""Foldings that a config pins, and those that a project keeps, of layers with groups."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from gan2hls.base.errors import ModelError
from gan2hls.config import parse_config
from gan2hls.flow.from_config import pinned_foldings
from gan2hls.flow.saved import DESIGN_JSON
from gan2hls.flow.saved_design import dump_design, load_design
from gan2hls.hardware import Design, Folding, FoldingRequest
from gan2hls.hardware.schedule import Target, schedule
from gan2hls.model.integer import IntegerModel
from gan2hls.numbers.numerics import IntType, QuantType
from tests.randomized import chain, conv, design, linear_layer

INT8 = QuantType(IntType(8, signed=True), 1.0)


def grouped() -> IntegerModel:
    """Depthwise with two outputs a channel, then 4 groups of 6 x 3 channels."""
    rng = np.random.default_rng(0)
    l0 = linear_layer(rng, "l0", "z", conv((4, 4), 12, 24, groups=12), INT8, out=INT8)
    l1 = linear_layer(rng, "l1", "l0", conv((4, 4), 24, 12, groups=4), INT8)
    return chain("grouped", (4, 4, 12), INT8, (l0, l1))


@pytest.mark.parametrize(
    ("config", "l0", "l1"),
    [
        ({"target": {"pe": 16}}, (12, None), (12, None)),
        ({"target": {"pe": 16, "simd": 8}}, (12, 1), (12, 6)),
        ({"target": {"pe": 16, "simd": 4}}, (12, 1), (3, 3)),
        ({"target": {"pe": 3, "simd": 1}}, (2, 1), (3, 1)),
        ({"target": {"simd": 4}, "layers": {"l1": {"pe": 6}}}, (None, 1), (6, 6)),
        ({"target": {"pe": 8}, "layers": {"l1": {"simd": 2}}}, (8, None), (3, 2)),
    ],
)
def test_a_target_for_all_layers_is_legal_in_every_group(
    config: dict[str, Any], l0: tuple[int | None, int | None], l1: tuple[int | None, int | None]
) -> None:
    pinned = pinned_foldings(grouped(), parse_config(config))
    assert [(request.pe, request.simd) for request in pinned.values()] == [l0, l1]
    for engine in schedule(grouped(), Target(), pinned).engines:
        request = pinned[engine.layer.name]
        assert request.pe in (None, engine.folding.pe) and request.simd in (None, engine.folding.simd)


def test_what_is_not_legal_is_left_for_the_scheduler_to_refuse() -> None:
    pinned = pinned_foldings(grouped(), parse_config({"layers": {"l1": {"pe": 5, "simd": 5}}, "target": {"pe": 4}}))
    assert pinned["l1"] == FoldingRequest(5, 5)


def folded(pe: int, simd: int) -> Design:
    return design(grouped(), (Folding(8, 1, 2), Folding(pe, simd, 3)))


def test_foldings_over_groups_come_back() -> None:
    made = folded(6, 6)
    again = load_design(made.model, dump_design(made)[DESIGN_JSON])
    assert [(e.folding, e.parallel_groups) for e in again.engines] == [(Folding(8, 1, 2), 4), (Folding(6, 6, 3), 2)]


@pytest.mark.parametrize(("pe", "simd"), [(4, 6), (6, 3), (6, 5), (9, 6), (24, 6), (0, 6)])
def test_foldings_over_parts_of_groups_are_refused(pe: int, simd: int) -> None:
    made = folded(6, 6)
    tree = json.loads(dump_design(made)[DESIGN_JSON])
    tree["engines"][1] |= {"pe": pe, "simd": simd, "lanes": 1}
    with pytest.raises(ModelError, match="saved stage is broken"):
        load_design(made.model, json.dumps(tree).encode())
