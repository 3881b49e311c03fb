"""What all tests share: objects of Verilator's runtime, compiled once (see ``objcache``)."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest

from tests import objcache


def pytest_configure(config: pytest.Config) -> None:
    """Let benches share objects, those of all workers alike; a ccache that is installed does it by itself."""
    if hasattr(config, "workerinput") or "OBJCACHE" in os.environ or shutil.which("ccache"):
        return
    folder = tempfile.mkdtemp(prefix="g2h_objects_")
    os.environ |= {objcache.FOLDER: folder, "OBJCACHE": objcache.launcher()}
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
