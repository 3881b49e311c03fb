"""gan2hls: from a compressed GAN generator in ONNX to verified HLS C++ and SystemVerilog."""

from __future__ import annotations

from pathlib import Path

__version__ = "0.1.0"

# `templates/` and `testbench/` stand beside the package in a checkout and inside it in a wheel.
_CHECKOUT = Path(__file__).resolve().parent.parent
if (_CHECKOUT / "templates" / "__init__.py").is_file() and (_CHECKOUT / "pyproject.toml").is_file():
    __path__.append(str(_CHECKOUT))
