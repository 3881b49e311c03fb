"""Golden model and emitted C++ under g++: weights in every codec, engines that skip empty blocks, flipped bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.codecs import Encoded, decode, to_blocks
from gan2hls.codecs.base import Memory
from gan2hls.emit.hls.skip import column_bits
from gan2hls.hardware import Design, Folding
from gan2hls.model.golden import Golden
from gan2hls.ops.weights import IntWeight
from gan2hls.verify import csim
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import OPTIMIZED, QUICK, write_hls
from tests.cosim.hls_codecs import KINDS, codec_design, copies, dense_packing_design, flip, narrowed_design
from tests.randomized import Rng, block_mask, chain, conv, dense, design, random_inputs
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

#: Others have a like of theirs among these.
OFTEN = ("raw", "binary", "ternary", "codebook5-books", "blockscale4-zero-points")


def passes(made: Design, tmp_path: Path) -> None:
    codes = random_inputs(np.random.default_rng(1), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert result.status == "passed", result


@pytest.mark.parametrize("kind", sampled(KINDS, OFTEN))
def test_codec_in_every_geometry(kind: str, tmp_path: Path) -> None:
    made = codec_design(np.random.default_rng(sum(kind.encode())), KINDS[kind])
    half = len(made.engines) // 2
    assert [engine.skip is not None for engine in made.engines] == [n >= half for n in range(2 * half)]
    assert any(e.skip is not None and e.skip.occupancy.idle for e in made.engines), "no vector is empty"
    for engine in made.engines:
        assert engine.encoded is not None
        parameters = engine.encoded.parameters
        most = max(1, KINDS[kind].centroids)
        assert parameters.get("centroids", 0) <= most, "zeros of left-out blocks take no index"
        if engine.skip is None:
            assert engine.encoded.codec == KINDS[kind].codec
            assert KINDS[kind].codec != "raw" or parameters.get("base", -3) == -3
    passes(made, tmp_path)


def test_codes_narrower_than_their_weights(tmp_path: Path) -> None:
    passes(narrowed_design(np.random.default_rng(0)), tmp_path)


def test_dense_packing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five trits a byte and every rest, compiled as a build does."""
    monkeypatch.setattr(csim, "FLAGS", OPTIMIZED)
    made = dense_packing_design(np.random.default_rng(4))
    for engine in made.engines:
        assert engine.encoded is not None and engine.encoded.codec == "ternary" and engine.encoded.parameters["dense"]
    assert {e.folding.pe * e.folding.simd % 5 for e in made.engines} == {0, 1, 2, 3, 4}
    passes(made, tmp_path)


@pytest.mark.parametrize("kind", sampled(["blockscale4-zero-points", "codebook5-books", "ternary"], 1))
def test_exact_widths_and_flat_region(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Vitis synthesizes has no register wider than its number; what bambu takes is one flat region."""
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, "-DGAN2HLS_EXACT_WIDTHS", "-DGAN2HLS_FLAT"))
    passes(codec_design(np.random.default_rng(77), KINDS[kind]), tmp_path)


SCALED = ("blockscale4", "blockscale4-zero-points")

#: A flip: file name behind the layer's, word, bit.
Flip = tuple[str, int, int]


def differing(made: Design, flips: list[Flip], tmp_path: Path) -> list[str]:
    """Flip one bit in each of equal layers but the first and the last; returns those whose outputs differ from golden.

    Every layer gets the same random input.
    """
    hls = write_hls(made, tmp_path)
    for layer, (file, word, bit) in zip(made.model.layers[1:-1], flips, strict=True):
        path = hls / "weights" / f"{layer.name}_{file}.inc"
        path.write_bytes(flip(path.read_bytes(), word, bit))
    codes = random_inputs(np.random.default_rng(1), made.model, 20)["z"]
    expected = Golden(made.model).run({"z": codes})[made.model.layers[0].name]
    executable = csim.compile_csim(hls, made, tmp_path / "work")
    tensors = {name: codes for layer in made.model.layers for name in layer.inputs}
    found = csim._run_steps(executable, hls, made, tensors, tmp_path / "work", csim.Frames.ALL)
    return [layer.name for layer in made.model.layers if (expected != found[layer.name]).any()]


def place_of(memory: Memory, word: int, bit: int) -> Flip:
    """The file, the number in it and the bit of that which hold bit ``bit`` of a word: the last limb stands apart."""
    columns, limb = memory.words.shape[1], bit // 64
    if columns > 1 and memory.width_bits % 64:
        if limb == columns - 1:
            return f"{memory.name}_top", word, bit % 64
        columns -= 1
    return memory.name, word * columns + limb, bit % 64


@pytest.mark.parametrize("kind", sampled(["raw", "binary", "ternary", "codebook13", "codebook5-books", *SCALED], OFTEN))
def test_each_flipped_bit_of_weights_and_each_centroid_shows(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    geometry, folding, what = dense(40, 40), Folding(4, 5, 2), KINDS[kind]
    weight = what.weight(rng, geometry.weight_shape, 4 if what.per_channel else 1)
    encoded = one(rng, weight, folding).engines[0].encoded
    assert encoded is not None and encoded.parameters.get("dense", 1) == 1
    width = encoded.memories[0].width_bits
    places = [(0, 0), (79, width - 1), (41, width // 2), *((rng.integers(80), rng.integers(width)) for _ in range(5))]
    flips = [place_of(encoded.memories[0], int(word), int(bit)) for word, bit in places]
    if what.codec == "codebook":
        p, memory = encoded.parameters, encoded.memories[1]
        word = p["table_words"] // 2
        flips += [
            place_of(memory, word, n * p["centroid_bits"] + n % p["centroid_bits"])
            for n in range(p["tables"] * p["centroids"])
        ]
    if what.codec == "blockscale":
        flips += factor_flips(encoded)
    layers = copies(rng, geometry, weight, len(flips) + 2)
    made = design(chain("flips", (1, 1, 40), layers[0].input_type, layers), [folding] * len(layers))
    assert differing(made, flips, tmp_path) == [layer.name for layer in layers[1:-1]]


def factor_flips(encoded: Encoded) -> list[Flip]:
    """Each bit of an entry of the first and of the last factor word, of a group whose weights are not all zero."""
    p, memory = encoded.parameters, encoded.memories[1]
    width = p["factor_bits"] + p["offset_bits"]
    blocks = to_blocks(decode(encoded), encoded.pe, encoded.simd)
    blocks = blocks.reshape(len(blocks), -1, p["factor_lanes"])
    flips: list[Flip] = []
    for word in (0, memory.depth - 1):
        group = int(blocks[word << p["factor_shift"]].any(axis=1).argmax())
        flips += [place_of(memory, word, group * width + bit) for bit in range(width)]
    return flips


def one(rng: Rng, weight: IntWeight, folding: Folding) -> Design:
    layers = copies(rng, dense(40, 40), weight, 1)
    return design(chain("one", (1, 1, 40), layers[0].input_type, layers), [folding])


def skipping(count: int) -> tuple[Design, int]:
    """``count`` equal layers that skip blocks, and the first run of a pixel away from the border."""
    rng = np.random.default_rng(8)
    geometry, folding = conv((4, 4), 4, 4), Folding(2, 2, 1)
    weight = KINDS["raw"].weight(rng, geometry.weight_shape)
    values = weight.values * block_mask(rng, geometry.weight_shape, (2, 2), 0.4)
    layers = copies(rng, geometry, replace(weight, values=values), count)
    model = chain("skipping", (4, 4, 4), layers[0].input_type, layers)
    made = design(model, [folding] * count, skip={layer.name for layer in layers})
    program = made.engines[0].skip
    assert program is not None
    at = int(program.first[program.occupancy.y.of_output[1], program.occupancy.x.of_output[1], 0])
    start, length, last = program.runs[at]
    assert (start, last) == (0, 1) and 1 < length < len(program.kept) - 1
    return made, at


def test_each_flipped_bit_of_runs_and_displacements_shows(tmp_path: Path) -> None:
    made, run = skipping(6)
    program = made.engines[0].skip
    assert program is not None
    column, row = (next(n for n in range(9) if values[n] == 0) for values in (program.ci, program.y))
    bits = column_bits(made.engines[0])
    flips = [("run", run, 0), ("block", column, 0), ("block", row, bits), ("weight", 3, 0)]
    assert differing(made, flips, tmp_path) == [layer.name for layer in made.model.layers[1:-1]]


@pytest.mark.parametrize("field", ["length", "last"])
def test_run_that_ends_elsewhere_is_found_and_named(field: str, tmp_path: Path) -> None:
    made, run = skipping(3)
    program = made.engines[1].skip
    assert program is not None
    start_bits, length_bits = program.run_bits
    hls = write_hls(made, tmp_path)
    path = hls / "weights" / "l1_run.inc"
    path.write_bytes(flip(path.read_bytes(), run, start_bits + (length_bits if field == "last" else 0)))
    codes = random_inputs(np.random.default_rng(1), made.model, 2)
    result = check_csim(hls, made, codes, tmp_path / "work")
    assert result.status == "failed" and result.first_mismatch is not None
    assert result.first_mismatch.startswith("l1: "), result
