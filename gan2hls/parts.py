"""FPGA parts that a design can be folded for, with the resources that the makers' data sheets give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gan2hls.errors import ConfigError


@final
@dataclass(frozen=True)
class Resources:
    """What a part has: DSP blocks, 36-kbit block RAMs, LUTs and flip-flops."""

    dsp: int
    bram36: int
    lut: int
    ff: int


#: By device, the part name up to its package.  Sources: DS190, DS180, DS891, DS890.
PARTS: dict[str, Resources] = {
    "xc7z010": Resources(80, 60, 17_600, 35_200),
    "xc7z020": Resources(220, 140, 53_200, 106_400),
    "xc7z030": Resources(400, 265, 78_600, 157_200),
    "xc7z035": Resources(900, 500, 171_900, 343_800),
    "xc7z045": Resources(900, 545, 218_600, 437_200),
    "xc7a35t": Resources(90, 50, 20_800, 41_600),
    "xc7a100t": Resources(240, 135, 63_400, 126_800),
    "xc7a200t": Resources(740, 365, 134_600, 269_200),
    "xc7k325t": Resources(840, 445, 203_800, 407_600),
    "xczu3eg": Resources(360, 216, 70_560, 141_120),
    "xczu7ev": Resources(1728, 312, 230_400, 460_800),
    "xczu9eg": Resources(2520, 912, 274_080, 548_160),
    "xck26": Resources(1248, 144, 117_120, 234_240),
    "xcu250": Resources(12_288, 2688, 1_728_000, 3_456_000),
}


def part_resources(part: str) -> Resources:
    """Return the resources of ``part``, a full part name such as ``xc7z020clg400-1``.

    Raises:
        ConfigError: a part that is not listed.
    """
    device = max((name for name in PARTS if part.lower().startswith(name)), key=len, default=None)
    if device is None:
        raise ConfigError(
            f"part {part!r} is not known",
            where="target.part",
            hint=f"give target.dsp, or one of {', '.join(PARTS)} with package and speed grade",
        )
    return PARTS[device]
