"""A build writes what fits the part, and what does not only when it is told to."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

import gan2hls
from gan2hls.base.errors import FoldingError
from gan2hls.hardware import design_resources, part_resources

MODEL = Path(__file__).parents[3] / "models" / "tiny_dcgan.onnx"
#: 532 of the 53,200 LUTs: the four engines need more.
TIGHT: dict[str, Any] = {"target": {"utilization": {"lut": 0.01}}, "verify": {"steps": []}}


def test_nothing_is_written_of_what_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(FoldingError, match="LUTs, 532 are allowed") as found:
        gan2hls.build(MODEL, config=TIGHT, output=tmp_path)
    assert found.value.exit_code == 6 and "target.oversize" in found.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_oversize_writes_a_design_near_the_part(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Bits are those of a build without the limit."""
    free = gan2hls.build(MODEL, config={"verify": {"steps": []}}, output=tmp_path / "free")
    with caplog.at_level(logging.WARNING):
        over = gan2hls.build(MODEL, config=TIGHT, overrides={"target": {"oversize": True}}, output=tmp_path / "over")
    assert over.path is not None and (over.path / "report.json").is_file()
    assert "532 are allowed; target.oversize lets it pass" in caplog.text
    assert over.design is not None and free.design is not None
    assert design_resources(over.design).lut < design_resources(free.design).lut
    assert [layer.precision for layer in over.report.layers] == [layer.precision for layer in free.report.layers]  # type: ignore[union-attr]


def test_the_report_adds_up(tmp_path: Path) -> None:
    """Every resource of the design is that of its layers, and of the marks of its outputs' last beats."""
    made = gan2hls.build(MODEL, config={"verify": {"steps": []}}, output=tmp_path)
    assert made.report is not None and made.design is not None
    totals = made.report.totals
    assert totals.resources.model_dump() == dict(design_resources(made.design))
    assert totals.available is not None
    assert totals.available.model_dump() == dict(part_resources(made.design.part))
    sums = {name: sum(layer.resources.model_dump()[name] for layer in made.report.layers) for name in ("dsp", "bram18")}
    assert sums == {"dsp": totals.resources.dsp, "bram18": totals.resources.bram18}
    luts = sum(layer.resources.lut or 0 for layer in made.report.layers)
    assert totals.resources.lut is not None and 0 < totals.resources.lut - luts < 20
