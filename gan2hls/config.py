"""The build configuration: strict YAML in, every default resolved, YAML out.  ``docs/configuration.md`` explains it."""

from __future__ import annotations

import difflib
import math
import os.path
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.fields import FieldInfo

from gan2hls.errors import ConfigError
from gan2hls.precision import PATTERN, Precision

VerifyStep = Literal["float", "csim", "hls", "rtl", "vendor"]
#: Every step of the verification ladder, in order.
VERIFY_STEPS: tuple[VerifyStep, ...] = get_args(VerifyStep)
HlsTool = Literal["vitis", "bambu"]

#: YAML larger than this is not a config.
_MAX_BYTES = 1 << 20


def _signed_only(precision: Precision) -> Precision:
    if not precision.for_weights:
        raise ValueError(
            f"weights are signed: {str(precision)!r} is for activations; "
            "legal: int<N>, fixed<W,I>, flex<N,E>, binary, ternary, codebook<K>"
        )
    return precision


def _activation_only(precision: Precision) -> Precision:
    if not precision.for_activations:
        raise ValueError(
            f"{str(precision)!r} is for weights; legal: int<N>, uint<N>, fixed<W,I>, ufixed<W,I>, flex<N,E>"
        )
    return precision


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"must be finite, not {value}")
    return value


ActivationPrecision = Annotated[
    Precision,
    BeforeValidator(Precision.parse),
    AfterValidator(_activation_only),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["int8", "uint8", "fixed<8,3>", "ufixed<8,0>"]}),
]
WeightPrecision = Annotated[
    Precision,
    BeforeValidator(Precision.parse),
    AfterValidator(_signed_only),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": PATTERN, "examples": ["int8", "int4", "fixed<8,1>", "ternary", "codebook<16>"]}
    ),
]
Finite = Annotated[float, Field(strict=True), AfterValidator(_finite)]
Positive = Annotated[float, Field(strict=True, gt=0, le=1e9), AfterValidator(_finite)]
Parallelism = Annotated[int, Field(strict=True, ge=1, le=4096)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=1 << 63)]
Samples = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]

_Model = TypeVar("_Model", bound=BaseModel)


class Strict(BaseModel):
    """Refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PrecisionConfig(Strict):
    """The number formats of every layer that says nothing else."""

    weight: WeightPrecision = Field(
        Precision("int", 8), description="Format of all weights whose codes the file does not fix."
    )
    detect: Annotated[bool, Field(strict=True)] = Field(
        True, description="Keep codes that weights betray: signs, trits, a codebook, a uniform grid; false: as float."
    )
    activation: ActivationPrecision = Field(Precision("int", 8), description="Format of all activations.")
    input: ActivationPrecision | None = Field(
        None,
        description="Format of the model's inputs; null: as activations. A latent vector gains from 10 or more bits.",
    )


class LayerPrecisionConfig(Strict):
    """The number formats of some layers; what is absent stays as it was."""

    weight: WeightPrecision | None = Field(None, description="Format of these layers' weights.")
    activation: ActivationPrecision | None = Field(None, description="Format of these layers' outputs.")


class LayerConfig(Strict):
    """What one pattern of ``layers`` sets; what is absent stays as it was."""

    precision: LayerPrecisionConfig = Field(LayerPrecisionConfig(), description="Number formats.")
    pe: Parallelism | None = Field(None, description="Output channels in parallel; divides the layer's CO / groups.")
    simd: Parallelism | None = Field(None, description="Input channels in parallel; divides the layer's CI / groups.")
    lanes: Parallelism | None = Field(None, description="Channels requantized in parallel; divides pe.")


class CalibrationConfig(Strict):
    """Where the inputs come from on which ranges are measured."""

    data: Path | None = Field(None, description=".npy (one input) or .npz (by input name); null draws the inputs.")
    distribution: Literal["normal", "uniform"] = Field("normal", description="What is drawn without data.")
    mean: Finite = Field(0.0, description="Mean of the normal distribution.")
    std: Positive = Field(1.0, description="Its standard deviation.")
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


class TargetConfig(Strict):
    """The FPGA, the clock, and how fast the generator has to be."""

    part: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{1,63}$")] = Field(
        "xc7z020clg400-1", description="Part name."
    )
    clock_mhz: Annotated[float, Field(strict=True, ge=1, le=2000)] = Field(200.0, description="Clock.")
    fps: Positive | None = Field(
        None, description="Frames a second to reach with the fewest multipliers; null: as fast as dsp allows."
    )
    dsp: Annotated[int, Field(strict=True, ge=1, le=100_000)] | None = Field(
        None, description="Most multipliers to use; null: what the part has."
    )
    pe: Parallelism | None = Field(
        None, description="PE of layers that say nothing else: the greatest divisor up to it; null: chosen."
    )
    simd: Parallelism | None = Field(None, description="The same for SIMD.")


class VerifyConfig(Strict):
    """Which steps of the ladder run, and on how much."""

    steps: tuple[VerifyStep, ...] = Field(VERIFY_STEPS, description="Steps to run; [] for none.")
    frames: Annotated[int, Field(strict=True, ge=1, le=1000)] = Field(3, description="Frames of every co-simulation.")
    hls_tool: HlsTool | None = Field(None, description="HLS compiler of the vendor step.")
    min_psnr_db: Annotated[float, Field(strict=True, ge=0, le=200)] = Field(
        20.0, description="The float step fails when the output's PSNR is below it."
    )
    seed: Seed = Field(0, description="Seed of stimulus, idle cycles and back-pressure.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.steps)) != len(self.steps):
            raise ValueError(f"steps repeat: {', '.join(self.steps)}")
        return self


class Config(Strict):
    """Everything that a build can be told."""

    precision: PrecisionConfig = Field(PrecisionConfig(), description="Number formats by default.")
    layers: dict[str, LayerConfig] = Field(
        {}, description="By layer name, ONNX node name or glob; a later match overrides an earlier one, key by key."
    )
    calibration: CalibrationConfig = Field(CalibrationConfig(), description="Inputs that ranges are measured on.")
    evaluation: EvaluationConfig = Field(EvaluationConfig(), description="Inputs that quality is measured on.")
    target: TargetConfig = Field(TargetConfig(), description="FPGA, clock and speed.")
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


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases' silent cousins: a repeated key is an error."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"keys must be text, not {key!r}", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} repeats", key_node.start_mark)
            seen.add(key)
        return dict(super().construct_mapping(node, deep))


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
        values = merge(values, _anchor(read_yaml(Path(config)), Path(config).parent))
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


def read_yaml(path: Path, model: type[BaseModel] = Config) -> dict[str, Any]:
    """Read the mapping of a YAML file, meant for ``model``.

    Raises:
        ConfigError: not readable, or not a YAML mapping.
    """
    try:
        raw = path.read_bytes()
        if len(raw) > _MAX_BYTES:
            raise ConfigError(f"is too large for a config: {len(raw)} bytes", where=str(path))
        # _Loader derives from SafeLoader
        found = yaml.load(raw, Loader=_Loader)
    except OSError as error:
        raise ConfigError(f"cannot read the config: {error.strerror or error}", where=str(path)) from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ConfigError(f"is not valid YAML: {error}", where=str(path)) from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(
            f"must be a mapping of keys, not {type(found).__name__}", where=str(path), hint=_legal_keys(model)
        )
    return found


def parse_config(values: Mapping[str, Any], *, where: str = "config") -> Config:
    """Check ``values`` and fill in the defaults.

    Raises:
        ConfigError: an unknown key or a value that is not legal.
    """
    return validate(Config, values, where=where)


def validate(model: type[_Model], values: Mapping[str, Any], *, where: str) -> _Model:
    """Check ``values`` against a strict ``model`` and fill in its defaults.

    Raises:
        ConfigError: an unknown key or a value that is not legal.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _explain(error, where, model) from None


def merge(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``overrides`` laid over it, mapping by mapping; neither is changed."""
    merged = dict(base)
    for key, value in overrides.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _explain(error: ValidationError, where: str, model: type[BaseModel]) -> ConfigError:
    """Turn pydantic's first complaint into ours: key path, value found, what is legal."""
    first = error.errors(include_url=False)[0]
    path = _key_path(first["loc"])
    if first["type"] == "extra_forbidden":
        parent = _model_at(model, first["loc"][:-1])
        legal = tuple(parent.model_fields) if parent else ()
        key = str(first["loc"][-1])
        close = difflib.get_close_matches(key, legal, 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return ConfigError(f"unknown key {key!r}", where=f"{where}: {path}", hint=f"{hint}legal: {', '.join(legal)}")
    message = str(first["msg"]).removeprefix("Value error, ")
    found = first["input"]
    ours = first["type"] == "value_error"
    shown = "" if ours or isinstance(found, Mapping) else f", not {found!r}"
    message = re.sub(r"a valid dictionary.*", "a mapping", message.replace("Input should be", "must be"))
    field = _field_at(model, first["loc"])
    hint = field.description if field is not None and field.description else ""
    return ConfigError(f"{message[0].lower()}{message[1:]}{shown}", where=f"{where}: {path}", hint=hint)


def _key_path(loc: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")


def _field_at(top: type[BaseModel], loc: tuple[int | str, ...]) -> FieldInfo | None:
    """Return the deepest field that ``loc`` names, from the model ``top`` down."""
    model: type[BaseModel] | None = top
    found: FieldInfo | None = None
    for part in loc:
        if model is None:
            break
        if part in model.model_fields:
            found = model.model_fields[str(part)]
            model = _submodel(found.annotation)
    return found


def _model_at(top: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    if not loc:
        return top
    found = _field_at(top, loc)
    return _submodel(found.annotation) if found is not None else None


def _submodel(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside an annotation such as ``Model``, ``Model | None`` or ``dict[str, Model]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _submodel(inner)) is not None), None)


def _legal_keys(model: type[BaseModel]) -> str:
    return f"legal keys: {', '.join(model.model_fields)}"
