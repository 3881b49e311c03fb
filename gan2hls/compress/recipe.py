"""The compression recipe: strict YAML that says what the weights of which layers become.  ``docs/compress.md``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, Self, final

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from gan2hls.base import ConfigError
from gan2hls.config import CalibrationConfig, EvaluationConfig, Strict, matches, named, read_yaml, validate
from gan2hls.fit import FitOptions
from gan2hls.formats import PATTERN, Precision
from gan2hls.hardware import legal_pe, legal_simd
from gan2hls.model import Layer
from gan2hls.ops import Linear, LinearGeometry

Method = Literal["magnitude", "nm", "block", "channel", "filter", "similarity"]
Reconstruct = Literal["none", "bias", "full"]
#: What every method of pruning reads besides ``method``.
_READS: Mapping[Method, tuple[str, ...]] = {
    "magnitude": ("sparsity",),
    "nm": ("n", "m"),
    "block": ("sparsity", "block", "norm"),
    "channel": ("sparsity", "norm"),
    "filter": ("sparsity", "norm"),
    "similarity": ("sparsity",),
}
#: What every kind of format reads of a rule; float weights read none of it.
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "binary": ("scale",),
    "ternary": ("scale", "threshold"),
    "codebook": ("scale", "books", "keep_zero"),
    "int": ("scale",),
    "fixed": (),
    "flex": (),
    "float": (),
}


def _weight(value: object) -> Precision | None:
    if value is None or (isinstance(value, str) and value.strip().lower() == "float"):
        return None
    found = Precision.parse(value)
    if not found.for_weights:
        raise ValueError(f"weights are signed: {str(found)!r} is for activations")
    return found


def _threshold(value: float | str) -> float | str:
    if isinstance(value, float) and not 0 <= value < math.inf:
        raise ValueError(f"must be fitted, twn, max, or a magnitude of 0 or more, not {value:g}")
    return value


Size = Annotated[int, Field(strict=True, ge=1, le=1 << 16)]
Weight = Annotated[
    Precision | None,
    BeforeValidator(_weight),
    PlainSerializer(lambda value: "float" if value is None else str(value), return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": PATTERN[:-1] + "|^float$", "examples": ["codebook<16>", "ternary", "float"]}
    ),
]
Threshold = Annotated[
    Literal["fitted", "twn", "max"] | Annotated[float, Field(strict=True)], AfterValidator(_threshold)
]


class PruneConfig(Strict):
    """Which weights become 0."""

    method: Method = Field(description="How weights are chosen.")
    sparsity: Annotated[float, Field(strict=True, ge=0, le=1)] | None = Field(
        None, description="Part of the weights, blocks, channels or filters that become 0, in 0..1."
    )
    n: Size | None = Field(None, description="Weights that stay, of every m along the input channels (nm).")
    m: Size | None = Field(None, description="Input channels of a group of nm.")
    block: tuple[Size, Size] | None = Field(None, description="[pe, simd] output x input channels of a block.")
    norm: Literal["l1", "l2"] | None = Field(None, description="What ranks blocks, channels, filters; l2 if absent.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        reads = _READS[self.method]
        given = [key for key in type(self).model_fields if key != "method" and getattr(self, key) is not None]
        foreign = [key for key in given if key not in reads]
        missing = [key for key in reads if key not in given and key != "norm"]
        if foreign:
            raise ValueError(f"{self.method} does not read {foreign[0]}; it reads {', '.join(reads)}")
        if missing:
            raise ValueError(f"{self.method} needs {missing[0]}")
        if self.n is not None and self.m is not None and self.n > self.m:
            raise ValueError(f"n must be at most m, not {self.n} of {self.m}")
        return self


class RuleConfig(Strict):
    """What one pattern of ``layers`` sets; what is absent stays as it was."""

    weight: Weight = Field(None, description="Format of the weights; float keeps them.")
    scale: Literal["channel", "tensor"] = Field("channel", description="What has a scale of its own.")
    threshold: Threshold = Field("fitted", description="Below which ternary weights become 0.")
    books: Literal["tensor", "channel"] | Size = Field(
        "tensor", description="Codebooks: one, one per output channel, or their number."
    )
    keep_zero: Annotated[bool, Field(strict=True)] = Field(True, description="Whether zeros stay 0 in a codebook.")
    prune: PruneConfig | None = Field(None, description="Which weights become 0.")
    reconstruct: Reconstruct = Field("full", description="How the layer's output is brought back to the float one.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.prune is not None and self.weight is not None and self.weight.kind == "binary":
            raise ValueError("binary weights cannot be 0, so they cannot be pruned; use ternary")
        if "weight" in self.model_fields_set:
            for option in sorted(self.model_fields_set & _unread(self.weight)):
                kinds = ", ".join(kind for kind, reads in _OPTIONS.items() if option in reads)
                raise ValueError(f"{self.weight or 'float'} does not read {option}; formats that do: {kinds}")
        return self

    def over(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keys of earlier rules with this one's over them; what a new format does not read falls away."""
        unread = _unread(self.weight) if "weight" in self.model_fields_set else set()
        kept = {key: value for key, value in values.items() if key not in unread}
        return {**kept, **self.model_dump(exclude_unset=True)}


def _unread(weight: Precision | None) -> set[str]:
    """Return the options that ``weight`` does not read."""
    return {*chain(*_OPTIONS.values())}.difference(_OPTIONS["float" if weight is None else weight.kind])


class Recipe(Strict):
    """Everything that ``gan2hls compress`` can be told."""

    layers: dict[str, RuleConfig] = Field(
        {}, description="By layer name, ONNX node name or glob; a later match overrides an earlier one, key by key."
    )
    calibration: CalibrationConfig = Field(
        CalibrationConfig(samples=1024), description="Inputs on which layers are reconstructed."
    )
    evaluation: EvaluationConfig = Field(
        EvaluationConfig(samples=64), description="Inputs that quality is measured on."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.layers:
            raise ValueError("layers must name at least one layer; '*' names all")
        return self


@final
@dataclass(frozen=True)
class Rule:
    """What one layer becomes, checked against its shape.

    Attributes:
        weight: format; None keeps float.
        fit: options of the fit.
        prune: which weights become 0, or None.
        reconstruct: how far the output is brought back.
    """

    weight: Precision | None
    fit: FitOptions
    prune: PruneConfig | None
    reconstruct: Reconstruct

    @property
    def changes(self) -> bool:
        """Whether the layer's weights become others."""
        return self.weight is not None or self.prune is not None


def load_recipe(path: Path) -> Recipe:
    """Read a YAML recipe; data paths in it are relative to its folder.

    Raises:
        ConfigError: not readable, not YAML, an unknown key or a value that is not legal.
    """
    values = read_yaml(path, Recipe)
    calibration = values.get("calibration")
    if isinstance(calibration, dict) and "samples" not in calibration:
        values["calibration"] = {**calibration, "samples": Recipe.model_fields["calibration"].default.samples}
    recipe = validate(Recipe, values, where=str(path))
    return recipe.model_copy(
        update={
            section: part.model_copy(update={"data": path.parent / part.data})
            for section in ("calibration", "evaluation")
            if (part := getattr(recipe, section)).data is not None
        }
    )


def assign_rules(layers: Mapping[str, Layer], recipe: Recipe) -> dict[str, Rule]:
    """Return the rule of every layer that changes, by name; ``layers`` are those whose weights can change.

    Raises:
        ConfigError: a pattern that matches no layer, or a rule that does not fit a layer's shape.
    """
    for pattern in recipe.layers:
        if not any(matches(pattern, layer.name, layer.source) for layer in layers.values()):
            known = ", ".join(named(layer.name, layer.source) for layer in layers.values())
            raise ConfigError("matches no layer with weights", where=f"layers.{pattern}", hint=f"those are {known}")
    rules = {}
    for layer in layers.values():
        values: dict[str, Any] = {}
        at = ""
        for pattern, given in recipe.layers.items():
            if matches(pattern, layer.name, layer.source):
                at = f"layers.{pattern}: {layer.name}"
                values = given.over(values)
        rule = _rule(validate(RuleConfig, values, where=at), layer, at) if values else None
        if rule is not None and rule.changes:
            rules[layer.name] = rule
    if not rules:
        raise ConfigError("changes no layer", where="layers", hint="give a layer a weight format, or prune it")
    return rules


def _rule(given: RuleConfig, layer: Layer, where: str) -> Rule:
    assert isinstance(layer.op, Linear), layer.name
    geometry = layer.op.geometry
    channels = geometry.out_channels
    count = {"tensor": 1, "channel": channels}.get(str(given.books), given.books)
    assert isinstance(count, int)
    if channels % count:
        raise ConfigError(
            f"{count} books do not divide {channels} output channels",
            where=f"{where}: books",
            hint=f"legal: {_divisors(channels)}, tensor or channel",
        )
    if given.prune is not None:
        _check_prune(given.prune, geometry, f"{where}: prune")
    scale = given.scale if count == 1 else "tensor"  # a book of its own is a scale of its own
    return Rule(
        given.weight, FitOptions(scale, given.threshold, count, given.keep_zero), given.prune, given.reconstruct
    )


def _check_prune(prune: PruneConfig, geometry: LinearGeometry, where: str) -> None:
    if prune.m is not None and geometry.group_in % prune.m:
        raise ConfigError(
            f"m = {prune.m} does not divide {geometry.group_in} input channels",
            where=f"{where}.m",
            hint=f"legal: {_divisors(geometry.group_in)}",
        )
    if prune.block is not None:
        pe, simd = prune.block
        sides = (pe, legal_pe(geometry), "output"), (simd, legal_simd(geometry, pe), "input")
        for size, legal, what in sides:
            if size not in legal:
                raise ConfigError(
                    f"a block of {pe} x {simd} does not fit {legal[-1]} {what} channels",
                    where=f"{where}.block",
                    hint=f"legal: {', '.join(map(str, legal))}",
                )


def _divisors(channels: int) -> str:
    return ", ".join(str(n) for n in range(1, channels + 1) if channels % n == 0)
