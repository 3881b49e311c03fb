"""Random graphs with forks and joins compute what ONNX Runtime does, before the passes and behind them."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import Phase, assume, event, given, settings
from hypothesis import strategies as st

from gan2hls.base import Gan2HlsError
from tests.float_evaluator import check
from tests.onnx_models import save
from tests.random_graphs import random_graph

#: What cannot be placed, and a graph of which nothing is left to compute.
REFUSED = ("in an order that is made of no rows, columns and channels", "only passes its input on")
SEEN: Counter[str] = Counter()


@settings(max_examples=120, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 2**20))
def test_graphs_compute_what_onnx_runtime_does(seed: int) -> None:
    model = random_graph(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = save(Path(folder), model.text(), model.start, model.constants)
        try:
            _, final = check(path, tolerance=1e-3)
        except Gan2HlsError as error:
            if not any(words in error.message for words in REFUSED):
                raise
            SEEN["refused"] += 1
            assume(False)
    readers = Counter(name for layer in final.layers for name in layer.inputs)
    assert all(math.isfinite(factor) for layer in final.layers for factor in getattr(layer.op, "factors", ()))
    SEEN["read"] += 1
    SEEN["forks"] += max(readers.values()) > 1
    SEEN["norms"] += any(layer.op.kind == "norm" for layer in final.layers)
    SEEN["sums"] += any(len(layer.inputs) > 1 for layer in final.layers)
    event("a fork" if max(readers.values()) > 1 else "a chain")


def test_the_graphs_were_worth_their_time() -> None:
    if not SEEN:
        return  # run alone
    assert SEEN["refused"] < SEEN["read"] / 10, SEEN
    assert SEEN["norms"] > SEEN["read"] / 10, SEEN
    assert min(SEEN["forks"], SEEN["sums"]) > SEEN["read"] / 4, SEEN
