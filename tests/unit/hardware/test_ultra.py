"""UltraRAMs: which memories may be there, when they are, and that a part that has them holds more."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from gan2hls.base import FoldingError
from gan2hls.fabric import BRAM18_BITS, SERIES_7, URAM_BITS, may_be_ultra, memory_cells
from gan2hls.hardware import Design, FoldingRequest, Target, design_resources, estimate, schedule
from gan2hls.hardware.budget import MemoryPort, Utilization, part_budget
from gan2hls.hardware.options import options
from gan2hls.hardware.queues import queues_in_ultra, queues_off_chip
from gan2hls.model import IntegerModel
from gan2hls.numbers import IntType, QuantType
from tests.random_integer_graphs import u_net_design
from tests.randomized import chain, conv, linear_layer

INT8 = QuantType(IntType(8, signed=True), 1.0)
ON_CHIP = MemoryPort(off_chip=False, maps=False)
#: 48 UltraRAMs, 256 block RAMs of 18 kbit; and one without UltraRAMs.
PART, OTHER = "xczu4ev-sfvc784-1-e", "xczu3eg-sfvc784-1-e"
#: One channel of 256 after the other, a depthwise convolution each: words of 8 x 8 bits.
PINNED = {f"l{n}": FoldingRequest(8, 1, 8) for n in range(3)}


def depthwise() -> IntegerModel:
    """Three 3 x 3 layers on 64 x 256 channels, whose line buffers have 5 rows: 640 kbit each."""
    rng = np.random.default_rng(0)
    layers, given = [], INT8
    for n in range(3):
        layers.append(linear_layer(rng, f"l{n}", "z", conv((4, 64), 256, 256, groups=256), given))
        given = layers[-1].output_type
    return chain("depthwise", (4, 64, 256), INT8, layers)


def target(bram: float, uram: float = 1.0, part: str = PART) -> Target:
    return Target(part=part, utilization=Utilization(bram=bram, uram=uram), memory=ON_CHIP)


def ultra(design: Design) -> list[list[str]]:
    return [sorted(engine.ultra) for engine in design.engines]


def test_the_count_by_hand() -> None:
    """4096 words of 72 bits are one, wider and longer ones several; 3072: 3 rows of 64 x 256 channels, 16 a word."""
    counts = {(72, 4096): 1, (73, 4096): 2, (72, 4097): 2, (128, 3072): 2, (37, 8192): 2, (1, 1): 1, (145, 8193): 9}
    for (width, depth), count in counts.items():
        cells = memory_cells(SERIES_7, width, depth, "ultra")
        assert (cells.uram, cells.bram18, cells.lut, cells.registers) == (count, 0, 0, True)
        assert cells.slices == -(-depth // 4096)


def test_narrow_words_share_rows_by_hand() -> None:
    """Of 8 bytes of 9 bits, where one slice is not enough: UltraRAMs, and words to select from."""
    counts = {
        (8, 4096): (1, 1),
        (8, 4097): (1, 8),
        (9, 32_768): (1, 8),
        (9, 32_769): (2, 16),
        (16, 12_288): (1, 4),
        (18, 16_385): (2, 8),
        (20, 8192): (1, 2),
        (36, 36_000): (5, 10),
    }
    for (width, depth), (uram, words) in counts.items():
        cells = memory_cells(SERIES_7, width, depth, "ultra")
        assert (cells.uram, cells.slices) == (uram, words)


def test_what_takes_two_block_rams_may_be_an_ultra_ram() -> None:
    assert may_be_ultra(SERIES_7, 72, 2048) and may_be_ultra(SERIES_7, 9, 2049)
    assert not may_be_ultra(SERIES_7, 9, 2048) and not may_be_ultra(SERIES_7, 36, 512)
    assert not may_be_ultra(SERIES_7, 512, 8), "that is LUT RAM"


def test_a_part_holds_more_with_its_ultra_rams() -> None:
    """Three line buffers of five rows, of which the least are four."""
    model = depthwise()
    with pytest.raises(FoldingError, match="block RAMs of 18 kbit, 40 are allowed"):
        schedule(model, target(40.5 / 256, uram=0), PINNED)
    made = schedule(model, target(40.5 / 256), PINNED)
    taken, sizes = design_resources(made), [engine.written["line_buffer"] for engine in made.engines]
    assert ultra(made) == [["line_buffer"], ["line_buffer"], ["line_buffer"]]
    assert sizes == [(64, 5 * 64 * 32)] * 3 and taken.uram == 3 * 3
    assert taken.bram18 <= 40


def test_a_budget_of_bits_counts_them_behind_block_rams() -> None:
    """What the hint names is enough, and a bit less is not."""
    model, limited = depthwise(), replace(target(40.5 / 256), memory_bits=40 * BRAM18_BITS)
    assert (limited.budget.bram18, limited.budget.uram) == (40, 0)
    with pytest.raises(FoldingError) as found:
        schedule(model, limited, PINNED)
    (way,) = [line for line in found.value.hint.splitlines() if "memory_bits_max: " in line]
    bits = int(way.split("memory_bits_max: ")[1].split()[0])
    taken = design_resources(schedule(model, replace(limited, memory_bits=bits), PINNED))
    assert bits == 40 * BRAM18_BITS + taken.uram * URAM_BITS > taken.bram18 * BRAM18_BITS
    with pytest.raises(FoldingError):
        schedule(model, replace(limited, memory_bits=bits - 1), PINNED)


def test_a_part_that_has_them_is_named() -> None:
    """Of all parts of so few LUTs the first whose block RAMs and UltraRAMs hold it, at this share of the former."""
    with pytest.raises(FoldingError) as found:
        schedule(depthwise(), target(0.1, part=OTHER), PINNED)
    assert "a larger part: xczu4ev holds it" in found.value.hint and "48 UltraRAMs and 256" in found.value.hint
    assert schedule(depthwise(), target(0.1), PINNED).engines


def test_no_more_than_is_wanted() -> None:
    """All stay block RAM where that is enough, and only as many leave it as must."""
    model = depthwise()
    plain = schedule(model, target(1.0, uram=0), PINNED)
    made = schedule(model, target(1.0), PINNED)
    assert ultra(made) == ultra(plain) == [[], [], []]
    assert design_resources(made) == design_resources(plain) and design_resources(made).uram == 0
    blocks = design_resources(plain).bram18
    short = schedule(model, target((blocks - 0.5) / 256), PINNED)
    assert sorted(map(len, ultra(short))) == [0, 0, 1]
    assert estimate(short).interval == estimate(plain).interval


def test_parts_without_have_no_such_options() -> None:
    (layer, *_) = depthwise().layers
    request = PINNED["l0"]
    assert not part_budget(OTHER, None, Utilization()).uram and not part_budget("xc9", 100, Utilization()).uram
    assert not Target(part=OTHER).has_ultra and not Target(part="xc9", dsp=100).has_ultra
    every = options(layer, request, ON_CHIP, ultra=True)
    assert [option for option in every if not option.ultra] == list(options(layer, request, ON_CHIP))
    for option in every:
        if option.ultra:
            (plain,) = (other for other in every if option.spares_ram_of(other))
            assert option.taken.uram and option.taken.bram18 < plain.taken.bram18
            assert replace(option.taken, lut=0, ff=0, uram=0, bram18=plain.taken.bram18) == replace(
                plain.taken, lut=0, ff=0
            )
            assert option.interval == plain.interval


def test_memories_of_weights_off_chip_leave_one_by_one() -> None:
    """First those of which an UltraRAM spares most block RAMs; LUT RAM never does."""
    rng = np.random.default_rng(0)
    layer = linear_layer(rng, "l0", "z", conv((16, 64), 64, 64, k=1, p=0), INT8)
    found = options(layer, FoldingRequest(8, 8, 8), MemoryPort(off_chip=True), ultra=True)
    chains = {option.off_chip: [] for option in found}
    for option in found:
        chains[option.off_chip].append(option)
    for off_chip, chain_ in chains.items():
        assert off_chip is not None
        made = sorted(chain_, key=lambda option: len(option.ultra))
        assert [len(option.ultra) for option in made] == list(range(len(made)))
        assert all(few.ultra < many.ultra for few, many in pairwise(made))
        assert all("tiles" not in option.ultra for option in made), "two tiles of 8 words"
    assert any(option.ultra == {"line_buffer", "codes"} for option in found)


def test_queues_go_there_before_they_go_off_chip() -> None:
    """Queues of a U-Net, longer than they need be: the largest first, and none where block RAM is enough."""
    short = u_net_design(0)
    made = replace(short, depths={key: 9000 + 100 * n for n, key in enumerate(short.depths)})
    taken = design_resources(made)
    rings = [e for e in made.edges if e.in_ram and may_be_ultra(SERIES_7, e.queued.bits, e.depth)]
    assert len(rings) == len(short.depths) == 4
    assert queues_in_ultra(made, replace(taken, uram=48)) is made
    one = queues_in_ultra(made, replace(taken, bram18=taken.bram18 - 1, uram=48))
    largest = max(rings, key=lambda e: e.depth * e.queued.bits)
    assert one.ultra == {(largest.reader, largest.port)}
    found = design_resources(one)
    cells = memory_cells(SERIES_7, largest.queued.bits, largest.depth, "ultra")
    assert found.uram == cells.uram and found.bram18 < taken.bram18
    assert queues_in_ultra(made, replace(taken, bram18=0, uram=cells.uram - 1)).ultra < {
        (e.reader, e.port) for e in rings
    }
    every = queues_in_ultra(made, replace(taken, bram18=0, uram=48))
    assert every.ultra == {(e.reader, e.port) for e in rings}
    away = queues_off_chip(every, replace(taken, bram18=0, uram=48), 64)
    assert not away.ultra & away.off_chip.keys()
