"""Spell an operator in the one way that onnx's shape inference, ONNX Runtime and our readers take alike.

Convolutions get explicit pads in place of ``auto_pad`` and ``output_shape``, as ONNX Runtime works them out; onnx's
inference adds ``output_padding`` to the size that ``auto_pad`` asks for, and refuses batch and channels in
``output_shape``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import onnx
from onnx import helper

from gan2hls.base import ModelError, UnsupportedError

Shape = tuple[int, ...]
#: Operators of which exporters write axes from the end before ONNX has them, and ONNX Runtime takes them.
_OF_AXES = frozenset(
    ("Concat", "Flatten", "Gather", "ReduceMean", "ReduceSum", "Slice", "Split", "Squeeze", "Unsqueeze")
)
_AUTO_PADS = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


def plain_spelling(node: onnx.NodeProto, shape_of: Callable[[str], Shape], elem_of: Callable[[str], int]) -> None:
    """Respell ``node``, which reads a computed tensor, in place; one whose sizes make no sense is left to inference.

    Args:
        node: of the default domain.
        shape_of: shape of a tensor by name.
        elem_of: element type of a tensor by name.

    Raises:
        ModelError: padding that contradicts itself, or reaches beyond what ONNX allows.
        UnsupportedError: padding that ONNX allows and ONNX Runtime refuses.
    """
    if node.op_type == "CastLike" and len(node.input) == 2:
        made = helper.make_node("Cast", node.input[:1], node.output, node.name, to=elem_of(node.input[1]))
        node.CopyFrom(made)
    elif node.op_type == "BatchNormalization" and len(shape_of(node.input[0])) > 2 and _in_training(node):
        epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        made = helper.make_node("InstanceNormalization", node.input[:3], node.output[:1], node.name, epsilon=epsilon)
        node.CopyFrom(made)
    elif node.op_type in ("Conv", "ConvTranspose") and len(node.input) > 1 and node.input[1]:
        _explicit_pads(node, shape_of(node.input[0])[2:], shape_of(node.input[1])[2:])


def with_counted_axes(node: onnx.NodeProto, rank: int) -> onnx.NodeProto:
    """Return ``node`` with axes from 0 on where its attributes count them from the end, as older operator sets do not.

    Args:
        node: of the default domain.
        rank: of its first input.
    """
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    axis, axes = given.get("axis", 0), given.get("axes", [])
    if node.op_type not in _OF_AXES or min(axis, *axes, 0) >= 0:
        return node
    whole = rank + len(axes) if node.op_type == "Unsqueeze" else rank
    if axis < -whole or min(axes, default=0) < -whole:
        return node  # which inference refuses
    counted = onnx.NodeProto()
    counted.CopyFrom(node)
    for attribute in counted.attribute:
        if attribute.name == "axis" and attribute.i < 0:
            attribute.i += whole
        elif attribute.name == "axes":
            attribute.ints[:] = [n % whole for n in attribute.ints]
    return counted


def _in_training(node: onnx.NodeProto) -> bool:
    """Whether a BatchNormalization normalizes by statistics of the batch; before opset 14 its outputs say so."""
    return any(a.name == "training_mode" and a.i for a in node.attribute) or sum(map(bool, node.output)) > 1


def _explicit_pads(node: onnx.NodeProto, size: Shape, kernel: Shape) -> None:
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    raw = given.get("auto_pad", b"NOTSET")
    auto_pad = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    if auto_pad not in _AUTO_PADS:
        raise ModelError(f"its auto_pad is {auto_pad!r}", hint=f"legal: {', '.join(_AUTO_PADS)}; or give pads alone")
    strides, dilations = (_numbers(given.get(name), len(size), 1) for name in ("strides", "dilations"))
    pads = _numbers(given.get("pads"), 2 * len(size), 0)
    extra = _numbers(given.get("output_padding"), len(size), 0)
    if None in (strides, dilations, pads, extra) or not size or len(size) != len(kernel):
        return
    assert strides is not None and dilations is not None and pads is not None and extra is not None
    if min(*size, *kernel, *strides, *dilations) < 1 or min(*pads, *extra) < 0:
        return
    if auto_pad != "NOTSET" and "pads" in given and (auto_pad != "VALID" or any(pads)):
        raise ModelError(f"has both auto_pad {auto_pad} and pads {list(pads)}", hint="remove one of the two attributes")
    axes = list(zip(size, kernel, strides, dilations, extra, pads[: len(size)], pads[len(size) :], strict=True))
    if node.op_type == "Conv":
        found = [_conv_axis(auto_pad, n, (k - 1) * d + 1, s, (a, b)) for n, k, s, d, _, a, b in axes]
        dropped = {"auto_pad", "pads"}
    else:
        shape = _output_shape(given.get("output_shape"), len(size))
        found = []
        for m, (n, k, s, d, e, a, b) in enumerate(axes):
            _check_output_padding(e, s, d, m)
            full = (n - 1) * s + (k - 1) * d + 1
            found.append(_transposed_axis(auto_pad, n * s, full, e, s, (a, b), shape[m] if shape else None))
        dropped = {"auto_pad", "pads", "output_padding", "output_shape"}
    kept = [attribute for attribute in node.attribute if attribute.name not in dropped]
    kept.append(helper.make_attribute("pads", [f[0] for f in found] + [f[1] for f in found]))
    if any(f[2] for f in found):
        kept.append(helper.make_attribute("output_padding", [f[2] for f in found]))
    del node.attribute[:]
    node.attribute.extend(kept)


def _numbers(values: Any, count: int, default: int) -> Shape | None:
    """Return an attribute of ``count`` integers, or None if it has others."""
    if values is None:
        return (default,) * count
    if not isinstance(values, Sequence) or len(values) != count or not all(isinstance(v, int) for v in values):
        return None
    return tuple(values)


def _output_shape(values: Any, rank: int) -> Shape | None:
    """Return the spatial part of ``output_shape``, which some exporters lead by batch and channels."""
    if values is None:
        return None
    if len(values) not in (rank, rank + 2) or min(values[-rank:], default=1) < 1:
        raise ModelError(
            f"its output_shape is {list(values)}",
            hint=f"legal are {rank} sizes of 1 or more, those of the output's last axes; or give pads alone",
        )
    return tuple(values[-rank:])


def _same(total: int, auto_pad: str) -> tuple[int, int]:
    """Return what stands before and after an axis with ``total`` elements of padding."""
    total = max(total, 0)
    small, large = total // 2, total - total // 2
    return (small, large) if auto_pad == "SAME_UPPER" else (large, small)


def _conv_axis(auto_pad: str, size: int, reach: int, stride: int, pads: tuple[int, int]) -> tuple[int, int, int]:
    if auto_pad.startswith("SAME"):
        pads = _same((-(-size // stride) - 1) * stride + reach - size, auto_pad)
    return (*pads, 0)


def _check_output_padding(extra: int, stride: int, dilation: int, axis: int) -> None:
    if extra < stride:
        return
    what = f"its output_padding {extra} along spatial axis {axis} is not below the stride {stride}"
    hint = f"legal: 0..{stride - 1}; a larger output takes less pads, or a larger kernel"
    raise UnsupportedError(what, hint=hint) if extra < dilation else ModelError(what, hint=hint)


def _transposed_axis(
    auto_pad: str, same: int, full: int, extra: int, stride: int, pads: tuple[int, int], wanted: int | None
) -> tuple[int, int, int]:
    """Return the pads and the output padding of an axis; ``full`` is its output without any."""
    if wanted is None:
        if not auto_pad.startswith("SAME"):
            return (*pads, extra)
        return (*_same(full + extra - same, auto_pad), extra)
    if wanted > full + stride - 1:
        raise ModelError(
            f"its output_shape asks for {wanted} where its input makes {full}",
            hint=f"legal: 1..{full + stride - 1}; enlarge the input or the stride",
        )
    if wanted > full + extra:
        return 0, 0, wanted - full
    return (*_same(full + extra - wanted, auto_pad), extra)
