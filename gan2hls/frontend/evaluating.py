"""Constants: computed by NumPy of our own (exact for quantizers, fast for look-ups), else as ONNX Runtime does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import helper
from onnx.reference import ReferenceEvaluator

from gan2hls.base import Gan2HlsError, UnsupportedError
from gan2hls.frontend.lookups import LOOKUPS
from gan2hls.frontend.naming import at, describe
from gan2hls.frontend.quant_values import QDQ_EVALUATORS, QONNX_EVALUATORS
from gan2hls.frontend.quantizers import is_qdq, is_qonnx
from gan2hls.frontend.reads import not_computed

_log = logging.getLogger(__name__)
onnxruntime.set_default_logger_severity(4)  # kernels tell of deprecated attributes as they are made, not as sessions do

Array = npt.NDArray[Any]

#: Newest operator set for which ONNX Runtime has every operator that we keep; later ones change them in types alone.
NEWEST_RUN = 26
#: Format of files that it is sure to take.
_FORMAT = 8


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


@final
class Computation:
    """A model that is run for its values, as ONNX Runtime runs it.

    Only what that has no kernel for, or does not know, is left to onnx's reference evaluator, of whose operators some
    mean something else (a transposed convolution of groups, attributes of old operator sets); a warning tells so.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        for opset in model.opset_import:
            if opset.domain in ("", "ai.onnx"):
                opset.version = min(opset.version, NEWEST_RUN)
        model.ir_version = _FORMAT
        self._model, self._told = model, False
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception:  # onnxruntime raises classes of its own, all derived from Exception
            self._session = None

    def __call__(self, given: Mapping[str, Array]) -> list[Array]:
        """Return the outputs for the inputs ``given`` by name.

        Raises:
            Exception: whatever the reference evaluator raises.
        """
        if self._session is not None:
            try:
                return [np.asarray(value) for value in self._session.run(None, dict(given))]
            except Exception:
                self._session = None
        with np.errstate(all="ignore"):
            values = [np.asarray(value) for value in ReferenceEvaluator(self._model).run(None, dict(given))]
        if not self._told:
            self._told = True
            operators = ", ".join(dict.fromkeys(node.op_type for node in self._model.graph.node))
            _log.warning(
                "ONNX Runtime %s computes no constant by %s: it is what onnx's reference evaluator makes of it; store "
                "it as an initializer if that is something else",
                onnxruntime.__version__,
                operators,
            )
        return values
