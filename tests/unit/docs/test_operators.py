"""The page of operators names every supported one once, and tests that exist."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import onnx
import pytest

from gan2hls.frontend.expand import has_body
from gan2hls.frontend.operators import SUPPORTED
from gan2hls.frontend.split import SPLIT

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "operators.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of every row below a table's head whose first cell is ``heading``."""
    tables = re.findall(rf"^\| {heading} \|.*\n\|[ |-]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for table in tables for line in table.splitlines()]


def names(found: list[list[str]]) -> list[str]:
    return [name for row in found for name in re.findall(r"`(\w+)`", row[0])]


OPERATORS, DEFINED = rows("operator"), rows("defined by others")


def test_every_supported_operator_has_its_row():
    found = Counter(names(OPERATORS))
    assert sorted(found) == sorted(SUPPORTED)
    assert set(found.values()) == {1}, found


def test_operators_that_are_defined_by_others_are():
    found = names(DEFINED)
    assert found and not set(found) & set(SUPPORTED)
    newest = onnx.defs.onnx_opset_version()
    by_onnx = {name for name in found if has_body(onnx.helper.make_node(name, ["x"], ["y"]), newest)}
    assert set(found) - by_onnx == (SPLIT.keys() | {"Einsum"}) - set(SUPPORTED)


@pytest.mark.parametrize("row", [*OPERATORS, *DEFINED], ids=lambda row: row[0])
def test_its_row_says_all_and_names_tests_that_exist(row: list[str]):
    assert len(row) == 4 and row[2], row
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row[3])
    assert named, row
    for path, test in named:
        text = (ROOT / path).read_text()
        assert f"def {test}(" in text if test else "def test_" in text, f"{path} has no {test}"
        if not test:
            operators = re.findall(r"`(\w+)`", row[0])
            assert all(re.search(rf"\b{name}\b", text) for name in operators), f"{path} lacks some of {operators}"
