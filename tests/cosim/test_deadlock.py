"""Deadlock of emitted C++: C simulation on streams of the emitted lengths, beside the order that the model knows."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.base import VerificationError
from gan2hls.emit.hls import files, held
from gan2hls.emit.hls.depths import LEAST_WORDS, deadlock, least_depths, with_depths
from gan2hls.emit.hls.feeder import Segment
from gan2hls.emit.hls.hold import Hold
from gan2hls.emit.hls.top import TopRegion, top_region
from gan2hls.hardware import Design
from gan2hls.model.golden import Golden
from gan2hls.verify import csim
from gan2hls.verify.csim import check_csim, compile_csim, run_outputs
from tests.cosim.hls_chains import QUICK, write_hls
from tests.random_integer_graphs import norm_design, random_graph_design, u_net_design
from tests.randomized import random_inputs, random_off_chip
from tests.sampling import sampled
from tests.shared_engines import behind_itself, residual_model, shared_design

pytestmark = pytest.mark.cosim

FLAT = "-DGAN2HLS_FLAT"


@pytest.fixture(autouse=True)
def _headers() -> None:
    pytest.importorskip("hls4ml")


def run_core(design: Design, region: TopRegion, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check the outputs of the core, whose streams and holds are those of ``region``.

    Raises:
        VerificationError: it does not come to its end.
    """
    monkeypatch.setattr(files, "with_depths", lambda *_: region)
    hls = write_hls(design, folder)
    text = (hls / f"{design.name}.cpp").read_text()
    assert all(f"STREAM variable={link.name} depth={link.depth}\n" in text for link in region.links)
    codes = random_inputs(np.random.default_rng(6), design.model, 2)
    found, golden = run_outputs(folder, design, folder / "work", codes), Golden(design.model).run(codes)
    for name, got in found.items():
        np.testing.assert_array_equal(got, golden[name])


@pytest.mark.parametrize(("seed", "flags"), sampled([(0, ()), (11, (FLAT,)), (4, (FLAT,)), (7, ())], 2))
def test_graphs_end_at_their_emitted_depths(
    seed: int, flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    made = random_graph_design(seed)
    codes = random_inputs(np.random.default_rng(6), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result
    assert (tmp_path / "work" / "bounded" / f"{made.name}.cpp").exists()


@pytest.mark.parametrize("flags", sampled([((FLAT,),), ((),)], 1))
def test_a_u_net(flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    made = u_net_design(2)
    codes = random_inputs(np.random.default_rng(6), made.model, 2)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


@pytest.mark.parametrize(
    ("seed", "layers", "bus_bits"), sampled([(5, 6, 64), (1, 5, 0), (9, 5, 0), (4, 8, 0), (19, 6, 64)], 1), ids=str
)
def test_least_depths_are_least_in_the_c_too(
    seed: int, layers: int, bus_bits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With them it ends, with one word less it does not; which edges are full and empty the model says, too."""
    made = random_graph_design(seed, layers)
    if bus_bits:
        made = random_off_chip(np.random.default_rng(seed), made, bus_bits, part=1.0)
        assert made.memory is not None and any(region.passes > 1 for region in made.memory.regions)
    region = top_region(made)
    least = dict.fromkeys(region.names, LEAST_WORDS) | least_depths(made, region)
    run_core(made, _at(region, least), tmp_path / "least", monkeypatch)
    name = max(least, key=lambda name: least[name])
    assert least[name] > LEAST_WORDS
    _check_stuck(made, _at(region, {**least, name: least[name] - 1}), tmp_path / "shorter", monkeypatch)


def test_a_depth_that_is_lowered_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = random_graph_design(4, 5, (9, 12))
    region = with_depths(made, top_region(made))
    depths = {link.name: link.depth for link in region.links}
    name = max(depths, key=lambda name: depths[name])
    stuck = _check_stuck(made, _at(region, {**depths, name: 8}), tmp_path, monkeypatch)
    assert f"{name} is full" in stuck


def test_an_engine_that_is_behind_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two layers that take turns at one engine: all streams of the circle are full."""
    made = behind_itself()
    region = with_depths(made, top_region(made))
    stuck = _check_stuck(made, _at(region, {link.name: 4 for link in region.links}), tmp_path, monkeypatch)
    assert stuck == "deadlock: from_l0 is full"


def test_engines_that_run_alone_leave_the_core_its_depths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams of engines alone are longer than emitted; those of the core, later in the same run, are not."""
    made = random_graph_design(4, 5, (9, 12))
    region = with_depths(made, top_region(made))
    depths = {link.name: link.depth for link in region.links}
    name = max(depths, key=lambda name: depths[name])
    short = _at(region, {**depths, name: 8})
    monkeypatch.setattr(files, "with_depths", lambda *_: short)
    codes = random_inputs(np.random.default_rng(6), made.model, 1)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert result.status == "failed"
    assert result.reason.startswith("core: deadlock: ") and f"{name} is full" in result.reason


def test_a_hold_that_takes_too_little_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, FLAT))
    made = random_graph_design(13, 5)
    region = with_depths(made, top_region(made))
    longest = max(region.links, key=lambda link: link.hold.words if link.hold else 0)
    lazy = Hold((Segment(2, 2, emits=False), Segment(longest.beats, longest.beats - 2, emits=True)))
    links = tuple(replace(link, hold=lazy) if link is longest else link for link in region.links)
    stuck = _check_stuck(made, replace(region, links=links), tmp_path, monkeypatch, flat=True)
    assert f"{longest.held} is full" in stuck


@pytest.mark.parametrize("flags", [(), (FLAT,)])
@pytest.mark.parametrize(
    ("shape", "groups", "lanes", "by_pixel"), [((6, 5, 12), 12, 2, False), ((6, 5, 12), 3, 2, True)]
)
def test_a_normalization(
    shape: tuple[int, int, int],
    groups: int,
    lanes: int,
    by_pixel: bool,
    flags: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a map whose statistics are many words, and of maps of a few beats."""
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    made = norm_design(shape, groups, lanes, by_pixel=by_pixel)
    run_core(made, top_region(made), tmp_path, monkeypatch)
    text = (tmp_path / "work" / "bounded" / f"{made.name}.cpp").read_text()
    assert "gan2hls::hold<layer_l0::config_map>(l0_map, l0_held_map_segments, l0_held_map);" in text


def test_a_map_that_is_too_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "_AHEAD_BEATS", -20)
    made = norm_design((6, 5, 12), 12, 2)
    with pytest.raises(VerificationError, match=r"deadlock: .*l0\.map is full"):
        run_core(made, top_region(made), tmp_path, monkeypatch)


def test_a_hold_of_a_map_that_gives_too_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reader waits for statistics that the beats behind it make."""
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, FLAT))
    early = Hold((Segment(150, 150, emits=False), Segment(30, 30, emits=True), Segment(150, 0, emits=True)))
    monkeypatch.setattr(held, "map_hold", lambda *_: early)
    made = norm_design((6, 5, 12), 12, 2)
    with pytest.raises(VerificationError, match=r"deadlock: .*is full"):
        run_core(made, top_region(made), tmp_path, monkeypatch)


def _at(region: TopRegion, depths: dict[str, int]) -> TopRegion:
    return replace(region, links=tuple(replace(link, depth=depths[link.name]) for link in region.links))


def _check_stuck(
    design: Design, region: TopRegion, folder: Path, monkeypatch: pytest.MonkeyPatch, *, flat: bool = False
) -> str:
    """Check that model and C++ find the same deadlock, and return it."""
    found = deadlock(design, region, flat=flat)
    assert found is not None
    with pytest.raises(VerificationError) as raised:
        run_core(design, region, folder, monkeypatch)
    assert (raised.value.where, raised.value.message) == ("core", found.told(region.names))
    return raised.value.message


def test_a_process_that_asks_for_too_much_is_found(tmp_path: Path) -> None:
    made = random_graph_design(0, 3)
    (first, *_) = (engine.layer.name for engine in made.engines)
    change = re.search(rb"REQUANT_BEATS = (\d+);", _layer_text(made, first, tmp_path / "plain"))
    assert change is not None
    more = b"REQUANT_BEATS = %d;" % (int(change[1]) + 1)
    hls = write_hls(made, tmp_path, {f"layers/{first}.hpp": (change[0], more)})
    codes = random_inputs(np.random.default_rng(6), made.model, 1)
    result = check_csim(hls, made, codes, tmp_path / "work")
    assert result.status == "failed"
    assert f"{first}: deadlock: " in result.reason and "at its other end is done" in result.reason


def _layer_text(design: Design, layer: str, folder: Path) -> bytes:
    return (write_hls(design, folder) / "layers" / f"{layer}.hpp").read_bytes()


def test_both_modes_agree(tmp_path: Path) -> None:
    made = random_graph_design(8, 5)
    hls = write_hls(made, tmp_path)
    compile_csim(hls, made, tmp_path / "endless", QUICK, bounded=False)
    assert not (tmp_path / "endless" / "bounded").exists()
    compile_csim(hls, made, tmp_path / "side", QUICK, bounded=True)
    codes = random_inputs(np.random.default_rng(6), made.model, 2)
    golden = Golden(made.model).run(codes)
    for folder in ("endless", "side"):
        executable = tmp_path / folder / f"{made.name}_csim"
        found = csim._run_steps(executable, hls, made, golden, tmp_path / folder, csim.Frames.ALL)
        outputs = csim.core_outputs(made)
        for key, got in found.items():
            np.testing.assert_array_equal(got, golden[outputs.get(key, key)])


@pytest.mark.parametrize(("processors", "batches"), [(2, 2), (4, 4)])
def test_exact_depths_are_tried_in_the_first_frame(
    processors: int, batches: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Side by side with the others, and with layers alone, behind which those come where processors are few."""
    made, called = random_graph_design(8, 5), []
    hls, run = write_hls(made, tmp_path), csim._run

    def tell(command: list[str], folder: Path, seconds: int) -> tuple[int, str]:
        called.append([word for word in command if word.startswith(csim.CORE)])
        return run(command, folder, seconds)

    executable = compile_csim(hls, made, tmp_path / "work", QUICK)
    monkeypatch.setattr(csim, "processors", lambda: processors)
    monkeypatch.setattr(csim, "_run", tell)
    codes = random_inputs(np.random.default_rng(6), made.model, 3)
    golden, outputs = Golden(made.model).run(codes), csim.core_outputs(made)
    found = csim._run_steps(executable, hls, made, golden, tmp_path / "work", csim.Frames.ALL)
    for key, got in found.items():
        np.testing.assert_array_equal(got, golden[outputs.get(key, key)])
    core = [words for words in called if words]
    assert len(called) == batches and sorted(word for words in core for word in words) == ["core", "core_long"]
    assert len(core) == 2


@pytest.mark.parametrize("turns", [False, True], ids=["graph", "turns"])
def test_engines_in_units_of_their_own(turns: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    made = shared_design(rng, residual_model(rng, 2)) if turns else random_graph_design(8, 5)
    hls = write_hls(made, tmp_path)
    monkeypatch.setattr(csim, "FLAGS", QUICK)
    monkeypatch.setattr(csim, "unit_count", lambda engines, processors: 2)
    result = check_csim(hls, made, random_inputs(rng, made.model, 3), tmp_path / "work")
    assert result.status == "passed", result.reason
    assert {path.name for path in (tmp_path / "work").glob("*.o")} == {
        f"{made.name}_csim.o",
        "engines_0.o",
        "engines_1.o",
    }
