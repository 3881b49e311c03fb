"""MaxPool of windows that overlap, as pools of windows that do not.

The greatest value of a window is that of the greatest of its rows, so each axis is reduced by itself: a Gather puts
the rows of every window side by side, the shared ones once for each, and a MaxPool takes them window by window.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from gan2hls.frontend.constants import Constants
from gan2hls.kinds import Tensor, window_axes


def apart(
    node: onnx.NodeProto, shape: tuple[int, ...], out_shape: tuple[int, ...], constants: Constants
) -> list[onnx.NodeProto]:
    """Return the nodes that a MaxPool stands for; none where its windows do not overlap.

    Args:
        node: the MaxPool.
        shape: of its input.
        out_shape: of its output.
        constants: to which those of the nodes are added.

    Raises:
        UnsupportedError: it is neither 1-D nor 2-D.
    """
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    auto_pad = given.get("auto_pad", b"NOTSET").decode("utf-8", "replace")
    axes = window_axes(
        Tensor(shape, out_shape=out_shape),
        given["kernel_shape"],
        given.get("strides"),
        given.get("pads"),
        given.get("dilations"),
        auto_pad,
    )
    reads = [[axis.taps(o) for o in range(axis.out_size)] for axis in axes]
    if all(axis.windows is not None for axis in axes) or not all(all(of_axis) for of_axis in reads):
        return []
    parts: list[onnx.NodeProto] = []
    name, base = node.input[0], node.name or node.output[0]
    moved = [n for n, axis in enumerate(axes) if [[o] for o in range(axis.size)] != reads[n]]
    for n in moved:
        most = max(map(len, reads[n]))
        indices = np.array([taps + taps[-1:] * (most - len(taps)) for taps in reads[n]]).ravel()
        if not np.array_equal(indices, np.arange(axes[n].size)):
            index, rows = constants.add(f"{node.output[0]}/windows_{n}", indices), f"{node.output[0]}/rows_{n}"
            parts.append(helper.make_node("Gather", [name, index], [rows], f"{base}/Gather_{n}", axis=2 + n))
            name = rows
        kernel = [most if m == n else 1 for m in range(len(axes))]
        made = node.output[0] if n == moved[-1] else f"{node.output[0]}/greatest_{n}"
        parts.append(
            helper.make_node("MaxPool", [name], [made], f"{base}/MaxPool_{n}", kernel_shape=kernel, strides=kernel)
        )
        name = made
    return parts
