"""The HLS back end's files, without a compiler: determinism, the feeder's program, C++ rules, hostile names."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gan2hls.base.errors import ConfigError, FoldingError
from gan2hls.emit.hls.feeder import GUARD, feeder_cycles, feeder_program, kept_words
from gan2hls.emit.hls.files import emit_hls
from gan2hls.emit.hls.roms import Rom
from gan2hls.emit.rendering import static
from gan2hls.hardware import Design, Folding, LinearEngine, OffChip
from gan2hls.hardware.groups import legal_pe, legal_simd
from gan2hls.hardware.line_buffer import line_buffer_rows
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.taps import LinearGeometry, conv_axis, conv_transpose_axis
from tests.randomized import chain, conv_transpose, dense, design, linear_layer, tiny_design
from tests.strategies import OnnxConv, convolutions

TEXT = (
    "NAME.hpp", "NAME.cpp", "NAME_tb.cpp", "NAME_csim.cpp", "NAME_dpi.cpp", "run_hls.tcl", "hls_config.cfg", "Makefile",
)  # fmt: skip


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return emit_hls(tiny_design())


def test_every_file_is_there_and_bytes_repeat(files: dict[str, bytes]) -> None:
    assert {name.replace("NAME", "tiny") for name in TEXT} <= files.keys()
    assert {f"layers/{e.layer.name}.hpp" for e in tiny_design().engines} <= files.keys()
    assert {"lib/feeder.hpp", "lib/mac.hpp", "lib/wsrc_raw.hpp", "lib/csim/hls_stream.h"} <= files.keys()
    assert files == emit_hls(tiny_design())
    assert list(files) == sorted(files)


def test_text_is_clean(files: dict[str, bytes]) -> None:
    for path, content in files.items():
        text = content.decode("ascii")
        assert text.endswith("\n") and not text.endswith("\n\n"), path
        assert not re.search(r"[ \t]$", text, re.MULTILINE), path
        if path != "Makefile":
            assert "\t" not in text, path
        assert "\n\n\n" not in text, path
        assert "/work" not in text and "/tmp" not in text and "/home" not in text, path


def test_part_and_clock_reach_both_tool_scripts(files: dict[str, bytes]) -> None:
    for path in ("run_hls.tcl", "hls_config.cfg"):
        assert "xc7z020clg400-1" in files[path].decode()
        assert re.search(r"\b5(ns)?\b", files[path].decode())


def test_weights_stand_apart_from_code(files: dict[str, bytes]) -> None:
    for path, content in files.items():
        if path.startswith("weights/"):
            assert re.fullmatch(r"[-0-9a-fxUL{}, \n()]+", content.decode()), path


@pytest.mark.parametrize("name", ["main", "double", "exp", "gan2hls"])
def test_name_that_cpp_cannot_have(name: str) -> None:
    tiny = tiny_design()
    with pytest.raises(ConfigError, match="cannot be the name"):
        emit_hls(replace(tiny, model=replace(tiny.model, name=name)))


def test_hostile_onnx_name_stays_a_comment() -> None:
    tiny = tiny_design()
    hostile = '../../x"; DROP */ \\\n#error "x"'
    engines = tuple(replace(e, layer=replace(e.layer, source=hostile)) for e in tiny.engines)
    model = replace(tiny.model, layers=tuple(e.layer for e in engines))
    for path, content in emit_hls(Design(model, engines, tiny.part, tiny.clock_ns)).items():
        assert "#error" not in content.decode() and "DROP */" not in content.decode(), path


def test_stream_wider_than_compilers_take() -> None:
    rng = np.random.default_rng(0)
    z = QuantType(IntType(8, signed=True), 1.0)
    model = chain("wide", (1, 1, 4), z, (linear_layer(rng, "l0", "z", dense(4, 256), z),))
    with pytest.raises(FoldingError, match="bits wide"):
        emit_hls(design(model, [Folding(256, 4, 4)]))


def test_rom_takes_the_smallest_native_type() -> None:
    for values, expected in (
        ([0, 255], "uint8_t"),
        ([-1, 127], "int8_t"),
        ([0, 256], "uint16_t"),
        ([-(1 << 40)], "int64_t"),
    ):
        assert Rom("r", np.array(values), "").native == expected
    assert "(-9223372036854775807LL - 1)" in Rom("r", np.array([-(1 << 63)]), "").text


def engine_of(onnx: OnnxConv, extra_rows: int, folding: Folding, off_chip: OffChip | None = None) -> LinearEngine:
    rng = np.random.default_rng(0)
    z = QuantType(IntType(8, signed=True), 1.0)
    layer = linear_layer(rng, "l0", "z", onnx.geometry, z)
    model = chain("one", onnx.geometry.in_shape, z, (layer,))
    away = {} if off_chip is None else {"l0": off_chip}
    engine = design(model, [folding], extra_rows=extra_rows, off_chip=away).engines[0]
    assert isinstance(engine, LinearEngine)
    return engine


def replay(engine: LinearEngine) -> None:
    """Run the feeder's program word by word: no word is read before it is there or overwritten while it is needed."""
    y, x = engine.geometry.y, engine.geometry.x
    row_words, slots = engine.loads // y.in_size, engine.rows
    # The input row that each emitted word reads: all folds of a pixel, or of a band of rows, one after the other.
    pixels = [
        [[i for i, _ in y.taps[o] for _ in range(len(x.taps[c]) * engine.ci_folds)] for c in x.outputs]
        for o in y.outputs
    ]
    if engine.off_chip is None:
        reads = [i for row in pixels for pixel in row for i in pixel * engine.co_folds]
    else:
        height = engine.off_chip.band_rows
        bands = [pixels[start : start + height] for start in range(0, len(pixels), height)]
        reads = [i for band in bands for row in band * engine.co_folds for pixel in row for i in pixel]
    slot_row: dict[int, int] = {}
    written: dict[int, int] = {}
    last_read: dict[int, int] = {}
    loaded = emitted = clock = 0
    for segment in feeder_program(engine):
        credit = 0
        for _ in range(segment.cycles):
            if segment.emits:
                row = reads[emitted]
                assert slot_row.get(row % slots) == row, f"row {row} is not there at {clock}"
                assert clock - written[row] >= GUARD, f"row {row} is read {clock - written[row]} after its last word"
                last_read[row % slots] = clock
                emitted += 1
            credit += segment.loads
            if credit >= segment.cycles:
                credit -= segment.cycles
                row = loaded // row_words
                if loaded < kept_words(engine):
                    slot = row % slots
                    assert slot not in last_read or clock - last_read[slot] >= GUARD, f"row {row} comes too early"
                    slot_row[slot], written[row] = row, clock
                loaded += 1
            clock += 1
    assert emitted == engine.mac_cycles == len(reads)
    assert loaded == engine.loads
    assert clock == feeder_cycles(engine)


@settings(max_examples=120, deadline=None)
@given(convolutions(), st.integers(0, 3), st.data())
def test_feeder_program_keeps_its_invariants(onnx: OnnxConv, extra_rows: int, data: st.DataObject) -> None:
    geometry = onnx.geometry
    assume(geometry.y.count and geometry.x.count)  # an engine without a tap is refused
    pe = data.draw(st.sampled_from(legal_pe(geometry)))
    simd = data.draw(st.sampled_from(legal_simd(geometry, pe)))
    replay(engine_of(onnx, extra_rows, Folding(pe, simd, 1)))


def test_large_feeder_hardly_stalls() -> None:
    """A layer of a DCGAN: nothing but the first rows stands between the feeder and the mac's own cycles."""
    rng = np.random.default_rng(0)
    u = QuantType(IntType(8, signed=False), 1.0)
    geometry = conv_transpose((16, 16), 32, 16)
    model = chain("one", geometry.in_shape, u, (linear_layer(rng, "l0", "z", geometry, u),))
    engine = design(model, [Folding(4, 8, 1)]).engines[0]
    first = 2 * engine.loads // 16
    assert engine.mac_cycles <= feeder_cycles(engine) <= engine.mac_cycles + first + 6 * GUARD


@pytest.mark.parametrize("simd", [1, 2, 4])
@pytest.mark.parametrize("transposed", [False, True])
def test_rows_of_one_pixel_hardly_stall(transposed: bool, simd: int) -> None:
    """A signal that stands on end: rows that are done sooner than a word may follow another one are a step together."""
    one = conv_axis(1, 1, 1, 1, (0, 0))
    y = conv_transpose_axis(60, 5, 2, 1, 2, 120) if transposed else conv_axis(120, 3, 1, 1, (1, 1))
    rng = np.random.default_rng(0)
    u = QuantType(IntType(8, signed=False), 1.0)
    geometry = LinearGeometry(y, one, 4, 2, transposed=transposed)
    layer = linear_layer(rng, "l0", "z", geometry, u)
    folding = Folding(2, simd, 1)
    rows = line_buffer_rows(layer, folding)
    made = design(chain("one", geometry.in_shape, u, (layer,)), [folding])
    engine = replace(made.engines[0], rows=rows)
    assert isinstance(engine, LinearEngine)
    replay(engine)
    first = rows * engine.loads // y.in_size
    assert engine.mac_cycles <= feeder_cycles(engine) <= engine.mac_cycles + first + GUARD
    assert rows < y.in_size // 2


def test_only_headers_that_are_included_are_copied_and_unchanged(files: dict[str, bytes]) -> None:
    library = static("hls/lib", (".hpp",))
    copied = {path.removeprefix("lib/") for path in files if re.fullmatch(r"lib/\w+\.hpp", path)}
    included = {
        name for content in files.values() for name in re.findall(r'#include "(?:.*/)?(\w+\.hpp)"', content.decode())
    }
    assert copied == included & library.keys()
    assert all(files[f"lib/{name}"] == library[name] for name in copied)
    assert {"feeder.hpp", "wsrc_raw.hpp"} <= copied and not {"skip_feeder.hpp", "wsrc_ternary.hpp"} & copied
