"""What the benches know of the design (``bench.json``) and of the golden tensors (``vectors/*.hex``).

A vector file holds one stream beat per line in hexadecimal, frame after frame, in stream order: raster, channels
innermost.  Element 0 of a beat stands in its least significant bits, two's complement.  Standard library only.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any


class Stream:
    """One tensor as a stream of beats.

    Attributes:
        name: of the layer or port.
        bits: bits of one element.
        signed: whether an element is signed.
        lanes: elements of one beat.
        shape: ``(H, W, C)``; ``H * W * C == beats * lanes``.
        beats: beats of one frame.
        path: vector file.
        prefix: of the signals of its port; empty for a layer.
    """

    def __init__(self, entry: dict[str, Any], folder: Path) -> None:
        self.name: str = entry["name"]
        self.bits: int = entry["bits"]
        self.signed: bool = entry["signed"]
        self.lanes: int = entry["lanes"]
        self.shape: tuple[int, int, int] = tuple(entry["shape"])
        self.beats: int = entry["beats"]
        self.path = folder / entry["file"]
        self.prefix: str = entry.get("prefix", "")

    @cached_property
    def words(self) -> list[int]:
        """All beats of all frames as integers."""
        return [int(line, 16) for line in self.path.read_text().split()]

    def frame(self, number: int) -> list[int]:
        """Return the beats of frame ``number``; the frames of the file repeat."""
        number %= len(self.words) // self.beats
        return self.words[number * self.beats : (number + 1) * self.beats]

    def elements(self, word: int) -> list[int]:
        """Return the elements of a beat."""
        raw = [(word >> (lane * self.bits)) & ((1 << self.bits) - 1) for lane in range(self.lanes)]
        return [value - (1 << self.bits) if self.signed and value >> (self.bits - 1) else value for value in raw]

    def compare(self, index: int, got: int) -> tuple[int, str]:
        """Compare beat ``index``, counted from frame 0, with ``got``; they must differ.

        Returns:
            How many elements differ, and the first one in words.
        """
        frame, beat = divmod(index, self.beats)
        expected = self.frame(frame)[beat]
        pairs = list(zip(self.elements(expected), self.elements(got), strict=True))
        wrong = [lane for lane, (want, have) in enumerate(pairs) if want != have]
        if not wrong:
            return 1, f"{self.name}: frame {frame}, beat {beat}: bits beyond the elements are set in 0x{got:x}"
        y, rest = divmod(beat * self.lanes + wrong[0], self.shape[1] * self.shape[2])
        x, channel = divmod(rest, self.shape[2])
        want, have = pairs[wrong[0]]
        place = f"frame {frame}, beat {beat}, element (y={y}, x={x}, channel={channel})"
        return len(wrong), f"{self.name}: {place}: expected {want}, got {have}"


class Bench:
    """``bench.json`` with its streams."""

    def __init__(self, path: Path) -> None:
        self.config: dict[str, Any] = json.loads(path.read_text())
        self.folder = path.parent
        self.frames: int = self.config["frames"]
        self.full_rate_frames: int = self.config["full_rate_frames"]
        self.seed: int = self.config["seed"]
        self.inputs = [Stream(entry, path.parent) for entry in self.config["inputs"]]
        self.outputs = [Stream(entry, path.parent) for entry in self.config["outputs"]]
        self.layers = [Stream(entry, path.parent) for entry in self.config["layers"]]

    @property
    def patience(self) -> int:
        """Cycles without any beat moving after which the design counts as stuck."""
        frame = sum(int(entry["interval"]) for entry in self.config["layers"])
        return int(self.config["patience"]) * (3 * frame + 5000)
