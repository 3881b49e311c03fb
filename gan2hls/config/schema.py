"""The build configuration: strict YAML in, every default resolved, YAML out.  ``docs/configuration.md`` explains it."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import (
    Field,
    StringConstraints,
    model_validator,
)

from gan2hls.config.precision import AUTO_SCHEMA, LayerPrecisionConfig, Positive, PrecisionConfig
from gan2hls.config.strict_yaml import Strict, merge, read_yaml, validate

VerifyStep = Literal["float", "csim", "hls", "rtl", "vendor"]
#: Every step of the verification ladder, in order.
VERIFY_STEPS: tuple[VerifyStep, ...] = get_args(VerifyStep)
HlsTool = Literal["vitis", "bambu"]

Finite = Annotated[float, Field(strict=True)]
Parallelism = Annotated[int, Field(strict=True, ge=1, le=4096)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=1 << 63)]
Samples = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]


class LayerConfig(Strict):
    """What one pattern of ``layers`` sets; what is absent stays as it was."""

    precision: LayerPrecisionConfig = Field(LayerPrecisionConfig(), description="Number formats.")
    pe: Parallelism | None = Field(
        None,
        description="Output channels in parallel; divides CO / groups, or is CO / groups times a divisor of groups.",
    )
    simd: Parallelism | None = Field(None, description="Input channels of a group in parallel; divides CI / groups.")
    lanes: Parallelism | None = Field(None, description="Channels requantized in parallel; divides pe.")
    weights: Literal["on_chip", "off_chip"] | None = Field(
        None, description="Where these layers' weights stand; null: as memory.weights says."
    )


class CalibrationConfig(Strict):
    """Where the inputs come from on which ranges are measured."""

    data: Path | None = Field(None, description=".npy (one input) or .npz (by input name); null draws the inputs.")
    distribution: Literal["normal", "uniform"] = Field("normal", description="What is drawn without data.")
    mean: Finite = Field(0.0, description="Mean of the normal distribution.")
    std: Positive = Field(1.0, description="Standard deviation of the normal distribution.")
    low: Finite = Field(-1.0, description="Least value of the uniform distribution.")
    high: Finite = Field(1.0, description="Greatest value of the uniform distribution.")
    samples: Samples = Field(256, description="Frames to draw, or the most to take from data.")
    seed: Seed = Field(0, description="Seed of the draw.")
    range: Literal["auto", "minmax", "percentile", "mse"] = Field(
        "auto", description="Rule of activation ranges; auto tries every rule and keeps the best output."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low must be less than high, not {self.low:g} and {self.high:g}")
        return self


class EvaluationConfig(Strict):
    """The inputs on which quality is measured: drawn as for calibration, but with another seed."""

    data: Path | None = Field(None, description=".npy or .npz; null draws from calibration's distribution.")
    samples: Samples = Field(32, description="Frames to draw, or the most to take from data.")
    seed: Seed = Field(1, description="Seed of the draw.")


Share = Annotated[float, Field(strict=True, gt=0, le=1)]


class UtilizationConfig(Strict):
    """Share of each resource of the part that a design may take; the rest of LUTs and flip-flops is for routing."""

    dsp: Share = Field(1.0, description="Of the part's DSP blocks; where target.dsp is given, that is what counts.")
    lut: Share = Field(0.8, description="Of the LUTs.")
    ff: Share = Field(0.8, description="Of the flip-flops.")
    bram: Share = Field(1.0, description="Of the block RAMs.")
    uram: Share = Field(1.0, description="Of the UltraRAMs.")


class TargetConfig(Strict):
    """The FPGA, the clock, and how fast the generator has to be."""

    part: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] = Field(
        "xc7z020clg400-1", description="Part name, such as xc7z020clg400-1."
    )
    clock_mhz: Annotated[float, Field(strict=True, ge=1, le=2000)] = Field(200.0, description="Clock in MHz.")
    fps: Positive | None = Field(
        None, description="Frames a second to reach with the fewest multipliers; null: as fast as dsp allows."
    )
    dsp: Annotated[int, Field(strict=True, ge=1, le=100_000)] | None = Field(
        None, description="Most multipliers to use; null: what the part has."
    )
    pe: Parallelism | None = Field(
        None, description="PE of layers that say nothing else: the greatest legal value up to it; null: chosen."
    )
    simd: Parallelism | None = Field(
        None, description="SIMD of layers that say nothing else: the greatest legal value up to it; null: chosen."
    )
    utilization: UtilizationConfig = Field(UtilizationConfig(), description="Share of the part that may be taken.")
    shared_engines: Literal["auto", "never", "always"] = Field(
        "auto",
        description="Whether layers of one shape take turns at one engine; auto: where the part holds none for each, "
        "or external memory is used anyway and it is faster.",
    )
    batch: Annotated[int, Field(strict=True, ge=1, le=16)] = Field(
        1,
        description="Frames that come together and leave together: they share a pass over weights off chip, and one "
        "fills the time in which another waits for its turn.",
    )
    oversize: Annotated[bool, Field(strict=True)] = Field(
        False, description="Write a design that is estimated to be too large for the part, with a warning."
    )


class MemoryConfig(Strict):
    """The external memory: its ports, and what stands there."""

    weights: Literal["auto", "on_chip", "off_chip"] = Field(
        "auto", description="Where weights stand; auto: off chip where block RAM does not hold those of all layers."
    )
    maps: Literal["auto", "on_chip"] = Field(
        "auto",
        description="Where long queues and maps of normalizations stand; auto: off chip where block RAM does not hold "
        "them.",
    )
    entropy: Literal["auto", "none"] = Field(
        "auto",
        description="Huffman code over weights that are off chip, of runs of zeros too; auto: where it saves bytes.",
    )
    port_bits: Literal["auto", 32, 64, 128, 256, 512] = Field(
        "auto", description="Width of an AXI4 port; auto: 64, or 32 where no design with 64 fits."
    )
    ports: Annotated[int, Field(strict=True, ge=1, le=16)] = Field(
        1, description="AXI4 ports that the RTL may have; HLS C++ has one for each layer and each ring."
    )
    bandwidth_gbps: Positive | None = Field(
        None, description="Gigabytes a second that a port brings; null: 80 % of a beat a clock."
    )


class VerifyConfig(Strict):
    """Which steps of the ladder run, and on how much."""

    steps: tuple[VerifyStep, ...] | None = Field(
        None, description="Steps to run; [] for none; null: all that can, RTL of long frames left out."
    )
    frames: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = Field(
        None, description="Frames of every co-simulation; null: 3, and 1 of large models."
    )
    hls_tool: HlsTool | None = Field(None, description="HLS compiler of the vendor step.")
    min_psnr_db: Annotated[float, Field(strict=True, ge=0, le=200)] = Field(
        20.0, description="The float step fails when the output's PSNR is below it."
    )
    seed: Seed = Field(0, description="Seed of stimulus, idle cycles and back-pressure.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.wanted)) != len(self.wanted):
            raise ValueError(f"steps repeat: {', '.join(self.wanted)}")
        return self

    @property
    def wanted(self) -> tuple[VerifyStep, ...]:
        """The steps to run: those that are named, else all."""
        return VERIFY_STEPS if self.steps is None else self.steps


def _or_short(schema: dict[str, Any]) -> None:
    """Let the schema take a format in place of the whole section."""
    schema["anyOf"] = [{"$ref": schema.pop("$ref")}, AUTO_SCHEMA]


class Config(Strict):
    """Everything that a build can be told."""

    precision: PrecisionConfig = Field(
        PrecisionConfig(),
        description="Number formats by default; a format alone, or auto, is that of the weights.",
        json_schema_extra=_or_short,
    )
    layers: dict[str, LayerConfig] = Field(
        {}, description="By layer name, ONNX node name or glob; a later match overrides an earlier one, key by key."
    )
    calibration: CalibrationConfig = Field(CalibrationConfig(), description="Inputs that ranges are measured on.")
    evaluation: EvaluationConfig = Field(EvaluationConfig(), description="Inputs that quality is measured on.")
    target: TargetConfig = Field(TargetConfig(), description="FPGA, clock and speed.")
    memory: MemoryConfig = Field(MemoryConfig(), description="External memory, and what stands there.")
    verify: VerifyConfig = Field(VerifyConfig(), description="The verification ladder.")

    def to_yaml(self, relative_to: Path | None = None) -> bytes:
        """Return every key as YAML; data paths are written relative to ``relative_to`` if it is given."""
        values = self.model_dump(mode="json")
        for section in ("calibration", "evaluation"):
            data = values[section]["data"]
            if data is not None and relative_to is not None:
                relative = os.path.relpath(Path(data).resolve(), relative_to.resolve())
                values[section]["data"] = Path(relative).as_posix()
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=False).encode()


def load_config(path: Path) -> Config:
    """Read a YAML config; data paths in it are relative to its folder.

    Raises:
        ConfigError: not readable, not YAML, an unknown key or a value that is not legal.
    """
    return resolve(path)


def resolve(
    config: Config | Mapping[str, Any] | str | Path | None,
    overrides: Mapping[str, Any] | None = None,
    *,
    base: Config | None = None,
) -> Config:
    """Return ``base`` under ``config`` (a YAML file, values, or a config) under ``overrides``.

    Raises:
        ConfigError: not readable, not YAML, an unknown key or a value that is not legal.
    """
    values: dict[str, Any] = {} if base is None else _given(base)
    if isinstance(config, str | Path):
        values = merge(values, _anchor(read_yaml(Path(config), Config), Path(config).parent))
    elif config is not None:
        values = merge(values, _given(config) if isinstance(config, Config) else config)
    resolved = parse_config(values, where=str(config) if isinstance(config, str | Path) else "config")
    return parse_config(merge(values, overrides), where="command line") if overrides else resolved


def _given(config: Config) -> dict[str, Any]:
    return config.model_dump(mode="json", exclude_unset=True)


def _anchor(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return ``values`` with data paths made relative to the current folder instead of ``folder``."""
    anchored = dict(values)
    for section in ("calibration", "evaluation"):
        part = anchored.get(section)
        if isinstance(part, Mapping) and isinstance(part.get("data"), str):
            anchored[section] = {**part, "data": str(folder / part["data"])}
    return anchored


def parse_config(values: Mapping[str, Any], *, where: str = "config") -> Config:
    """Check ``values`` and fill in the defaults.

    Raises:
        ConfigError: an unknown key or a value that is not legal.
    """
    return validate(Config, values, where=where)
