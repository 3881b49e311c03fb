"""Every codec's weight source in the emitted RTL against the golden model, in every kind of engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.codecs import decode
from gan2hls.hardware import Design, Folding
from gan2hls.hardware.cycles import estimate
from gan2hls.model.integer import IntLayer
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.shuffle import Shape
from gan2hls.ops.taps import LinearGeometry
from tests.cosim.hls_codecs import narrowed_design
from tests.cosim.rtl_bench import Bench, lint
from tests.randomized import Rng, chain, conv, conv_transpose, dense, design, linear_layer, scaled_weights
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

INT8 = QuantType(IntType(8, signed=True), 1.0)
#: Chances, in percent, of a clock without tvalid and of one without tready.
PACES = [(0, 0), (50, 50), (10, 80)]

#: Codec, centroids, and books: one, one per channel, or groups of channels.
KINDS = (
    ("raw", 0, "one"),
    ("offset", 0, "one"),
    ("binary", 0, "one"),
    ("ternary", 0, "one"),
    ("codebook", 2, "one"),
    ("codebook", 13, "channel"),
    ("codebook", 16, "group"),
    ("codebook", 256, "one"),
)
#: Geometry, folding and groups of books; PE 6 and groups of 4 channels share no table, PE 2 and groups of 3 neither.
SLOTS = (
    (lambda n: dense(n, 24), Folding(4, 3, 2), 6),
    (lambda n: conv_transpose((2, 2), 6, 8), Folding(2, 3, 1), 2),
    (lambda n: conv_transpose((4, 4), 8, 12, k=3, s=2, p=1, op=1), Folding(6, 4, 3), 3),
    (lambda n: conv((8, 8), 12, 6), Folding(2, 4, 2), 2),
)


def coded_layer(
    rng: Rng,
    name: str,
    geometry: LinearGeometry,
    kind: tuple[str, int, str],
    books: int,
    empty: float = 0.0,
    block: tuple[int, int] = (1, 1),
    shape: Shape | None = None,
) -> IntLayer:
    """A layer whose weights are of ``kind``, zeros in the part ``empty`` of its blocks."""
    codec, centroids, sharing = kind
    weights = geometry.weight_shape
    count = {"one": 1, "channel": weights[1], "group": books}[sharing]
    values = None
    if codec == "offset":
        values = rng.integers(40, 90, weights)
    if codec == "codebook":
        book = np.stack([rng.permutation(np.arange(-150, 200))[:centroids] for _ in range(count)])
        of_channel = np.arange(weights[1]) * count // weights[1]
        values = book[of_channel[None, :, None], rng.integers(0, centroids, weights)]
    return linear_layer(
        rng, name, "z", geometry, INT8, out=INT8, codec="raw" if codec == "offset" else codec, books=count,
        values=values, shape=shape, empty=empty, block=block,
    )  # fmt: skip


def coded_design(rotation: int, empty: tuple[float, ...] = ()) -> Design:
    """A chain of eight engines, each of the kinds in one of the slots; with ``empty`` they skip blocks."""
    rng = np.random.default_rng(rotation)
    layers, count = [], 12
    for n in range(8):
        make, folding, books = SLOTS[n % 4]
        kind = KINDS[(n * 3 + rotation) % 8]
        part = empty[n % len(empty)] if empty else 0.0
        shape = (2, 2, 6) if n % 4 == 0 else None
        layers.append(coded_layer(rng, f"l{n}", make(count), kind, books, part, (folding.pe, folding.simd), shape))
        count = int(np.prod(layers[-1].shape))
    model = chain(f"{'sparse' if empty else 'coded'}{rotation}", (1, 1, 12), INT8, layers)
    skip = [layer.name for layer in layers] if empty else []
    return design(model, [SLOTS[n % 4][1] for n in range(8)], extra_rows=rotation % 3, skip=skip)


def scaled_design(empty: tuple[float, ...] = ()) -> Design:
    """A chain of eight engines whose weights have a factor per block of 1 to 12 input channels, in every slot twice."""
    rng = np.random.default_rng(len(empty))
    layers: list[IntLayer] = []
    count, kinds = 12, (8, 3, 4, 1, 12, 6, 5, 4)
    for n, block in enumerate(kinds):
        make, folding, _ = SLOTS[n % 4]
        geometry, shape = make(count), (2, 2, 6) if n % 4 == 0 else None
        values, factors = scaled_weights(
            rng, geometry.weight_shape, block, bits=3 + n % 3, factor_bits=9, zero_points=n % 2 == 0, taps=n // 4
        )
        layers.append(
            linear_layer(
                rng, f"l{n}", "z", geometry, INT8, out=INT8, codec="blockscale", values=values, factors=factors,
                scaled=block, shape=shape, empty=empty[n % len(empty)] if empty else 0.0,
                block=(folding.pe, folding.simd),
            )
        )  # fmt: skip
        count = int(np.prod(layers[-1].shape))
    model = chain(f"scaled{len(empty)}", (1, 1, 12), INT8, layers)
    skip = [layer.name for layer in layers] if empty else []
    return design(model, [SLOTS[n % 4][1] for n in range(8)], extra_rows=1, skip=skip)


def check(bench: Bench) -> None:
    """Simulate with pauses on both sides and with a reset; then the cycle model must have told the clocks."""
    for seed, (idle, stall) in enumerate(PACES):
        bench.run(3, seed=seed, idle=idle, stall=stall)
    bench.run(2, seed=9, idle=20, stall=20, reset_at=250)
    assert bench.measured() == (estimate(bench.design).latency, estimate(bench.design).interval)


@pytest.mark.parametrize("rotation", sampled(range(4), 1))
def test_every_codec_in_every_kind_of_engine(rotation: int, tmp_path: Path) -> None:
    made = coded_design(rotation)
    assert {e.encoded.codec for e in made.engines if e.encoded} == {"raw", "binary", "ternary", "codebook"}
    assert any(e.encoded and e.encoded.parameters.get("base") for e in made.engines)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


def test_densely_packed_trits_with_every_rest(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sizes, foldings = (43, 84, 88, 82, 80, 40), ((1, 43), (2, 21), (2, 22), (1, 41), (1, 40))
    layers = [
        linear_layer(rng, f"l{n}", "z", dense(sizes[n], sizes[n + 1]), INT8, out=INT8, codec="ternary")
        for n in range(5)
    ]
    made = design(chain("trits", (1, 1, 43), INT8, layers), [Folding(pe, simd, 1) for pe, simd in foldings])
    assert {pe * simd % 5 for pe, simd in foldings} == {0, 1, 2, 3, 4}
    assert all(e.encoded and e.encoded.parameters["dense"] for e in made.engines)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


def test_codes_narrower_than_their_weights(tmp_path: Path) -> None:
    bench = Bench(narrowed_design(np.random.default_rng(0)), tmp_path)
    assert lint(bench.design, tmp_path / "rtl") == ""
    check(bench)


@pytest.mark.parametrize("rotation", sampled(range(4), (2,)))
def test_every_codec_in_an_engine_that_skips_empty_blocks(rotation: int, tmp_path: Path) -> None:
    made = coded_design(rotation, (0.5 + 0.1 * rotation, 0.95, 0.7))
    assert any(e.mac_steps < e.mac_cycles for e in made.engines), "no vector without blocks"
    for n, engine in enumerate(made.engines):
        kind = KINDS[(n * 3 + rotation) % 8]
        assert engine.encoded is not None and engine.encoded.parameters.get("centroids", 0) <= kind[1]
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


@pytest.mark.parametrize(
    "empty", [pytest.param((), marks=pytest.mark.exhaustive), (0.6, 0.95, 0.7)], ids=["dense", "skipping"]
)
def test_block_scaled_weights_in_every_kind_of_engine(empty: tuple[float, ...], tmp_path: Path) -> None:
    made = scaled_design(empty)
    found = [e.encoded for e in made.engines if e.encoded]
    assert {e.codec for e in found} == {"blockscale"}
    assert {e.parameters["offset_bits"] > 0 for e in found} == {True, False}
    assert empty or any(e.parameters["factor_shift"] for e in found)
    assert {e.parameters["factor_lanes"] > 1 for e in found} == {True, False}
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


def test_flipped_bits_of_codes_and_factors_show(tmp_path: Path) -> None:
    """The upper bit of a code, then of a factor: the simulation must not agree any more."""
    made = scaled_design()
    bench, encoded = Bench(made, tmp_path), made.engines[7].encoded
    assert encoded is not None
    p = encoded.parameters
    group = int((decode(encoded)[0, : encoded.pe, : encoded.simd] != 0).ravel().argmax()) // p["factor_lanes"]
    places = {"weight": p["code_bits"] - 1, "factor": (group + 1) * p["factor_bits"] - 1}
    assert p["offset_bits"] == 0
    for role, bit in places.items():
        path = tmp_path / "rtl" / "mem" / f"l7_{role}.mem"
        text = path.read_text()
        first, *others = text.split()
        path.write_text("\n".join([f"{int(first, 16) ^ 1 << bit:0{len(first)}x}", *others]) + "\n")
        with pytest.raises(AssertionError):
            bench.run(3)
        path.write_text(text)
    bench.run(3)
