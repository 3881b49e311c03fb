"""The road from a model file to a verified project, and what can be done with a project."""

from gan2hls.flow.actions import generate, verify_project
from gan2hls.flow.pipeline import RESUMABLE, STAGES, Stage, build

__all__ = [
    "RESUMABLE",
    "STAGES",
    "Stage",
    "build",
    "generate",
    "verify_project",
]
