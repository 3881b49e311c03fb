"""Lowering as the config asks for it: formats of weights and activations, and what other formats of weights bring."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import onnx

from gan2hls import timing
from gan2hls.base import ToolError, one_thread
from gan2hls.config import Config
from gan2hls.flow.from_config import activation_bound, goal_of, pinned_foldings, target_of
from gan2hls.flow.inputs import Inputs
from gan2hls.formats import Precision
from gan2hls.hardware import Design, fits, sizing, weigh
from gan2hls.model import Graph, IntegerModel, linear_layers
from gan2hls.quantize import Quantized, assign_precision, quantize

Progress = Callable[[str], None]

#: Weights of a model at most that is lowered again in another format; with more it would take minutes.
_MOST_WEIGHTS = 1 << 24


def lower(
    graph: Graph,
    model: onnx.ModelProto,
    inputs: Inputs,
    config: Config,
    part: str,
    design_of: Callable[[IntegerModel], Design],
    progress: Progress,
) -> Quantized:
    """Return the integer model of ``graph``.

    Args:
        graph: after the passes.
        model: the plain ONNX model.
        inputs: on which it is calibrated.
        config: what it is lowered and folded for.
        part: the name of ``config.target.part`` as Vivado takes it.
        design_of: returns the design of a model, by which more bits for activations are weighed.
        progress: told what long work is at.

    Raises:
        ConfigError: a pattern that matches no layer, or a goal of ``precision.auto`` that cannot be reached.
        FoldingError: a pinned folding that does not divide.
    """
    wanted, rule, target = config.precision, config.calibration.range, target_of(config, part)
    with suppress(ToolError):  # which is told where a design is simulated, if it comes to that
        timing.prepare()
    with one_thread():
        return quantize(
            graph,
            model,
            inputs.calibration,
            assign_precision(graph, config),
            None if rule == "auto" else rule,
            goal=goal_of(wanted.auto),
            activation_goal_db=wanted.activation_psnr_min_db,
            reconstruct=wanted.reconstruct,
            sizing=lambda model: sizing(model, target, pinned_foldings(model, config)),
            fits=lambda model: fits(model, target, pinned_foldings(model, config)),
            activation_bound=activation_bound(
                wanted,
                design_of,
                lambda design, model: weigh(design, model, target, pinned_foldings(model, config)),
                target.budget,
            ),
            fitting=inputs.reconstruction,
            progress=progress,
        )


def lower_with_weights(
    graph: Graph,
    model: onnx.ModelProto,
    inputs: Inputs,
    config: Config,
    progress: Progress,
    precision: str,
) -> tuple[IntegerModel, float] | None:
    """Return the integer model with weights in ``precision`` where neither ``layers`` nor the file says theirs.

    Activations that nothing fixes have 8 bits.

    Returns:
        the model, and the PSNR of its output in dB on calibration frames that nothing was fitted to; None: it has more
        than ``_MOST_WEIGHTS``.
    """
    if sum(op.weight.size for _, op in linear_layers(graph)) > _MOST_WEIGHTS:
        return None
    formats = {"weight": Precision.parse(precision), "activation": config.precision.activation or Precision("int", 8)}
    other = config.model_copy(update={"precision": config.precision.model_copy(update=formats)})
    rule = config.calibration.range
    with one_thread():
        made = quantize(
            graph,
            model,
            inputs.calibration,
            assign_precision(graph, other),
            None if rule == "auto" else rule,
            reconstruct=config.precision.reconstruct,
            fitting=inputs.reconstruction,
            progress=lambda detail: progress(f"weights as {precision}: {detail}"),
        )
    return made.model, made.psnr_db
