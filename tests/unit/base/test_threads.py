"""Parts of work in threads, and how many threads their products have."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from gan2hls.base import in_threads, one_thread, threads


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_products_of_parts_have_a_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every part runs once, three at a time, and what BLAS had before it has again."""
    monkeypatch.setattr(threads, "processors", lambda: 3)
    before, meet = blas_threads(), threading.Barrier(3, timeout=60)
    found, done = set[int](), np.zeros(6, np.int64)

    def part(n: int) -> None:
        meet.wait()  # breaks unless three parts run at a time
        found.update(blas_threads())
        done[n] += 1

    in_threads(part, range(6))
    assert done.tolist() == [1] * 6 and found == {1} and blas_threads() == before
    with one_thread():
        in_threads(part, range(3))
        assert blas_threads() == {1}
    assert blas_threads() == before


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
