"""Which cases of a test run each time, and which only with ``--exhaustive``."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

import pytest

from gan2hls.hardware import Design


def sampled(cases: Iterable[Any], often: int | Container[Any]) -> list[Any]:
    """Return parameters of a test: the first ``often`` cases, or those in ``often``, run each time.

    The others are more of the same kind, for ``--exhaustive``.  A case of several parameters is a tuple.
    """
    made = []
    for n, case in enumerate(cases):
        values = case if isinstance(case, tuple) else (case,)
        each_time = n < often if isinstance(often, int) else case in often
        made.append(pytest.param(*values, marks=() if each_time else pytest.mark.exhaustive))
    return made


def sampled_designs(designs: Iterable[Design], often: Container[str]) -> list[Any]:
    """Return designs as parameters, named as they are; those whose names are in ``often`` run each time."""
    return [
        pytest.param(made, marks=() if made.name in often else pytest.mark.exhaustive, id=made.name) for made in designs
    ]
