"""Emitters: from a design to every generated file, in memory."""

from gan2hls.emit.bench import dut, emit_bench, ports_vlt
from gan2hls.emit.leftovers import sweep
from gan2hls.emit.memory import IMAGE, emit_memory
from gan2hls.emit.project import Project, Staging, check_replaceable, remove, staged, write
from gan2hls.emit.rendering import comment, library, render, static, template_root

__all__ = [
    "IMAGE",
    "Project",
    "Staging",
    "check_replaceable",
    "comment",
    "dut",
    "emit_bench",
    "emit_memory",
    "library",
    "ports_vlt",
    "remove",
    "render",
    "staged",
    "static",
    "sweep",
    "template_root",
    "write",
]
