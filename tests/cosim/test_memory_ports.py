"""Several ports to external memory: RTL == golden model, pace, who reads through which, and faults."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import Design, LinearEngine, OffChip, estimate, make_engine
from gan2hls.hardware.cycles import port_cycles
from gan2hls.verify import run_rtl
from tests.cosim.rtl_bench import Bench, lint, write_rtl
from tests.cosim.test_off_chip_campaign import campaign
from tests.cosim.test_ports import write_project
from tests.random_integer_graphs import maps_away, u_net_design
from tests.randomized import coded_chain, design, tiny_design
from tests.sampling import sampled

pytestmark = pytest.mark.cosim


def check(made: Design, folder: Path) -> Bench:
    """Run with waits everywhere, and through resets while bursts are on their way at all ports."""
    bench = Bench(made, folder)
    assert lint(made, folder / "rtl") == ""
    bench.run(3, seed=1, idle=40, stall=40, memory=(60, 50))
    bench.run(2, seed=2, stall=10, memory=(3, 20), reset_at=211)
    bench.run(2, seed=3, idle=10, memory=(90, 0), reset_at=97)
    return bench


def tiny(ports: int, bus_bits: int = 32) -> Design:
    """Three engines, all weights off chip, and a port that alone carries a frame in more clocks than its MACs take."""
    made = tiny_design()
    away = {engine.layer.name: OffChip(1, bus_bits) for engine in made.engines}
    made = design(made.model, [engine.folding for engine in made.engines], off_chip=away)
    return replace(made, memory_ports=ports)


@pytest.mark.parametrize(("ports", "latency"), [(2, 8), (3, 40)])
def test_a_frame_comes_through_all_ports_at_once(ports: int, latency: int, tmp_path: Path) -> None:
    alone, made = tiny(1), tiny(ports)
    assert made.memory is not None and len(made.memory.ports) == ports
    assert port_cycles(alone) > port_cycles(made) >= made.interval_limit
    bench = check(made, tmp_path)
    bench.check_cycles(latency)
    assert bench.interval() == estimate(made).interval < estimate(alone).interval


def test_decoders_of_a_layer_read_through_different_ports(tmp_path: Path) -> None:
    made = replace(coded_chain(np.random.default_rng(1), 32, 4), memory_ports=3)
    assert made.memory is not None
    ports = [{region.layer for region in port.regions} for port in made.memory.ports]
    assert any(layers & other for layers in ports for other in ports if other is not layers)
    check(made, tmp_path).check_cycles()
    text = (tmp_path / "rtl" / f"{made.name}.sv").read_text()
    assert "m_axi_2_araddr" in text and "m_axi_3" not in text and "m_axi_0_awaddr" not in text
    assert "{w2_beats[" in text


@pytest.mark.parametrize("name", ["w", "b", "w0", "primed"])
def test_an_input_may_be_called_as_wires_of_a_port_are(name: str, tmp_path: Path) -> None:
    made = tiny(1 if name == "w" else 2)
    given, first = made.model.inputs[0], made.model.layers[0]
    layers = (replace(first, inputs=(name,)), *made.model.layers[1:])
    model = replace(made.model, inputs=(replace(given, name=name),), layers=layers)
    away = {engine.layer.name: OffChip(1, 32) for engine in made.engines}
    named = design(model, [engine.folding for engine in made.engines], off_chip=away)
    write_rtl(replace(named, memory_ports=made.memory_ports), tmp_path)
    assert lint(named, tmp_path / "rtl") == ""


@pytest.mark.parametrize("seed", sampled([31, 51, 17], 1))
def test_random_designs(seed: int, tmp_path: Path) -> None:
    made = replace(campaign(seed), memory_ports=2 + seed % 3)
    assert made.memory is not None and len(made.memory.ports) > 1
    check(made, tmp_path).check_cycles(seed)


def shared_by_weights_and_maps(ports: int) -> Design:
    made = maps_away(u_net_design(1, 8), 64)
    engines = tuple(
        make_engine(e.layer, e.folding, off_chip=OffChip(1, 64)) if isinstance(e, LinearEngine) and n in (1, 3) else e
        for n, e in enumerate(made.engines)
    )
    return replace(made, engines=engines, memory_ports=ports)


@pytest.fixture(scope="module")
def mixed_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(shared_by_weights_and_maps(3), tmp_path_factory.mktemp("mixed"))


def test_weights_and_maps_go_through_all_ports(mixed_bench: Bench) -> None:
    made, folder = mixed_bench.design, mixed_bench.folder
    assert made.memory is not None and len(made.memory.ports) == 3
    assert lint(made, folder / "rtl") == ""
    mixed_bench.check_cycles(5)
    mixed_bench.run(3, seed=1, idle=40, stall=40, memory=(60, 50))
    mixed_bench.run(2, seed=2, stall=10, memory=(3, 20), reset_at=211)
    mixed_bench.run(2, seed=3, idle=10, memory=(90, 0), reset_at=97)
    counts = [(mixed_bench.run(n).memory_beats, int((folder / "memory.txt").read_text().split()[2])) for n in (4, 24)]
    read, written = (many - few for few, many in zip(*counts, strict=True))
    assert written == 20 * made.memory.ring_bytes * 8 // 64
    ahead = len(made.memory.regions) * made.memory.queue_beats + sum(2 * r.beats for r in made.memory.regions)
    assert abs(read - written - 20 * made.memory.weight_bytes * 8 // 64) <= ahead


@pytest.mark.parametrize("error_at", sampled([1, 2, 9, 60, 61, 62, 63], (1, 9, 62)))
def test_an_error_at_any_port_is_told_and_nothing_wrong_leaves(error_at: int, mixed_bench: Bench) -> None:
    beats, told = mixed_bench.beats_before_error(error_at)
    assert told > 0
    assert beats < 2 * mixed_bench.design.outputs[0].beats


def test_bench_of_a_project(tmp_path: Path) -> None:
    """Its simulator is compiled file by file, with headers precompiled, as those of many layers are."""
    pytest.importorskip("cocotb")
    made = shared_by_weights_and_maps(3)
    assert made.memory is not None
    write_project(made, tmp_path, frames=2)
    run = tmp_path / "testbench" / "run.py"
    run.write_text(re.sub(r"MOST_LAYERS_IN_ONE_FILE = \d+", "MOST_LAYERS_IN_ONE_FILE = 0", run.read_text()))
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.image").write_bytes(made.memory.image())
    result = run_rtl(tmp_path, made, tmp_path / "work")
    assert result.status == "passed", result.reason
    assert result.measurements.interval_cycles == estimate(made).interval
    assert list((tmp_path / "work").rglob("*.gch"))
