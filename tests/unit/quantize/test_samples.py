"""Frames that cannot calibrate or judge are told from those that can."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gan2hls.quantize.samples import alike, apart, shared, unusual

RNG = np.random.default_rng(0)
LATENTS = RNG.normal(size=(400, 100)).astype(np.float32)
PICTURES = (RNG.uniform(0, 0.6, (64, 3, 1, 1)) + RNG.normal(0, 0.1, (64, 3, 16, 16))).astype(np.float32)


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        (np.zeros((100, 8)), "is zero in all 100 frames"),
        (np.ones((100, 8)), "100 frames of the input 'z' are equal"),
        (np.tile(LATENTS[:1], (50, 1)), "are equal"),
        (LATENTS[:1] + 1e-6 * LATENTS, "are equal"),
        (LATENTS[:1], "has one frame"),
        (np.tile(LATENTS[:3], (20, 1)), "of the 60 frames of the input 'z' only 3 differ"),
        (np.concatenate([LATENTS[:, :40], np.zeros((400, 60))], axis=1), "60 of 100 elements"),
    ],
)
def test_frames_that_are_alike_cannot_judge(frames: np.ndarray, why: str) -> None:
    assert why in alike({"ok": LATENTS, "z": frames})


@pytest.mark.parametrize("frames", [LATENTS, LATENTS[:2], PICTURES, np.eye(10), 1000 + LATENTS, LATENTS[:, :1]])
def test_usual_frames_can(frames: np.ndarray) -> None:
    assert alike({"z": frames}) == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda z: 3 * z,
        lambda z: z / 3,
        lambda z: z + 2,
        lambda z: np.clip(z, -0.4, 0.4),
        lambda z: 255 * (z + 4) / 8,
        lambda z: np.abs(z),
    ],
)
def test_frames_of_another_kind_are_told(change: Callable[[np.ndarray], np.ndarray]) -> None:
    other = change(LATENTS[200:])
    text = apart({"z": LATENTS[:200]}, {"z": other})
    assert "'z' has mean" in text and f"{other.mean():.3g}" in text
    assert apart({"z": other}, {"z": LATENTS[:200]})


def test_a_narrow_calibration_is_told_by_what_lies_beyond_it() -> None:
    uniform = RNG.uniform(-1, 1, LATENTS.shape)
    assert "% of them beyond the former" in apart({"z": uniform}, {"z": LATENTS})


def test_frames_of_one_kind_are_not_told_apart() -> None:
    for seed in range(300):
        rng = np.random.default_rng(seed)
        count, size = rng.integers(4, 40, 2)
        one, two = rng.normal(size=(2, count, size))
        assert apart({"z": one}, {"z": two}) == "", (seed, count, size)
        pictures = rng.permutation(PICTURES)
        assert apart({"z": pictures[:48]}, {"z": pictures[48:]}) == "", seed


def test_labels_may_be_few_beside_another_input() -> None:
    labels = np.arange(60, dtype=np.float32) % 2
    assert alike({"z": LATENTS[:60], "label": labels}) == ""
    assert "only 2 differ" in alike({"label": labels})
    assert "'label' are equal" in alike({"z": LATENTS[:60], "label": 0 * labels + 3})


def test_a_frame_is_shared_where_all_of_its_inputs_are() -> None:
    labels = np.arange(20) % 2
    assert shared({"z": LATENTS[:20], "label": labels}, {"z": LATENTS[10:30], "label": labels}) == 10
    assert shared({"z": LATENTS[:20], "label": labels}, {"z": LATENTS[10:30], "label": 1 - labels}) == 0


def test_shared_frames_are_counted_over_all_inputs() -> None:
    first = {"a": LATENTS[:10], "b": PICTURES[:10]}
    assert shared(first, {"a": LATENTS[5:15], "b": PICTURES[5:15]}) == 5
    assert shared(first, {"a": LATENTS[5:15], "b": PICTURES[20:30]}) == 0


@pytest.mark.parametrize(
    ("values", "told"),
    [(LATENTS, False), (RNG.uniform(-1, 1, (50, 9)), False), (128 + 74 * LATENTS, True), (0.01 * LATENTS, True)],
)
def test_latents_far_from_the_drawn_ones_are_told(values: np.ndarray, told: bool) -> None:
    assert bool(unusual("z", values, 0.0, 1.0)) == told
    assert unusual("z", values, float(values.mean()), float(values.std())) == ""
