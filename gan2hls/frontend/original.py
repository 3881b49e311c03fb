"""The model of a file as it stands there, for what was read of it to be held against."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx

from gan2hls.base import ModelError
from gan2hls.frontend.prepare import prepare
from gan2hls.frontend.read import read_model


def original(path: Path, sha256: str, *, input_shapes: Mapping[str, tuple[int, ...]]) -> onnx.ModelProto:
    """Return the model of an ONNX file that was read before: prepared, but nothing in it folded or spelled otherwise.

    Args:
        path: the file.
        sha256: ``Loaded.sha256``.
        input_shapes: as for ``load``.

    Raises:
        ModelError: it is another file by now, or none.
    """
    model, found = read_model(path)
    if found != sha256:
        raise ModelError("is not what it was when it was read", where=str(path), hint="build again")
    return prepare(model, input_shapes)[0]
