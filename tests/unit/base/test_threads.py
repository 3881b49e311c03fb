"""Parts of work in threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from gan2hls.base import in_threads, threads


def test_parts_run_once_and_as_many_at_a_time_as_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "processors", lambda: 3)
    meet, done = threading.Barrier(3, timeout=60), np.zeros(6, np.int64)

    def part(n: int) -> None:
        meet.wait()  # breaks unless three parts run at a time
        done[n] += 1

    in_threads(part, range(6))
    assert done.tolist() == [1] * 6


def test_a_part_alone_runs_where_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    in_threads(lambda n: seen.append((n, threading.get_ident())), [7])
    monkeypatch.setattr(threads, "processors", lambda: 1)
    in_threads(lambda n: seen.append((n, threading.get_ident())), [8, 9])
    assert seen == [(n, threading.get_ident()) for n in (7, 8, 9)]


def test_what_a_part_raises_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "processors", lambda: 2)

    def part(n: int) -> None:
        if n == 3:
            raise ValueError("the fourth")

    with pytest.raises(ValueError, match="the fourth"):
        in_threads(part, range(5))
