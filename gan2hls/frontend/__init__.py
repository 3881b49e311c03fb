"""Front end: from an ONNX file to the float graph."""

from gan2hls.frontend.assemble import assemble
from gan2hls.frontend.load import Loaded, load
from gan2hls.frontend.mend import needs_mending
from gan2hls.frontend.original import original
from gan2hls.frontend.read import read_model

__all__ = [
    "Loaded",
    "assemble",
    "load",
    "needs_mending",
    "original",
    "read_model",
]
