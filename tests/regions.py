"""Random regions of elementwise operators over one input, and how far their integers may be off."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from gan2hls import passes
from gan2hls.frontend import load
from gan2hls.model.integer import IntLayer
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.quantize.domains import within_domains
from gan2hls.quantize.lower import lower_layer
from tests.float_evaluator import run_onnx
from tests.onnx_models import make_model

CHANNELS = 4
#: More bits than a table's index can have: the requantizer makes it.
INPUT = QuantType(IntType(13, signed=True), 4.0 / 4095)
CODES = np.arange(INPUT.int_type.lo, INPUT.int_type.hi + 1)
#: Places at which ONNX Runtime is asked, for each code.
FINE = 8
#: Codes beyond each end at which it is asked too: a step of an index may stand for a place beyond the last code.
BEYOND = 64
PLACES = np.arange((CODES[0] - BEYOND) * FINE, (CODES[-1] + BEYOND) * FINE + 1) / FINE
#: The places that are codes.
AT_CODES = slice(BEYOND * FINE, len(PLACES) - BEYOND * FINE, FINE)

UNARY = (
    "Abs", "Neg", "Relu", "LeakyRelu<alpha=0.3>", "HardSigmoid", "HardSwish", "Tanh", "Sigmoid", "Softplus", "Softsign",
    "Elu", "Selu", "Celu", "Erf", "Atan", "Asinh", "Sin", "Cos", "Floor", "Ceil", "Round", "Sign",
    "ThresholdedRelu<alpha=0.5>", "Shrink<lambd=0.3,bias=0.1>", "Identity",
)  # fmt: skip
BINARY = ("Add", "Sub", "Mul", "Max", "Min")
COMPARED = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual")
SCALARS = {"zero": 0.0, "one": 1.0, "half": 0.5, "minus": -0.7, "three": 3.0}


@dataclass(frozen=True)
class Sample:
    """A region: its nodes in onnx's text form, which read ``x`` and make ``y``, and its constants."""

    body: str
    constants: dict[str, np.ndarray]


@st.composite
def regions(draw: st.DrawFn) -> Sample:
    """A tangle of 1 to 7 nodes that reads ``x`` several times, constants of all and of each channel among operands."""
    channel = st.lists(st.sampled_from([-1.5, -1.0, -0.4, 0.25, 0.5, 0.8, 1.0, 1.25, 2.0]), min_size=CHANNELS)
    own = [draw(channel)[:CHANNELS] for _ in range(2)]
    operand = st.sampled_from([*SCALARS, "p0", "p1"])
    names, body = ["x"], ""
    for n in range(draw(st.integers(1, 7))):
        late, early, made = draw(st.sampled_from(names[-2:])), draw(st.sampled_from(names)), f"t{n}"
        match draw(
            st.sampled_from(["unary", "unary", "constant", "join", "where", "guarded", "normalize", "integers"])
        ):
            case "unary":
                body += f"{made} = {draw(st.sampled_from(UNARY))}({late}) "
            case "constant":
                pair = draw(st.permutations([late, draw(operand)]))
                body += f"{made} = {draw(st.sampled_from(BINARY))}({', '.join(pair)}) "
            case "join":
                body += f"{made} = {draw(st.sampled_from(BINARY))}({late}, {early}) "
            case "where":
                body += f"c{n} = {draw(st.sampled_from(COMPARED))}({late}, {draw(operand)}) "
                body += f"{made} = Where(c{n}, {early}, {draw(st.sampled_from([late, draw(operand)]))}) "
            case "guarded":
                op = draw(
                    st.sampled_from(["Sqrt(g{0})", "Log(g{0})", "Reciprocal(g{0})", "Div({1}, g{0})", "Pow(g{0}, p0)"])
                )
                body += f"a{n} = Abs({late}) g{n} = Add(a{n}, half) {made} = {op.format(n, early)} "
            case "normalize":
                body += f"{made} = BatchNormalization({late}, gain, shift, mean, variance) "
            case "integers":
                body += f"i{n} = Cast<to = 6>({late}) j{n} = Cast<to = 1>(i{n}) {made} = Sub({late}, j{n}) "
        names.append(made)
    return sample(f"{body}y = {draw(st.sampled_from(BINARY))}({names[-1]}, {draw(st.sampled_from(names))})", *own)


BATCH_NORMALIZATION = {
    "gain": [0.5, 1.0, 1.5, -1.0],
    "shift": [0.0, 0.3, -0.3, 0.1],
    "mean": [0.1, 0.0, -0.2, 0.4],
    "variance": [1.0, 0.5, 2.0, 1.0],
}


def sample(body: str, p0: Sequence[float] = (1.0,) * CHANNELS, p1: Sequence[float] = (1.0,) * CHANNELS) -> Sample:
    """Return a region of nodes that may name ``SCALARS``, ``p0``, ``p1`` and what ``BATCH_NORMALIZATION`` has."""
    constants = {name: np.float32(value) for name, value in SCALARS.items()}
    constants |= {"p0": np.float32(p0).reshape(1, CHANNELS, 1, 1), "p1": np.float32(p1).reshape(CHANNELS, 1, 1)}
    return Sample(body, constants | {name: np.float32(values) for name, values in BATCH_NORMALIZATION.items()})


@dataclass(frozen=True)
class Lowered:
    """A sample's one layer in integers, and what ONNX Runtime makes at ``PLACES``, float64 ``[N, C]``.

    ``real`` is what the float graph makes there.
    """

    layer: IntLayer
    wanted: np.ndarray
    real: np.ndarray

    @property
    def jumps_in_float32_alone(self) -> bool:
        """Whether float32 steps where float64 does not: ``Floor(Tanh(x))``, with a tanh that float32 rounds to 1."""
        differs = np.abs(self.real - self.wanted) > 1e-3 * np.abs(self.wanted).max()
        return bool(differs.mean() > 1e-3)

    def made(self) -> np.ndarray:
        """Return the codes of every input code ``[N, C]``, by the integer model."""
        acc = np.broadcast_to(CODES[:, None] - INPUT.zero_point, (CODES.size, CHANNELS))
        found = self.layer.requant(acc, self.layer.acc_type)
        return found if self.layer.table is None else self.layer.table(found)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the greatest value that each output may stand for: docs/numerics.md, "How far off".

        They are ONNX Runtime's values at all places within so many steps of the index, and half a step of the output;
        and those of the float graph, which differ at few places: where a jump of float32 stands elsewhere.
        """
        requant, out = self.layer.requant, self.layer.output_type
        fine = 2.0 ** -(requant.shift + 1)
        off = 0.5 + fine * (np.abs(CODES).max() + 1)  # steps of what the requantizer makes
        between = np.percentile(
            np.abs(np.diff(self.wanted, axis=0)), 99, axis=0
        )  # steps from place to place, not jumps
        slack = 1e-3 * np.abs(self.wanted).max() + between  # of float32, and of what lies between two places
        least, most = np.minimum(self.wanted, self.real), np.maximum(self.wanted, self.real)
        if self.layer.table is None:
            return least[AT_CODES] - off * out.scale - slack, most[AT_CODES] + off * out.scale + slack
        low, high = np.empty_like(least), np.empty_like(most)
        for channel in range(CHANNELS):
            gain = np.abs(requant.mult[:, channel]).min() * 2.0**-requant.shift
            reach = 1 + int(min(len(PLACES), np.ceil(FINE * off / gain if gain else len(PLACES))))
            low[:, channel] = minimum_filter1d(least[:, channel], 2 * reach + 1, mode="nearest")
            high[:, channel] = maximum_filter1d(most[:, channel], 2 * reach + 1, mode="nearest")
        return low[AT_CODES] - 0.5 * out.scale - slack, high[AT_CODES] + 0.5 * out.scale + slack


def lowered(sample: Sample, bits: int = 8, kind: IntType | None = None) -> Lowered | None:
    """Return a sample in integers; None where ONNX Runtime's numbers are not finite, or beyond what is of use.

    The output has the range of ``bits`` bits, in codes of ``kind``, which is of so many bits unless it is given.
    """
    model = make_model(sample.body, (1, CHANNELS, 1, PLACES.size), sample.constants)
    x = np.broadcast_to(INPUT.dequantize(PLACES), (1, CHANNELS, 1, PLACES.size)).astype(np.float32)
    (y,) = run_onnx(model, {"x": x})
    wanted = y[0, :, 0].T.astype(np.float64)
    if not np.isfinite(wanted).all() or np.abs(wanted).max() > 1e4 or np.ptp(wanted[AT_CODES]) < 1e-2:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.onnx"
        pixel = make_model(sample.body, (1, CHANNELS, 1, 1), sample.constants)
        path.write_bytes(pixel.SerializeToString())
        graph = passes.run(load(path).graph)
    if len(graph.layers) != 1:
        return None  # nodes before the last that reads x again make an engine of their own
    (source,) = graph.inputs
    frames = np.broadcast_to(INPUT.dequantize(PLACES)[:, None, None, None], (PLACES.size, 1, 1, CHANNELS))
    (layer,) = within_domains(graph, {source.name: frames.astype(np.float32)}).layers
    used, low, high = IntType(bits, signed=True), wanted[AT_CODES].min(), wanted[AT_CODES].max()
    scale = float(high - low) / (used.hi - used.lo)
    out = QuantType(kind or used, scale, int(np.clip(round(used.lo - low / scale), -(1 << 15), 1 << 15)))
    real = np.broadcast_to(INPUT.dequantize(PLACES)[:, None], wanted.shape)
    for point in layer.points:
        real = np.broadcast_to(point(real), wanted.shape)
    return Lowered(lower_layer(layer, [INPUT], None, out), wanted, real)
