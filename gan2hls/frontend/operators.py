"""Which operators are supported, and the way out of what is not."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from gan2hls.base import UnsupportedError
from gan2hls.frontend.functions import ELEMENTWISE
from gan2hls.frontend.layout import VIEWS
from gan2hls.frontend.naming import describe
from gan2hls.frontend.norm_region import REDUCTIONS
from gan2hls.frontend.quantizers import QDQ_OPS, QONNX_OPS, is_qdq, is_qonnx
from gan2hls.frontend.reads import MEASURED, RANDOM, random_numbers
from gan2hls.frontend.reductions import SUMS
from gan2hls.frontend.scattered import SCATTERS
from gan2hls.kinds import NO_STATISTICS, READERS

_READ = {*READERS, *VIEWS, *REDUCTIONS, *SUMS, *MEASURED, *QDQ_OPS, *QONNX_OPS, "Concat", "Constant", *SCATTERS}
SUPPORTED: tuple[str, ...] = tuple(sorted(_READ - RANDOM | ELEMENTWISE))

_STATIC = "quantize statically and in the format QDQ (onnxruntime.quantization.QuantFormat.QDQ)"
_CONSTANT_CODEBOOK = "of weights codebook and indices must both be constant"
_UNOPTIMIZED = (
    "ONNX Runtime wrote this file after its optimizations: build from the file that it read, or save with "
    "SessionOptions.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL"
)
#: What to do about attention.
NO_ATTENTION = (
    "attention is not built: train and export without the block, torch.nn.Identity() in its place; a block that is "
    "multiplied by a constant 0 falls away by itself"
)
#: The nearest way out for operators that generators use and this version lacks.
WAY_OUT: Mapping[str, str] = {
    "GatherElements": _CONSTANT_CODEBOOK,
    "GatherND": _CONSTANT_CODEBOOK,
    **dict.fromkeys(
        ("GRU", "LSTM", "RNN"),
        "recurrent layers are not built: train with convolutions along the sequence (Conv of 1-D) in their place",
    ),
    **dict.fromkeys(
        ("DFT", "STFT"),
        "a Fourier transform of a fixed size is two products by constant matrices, of cosines and of sines: spell it "
        "as MatMul, or let the model end in front of it",
    ),
    **dict.fromkeys(
        ("DeformConv", "GridSample"),
        "sampling where a computed tensor says is not built: export without it, or end the model in front of it; at "
        "constant places it is a Gather, or a Resize",
    ),
    **dict.fromkeys(("Attention", "LinearAttention"), NO_ATTENTION),
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
    "Einsum": "of two tensors it is built where one is constant, it sums over nothing, both have the same axes, or one "
    f"has a single row or column; {NO_ATTENTION}",
}
#: Domains of operators that ONNX Runtime puts in the place of ONNX's own.
_RUNTIME_DOMAINS = ("com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc")
_ELSEWHERE = "take another in its place: docs/limits.md says what is built and what is not"


def way_out(node: onnx.NodeProto) -> str:
    """Return what to do about an operator that is not built."""
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
            hint=way_out(node),
        )
    if node.op_type not in ("Dropout", "Split") and sum(bool(name) for name in node.output) > 1:
        raise UnsupportedError(
            "normalizes by statistics of the batch" if node.op_type == "BatchNormalization" else "has several outputs",
            where=describe(node),
            hint=NO_STATISTICS if node.op_type == "BatchNormalization" else "keep the first output alone",
        )
