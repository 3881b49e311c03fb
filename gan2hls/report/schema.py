"""The report: what a build costs, what the picture lost, and what was verified.  Written as ``report.json``.

The JSON schema stands in ``docs/schemas/report.schema.json``, the meaning of the fields in ``docs/report.md``.  Equal
builds give equal reports but for ``seconds``.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gan2hls.config import VERIFY_STEPS
from gan2hls.fabric import MemoryName
from gan2hls.hardware import Written

Status = Literal["passed", "failed", "skipped"]


def _db(value: Any) -> Any:
    """Ratios are rounded to what is reproducible; an infinite one (no error at all) becomes null."""
    if isinstance(value, float):
        return round(value, 3) if math.isfinite(value) else None
    return value


Decibel = Annotated[float | None, BeforeValidator(_db)]
Count = Annotated[int, Field(ge=0)]
Cost = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class PortReport(_Part):
    """An input or output."""

    name: str = Field(description="Name of the stream.")
    onnx_name: str = Field(description="Name in the ONNX model.")
    onnx_shape: tuple[int, ...] = Field(description="Shape in the ONNX model, batch 1.")
    shape: tuple[int, int, int] = Field(description="Stream (H, W, C).")
    type: str = Field(description="Integer type of a code.")
    scale: float = Field(description="real = scale * (code - zero_point)")
    zero_point: int = Field(description="Code of the real 0.")


class ModelReport(_Part):
    """Where the design came from."""

    name: str = Field(description="Identifier of the design.")
    sha256: str = Field(description="SHA-256 of the ONNX file.")
    inputs: tuple[PortReport, ...]
    outputs: tuple[PortReport, ...]
    params: Count = Field(description="Parameters of the ONNX model.")
    integer_sha256: str = Field(description="SHA-256 of the saved integer model; quality and float belong to it.")


class PrecisionReport(_Part):
    """Number formats of a layer; null where it has none."""

    weight: str | None = Field(description="As asked for.")
    activation: str = Field(description="Integer type of the output codes.")
    acc: str = Field(description="Exact accumulator type.")


class FoldingReport(_Part):
    """Parallelism of a layer: accumulators, products of each, channels requantized in a clock."""

    pe: Count
    simd: Count
    lanes: Count


class Cycles(_Part):
    """Clock cycles; null: not estimated, or not measured."""

    estimated: Count | None
    measured: Count | None


class Interval(Cycles):
    """Clock cycles between frames in the steady state."""

    limit: Count = Field(description="max over layers of ceil(useful_macs / (pe * simd)): no interval can be shorter.")
    hls_estimated: Count | None = Field(
        None, description="Of the HLS C++, whose loops start anew with each frame; the other numbers are the RTL's."
    )


class WeightBits(_Part):
    """Memory of a layer's weights, in bits."""

    float32: Count = Field(description="All weights as float32.")
    encoded: Count = Field(description="Stored weights by the codec's formula, centroids included.")
    scales: Count = Field(description="A multiplier of the requantizer per scale.")
    pointers: Count = Field(description="The program that skips empty blocks.")
    padding: Count = Field(description="What the memories have beyond encoded.")


class BlockReport(_Part):
    """Blocks of PE x SIMD weights: one takes a word and, per output pixel that uses it, a clock."""

    total: Count
    stored: Count = Field(description="Without those that are empty, where the engine skips them.")
    skipping: bool = Field(description="Whether the engine skips empty blocks.")


class ResourceReport(_Part):
    """Estimated resources: of an engine with the queues and width converters at its inputs, or of a design.

    Reports from before LUTs, flip-flops and UltraRAMs were estimated have null.
    """

    dsp: Count = Field(description="DSP blocks.")
    lut: Count | None = Field(None, description="LUTs, those of distributed RAM and shift registers among them.")
    ff: Count | None = Field(None, description="Flip-flops.")
    bram18: Count = Field(description="18-kbit block RAMs; half a 36-kbit one.")
    uram: Count | None = Field(None, description="UltraRAMs.")


class BufferReport(_Part):
    """A memory of an engine that is written: its line buffer, tiles and band codes, or the map of a normalization.

    ``turns`` is the queue in front of it in which the next turn waits, where layers take turns.
    """

    name: Written | Literal["turns"]
    width_bits: Count = Field(description="Of a word.")
    words: Count
    memory: MemoryName = Field(description="What it is made of: LUTs or flip-flops, block RAMs, or UltraRAMs.")


class EdgeReport(_Part):
    """A tensor on its way into a layer."""

    tensor: str = Field(description="The layer, or input, that makes it.")
    beats: Count = Field(description="Beats of a frame, as its maker sends them.")
    queue_bits: Count = Field(description="Bits that wait in front of the layer for another branch; 0: none do.")
    queue_memory: MemoryName | None = Field(
        None, description="What that queue is made of; null: there is none, or it is in external memory."
    )


class LayerReport(_Part):
    """One layer."""

    name: str
    kind: str
    codec: str | None = Field(description="Codec of the weights in memory; null: no weights.")
    source: str = Field(description="ONNX nodes.")
    shape: tuple[int, int, int] = Field(description="Output (H, W, C).")
    precision: PrecisionReport
    params: Count
    useful_macs: Count = Field(description="MACs that touch a real input and a real weight.")
    executed_macs: Count | None = Field(description="MACs counted in the RTL simulation; null: not simulated.")
    zero_insertion_macs: Count = Field(description="MACs of an engine that inserts zeros.")
    padded_phase_macs: Count = Field(description="MACs of an engine that pads phases to ceil(K / S) taps.")
    folding: FoldingReport
    shares: str | None = Field(
        None,
        description="The first of the layers that take turns at its engine, which has its resources; null: its own.",
    )
    waits_for_bands: bool = Field(
        False,
        description="Whether it computes a band of output rows only when the one before is done and has left: for want "
        "of block RAM.",
    )
    cycles: Cycles
    weight_bits: WeightBits
    blocks: BlockReport | None = Field(description="Null: no weights.")
    resources: ResourceReport
    inputs: tuple[EdgeReport, ...] = Field((), description="What it reads, by input.")
    buffers: tuple[BufferReport, ...] = Field((), description="Its memories that are written, on chip.")
    sqnr_db: Decibel = Field(description="Signal to quantization noise at this layer's output; null: not measured.")
    file_codes_differ: Count | None = Field(
        None, description="Output codes unlike the file's own; null: the file does not quantize it, or not measured."
    )
    file_codes_max_difference: Count | None = Field(None, description="The greatest difference of these, in codes.")


class AlternativeReport(_Part):
    """One format that a layer, or all layers, could have had."""

    precision: str
    bits: Count = Field(description="Of codes, centroids and scales.")
    dsp: Count = Field(description="DSP blocks at the folding at which formats are compared.")
    lut: Count = Field(description="LUTs of lanes, as far as they are estimated, at the same folding.")
    cost: Cost = Field(description="Of bits, DSP blocks and LUTs at their prices.")
    psnr_db: Decibel = Field(description="Of the whole network, when the layer alone has it.")


class ChoiceReport(_Part):
    """What precision: auto gave one layer."""

    layer: str
    precision: str
    bits: Count = Field(description="Of codes, centroids and scales; 0 for a pinned layer, as in the next three.")
    dsp: Count = Field(description="DSP blocks at the folding at which formats are compared.")
    lut: Count = Field(description="LUTs of lanes, as far as they are estimated, at the same folding.")
    cost: Cost = Field(description="Of bits, DSP blocks and LUTs at their prices.")
    pinned: bool = Field(description="Whether the config or the file fixed it.")
    alternatives: tuple[AlternativeReport, ...]


class PricesReport(_Part):
    """What the cost of an assignment is made of."""

    bits: Cost = Field(description="Of a bit of weights.")
    dsp: Cost = Field(description="Of a DSP block.")
    lut: Cost = Field(description="Of a LUT.")


class AssignmentReport(_Part):
    """How precision: auto chose the formats of weights."""

    policy: Literal["search", "redundancy", "uniform"]
    layers: tuple[ChoiceReport, ...]
    bits: Count = Field(description="Of the weights of all layers that were free.")
    dsp: Count = Field(description="DSP blocks of these layers at the folding at which formats are compared.")
    lut: Count = Field(description="LUTs of their lanes, as far as they are estimated, at the same folding.")
    cost: Cost = Field(description="Of the three at the prices.")
    prices: PricesReport
    psnr_db: Decibel = Field(description="Of the output, on the frames of calibration that judged.")
    uniform: tuple[AlternativeReport, ...] = Field(description="Uniform assignments that were measured beside it.")
    gap_db: float = Field(description="How much better the optimum of the additive model could be; 0: it was found.")


class WideTensorReport(_Part):
    """An activation that activation: auto gave more than 8 bits."""

    tensor: str = Field(description="A layer's name, for its output, or an input's.")
    bits: Count
    narrow_db: Decibel = Field(description="PSNR when it alone has 8 bits, all others 12.")


class WideningReport(_Part):
    """How activation: auto chose bits, in cautious PSNR of the output on the frames of calibration that judge."""

    goal_db: Decibel = Field(description="What was wanted: activation_psnr_min_db and a margin.")
    narrow_db: Decibel = Field(description="With 8 bits everywhere.")
    psnr_db: Decibel = Field(description="With what was chosen.")
    most_db: Decibel = Field(description="With 12 bits wherever nothing fixes them; null: 8 bits were enough.")
    tensors: tuple[WideTensorReport, ...] = Field(description="Those of more than 8 bits.")


class Totals(_Part):
    """The whole design."""

    useful_macs: Count
    executed_macs: Count | None
    resources: ResourceReport = Field(description="Estimated: all layers, forks, marks of last beats.")
    available: ResourceReport | None = Field(description="What the part has; null: not a listed part.")
    compression_ratio: float | None = Field(
        description="Bits of float32 weights over those of codes, centroids, scales and pointers."
    )
    latency_cycles: Cycles
    critical_path: tuple[str, ...] = Field(
        (), description="From an input to the last output, what each waits longest for in the estimate."
    )
    frame_interval_cycles: Interval
    frames_per_second: float | None = Field(description="At the target clock, from the measured or estimated interval.")
    batch: Count = Field(
        1,
        description="Frames that come together, in one packet; latency is that of a batch, other clocks, MACs and "
        "bytes are those of a frame.",
    )


class RegionReport(_Part):
    """What stands in external memory from an offset on: a layer's weights, or those of one of its decoders."""

    layer: str
    port: Count = Field(0, description="Number of the port through which it is read.")
    stream: Count = Field(description="Number of the decoder; 0 without decoders.")
    offset: Count = Field(description="Of the first byte in the image.")
    bytes: Count
    passes: Count = Field(
        description="How often it is read for a batch of frames; of several layers each of their parts."
    )
    turns: Count = Field(1, description="Layers whose weights stand in it, one behind the other: they share an engine.")
    coding: Literal["plain", "huffman", "huffman_runs"] = Field(
        description="Codes as they are, a Huffman code of each, or one of runs of zeros and the codes behind them."
    )


class RingReport(_Part):
    """A long queue, or the map of a normalization, that the design writes to external memory and reads again."""

    of: str = Field(description="The edge that it is the queue of, or the layer that it holds the map of.")
    port: Count = Field(0, description="Number of the port through which it is written and read.")
    offset: Count = Field(description="Of its first byte behind memory_base_i.")
    bytes: Count
    bytes_per_frame: Count = Field(description="That are written, and as many that are read.")


class MemoryReport(_Part):
    """The external memory, where weights are read from, and where maps wait."""

    port_bits: Count
    ports: Count = Field(1, description="Of that width each.")
    image_bytes: Count = Field(description="Size of memory/memory.image; 0: all weights stand on chip.")
    span_bytes: Count = Field(description="Up to the end of what the design writes behind the image.")
    bytes_per_frame: Count = Field(description="That cross the ports, both ways.")
    float32_ratio: float | None = Field(
        description="Bits of those weights in float32, over their bits that cross the ports; null: there are none."
    )
    gigabytes_per_second: float | None = Field(description="At the target clock and the frame interval.")
    regions: tuple[RegionReport, ...]
    rings: tuple[RingReport, ...] = ()


class Quality(_Part):
    """What the output lost against ONNX Runtime float32; null: not measured, or nothing lost."""

    psnr_db: Decibel
    ssim: Decibel
    samples: Count


class StepReport(_Part):
    """One step of the verification ladder."""

    status: Status
    reason: str = Field("", description="Why it was skipped, or what failed.")
    frames: Count = 0
    values: Count = 0
    mismatches: Count = 0
    first_mismatch: str | None = None


class Report(_Part):
    """Everything in ``report.json``."""

    schema_version: Literal[1] = 1
    model: ModelReport
    target: dict[str, str | float]
    layers: tuple[LayerReport, ...]
    totals: Totals
    memory: MemoryReport | None = Field(None, description="Null: all weights and maps stand on chip.")
    quality: Quality
    assignment: AssignmentReport | None = Field(None, description="Null: precision: auto was not asked for.")
    widening: WideningReport | None = Field(None, description="Null: the config or the file fixes all activations.")
    verification: dict[Literal["float", "csim", "hls", "rtl", "vendor"], StepReport]
    tools: dict[str, str]
    seconds: dict[str, Annotated[float, Field(ge=0)]] = Field(description="By stage; the only field that varies.")

    def to_json(self) -> bytes:
        """Return ``report.json``."""
        return self.model_dump_json(indent=2, ensure_ascii=True).encode() + b"\n"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return self.model_dump(mode="json")

    @property
    def passed(self) -> bool:
        """Whether no step failed."""
        return all(step.status != "failed" for step in self.verification.values())


def skipped(reason: str) -> StepReport:
    """Return a step that did not run."""
    return StepReport(status="skipped", reason=reason)


def no_verification(reason: str) -> dict[Any, StepReport]:
    """Return a ladder of which nothing ran."""
    return {step: skipped(reason) for step in VERIFY_STEPS}
