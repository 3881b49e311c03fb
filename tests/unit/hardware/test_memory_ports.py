"""Several ports to external memory: what goes through which, what the search counts with, and what saves it."""

from __future__ import annotations

import io
from dataclasses import replace
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import gan2hls
from gan2hls.base.errors import ConfigError, FoldingError
from gan2hls.cli.tables import show_report
from gan2hls.fabric import Resources, overall
from gan2hls.flow.saved_design import dump_design, load_design
from gan2hls.hardware import Design, Folding, design_resources, estimate
from gan2hls.hardware.budget import MemoryPort, Target
from gan2hls.hardware.cycles import port_cycles
from gan2hls.hardware.option import Option
from gan2hls.hardware.packing import most_loaded, packed
from gan2hls.hardware.schedule import schedule
from gan2hls.hardware.search import Choices, taken_by
from gan2hls.model import IntegerModel
from gan2hls.numbers import IntType, QuantType
from tests.random_integer_graphs import maps_away, u_net_design
from tests.randomized import chain, conv, dense, linear_layer, off_chip_design
from tests.sampling import sampled

MODEL = Path(__file__).parents[3] / "models" / "dcgan_mnist32.onnx"
INT8 = QuantType(IntType(8, signed=True), 1.0)


def best(loads: list[int], ports: int) -> int:
    """The least that the port with most of ``loads`` can carry, of all ways to share them."""
    ways = product(range(ports), repeat=len(loads))
    return min(
        max(sum(load for load, at in zip(loads, way, strict=True) if at == port) for port in range(ports))
        for way in ways
    )


@pytest.mark.parametrize("seed", range(20))
def test_ports_carry_about_as_much(seed: int) -> None:
    rng = np.random.default_rng(seed)
    loads, ports = rng.integers(0, 50, int(rng.integers(3, 8))).tolist(), int(rng.integers(1, 4))
    found = packed(loads, ports)
    assert sorted(n for port in found for n in port) == list(range(len(loads)))
    assert len(found) == ports and all(found)
    most = max(sum(loads[n] for n in port) for port in found)
    assert best(loads, ports) <= most <= 4 / 3 * best(loads, ports)
    assert most_loaded(loads, ports) == most


def test_few_loads_have_a_port_each() -> None:
    assert most_loaded([], 2) == 0 and most_loaded([0, 7, 0], 2) == 7 and most_loaded([5, 7], 4) == 7


def test_everything_is_reached_through_one_port() -> None:
    alone = off_chip_design()
    for ports in (1, 2, 3, 4):
        made = replace(alone, memory_ports=ports)
        memory = made.memory
        assert memory is not None and len(memory.ports) == min(ports, 3)
        assert [port.axi for port in memory.ports] == (
            ["m_axi"] if ports == 1 else ["m_axi_0", "m_axi_1", "m_axi_2"][:ports]
        )
        assert sorted(region for port in memory.ports for region in [r.offset for r in port.regions]) == [
            region.offset for region in memory.regions
        ]
        assert sum(port.read_beats for port in memory.ports) * memory.bus_bits // 8 == memory.frame_bytes
        assert port_cycles(made) >= max(port.read_beats for port in memory.ports)
    assert port_cycles(replace(alone, memory_ports=2)) < port_cycles(alone)


def test_rings_are_written_and_read_through_one_port() -> None:
    made = replace(maps_away(u_net_design(1, 8), 64), memory_ports=2)
    memory = made.memory
    assert memory is not None and not memory.regions
    first, second = memory.ports
    assert {ring.name for ring in first.rings} | {ring.name for ring in second.rings} == {r.name for r in memory.rings}
    assert not {ring.name for ring in first.rings} & {ring.name for ring in second.rings}
    assert first.read_beats + second.read_beats == memory.ring_bytes * 8 // 64


def test_each_port_has_a_reader_and_where_there_are_rings_a_writer() -> None:
    def more(made: Design) -> Resources:
        return design_resources(replace(made, memory_ports=2)) - design_resources(made)

    weights, rings = more(off_chip_design()), more(maps_away(u_net_design(1, 8), 64))
    assert 50 < weights.lut < 150 and 50 < weights.ff < 150, "a reader"
    assert weights.lut + 90 < rings.lut and weights.ff + 90 < rings.ff, "and a writer"
    assert weights.dsp == weights.bram18 == rings.dsp == rings.bram18 == 0


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("ports", [1, 2, 3])
def test_the_fastest_is_that_of_all_choices_that_ports_carry(seed: int, ports: int) -> None:
    """Of each layer one port carries all bytes."""
    rng = np.random.default_rng(seed)
    options = {}
    for n in range(3):
        lanes, spent = rng.integers(1, 9, 8).tolist(), rng.integers(0, 2000, 8).tolist()
        made = [
            Option(Folding(count, 1, 1), 720 // count, Resources(count, 50 * count), 0, 0, False, bus_bytes=load)
            for count, load in zip(lanes, spent, strict=True)
        ]
        options[f"l{n}"] = tuple(sorted(made, key=lambda option: option.rank))
    budget, rate = Resources(int(rng.integers(9, 24)), 2000), float(rng.choice([1.0, 2.0, 6.5]))
    choices = Choices(options, rate, ports=ports)
    paces = []
    for chosen in product(*options.values()):
        pace = max(option.interval for option in chosen)
        carried = next(
            (t for t in choices.intervals if t >= pace and best([o.bus_bytes for o in chosen], ports) <= t * rate), None
        )
        if overall(option.taken for option in chosen).within(budget) and carried is not None:
            paces.append(carried)
    found = choices.fastest(budget)
    if found is None:
        assert not paces
        return
    assert taken_by(found).within(budget)
    reached = next(t for t in choices.intervals if t >= choices.pace(found) and choices.carries(found, t))
    assert best([option.bus_bytes for option in found.values()], ports) <= reached * rate
    assert reached <= 1.34 * min(paces)


def test_two_of_three_layers_share_a_port() -> None:
    """All ports together carry what they read, but each layer has one of them."""
    one = Option(Folding(1, 1, 1), 100, Resources(1, 50), 0, 0, False, bus_bytes=100)
    slow = replace(one, interval=130)
    choices = Choices(dict.fromkeys(("l0", "l1", "l2"), (one, slow)), 1.6, ports=2)
    roomy = Resources(10, 1000)
    assert 3 * one.bus_bytes < 2 * 1.6 * 100 and choices.fitting(100, roomy) is None
    found = choices.fitting(130, roomy)
    assert found is not None and choices.carries(found, 130) and not choices.carries(found, 100)


def narrow() -> IntegerModel:
    """Two layers of 64 KiB of weights each: 20,480 clocks of a port."""
    rng, sizes = np.random.default_rng(0), ((64, 1024), (1024, 64))
    layers = [
        linear_layer(rng, f"l{n}", "z" if n == 0 else "l0", dense(*size), INT8, out=INT8)
        for n, size in enumerate(sizes)
    ]
    return chain("narrow", (1, 1, 64), INT8, layers)


def test_ports_that_a_rate_needs_are_told_and_bring_it() -> None:
    model = narrow()
    fast = Target(fps=200e6 / 12_000, memory=MemoryPort(off_chip=True))
    with pytest.raises(FoldingError) as found:
        schedule(model, fast, {})
    assert "memory.ports: 2: so many ports to external memory are fast enough" in found.value.hint
    made = schedule(model, replace(fast, memory=replace(fast.memory, ports=2)), {})
    assert made.memory is not None and len(made.memory.ports) == 2
    assert estimate(made).interval <= 12_000


def test_more_ports_than_needed_cost_a_reader_each_and_no_bytes() -> None:
    """Bands stay as high as with one port, where that is fast enough; others take some of the streams."""
    rng, layers = np.random.default_rng(0), []
    for n, given in enumerate(("z", "l0")):
        layers.append(linear_layer(rng, f"l{n}", given, conv((8, 8), 32, 32), INT8, out=INT8))
    model = chain("banded", (8, 8, 32), INT8, layers)
    target = Target(dsp=140, memory=MemoryPort(off_chip=True, entropy=False))
    one, four = (schedule(model, replace(target, memory=replace(target.memory, ports=n)), {}) for n in (1, 4))
    assert one.memory is not None and four.memory is not None
    assert (len(one.memory.ports), len(four.memory.ports)) == (1, 2)
    assert [e.folding for e in one.engines] == [e.folding for e in four.engines]
    assert one.memory.frame_bytes == four.memory.frame_bytes
    assert estimate(four).interval == estimate(one).interval


def test_a_rate_that_fewer_ports_do_not_reach_is_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """To plan with fewer of them is tried, and may end in an error."""
    schedules, planned = import_module("gan2hls.hardware.within_budget"), []

    def at_widths(model: IntegerModel, target: Target, *others: Any) -> object:
        planned.append(target.memory.planned)
        if target.memory.planned is not None:
            raise FoldingError("too fast", hint="")
        return real(model, target, *others)

    real = schedules._at_widths
    monkeypatch.setattr(schedules, "_at_widths", at_widths)
    made = schedule(narrow(), Target(fps=200e6 / 12_000, memory=MemoryPort(off_chip=True, ports=3)), {})
    assert planned == [None, 1, 2] and estimate(made).interval <= 12_000


def test_a_layer_has_one_port() -> None:
    """Four ports are no better than two where there are two layers: only a wider one is."""
    model = narrow()
    faster = Target(fps=200e6 / 9_000, memory=MemoryPort(off_chip=True, ports=2))
    with pytest.raises(FoldingError, match="more bytes than its ports to external memory carry") as found:
        schedule(model, faster, {})
    assert "memory.ports" not in found.value.hint and "memory.port_bits: 128" in found.value.hint
    wide = replace(faster, memory=replace(faster.memory, bits=128))
    assert estimate(schedule(model, wide, {})).interval <= 9_000


def test_a_saved_design_has_its_ports() -> None:
    made = replace(off_chip_design(), memory_ports=2)
    (content,) = dump_design(made).values()
    again = load_design(made.model, content)
    assert again.memory is not None and made.memory is not None
    assert again.memory.ports == made.memory.ports and again.memory_ports == 2


@pytest.mark.slow
@pytest.mark.parametrize("gbps", sampled([0.3, None], 1))
def test_a_port_that_is_too_slow_is_told_in_a_build(gbps: float | None, tmp_path: Path) -> None:
    """Of a model that fits the part; what the error names is enough."""
    fps = 7500 if gbps is None else 2000
    config: dict[str, Any] = {"target": {"fps": fps}, "verify": {"steps": []}}
    memory = {"weights": "off_chip", "port_bits": 64 if gbps is None else 32, "bandwidth_gbps": gbps}
    with pytest.raises(FoldingError, match="more bytes than its ports to external memory carry") as found:
        gan2hls.build(MODEL, config={**config, "memory": memory}, output=tmp_path / "one")
    assert not (tmp_path / "one").exists()
    assert " 0 bytes a frame" not in found.value.hint and found.value.hint.endswith("which is slower than asked")
    (way,) = [line for line in found.value.hint.splitlines() if "memory.ports: " in line]
    more = {**memory, "ports": int(way.split("memory.ports: ")[1].split(":")[0])}
    made = gan2hls.build(MODEL, config={**config, "memory": more}, output=tmp_path / "more", stop="schedule")
    assert made.design is not None and estimate(made.design).interval <= 200e6 / fps


def test_a_slow_port_is_let_pass_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = {"target": {"fps": 7500, "oversize": True}, "memory": {"weights": "off_chip"}, "verify": {"steps": []}}
    with caplog.at_level("WARNING"):
        made = gan2hls.build(MODEL, config=config, output=tmp_path, stop="schedule")
    assert made.design is not None
    assert f"{int(200e6 / estimate(made.design).interval)} frames/s instead of 7500" in caplog.text
    assert caplog.text.rstrip().endswith("target.oversize lets it pass")


@pytest.mark.slow
def test_a_memory_that_brings_next_to_nothing_is_refused_without_a_rate_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config: dict[str, Any] = {"memory": {"weights": "off_chip", "bandwidth_gbps": 1e-6}, "verify": {"steps": []}}
    with pytest.raises(FoldingError, match="the smallest folding needs more bytes than its ports"):
        gan2hls.build(MODEL, config=config, output=tmp_path, stop="schedule")
    with caplog.at_level("WARNING"):
        gan2hls.build(MODEL, config={**config, "target": {"oversize": True}}, output=tmp_path, stop="schedule")
    assert "GB/s of external memory that brings 1e-06; target.oversize lets it pass" in caplog.text


def test_a_project_says_what_goes_through_which_port(tmp_path: Path) -> None:
    config = {"memory": {"weights": "off_chip", "ports": 2}, "verify": {"steps": []}}
    made = gan2hls.build(MODEL.with_name("tiny_dcgan.onnx"), config=config, output=tmp_path)
    assert made.path is not None and made.report is not None and made.report.memory is not None
    assert made.design is not None and made.design.memory is not None and made.report.memory.ports == 2
    ports = {region.offset: n for n, port in enumerate(made.design.memory.ports) for region in port.regions}
    assert {region.offset: region.port for region in made.report.memory.regions} == ports
    readme = (made.path / "README.md").read_text()
    for region in made.report.memory.regions:
        row = region.layer, region.stream, region.offset, region.bytes, region.passes, region.coding, region.port
        assert f"| {' | '.join(map(str, row))} |\n" in readme
    assert "`m_axi_0` to `m_axi_1`, of 64 bits each" in readme
    assert "foreach port {m_axi_0 m_axi_1} {" in (made.path / "rtl" / "vivado.tcl").read_text()
    screen = Console(width=200, record=True, file=io.StringIO())
    show_report(screen, made.report)
    assert "bytes a frame through 2 ports of 64 bits" in screen.export_text()


def test_ports_cannot_change_once_there_is_a_design(tmp_path: Path) -> None:
    config = {"memory": {"weights": "off_chip", "ports": 2}, "verify": {"steps": []}}
    made = gan2hls.build(MODEL.with_name("tiny_dcgan.onnx"), config=config, output=tmp_path)
    assert made.path is not None
    other = {"memory": {"weights": "off_chip", "ports": 3}, "verify": {"steps": []}}
    with pytest.raises(ConfigError, match="cannot change in a build from emit") as found:
        gan2hls.build(made.path, config=other, start="emit", output=tmp_path, replace=True)
    assert "--from schedule" in found.value.hint
