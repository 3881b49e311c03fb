"""Operators that exporters leave behind: those that change nothing, and Compress as a Gather."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from gan2hls.base import Gan2HlsError
from gan2hls.frontend.constants import Constants

#: Operators that change nothing where their result has the shape of their input.
BY_SHAPE = frozenset(
    """
    Concat DepthToSpace Expand GlobalAveragePool GlobalMaxPool ReduceMax ReduceMean ReduceMin ReduceSum SpaceToDepth
    Split Tile
    """.split()  # noqa: SIM905  (as the list of reserved words)
)
#: Operators that do so where the scales, if there are any, are 1 too: from 4 rows to 4 can be a factor of 1.1.
BY_SCALE = frozenset(("Resize", "Upsample"))


def identity(
    node: onnx.NodeProto,
    types: Mapping[str, object],
    constants: Mapping[str, npt.NDArray[np.generic]],
    infer: Callable[[onnx.NodeProto], Sequence[object]],
) -> onnx.NodeProto | None:
    """Return the Identity that ``node`` is, or None if it changes something.

    Args:
        node: reads a computed tensor.
        types: of computed tensors, shape and element, by name.
        constants: by name.
        infer: the types of a node's outputs.
    """
    if node.domain != "" or len(node.output) != 1:
        return None
    if node.op_type == "Where":
        passed = _chosen(node, constants)
    else:
        passed = [name for name in node.input if name in types] if node.op_type in BY_SHAPE | BY_SCALE else []
    if len(passed) != 1 or passed[0] not in types:
        return None
    if node.op_type in BY_SCALE and not _keeps_scale(node, constants):
        return None
    try:
        made = infer(node)
    except Gan2HlsError:
        return None  # which is said of the operator as it stands
    return helper.make_node("Identity", passed, node.output, node.name) if made == [types[passed[0]]] else None


def _chosen(node: onnx.NodeProto, constants: Mapping[str, npt.NDArray[np.generic]]) -> list[str]:
    """Return what a Where by a constant chooses everywhere, as that does of ``tf.math.divide_no_nan``; else nothing."""
    names = list(node.input)
    holds = constants.get(names[0])
    if holds is None or not holds.size or holds.any() != holds.all():
        return []
    return names[1:2] if holds.all() else names[2:]


def gathered(node: onnx.NodeProto, constants: Constants) -> onnx.NodeProto | None:
    """Return the Gather that a Compress by a constant is, whose indices are added to ``constants``, or None.

    Its size would follow from values; tf2onnx mirrors rows and columns by it.
    """
    axis = {a.name: a.i for a in node.attribute}.get("axis")
    if node.op_type != "Compress" or node.domain != "" or axis is None or node.input[1] not in constants:
        return None
    name = constants.add(f"{node.output[0]}/taken", np.flatnonzero(constants[node.input[1]]))
    return helper.make_node("Gather", [node.input[0], name], node.output, node.name, axis=axis)


def _keeps_scale(node: onnx.NodeProto, constants: Mapping[str, npt.NDArray[np.generic]]) -> bool:
    """Whether ``node`` has no scales, or none but 1, and reads each element where it is."""
    modes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    at = 2 if len(node.input) > 2 else 1  # behind the region of interest, which came later
    scales = constants.get(node.input[at]) if at < len(node.input) else None
    match modes.get("coordinate_transformation_mode"):
        case b"tf_half_pixel_for_nn":
            stays = False  # half a pixel on, of which what resamples knows
        case b"tf_crop_and_resize":
            region = constants.get(node.input[1])
            stays = region is not None and np.array_equal(region, np.repeat([0, 1], region.size // 2))
        case _:
            stays = True
    return stays and (scales is None or bool((scales == 1).all()))
