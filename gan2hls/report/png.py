"""Tensors as pictures: labelled PNG grids of generated images."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from gan2hls.report.metrics import as_images

Array = npt.NDArray[np.floating]

_GAP = 2
_LABEL_WIDTH = 52
_LEAST_SIDE = 48
_BACKGROUND = (255, 255, 255)
_INK = (0, 0, 0)


def png_grid(
    rows: Sequence[tuple[str, Array]], onnx_shape: tuple[int, ...], value_range: tuple[float, float], columns: int = 16
) -> bytes | None:
    """Return a PNG in which every labelled row of tensors is a row of pictures, or None when they are no pictures.

    Args:
        rows: label and real values ``[N, *onnx_shape[1:]]``; NCHW, NHWC or a flat square.
        onnx_shape: the ONNX tensor's shape.
        value_range: the values that become black and white.
        columns: pictures a line; longer rows are wrapped, all labels together line by line.
    """
    pictures = [(label, to_bytes(values, onnx_shape, value_range)) for label, values in rows]
    strips: list[tuple[str, npt.NDArray[np.uint8]]] = []
    count = min((len(found) for _, found in pictures if found is not None), default=0)
    for start in range(0, count, columns):
        for label, found in pictures:
            if found is not None:
                strips.append((label, found[start : min(count, start + columns)]))
    if not strips:
        return None
    return _encode(strips, min(columns, count))


def to_bytes(
    values: Array, onnx_shape: tuple[int, ...], value_range: tuple[float, float]
) -> npt.NDArray[np.uint8] | None:
    """Return ``[N, *onnx_shape[1:]]`` as 8-bit images ``[N, H, W, 3]``, or None when it is no image."""
    images = as_images(values, onnx_shape)
    if images is None or images.shape[-1] not in (1, 3, 4):
        return None
    low, high = value_range
    span = high - low if high > low else 1.0
    grey = np.clip((images[..., :3] - low) * (255.0 / span) + 0.5, 0, 255).astype(np.uint8)
    return np.repeat(grey, 3, axis=-1) if grey.shape[-1] == 1 else grey


def _encode(strips: Sequence[tuple[str, npt.NDArray[np.uint8]]], columns: int) -> bytes:
    height, width = strips[0][1].shape[1:3]
    zoom = max(1, -(-_LEAST_SIDE // min(height, width)))
    cell_height, cell_width = height * zoom + _GAP, width * zoom + _GAP
    sheet = Image.new("RGB", (_LABEL_WIDTH + columns * cell_width, len(strips) * cell_height), _BACKGROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for y, (label, images) in enumerate(strips):
        pen.text((4, y * cell_height + (cell_height - 16) // 2), label, _INK, font=font)
        for x, pixels in enumerate(images):
            tile = Image.fromarray(pixels).resize((width * zoom, height * zoom), Image.Resampling.NEAREST)
            sheet.paste(tile, (_LABEL_WIDTH + x * cell_width, y * cell_height))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=False, compress_level=6)
    return buffer.getvalue()
