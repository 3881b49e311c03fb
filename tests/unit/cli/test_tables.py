"""What the command line draws: progress on a terminal alone, and the table of an assignment."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from gan2hls.cli.tables import Progress, show_assignment, show_compression, show_inspection
from gan2hls.compress.report import Compressed, CompressedLayer
from gan2hls.report.inspect import _model_facts
from gan2hls.report.schema import AlternativeReport, AssignmentReport, ChoiceReport, PricesReport
from tests.graph_models import residual


def drawn(terminal: bool) -> str:
    screen = io.StringIO()
    with Progress(Console(file=screen, force_terminal=terminal, width=100)) as progress:
        progress.notify("lower", "l0 as codebook<4> (1 of 9)")
    return screen.getvalue()


def test_a_terminal_shows_stage_layer_and_format() -> None:
    assert "[3/7] lower l0 as codebook<4> (1 of 9)" in drawn(terminal=True)


def test_a_pipe_gets_nothing() -> None:
    assert drawn(terminal=False) == ""


def assignment(dsp: float) -> AssignmentReport:
    ternary = AlternativeReport(precision="ternary", bits=1000, dsp=1, lut=300, cost=1000 + dsp, psnr_db=20.0)
    whole = AlternativeReport(precision="int8", bits=4000, dsp=9, lut=0, cost=4000 + 9 * dsp, psnr_db=40.0)
    taken = {"bits": 1000, "dsp": 1, "lut": 300, "cost": 1000 + dsp}
    free = ChoiceReport(layer="a", precision="ternary", pinned=False, alternatives=(ternary, whole), **taken)
    none = {"bits": 0, "dsp": 0, "lut": 0, "cost": 0.0}
    pinned = ChoiceReport(layer="b", precision="int6", pinned=True, alternatives=(), **none)
    return AssignmentReport(
        policy="search",
        layers=(free, pinned),
        prices=PricesReport(bits=1.0, dsp=dsp, lut=0.0),
        psnr_db=20.0,
        uniform=(whole,),
        gap_db=0.0,
        **taken,
    )


@pytest.mark.parametrize(
    ("dsp", "wanted"),
    [
        (0.0, ["1,000 bits, 20.0 dB", "ternary 1,000 20.0; int8 4,000 40.0", "uniform int8: 4,000 bits, 40.0 dB"]),
        (50.0, ["1,000 bits, 1 DSP, 300 LUT, cost 1,050.0, 20.0 dB", "ternary 1,050.0 20.0; int8 4,450.0 40.0"]),
    ],
)
def test_an_assignment_is_told_in_what_has_a_price(dsp: float, wanted: list[str]) -> None:
    screen = io.StringIO()
    show_assignment(Console(file=screen, width=120), assignment(dsp))
    text = screen.getvalue()
    assert all(part in text for part in wanted)
    row = next(line for line in text.splitlines() if "int6 (pinned)" in line)
    assert row.split()[-3:] == ["-", "-", "-"]


def test_cells_stay_whole_on_a_narrow_terminal() -> None:
    layer = CompressedLayer("l1_conv_transpose", "", "codebook<16>", "codebook<16>", 8192, 4.02, 0.0, (4, 4), 0.0, 23.1)
    screen = io.StringIO()
    console = Console(file=screen, width=60)
    show_compression(console, Compressed((layer,), 42.3, 64, 437_819, 74_298))
    row = next(line for line in screen.getvalue().splitlines() if "l1_conv_transpose" in line)
    assert " ".join(row.split()) == "l1_conv_transpose codebook<16> codebook<16> 8,192 4.02 8.0x 0.0% 0.0% of 4x4 23.1"
    assert console.width == 60


def test_inspection_says_what_a_join_reads() -> None:
    net, outputs = residual()
    screen = io.StringIO()
    show_inspection(Console(file=screen, width=160), _model_facts(net.graph(*outputs), "", 0))
    assert "l3_add: reads l0_conv and l2_conv, no weights\n" in screen.getvalue()
    assert "l1_conv: plain float weights" in screen.getvalue()
