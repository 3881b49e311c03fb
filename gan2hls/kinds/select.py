"""Choices of channels: what copies that put channels in another order, or leave some out, become in integers."""

from __future__ import annotations

from gan2hls.kinds.base import Kind, fixed_order, fixed_shape
from gan2hls.ops import IntSelect

KIND = Kind("select", {}, fixed_order, fixed_shape, saved=IntSelect)
