"""Random chains of engines for C simulation: many geometries, types and foldings in one compile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gan2hls.emit import emit_memory
from gan2hls.emit.hls.files import emit_hls
from gan2hls.hardware import Design, Folding, LinearEngine, verify_design
from gan2hls.hardware.groups import legal_pe, legal_simd
from gan2hls.hardware.line_buffer import most_rows
from gan2hls.model.integer import IntegerModel, IntLayer
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops import IntLinear
from gan2hls.ops.taps import AxisTaps, LinearGeometry, by_row_phases, conv_axis, conv_transpose_axis
from gan2hls.verify import csim
from tests.randomized import Rng, chain, dense, design, linear_layer, pointwise_layer
from tests.shared import folder

#: Includes what the C++ includes, precompiled (``conftest.py``).
HEADER = folder() / "csim_headers" / "headers.hpp"
#: How it is compiled.  g++ has the memory to collect no garbage.
COMPILER = ("-std=c++14", "-Og", "--param=ggc-min-expand=1000", "--param=ggc-min-heapsize=2000000")
#: The flags of a build.
OPTIMIZED = csim.FLAGS
#: Fast to compile; those of a build otherwise.  Of numbers without a value g++ is silent as behind ``lib/types.hpp``.
QUICK = (
    *COMPILER, "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-uninitialized", "-Wno-maybe-uninitialized",
    "-include", str(HEADER),
)  # fmt: skip

_LEAST, _MOST, _MOST_MACS = 6, 500, 60_000


def write_hls(design: Design, folder: Path, changes: dict[str, tuple[bytes, bytes]] | None = None) -> Path:
    """Write ``hls/`` into ``folder``; each of ``changes`` replaces the first occurrence of a text in a file."""
    files = emit_hls(design)
    for path, (old, new) in (changes or {}).items():
        assert old in files[path], f"{old!r} is not in {path}"
        files[path] = files[path].replace(old, new, 1)
    files = {f"hls/{path}": content for path, content in files.items()}
    files |= {f"memory/{path}": content for path, content in emit_memory(design).items()}
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder / "hls"


def random_design(seed: int, layers: int) -> Design:
    """A chain of random engines: every kind of geometry, 2 to 16 bits, any zero point, folding, rows, pieces, table."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(_LEAST, 60))
    shape = (1, 1, count)
    input_type = random_type(rng)
    made: list[IntLayer] = []
    for n in range(layers):
        layer = random_layer(rng, f"l{n}", count, made[-1].output_type if made else input_type)
        made.append(layer)
        count = int(np.prod(layer.shape))
    model = chain(f"chain{seed}", shape, input_type, made)
    return fold(rng, model)


def fold(rng: Rng, model: IntegerModel) -> Design:
    """A design with random foldings and line buffers."""
    plain = design(model, [random_folding(rng, layer) for layer in model.layers])
    engines = tuple(
        replace(engine, rows=random_rows(rng, engine)) if isinstance(engine, LinearEngine) else engine
        for engine in plain.engines
    )
    made = replace(plain, engines=engines)
    verify_design(made)
    return made


def random_type(rng: Rng) -> QuantType:
    """Any code type of 2 to 16 bits with any zero point."""
    int_type = IntType(int(rng.choice([2, 3, 5, 8, 8, 8, 11, 16])), signed=bool(rng.integers(2)))
    return QuantType(int_type, 1.0, int(rng.integers(int_type.lo, int_type.hi + 1)) if rng.integers(2) else 0)


def random_layer(rng: Rng, name: str, count: int, input_type: QuantType) -> IntLayer:
    """A layer that takes ``count`` elements."""
    pieces, table_bits = int(rng.integers(1, 3)), int(rng.choice([0, 0, 0, 2, 7, 10]))
    if rng.random() < 0.15:
        channels = _divisor(rng, count)
        layer = pointwise_layer(
            rng, name, "z", (count // channels, 1, channels), input_type, pieces=pieces, table_bits=table_bits
        )
    else:
        layer = linear_layer(
            rng, name, "z", random_geometry(rng, count), input_type, out=random_type(rng), pieces=pieces,
            table_bits=table_bits, weight_bits=int(rng.choice([1, 2, 4, 7, 8, 8, 13, 16])),
        )  # fmt: skip
    requant, kind = layer.requant, rng.random()
    if kind < 0.2:  # the plainest requantizer: no shift
        mult, bias = np.sign(requant.mult), requant.bias >> requant.shift
        layer = replace(layer, requant=replace(requant, mult=mult, bias=bias, shift=0))
    elif kind < 0.5 and requant.shift > 1:  # every fourth sum or so is a tie
        zeros = min(requant.shift - 2, 60 - layer.acc_type.bits)  # sums have at most 62 bits
        mult, bias = ((word >> zeros) << zeros for word in (requant.mult, requant.bias))
        layer = replace(layer, requant=replace(requant, mult=mult, bias=bias, half_even=True))
    return layer


def random_geometry(rng: Rng, count: int) -> LinearGeometry:
    """A Conv, ConvTranspose or Dense with ``count`` inputs, of a size that compiles and runs in no time."""
    for _ in range(1000):
        ci = _divisor(rng, count)
        height = _divisor(rng, count // ci)
        width = count // ci // height
        co = int(rng.integers(1, 13))
        groups = ci if rng.random() < 0.15 else _divisor(rng, np.gcd(ci, co))
        if groups == ci and ci > 1:
            co = ci * int(rng.integers(1, 3))  # depthwise
        if max(height, width) > 40 or ci > 64:
            continue
        transposed = bool(rng.random() < 0.6)
        y, x = (_random_axis(rng, size, transposed) for size in (height, width))
        if y is None or x is None:
            continue
        phases = int(rng.choice([1, 1, 2, 3])) if groups == 1 else 1
        geometry = LinearGeometry(y, x, ci, co * phases, groups, (1, 1), transposed)
        geometry = geometry if phases == 1 else by_row_phases(geometry, phases)
        outputs = int(np.prod(geometry.out_shape))
        if _LEAST <= outputs <= _MOST and 0 < geometry.useful_macs <= _MOST_MACS:
            return geometry
    return dense(count, int(rng.integers(_LEAST, 48)))


def _random_axis(rng: Rng, size: int, transposed: bool) -> AxisTaps | None:
    kernel, stride, dilation = int(rng.integers(1, 8)), int(rng.integers(1, 5)), int(rng.integers(1, 3))
    if size == 1 and rng.random() < 0.5:
        kernel = 1
    pads = (int(rng.integers(0, kernel)), int(rng.integers(0, kernel)))
    reach = (kernel - 1) * dilation + 1
    if not transposed:
        return conv_axis(size, kernel, stride, dilation, pads) if size + sum(pads) >= reach else None
    out = (size - 1) * stride + reach + int(rng.integers(0, stride)) - sum(pads)
    return conv_transpose_axis(size, kernel, stride, dilation, pads[0], out) if out > 0 else None


def random_folding(rng: Rng, layer: IntLayer) -> Folding:
    """Any legal folding, the extremes included; every other one of a layer with groups spans some of them."""
    if not isinstance(layer.op, IntLinear):
        lanes = _divisor(rng, np.gcd(layer.requant.channels, layer.op.lane_channels(layer.shape)))
        return Folding(lanes, lanes, lanes)
    legal = legal_pe(layer.op.geometry)
    spanning = [pe for pe in legal if pe > layer.op.geometry.group_out]
    pe = int(rng.choice(spanning if spanning and rng.random() < 0.5 else legal))
    return Folding(pe, int(rng.choice(legal_simd(layer.op.geometry, pe))), _divisor(rng, pe))


def random_rows(rng: Rng, engine: LinearEngine) -> int:
    """Any legal number of line buffer rows, the extremes included."""
    least, most = engine.geometry.y.window, most_rows(engine.layer)
    return int(rng.choice([least, most, rng.integers(least, most + 1)]))


def _divisor(rng: Rng, number: int) -> int:
    return int(rng.choice([n for n in range(1, number + 1) if number % n == 0]))
