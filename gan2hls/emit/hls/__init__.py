"""The HLS C++ back end."""

from gan2hls.emit.hls.files import emit_hls, hls_interval

__all__ = [
    "emit_hls",
    "hls_interval",
]
