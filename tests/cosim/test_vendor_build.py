"""A build whose HLS compiler refuses the C++: it fails, and says where the compiler's words are."""

from __future__ import annotations

from pathlib import Path

import pytest

import gan2hls
from gan2hls.base.errors import VerificationError
from gan2hls.config.schema import parse_config
from gan2hls.flow.from_config import folded_for_tool
from gan2hls.hardware import LinearEngine
from tests.cosim.test_bench_vendor import REFUSAL, install
from tests.tiny_onnx import save_tiny

BAMBU = {"verify": {"steps": ["vendor"], "hls_tool": "bambu"}}


def test_refused_cpp_fails_the_build_and_keeps_the_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path / "bin", "bambu", REFUSAL)
    model, out = save_tiny(tmp_path / "face.onnx"), tmp_path / "out"
    with pytest.raises(VerificationError, match="vendor failed: the HLS compiler made no Verilog: error -> Vertices"):
        gan2hls.build(model, config=BAMBU, output=out)
    assert "Vertices not completely allocated" in (out / "face.vendor.log").read_text()
    assert sorted(path.name for path in out.iterdir()) == ["face.failed", "face.vendor.log"]
    design = gan2hls.build(model, config=BAMBU, output=out, stop="schedule", write=False).design
    assert design is not None
    assert all(
        engine.folding.pe <= 2 and engine.folding.simd <= 4
        for engine in design.engines
        if isinstance(engine, LinearEngine)
    )


@pytest.mark.parametrize(
    ("values", "small"),
    [
        ({"verify": {"hls_tool": "bambu"}}, True),
        ({"verify": {"hls_tool": "vitis"}}, False),
        ({"verify": {"hls_tool": "bambu", "steps": ["csim"]}}, False),
        ({"verify": {"hls_tool": "bambu"}, "target": {"dsp": 100}}, False),
        ({"verify": {"hls_tool": "bambu"}, "target": {"fps": 10.0}}, False),
        ({"verify": {"hls_tool": "bambu"}, "layers": {"l0": {"pe": 4}}}, False),
    ],
)
def test_small_folding_for_bambu_unless_something_is_said(values: dict[str, object], small: bool) -> None:
    config = parse_config(values)
    folded = folded_for_tool(config)
    assert (folded.target.pe, folded.target.simd) == ((2, 4) if small else (None, None))
    assert (folded is config) == (not small)
