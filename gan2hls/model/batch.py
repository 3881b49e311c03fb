"""A model of several frames at once: each of its frames is a batch, one frame below the other as one map.

In a stream a batch is its frames one after the other, so codes ``[N * batch, H, W, C]`` of a tensor of the model are
codes ``[N, batch * H, W, C]`` here.  Every tensor is equal; what differs is what hardware may do with several frames
that are known to come: use weights for all of them, and fill the time in which one of them waits.
"""

from __future__ import annotations

from dataclasses import replace

from gan2hls.base import remembered
from gan2hls.model.integer import IntegerModel, IntLayer
from gan2hls.model.ir import Port
from gan2hls.ops import Shape, on_frames


def batched(model: IntegerModel, batch: int) -> IntegerModel:
    """Return ``model`` whose frames are ``batch`` of its own, one below the other; itself for 1."""
    assert model.batch == 1, f"{model.name}: frames are {model.batch} already"
    if batch == 1:
        return model
    return replace(
        model,
        inputs=tuple(_port(port, batch) for port in model.inputs),
        layers=tuple(_layer(layer, batch) for layer in model.layers),
        outputs=tuple(_port(port, batch) for port in model.outputs),
        batch=batch,
        single=model,
    )


@remembered
def _layer(layer: IntLayer, batch: int) -> IntLayer:
    """Return ``layer`` on ``batch`` frames; models that share layers share these."""
    return replace(layer, shape=_below(layer.shape, batch), op=on_frames(layer.op, batch))


def _port(port: Port, batch: int) -> Port:
    return replace(port, shape=_below(port.shape, batch))


def _below(shape: Shape, batch: int) -> Shape:
    height, width, channels = shape
    return batch * height, width, channels
