"""Front end: from an ONNX file to the float graph."""

from gan2hls.frontend.load import Loaded, load

__all__ = ["Loaded", "load"]
