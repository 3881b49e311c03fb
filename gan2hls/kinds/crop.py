"""Crops: what copies that only leave out rows and columns become in integers."""

from __future__ import annotations

from gan2hls.kinds.base import Kind, fixed_order, fixed_shape
from gan2hls.ops import IntCrop

KIND = Kind("crop", {}, fixed_order, fixed_shape, saved=IntCrop)
