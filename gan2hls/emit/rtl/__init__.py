"""The SystemVerilog back end."""

from gan2hls.emit.rtl.files import emit_rtl

__all__ = [
    "emit_rtl",
]
