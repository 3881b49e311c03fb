from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.config.schema import VerifyConfig, parse_config
from gan2hls.flow.inputs import read_inputs, stimulus
from gan2hls.model.ir import Graph
from tests import randomized

MODEL = randomized.tiny_design().model
GRAPH = Graph(MODEL.name, MODEL.inputs, (), MODEL.outputs)


def test_evaluation_is_drawn_apart_from_calibration() -> None:
    found = read_inputs(GRAPH.inputs, parse_config({"calibration": {"samples": 6}, "evaluation": {"samples": 4}}))
    assert found.calibration["z"].shape == (6, 6, 1, 1)
    assert found.evaluation["z"].shape == (4, 6, 1, 1)
    assert found.reconstruction["z"].shape == (24, 6, 1, 1)
    assert (found.reconstruction["z"][:6] == found.calibration["z"]).all(), "ranges are measured on the first of them"
    assert not np.isin(found.evaluation["z"], found.reconstruction["z"]).any()


def test_uniform_keeps_its_bounds() -> None:
    config = parse_config({"calibration": {"distribution": "uniform", "low": 2, "high": 3}})
    found = read_inputs(GRAPH.inputs, config)
    assert found.calibration["z"].min() >= 2 and found.evaluation["z"].max() <= 3


@pytest.mark.parametrize(("frames", "kept", "held"), [(40, 30, 10), (300, 256, 32), (3, 3, 3), (8, 6, 2)])
def test_frames_of_a_file_are_held_out(tmp_path: Path, frames: int, kept: int, held: int) -> None:
    np.save(tmp_path / "x.npy", np.arange(frames * 6, dtype=np.float32).reshape(frames, 6))
    found = read_inputs(GRAPH.inputs, parse_config({"calibration": {"data": str(tmp_path / "x.npy")}}))
    assert (len(found.calibration["z"]), len(found.evaluation["z"])) == (kept, held)
    assert len(found.reconstruction["z"]) == (frames if held == kept else frames - held)
    assert (found.reconstruction["z"][:kept] == found.calibration["z"]).all()
    assert held == kept or not np.isin(found.evaluation["z"], found.reconstruction["z"]).any()


def test_stimulus_is_half_real_and_half_over_the_whole_type() -> None:
    codes = stimulus(MODEL, {"z": np.zeros((9, 6, 1, 1), np.float32)}, VerifyConfig(frames=3, seed=1))["z"]
    assert codes.shape == (6, 1, 1, 6)
    assert not codes[:3].any() and codes[3:].any()
    kind = MODEL.input_types[0].int_type
    assert kind.lo <= codes.min() and codes.max() <= kind.hi


# --- warnings ---

RNG = np.random.default_rng(0)
NORMAL = RNG.normal(size=(200, 6))


def warned(
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    calibration: np.ndarray | None,
    evaluation: np.ndarray | None,
    **more: object,
) -> list[str]:
    """Return what reading these inputs is warned of."""
    config: dict[str, dict[str, object]] = {"calibration": dict(more), "evaluation": {}}
    for key, frames in (("calibration", calibration), ("evaluation", evaluation)):
        if frames is not None:
            np.save(folder / f"{key}.npy", frames)
            config[key]["data"] = str(folder / f"{key}.npy")
    caplog.clear()
    read_inputs(GRAPH.inputs, parse_config(config))
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("calibration", "evaluation", "parts"),
    [
        (np.zeros((100, 6)), None, ["calibration.npy: the input 'z' is zero", "leave calibration.data out"]),
        (np.ones((100, 6)), None, ["are equal", "ranges fit them alone"]),
        (NORMAL[:1], None, ["holds one frame", "44 or more frames"]),
        (NORMAL[:3], None, ["holds 3 frames", "measured on them too"]),
        (NORMAL, np.zeros((9, 6)), ["evaluation.npy: the input 'z' is zero", "leave evaluation.data out"]),
        (NORMAL, 3 * RNG.normal(size=(99, 6)), ["'z' has mean", "where quality is measured", "of the same kind"]),
        (None, 9 + RNG.normal(size=(99, 6)), ["evaluation.npy: the input 'z' has mean", "of the same kind"]),
        (np.sort(NORMAL, axis=0), None, ["calibration.npy: the input 'z' has mean", "shuffle its frames"]),
        (NORMAL, NORMAL, ["32 of the 32 frames on which quality is measured are calibration's own"]),
        (np.tile(NORMAL[:20], (9, 1)), None, ["calibration's own", "flattered"]),
        (128 + 74 * NORMAL, None, ["as latents would be drawn", "calibration.mean and calibration.std"]),
    ],
)
def test_inputs_that_cannot_judge_are_told(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    calibration: np.ndarray | None,
    evaluation: np.ndarray | None,
    parts: list[str],
) -> None:
    (text,) = warned(tmp_path, caplog, calibration, evaluation)
    assert all(part in text for part in parts), text


def test_what_a_warning_advises_ends_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shuffled = np.random.default_rng(0).permutation(np.sort(NORMAL, axis=0))
    assert warned(tmp_path, caplog, shuffled, None) == []
    assert "12 frames calibrate" in warned(tmp_path, caplog, NORMAL[:16], None)[0]
    assert warned(tmp_path, caplog, shuffled[:44], None) == []
    assert warned(tmp_path, caplog, NORMAL, RNG.normal(size=(99, 6))) == []
    assert warned(tmp_path, caplog, None, None) == []
    assert warned(tmp_path, caplog, 128 + 74 * NORMAL, None, mean=128.0, std=74.0) == []
    assert warned(tmp_path, caplog, RNG.uniform(5, 9, (99, 6)), None, distribution="uniform", low=5.0, high=9.0) == []
    assert "set calibration.samples to 16 or more" in warned(tmp_path, caplog, None, None, samples=1)[0]
    assert warned(tmp_path, caplog, None, None, samples=16) == []
