"""Layer kinds: how each reads its ONNX operators.  One file each."""

from __future__ import annotations

from gan2hls.layers import conv, conv_transpose, dense, pointwise
from gan2hls.layers.base import Kind, Reader

#: Every layer kind; adding one touches this line, its file and its templates.
KINDS: tuple[Kind, ...] = (conv.KIND, conv_transpose.KIND, dense.KIND, pointwise.KIND)

KIND_BY_NAME: dict[str, Kind] = {kind.name: kind for kind in KINDS}
READERS: dict[str, Reader] = {op: reader for kind in KINDS for op, reader in kind.operators.items()}
