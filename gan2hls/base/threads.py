"""Threads: those of BLAS and OpenMP, and ours."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from threading import Thread, local
from typing import TypeVar, final

import numpy as np  # noqa: F401 - for its library to be loaded
from threadpoolctl import ThreadpoolController

T = TypeVar("T")
#: What a thread of ours is, if it is one.
_here = local()
#: Seconds between two attempts to end what tasks wait for.
_PATIENCE = 0.1
#: The library of NumPy's products.
_BLAS = ThreadpoolController()


@final
@dataclass
class _Worker:
    """A thread that works while others do.

    Attributes:
        is_awaited: whether nothing else is done any more, so that all processors are its own.
    """

    is_awaited: bool = False


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep the BLAS and OpenMP libraries that are loaded to one thread as long as the context lasts.

    To solve a layer takes thousands of small products between steps in Python.  More threads hardly help there, and
    where other programs want the cores too, each product waits for its slowest thread: ten times as long, as measured.

    No other thread may import meanwhile: what looks for libraries calls Python while it holds the lock of the dynamic
    loader, for which an import waits that keeps Python to itself, and both wait for ever.
    """
    with _limited(_libraries(len(sys.modules))):
        yield


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep NumPy's products to one thread as long as the context lasts, whatever other threads do."""
    with _limited(_BLAS):
        yield


@contextmanager
def _limited(controller: ThreadpoolController) -> Iterator[None]:
    libraries = controller.lib_controllers
    former = [library.num_threads for library in libraries]
    for library in libraries:
        library.set_num_threads(1)
    try:
        yield
    finally:
        for library, threads in zip(libraries, former, strict=True):
            library.set_num_threads(threads)


@lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """Return the libraries that are loaded: to look for them takes longer than a small model does.

    ``modules``: how many of Python's are imported; another one may have brought a library.
    """
    del modules
    return ThreadpoolController()


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(function: Callable[[T], object], parts: Sequence[T]) -> None:
    """Call ``function`` with each of ``parts``, which do not depend on each other, as many at a time as processors.

    Products belong below ``one_thread`` then: those that wait for no other thread are the faster ones.  Below itself it
    calls one after the other.
    """
    if len(parts) <= 1 or (count := free_processors()) <= 1:
        for part in parts:
            function(part)
        return
    for _ in _pool(count).map(function, parts):
        pass  # what was raised is raised here


def free_processors() -> int:
    """Return how many parts ``in_threads`` would do at a time."""
    worker: _Worker | None = getattr(_here, "worker", None)
    return processors() if worker is None or worker.is_awaited else 1


@lru_cache
def _pool(count: int) -> ThreadPoolExecutor:
    """Return the threads of ``in_threads``: to start them takes longer than a small layer does."""
    return ThreadPoolExecutor(count, initializer=setattr, initargs=(_here, "worker", _Worker()))


def begun(task: Callable[[], T]) -> Callable[[], T]:
    """Begin ``task`` in a thread of its own; return what waits for it, and returns or raises what it does.

    It has one processor, as tasks of ``in_threads`` have, until it is waited for.  A program that ends meanwhile, as
    where it is interrupted, does not wait for it.
    """
    result: Future[T] = Future()
    worker = _Worker()

    def work() -> None:
        _here.worker = worker
        try:
            result.set_result(task())
        except BaseException as error:  # for the thread that waits
            result.set_exception(error)

    def wait_for_it() -> T:
        worker.is_awaited = True
        return result.result()

    Thread(target=work, daemon=True).start()
    return wait_for_it


def side_by_side(tasks: Sequence[Callable[[], T]], end: Callable[[], None]) -> list[T]:
    """Return what ``tasks`` return, which wait for other processes mostly: as many run at a time as processors.

    Args:
        tasks: they do not depend on each other, and begin in order.
        end: ends the processes that tasks wait for; called, again and again until all have returned, where one of them
            raises or the caller is interrupted.

    Raises:
        Exception: what the first of the tasks raises that does.
    """
    with ThreadPoolExecutor(max(1, min(processors(), len(tasks)))) as pool:
        futures = [pool.submit(task) for task in tasks]
        try:
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            while wait(futures, _PATIENCE).not_done:
                end()
            raise
