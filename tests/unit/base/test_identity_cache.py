from __future__ import annotations

import gc
import weakref

import pytest

from gan2hls.base.identity_cache import remembered


class Key:
    """Compared by identity, as weights are."""


def test_results_live_as_long_as_their_key() -> None:
    calls = []

    @remembered
    def made(key: Key, times: int) -> list[int]:
        calls.append(times)
        return [times]

    one, other = Key(), Key()
    assert made(one, 2) is made(one, 2) and made(one, 3) == [3] and made(other, 2) == [2]
    assert calls == [2, 3, 2]
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None
    with pytest.raises(AssertionError, match="by position"):
        made(other, times=2)
