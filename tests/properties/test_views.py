"""Random compositions of operators that compute nothing, between layers: the graph is what ONNX Runtime computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.float_evaluator import check
from tests.onnx_models import save
from tests.random_views import random_views

#: Of so many seeds: two shuffles, or one of grouped channels, in a row are held.
HELD = (184, 226)


@pytest.mark.parametrize("seed", [*range(60), *HELD])
def test_random_views(tmp_path: Path, seed: int) -> None:
    model = random_views(seed)
    path = save(tmp_path, model.text(), model.start, model.constants)
    _, final = check(path)
    assert (seed in HELD) == any(layer.op.kind == "rearrange" for layer in final.layers)
