"""The house: every module has a package, each package is entered by its face, and tests mirror the packages."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "gan2hls"
MODULES = sorted(SOURCE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The modules of ours that a file imports from."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module and n.module.startswith("gan2hls.")}


def test_packages_are_entered_by_their_face() -> None:
    """A module imports from those beside it, and of every other package from its ``__init__`` alone."""
    strangers = []
    for path in MODULES:
        for name in sorted(imported(path)):
            place = ROOT / name.replace(".", "/")
            if not place.is_dir() and place.parent != path.parent:
                strangers.append(f"{path.relative_to(ROOT)} imports from {name}")
    assert not strangers


def test_nothing_stands_flat_beside_the_packages() -> None:
    assert {path.name for path in SOURCE.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_a_face_says_what_it_offers() -> None:
    for path in SOURCE.rglob("__init__.py"):
        text = path.read_text()
        assert text.startswith('"""'), path
        assert "__all__" in text or "from gan2hls" not in text or path.parent == SOURCE, path


def test_unit_tests_mirror_the_packages() -> None:
    tests = ROOT / "tests" / "unit"
    folders = {path.parent.relative_to(tests) for path in tests.rglob("test_*.py")}
    packages = {path.parent.relative_to(SOURCE) for path in MODULES}
    assert folders - {Path("docs")} <= packages
