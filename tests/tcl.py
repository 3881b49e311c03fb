"""Run a generated Tcl script under a plain Tcl with stand-ins for the vendor's commands, so that a typo fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_HARNESS = """
set log [open $::env(TCL_LOG) w]
proc record {name args} { puts $::log [list $name {*}$args]; return "<$name>" }
foreach name [split $::env(TCL_COMMANDS)] {
    if {[string match *::* $name]} { namespace eval [namespace qualifiers $name] {} }
    interp alias {} $name {} record $name
}
rename exit really_exit
proc exit {{code 0}} { close $::log; really_exit $code }
source $::env(TCL_SCRIPT)
exit
"""


def run_tcl(
    script: Path, commands: Sequence[str], settings: Mapping[str, str] | None = None
) -> tuple[int, str, list[tuple[str, ...]]]:
    """Return the exit code, standard error and the calls of vendor ``commands``, each with its arguments as Tcl words.

    The script runs from another folder than its own.
    """
    work = script.parent.parent / "elsewhere"
    work.mkdir(exist_ok=True)
    harness, log = work / "harness.tcl", work / "calls.log"
    harness.write_text(_HARNESS)
    interpreter = (
        ["tclsh"]
        if shutil.which("tclsh")
        else [sys.executable, "-c", "import sys, tkinter; tkinter.Tcl().evalfile(sys.argv[1])"]
    )
    environment = {**os.environ, **(settings or {})}
    environment |= {"TCL_LOG": str(log), "TCL_SCRIPT": str(script), "TCL_COMMANDS": " ".join(commands)}
    done = subprocess.run(
        [*interpreter, str(harness)], cwd=work, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    calls = [tuple(_words(line)) for line in log.read_text().splitlines()] if log.exists() else []
    return done.returncode, done.stderr, calls


def _words(line: str) -> list[str]:
    """Split a Tcl list of one line; words with blanks or brackets stand in braces."""
    words, depth, word = [], 0, ""
    for c in line:
        if c == "{":
            depth += 1
            if depth == 1:
                continue
        elif c == "}":
            depth -= 1
            if depth == 0:
                continue
        if c == " " and not depth:
            words.append(word)
            word = ""
        else:
            word += c
    return [*words, word]
