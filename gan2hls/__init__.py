"""gan2hls: from a compressed GAN generator in ONNX to verified HLS C++ and SystemVerilog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan2hls.flow import build as build

__version__ = "0.1.0"

# `templates/` and `testbench/` stand beside the package in a checkout and inside it in a wheel.
_CHECKOUT = Path(__file__).resolve().parent.parent
if (_CHECKOUT / "templates" / "__init__.py").is_file() and (_CHECKOUT / "pyproject.toml").is_file():
    __path__.append(str(_CHECKOUT))


def __getattr__(name: str) -> Any:
    """Import ``gan2hls.build`` when it is first asked for: ONNX Runtime takes its time."""
    if name == "build":
        from gan2hls.flow import build

        return build
    raise AttributeError(f"module 'gan2hls' has no attribute {name!r}")
