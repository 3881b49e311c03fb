"""Line buffers that have no room for the next frame's first rows: which, what they spare, and what pace they keep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gan2hls.base import FoldingError
from gan2hls.fabric import SERIES_7, Resources
from gan2hls.hardware import (
    Design,
    Folding,
    FoldingRequest,
    LinearEngine,
    OffChip,
    Target,
    design_resources,
    estimate,
    make_engine,
    schedule,
    waits_for_bands,
    weigh,
    within_budget,
)
from gan2hls.hardware.budget import MemoryPort, Utilization
from gan2hls.hardware.line_buffer import line_buffer_rows
from gan2hls.hardware.off_chip import Bands
from gan2hls.hardware.option import Short
from gan2hls.hardware.options import options
from gan2hls.hardware.resources import engine_resources
from gan2hls.hardware.search import Choices
from gan2hls.model import IntegerModel
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import LinearGeometry
from tests.randomized import chain, conv, conv_transpose, dense, linear_layer

INT8 = QuantType(IntType(8, signed=True), 1.0)
ON_CHIP = MemoryPort(off_chip=False, maps=False)
#: Words of 32 bits in line buffers and weights: 576 clocks a pixel.
PINNED = {name: FoldingRequest(1, 4, 1) for name in ("l0", "l1", "l2")}


def valid_convolutions() -> IntegerModel:
    """3 x 3 without padding, three times, from 12 x 32 pixels to 6 x 26: 128 words a row of a line buffer, or less."""
    rng = np.random.default_rng(0)
    layers, given = [], INT8
    for n in range(3):
        layers.append(linear_layer(rng, f"l{n}", "z", conv((12 - 2 * n, 32 - 2 * n), 16, 16, p=0), given))
        given = layers[-1].output_type
    return chain("valid_convolutions", (12, 32, 16), INT8, layers)


def within(bram18: int) -> Design:
    target = Target(utilization=Utilization(bram=(bram18 + 0.5) / 280), memory=ON_CHIP)
    return schedule(valid_convolutions(), target, PINNED)


def rows(design: Design) -> list[int]:
    return [engine.rows for engine in design.engines if isinstance(engine, LinearEngine)]


def test_a_short_buffer_by_hand() -> None:
    """12 rows, windows of 3: the last window and the next frame's first are 6 rows, two windows of a frame are 4."""
    bands = Bands(conv((12, 32), 16, 16, p=0).y, 1)
    assert (bands.window, bands.frame_rows, bands.buffer_rows) == (3, 4, 6)
    assert [bands.late_rows(rows) for rows in (4, 5, 6, 7)] == [2, 1, 0, 0]
    padded = Bands(conv((12, 32), 16, 16).y, 1)
    assert (padded.frame_rows, padded.buffer_rows) == (4, 4)
    assert [bands.waiting_rows(rows) for rows in (3, 4)] == [9, 0]
    assert [padded.waiting_rows(rows) for rows in (3, 4)] == [9, 0]
    whole = Bands(conv_transpose((4, 4), 8, 8).y, 8)
    assert (whole.frame_rows, whole.buffer_rows) == (4, 8)
    assert [whole.late_rows(rows) for rows in (4, 8)] == [4, 0]


def test_block_rams_are_spared_where_the_pace_allows_it() -> None:
    """4 rows of 128 words are one block RAM of 512 x 36, 6 are two; of 12 rows 2 are late, of 10, of 8."""
    free = schedule(valid_convolutions(), Target(memory=ON_CHIP), PINNED)
    taken, works = design_resources(free).bram18, [h * w * 576 for h, w in ((10, 30), (8, 28), (6, 26))]
    assert rows(free) == [6, 6, 6] and free.interval == works[0]
    assert works[1] * 10 / 8 < works[0] and works[2] * 8 / 6 < works[0]
    kept = within(taken - 2)
    assert rows(kept) == [6, 4, 4] and design_resources(kept).bram18 == taken - 2
    assert estimate(kept).interval == estimate(free).interval
    short = within(taken - 3)
    assert rows(short) == [4, 4, 4] and design_resources(short).bram18 == taken - 3
    assert estimate(free).interval < estimate(short).interval <= works[0] * 12 / 10


def wide_convolutions(size: tuple[int, int] = (8, 128), channels: int = 16) -> IntegerModel:
    """3 x 3, three times: a row of a line buffer is 512 words of 32 bits, one block RAM."""
    rng = np.random.default_rng(0)
    layers, given = [], INT8
    for n in range(3):
        geometry = conv(size, channels, channels)
        layers.append(linear_layer(rng, f"l{n}", f"l{n - 1}" if n else "z", geometry, given))
        given = layers[-1].output_type
    return chain("wide_convolutions", (*size, channels), INT8, layers)


@pytest.mark.parametrize(
    ("off_chip", "bram18", "expected", "slower"),
    [
        (False, 18, [(4, 2)] * 3, 1.1),
        (False, 15, [(3, 2)] * 3, 2.0),
        (True, 18, [(4, 1)] * 3, 1.03),
        (True, 15, [(3, 1)] * 3, 1.13),
    ],
)
def test_a_band_waits_where_block_ram_is_short(
    off_chip: bool, bram18: int, expected: list[tuple[int, int]], slower: float
) -> None:
    """Of weights on chip a row waits for the one before: twice the time.  A pass over others is long beside what waits.

    The least line buffers hold three rows, and codes of one band.
    """
    memory, model = MemoryPort(off_chip=off_chip, maps=False), wide_convolutions()
    free = schedule(model, Target(memory=memory), PINNED)
    target = Target(utilization=Utilization(bram=(bram18 + 0.5) / 280), memory=memory)
    made = schedule(model, target, PINNED)
    engines = [engine for engine in made.engines if isinstance(engine, LinearEngine)]
    found = [(e.rows, 2 if e.off_chip is None else e.off_chip.banks) for e in engines]
    assert found == expected and design_resources(made).bram18 <= bram18 < design_resources(free).bram18
    assert [waits_for_bands(e) for e in engines] == [min(pair) < 2 or pair[0] < 4 for pair in expected]
    assert estimate(free).interval < estimate(made).interval <= slower * free.interval
    weighed = weigh(made, model, target, PINNED)
    assert weighed is not None and weighed.taken == design_resources(made)
    with pytest.raises(FoldingError, match="15 block RAMs of 18 kbit, 14 are allowed"):
        schedule(model, replace(target, utilization=Utilization(bram=14.5 / 280)), PINNED)


def test_a_band_of_a_whole_map_waits_where_codes_of_one_are_kept() -> None:
    """It is of the next frame."""
    layer = linear_layer(np.random.default_rng(0), "l0", "z", conv((4, 4), 16, 16), INT8)
    engines = [make_engine(layer, Folding(1, 4, 1), off_chip=OffChip(4, 64, banks=banks)) for banks in (1, 2)]
    assert [waits_for_bands(engine) for engine in engines] == [True, False]


def test_rows_that_wait_are_counted_at_the_pace_of_their_engine() -> None:
    """Of 12 rows nine wait for the row before theirs, and one for the frame; codes leave, a beat a clock."""
    layer = linear_layer(np.random.default_rng(0), "l0", "z", conv((12, 128), 16, 16), INT8)
    request = FoldingRequest(1, 4, 1, off_chip=True)
    every = [o for o in options(layer, request, MemoryPort(), short="band") if o.off_chip and o.off_chip.band_rows == 1]
    plain, single, three = (
        next(o for o in every if (o.single, o.rows) == wanted) for wanted in ((False, 0), (True, 0), (False, 3))
    )
    assert three.interval == -(-plain.interval * 12 // 11) + -(-plain.interval * 9 // 12)
    assert single.interval == plain.interval + 12 * 128 * 16


def test_nothing_is_short_where_all_fits() -> None:
    design = within(design_resources(schedule(valid_convolutions(), Target(memory=ON_CHIP), PINNED)).bram18)
    assert rows(design) == [6, 6, 6]


def test_long_buffers_are_tried_where_short_ones_come_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No search but the last is to find anything."""
    searches: list[bool] = []
    real, nothing = within_budget.search_within, within_budget.Found(None, Resources())

    def only_the_last(model: IntegerModel, choices: Choices, target: Target, budget: Resources) -> object:
        searches.append(any(option.rows for found in choices.options.values() for option in found))
        return nothing if len(searches) < 3 else real(model, choices, target, budget)

    monkeypatch.setattr(within_budget, "search_within", only_the_last)
    made = schedule(valid_convolutions(), Target(), PINNED)
    assert searches == [False, True, False] and rows(made) == [6, 6, 6]


def test_queues_are_not_forgotten_where_longer_buffers_come_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the search with short ones put aside is told, not the nothing of one that found no folding."""
    asides = iter(Resources(bram18=count) for count in (0, 6, 0))
    monkeypatch.setattr(within_budget, "search_within", lambda *_: within_budget.Found(None, next(asides)))
    _, found = within_budget._each_its_own(valid_convolutions(), Target(), {})
    assert found.aside.bram18 == 6


@pytest.mark.parametrize(
    ("geometry", "some"),
    [
        (conv((12, 32), 16, 16, p=0), True),
        (conv((12, 32), 16, 16, k=5, p=0), True),
        (conv((12, 32), 16, 16, k=2, s=2, p=0), False),
        (conv((12, 32), 16, 16), False),
        (conv_transpose((12, 32), 16, 16), False),
        (dense(64, 32), False),
    ],
    ids=["valid", "wide", "strided", "padded", "transposed", "dense"],
)
def test_options_are_those_that_spare_block_rams(geometry: LinearGeometry, some: bool) -> None:
    """The least interval of a pace at which all rows but the late ones come while the frame before is computed."""
    layer = linear_layer(np.random.default_rng(0), "l0", "z", geometry, INT8)
    every = options(layer, FoldingRequest(), ON_CHIP, short="frame")
    assert [option for option in every if not option.rows] == list(options(layer, FoldingRequest(), ON_CHIP))
    y, in_rows = geometry.y, geometry.y.in_size
    for option in every:
        if not option.rows:
            continue
        (full,) = (other for other in every if option.spares_ram_of(other))
        assert full.taken.bram18 > option.taken.bram18 and full.taken.dsp == option.taken.dsp
        assert option.rows < line_buffer_rows(layer, option.folding)
        assert option.taken == engine_resources(LinearEngine(layer, option.folding, option.rows), SERIES_7).taken
        for need, base in zip(y.need[1:], y.base, strict=False):
            assert need - base <= option.rows
        late = in_rows + y.need[0] - y.base[-1] - option.rows
        assert late > 0 and (option.interval - 1) * (in_rows - late) < full.interval * in_rows
        assert option.interval * (in_rows - late) >= full.interval * in_rows
    assert any(option.rows for option in every) == some


@pytest.mark.parametrize("short", ["frame", "band"])
@pytest.mark.parametrize("geometry", [conv((12, 32), 16, 16, p=0), conv((12, 32), 16, 16, k=5, p=0)])
def test_with_weights_outside_they_take_what_their_engines_do(geometry: LinearGeometry, short: Short) -> None:
    """What a short line buffer takes is derived from what a long one does; so it is with the codes of one band."""
    layer = linear_layer(np.random.default_rng(0), "l0", "z", geometry, INT8)
    every = options(layer, FoldingRequest(off_chip=True), MemoryPort(), short=short)
    short_ones = [option for option in every if option.spares_ram]
    assert short_ones and all(option.off_chip is not None for option in every)
    assert {option.single for option in every} == ({False, True} if short == "band" else {False})
    for option in short_ones:
        assert option.off_chip is not None
        (plain,) = (other for other in every if option.spares_ram_of(other))
        assert plain.taken.bram18 > option.taken.bram18 and plain.interval <= option.interval
        rows = option.rows or line_buffer_rows(layer, option.folding, option.off_chip.band_rows)
        engine = LinearEngine(layer, option.folding, rows, off_chip=option.off_chip)
        assert option.taken == engine_resources(engine, SERIES_7).taken
