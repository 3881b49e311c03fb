"""Operators that only rearrange, what is supported at all, and the way out of what is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import onnx

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.frontend.functions import ELEMENTWISE
from gan2hls.frontend.naming import describe
from gan2hls.frontend.nearest import resample
from gan2hls.frontend.normalize import Array
from gan2hls.frontend.quantizers import QDQ_OPS, QONNX_OPS, is_qdq, is_qonnx
from gan2hls.frontend.reads import MEASURED, RANDOM, random_numbers
from gan2hls.kinds import NO_STATISTICS, READERS
from gan2hls.numbers import Int64Array

Rearrange = Callable[..., Int64Array]


def _reshape(index: Int64Array, shape: tuple[int, ...], *_: Array | None, **__: object) -> Int64Array:
    """Read an operator whose result differs in shape only; shape inference has worked it out."""
    return index.reshape(shape)


def _transpose(index: Int64Array, _: tuple[int, ...], *, perm: list[int] | None = None) -> Int64Array:
    return index.transpose(perm)


def _dropout(
    index: Int64Array,
    _: tuple[int, ...],
    ratio_input: Array | None = None,
    training: Array | None = None,
    *,
    ratio: float = 0.5,
    seed: int = 0,
) -> Int64Array:
    del ratio, ratio_input, seed
    if training is not None and bool(np.any(training)):
        raise UnsupportedError(
            "drops values at random", hint="call model.eval() before the export, or make its third input False"
        )
    return index


def _slice(
    index: Int64Array,
    _: tuple[int, ...],
    starts_input: Array | None = None,
    ends_input: Array | None = None,
    axes_input: Array | None = None,
    steps_input: Array | None = None,
    *,
    starts: list[int] | None = None,
    ends: list[int] | None = None,
    axes: list[int] | None = None,
) -> Int64Array:
    """Read Slice; what it takes are attributes before opset 10 and inputs from then on."""
    begins, stops = (
        attribute if value is None else value.ravel().tolist()
        for value, attribute in ((starts_input, starts), (ends_input, ends))
    )
    if begins is None or stops is None:
        raise UnsupportedError("its bounds are computed by the network", hint="only constant bounds are supported")
    along = axes if axes_input is None else axes_input.ravel().tolist()
    steps = [1] * len(begins) if steps_input is None else steps_input.ravel().tolist()
    cut = [slice(None)] * index.ndim
    for axis, begin, stop, step in zip(along or range(len(begins)), begins, stops, steps, strict=True):
        cut[axis] = slice(begin, stop, step)
    return index[tuple(cut)]


#: ONNX's names of what pads, and NumPy's.
_PAD_MODES: Mapping[str, Literal["constant", "reflect", "edge", "wrap"]] = {
    "constant": "constant",
    "reflect": "reflect",
    "edge": "edge",
    "wrap": "wrap",
}


def _pad(
    index: Int64Array,
    _: tuple[int, ...],
    pads_input: Array | None = None,
    value_input: Array | None = None,
    axes_input: Array | None = None,
    *,
    mode: str = "constant",
    pads: list[int] | None = None,
    value: float = 0.0,
) -> Int64Array:
    """Read Pad with zeros or what is there; a negative pad crops.  What it takes are attributes before opset 11."""
    fill = value if value_input is None else float(value_input.ravel()[0])
    if mode not in _PAD_MODES or (mode == "constant" and fill != 0):
        raise UnsupportedError(
            f"pads with {fill:g}" if mode == "constant" else f"pads in mode {mode!r}",
            hint="pad with zeros or in one of the modes 'reflect', 'edge' and 'wrap'; or take it out where it pads the "
            "model's input, and give the padded image as the input",
        )
    amounts = pads if pads_input is None else pads_input.ravel().tolist()
    if amounts is None:
        raise UnsupportedError("its pads are computed by the network", hint="only constant pads are supported")
    along = range(index.ndim) if axes_input is None else axes_input.ravel().tolist()
    cut, grown = [slice(None)] * index.ndim, [(0, 0)] * index.ndim
    for axis, before, after in zip(along, amounts[: len(along)], amounts[len(along) :], strict=True):
        cut[axis] = slice(max(0, -before), index.shape[axis] - max(0, -after))
        grown[axis] = (max(0, before), max(0, after))
    cropped = index[tuple(cut)]
    if mode == "constant":
        return np.pad(cropped, grown, constant_values=-1)
    if mode == "reflect" and any(max(pad) >= size for pad, size in zip(grown, cropped.shape, strict=True)):
        raise ModelError(
            f"reflects {max(map(max, grown))} elements of a shape of {list(cropped.shape)}",
            hint="a reflection is smaller than what it reflects",
        )
    return np.pad(cropped, grown, mode=_PAD_MODES[mode])


#: Operators that act on the layout alone: ``(index, shape of the result, *constant inputs, **attributes) -> index``.
LAYOUT: Mapping[str, Rearrange] = {
    "Reshape": _reshape,
    "Flatten": _reshape,
    "Squeeze": _reshape,
    "Unsqueeze": _reshape,
    "Identity": _reshape,
    "Transpose": _transpose,
    "Cast": _reshape,
    "Dropout": _dropout,
}
#: Operators that leave elements out, repeat them, or put -1 where a zero stands; called in the same way.
SELECTIONS: Mapping[str, Rearrange] = {"Slice": _slice, "Pad": _pad, "Resize": resample, "Upsample": resample}

SUPPORTED: tuple[str, ...] = tuple(
    sorted({*READERS, *LAYOUT, *SELECTIONS, *MEASURED, *QDQ_OPS, *QONNX_OPS, "Constant"} - RANDOM | ELEMENTWISE)
)

_STATIC = "quantize statically and in the format QDQ (onnxruntime.quantization.QuantFormat.QDQ)"
_NORM = "train with BatchNormalization in its place, which costs nothing here"
_SHUFFLE = "replace the convolution and the pixel shuffle by one ConvTranspose with the factor as its stride"
_CONSTANT_CODEBOOK = "of weights codebook and indices must both be constant"
_UNOPTIMIZED = (
    "ONNX Runtime wrote this file after its optimizations: build from the file that it read, or save with "
    "SessionOptions.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL"
)
#: The nearest way out for operators that generators use and this version lacks.
WAY_OUT: Mapping[str, str] = {
    "InstanceNormalization": _NORM,
    "LayerNormalization": _NORM,
    "GroupNormalization": _NORM,
    "MeanVarianceNormalization": _NORM,
    "ReduceMean": f"if it belongs to a normalization by statistics of the input, {_NORM}",
    "DepthToSpace": _SHUFFLE,
    "Concat": "build the branches' common trunk without skips",
    "Split": "build the branches' common trunk without skips",
    "Gather": "give the embedded vector as the input instead of the label; codebooks of weights are constant",
    "GatherElements": _CONSTANT_CODEBOOK,
    "GatherND": _CONSTANT_CODEBOOK,
    "MaxPool": "take a Conv of the same stride in its place",
    "AveragePool": "make it a Conv of group = channels and weights of 1 / (the kernel's size)",
    "FloatQuant": "quantize activations to integers with IntQuant",
    "MatMulNBits": "its codes and scales must be constant",
    "MultiThreshold": "export before streamlining, with Quant nodes",
    "DynamicQuantizeLinear": _STATIC,
    "ConvInteger": _STATIC,
    "MatMulInteger": _STATIC,
    "QLinearConv": _STATIC,
    "QLinearMatMul": _STATIC,
    "QGemm": _STATIC,
    "QLinearAdd": _STATIC,
    "QLinearLeakyRelu": _STATIC,
    "QLinearSigmoid": _STATIC,
    "Softmax": "leave it out of the generator: nothing after an image needs it",
}
#: Domains of operators that ONNX Runtime puts in the place of ONNX's own.
_RUNTIME_DOMAINS = ("com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc")
_ELSEWHERE = "take another in its place: docs/limits.md says what is built and what is not"


def _way_out(node: onnx.NodeProto) -> str:
    found = WAY_OUT.get(node.op_type)
    if found is None or (node.domain in _RUNTIME_DOMAINS and node.op_type not in _OWN_OPS):
        return _UNOPTIMIZED if node.domain in _RUNTIME_DOMAINS else found or _ELSEWHERE
    return found


#: Operators of ONNX Runtime that its quantizers write, not its optimizations.
_OWN_OPS = tuple(name for name, way_out in WAY_OUT.items() if way_out == _STATIC or name == "MatMulNBits")


def check_supported(node: onnx.NodeProto) -> None:
    """Check that a node which depends on the input can be read.

    Raises:
        UnsupportedError: it cannot.
    """
    default = node.domain in ("", "ai.onnx")
    if default and node.op_type in RANDOM:
        raise random_numbers(node)
    known = is_qdq(node) or is_qonnx(node) or (default and node.op_type in SUPPORTED and node.op_type not in QONNX_OPS)
    if not known:
        raise UnsupportedError(
            f"operator {node.op_type!r}{'' if default else f' of domain {node.domain!r}'} is not supported",
            where=describe(node),
            hint=_way_out(node),
        )
    if node.op_type != "Dropout" and sum(bool(name) for name in node.output) > 1:
        raise UnsupportedError(
            "normalizes by statistics of the batch" if node.op_type == "BatchNormalization" else "has several outputs",
            where=describe(node),
            hint=NO_STATISTICS if node.op_type == "BatchNormalization" else "keep the first output alone",
        )
