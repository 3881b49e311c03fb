"""The designs that a build looks for while it chooses bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan2hls.config import Config
from gan2hls.flow import pipeline
from gan2hls.hardware import Design
from gan2hls.model import IntegerModel
from tests.shared_engines import residual_model


def test_those_of_the_first_choice_and_the_last_one_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are looked for beside the last one: the first choice is often the one that is taken in the end."""
    models = [residual_model(np.random.default_rng(seed), 2) for seed in range(3)]
    run = pipeline._Run(Path("model.onnx"), None, "load", "write", lambda *_: None)
    run.config = Config()
    likes, real = list[Design | None](), pipeline.schedule

    def schedule(model: IntegerModel, *args: Any, like: Design | None, **named: Any) -> Design:
        likes.append(like)
        return real(model, *args, like=None, **named)

    monkeypatch.setattr(pipeline, "schedule", schedule)
    first, second, third = map(run._design_of, models)
    assert [run._design_of(models[n]) for n in (0, 2)] == [first, third] and likes == [None, first, second]
    assert run._design_of(models[1]).model is models[1] and likes[3:] == [third]
