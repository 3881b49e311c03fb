"""The part of the build configuration that is about number formats and the choice between them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from gan2hls.config.strict_yaml import Strict
from gan2hls.formats import PATTERN, Precision

#: What ``auto`` chooses from, unless told otherwise: the cheapest form of every width.
_CANDIDATES = tuple(
    map(
        Precision.parse,
        [
            "binary",
            "ternary",
            "codebook<4>",
            "codebook<8>",
            "codebook<16>",
            "codebook<32>",
            "codebook<64>",
            "int7",
            "int8",
        ],
    )
)


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
#: The same of activations.
DefaultActivation = Annotated[
    Precision | None,
    BeforeValidator(lambda text: None if text in ("auto", None) else _activation_only(Precision.parse(text))),
    PlainSerializer(lambda precision: "auto" if precision is None else str(precision), return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": PATTERN.replace("binary", "auto|binary"), "examples": ["auto", "int8"]}
    ),
]
#: Schema of a format, or ``auto``.
AUTO_SCHEMA = {"type": "string", "pattern": PATTERN.replace("binary", "auto|binary"), "examples": ["int8", "auto"]}
#: The same, or None for ``auto``.
DefaultPrecision = Annotated[
    Precision | None,
    BeforeValidator(lambda text: None if text in ("auto", None) else _signed_only(Precision.parse(text))),
    PlainSerializer(lambda precision: "auto" if precision is None else str(precision), return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": PATTERN.replace("binary", "auto|binary"), "examples": ["int8", "auto"]}
    ),
]
Positive = Annotated[float, Field(strict=True, gt=0, le=1e9)]
NotNegative = Annotated[float, Field(strict=True, ge=0, le=1e9)]


class CostConfig(Strict):
    """What weights cost, in a unit of the user's; the folding is the same for all formats of a layer."""

    bits: NotNegative = Field(1.0, description="Cost of one bit of codes, centroids and scales.")
    dsp: NotNegative = Field(0.0, description="Cost of one DSP block of the layer's engine.")
    lut: NotNegative = Field(0.0, description="Cost of one LUT of the layer's lanes, as far as they are estimated.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not (self.bits or self.dsp or self.lut):
            raise ValueError("one of bits, dsp and lut must cost something")
        return self


class AutoConfig(Strict):
    """How ``precision.weight: auto`` chooses; the docs describe the policies."""

    policy: Literal["search", "redundancy", "uniform"] = Field(
        "search",
        description="search: by measured sensitivities; redundancy: by shape (PBGen, ApGAN); uniform: one for all.",
    )
    psnr_min_db: Annotated[float, Field(strict=True, ge=0, le=200)] | None = Field(
        None, description="Least PSNR, with as low a cost as possible; 35 dB where nothing is given."
    )
    weight_bits_max: Annotated[int, Field(strict=True, ge=1)] | None = Field(
        None, description="Most bits of weights, with as high a PSNR as possible."
    )
    cost_max: Positive | None = Field(None, description="Most cost of weights, with as high a PSNR as possible.")
    fit: Annotated[bool, Field(strict=True)] = Field(
        False, description="As high a PSNR as possible with weights whose design fits the target."
    )
    memory_bits_max: Annotated[int, Field(strict=True, ge=18_432)] | None = Field(
        None,
        description="The same, with at most so many bits of block RAM (18,432 a block) and UltraRAM (294,912) in the "
        "whole design, or what the part has.",
    )
    cost: CostConfig = Field(CostConfig(), description="What psnr_min_db makes least, and cost_max limits.")
    candidates: Annotated[tuple[WeightPrecision, ...], Field(min_length=1, max_length=32)] = Field(
        _CANDIDATES, description="Formats to choose from."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        goals = ("psnr_min_db", "weight_bits_max", "cost_max", "fit", "memory_bits_max")
        given = [name for name in goals if getattr(self, name) not in (None, False)]
        if len(given) > 1:
            raise ValueError(f"give {' or '.join(given)}, not {'both' if len(given) == 2 else 'all'}")
        if len(set(self.candidates)) != len(self.candidates):
            raise ValueError(f"candidates repeat: {', '.join(map(str, self.candidates))}")
        return self


class PrecisionConfig(Strict):
    """The number formats of every layer that says nothing else."""

    weight: DefaultPrecision = Field(
        Precision("int", 8), description="Format of all weights whose codes the file does not fix; auto: see auto."
    )
    auto: AutoConfig = Field(AutoConfig(), description="How weight: auto chooses.")
    reconstruct: Annotated[bool, Field(strict=True)] | None = Field(
        None, description="Fit weights by the layers' outputs on calibration data; null: codes of 7 bits and fewer."
    )
    detect: Annotated[bool, Field(strict=True)] = Field(
        True, description="Keep codes that weights betray: signs, trits, a codebook, a uniform grid; false: as float."
    )
    activation: DefaultActivation = Field(
        None,
        description="Format of all activations; auto: int8, and more bits where activation_psnr_min_db needs them.",
    )
    activation_psnr_min_db: Annotated[float, Field(strict=True, ge=0, le=200)] = Field(
        38.0, description="PSNR of the output that activation: auto goes for, with as few bits more as bring it."
    )
    activation_psnr_floor_db: Annotated[float, Field(strict=True, ge=0, le=200)] = Field(
        35.0,
        description="PSNR of the output below which activation: auto takes what brings it, whatever "
        "activation_cost_percent allows; 0: never.",
    )
    activation_cost_percent: Annotated[float, Field(strict=True, ge=0, le=100_000)] | None = Field(
        2.0,
        description="DSP blocks and block RAM, each, that activation: auto may take more than 8 bits do (a block if "
        "any), with no longer frame interval; null: any, and any interval.",
    )
    input: ActivationPrecision | None = Field(
        None,
        description="Format of the model's inputs; null: as activations, or int16 where the file quantizes what the "
        "layer behind it makes. A latent vector gains from 10 or more bits.",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_short(cls, values: object) -> object:
        """Take ``precision: auto`` for ``precision: {weight: auto}``, and a format likewise."""
        return {"weight": values} if isinstance(values, str) else values


class LayerPrecisionConfig(Strict):
    """The number formats of some layers; what is absent stays as it was."""

    weight: WeightPrecision | None = Field(None, description="Format of these layers' weights.")
    activation: ActivationPrecision | None = Field(None, description="Format of these layers' outputs.")
