"""Threads of BLAS and OpenMP."""

from __future__ import annotations

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits


def one_thread() -> AbstractContextManager[object]:
    """Keep the BLAS and OpenMP libraries that are loaded to one thread as long as the context lasts.

    To solve a layer takes thousands of small products between steps in Python.  More threads hardly help there, and
    where other programs want the cores too, each product waits for its slowest thread: ten times as long, as measured.
    """
    limit: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limit
