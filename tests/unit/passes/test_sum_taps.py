"""Sums of weights behind an upsampling: the same function by fewer products, where no code is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls import passes
from gan2hls.frontend import load
from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(31)
BODY = 'u = Resize<mode = "nearest">(x, , s) y = Conv<pads = [P, P, P, P], group = G>(u, w)'


def constants(factor: tuple[int, int], weight: np.ndarray) -> dict[str, np.ndarray]:
    return {"s": np.array([1, 1, *factor], np.float32), "w": weight}


@pytest.mark.parametrize(
    ("kernel", "pad", "factor", "products", "sums"),
    [
        (3, 1, (2, 2), (4, 9), (4, 4)),
        (5, 2, (2, 2), (9, 25), (6, 6)),
        (3, 1, (2, 1), (6, 9), (4, 3)),
        (3, 1, (4, 4), None, (5, 5)),
        (4, 0, (2, 2), None, None),
    ],
)
def test_pixels_that_repeat_are_multiplied_once(
    tmp_path: Path, kernel: int, pad: int, factor: tuple[int, int], products: tuple[int, int] | None, sums: object
) -> None:
    body = BODY.replace("P", str(pad)).replace("G", "1")
    path = save(tmp_path, body, (1, 3, 6, 5), constants(factor, f32(RNG, 4, 3, kernel, kernel)))
    before, after = load(path).graph, check(path)[1]
    plain, summed = before.layers[0].op.geometry, after.layers[0].op.geometry
    assert plain is not None and summed is not None
    different = [
        (len({i for i, _ in rows}), len({i for i, _ in columns})) for rows in plain.y.taps for columns in plain.x.taps
    ]
    assert summed.pixel_taps == sum(a * b for a, b in different), "one product for each pixel that an output reads"
    if products is not None:
        inner = summed.y.taps[3], summed.x.taps[3]
        assert len(inner[0]) * len(inner[1]) == products[0] and summed.pixel_taps * products[1] <= (
            plain.pixel_taps * products[0] * 1.3
        )
    if sums is not None:
        assert summed.kernel == sums


def test_groups_have_sums_of_their_own(tmp_path: Path) -> None:
    path = save(
        tmp_path, BODY.replace("P", "1").replace("G", "2"), (1, 4, 4, 4), constants((2, 2), f32(RNG, 6, 2, 3, 3))
    )
    assert check(path)[1].layers[0].op.geometry.kernel == (4, 4)


@pytest.mark.parametrize("case", ["ternary", "reflection"])
def test_where_it_does_not_pay_nothing_changes(tmp_path: Path, case: str) -> None:
    """A sum of trits is no trit, and a reflection repeats pixels at the border alone."""
    if case == "ternary":
        weight = RNG.choice(np.array([-0.25, 0.0, 0.25], np.float32), (8, 8, 3, 3))
        path = save(tmp_path, BODY.replace("P", "1").replace("G", "1"), (1, 8, 4, 4), constants((2, 2), weight))
    else:
        body = 'p = Pad<mode = "reflect">(x, n) y = Conv(p, w)'
        values = {"n": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "w": f32(RNG, 4, 3, 3, 3)}
        path = save(tmp_path, body, (1, 3, 8, 8), values)
    graph = load(path).graph
    assert passes.run(graph).layers[0].op.geometry == graph.layers[0].op.geometry
    check(path)
