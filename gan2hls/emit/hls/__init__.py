"""The HLS C++ back end."""

from gan2hls.emit.hls.files import emit_hls, hls_interval
from gan2hls.emit.hls.top import top_region

__all__ = [
    "emit_hls",
    "hls_interval",
    "top_region",
]
