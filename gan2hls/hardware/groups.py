"""Legal foldings: a step works on a part of one group of channels, or on several whole groups.

The output channels of a step are contiguous, and so are those of a group.  Up to ``CO / groups`` of them lie in one
group and read the same inputs.  Beyond, a step takes whole groups, each with all of its input channels: then the inputs
of a step are contiguous too, and one word of the stream.
"""

from __future__ import annotations

from gan2hls.ops import LinearGeometry


def parallel_groups(geometry: LinearGeometry, pe: int) -> int:
    """Return how many groups ``pe`` output channels, as ``legal_pe`` has them, lie in."""
    return max(1, pe // geometry.group_out)


def legal_pe(geometry: LinearGeometry) -> list[int]:
    """Return the ascending numbers of output channels that a step may work on."""
    whole = [geometry.group_out * count for count in divisors(geometry.groups)]
    return [*divisors(geometry.group_out), *whole[1:]]


def legal_simd(geometry: LinearGeometry, pe: int) -> list[int]:
    """Return the ascending numbers of input channels that each of ``pe`` output channels may read in a step."""
    return divisors(geometry.group_in) if pe <= geometry.group_out else [geometry.group_in]


def divisors(number: int) -> list[int]:
    """Return the ascending divisors of ``number``."""
    return [n for n in range(1, number + 1) if number % n == 0]
