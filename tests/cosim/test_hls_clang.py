"""The emitted C++ under clang, on which HLS compilers stand: it resolves overloads otherwise than g++ in places."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import Design
from gan2hls.verify.csim import ap_types_folder
from tests.cosim.hls_chains import random_design, write_hls
from tests.cosim.test_channel_tables import chained
from tests.cosim.test_off_chip_campaign import sparse_campaign
from tests.random_integer_graphs import maps_away, random_graph_design, u_net_design
from tests.randomized import coded_chain, random_off_chip, tiny_design
from tests.shared_engines import norms_design, some_shared_design

pytestmark = pytest.mark.cosim

NAMES = ("clang++", *(f"clang++-{version}" for version in range(30, 6, -1)))
CLANG = next((path for path in map(shutil.which, NAMES) if path), None)
DESIGNS = [
    tiny_design(), random_design(17, 6), chained(), random_graph_design(37), random_graph_design(33, crops=True),
    random_off_chip(np.random.default_rng(0), random_design(18, 6), 64),
    coded_chain(np.random.default_rng(2), 64, 4),  # four decoders, whose parts are joined to words
    sparse_campaign(13), maps_away(u_net_design(0), 64), some_shared_design(), norms_design(0),
]  # fmt: skip


@pytest.mark.skipif(CLANG is None, reason="clang++ is not installed")
@pytest.mark.parametrize("flags", [(), ("-D__BAMBU__",)], ids=["others", "bambu"])
@pytest.mark.parametrize("made", DESIGNS, ids=lambda made: made.name)
def test_clang_takes_it(made: Design, flags: tuple[str, ...], tmp_path: Path) -> None:
    assert CLANG is not None
    hls = write_hls(made, tmp_path)
    warnings = ("-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas")
    include = ("-Ilib/csim", "-isystem", str(ap_types_folder()))
    command = [CLANG, "-std=c++14", "-fsyntax-only", *warnings, *flags, *include, f"{made.name}.cpp"]
    done = subprocess.run(command, cwd=hls, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[:3000]
