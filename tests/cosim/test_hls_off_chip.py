"""Golden model and emitted C++ of engines whose weights come from external memory: every codec, band and width."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from gan2hls.emit import IMAGE
from gan2hls.emit.bench import emit_bench
from gan2hls.emit.hls.depths import deadlock, with_depths
from gan2hls.emit.hls.top import top_region
from gan2hls.hardware import Design, LinearEngine, OffChip, legal_band_rows
from gan2hls.model.golden import Golden
from gan2hls.verify import csim, run_hls
from gan2hls.verify.bench import run_bench
from gan2hls.verify.csim import ap_types_folder, check_csim
from tests.cosim.hls_chains import QUICK, random_design, write_hls
from tests.cosim.hls_codecs import KINDS, codec_design
from tests.random_integer_graphs import random_graph_design, u_net_design
from tests.randomized import (
    coded_chain,
    coded_off_chip_design,
    design,
    off_chip_design,
    random_inputs,
    random_off_chip,
    tiny_design,
)
from tests.sampling import sampled

pytestmark = pytest.mark.cosim


@pytest.fixture(autouse=True)
def _needs_ap_types() -> None:
    pytest.importorskip("hls4ml")


def passes(made: Design, tmp_path: Path) -> None:
    codes = random_inputs(np.random.default_rng(1), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


def away(made: Design) -> list[LinearEngine]:
    """The engines of ``made`` whose weights are off chip."""
    return [e for e in made.engines if isinstance(e, LinearEngine) and e.off_chip is not None]


@pytest.mark.parametrize(("bands", "bus"), [((1, 1, 1), 32), ((1, 2, 4), 64), ((1, 4, 2), 128)])
def test_every_band_of_the_tiny_design(bands: tuple[int, ...], bus: int, tmp_path: Path) -> None:
    tiny = tiny_design()
    names = [layer.name for layer in tiny.model.layers]
    off_chip = {name: OffChip(rows, bus) for name, rows in zip(names, bands, strict=True)}
    made = design(tiny.model, [engine.folding for engine in tiny.engines], off_chip=off_chip)
    assert [engine.bands.rows for engine in away(made)] == list(bands)
    passes(made, tmp_path)


@pytest.mark.parametrize(("decoders", "bus"), sampled([(1, 32), (4, 64), (2, 256)], 2))
def test_entropy_codes(decoders: int, bus: int, tmp_path: Path) -> None:
    made = coded_chain(np.random.default_rng(decoders), bus, decoders)
    assert [engine.off_chip.decoders for engine in away(made) if engine.off_chip] == [decoders] * 4
    passes(made, tmp_path)


@pytest.mark.parametrize("kind", sampled(["raw", "codebook5-books", "binary", "ternary", "codebook13"], 2))
def test_codec_in_every_geometry(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(sum(kind.encode()))
    made = random_off_chip(rng, codec_design(rng, KINDS[kind], empties=()), int(rng.choice([32, 64, 128])), part=1.0)
    assert {engine.weights.codec for engine in away(made)} == {KINDS[kind].codec}
    wide = [e for e in made.engines if e.folding.pe * e.folding.simd > 500]
    assert len(away(made)) >= len(made.engines) - len(wide)
    passes(made, tmp_path)


def test_exact_widths_and_flat_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, "-DGAN2HLS_EXACT_WIDTHS", "-DGAN2HLS_FLAT"))
    passes(random_off_chip(np.random.default_rng(9), random_design(9, layers=6), 64, part=1.0), tmp_path)


@pytest.mark.parametrize("made", [random_graph_design(5), u_net_design(2)], ids=lambda made: made.name)
def test_branches_end_at_their_emitted_depths(made: Design, tmp_path: Path) -> None:
    """Processes side by side, on streams as long as in hardware: bands do not wait for each other in a circle."""
    moved = random_off_chip(np.random.default_rng(5), made, 64, part=1.0)
    assert away(moved)
    region = with_depths(moved, top_region(moved))
    assert deadlock(moved, region) is None
    passes(moved, tmp_path)
    assert (tmp_path / "work" / "bounded").exists()


@pytest.mark.parametrize("layer", ["l0_dense", "l1_conv_transpose", "l2_conv"])
def test_flipped_bit_of_the_image_is_found_and_named(layer: str, tmp_path: Path) -> None:
    """Of a word as it is, or of one of the decoders of an entropy code, which takes as many beats all the same."""
    made = coded_off_chip_design()
    hls = write_hls(made, tmp_path)
    flip(tmp_path / IMAGE, made, layer)
    codes = random_inputs(np.random.default_rng(1), made.model, 20)
    result = check_csim(hls, made, codes, tmp_path / "work")
    assert result.status == "failed" and (result.first_mismatch or "").startswith(f"{layer}: frame "), result


def flip(image: Path, made: Design, layer: str) -> None:
    """Flip the top bit of a byte in the middle of the last region of ``layer``."""
    assert made.memory is not None
    region, content = made.memory.regions_of(layer)[-1], bytearray(image.read_bytes())
    content[region.offset + region.size // 2] ^= 0x80
    image.write_bytes(content)


def test_an_image_that_is_cut_or_missing(tmp_path: Path) -> None:
    made = off_chip_design()
    hls, codes = write_hls(made, tmp_path), random_inputs(np.random.default_rng(1), made.model, 1)
    image = tmp_path / IMAGE
    image.write_bytes(image.read_bytes()[:5000])
    result = check_csim(hls, made, codes, tmp_path / "work")
    assert (result.status, "memory.image is too short" in result.reason) == ("failed", True), result
    image.unlink()
    result = check_csim(hls, made, codes, tmp_path / "work")
    assert (result.status, "memory: cannot read" in result.reason) == ("failed", True), result


def write_project(made: Design, folder: Path) -> None:
    """Write C++, memory and benches of ``made``."""
    codes = random_inputs(np.random.default_rng(6), made.model, 3)
    write_hls(made, folder)
    for path, content in emit_bench(made, Golden(made.model).run(codes)).items():
        target = folder / "testbench" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def test_test_bench_reads_the_image(tmp_path: Path) -> None:
    """Both tops pass on golden vectors; with one bit of the image flipped they do not."""
    made = coded_off_chip_design()
    write_project(made, tmp_path)
    command = ["make", "-C", str(tmp_path / "hls"), "csim", f"AP_TYPES={ap_types_folder()}"]
    for flags in ("-O1", "-O1 -DGAN2HLS_TEST_CORE"):
        subprocess.run([*command[:3], "clean"], capture_output=True, check=True, timeout=60)
        good = subprocess.run([*command, f"CXXFLAGS={flags}"], capture_output=True, text=True, check=False, timeout=300)
        assert good.returncode == 0 and "PASSED: 3 frames" in good.stdout, good.stdout + good.stderr
    flip(tmp_path / IMAGE, made, "l2_conv")
    bad = subprocess.run([*command, "CXXFLAGS=-O1"], capture_output=True, text=True, check=False, timeout=300)
    assert bad.returncode != 0 and "FAILED" in bad.stdout, bad.stdout + bad.stderr


def test_the_bench_behind_dpi(tmp_path: Path) -> None:
    """The C++ behind its shell passes the bench of the RTL, and a flipped bit of the image fails it."""
    pytest.importorskip("cocotb")
    made = coded_off_chip_design()
    write_project(made, tmp_path)
    result = run_hls(tmp_path, made, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result
    assert result.values > 0
    flip(tmp_path / IMAGE, made, "l2_conv")
    result = run_bench(tmp_path, "hls", tmp_path / "work", tests=["full_rate"], reuse=True)
    assert result.status == "failed" and result.mismatches > 0, result


def test_bands_are_the_divisors_of_the_rows() -> None:
    """What the designs above draw from."""
    rows = [legal_band_rows(engine.geometry) for engine in away(off_chip_design())]
    assert rows == [(1,), (1, 2, 4), (1, 2, 4)]
