"""Golden model and emitted C++ of designs whose queues and maps wait in external memory, at emitted depths."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from gan2hls.emit.bench import emit_bench
from gan2hls.emit.hls import held
from gan2hls.emit.hls.depths import ring_programs
from gan2hls.hardware import Design, Folding
from gan2hls.hardware.queues import with_endless_queues, with_queues
from gan2hls.kinds.add import IntAdd
from gan2hls.model.golden import Golden
from gan2hls.verify import csim, run_hls
from gan2hls.verify.csim import CsimResult, ap_types_folder, check_csim
from tests.cosim.hls_chains import QUICK, write_hls
from tests.random_integer_graphs import Graph, maps_away, norm_design, random_graph_design, u_net_design
from tests.randomized import conv, design, linear_layer, random_inputs, random_off_chip
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

#: Flags of the tests: with exact widths, or the flat region.
EXACT, FLAT = ("-DGAN2HLS_EXACT_WIDTHS",), ("-DGAN2HLS_FLAT",)


@pytest.fixture(autouse=True)
def _needs_ap_types() -> None:
    pytest.importorskip("hls4ml")


def skip_design(size: int) -> Design:
    """A convolution and what skips it: of a frame, far fewer words wait than it has."""
    rng = np.random.default_rng(0)
    graph = Graph(rng, {"x0": (size, size, 4)})
    graph.keep(linear_layer(rng, "l0", "x0", conv((size, size), 4, 4, k=7, p=3), graph.types["x0"]))
    graph.stream(IntAdd((1, 1)), ("l0", "x0"), (size, size, 4))
    made = design(graph.model("skip", ("l1",)), (Folding(4, 4, 4), Folding(4, 4, 4)))
    return maps_away(with_queues(with_endless_queues(made)), 32)


def run(made: Design, folder: Path, changes: dict[str, tuple[bytes, bytes]] | None = None) -> CsimResult:
    """Run two frames and more through every engine and through the core."""
    codes = random_inputs(np.random.default_rng(6), made.model, 3)
    result = check_csim(write_hls(made, folder, changes), made, codes, folder / "work")
    assert (folder / "work" / "bounded").exists()
    return result


def passes(made: Design, folder: Path) -> None:
    result = run(made, folder)
    assert (result.status, result.mismatches) == ("passed", 0), result


@pytest.mark.parametrize(("bus_bits", "size", "flags"), sampled([(128, 8, FLAT), (32, 16, ())], 1))
def test_skips_of_a_u_net(
    bus_bits: int, size: int, flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    passes(maps_away(u_net_design(0, size), bus_bits), tmp_path)


@pytest.mark.parametrize(
    ("shape", "groups", "lanes", "by_pixel", "bus_bits"),
    [((29, 29, 2), 2, 2, False, 64), ((16, 48, 6), 1, 3, False, 32), ((6, 5, 12), 3, 2, True, 64)],
)
def test_map_of_a_normalization(
    shape: tuple[int, int, int], groups: int, lanes: int, by_pixel: bool, bus_bits: int, tmp_path: Path
) -> None:
    """A map that is a frame and fills no whole bursts, and maps of a pixel, several of them a burst."""
    passes(maps_away(norm_design(shape, groups, lanes, by_pixel=by_pixel), bus_bits), tmp_path)


@pytest.mark.parametrize(("seed", "flags"), sampled([(14, FLAT), (9, EXACT)], 1))
def test_random_graphs(seed: int, flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Queues of two words and maps of a few beats."""
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    passes(maps_away(random_graph_design(seed, norms=True), (32, 64)[seed % 2]), tmp_path)


def test_weights_and_maps(tmp_path: Path) -> None:
    """Pointers to the image and pointers to rings, in one engine's arguments too."""
    made = maps_away(random_off_chip(np.random.default_rng(5), u_net_design(2), 64, part=1.0), 64)
    assert made.memory is not None and made.memory.regions and made.memory.rings
    passes(made, tmp_path)


LAYER, LIBRARY = "layers/l1.hpp", "lib/ring.hpp"
#: What is wrong of a ring, and what tells.
WRONG = {
    "takes too little first": (
        {LAYER: (b"GIVES[7] = {\n    1, 1, 2,", b"GIVES[7] = {\n    3, 1, 0,")}, "core: deadlock: from_x0_1 is full",
    ),
    "gives a burst before it is written": (
        {LAYER: (b"GIVES[7] = {\n    1, 1, 2, 1, 7, 1, 2,", b"GIVES[7] = {\n    1, 1, 2, 1, 9, 1, 0,")}, "l1: ",
    ),
    "leaves its places": ({LIBRARY: (b"write.word();", b"write.word() + 36 * P::SLOT;")}, "ring_l1_1 was left"),
    "reads another place": ({LIBRARY: (b"read.word();", b"read.word() & ~(2 * P::SLOT);")}, "l1: "),
    "places overlap": ({LAYER: (b"SLOT = 16;", b"SLOT = 15;")}, "l1: "),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_found(what: str, tmp_path: Path) -> None:
    made = skip_design(24)
    (program,) = ring_programs(made).values()
    assert program.steps[:3] == ((2, 1, 1), (1, 1, 1), (8, 2, 1))
    changes, told = WRONG[what]
    result = run(made, tmp_path, changes)
    assert result.status == "failed" and told in f"{result.reason} {result.first_mismatch}", result


def test_a_skip(tmp_path: Path) -> None:
    """What the wrong ones are made of."""
    passes(skip_design(24), tmp_path)


def test_statistics_wait_in_as_many_words_as_they_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer the two halves of a normalization wait for each other."""
    made = maps_away(norm_design((6, 5, 12), 3, 2, by_pixel=True), 64)
    monkeypatch.setattr(held, "statistics_depth", lambda *_: 2)
    result = run(made, tmp_path)
    assert result.status == "failed" and "deadlock: " in result.reason and "statistics is full" in result.reason


def write_project(made: Design, folder: Path) -> None:
    codes = random_inputs(np.random.default_rng(6), made.model, 2)
    write_hls(made, folder)
    for path, content in emit_bench(made, Golden(made.model).run(codes)).items():
        target = folder / "testbench" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


@pytest.mark.parametrize("flags", ["-O1", "-O1 -DGAN2HLS_TEST_CORE"])
def test_test_bench(flags: str, tmp_path: Path) -> None:
    write_project(skip_design(24), tmp_path)
    command = ["make", "-C", str(tmp_path / "hls"), "csim", f"AP_TYPES={ap_types_folder()}", f"CXXFLAGS={flags}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0 and "PASSED: 2 frames" in done.stdout, done.stdout + done.stderr


def test_the_bench_behind_dpi(tmp_path: Path) -> None:
    pytest.importorskip("cocotb")
    made = skip_design(24)
    write_project(made, tmp_path)
    result = run_hls(tmp_path, made, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result
    assert result.values > 0
