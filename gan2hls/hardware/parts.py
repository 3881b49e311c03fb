"""FPGA parts that a design can be folded for: resources, packages and grades, as the maker's data sheets give them.

A part name is checked whole, for the tools take no other: device, package, speed grade and, from UltraScale+ on,
temperature grade.  Sources: DS190, DS180, DS891, DS890, DS987, and Vivado's own list of part names; FPGA-DS-02012 of
ECP5, and the database of Project Trellis.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, product
from typing import final

from gan2hls.base import ConfigError
from gan2hls.fabric import ECP5, SERIES_7, Family, Resources

_log = logging.getLogger(__name__)

#: What may be passed on to tools; their scripts are text.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,63}")


@final
@dataclass(frozen=True)
class Device:
    """A device with what it comes in.

    Of Versal, whose DSP58 does all that a DSP48E2 does, multipliers are used as in UltraScale+.

    Attributes:
        resources: what it has.
        packages: as in Vivado's part names.
        grades: speed grades without their dash; of UltraScale+ devices with temperature grade, as ``1L-i``, of Versal
            ones as ``2MP-e-S``; of 7 series devices with the letter that Vivado puts behind the device, ``l2L`` being
            ``xc7k325tlffg900-2L``; of ECP5 with the temperature grade behind them, as ``6C``.
        bambu: the package and speed grade that bambu knows the device in, or None.
        family: what its cells are.
    """

    resources: Resources
    packages: tuple[str, ...]
    grades: tuple[str, ...]
    bambu: tuple[str, str] | None = None
    family: Family = SERIES_7


def _has(dsp: int, bram36: int, lut: int, ff: int, uram: int = 0) -> Resources:
    """Return what a device has, with block RAMs of 36 kbit, as data sheets count them."""
    return Resources(dsp, lut, ff, 2 * bram36, uram)


_ZYNQ_FB = ("fbg676", "fbv676", "ffg676", "ffv676")
_ZYNQ_FF = (*_ZYNQ_FB, "ffg900", "ffv900")
_SMALL_ARTIX = ("cpg236", "csg324", "csg325", "ftg256", "fgg484")
_MIDDLE_ARTIX = ("csg324", "ftg256", "fgg484", "fgg676")
_KINTEX = ("fbg676", "fbv676", "ffg676", "ffv676")
_LARGE_KINTEX = (*_KINTEX, "fbg900", "fbv900", "ffg900", "ffv900")
_SMALL_ZU = ("sbva484", "sfva625", "sfvc784")
_ECP5_GRADES, _ECP5_5G_GRADES = ("6C", "6I", "7C", "7I", "8C", "8I"), ("8C", "8I")
_SMALL_ECP5 = ("tg144", "bg256", "mg285", "bg381")
_MIDDLE_ECP5, _LARGE_ECP5 = ("mg285", "bg381", "bg554"), ("mg285", "bg381", "bg554", "bg756")
_ONE_CORE, _ZYNQ, _LARGE_ZYNQ = ("1", "2"), ("1", "2", "3", "i1L"), ("1", "2", "3", "i2L")
_LOW_POWER = ("1", "2", "3", "2L", "l2L", "i1L")
_KINTEX_GRADES = ("1", "2", "3", "2L", "l2L", "i2L")
_EXTENDED = ("1-e", "1-i", "1L-i", "1LV-i", "2-e", "2-i", "2L-e", "2LV-e")
_ALL_EXTENDED = (*_EXTENDED, "3-e")

PARTS: dict[str, Device] = {
    "xc7z007s": Device(_has(66, 50, 14_400, 28_800), ("clg225", "clg400"), _ONE_CORE),
    "xc7z012s": Device(_has(120, 72, 34_400, 68_800), ("clg485",), _ONE_CORE),
    "xc7z014s": Device(_has(170, 107, 40_600, 81_200), ("clg400", "clg484"), _ONE_CORE),
    "xc7z010": Device(_has(80, 60, 17_600, 35_200), ("clg225", "clg400"), _ZYNQ),
    "xc7z015": Device(_has(160, 95, 46_200, 92_400), ("clg485",), _ZYNQ),
    "xc7z020": Device(_has(220, 140, 53_200, 106_400), ("clg400", "clg484"), _ZYNQ, ("clg484", "1")),
    "xc7z030": Device(
        _has(400, 265, 78_600, 157_200), ("sbg485", "sbv485", "fbg484", "fbv484", *_ZYNQ_FB), _LARGE_ZYNQ
    ),
    "xc7z035": Device(_has(900, 500, 171_900, 343_800), _ZYNQ_FF, _LARGE_ZYNQ),
    "xc7z045": Device(_has(900, 545, 218_600, 437_200), _ZYNQ_FF, _LARGE_ZYNQ, ("ffg900", "2")),
    "xc7z100": Device(_has(2020, 755, 277_400, 554_800), ("ffg900", "ffv900", "ffg1156", "ffv1156"), ("1", "2", "i2L")),
    "xc7a15t": Device(_has(45, 25, 10_400, 20_800), _SMALL_ARTIX, _LOW_POWER),
    "xc7a35t": Device(_has(90, 50, 20_800, 41_600), _SMALL_ARTIX, _LOW_POWER),
    "xc7a50t": Device(_has(120, 75, 32_600, 65_200), _SMALL_ARTIX, _LOW_POWER),
    "xc7a75t": Device(_has(180, 105, 47_200, 94_400), _MIDDLE_ARTIX, _LOW_POWER),
    "xc7a100t": Device(_has(240, 135, 63_400, 126_800), _MIDDLE_ARTIX, _LOW_POWER, ("csg324", "1")),
    "xc7a200t": Device(
        _has(740, 365, 134_600, 269_200),
        ("sbg484", "sbv484", "fbg484", "fbv484", "fbg676", "fbv676", "ffg1156", "ffv1156"),
        _LOW_POWER,
    ),
    "xc7k70t": Device(_has(240, 135, 41_000, 82_000), ("fbg484", "fbv484", "fbg676", "fbv676"), _KINTEX_GRADES),
    "xc7k160t": Device(_has(600, 325, 101_400, 202_800), ("fbg484", "fbv484", *_KINTEX), _KINTEX_GRADES),
    "xc7k325t": Device(_has(840, 445, 203_800, 407_600), _LARGE_KINTEX, _KINTEX_GRADES),
    "xc7k410t": Device(_has(1540, 795, 254_200, 508_400), _LARGE_KINTEX, _KINTEX_GRADES),
    "xczu2eg": Device(_has(240, 150, 47_232, 94_464), _SMALL_ZU, _EXTENDED),
    "xczu3eg": Device(_has(360, 216, 70_560, 141_120), _SMALL_ZU, _EXTENDED),
    "xczu4ev": Device(_has(728, 128, 87_840, 175_680, 48), ("sfvc784", "fbvb900"), _ALL_EXTENDED),
    "xczu5ev": Device(_has(1248, 144, 117_120, 234_240, 64), ("sfvc784", "fbvb900"), _ALL_EXTENDED),
    "xczu6eg": Device(_has(1973, 714, 214_604, 429_208), ("ffvc900", "ffvb1156"), _ALL_EXTENDED),
    "xczu7ev": Device(_has(1728, 312, 230_400, 460_800, 96), ("fbvb900", "ffvc1156", "ffvf1517"), _ALL_EXTENDED),
    "xczu9eg": Device(_has(2520, 912, 274_080, 548_160), ("ffvc900", "ffvb1156"), _ALL_EXTENDED),
    "xczu15eg": Device(_has(3528, 744, 341_280, 682_560, 112), ("ffvc900", "ffvb1156"), _ALL_EXTENDED),
    "xcku5p": Device(
        _has(1824, 480, 216_960, 433_920, 64), ("ffva676", "ffvb676", "sfvb784", "ffvd900"), _ALL_EXTENDED
    ),
    "xck26": Device(_has(1248, 144, 117_120, 234_240, 64), ("sfvc784",), ("2LV-c", "2LVI-i")),
    # Versal AI Edge, as a report of Vivado's for it counts; UltraRAMs are not in that, so designs use none.
    "xcve2802": Device(_has(1312, 600, 520_704, 1_041_408), ("vsvh1760",), ("2MP-e-S",)),
    "xcu250": Device(_has(12_288, 2688, 1_728_000, 3_456_000, 1280), ("figd2104",), ("2-e", "2L-e", "2LV-e")),
    "lfe5u-12f": Device(Resources(28, 12_000, 12_000, 32), _SMALL_ECP5, _ECP5_GRADES, None, ECP5),
    "lfe5u-25f": Device(Resources(28, 24_288, 24_288, 56), _SMALL_ECP5, _ECP5_GRADES, None, ECP5),
    "lfe5u-45f": Device(
        Resources(72, 43_848, 43_848, 108), ("tg144", "bg256", *_MIDDLE_ECP5), _ECP5_GRADES, None, ECP5
    ),
    "lfe5u-85f": Device(Resources(156, 83_640, 83_640, 208), _LARGE_ECP5, _ECP5_GRADES, ("bg756", "8C"), ECP5),
    "lfe5um-25f": Device(Resources(28, 24_288, 24_288, 56), ("mg285", "bg381"), _ECP5_GRADES, None, ECP5),
    "lfe5um-45f": Device(Resources(72, 43_848, 43_848, 108), _MIDDLE_ECP5, _ECP5_GRADES, None, ECP5),
    "lfe5um-85f": Device(Resources(156, 83_640, 83_640, 208), _LARGE_ECP5, _ECP5_GRADES, None, ECP5),
    "lfe5um5g-25f": Device(Resources(28, 24_288, 24_288, 56), ("mg285", "bg381"), _ECP5_5G_GRADES, None, ECP5),
    "lfe5um5g-45f": Device(Resources(72, 43_848, 43_848, 108), _MIDDLE_ECP5, _ECP5_5G_GRADES, None, ECP5),
    "lfe5um5g-85f": Device(Resources(156, 83_640, 83_640, 208), _LARGE_ECP5, _ECP5_5G_GRADES, None, ECP5),
}
#: What Project Trellis calls packages.
_ECP5_PACKAGES = {"tg": "TQFP", "bg": "CABGA", "mg": "CSFBGA"}
#: Temperature grades in the ordering codes of 7 series devices, by grade: commercial, extended, industrial.
_TEMPERATURES = {"1": "ci", "2": "cei", "3": "e", "2L": "e", "l2L": "", "i1L": "i", "i2L": "i"}


@final
@dataclass(frozen=True)
class Part:
    """A listed part.

    Attributes:
        device: a key of ``PARTS``.
        package: one of the device's.
        grade: one of the device's.
    """

    device: str
    package: str
    grade: str

    @property
    def speed(self) -> str:
        """The speed grade without its dash, such as ``1`` or ``2L``."""
        return self.grade.lstrip("li").partition("-")[0]

    @property
    def family(self) -> Family:
        """What its cells are."""
        return PARTS[self.device].family

    @property
    def name(self) -> str:
        """The name that its maker's tools take: Vivado and Vitis HLS, or Diamond."""
        if self.family is ECP5:
            return f"{self.device}-{self.grade[0]}{self.package}{self.grade[1]}".upper()
        if "-" in self.grade:
            return f"{self.device}-{self.package}-{self.grade}"
        letter = self.grade[0] if self.grade[0] in "li" else ""
        return f"{self.device}{letter}{self.package}-{self.speed}"

    @property
    def bambu(self) -> str | None:
        """What bambu's ``--device-name`` takes: the device in the package and speed grade that bambu knows, or None."""
        known = PARTS[self.device].bambu
        if known is None:
            return None
        if self.family is ECP5:
            return Part(self.device, *known).name.replace("-", "")
        return f"{self.device},-{known[1]},{known[0]},VVD"

    @property
    def nextpnr(self) -> str | None:
        """The arguments that nextpnr-ecp5 takes for it, such as ``--85k --package CABGA381 --speed 6``, or None."""
        if self.family is not ECP5:
            return None
        kind, size = self.device.removeprefix("lfe5").removesuffix("f").split("-")
        size = f"{kind}-{size}k".removeprefix("u-")
        package = f"{_ECP5_PACKAGES[self.package[:2]]}{self.package[2:]}"
        return f"--{size} --package {package} --speed {self.grade[0]}"


def find_part(name: str) -> Part | None:
    """Return the listed part that ``name`` spells, in its tools' way or as an ordering code, or None."""
    device = _device(name)
    return None if device is None else _spellings(device).get(name.lower())


def part_name(name: str, *, unlisted: bool) -> str:
    """Return ``name`` as its maker's tools spell it; with ``unlisted`` any other name as it is.

    Raises:
        ConfigError: a part that is not listed, or with ``unlisted`` what cannot be the name of one.
    """
    part = find_part(name)
    if part is not None:
        return part.name
    error = _unknown(name)
    if not unlisted or not _NAME.fullmatch(name):
        raise error
    if _device(name) is not None:
        _log.warning("%s; it is passed on as it is, since target.dsp is given", error.message)
    return name


def part_resources(name: str) -> Resources:
    """Return the resources of the device that ``name`` begins with.

    Raises:
        ConfigError: a part that is not listed.
    """
    device = _device(name)
    if device is None:
        raise _unknown(name)
    return PARTS[device].resources


def part_family(name: str) -> Family:
    """Return the family of the device that ``name`` begins with; of one that is not listed ``SERIES_7``."""
    device = _device(name)
    return SERIES_7 if device is None else PARTS[device].family


def _device(name: str) -> str | None:
    return max((device for device in PARTS if name.lower().startswith(device)), key=len, default=None)


@cache
def _spellings(device: str) -> dict[str, Part]:
    """Return the parts of ``device`` by every accepted spelling, in lower case; the first of two parts keeps one."""
    spelled: dict[str, Part] = {}
    for package in PARTS[device].packages:
        for grade in PARTS[device].grades:
            part = Part(device, package, grade)
            spelled[part.name.lower()] = part
            for fields in _fields(part):
                for dashes in product(("", "-"), repeat=len(fields) - 1):
                    text = "".join(chain.from_iterable(zip(fields, (*dashes, ""), strict=True)))
                    spelled.setdefault(text.lower(), part)
    return spelled


def _fields(part: Part) -> Iterator[tuple[str, ...]]:
    """Yield what a name of ``part`` may consist of, in Vivado's order and in that of ordering codes."""
    if part.family is ECP5:
        yield from ((part.device, part.grade[0], part.package, letter) for letter in (part.grade[1], ""))
        return
    speed, _, temperature = part.grade.lstrip("li").partition("-")
    codes = (speed, f"L{speed[:-1]}") if speed.endswith("L") else (speed,)
    for letter in (temperature,) if temperature else ("", *_TEMPERATURES[part.grade]):
        yield from (
            (part.device, part.package, speed, letter),
            *((part.device, c, part.package, letter) for c in codes),
        )


def _unknown(name: str) -> ConfigError:
    device = _device(name)
    if device is None:
        budget = "target.dsp, or " if _NAME.fullmatch(name) else ""
        return ConfigError(
            f"part {name!r} is not known",
            where="target.part",
            hint=f"give {budget}one of {', '.join(PARTS)} with package and speed grade, "
            f"such as {Part('xc7z020', 'clg400', '1').name}",
        )
    parts = [Part(device, PARTS[device].packages[0], grade) for grade in PARTS[device].grades]
    packages = PARTS[device].packages
    wrong = "speed grade" if any(package in name.lower() for package in packages) else "package"
    if wrong == "speed grade" and "-" in PARTS[device].grades[0]:
        wrong = "speed and temperature grade"
    return ConfigError(
        f"part {name!r} names no {wrong} that the {device} comes in",
        where="target.part",
        hint=f"packages: {', '.join(packages)}; with their grades: {', '.join(part.name for part in parts)}",
    )
