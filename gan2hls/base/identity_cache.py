"""Results that are remembered as long as what they were made of lives, or as long as they do themselves."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

P = ParamSpec("P")
R = TypeVar("R")


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Return ``function`` with a memory of its results, by the identity of its first argument, which must not change.

    All arguments are positional, the others hashable.  Unlike ``lru_cache`` it keeps no tensor alive.
    """
    results: WeakKeyDictionary[Any, dict[Any, R]] = WeakKeyDictionary()

    @wraps(function)
    def call(*args: P.args, **named: P.kwargs) -> R:
        assert not named, f"{function.__name__} is remembered by position"
        found = results.setdefault(args[0], {})
        if args[1:] not in found:
            found[args[1:]] = function(*args, **named)
        return found[args[1:]]

    return call


def shared(function: Callable[P, R]) -> Callable[P, R]:
    """Return ``function``, which gives the result that somebody still holds instead of an equal one.

    All arguments are positional and hashable; the result must not change.
    """
    results: WeakValueDictionary[Any, Any] = WeakValueDictionary()

    @wraps(function)
    def call(*args: P.args, **named: P.kwargs) -> R:
        assert not named, f"{function.__name__} is shared by position"
        found: R | None = results.get(args)
        if found is None:
            found = results[args] = function(*args, **named)
        return found

    return call
