"""A compiler launcher for Verilator's make files (OBJCACHE): less to compile, for benches that simulate few clocks.

Verilator's library is the same sources with the same options in every bench, and takes longer than most designs: it is
compiled once for all benches of a run.  Whatever else is compiled is compiled each time, cocotb's main program too: it
makes an object of the design's own class.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

#: In place of the optimization that projects choose, by which C++ of HLS takes nearly twice as long to compile.
OPTIMIZATION = "-Og"


def launcher() -> str:
    """The command that goes in front of the compiler."""
    return f"{sys.executable} -IS {Path(__file__).resolve()}"


def is_shared(source: Path) -> bool:
    """Whether ``source`` is of Verilator's runtime, whose headers all stand beside it."""
    return source.parts[-3:-1] == ("verilator", "include")


def key(command: list[str], source: Path, out: Path) -> str:
    """Tell apart what makes other objects.

    Warnings do not, what is said twice does not, nor do folders of headers of a design, as the runtime includes none.
    """
    options = dict.fromkeys(word for word in command if not word.startswith(("-I", "-W")) and word != str(out))
    status = source.stat()
    return hashlib.sha256("\0".join([*options, str(status.st_mtime_ns), str(status.st_size)]).encode()).hexdigest()


def main() -> None:
    command = [OPTIMIZATION if word == "-O2" else word for word in sys.argv[1:]]
    source = Path(command[-1])
    if "-c" not in command or "-o" not in command or not is_shared(source):
        os.execvp(command[0], command)
    out = Path(command[command.index("-o") + 1])

    def fill(folder: Path) -> None:
        status = os.spawnvp(os.P_WAIT, command[0], command)
        if status:
            sys.exit(status)
        shutil.copyfile(out, folder / "object")

    sys.path.insert(0, str(Path(__file__).parents[1]))  # isolated, Python starts faster
    from tests.shared import shared

    shutil.copyfile(shared(key(command, source, out), fill) / "object", out)


if __name__ == "__main__":
    main()
