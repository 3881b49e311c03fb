"""What layers without weights compute, spelled out element by element: for floats, and for codes less zero points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gan2hls.ops import Shape


def plain_streams(op: Any, operands: Sequence[np.ndarray], shape: Shape) -> np.ndarray:
    """Return what ``op`` makes of one frame of each operand, ``[H, W, C]`` in raster order, of ``shape``."""
    lists = [operand.ravel().tolist() for operand in operands]
    match op.kind:
        case "pointwise":
            made = lists[0]
        case "add":
            made = [sum(f * x for f, x in zip(op.factors, pair, strict=True)) for pair in zip(*lists, strict=True)]
        case "concat":
            made = []
            while len(made) < np.prod(shape):
                for n, run in enumerate(op.runs):
                    factor = op.factors[n] if hasattr(op, "factors") else 1
                    made += [factor * x for x in lists[n][:run]]
                    del lists[n][:run]
            assert not any(lists)
        case kind:
            raise AssertionError(f"no plain {kind}")
    return np.array(made).reshape(shape)
