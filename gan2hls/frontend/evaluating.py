"""Constants that we compute by NumPy of our own: exact for quantizers, fast for look-ups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from gan2hls.base import Gan2HlsError, UnsupportedError
from gan2hls.frontend.lookups import LOOKUPS
from gan2hls.frontend.naming import at, describe
from gan2hls.frontend.quant_values import QDQ_EVALUATORS, QONNX_EVALUATORS
from gan2hls.frontend.quantizers import is_qdq, is_qonnx
from gan2hls.frontend.reads import not_computed

Array = npt.NDArray[Any]


def evaluated(node: onnx.NodeProto, constants: Mapping[str, Array]) -> Array | None:
    """Return what ``node`` makes of ``constants``, by name; None: there is no function of ours for it.

    Raises:
        ModelError: values that it cannot take.
        UnsupportedError: more than fits into memory.
    """
    table = QONNX_EVALUATORS if is_qonnx(node) else QDQ_EVALUATORS if is_qdq(node) else LOOKUPS
    evaluator = table.get(node.op_type)
    if evaluator is None:
        return None
    values = [constants[name] if name else None for name in node.input]
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    modes = {
        name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        for name, value in attributes.items()
    }
    try:
        with np.errstate(all="ignore"):
            made = evaluator(*values, **modes)
    except Gan2HlsError as error:
        raise at(error, describe(node)) from error
    except MemoryError as error:
        hint = "close other programs, or make the constant smaller"
        raise UnsupportedError("needs more memory than there is", where=describe(node), hint=hint) from error
    except Exception as error:  # QONNX's functions raise whatever NumPy raises
        raise not_computed(node, error) from error
    return None if made is None else np.asarray(made)
