"""Run a tool with all its children, and end them together."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

#: Runs a command within as many kbyte of address space.  Python could do that between fork and exec, but then it forks
#: in earnest, which hangs where another thread is in a product of OpenBLAS, which stops its threads before a fork.
#: Where less is allowed already, it stays at that.
_LIMITED = '(ulimit -v "$0") 2>/dev/null && ulimit -v "$0"; exec "$@"'
_LOCK = threading.Lock()
#: Process groups that run, by the process that leads each; in any thread.
_RUNNING: set[int] = set()


def run_group(
    command: Sequence[str],
    seconds: float,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    memory_bytes: int | None = None,
) -> tuple[int, str]:
    """Return the exit code of ``command`` and all that it and its children print, standard error included.

    Args:
        command: the program and its arguments.
        seconds: that it may take.
        folder: in which it runs.
        environment: its variables; None: ours.
        memory_bytes: address space of each process; None: no limit.

    Raises:
        subprocess.TimeoutExpired: it took longer than ``seconds``; what it printed until then is its ``output``, bytes.
    """
    if memory_bytes is not None:
        command = ["/bin/sh", "-c", _LIMITED, str(memory_bytes >> 10), *command]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        with _LOCK:
            _RUNNING.add(process.pid)
        try:
            output, _ = process.communicate(timeout=seconds)
        finally:
            with _LOCK:
                _RUNNING.discard(process.pid)
            if process.returncode is None:  # too slow, or we are interrupted
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, output.decode(errors="replace")


def end_running() -> None:
    """End every process group that ``run_group`` runs, in whatever thread; what waits for one finds it killed."""
    with _LOCK:
        for leader in _RUNNING:
            with suppress(ProcessLookupError):  # it has just ended
                os.killpg(leader, signal.SIGKILL)
