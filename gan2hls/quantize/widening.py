"""What more bits for activations go for, and what they brought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from gan2hls.model import Graph, Layer
from gan2hls.quantize.cost_bound import Dearer
from gan2hls.quantize.range_search import RangeSearch, Trial

#: What is gone for above the goal where bits are spent at all, and with bits that are free: other frames differ by as
#: much, and one that saturates a tensor of 8 bits spoils a whole set.
_AIM_DB, _FREE_AIM_DB = 0.7, 3.0
#: Where the goal is out of reach, bits are spent if they bring so much, and up to so little below what they can bring.
_WORTH_DB, _NEAR_DB = 1.0, 0.5


@final
@dataclass(frozen=True)
class WideTensor:
    """An activation with more bits than 8.

    Attributes:
        tensor: a layer's name, or an input's.
        bits: what it has.
        narrow_db: PSNR of the output when it alone has 8, and all others 12.
    """

    tensor: str
    bits: int
    narrow_db: float


@final
@dataclass(frozen=True)
class Widening:
    """What ``activation: auto`` found, in PSNR of ``Trial.held_error``.

    Attributes:
        goal_db: what was wanted there.
        narrow_db: with 8 bits everywhere.
        psnr_db: of what was chosen.
        most_db: with 12 bits for every tensor that nothing fixes; None: not measured, the goal was reached without.
        tensors: those that have more than 8 bits, in order.
        free: all that could have had more.
        dearer: what the bound of cost has stopped; None: nothing.
    """

    goal_db: float
    narrow_db: float
    psnr_db: float
    most_db: float | None
    tensors: tuple[WideTensor, ...]
    free: tuple[str, ...] = ()
    dearer: Dearer | None = None

    @property
    def reached(self) -> bool:
        """Whether the goal was."""
        return self.psnr_db >= self.goal_db


def choices(graph: Graph) -> list[str]:
    """Return the names of tensors whose bits are a choice of their own, in order.

    A copy has the type of what it copies, a tensor of several readers one for all of them.  Outputs stay as they are,
    and so does what an output copies.
    """
    settled = {port.name for port in graph.outputs}
    copies = _copies(graph)
    for copy in reversed(copies):
        settled |= set(copy.inputs) if copy.name in settled else set()
    settled |= {copy.name for copy in copies}
    names = [*(port.name for port in graph.inputs), *(layer.name for layer in graph.layers)]
    return [name for name in names if name not in settled]


def family(graph: Graph, tensor: str) -> frozenset[str]:
    """Return ``tensor`` with its copies and theirs: all have its type."""
    names = {tensor}
    for copy in _copies(graph):
        names |= {copy.name} if names.intersection(copy.inputs) else set()
    return frozenset(names)


def _copies(graph: Graph) -> list[Layer]:
    """Return the copies, in order, but for those whose type a quantizer of the file fixes."""
    return [layer for layer in graph.layers if layer.is_copy and layer.name not in graph.pinned]


def psnr_of(search: RangeSearch, error: float) -> float:
    """Return the PSNR of a mean squared error of the output on the frames that judge ``search``."""
    return float("inf") if error == 0 else 10 * float(np.log10(search.peak**2 / error))


@final
@dataclass(frozen=True)
class ErrorGoal:
    """Greatest squared errors of the output.

    Attributes:
        error: what is wanted.
        aim: what is gone for where bits are spent at all.
        free_aim: what is gone for with bits that cost neither DSP blocks nor block RAM.
    """

    error: float
    aim: float
    free_aim: float

    @classmethod
    def of(cls, search: RangeSearch, goal_db: float) -> ErrorGoal:
        """Return the goal of a PSNR on the frames that judge ``search``."""
        return cls(*(search.peak**2 / 10 ** ((goal_db + more) / 10) for more in (0.0, _AIM_DB, _FREE_AIM_DB)))

    def is_worth(self, widest: Trial, narrow: Trial) -> bool:
        """Whether bits are to be spent where ``widest`` is the best that they can bring."""
        return widest.held_error <= self.error or widest.held_error * 10 ** (_WORTH_DB / 10) <= narrow.held_error

    def target(self, widest: Trial, *, free: bool = False) -> float:
        """Return the error to spend bits for, ``free`` ones or others, where ``widest`` is the best they can bring."""
        near = widest.held_error * 10 ** (_NEAR_DB / 10)
        if widest.held_error <= self.error:
            near = min(near, self.error)
        return max(near, self.free_aim if free else self.aim)
