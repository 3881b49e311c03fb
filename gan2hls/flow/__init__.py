"""The road from a model file to a verified project, and what can be done with a project."""

from gan2hls.flow.actions import generate, inspect, verify_project
from gan2hls.flow.pipeline import build
from gan2hls.flow.stages import RESUMABLE, STAGES, Stage

__all__ = [
    "RESUMABLE",
    "STAGES",
    "Stage",
    "build",
    "generate",
    "inspect",
    "verify_project",
]
