"""Random compositions of operators that compute nothing, between layers: the graph is what ONNX Runtime computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan2hls.base import UnsupportedError
from tests.float_evaluator import check
from tests.onnx_models import save
from tests.random_views import random_views

#: Of so many seeds: two shuffles, or one of grouped channels, in a row are not placed.
REFUSED = {184: "in an order that is none", 226: "in an order that is none"}


@pytest.mark.parametrize("seed", [*range(60), *REFUSED])
def test_random_views(tmp_path: Path, seed: int) -> None:
    model = random_views(seed)
    path = save(tmp_path, model.text(), model.start, model.constants)
    if seed in REFUSED:
        with pytest.raises(UnsupportedError, match=REFUSED[seed]):
            check(path)
    else:
        check(path)
