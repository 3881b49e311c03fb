"""Published policies beside the search: which layers take few bits by their shape alone."""

from __future__ import annotations

from gan2hls.model import Layer
from gan2hls.ops import Linear


def redundancy(layer: Layer) -> int:
    """Return ``c - h * w`` of a layer's input: channels less pixels.

    Where it is negative, each of few feature maps carries much of the image, and binary weights cost too much.
    Source: Liu et al. 2018 (PBGen), section 3.2; Roohi et al. 2019 (ApGAN), section 3.
    """
    assert isinstance(layer.op, Linear), layer.name
    height, width, channels = layer.op.geometry.in_shape
    return channels - height * width
