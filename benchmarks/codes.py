"""Ten million weights in every form: how long recognition and encoding take, and how much memory beside the weights."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np

from gan2hls.codecs import encode
from gan2hls.detect.split import find_structure

#: A transposed convolution 4 x 4 of 10.5 M weights, and the folding that it is encoded for.
SHAPE, _FOLDING = (16, 512, 1280), (16, 16)
_FLOAT32_BYTES = 4


def measure() -> dict[str, Any]:
    """Return seconds and peak memory by form; the memory in multiples of the weights in float32."""
    rows = {}
    for form, weight in _forms(np.random.default_rng(0)):
        rounded = weight.astype(np.float32).astype(np.float64)
        begun = time.perf_counter()
        found = find_structure(rounded)
        recognized = time.perf_counter()
        encoded = None if found is None else encode(found.weight, *_FOLDING)
        ended = time.perf_counter()
        tracemalloc.start()
        find_structure(rounded)
        if found is not None:
            encode(found.weight, *_FOLDING)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        rows[form] = {
            "found": None if found is None else found.weight.precision,
            "codec": None if encoded is None else encoded.codec,
            "recognition_seconds": recognized - begun,
            "encoding_seconds": ended - recognized,
            "peak_memory_ratio": peak / (_FLOAT32_BYTES * weight.size),
        }
    return rows


def _forms(rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and weights ``[T, CO, CI]``, float64."""
    taps, outputs, inputs = SHAPE
    scale = rng.uniform(0.05, 1, (outputs, 1))
    book = rng.normal(size=16)
    books = rng.normal(size=(outputs, 16))
    steps = np.repeat(rng.uniform(0.05, 1, (taps, outputs, inputs // 32)), 32, axis=2)
    yield "float", rng.normal(size=SHAPE)
    yield "int8 per tensor", rng.integers(-127, 128, SHAPE) * 0.01
    yield "int4 per channel", rng.integers(-7, 8, SHAPE) * scale
    yield "int4 per 32 input channels", rng.integers(-7, 8, SHAPE) * steps
    yield "signs per channel", rng.choice([-1, 1], SHAPE) * scale
    yield "trits per channel", rng.integers(-1, 2, SHAPE) * scale
    yield "16 centroids", book[rng.integers(0, 16, SHAPE)]
    yield "16 centroids, scaled per channel", book[rng.integers(0, 16, SHAPE)] * scale
    yield "16 centroids per channel", np.take_along_axis(books[None], rng.integers(0, 16, SHAPE), axis=2)
    yield "256 centroids", rng.normal(size=256)[rng.integers(0, 256, SHAPE)]
