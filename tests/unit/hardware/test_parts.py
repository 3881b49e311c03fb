"""Part names: checked whole, written as the tools take them."""

from __future__ import annotations

import logging

import pytest

from gan2hls.base.errors import ConfigError
from gan2hls.fabric import ECP5, SERIES_7
from gan2hls.hardware.parts import PARTS, Part, find_part, part_family, part_name, part_resources

ALL = [
    Part(name, package, grade)
    for name, device in PARTS.items()
    for package in device.packages
    for grade in device.grades
]
FIRST = {name: (device.packages[0], device.grades[0]) for name, device in PARTS.items()}


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("xc7z020clg400-1", "xc7z020clg400-1"),
        ("xc7z020-clg400-1", "xc7z020clg400-1"),
        ("XC7Z020-1CLG400C", "xc7z020clg400-1"),
        ("XC7Z020-1CLG400I", "xc7z020clg400-1"),
        ("XC7Z020CLG484-1", "xc7z020clg484-1"),
        ("xc7z020-1-clg400", "xc7z020clg400-1"),
        ("XC7Z010-L1CLG400I", "xc7z010iclg400-1L"),
        ("XC7A35T-1CPG236C", "xc7a35tcpg236-1"),
        ("xc7a35ticsg324-1l", "xc7a35ticsg324-1L"),
        ("xc7a35tcsg324-1L", "xc7a35ticsg324-1L"),
        ("xc7a100tcsg324-1", "xc7a100tcsg324-1"),
        ("xc7k325tffg900-2L", "xc7k325tffg900-2L"),
        ("xc7k325tlffg900-2L", "xc7k325tlffg900-2L"),
        ("XC7K325T-L2FFG900I", "xc7k325tiffg900-2L"),
        ("xczu3eg-sbva484-1-e", "xczu3eg-sbva484-1-e"),
        ("XCZU3EG-1SBVA484E", "xczu3eg-sbva484-1-e"),
        ("XCZU9EG-L2FFVB1156E", "xczu9eg-ffvb1156-2L-e"),
        ("xczu7ev-ffvc1156-3-e", "xczu7ev-ffvc1156-3-e"),
        ("XCK26-SFVC784-2LV-C", "xck26-sfvc784-2LV-c"),
        ("xck26-sfvc784-2LVI-i", "xck26-sfvc784-2LVI-i"),
        ("XCVE2802-VSVH1760-2MP-E-S", "xcve2802-vsvh1760-2MP-e-S"),
        ("xcu250-figd2104-2L-e", "xcu250-figd2104-2L-e"),
        ("LFE5U-85F-6BG381C", "LFE5U-85F-6BG381C"),
        ("lfe5u-85f-6bg381", "LFE5U-85F-6BG381C"),
        ("lfe5u-12f-8-tg144-i", "LFE5U-12F-8TG144I"),
        ("LFE5UM5G-45F-8BG554C", "LFE5UM5G-45F-8BG554C"),
    ],
)
def test_usual_spellings_become_those_of_the_tools(name: str, own: str) -> None:
    part = find_part(name)
    assert part is not None and part.name == own
    assert part_name(name, unlisted=False) == part_name(name, unlisted=True) == own


def test_every_listed_part_reads_back_from_its_own_name() -> None:
    names = [part.name for part in ALL]
    assert len(set(names)) == len(names)
    assert [find_part(name) for name in names] == ALL
    assert [find_part(name.upper()) for name in names] == ALL


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("xc7z020", "package"),
        ("xc7z020clg400", "speed grade"),
        ("xc7z020-clg400", "speed grade"),
        ("xc7z020clg400-4", "speed grade"),
        ("xc7z020clg400-1e", "speed grade"),
        ("xc7z020clg400-1-1", "speed grade"),
        ("xc7z020clg40-0-1", "package"),
        ("xc7z020ffg900-1", "package"),
        ("xc7z010clg484-1", "package"),
        ("xc7z0200clg400-1", "speed grade"),
        ("xczu3eg-sbva484-1", "speed and temperature grade"),
        ("xczu3eg-sbva484-3-e", "speed and temperature grade"),
        ("xczu3eg-sbva484-1-c", "speed and temperature grade"),
        ("xczu3eg-ffvb1156-1-e", "package"),
        ("xcu250", "package"),
        ("LFE5U-85F", "package"),
        ("LFE5U-85F-6BG256C", "package"),
        ("LFE5U-85F-9BG381C", "speed grade"),
        ("LFE5UM5G-85F-6BG381C", "speed grade"),
    ],
)
def test_what_a_listed_device_does_not_come_in_is_refused_with_what_it_does(name: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=f"names no {wrong} that the (xc|lfe5u)") as found:
        part_name(name, unlisted=False)
    named = found.value.hint.partition("grades: ")[2].split(", ")
    assert named and all(part_name(legal, unlisted=False) == legal for legal in named), "each name in the hint works"


def test_a_stated_budget_passes_other_names_on(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert part_name("xcvu9p-flga2104-2-i", unlisted=True) == "xcvu9p-flga2104-2-i"
        assert not caplog.records
        assert part_name("xc7z020clg999-1", unlisted=True) == "xc7z020clg999-1"
    assert "passed on as it is" in caplog.text
    with pytest.raises(ConfigError, match="'xcvu9p-flga2104-2-i' is not known") as found:
        part_name("xcvu9p-flga2104-2-i", unlisted=False)
    assert "target.dsp" in found.value.hint


@pytest.mark.parametrize("name", ["", "x", "../x;", "xcvu9p flga2104", "xc7z020 clg400-1", "a" * 65, "xc7z020\nputs"])
@pytest.mark.parametrize("unlisted", [False, True])
def test_what_can_be_no_part_name_gets_the_list(name: str, unlisted: bool) -> None:
    with pytest.raises(ConfigError, match="part ") as found:
        part_name(name, unlisted=unlisted)
    assert "target.dsp" not in found.value.hint, "which would not help"
    assert "such as xc7z020clg400-1" in found.value.hint or "xc7z020clg400-1," in found.value.hint


def test_resources_are_those_of_the_device() -> None:
    assert {part_resources(part.name) for part in ALL} == {device.resources for device in PARTS.values()}


def test_bambu_gets_the_device_in_the_package_and_grade_that_it_knows() -> None:
    """Files of these names lie in bambu's ``etc/devices``."""
    known = {part.device: part.bambu for part in ALL if part.bambu is not None}
    assert known == {
        "xc7z020": "xc7z020,-1,clg484,VVD",
        "xc7z045": "xc7z045,-2,ffg900,VVD",
        "xc7a100t": "xc7a100t,-1,csg324,VVD",
        "lfe5u-85f": "LFE5U85F8BG756C",
    }
    for part in ALL:
        if part.bambu is not None and part.family is SERIES_7:
            device, speed, package, _ = part.bambu.split(",")
            assert find_part(f"{device}{package}{speed}") is not None, "bambu's is a part of the same device"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("LFE5U-85F-6BG381C", "--85k --package CABGA381 --speed 6"),
        ("LFE5U-12F-7TG144I", "--12k --package TQFP144 --speed 7"),
        ("LFE5UM-25F-8MG285C", "--um-25k --package CSFBGA285 --speed 8"),
        ("LFE5UM5G-45F-8BG554I", "--um5g-45k --package CABGA554 --speed 8"),
        ("xc7z020clg400-1", None),
    ],
)
def test_nextpnr_gets_device_package_and_speed(name: str, arguments: str | None) -> None:
    part = find_part(name)
    assert part is not None and part.nextpnr == arguments


def test_a_family_is_that_of_the_device() -> None:
    families = {name: part_family(Part(name, *parts).name) for name, parts in FIRST.items()}
    assert {name for name, family in families.items() if family is ECP5} == {n for n in PARTS if n.startswith("lfe5")}
    assert {name for name, family in families.items() if family is SERIES_7} == {n for n in PARTS if n.startswith("xc")}
    assert part_family("made_up") is SERIES_7
