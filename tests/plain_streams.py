"""What layers without weights compute, spelled out element by element: for floats, and for codes less zero points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from gan2hls.numbers import chords
from gan2hls.ops import Shape


def _pairs(op: Any, a: list[Any], b: list[Any], channels: int) -> list[Any]:
    """What ``op`` makes of each element of ``a`` and the element of ``b`` that belongs to it."""
    place = {"": lambda n: n, "vector": lambda n: n % channels, "plane": lambda n: n // (len(a) // len(b))}[op.spread]
    p, q = getattr(op, "factors", (1, 1))
    of = {
        "add": lambda x, y: p * x + q * y,
        "mul": lambda x, y: x * y,
        "extremum": lambda x, y: max(p * x, q * y) if op.greater else min(p * x, q * y),
    }[op.kind]
    return [of(x, b[place(n)]) for n, x in enumerate(a)]


def _pooled(op: Any, x: list[Any], channels: int) -> list[Any]:
    """What ``op`` makes of each of its windows."""
    width, made = op.in_size[1], []
    for top, bottom in op.rows:
        for left, right in op.columns:
            for c in range(channels):
                window = [x[(y * width + i) * channels + c] for y in range(top, bottom) for i in range(left, right)]
                made.append(max(window) if op.greatest else sum(window) * getattr(op, "scale", 1))
    return made


def plain_streams(op: Any, operands: Sequence[np.ndarray], shape: Shape) -> np.ndarray:
    """Return what ``op`` makes of one frame of each operand, ``[H, W, C]`` in raster order, of ``shape``."""
    lists = [operand.ravel().tolist() for operand in operands]
    match op.kind:
        case "pointwise":
            made = lists[0]
        case "add" | "mul" | "extremum":
            made = _pairs(op, *lists, shape[2])
        case "pool":
            made = _pooled(op, lists[0], shape[2])
        case "crop":
            places = [(y, x) for y in range(*op.rows) for x in range(*op.columns)]
            made = [operands[0].reshape(*op.in_size, shape[2])[y, x, c] for y, x in places for c in range(shape[2])]
        case "rearrange":
            axes, made = getattr(op, "places", op), []
            for row, column, channel in product(axes.rows, axes.columns, axes.channels):
                made.append(0 if min(row, column, channel) < 0 else lists[0][row + column + channel])
        case "select":
            pixels = operands[0].reshape(-1, op.in_channels).tolist()
            made = [pixel[channel] for pixel in pixels for channel in op.channels]
        case "gather":
            made = [number for x in lists[0] for number in op.table[round(x)].tolist()]
        case "concat":
            made = []
            while len(made) < np.prod(shape):
                for n, run in enumerate(op.runs):
                    factor = op.factors[n] if hasattr(op, "factors") else 1
                    made += [factor * x for x in lists[n][:run]]
                    del lists[n][:run]
            assert not any(lists)
        case "norm":
            made = _norm(op, operands[0].tolist(), shape)
        case kind:
            raise AssertionError(f"no plain {kind}")
    return np.array(made).reshape(shape)


def _norm(op: Any, rows: list[list[list[int]]], shape: Shape) -> list[int]:
    """What ``IntNorm`` makes of codes less their zero point, set by set; chords are those of the table."""
    start, drop = (words.tolist() for words in chords())
    sets: dict[tuple[int, ...], list[tuple[int, int, int]]] = {}
    for y, row in enumerate(rows):
        for x, pixel in enumerate(row):
            for c in range(len(pixel)):
                key = (c * op.groups // shape[2], *((y, x) if op.by_pixel else ()))
                sets.setdefault(key, []).append((y, x, c))
    made = np.zeros(shape, object)
    for places in sets.values():
        codes = [rows[y][x][c] for y, x, c in places]
        count, total = len(codes), sum(codes) if op.centred else 0
        power = count * sum(d * d for d in codes) - total * total + op.epsilon
        k = (power.bit_length() - 1) // 2
        mantissa = (power << 34) >> (2 * k + 17)
        chord, along = divmod(mantissa, 1024)
        root = (start[chord - 128] * 1024 - drop[chord - 128] * along) >> 13
        for place, d in zip(places, codes, strict=True):
            value = ((count * d - total) << op.fraction) >> k
            made[place] = (value * root + (1 << 16)) >> 17
    return made.ravel().tolist()
