"""What more bits for activations may cost: a share of the scheduled design's DSP blocks and block RAM, and no time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from gan2hls.model import IntegerModel


@final
@dataclass(frozen=True)
class DesignCost:
    """What a scheduled design takes.

    Attributes:
        dsp: DSP blocks.
        bram18: block RAMs of 18 kbit.
        interval: cycles from frame to frame.
    """

    dsp: int
    bram18: int
    interval: int

    def within(self, most: DesignCost) -> bool:
        """Whether nothing is more than in ``most``."""
        return self.dsp <= most.dsp and self.bram18 <= most.bram18 and self.interval <= most.interval


@final
@dataclass(frozen=True)
class CostBound:
    """What a design may take more than that of 8 bits.

    Attributes:
        percent: DSP blocks, and block RAMs; a whole block of each is allowed if any share is.
        floor_db: PSNR of the output below which more may be taken, so that it is reached.
        measure: what a model's design at the target would take; None where no design holds it.
        holds: whether a model of which ``measure`` returned something has such a design.
    """

    percent: float
    floor_db: float
    measure: Callable[[IntegerModel], DesignCost | None]
    holds: Callable[[IntegerModel], bool]

    def most(self, narrow: DesignCost) -> DesignCost:
        """Return the most that may be taken where 8 bits take ``narrow``."""
        dsp, bram18 = (blocks + self._more(blocks) for blocks in (narrow.dsp, narrow.bram18))
        return DesignCost(dsp, bram18, narrow.interval)

    def _more(self, blocks: int) -> int:
        return max(1 if self.percent > 0 else 0, int(self.percent * blocks / 100))


@final
@dataclass(frozen=True)
class Dearer:
    """What more bits would bring and take, had the bound allowed them.

    Attributes:
        psnr_db: of the output, as ``Widening.psnr_db``.
        narrow: cost with 8 bits.
        cost: cost with them; None where no design of the part holds them.
        floor: cost with the bits that bring the floor; None: the bound holds what is taken.
    """

    psnr_db: float
    narrow: DesignCost
    cost: DesignCost | None
    floor: DesignCost | None = None

    def __str__(self) -> str:
        """Say the price, and what lets it be paid; that of the floor, too, which is paid."""
        paid = _changes(self.narrow, self.floor) if self.floor is not None else ""
        told = f"precision.activation_psnr_floor_db takes {paid}; " if paid else ""
        if self.cost is None:
            return f"{told}for {self.psnr_db:.1f} dB the target is too small"
        more = _changes(self.floor or self.narrow, self.cost) or _changes(self.narrow, self.cost)
        text = f"{told}{self.psnr_db:.1f} dB would take {more}"
        pairs = (self.narrow.dsp, self.cost.dsp), (self.narrow.bram18, self.cost.bram18)
        from_none = any(before == 0 and after > 1 for before, after in pairs)
        if from_none or self.cost.interval > self.narrow.interval:
            return f"{text}; precision.activation_cost_percent: null lets them"
        return f"{text}; precision.activation_cost_percent: {max(_percent(*pair) for pair in pairs)} lets them"


def _changes(before: DesignCost, after: DesignCost) -> str:
    """Say of what ``after`` is more; empty: of nothing."""
    counts = (
        ("DSP blocks", before.dsp, after.dsp),
        ("block RAMs of 18 kbit", before.bram18, after.bram18),
        ("cycles a frame", before.interval, after.interval),
    )
    return " and ".join(f"{now} {what} instead of {then}" for what, then, now in counts if now > then)


def _percent(before: int, after: int) -> int:
    """Return the least whole percentage of ``before`` blocks that allows ``after``."""
    if after - before <= 1:
        return max(0, after - before)
    return math.ceil(100 * (after - before) / before)
