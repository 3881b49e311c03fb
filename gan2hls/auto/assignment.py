"""What a search for formats is asked, what it measures with, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, final

from gan2hls.codecs import CODECS
from gan2hls.fit import MULT_BITS, scale_bits
from gan2hls.formats import Precision
from gan2hls.model import Layer
from gan2hls.ops import IntWeight

Policy = Literal["search", "redundancy", "uniform"]
Choice = Mapping[str, Precision]


@final
@dataclass(frozen=True)
class Usage:
    """What weights in a format take of a chip.

    Attributes:
        bits: of codes, centroids and scales.
        dsp: DSP blocks of the engine, multipliers and requantizer.
        lut: LUTs of the engine's lanes, as far as they are estimated.
    """

    bits: int = 0
    dsp: int = 0
    lut: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.bits + other.bits, self.dsp + other.dsp, self.lut + other.lut)


@final
@dataclass(frozen=True)
class Prices:
    """What one bit of weights, one DSP block and one LUT cost, in a unit that the user chooses."""

    bits: float = 1.0
    dsp: float = 0.0
    lut: float = 0.0

    def cost(self, usage: Usage) -> float:
        """Return what ``usage`` costs."""
        return self.bits * usage.bits + self.dsp * usage.dsp + self.lut * usage.lut


@final
@dataclass(frozen=True)
class Goal:
    """What an assignment has to reach.

    Attributes:
        policy: how layers are chosen.
        candidates: formats to choose from.
        psnr_min_db: least PSNR of the output, at as low a cost as possible.
        weight_bits_max: most bits of weights, with as high a PSNR as possible.
        cost_max: most cost, with as high a PSNR as possible.
        fit: the design has to fit its target, with as high a PSNR as possible.  Of these four at most one is given;
            none: no limit.
        prices: of the cost.
    """

    policy: Policy
    candidates: tuple[Precision, ...]
    psnr_min_db: float | None = None
    weight_bits_max: int | None = None
    cost_max: float | None = None
    fit: bool = False
    prices: Prices = Prices()

    @property
    def formats(self) -> tuple[Precision, ...]:
        """Every format that a layer may get."""
        binary = (Precision.parse("binary"),) if self.policy == "redundancy" else ()
        return (*self.candidates, *binary)

    @property
    def budget(self) -> float | None:
        """Most of what ``spent`` counts, or None."""
        return self.weight_bits_max if self.weight_bits_max is not None else self.cost_max

    @property
    def wants_psnr(self) -> bool:
        """Whether it is the highest PSNR within a limit of something else, rather than the least cost of a PSNR."""
        return self.fit or self.budget is not None

    def spent(self, usage: Usage) -> float:
        """Return what is limited, or made least: bits where those have the limit, or have to fit, else cost."""
        return float(usage.bits) if self.fit or self.weight_bits_max is not None else self.prices.cost(usage)

    def met(self, usage: Usage, psnr_db: float, *, fits: bool) -> bool:
        """Whether an assignment reaches the goal; ``fits``: its design fits the target, as far as that is asked."""
        if self.budget is not None:
            return self.spent(usage) <= self.budget
        return fits and (self.psnr_min_db is None or psnr_db >= self.psnr_min_db)


@final
@dataclass(frozen=True)
class Alternative:
    """One format of one layer, or of all that are free.

    Attributes:
        precision: the format.
        bits: of codes, centroids and scales.
        dsp: DSP blocks, at the folding at which all formats are compared.
        lut: LUTs of lanes, at the same.
        cost: of the three at the goal's prices.
        psnr_db: of the whole network when this layer alone has it and all others have the reference's.
    """

    precision: str
    bits: int
    dsp: int
    lut: int
    cost: float
    psnr_db: float


@final
@dataclass(frozen=True)
class LayerChoice:
    """What one layer got, and what it could have had; a pinned layer has no alternatives."""

    layer: str
    precision: str
    bits: int
    dsp: int
    lut: int
    cost: float
    pinned: bool
    alternatives: tuple[Alternative, ...]


@final
@dataclass(frozen=True)
class Assignment:
    """The result.

    Attributes:
        policy: that was asked for.
        layers: in order.
        bits: of all weights that were free.
        dsp: DSP blocks of their layers, at the folding at which all formats are compared.
        lut: LUTs of their lanes, at the same.
        cost: of the three at the goal's prices.
        prices: of a bit, a DSP block and a LUT.
        psnr_db: of the golden model's output on the frames that judged.
        uniform: every uniform assignment that was measured.
        gap_db: how much better the additive model's optimum could be at most; 0: it was found exactly.
    """

    policy: Policy
    layers: tuple[LayerChoice, ...]
    bits: int
    dsp: int
    lut: int
    cost: float
    prices: Prices
    psnr_db: float
    uniform: tuple[Alternative, ...]
    gap_db: float


class Tools(Protocol):
    """What a search measures with."""

    @property
    def peak(self) -> float:
        """Range of the float output."""

    def fit(self, layer: Layer, precision: Precision) -> IntWeight:
        """Return a layer's codes in a format; those of few bits are reconstructed on float inputs, quickly."""

    def usage(self, layer: Layer, weight: IntWeight) -> Usage:
        """Return what a layer takes with ``weight``, at a folding that depends on the layer alone."""

    def sequence(self, choice: Choice) -> Mapping[str, IntWeight]:
        """Return the codes of all layers of a choice; those of few bits are reconstructed on what the others make.

        Pinned layers that are reconstructed with them are among them.
        """

    def measure(self, codes: Mapping[str, IntWeight]) -> float:
        """Return the mean squared error of the golden model's output with ``codes`` in it."""

    def fits(self, codes: Mapping[str, IntWeight]) -> bool:
        """Whether the design with ``codes`` in it fits its target; true where the goal does not ask."""

    def progress(self, detail: str) -> None:
        """Say what long work is at."""


def weight_bits(weight: IntWeight) -> int:
    """Return the bits of codes, centroids and scales of ``weight``."""
    formula = CODECS[weight.codec].bits(weight, weight.values.size)
    return formula.overall + scale_bits(weight)


def most_weight_bits(weight: IntWeight, precision: Precision) -> int:
    """Return the most bits that ``weight`` may take in ``precision`` once its channels have been equalized.

    That changes which codes occur: how much of a fixed point format's width, how many centroids, how many scales.
    """
    formula = CODECS[weight.codec].bits(weight, weight.values.size)
    scales = weight.scale.size * MULT_BITS
    match weight.codec:
        case "raw":
            return precision.bits * weight.values.size + scales
        case "codebook":
            return precision.code_bits * weight.values.size + precision.centroids * precision.bits + scales
        case _:
            return formula.codes + formula.tables + scales
