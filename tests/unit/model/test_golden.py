"""The golden model against a plain loop over taps in Python integers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from gan2hls.base import in_threads
from gan2hls.base import threads as base_threads
from gan2hls.model import IntegerModel, IntLayer, golden
from gan2hls.model.golden import Golden, Rerun
from gan2hls.numbers.numerics import IntType, QuantType, Requant
from gan2hls.ops import AxisTaps, IntLinear, LinearGeometry, linear_program, phases
from gan2hls.ops.weights import IntWeight
from tests.randomized import (
    chain,
    conv,
    conv_transpose,
    dense,
    linear_layer,
    pointwise_layer,
    random_inputs,
    run_alone,
    tiny_design,
)
from tests.strategies import OnnxConv, convolutions


def plain_layer(layer: IntLayer, codes: np.ndarray) -> np.ndarray:
    """One frame, integers of Python, in the words of the contract."""
    zero = layer.input_type.zero_point
    if not isinstance(layer.op, IntLinear):
        acc = [[int(v) - zero for v in pixel] for pixel in codes.reshape(-1, layer.requant.channels)]
    else:
        g = layer.op.geometry
        x, w = codes.reshape(g.in_shape), layer.op.weight.values
        acc = []
        for rows in g.y.taps:
            for columns in g.x.taps:
                pixel = [0] * g.out_channels
                for iy, ky in rows:
                    for ix, kx in columns:
                        for o in range(g.out_channels):
                            start = o // g.group_out * g.group_in
                            for c in range(g.group_in):
                                weight = int(w[ky * g.x.kernel + kx, o, c])
                                pixel[o] += weight * (int(x[iy, ix, start + c]) - zero)
                acc.append(pixel)
    return plain_requant(layer, acc)


def plain_requant(layer: IntLayer, acc: list[list[int]]) -> np.ndarray:
    """Codes of a layer's accumulators, a list of channels for every pixel."""
    r = layer.requant
    out = []
    for pixel in acc:
        for c, value in enumerate(pixel):
            piece = int(r.pieces == 2 and value >= int(r.threshold[c]))
            shifted = (value * int(r.mult[piece, c]) + int(r.bias[piece, c]) + ((1 << r.shift) >> 1)) >> r.shift
            code = min(max(shifted + r.zero_point, r.lo), r.hi)
            if layer.table:
                code = int(layer.table.values[c % len(layer.table.values), code - layer.table.index_type.lo])
            out.append(code)
    return np.array(out).reshape(layer.shape)


def check(model: IntegerModel, inputs: dict[str, np.ndarray]) -> None:
    tensors = Golden(model).run(inputs)
    assert all(values.dtype == np.int64 for values in tensors.values())
    for n in range(len(next(iter(inputs.values())))):
        for layer in model.layers:
            assert (tensors[layer.name][n] == plain_layer(layer, tensors[layer.inputs[0]][n])).all(), layer.name


def test_every_block_of_the_engine() -> None:
    model = tiny_design().model
    check(model, random_inputs(np.random.default_rng(0), model, 3))


@settings(max_examples=40, deadline=None)
@given(convolutions(max_size=3, max_kernel=4), st.integers(0, 1 << 32), st.integers(2, 16), st.integers(0, 3))
def test_any_geometry_and_width(conv_: OnnxConv, seed: int, bits: int, zero: int) -> None:
    rng = np.random.default_rng(seed)
    z = QuantType(IntType(bits, signed=bool(zero == 0)), 1.0, zero)
    layer = linear_layer(
        rng, "l0", "z", conv_.geometry, z, weight_bits=bits, pieces=1 + bits % 2, table_bits=5 * (bits % 3 == 0)
    )
    model = chain("m", conv_.geometry.in_shape, z, (layer,))
    check(model, random_inputs(rng, model, 2))


@pytest.mark.parametrize("channels", [2, 48])
@pytest.mark.parametrize("bits", [8, 9, 12, 16])
def test_extreme_codes_are_exact_in_every_arithmetic(bits: int, channels: int) -> None:
    """All weights and inputs at their ends: sums reach the accumulator's bound, where a float would first round."""
    z = QuantType(IntType(bits, signed=True), 1.0)
    g = conv((3, 3), 40, channels)
    weight = np.full(g.weight_shape, -(1 << (bits - 1)))
    weight[0, 0, 0] += 1  # an odd sum
    codes = IntWeight(weight, IntType(bits, signed=True), np.ones(1), "raw", "")
    op = IntLinear("conv", g, codes)
    acc_type = IntType.covering(*op.bounds([z]))
    one = np.ones((1, channels), np.int64)
    requant = Requant(one, 0 * one, 0 * one[0], 0, 0, acc_type.lo, acc_type.hi, acc_type)
    made = linear_layer(np.random.default_rng(0), "l0", "z", g, z)
    made = replace(made, op=op, acc_type=acc_type, requant=requant, output_type=QuantType(acc_type, 1.0))
    model = chain("m", g.in_shape, z, (made,))
    codes = Golden(model).run({"z": np.full((1, *g.in_shape), -(1 << (bits - 1)))})["l0"]
    full = 9 * 40 << (2 * bits - 2)
    assert codes[0, 1, 1].tolist() == [full - (1 << (bits - 1)), *[full] * (channels - 1)]
    program = op.program([z], acc_type)
    assert program.dtype is (np.float32 if bits < 9 else np.float64)
    assert program.operands is (np.float32 if bits < 12 or not program._scatters else np.float64)
    assert all(program._parts) == (bits < 12 or program._scatters)


#: Kernel, size of inputs and parts, at which sums are exact, and one more of which they would not be in fewer parts.
_PARTS = [(1, 76, 1), (1, 77, 2), (1, 108, 2), (1, 109, 3), (1, 132, 3), (1, 133, 4), (1, 153, 4), (1, 154, 0)]
_PARTS += [(3, 25, 1), (3, 26, 2), (3, 48, 2), (3, 49, 3), (3, 76, 3), (3, 77, 4), (3, 88, 4), (3, 89, 0)]


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("kernel", "size", "parts"), _PARTS)
def test_float32_sums_as_large_parts_as_inputs_allow(kernel: int, size: int, parts: int, groups: int) -> None:
    """Inputs that are multiples of the weights: no sum can be greater for its squares."""
    z = QuantType(IntType(15, signed=True), 1.0)
    channels = 300 // kernel
    g = conv((kernel, kernel), channels * groups, groups, k=kernel, p=0, groups=groups)
    values = np.full(g.weight_shape, 27)
    values[..., 0] = 26
    values[:, 1:] //= 9  # the first group's sums are the greatest
    op = IntLinear("conv", g, IntWeight(values, IntType(8, signed=True), np.ones(1), "raw", ""))
    program = op.program([z], IntType.covering(*op.bounds([z])))
    assert program._parts == (0,), "any inputs would need more"
    taps = [(tap, end) for tap, end, _ in program._phases[0]._norms_of_parts[1]]
    assert taps == ([(0, 1), (0, 1)] if kernel == 1 else [(0, 5), (4, 9)])
    codes = np.concatenate([values[:, 0] * size + 1, *[values[:, 0] // 9] * (groups - 1)], axis=1)
    squares = np.square(codes[:, :channels], dtype=np.float64).sum(axis=1)[None]
    assert program._phases[0].parts_of(squares) == parts
    sums = [int((values[:, n] * each).sum()) for n, each in enumerate(np.split(codes, groups, axis=1))]
    assert program(codes.reshape(1, kernel, kernel, -1)).ravel().tolist() == sums


@pytest.mark.parametrize(("size", "parts"), [(1001, 3), (16383, 0)])
def test_products_of_a_channel_of_its_own_are_exact(size: int, parts: int) -> None:
    """Of one channel float32 holds every product, or none; sums are of float64 all the same."""
    z = QuantType(IntType(15, signed=True), 1.0)
    g = conv((3, 3), 2, 2, p=0, groups=2)
    values = np.full(g.weight_shape, 4095)
    op = IntLinear("conv", g, IntWeight(values, IntType(13, signed=True), np.ones(1), "raw", ""))
    program = op.program([z], IntType.covering(*op.bounds([z])))
    codes = np.array([size, 3] * 9)
    squares = np.full((1, 9), size**2 + 9.0)
    assert program._parts == (0,) and program._phases[0].parts_of(squares) == parts
    assert program(codes.reshape(1, 3, 3, 2)).ravel().tolist() == [9 * 4095 * size, 9 * 4095 * 3]


@pytest.mark.parametrize("channels", [1, 20])
def test_borders_that_are_reflected_are_exact(channels: int) -> None:
    """Inputs that a kernel index does not take evenly: few output channels are scattered, many are gathered."""
    rng = np.random.default_rng(5)
    z = QuantType(IntType(8, signed=False), 1.0, 9)
    reflected = (1, 0, 1, 2, 3, 4, 3)
    axis = AxisTaps(5, 3, tuple(tuple((reflected[o + k], k) for k in range(3)) for o in range(5)))
    geometry = LinearGeometry(axis, axis, 16, channels)
    layer = linear_layer(rng, "l0", "z", geometry, z)
    model = chain("m", geometry.in_shape, z, (layer,))
    check(model, random_inputs(rng, model, 2))


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("groups", [1, 3])
def test_products_are_scattered_to_their_groups(groups: int, bits: int) -> None:
    rng = np.random.default_rng(groups)
    z = QuantType(IntType(bits, signed=False), 1.0, 9)
    geometry = conv_transpose((4, 5), 48, 6, groups=groups)
    layer = linear_layer(rng, "l0", "z", geometry, z, weight_bits=bits)
    program = layer.op.program([z], layer.acc_type)
    assert program._scatters
    model = chain("m", geometry.in_shape, z, (layer,))
    check(model, random_inputs(rng, model, 2))


@pytest.mark.parametrize("bits", [8, 14, 16])
@pytest.mark.parametrize(
    "geometry",
    [
        conv((4, 3), 6, 5, k=1, p=0),
        conv((4, 3), 6, 8, k=1, p=0, groups=2),
        conv((5, 5), 6, 5, k=1, s=2, p=0),
        conv((4, 5), 6, 6, groups=6),
        conv((5, 6), 6, 6, s=2, groups=6),
        conv((6, 5), 6, 6, p=0, groups=6),
    ],
    ids=["1x1", "1x1 in groups", "1x1 of stride 2", "depthwise", "depthwise of stride 2", "depthwise unpadded"],
)
def test_what_is_read_where_it_stands_and_channels_of_their_own(geometry: LinearGeometry, bits: int) -> None:
    """Sums of 8 bits are made in float32, of 14 and 16 bits in more."""
    rng = np.random.default_rng(bits)
    z = QuantType(IntType(bits, signed=False), 1.0, 77)
    layer = linear_layer(rng, "l0", "z", geometry, z, weight_bits=bits, pieces=2)
    model = chain("m", geometry.in_shape, z, (layer,))
    check(model, random_inputs(rng, model, 3))


def test_a_rerun_goes_on_from_the_layer_that_differs() -> None:
    model = tiny_design().model
    inputs = random_inputs(np.random.default_rng(4), model, 3)
    rerun = Rerun(model, inputs)
    for at, layer in enumerate(model.layers):
        lower = replace(layer.requant, lo=layer.requant.lo + 1, hi=layer.requant.hi - 1)
        others = (*model.layers[:at], replace(layer, requant=lower), *model.layers[at + 1 :])
        other = replace(model, layers=others)
        made, wanted = rerun.outputs(other, inputs), Golden(other).outputs(inputs)
        assert made.keys() == wanted.keys() and all((made[name] == wanted[name]).all() for name in wanted)
    wider = replace(model, input_types=tuple(replace(quant, scale=2 * quant.scale) for quant in model.input_types))
    halves = {name: codes // 2 for name, codes in inputs.items()}
    made, wanted = rerun.outputs(wider, halves), Golden(wider).outputs(halves)
    assert all((made[name] == wanted[name]).all() for name in wanted)


def test_pointwise_layers_remove_the_zero_point() -> None:
    rng = np.random.default_rng(0)
    z = QuantType(IntType(8, signed=False), 1.0, 77)
    model = chain("m", (2, 3, 4), z, (pointwise_layer(rng, "l0", "z", (2, 3, 4), z, table_bits=6),))
    check(model, random_inputs(rng, model, 2))


@pytest.mark.parametrize("chunk", [1, 500, 3000])
def test_chunks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    model = tiny_design().model
    inputs = random_inputs(np.random.default_rng(1), model, 7)
    whole = Golden(model).run(inputs)
    monkeypatch.setattr(linear_program, "_CHUNK_ELEMENTS", chunk)
    parts = Golden(model).run(inputs)
    assert all((whole[name] == parts[name]).all() for name in whole)


def test_frames_in_threads_are_those_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_design().model
    inputs = random_inputs(np.random.default_rng(6), model, 7)
    monkeypatch.setattr(golden, "processors", lambda: 1)
    whole = Golden(model).run(inputs)
    monkeypatch.setattr(golden, "processors", lambda: 3)
    monkeypatch.setattr(golden, "_THREAD_ELEMENTS", 1)
    spread: list[int] = []

    def counted(function: Callable[[slice], None], parts: Sequence[slice]) -> None:
        spread.append(len(parts))
        in_threads(function, parts)

    monkeypatch.setattr(golden, "in_threads", counted)
    parts = Golden(model).run(inputs)
    assert spread == [3], "frames 0 to 2, 3 to 5, and 6"
    assert all((whole[name] == parts[name]).all() for name in whole)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize(
    "geometry",
    [conv((7, 6), 6, 5), conv((7, 6), 6, 8, groups=2), conv((5, 6), 6, 5, k=1, p=0), conv_transpose((5, 4), 6, 12)],
    ids=["3x3", "in groups", "1x1", "transposed"],
)
def test_pixels_in_threads_are_those_of_one(
    geometry: LinearGeometry, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(threads)
    z = QuantType(IntType(8, signed=False), 1.0, 77)
    model = chain("m", geometry.in_shape, z, (linear_layer(rng, "l0", "z", geometry, z),))
    spread: list[int] = []

    def counted(function: Callable[[int], None], parts: Sequence[int]) -> None:
        spread.append(len(parts))
        in_threads(function, parts)

    monkeypatch.setattr(phases, "_THREAD_MACS", 1)
    monkeypatch.setattr(phases, "free_processors", lambda: threads)
    monkeypatch.setattr(phases, "in_threads", counted)
    check(model, random_inputs(rng, model, 1))
    assert spread and set(spread) == {threads}


@pytest.mark.parametrize("frames", [1, 4])
def test_products_have_a_thread_each(monkeypatch: pytest.MonkeyPatch, frames: int) -> None:
    """Of one frame too: threads of BLAS wait for each other.  Nobody looks for libraries: others may import."""
    model = tiny_design().model
    inputs = random_inputs(np.random.default_rng(7), model, frames)
    seen: list[int] = []
    plain_run = linear_program.LinearProgram.__call__

    def watched(self: linear_program.LinearProgram, codes: np.ndarray) -> np.ndarray:
        seen.extend(library["num_threads"] for library in base_threads._BLAS.info())
        return plain_run(self, codes)

    monkeypatch.setattr(linear_program.LinearProgram, "__call__", watched)
    monkeypatch.setattr(golden, "processors", lambda: 2)
    monkeypatch.setattr(base_threads, "ThreadpoolController", None)
    monkeypatch.setitem(sys.modules, "one_more_module", golden)
    with threadpool_limits(limits=2):
        Golden(model).run(inputs)
    assert set(seen) == {1}


def test_frames_are_independent_and_layers_run_alone() -> None:
    model = tiny_design().model
    inputs = random_inputs(np.random.default_rng(2), model, 4)
    machine = Golden(model)
    together, alone = machine.run(inputs), machine.run({"z": inputs["z"][2:3]})
    assert all((together[name][2:3] == alone[name]).all() for name in together)
    for layer in model.layers:
        assert (run_alone(layer, *(together[name] for name in layer.inputs)) == together[layer.name]).all()


def test_dense_before_reshape_has_a_requantizer_channel_per_feature() -> None:
    rng = np.random.default_rng(3)
    z = QuantType(IntType(8, signed=True), 1.0)
    layer = linear_layer(rng, "l0", "z", dense(3, 24), z, shape=(2, 3, 4), pieces=2)
    assert layer.channels == 24
    model = chain("m", (1, 1, 3), z, (layer,))
    check(model, random_inputs(rng, model, 3))
