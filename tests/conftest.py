"""What all tests share: a folder of what is made once in a run, objects of Verilator's runtime among it."""

from __future__ import annotations

import os
import shutil

import pytest

from tests import objcache, shared


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="run the cases marked exhaustive, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked exhaustive, unless it is asked for."""
    if config.getoption("--exhaustive"):
        return
    left_out = [item for item in items if item.get_closest_marker("exhaustive")]
    items[:] = [item for item in items if not item.get_closest_marker("exhaustive")]
    config.hook.pytest_deselected(items=left_out)


def pytest_configure(config: pytest.Config) -> None:
    """Let workers share a folder, also for objects of Verilator's runtime, and benches a launcher of compilers."""
    os.environ["XDG_CACHE_HOME"] = str(shared.folder())
    if "OBJCACHE" not in os.environ and not shutil.which("ccache"):
        os.environ["OBJCACHE"] = objcache.launcher()
