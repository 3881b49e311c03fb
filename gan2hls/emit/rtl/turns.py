"""An engine at which layers take turns: what stands in front of it and behind it, and numbers of its requantizer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from gan2hls.emit.rtl.memory import address_bits
from gan2hls.hardware import QUEUE_WORDS, EngineDesign, LinearEngine, turn_of
from gan2hls.numbers import IntType

Values = dict[str, str | int]


def turns_context(engine: EngineDesign) -> dict[str, Any]:
    """Return what the template needs to know of the layers that take turns at ``engine``."""
    beats = engine.turn_beats
    given = [layer.input_type.int_type for layer in engine.layers]
    sent = [layer.output_type.int_type for layer in engine.layers]
    mux: Values = {
        "Inputs": len(given),
        "Lanes": engine.turn_lanes,
        "AccBits": engine.in_elem.bits,
        "InBits": sum(elem.bits for elem in given),
        "BeatBits": address_bits(beats),
        **_places(given),
        "Signed": packed(int(elem.signed) for elem in given),
        "ZeroPoints": packed(layer.input_type.zero_point for layer in engine.layers),
        "Beats": packed([beats] * len(given)),
    }
    demux: Values = {
        "Outputs": len(sent),
        "Lanes": engine.out_lanes,
        "Beats": engine.out_beats,
        "InBits": engine.out_elem.bits,
        "OutBits": sum(elem.bits for elem in sent),
        **_places(sent),
    }
    narrow = engine.turn_lanes * engine.in_elem.bits
    up: Values | None = None
    queue: dict[str, Any] | None = None
    streams = []  # beside what the engine takes
    if engine.given_lanes:
        up = {"Width": narrow, "Ratio": engine.in_lanes // engine.given_lanes}
        streams.append(("queued", narrow - 1))
    if engine.given_depth:
        module = "g2h_ring" if engine.given_depth > QUEUE_WORDS else "g2h_queue"
        queue = {"module": module, "parameters": {"Width": narrow, "Depth": engine.given_depth}}
        streams.append(("turn", narrow - 1))
    layers = [{"name": layer.name, "source": layer.source} for layer in engine.layers]
    vectors = engine.vector_cycles.size if isinstance(engine, LinearEngine) else None
    return {
        "layers": layers,
        "vectors": vectors,
        "mux": mux,
        "queue": queue,
        "up": up,
        "streams": streams,
        "demux": demux,
    }


def requant_turns(engine: EngineDesign) -> Values:
    """Return the parameters of a requantizer whose layers take turns."""
    turns = [turn_of(layer) for layer in engine.layers]
    least = min(turn.shift for turn in turns)
    return {
        "Shift": least,
        "Turns": len(turns),
        "TurnBeats": engine.out_beats,
        "MoreShifts": packed(turn.shift - least for turn in turns),
        "ZeroPoints": packed(turn.zero_point for turn in turns),
        "Los": packed(turn.lo for turn in turns),
        "His": packed(turn.hi for turn in turns),
    }


def _places(elems: Sequence[IntType]) -> Values:
    """Return how wide elements are, and where they stand side by side, as parameters."""
    bits = [elem.bits for elem in elems]
    return {"Bits": packed(bits), "Offsets": packed(accumulate(bits[:-1], initial=0))}


def packed(values: Iterable[int]) -> str:
    """Return numbers of 32 bits as a packed array, the first one in the least significant bits."""
    words = ", ".join(f"32'h{value & 0xFFFFFFFF:08x}" for value in reversed(list(values)))
    return f"{{{words}}}"
