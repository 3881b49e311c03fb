"""Parts of work in threads."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from gan2hls.base import begun, in_threads, one_blas_thread, one_thread, threads


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


def test_parts_of_a_part_run_in_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else those that wait for the threads of others could wait for ever."""
    monkeypatch.setattr(threads, "processors", lambda: 2)
    seen: list[tuple[int, int]] = []

    def part(n: int) -> None:
        assert threads.free_processors() == 1
        in_threads(lambda _: seen.append((n, threading.get_ident())), range(3))

    in_threads(part, range(2))
    assert threads.free_processors() == 2
    for n in range(2):
        inner = [thread for at, thread in seen if at == n]
        assert len(inner) == 3 and len(set(inner)) == 1 and inner[0] != threading.get_ident()


def test_what_a_part_raises_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "processors", lambda: 2)

    def part(n: int) -> None:
        if n == 3:
            raise ValueError("the fourth")

    with pytest.raises(ValueError, match="the fourth"):
        in_threads(part, range(5))


def test_what_is_begun_has_one_processor_until_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "processors", lambda: 2)
    told, waited = threading.Event(), threading.Event()

    def task() -> tuple[int, int]:
        alone = threads.free_processors()
        told.set()
        assert waited.wait(60)
        late = time.monotonic() + 60
        while threads.free_processors() == 1 and time.monotonic() < late:  # until ``wait`` below says so
            time.sleep(0.001)
        return alone, threads.free_processors()

    wait = begun(task)
    assert told.wait(60) and threads.free_processors() == 2
    waited.set()
    assert wait() == wait() == (1, 2)


def test_what_is_begun_raises_where_it_is_waited_for() -> None:
    def fail() -> None:
        raise ValueError("in another thread")

    wait = begun(fail)
    with pytest.raises(ValueError, match="in another thread"):
        wait()


def limits() -> set[int]:
    """Return how many threads the libraries that are loaded may have."""
    return {int(library["num_threads"]) for library in threadpool_info()}


def test_libraries_have_one_thread_and_then_as_many_as_before() -> None:
    with threadpool_limits(2):
        with one_thread():
            with one_thread():
                assert limits() == {1}
            assert limits() == {1}
        assert limits() == {2}


def test_products_have_one_thread_without_a_look_at_what_other_threads_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look takes the lock of the dynamic loader and then Python, an import in another thread the other way round."""
    monkeypatch.setattr(threads, "ThreadpoolController", None)
    monkeypatch.setitem(sys.modules, "one_more_module", threads)
    with threadpool_limits(2):
        with one_blas_thread():
            assert {library["num_threads"] for library in threads._BLAS.info()} == {1}
        assert limits() == {2}


def test_libraries_have_as_many_as_before_where_something_is_raised() -> None:
    def fail() -> None:
        with one_thread():
            raise ZeroDivisionError

    with threadpool_limits(2):
        with pytest.raises(ZeroDivisionError):
            fail()
        assert limits() == {2}
