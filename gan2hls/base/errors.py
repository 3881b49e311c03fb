"""Errors of gan2hls, one exit code each.

The tree::

    Gan2HlsError                 1   never raised itself
    |-- ModelError               3   the ONNX file is broken, unsafe or empty
    |-- UnsupportedError         4   a valid model that this version cannot build
    |-- ConfigError              5   an unknown key, a value out of range, no such layer
    |-- FoldingError             6   a PE or SIMD that does not divide, a part that is too small
    |-- VerificationError        7   golden, C++ and RTL disagree
    |-- ToolError                8   a compiler or simulator is missing or failed
    `-- OutputError              9   the output folder cannot be written

Exit code 0 is success, 1 a bug of gan2hls, 2 wrong usage of the command line.
"""

from __future__ import annotations


class Gan2HlsError(Exception):
    """Base of every error that a user can cause.

    Args:
        message: what is wrong and which value was found.
        where: the file, node, layer or config key it concerns; untrusted text, only ever printed.
        hint: what would be legal, or what to do next.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{where}{self.message}{hint}"


class ModelError(Gan2HlsError):
    """The ONNX file is broken, unsafe or empty."""

    exit_code = 3


class UnsupportedError(Gan2HlsError):
    """A valid model that this version cannot build."""

    exit_code = 4


class ConfigError(Gan2HlsError):
    """A config key or value that is not legal."""

    exit_code = 5


class FoldingError(Gan2HlsError):
    """A folding that does not divide the channels, or that no part can hold."""

    exit_code = 6


class VerificationError(Gan2HlsError):
    """Golden model, HLS C++ and RTL disagree."""

    exit_code = 7


class ToolError(Gan2HlsError):
    """An external tool is missing or failed."""

    exit_code = 8


class OutputError(Gan2HlsError):
    """The output folder cannot be written."""

    exit_code = 9
