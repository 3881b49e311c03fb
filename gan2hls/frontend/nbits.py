"""ONNX Runtime's MatMulNBits: a MatMul whose weights are packed codes of 2, 4 or 8 bits with a scale per block.

Source: com.microsoft.MatMulNBits in ContribOperators.md of ONNX Runtime.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.frontend.read import check_constant

Array = npt.NDArray[Any]
Float32Array = npt.NDArray[np.float32]


def is_nbits(node: onnx.NodeProto) -> bool:
    """Whether ``node`` is MatMulNBits."""
    return node.domain == "com.microsoft" and node.op_type == "MatMulNBits"


def unpacked(
    codes: Array | None = None,
    scales: Array | None = None,
    zero_points: Array | None = None,
    g_idx: Array | None = None,
    *,
    k: int = 0,
    n: int = 0,
    block_size: int = 0,
    bits: int = 4,
    **_: int,
) -> Float32Array:
    """Return the weights ``[k, n]`` of ``codes`` ``[n, blocks, block_size * bits / 8]``, the first code lowest.

    Zero points are packed as the codes, each row to whole bytes, or are floats, one per block; left out they lie in
    the middle.

    Raises:
        ModelError: sizes that do not fit.
        UnsupportedError: blocks that are not runs of neighbours, other widths than 2, 4 and 8 bits.
    """
    if codes is None or scales is None:
        raise ModelError("has no codes or no scales", hint="its inputs 1 and 2 must be initializers")
    if g_idx is not None and g_idx.size:
        raise UnsupportedError("orders its blocks by g_idx", hint="quantize without act_order")
    if bits not in (2, 4, 8):
        raise UnsupportedError(f"has codes of {bits} bits", hint="2, 4 and 8 bits are supported")
    if min(k, n, block_size) < 1 or block_size * bits % 8:
        raise ModelError(
            f"has K {k}, N {n} and block_size {block_size}",
            hint="all must be 1 or more, and a block whole bytes: block_size * bits a multiple of 8",
        )
    check_constant((k, n), "")  # the caller says where
    blocks = -(-k // block_size)
    if codes.dtype != np.uint8 or codes.size != n * blocks * block_size * bits // 8 or scales.size != n * blocks:
        raise ModelError(
            f"has codes of shape {list(codes.shape)} and type {codes.dtype}, scales of shape {list(scales.shape)}",
            hint=f"K {k}, N {n} and block_size {block_size} need UINT8 of {n * blocks * block_size * bits // 8} bytes "
            f"and {n * blocks} scales",
        )
    zero = _zero_points(zero_points, n, blocks, bits)
    step = scales.astype(np.float32).reshape(n, blocks, 1)
    values = (_spread(codes.reshape(n * blocks, -1), bits).reshape(n, blocks, block_size) - zero) * step
    return np.ascontiguousarray(values.reshape(n, -1)[:, :k].T)


def _zero_points(given: Array | None, rows: int, blocks: int, bits: int) -> Float32Array:
    """Return the zero points ``[rows, blocks, 1]``."""
    if given is None or not given.size:
        return np.full((1, 1, 1), 1 << (bits - 1), np.float32)
    packed = given.dtype == np.uint8
    each = -(-blocks * bits // 8) if packed else blocks
    if given.size != rows * each:
        raise ModelError(
            f"its zero points have shape {list(given.shape)} and type {given.dtype}",
            hint=f"{rows} rows of {blocks} zero points take {rows * each} numbers of that type",
        )
    numbers = given.reshape(rows, each)
    return (_spread(numbers, bits)[:, :blocks] if packed else numbers.astype(np.float32)).reshape(rows, blocks, 1)


def _spread(packed: Array, bits: int) -> Float32Array:
    """Return the codes in ``packed`` bytes ``[rows, n]``, ``[rows, n * 8 / bits]``."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    parts = (packed[:, :, None] >> shifts) & np.uint8((1 << bits) - 1)
    return parts.reshape(len(packed), -1).astype(np.float32)


def matmul(node: onnx.NodeProto, weight: str) -> list[onnx.NodeProto]:
    """Return the MatMul, and the Add of a bias, that ``node`` is with its unpacked weights named ``weight``."""
    bias = node.input[5] if len(node.input) > 5 else ""
    made = f"{weight}/product" if bias else node.output[0]
    nodes = [helper.make_node("MatMul", [node.input[0], weight], [made], node.name)]
    if bias:
        nodes.append(helper.make_node("Add", [made, bias], [node.output[0]], f"{node.name}/bias"))
    return nodes
