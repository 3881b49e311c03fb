from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.config import parse_config
from gan2hls.inputs import read_inputs, stimulus
from gan2hls.ir import Graph
from tests import randomized

MODEL = randomized.tiny_design().model
GRAPH = Graph(MODEL.name, MODEL.inputs, (), MODEL.outputs)


def test_evaluation_is_drawn_apart_from_calibration() -> None:
    found = read_inputs(GRAPH, parse_config({"calibration": {"samples": 6}, "evaluation": {"samples": 4}}))
    assert found.calibration["z"].shape == (6, 6, 1, 1)
    assert found.evaluation["z"].shape == (4, 6, 1, 1)
    assert found.reconstruction["z"].shape == (24, 6, 1, 1)
    assert (found.reconstruction["z"][:6] == found.calibration["z"]).all(), "ranges are measured on the first of them"
    assert not np.isin(found.evaluation["z"], found.reconstruction["z"]).any()


def test_uniform_keeps_its_bounds() -> None:
    config = parse_config({"calibration": {"distribution": "uniform", "low": 2, "high": 3}})
    found = read_inputs(GRAPH, config)
    assert found.calibration["z"].min() >= 2 and found.evaluation["z"].max() <= 3


@pytest.mark.parametrize(("frames", "kept", "held"), [(40, 30, 10), (300, 256, 32), (3, 3, 3), (8, 6, 2)])
def test_frames_of_a_file_are_held_out(tmp_path: Path, frames: int, kept: int, held: int) -> None:
    np.save(tmp_path / "x.npy", np.arange(frames * 6, dtype=np.float32).reshape(frames, 6))
    found = read_inputs(GRAPH, parse_config({"calibration": {"data": str(tmp_path / "x.npy")}}))
    assert (len(found.calibration["z"]), len(found.evaluation["z"])) == (kept, held)
    assert len(found.reconstruction["z"]) == (frames if held == kept else frames - held)
    assert (found.reconstruction["z"][:kept] == found.calibration["z"]).all()
    assert held == kept or not np.isin(found.evaluation["z"], found.reconstruction["z"]).any()


def test_stimulus_is_half_real_and_half_over_the_whole_type() -> None:
    codes = stimulus(MODEL, {"z": np.zeros((9, 6, 1, 1), np.float32)}, 3, seed=1)["z"]
    assert codes.shape == (6, 1, 1, 6)
    assert not codes[:3].any() and codes[3:].any()
    kind = MODEL.input_types[0].int_type
    assert kind.lo <= codes.min() and codes.max() <= kind.hi
