"""What all tests share: a folder of what is made once in a run, objects of Verilator's runtime among it."""

from __future__ import annotations

import os
import shutil

import pytest

from tests import objcache, shared


def pytest_configure(config: pytest.Config) -> None:
    """Let workers share a folder, also for objects of Verilator's runtime, and benches a launcher of compilers."""
    os.environ["XDG_CACHE_HOME"] = str(shared.folder())
    if "OBJCACHE" not in os.environ and not shutil.which("ccache"):
        os.environ["OBJCACHE"] = objcache.launcher()
