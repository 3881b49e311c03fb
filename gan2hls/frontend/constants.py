"""The constants of a model that is being made plain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

import numpy.typing as npt

Array = npt.NDArray[Any]


@final
class Constants(dict[str, Array]):
    """Values of constant tensors by name.  Those of the file enter when a node first reads them.

    Args:
        names: of all tensors of the file; none of them is given to a constant that is added.
    """

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self._names = set(names)

    def reserve(self, names: Iterable[str]) -> None:
        """Give none of ``names`` to a constant: those of a branch that is taken, of nodes that stand for another."""
        self._names.update(names)

    def add(self, name: str, value: Array) -> str:
        """Add a constant that a rewritten operator needs; return what it is called: ``name``, or one that is free."""
        while name in self or name in self._names:
            name += "_"
        self[name] = value
        return name
