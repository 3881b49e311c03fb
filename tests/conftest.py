"""What all tests share: a folder of what is made once in a run, and objects of Verilator's runtime among it."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest

from tests import objcache, shared


def pytest_configure(config: pytest.Config) -> None:
    """Let all workers share a folder, and benches their objects; a ccache that is installed does that by itself."""
    if hasattr(config, "workerinput"):
        return
    folder = tempfile.mkdtemp(prefix="g2h_tests_")
    os.environ[shared.FOLDER] = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    if "OBJCACHE" not in os.environ and not shutil.which("ccache"):
        os.environ["OBJCACHE"] = objcache.launcher()
