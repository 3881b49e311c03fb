"""In which order the beats of an engine have channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class ChannelOrder:
    """Which channels a beat has: band by band, in it by fold, row, pixel and group of lanes (``g2h_channels``).

    Attributes:
        groups: beats of a pixel in a fold.
        pixels: of a row; of all rows of a band where these do not take turns; 1 where nothing depends on it.
        rows: of a band.
        folds: of a band; 1 where all of a pixel follow one another.
        phases: rows that take turns, each with channels of its own.
    """

    groups: int
    pixels: int = 1
    rows: int = 1
    folds: int = 1
    phases: int = 1

    @property
    def words(self) -> int:
        """Groups of channels that differ."""
        return self.phases * self.folds * self.groups
