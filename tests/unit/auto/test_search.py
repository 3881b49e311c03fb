"""The search on made-up layers: their bits, blocks and errors are given, so what is best is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.auto.assignment import Assignment, Goal, Prices, Usage
from gan2hls.auto.search import Search
from gan2hls.base.errors import ConfigError
from gan2hls.fit.layer_precision import LayerPrecision
from gan2hls.formats.precision import Precision
from gan2hls.ops import Linear, dense_geometry

INT8, INT4, TERNARY = map(Precision.parse, ("int8", "int4", "ternary"))
Error = Callable[[Mapping[str, Precision]], float]
Table = Mapping[str, Mapping[Precision, Usage]]

LINEAR = Linear("dense", dense_geometry(1, 1), np.ones((1, 1, 1)))


@dataclass(frozen=True)
class Codes:
    """Stands for the codes of a layer: a format, and the bits they take."""

    precision: Precision
    bits: int


class Stub:
    """Tools of made-up numbers: the output has a range of 1, so an error of 1e-3 is 30 dB.

    Args:
        usage: by layer and format.
        error: of formats by layer.
        later: bits that a layer takes more once it is reconstructed behind others.
        blocks: of 32 bits, those of a layer its own, that a design holds.
    """

    peak = 1.0

    def __init__(self, usage: Table, error: Error, later: Mapping[str, int] | None = None, blocks: int = 1000) -> None:
        self.table, self.error, self.later, self.blocks = usage, error, later or {}, blocks
        self.done: list[tuple[object, ...]] = []

    def fit(self, layer: Any, precision: Precision) -> Any:
        self.done.append(("fit", layer.name, precision))
        return Codes(precision, self.table[layer.name][precision].bits)

    def usage(self, layer: Any, weight: Any) -> Usage:
        known = self.table[layer.name][weight.precision]
        return Usage(weight.bits, known.dsp, known.lut)

    def sequence(self, choice: Mapping[str, Precision]) -> Any:
        self.done.append(("sequence", *choice.values()))
        return {name: Codes(p, self.table[name][p].bits + self.later.get(name, 0)) for name, p in choice.items()}

    def measure(self, codes: Mapping[str, Any]) -> float:
        self.done.append(("measure", *codes.values()))
        return self.error({name: c.precision for name, c in codes.items()})

    def fits(self, codes: Mapping[str, Any]) -> bool:
        return sum(-(-code.bits // 32) for code in codes.values()) <= self.blocks

    def progress(self, detail: str) -> None:
        assert detail


def search(stub: Stub, **goal: Any) -> Assignment:
    names = list(stub.table)
    candidates = tuple(next(iter(stub.table.values())))
    layers = [SimpleNamespace(name=name, op=LINEAR) for name in names]
    precisions = {name: LayerPrecision(None, INT8) for name in names}
    asked = Goal(goal.pop("policy", "search"), candidates, **goal)
    found, codes = Search(SimpleNamespace(layers=layers), precisions, names, asked, stub).run()  # type: ignore[arg-type]
    assert {name: str(code.precision) for name, code in codes.items()} == formats(found)
    return found


def formats(found: Assignment) -> dict[str, str]:
    return {choice.layer: choice.precision for choice in found.layers}


def bits(**of: tuple[int, ...]) -> dict[str, dict[Precision, Usage]]:
    """Bits of every layer in int8, int4 and ternary."""
    return {name: {p: Usage(n) for p, n in zip((INT8, INT4, TERNARY), row, strict=True)} for name, row in of.items()}


def adding(of: Mapping[Precision, float], base: float = 1e-5) -> Error:
    """Errors that add up over layers, whatever the layer."""
    return lambda chosen: base + sum(of[p] for p in chosen.values())


ALIKE = bits(a=(80, 40, 20), b=(80, 40, 20))
ADDING = adding({INT8: 0.0, INT4: 1e-4, TERNARY: 1e-2})


def cancelling(chosen: Mapping[str, Precision]) -> float:
    """The errors of two int4 layers cancel; the sum of what each adds says 20 dB, the network has 40."""
    return 1e-4 if set(chosen.values()) == {INT4} else adding({INT8: 0.0, INT4: 5e-3, TERNARY: 2e-2})(chosen)


@pytest.mark.parametrize("goal", [{"psnr_min_db": 35.0}, {"weight_bits_max": 100}, {"cost_max": 100.0}])
def test_a_uniform_format_wins_where_errors_do_not_add_up(goal: dict[str, Any]) -> None:
    found = search(Stub(ALIKE, cancelling), **goal)
    assert formats(found) == {"a": "int4", "b": "int4"}
    assert found.bits == 80 and found.psnr_db == pytest.approx(40)
    assert [(one.precision, one.bits) for one in found.uniform if one.psnr_db > 35] == [("int4", 80)]


def test_a_budget_below_every_uniform_format_is_kept_by_a_mixed_one() -> None:
    """Tables and scales can make another format the smallest in another layer."""
    table = bits(a=(80, 40, 20), b=(80, 25, 30))
    assert formats(search(Stub(table, ADDING), weight_bits_max=47)) == {"a": "ternary", "b": "int4"}
    with pytest.raises(ConfigError, match="no assignment has 44 bits") as caught:
        search(Stub(table, ADDING), weight_bits_max=44)
    assert caught.value.hint.startswith("the least are 45 bits, at ")
    assert caught.value.hint.endswith("a ternary, b int4")


def test_an_assignment_above_the_budget_is_never_taken() -> None:
    """Layers that are reconstructed together may take more bits than by themselves: the search asks for less."""
    table = bits(a=(80, 40, 20), b=(80, 60, 20))
    adds = {("a", INT4): 1e-4, ("a", TERNARY): 2e-4, ("b", INT4): 5e-4, ("b", TERNARY): 1e-2}

    def error(chosen: Mapping[str, Precision]) -> float:
        return 1e-5 + sum(adds.get(one, 0.0) for one in chosen.items())

    assert formats(search(Stub(table, error), weight_bits_max=130)) == {"a": "int4", "b": "int8"}
    found = search(Stub(table, error, {"a": 30}), weight_bits_max=130)
    assert found.bits == 130 and formats(found) == {"a": "ternary", "b": "int8"}


def test_a_budget_is_kept_though_the_fits_alone_are_above_it() -> None:
    assert search(Stub(ALIKE, ADDING, {"a": -5}), weight_bits_max=36).bits == 35


def test_the_best_within_reach_may_be_mixed() -> None:
    """One layer is best in another format than the reference: that counts where more PSNR is asked."""
    adds = {("a", INT4): -1e-5, ("a", TERNARY): -9e-5, ("b", INT4): 2e-4, ("b", TERNARY): 1e-2}

    def error(chosen: Mapping[str, Precision]) -> float:
        return 1e-4 + sum(adds.get(one, 0.0) for one in chosen.items())

    table = bits(a=(80, 40, 60), b=(80, 40, 20))
    assert formats(search(Stub(table, error), psnr_min_db=49.0)) == {"a": "ternary", "b": "int8"}
    with pytest.raises(ConfigError, match="no assignment reaches 60 dB") as caught:
        search(Stub(table, error), psnr_min_db=60.0)
    assert caught.value.hint.startswith("the best are 50.0 dB, with 140 bits of weights: a ternary, b int8")


@pytest.mark.parametrize(
    ("goal", "message", "hint"),
    [
        ({"policy": "uniform", "weight_bits_max": 30}, "no uniform assignment has 30", "the least are 40 bits"),
        ({"policy": "uniform", "psnr_min_db": 60.0}, "no uniform assignment reaches 60", "the best are 50.0 dB"),
        ({"cost_max": 30.0}, "no assignment costs 30 or less", "the least is 40, of 40 bits, 0 DSP blocks and 0 LUTs"),
    ],
)
def test_every_policy_says_what_can_be_had(goal: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        search(Stub(ALIKE, ADDING), **goal)
    assert hint in caught.value.hint
    assert ("policy search" in caught.value.hint) == ("policy" in goal)


#: Ternary takes more bits here (scales), but no DSP block.
BLOCKS = {name: {INT8: Usage(80, 8), INT4: Usage(20, 8), TERNARY: Usage(26, 0, 90)} for name in ("a", "b")}


@pytest.mark.parametrize(
    ("prices", "chosen", "cost"),
    [
        (Prices(), {"a": "int4", "b": "int4"}, 40),
        (Prices(dsp=2.0), {"a": "ternary", "b": "ternary"}, 52),
        (Prices(dsp=2.0, lut=0.5), {"a": "int4", "b": "int4"}, 72),
        (Prices(bits=0.0, dsp=1.0), {"a": "ternary", "b": "ternary"}, 0),
    ],
)
def test_dsp_blocks_and_luts_count_at_their_prices(prices: Prices, chosen: dict[str, str], cost: float) -> None:
    found = search(Stub(BLOCKS, adding({INT8: 0.0, INT4: 1e-6, TERNARY: 1e-6})), psnr_min_db=30.0, prices=prices)
    assert formats(found) == chosen and found.cost == pytest.approx(cost)
    assert found.cost == pytest.approx(prices.cost(Usage(found.bits, found.dsp, found.lut)))
    for choice in found.layers:
        told = next(one for one in choice.alternatives if one.precision == choice.precision)
        assert (choice.bits, choice.dsp, choice.lut, choice.cost) == (told.bits, told.dsp, told.lut, told.cost)


def test_bits_alone_count_where_they_have_the_limit() -> None:
    found = search(Stub(BLOCKS, ADDING), weight_bits_max=100, prices=Prices(dsp=1e6))
    assert formats(found) in ({"a": "int8", "b": "int4"}, {"a": "int4", "b": "int8"})


def test_nothing_is_fitted_or_measured_twice() -> None:
    stub = Stub(bits(a=(80, 40, 20), b=(90, 45, 21), c=(40, 21, 11)), ADDING)
    search(stub, psnr_min_db=35.0)
    assert len(stub.done) == len(set(stub.done))


@given(st.integers(1, 3), st.integers(0, 2**32 - 1), st.floats(0, 1), st.booleans())
def test_the_optimum_is_found_where_errors_add_up(layers: int, seed: int, where: float, budget: bool) -> None:
    rng = np.random.default_rng(seed)
    names = [f"l{n}" for n in range(layers)]
    table = {n: {p: Usage(*map(int, rng.integers(1, 50, 3))) for p in (INT8, INT4, TERNARY)} for n in names}
    adds = {(n, p): 0.0 if p == INT8 else float(rng.uniform(1e-5, 1e-2)) for n in names for p in (INT8, INT4, TERNARY)}
    prices = Prices(1.0, 3.0, 0.25)

    def error(chosen: Mapping[str, Precision]) -> float:
        return 1e-5 + sum(adds[one] for one in chosen.items())

    every = [dict(zip(names, chosen, strict=True)) for chosen in product((INT8, INT4, TERNARY), repeat=layers)]
    rated = [(sum(prices.cost(table[n][p]) for n, p in one.items()), -10 * np.log10(error(one))) for one in every]
    stub = Stub(table, error)
    if budget:
        least, most = (f(cost for cost, _ in rated) for f in (min, max))
        limit = max(1e-9, least + where * (most - least) + 1e-6)
        found = search(stub, cost_max=limit, prices=prices)
        assert found.cost <= limit
        assert found.psnr_db == pytest.approx(max(psnr for cost, psnr in rated if cost <= limit))
    else:
        least, most = (f(psnr for _, psnr in rated) for f in (min, max))
        limit = least + where * (most - least) - 1e-6
        found = search(stub, psnr_min_db=limit, prices=prices)
        assert found.psnr_db >= limit
        assert found.cost == pytest.approx(min(cost for cost, psnr in rated if psnr >= limit))


@given(st.integers(2, 3), st.integers(0, 2**32 - 1), st.floats(0.1, 0.9), st.sampled_from([0.2, 0.5, 3.0]))
def test_errors_that_are_not_their_sum_move_the_limit(layers: int, seed: int, where: float, times: float) -> None:
    """Together layers lose ``times`` what each loses alone: the goal is kept, no dearer than by a uniform format."""
    rng = np.random.default_rng(seed)
    names = [f"l{n}" for n in range(layers)]
    adds = {(n, p): float(rng.uniform(1e-4, 1e-2)) if p != INT8 else 0.0 for n in names for p in (INT8, INT4, TERNARY)}
    table = {n: {INT8: Usage(80), INT4: Usage(int(rng.integers(30, 60))), TERNARY: Usage(20)} for n in names}

    def error(chosen: Mapping[str, Precision]) -> float:
        several = sum(p != INT8 for p in chosen.values()) > 1
        return 1e-5 + (times if several else 1.0) * sum(adds[one] for one in chosen.items())

    every = [dict(zip(names, chosen, strict=True)) for chosen in product((INT8, INT4, TERNARY), repeat=layers)]
    psnrs = [-10 * np.log10(error(one)) for one in every]
    goal = min(psnrs) + where * (max(psnrs) - min(psnrs))
    found = search(Stub(table, error), psnr_min_db=goal)
    assert found.psnr_db >= goal
    certain = [one for one, psnr in zip(every, psnrs, strict=True) if psnr >= goal and len(set(one.values())) == 1]
    assert found.bits <= min(sum(table[n][p].bits for n, p in one.items()) for one in certain)


@pytest.mark.parametrize(
    ("blocks", "chosen"),
    [
        (6, ("int8", "int8")),
        (5, ("int4", "int8")),
        (4, ("int4", "int4")),
        (3, ("ternary", "int4")),
        (2, ("ternary", "ternary")),
        (1, ("ternary", "ternary")),
    ],
)
def test_formats_are_found_whose_design_fits(blocks: int, chosen: tuple[str, str]) -> None:
    """80 bits take three blocks, 40 two and 20 one; where nothing fits it is what has the fewest bits."""
    errors = {("a", INT4): 1e-4, ("a", TERNARY): 1e-3, ("b", INT4): 2e-4, ("b", TERNARY): 1e-2}

    def error(of: Mapping[str, Precision]) -> float:
        return 1e-5 + sum(errors.get(one, 0.0) for one in of.items())

    found = search(Stub(ALIKE, error, blocks=blocks), fit=True)
    assert tuple(formats(found).values()) == chosen


def test_what_fits_by_itself_but_not_behind_others_gets_fewer_bits() -> None:
    """Layer ``a`` takes 30 bits more in the whole network: three blocks instead of two."""
    errors = adding({INT8: 0.0, INT4: 1e-4, TERNARY: 1e-3})
    found = search(Stub(ALIKE, errors, {"a": 30}, blocks=4), fit=True)
    assert formats(found) == {"a": "ternary", "b": "int4"}


def test_a_uniform_format_has_to_fit_too() -> None:
    found = search(Stub(ALIKE, ADDING, blocks=4), fit=True, policy="uniform")
    assert formats(found) == {"a": "int4", "b": "int4"}


@given(st.integers(1, 3), st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_no_uniform_format_that_fits_is_better(layers: int, seed: int, blocks: int) -> None:
    rng = np.random.default_rng(seed)
    table = {f"l{n}": {p: Usage(int(rng.integers(4, 97))) for p in (INT8, INT4, TERNARY)} for n in range(layers)}
    adds = {(n, p): float(rng.uniform(1e-4, 1e-2)) for n in table for p in (INT8, INT4, TERNARY)}
    stub = Stub(table, lambda chosen: 1e-5 + sum(adds[one] for one in chosen.items()), blocks=blocks)
    found = search(stub, fit=True)
    chosen = {choice.layer: Codes(Precision.parse(choice.precision), choice.bits) for choice in found.layers}
    fitting = [
        -10 * np.log10(1e-5 + sum(adds[name, p] for name in table))
        for p in (INT8, INT4, TERNARY)
        if stub.fits({name: Codes(p, table[name][p].bits) for name in table})
    ]
    assert stub.fits(chosen) or not fitting
    assert not fitting or found.psnr_db >= max(fitting) - 1e-9
