"""External memory of a project: ``memory/`` with the image of all weights that are off chip."""

from __future__ import annotations

from gan2hls.hardware import Design

_FILE = "memory.image"
#: The image, relative to a project.
IMAGE = f"memory/{_FILE}"


def emit_memory(design: Design) -> dict[str, bytes]:
    """Return every file below ``memory/``, by relative path; none where no weights are off chip."""
    return {_FILE: design.memory.image()} if design.memory is not None and design.has_image else {}
