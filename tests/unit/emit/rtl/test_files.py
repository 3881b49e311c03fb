"""The RTL emitter: files, memories, converters and queues, without a simulator."""

from __future__ import annotations

import re
from dataclasses import replace
from math import gcd

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.base.errors import ConfigError, UnsupportedError
from gan2hls.codecs import decode, encode
from gan2hls.codecs.base import Memory
from gan2hls.emit.rendering import static
from gan2hls.emit.rtl.files import emit_rtl
from gan2hls.emit.rtl.memory import codec_memory, requant_memory
from gan2hls.hardware import Design, Folding, OffChip
from gan2hls.hardware.width_converters import converters
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.taps import LinearGeometry, conv_axis
from tests.randomized import chain, conv, conv_transpose, dense, design, linear_layer, tiny_design

INT8 = QuantType(IntType(8, signed=True), 1.0)


def _single(geometry: LinearGeometry, folding: Folding, name: str = "one", layer: str = "l0") -> Design:
    made = linear_layer(np.random.default_rng(0), layer, "z", geometry, INT8)
    return design(chain(name, geometry.in_shape, INT8, (made,)), (folding,))


def test_emission_is_deterministic() -> None:
    assert emit_rtl(tiny_design()) == emit_rtl(tiny_design())


def test_file_list_names_every_module_once_and_the_top_last() -> None:
    files = emit_rtl(tiny_design())
    listed = files["tiny.f"].decode().split()
    assert sorted(listed) == sorted(path for path in files if path.endswith(".sv"))
    assert listed[-1] == "tiny.sv" and len(set(listed)) == len(listed)


def test_every_memory_that_the_code_names_is_there() -> None:
    files = emit_rtl(tiny_design())
    text = b"".join(content for path, content in files.items() if path.endswith(".sv"))
    memories = [path.removeprefix("mem/") for path in files if path.startswith("mem/")]
    assert memories
    assert all(text.count(f'"{name}"'.encode()) == 1 for name in memories)
    assert text.count(b".mem") == len(memories)


@pytest.mark.parametrize("bits", [3, 8, 13])
def test_weight_image_decodes_to_the_weights(bits: int) -> None:
    layer = linear_layer(np.random.default_rng(1), "l0", "z", conv((4, 4), 6, 8), INT8, weight_bits=bits)
    assert layer.op.kind != "pointwise"
    encoded = encode(layer.op.weight, 4, 3)
    lines = codec_memory(encoded.memories[0]).decode().split()
    assert {len(line) for line in lines} == {-(-12 * bits // 4)}
    limbs = encoded.memories[0].words.shape[1]
    words = [[int(line, 16) >> (64 * n) & (2**64 - 1) for n in range(limbs)] for line in lines]
    read = Memory("weight", 12 * bits, np.array(words, np.uint64))
    assert np.array_equal(decode(replace(encoded, memories=(read,))), layer.op.weight.values)


def test_requant_image_holds_every_channel() -> None:
    layer = linear_layer(np.random.default_rng(2), "l0", "z", dense(4, 6), INT8, pieces=2)
    requant, acc = layer.requant, layer.acc_type
    widths = [requant.mult_type.bits, requant.offset_type.bits] * 2 + [acc.bits + (not acc.signed) + 1]
    words = [int(line, 16) for line in requant_memory(requant, acc, 2, range(requant.channels // 2)).decode().split()]
    assert len(words) == 3
    for channel in range(6):
        lane, fields = words[channel // 2] >> (channel % 2 * sum(widths)), []
        for width in widths:
            field, lane = lane & ((1 << width) - 1), lane >> width
            fields.append(field - (field >> (width - 1) << width))
        assert fields[:4] == [v for p in (0, 1) for v in (requant.mult[p, channel], requant.offset[p, channel])]
        assert fields[4] == np.clip(requant.threshold[channel], acc.lo, acc.hi + 1)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 20), st.integers(1, 5000))
def test_converters_join_any_two_widths(source: int, sink: int, beats: int, interval: int) -> None:
    elements = source * sink * beats
    lanes = source
    for stage in converters(source, sink, elements, interval):
        assert stage.ratio >= 2
        assert lanes == (stage.narrow if stage.direction == "up" else stage.narrow * stage.ratio)
        lanes = stage.out_lanes
        assert elements % lanes == 0
        if lanes < min(source, sink):
            assert lanes == gcd(source, sink) and 2 * elements <= lanes * interval, "the narrow way must not be slow"
    assert lanes == sink


@pytest.mark.parametrize(
    ("geometry", "folding"),
    [
        (conv((9, 7), 12, 8, k=5, p=2), Folding(4, 3, 2)),
        (conv_transpose((5, 5), 16, 8, groups=4), Folding(2, 2, 1)),
        (conv((2, 2), 4, 4, k=5, p=2), Folding(2, 2, 1)),
        (dense(40, 24), Folding(4, 2, 1)),
    ],
)
@pytest.mark.parametrize("away", [False, True])
def test_program_memories_are_as_large_as_reported(geometry: LinearGeometry, folding: Folding, away: bool) -> None:
    rng = np.random.default_rng(0)
    layer = linear_layer(rng, "l0", "z", geometry, INT8, empty=0.7, block=(folding.pe, folding.simd))
    model, off_chip = chain("sparse", geometry.in_shape, INT8, (layer,)), {"l0": OffChip(1, 64)} if away else {}
    made = design(model, (folding,), extra_rows=2, skip=["l0"], off_chip=off_chip)
    engine = made.engines[0]
    assert engine.skip is not None
    files = emit_rtl(made)
    reported = engine.skip.memories(engine.rows, engine.pixel_words, by_fold=away)
    roles = ("displacement", "runs", "pairs") if away else ("displacement", "runs")
    for role, (width, depth) in zip(roles, reported, strict=True):
        words = files[f"mem/l0_{role}.mem"].decode().split()
        assert len(words) == depth
        assert {len(word) for word in words} == {-(-width // 4)}
        if role == "displacement":
            assert max(int(word, 16) for word in words).bit_length() == width
    text = files["sparse_l0.sv"].decode()
    found = {name: int(value) for name, value in re.findall(r"\.(\w+)\((\d+)\)", text)}
    assert (found["YSteps"] - 1).bit_length() + found["ColumnBits"] == reported[0][0]
    block_bits = found["BlockBits" if away else "WAddrBits"]
    assert 1 + found["LengthBits"] + block_bits == reported[1][0] and found["Runs"] == reported[1][1]
    if away:
        tiles = [int(word, 16) for word in files["mem/l0_tiles.mem"].decode().split()]
        need = [int(word, 16) for word in files["mem/l0_tile_need.mem"].decode().split()]
        assert need == np.cumsum(tiles).tolist() and need[-1] == found["PassWords"] >= reported[0][1]


def test_hostile_source_stays_inside_its_comment() -> None:
    plain = tiny_design()
    hostile = '../../x"; DROP\n`include "/etc/passwd"\n*/ endmodule'
    layer = replace(plain.model.layers[0], source=hostile)
    model = replace(plain.model, layers=(layer, *plain.model.layers[1:]))
    engines = (replace(plain.engines[0], layer=layer), *plain.engines[1:])
    text = emit_rtl(replace(plain, model=model, engines=engines))["tiny_l0_dense.sv"].decode()
    assert len(text.splitlines()) == len(emit_rtl(plain)["tiny_l0_dense.sv"].splitlines())
    assert "`include" not in text and "*/" not in text and 'x"' not in text


@pytest.mark.parametrize(("name", "layer"), [("g2h", "mac"), ("wire", "l0")])
def test_unusable_module_name_is_refused(name: str, layer: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name"):
        emit_rtl(_single(dense(4, 4), Folding(1, 1, 1), name=name, layer=layer))


def test_engine_without_taps_is_refused() -> None:
    axis = conv_axis(1, 2, 1, 2, (1, 1))  # its only output reads two padded taps
    assert not axis.outputs
    geometry = LinearGeometry(axis, axis, 2, 2)
    with pytest.raises(UnsupportedError, match="tap"):
        emit_rtl(_single(geometry, Folding(1, 1, 1)))


def test_only_modules_that_are_instantiated_are_copied_and_unchanged() -> None:
    library, made = static("rtl/lib", (".sv",)), emit_rtl(tiny_design())
    copied = {path.removeprefix("lib/") for path in made if path.startswith("lib/")}
    instantiated = {
        f"{module}.sv"
        for path, content in made.items()
        if path.endswith(".sv")
        for module in re.findall(r"^ *(g2h_\w+) (?:#\(|u_)", content.decode(), re.MULTILINE)
    }
    assert copied == instantiated
    assert all(made[f"lib/{name}"] == library[name] for name in copied)
    assert {"g2h_mac.sv", "g2h_wsrc_raw.sv"} <= copied and not {"g2h_skip_fetch.sv", "g2h_wsrc_ternary.sv"} & copied
    assert made["tiny.f"].decode().split()[: len(copied)] == sorted(f"lib/{name}" for name in copied)
