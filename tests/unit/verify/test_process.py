"""Tasks that wait for processes: at the same time, in order, and ended together."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest

from gan2hls.base import ToolError, side_by_side
from gan2hls.verify import end_running
from gan2hls.verify.process import run_group


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan2hls.base.threads.processors", lambda: 2)


def test_two_run_at_a_time_and_results_are_in_order() -> None:
    both = threading.Barrier(2, timeout=60)

    def task(name: str) -> str:
        both.wait()
        return name

    assert side_by_side([lambda: task("a"), lambda: task("b")], lambda: None) == ["a", "b"]


def test_what_one_raises_ends_the_processes_of_the_others() -> None:
    codes = []

    def waits() -> None:
        codes.append(run_group([sys.executable, "-c", "import time; print('on', flush=True); time.sleep(600)"], 700)[0])

    def fails() -> None:
        time.sleep(0.5)
        raise ToolError("a tool is missing")

    with pytest.raises(ToolError, match="a tool is missing"):
        side_by_side([fails, waits, waits], end_running)
    assert codes and all(code < 0 for code in codes)


def test_an_interrupt_ends_them_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    codes, started = [], threading.Event()

    def waits() -> None:
        started.set()
        codes.append(run_group([sys.executable, "-c", "import time; time.sleep(600)"], 700)[0])

    def interrupt(*_: object) -> None:
        assert started.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr("concurrent.futures.Future.result", interrupt)
    with pytest.raises(KeyboardInterrupt):
        side_by_side([waits, waits], end_running)
    assert codes and all(code < 0 for code in codes)


def test_memory_is_bounded() -> None:
    take = "x = bytearray(1 << 30); print(len(x))"
    assert run_group([sys.executable, "-c", take], 60)[0] == 0
    code, printed = run_group([sys.executable, "-c", take], 60, memory_bytes=1 << 29)
    assert code != 0 and "MemoryError" in printed


def test_processes_start_beside_products_in_other_threads() -> None:
    """A fork in earnest would stop the threads of OpenBLAS in the middle of a product, and wait for ever."""
    matrix, done = np.ones((300, 300), np.float32), threading.Event()

    def multiply() -> None:
        while not done.is_set():
            np.dot(matrix, matrix)

    workers = [threading.Thread(target=multiply) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        codes = [run_group(["true"], 60, memory_bytes=1 << 30)[0] for _ in range(100)]
    finally:
        done.set()
    assert codes == [0] * 100
