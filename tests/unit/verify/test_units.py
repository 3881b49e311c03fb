"""Translation units of C simulation: the engines apart from what calls them."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import Design
from gan2hls.verify.units import unit_count, write_units
from tests.cosim.hls_chains import write_hls
from tests.random_integer_graphs import random_graph_design
from tests.shared_engines import residual_model, shared_design


def shared() -> Design:
    rng = np.random.default_rng(0)
    return shared_design(rng, residual_model(rng, 2))


def test_few_engines_are_compiled_with_what_calls_them() -> None:
    assert [unit_count(engines, 4) for engines in (1, 7, 8, 16, 100)] == [0, 0, 1, 2, 4]
    assert unit_count(100, 1) == 0


@pytest.mark.parametrize("made", [random_graph_design(3), shared()], ids=lambda made: made.name)
def test_each_engine_is_defined_once_and_declared(made: Design, tmp_path: Path) -> None:
    hls = write_hls(made, tmp_path)
    before = {path: path.read_bytes() for path in hls.rglob("*") if path.is_file()}
    for _ in range(2):  # the second time over what is there
        units = write_units(hls, tmp_path / "units", 2)
    assert before == {path: path.read_bytes() for path in hls.rglob("*") if path.is_file()}
    included = [
        re.findall(r'^#include "engines/(\w+\.hpp)"$', (tmp_path / "units" / unit).read_text(), re.MULTILINE)
        for unit in units
    ]
    names = sorted(path.name for path in (hls / "layers").iterdir())
    assert len(units) == 2 and all(included) and sorted(chain(*included)) == names
    for name in names:
        inline = re.findall(
            r"^inline void (?:engine|turn_\d+)\(.*(?= \{$)", (hls / "layers" / name).read_text(), re.MULTILINE
        )
        declared = (tmp_path / "units" / "layers" / name).read_text()
        defined = (tmp_path / "units" / "engines" / name).read_text()
        for function in (text.removeprefix("inline ") for text in inline):
            assert declared.count(f"\n{function};\n") == defined.count(f"\n{function} {{\n") == 1
            assert f"{function} {{" not in declared
        assert inline and not set(inline).intersection(defined.split(" {\n"))


def test_a_header_without_an_engine(tmp_path: Path) -> None:
    (tmp_path / "hls" / "layers").mkdir(parents=True)
    (tmp_path / "hls" / "layers" / "l0.hpp").write_text("namespace layer_l0 {\n}\n")
    with pytest.raises(AssertionError, match=r"no engine in l0\.hpp"):
        write_units(tmp_path / "hls", tmp_path / "units", 1)
