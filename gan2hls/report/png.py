"""Tensors as pictures: labelled PNG grids of generated images."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from gan2hls.report.metrics import as_images

Array = npt.NDArray[np.floating]

_GAP = 2
_LABEL_WIDTH = 52
_TITLE_HEIGHT, _LONGEST_TITLE = 20, 80
_LEAST_SIDE = 48
_BACKGROUND = (255, 255, 255)
_INK = (0, 0, 0)


@final
@dataclass(frozen=True, eq=False)
class Sheet:
    """Rows of tensors of one shape, to be seen one below the other.

    Attributes:
        rows: label and real values ``[N, *onnx_shape[1:]]``; NCHW, NHWC or a flat square.
        onnx_shape: the ONNX tensor's shape.
        value_range: the values that become black and white.
        title: what stands above, untrusted text; nothing for none.
    """

    rows: Sequence[tuple[str, Array]]
    onnx_shape: tuple[int, ...]
    value_range: tuple[float, float]
    title: str = ""


def png_sheets(sheets: Sequence[Sheet], columns: int = 16) -> bytes | None:
    """Return a PNG with the sheets one below the other, but for those that hold no pictures; None: there are none left.

    ``columns`` are pictures a line; longer rows are wrapped, all labels of a sheet together line by line.
    """
    drawn = [image for sheet in sheets if (image := _drawn(sheet, columns)) is not None]
    if not drawn:
        return None
    whole = drawn[0]
    if len(drawn) > 1:
        size = max(image.width for image in drawn), sum(image.height for image in drawn)
        whole, top = Image.new("RGB", size, _BACKGROUND), 0
        for image in drawn:
            whole.paste(image, (0, top))
            top += image.height
    buffer = io.BytesIO()
    whole.save(buffer, "PNG", optimize=False, compress_level=6)
    return buffer.getvalue()


def png_grid(
    rows: Sequence[tuple[str, Array]], onnx_shape: tuple[int, ...], value_range: tuple[float, float], columns: int = 16
) -> bytes | None:
    """Return a PNG of one sheet of such rows, or None when they are no pictures."""
    return png_sheets([Sheet(rows, onnx_shape, value_range)], columns)


def _drawn(sheet: Sheet, columns: int) -> Image.Image | None:
    """Return every labelled row of tensors as a row of pictures, or None when they are no pictures."""
    pictures = [(label, to_bytes(values, sheet.onnx_shape, sheet.value_range)) for label, values in sheet.rows]
    strips: list[tuple[str, npt.NDArray[np.uint8]]] = []
    count = min((len(found) for _, found in pictures if found is not None), default=0)
    for start in range(0, count, columns):
        for label, found in pictures:
            if found is not None:
                strips.append((label, found[start : min(count, start + columns)]))
    if not strips:
        return None
    return _painted(strips, min(columns, count), sheet.title)


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


def _painted(strips: Sequence[tuple[str, npt.NDArray[np.uint8]]], columns: int, title: str) -> Image.Image:
    height, width = strips[0][1].shape[1:3]
    zoom = max(1, -(-_LEAST_SIDE // min(height, width)))
    cell_height, cell_width = height * zoom + _GAP, width * zoom + _GAP
    top = _TITLE_HEIGHT if title else 0
    sheet = Image.new("RGB", (_LABEL_WIDTH + columns * cell_width, top + len(strips) * cell_height), _BACKGROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    if title:
        pen.text((4, 2), title.encode("ascii", "replace").decode()[:_LONGEST_TITLE], _INK, font=font)
    for y, (label, images) in enumerate(strips):
        pen.text((4, top + y * cell_height + (cell_height - 16) // 2), label, _INK, font=font)
        for x, pixels in enumerate(images):
            tile = Image.fromarray(pixels).resize((width * zoom, height * zoom), Image.Resampling.NEAREST)
            sheet.paste(tile, (_LABEL_WIDTH + x * cell_width, top + y * cell_height))
    return sheet
