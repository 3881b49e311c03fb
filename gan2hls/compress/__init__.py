"""Post-training compression: from a float ONNX model and a recipe to a small ONNX model of nearly the same function."""

from gan2hls.compress.report import Compressed, CompressedLayer
from gan2hls.compress.run import compress

__all__ = ["Compressed", "CompressedLayer", "compress"]
