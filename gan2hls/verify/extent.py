"""How much of a large design is simulated unless the configuration says it: frames, tests of a bench, RTL at all."""

from __future__ import annotations

from gan2hls.config import VerifyConfig
from gan2hls.hardware import Design, estimate
from gan2hls.model import IntegerModel

#: Frames of a co-simulation, and those where a frame has so many MACs that C++ needs a second or more for them.
_FRAMES, _FRAMES_OF_LARGE, _LARGE_MACS = 3, 1, 100_000_000
#: Clocks of a frame above which RTL is simulated only where it is asked for: an hour or so for the frames of all tests.
_LONG_FRAME = 2_000_000
#: The test of the hls bench that a large model runs: the order of beats in and out, with waits at both ends.
_TESTS_OF_LARGE = ("idle_back_pressure",)


def frames_of(config: VerifyConfig, model: IntegerModel) -> int:
    """Return the number of real frames of each co-simulation: what ``config`` says, or by the MACs of ``model``."""
    if config.frames is not None:
        return config.frames
    return _FRAMES_OF_LARGE if is_large(model) else _FRAMES


def is_large(model: IntegerModel) -> bool:
    """Return whether a frame of ``model`` takes C++ a second or more."""
    return sum(layer.op.useful_macs for layer in model.layers) > _LARGE_MACS


def hls_tests(model: IntegerModel) -> tuple[str, ...]:
    """Return the tests that the hls step runs; none: all."""
    return _TESTS_OF_LARGE if is_large(model) else ()


def why_no_rtl(config: VerifyConfig, design: Design) -> str | None:
    """Return why RTL is not simulated where nobody named the steps, or None where it is."""
    interval = estimate(design).interval
    if config.steps is not None or interval <= _LONG_FRAME:
        return None
    clocks = f"a {'frame' if design.batch == 1 else 'batch'} takes {interval:,} clocks, more than {_LONG_FRAME:,}"
    return f"{clocks}; --verify float,csim,hls,rtl simulates it all the same"
