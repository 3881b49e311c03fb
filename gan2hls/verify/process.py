"""Run a tool with all its children, and end them together."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def run_group(
    command: Sequence[str], seconds: float, *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Return the exit code of ``command`` and all that it and its children print, standard error included.

    Raises:
        subprocess.TimeoutExpired: it took longer than ``seconds``; what it printed until then is its ``output``, bytes.
    """
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        finally:
            if process.returncode is None:  # too slow, or we are interrupted
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, output.decode(errors="replace")
