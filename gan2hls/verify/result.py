"""What one step of the verification ladder found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, final

Status = Literal["passed", "failed", "skipped"]


@final
@dataclass(frozen=True)
class Measurements:
    """What a simulation measured; cycles are clock cycles.

    Attributes:
        latency_cycles: from the first input beat taken to the last output beat of the first frame.
        interval_cycles: between the last beats of two frames in the steady state, without waits on either side.
        executed_steps: MAC steps of one frame, counted in hardware, by layer; each is PE x SIMD MACs.
        layer_cycles: clocks of one frame in which a layer works: its MAC steps, or its output beats if it has none.
    """

    latency_cycles: int | None = None
    interval_cycles: int | None = None
    executed_steps: Mapping[str, int] = field(default_factory=dict)
    layer_cycles: Mapping[str, int] = field(default_factory=dict)


@final
@dataclass(frozen=True)
class StepResult:
    """The verdict of one step.

    Attributes:
        status: ``skipped`` means that it could not run, never that nothing was found.
        reason: why it was skipped or what failed, in words.
        frames: output frames compared.
        values: integers compared.
        mismatches: how many of them differ.
        first_mismatch: layer, place, expected and got of the first one, in stream order of the layers.
        measurements: cycles, where the step measures them.
    """

    status: Status
    reason: str = ""
    frames: int = 0
    values: int = 0
    mismatches: int = 0
    first_mismatch: str | None = None
    measurements: Measurements = field(default_factory=Measurements)

    def __post_init__(self) -> None:
        assert self.status != "passed" or (self.mismatches == 0 and self.values > 0), "passed without evidence"

    def to_json(self) -> str:
        """Return the result as a JSON object, keys in order of declaration."""
        return json.dumps(asdict(self), indent=1)
