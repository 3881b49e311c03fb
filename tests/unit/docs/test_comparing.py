"""The page on comparing with ONNX Runtime: its program runs, and its numbers agree with the report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import gan2hls

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "comparing.md").read_text()
(PROGRAM,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.slow
def test_its_program_finds_the_psnr_of_the_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    exec(compile(PROGRAM, "docs/comparing.md", "exec"), names)
    assert names["psnr_db"] == pytest.approx(names["result"].report.quality.psnr_db, abs=0.02)
    assert names["psnr_db"] > 30 and names["images"].shape == names["expected"].shape == (32, 1, 32, 32)
    assert f"{names['psnr_db']:.2f} dB, the report says" in capsys.readouterr().out


def test_both_ways_to_switch_kernels_off_run_a_quantized_file(tmp_path: Path) -> None:
    model = quantized_gemm()
    sessions = []
    for level, entry in (("ORT_DISABLE_ALL", None), ("ORT_ENABLE_ALL", "session.disable_quant_qdq")):
        assert level in TEXT or entry is not None
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        if entry is not None:
            assert f'add_session_config_entry("{entry}", "1")' in TEXT
            options.add_session_config_entry(entry, "1")
        options.optimized_model_filepath = str(tmp_path / "seen.onnx")
        sessions.append(onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]))
        kinds = {node.op_type for node in onnx.load(tmp_path / "seen.onnx").graph.node}
        assert "QGemm" not in kinds and "QuantizeLinear" in kinds
    path = tmp_path / "quantized.onnx"
    path.write_bytes(model)
    latents = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    codes = gan2hls.build(path, write=False, stop="lower").golden(latents)
    for session in sessions:
        found = np.concatenate([session.run(None, {"x": frame[None]})[0] for frame in latents])
        assert np.array_equal(found, codes), "scales that are powers of two: the file's codes, bit for bit"


def quantized_gemm() -> bytes:
    """Gemm 8 -> 16 between quantizers, whose scales are powers of two."""
    from tests.onnx_models import make_model

    rng = np.random.default_rng(0)
    body = """
        q = QuantizeLinear(x, sx, z) d = DequantizeLinear(q, sx, z) w = DequantizeLinear(wq, sw, z)
        b = DequantizeLinear(bq, sb) a = Gemm(d, w, b) p = QuantizeLinear(a, sy, z) y = DequantizeLinear(p, sy, z)
    """
    constants = {
        "sx": np.float32(2**-5),
        "sw": np.float32(2**-7),
        "sb": np.float32(2**-12),
        "sy": np.float32(2**-4),
        "z": np.int8(0),
        "wq": rng.integers(-127, 128, (8, 16)).astype(np.int8),
        "bq": rng.integers(-2000, 2000, 16).astype(np.int32),
    }
    return make_model(body, (1, 8), constants).SerializeToString()
