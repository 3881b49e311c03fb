"""What stands between more bits for activations and their goal, measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gan2hls.base import ConfigError
from gan2hls.formats import Precision
from gan2hls.quantize.range_search import RangeSearch, Trial
from gan2hls.quantize.widen import MOST_BITS
from gan2hls.quantize.widening import Widening, choices, psnr_of


def what_stops(search: RangeSearch, best: Trial, widening: Widening, formats: Mapping[str, Precision]) -> str:
    """Say why more bits for activations do not reach the goal; what is said to help has been measured.

    ``formats`` are those of weights by layer, but for codes of the file.
    """
    dearer = widening.dearer
    if dearer is not None and dearer.psnr_db >= widening.goal_db:
        return f"{_missed(widening)}; {dearer}"
    text = _what_most_bring(search, best, widening) + _what_else(search, best, widening, formats)
    return text if dearer is None or dearer.psnr_db <= widening.psnr_db else f"{text}; {dearer}"


def _missed(widening: Widening) -> str:
    return f"activation: auto misses {widening.goal_db:g} dB on the frames that judge with {widening.psnr_db:.1f} dB"


def _what_most_bring(search: RangeSearch, best: Trial, widening: Widening) -> str:
    """Say what the most bits bring."""
    free = len(widening.free)
    which = "all" if free == len(choices(search.graph)) else f"the {free} that can have more"
    return f"{_missed(widening)}: {MOST_BITS} bits for {which} give {widening.most_db:.1f} dB"


def _what_else(search: RangeSearch, best: Trial, widening: Widening, formats: Mapping[str, Precision]) -> str:
    """Say whether the outputs, or weights, stop the goal."""
    fine = Precision("int", MOST_BITS)
    outputs = [port.name for port in search.graph.outputs if port.name not in search.graph.pinned]
    outputs = [name for name in outputs if name in search.precisions and search.precisions[name].may_widen]
    db = _measured(search, best, {**best.wide, **dict.fromkeys(outputs, MOST_BITS)}) if outputs else None
    if db is not None and db >= widening.goal_db:
        keys = " and ".join(f"layers.{name}.precision.activation" for name in outputs)
        return f"; what its outputs are rounded to stops it, {keys}: {fine} would let it reach {db:.1f} dB"
    if not formats:
        return "; the codes of weights are the file's"
    had = ", ".join(sorted({str(precision) for precision in formats.values()}))
    weights = {name: replace(search.precisions[name], weight=fine, codes=None) for name in formats}
    finer = RangeSearch(search.graph, search.streams, {**search.precisions, **weights}, search.places)
    db = _measured(finer.judged_on(search.judge), best, dict.fromkeys(widening.free, MOST_BITS))
    if db is None:
        return ""
    if db >= widening.goal_db:
        return f"; weights of {had} stop it, of precision.weight: {fine} they would let it reach {db:.1f} dB"
    return f"; weights of {had} do not stop it alone: of {fine} beside them they give {db:.1f} dB"


def _measured(search: RangeSearch, best: Trial, wide: Mapping[str, int]) -> float | None:
    """Return the PSNR with bits of activations as in ``wide``; None: accumulators would be too wide."""
    try:
        return psnr_of(search, search.measure(best.alpha, best.candidate, wide).held_error)
    except ConfigError:
        return None
