"""The headers of C simulation, precompiled once in a run."""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from gan2hls.verify import csim
from gan2hls.verify.csim import ap_types_folder
from tests.cosim import hls_chains
from tests.shared import shared

#: Those that the emitted C++ includes, the vendor's with the width that ``lib/types.hpp`` gives it.
HEADERS = ("ap_int.h", "algorithm", "cstdio", "exception", "fstream", "functional", "memory", "string", "vector")


def _fill(folder: Path) -> None:
    text = "".join(f"#include <{name}>\n" for name in HEADERS)
    header = folder / hls_chains.HEADER.name
    header.write_text(f"#define AP_INT_MAX_W 4096\n{text}")
    if not shutil.which("ccache"):  # which knows nothing of precompiled headers
        command = ["g++", *hls_chains.COMPILER, "-isystem", str(ap_types_folder()), "-x", "c++-header", str(header)]
        subprocess.run([*command, "-o", f"{header}.gch"], check=True)


@pytest.fixture(scope="session", autouse=True)
def precompiled_headers() -> None:
    """What ``hls_chains.QUICK`` includes."""
    if find_spec("hls4ml") is None or shutil.which("g++") is None:
        return  # nor are there tests that include it
    shared(hls_chains.HEADER.parent.name, _fill)


@pytest.fixture(autouse=True)
def quick_csim(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile C simulations fast; a test that wants what a build does sets ``hls_chains.OPTIMIZED``."""
    monkeypatch.setattr(csim, "FLAGS", hls_chains.QUICK)
