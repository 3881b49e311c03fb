"""Benchmarks are never timed here; they must import, and what they measure must be right."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

import benchmarks
from benchmarks import clocks, golden
from gan2hls.timing import simulate
from tests import clocked

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(benchmarks.__path__)])
def test_modules_import(name: str) -> None:
    importlib.import_module(f"benchmarks.{name}")


def test_both_sides_of_the_clocks_are_alike() -> None:
    net = clocks.convolutions(4)
    wires, _ = clocked.run(net)
    found = simulate(net, keep=net.edges)
    assert all(found.stream(stream).valid.tolist() == wires[stream].valid for stream in wires)


@pytest.mark.slow
def test_the_golden_model_is_timed_beside_onnx_runtime() -> None:
    pairs = golden.measure(ROOT / "models" / "tiny_dcgan.onnx")
    assert len(pairs) == 2 and all(seconds > 0 for pair in pairs for seconds in pair)
