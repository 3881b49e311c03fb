"""A compiler launcher for Verilator's make files (OBJCACHE) that compiles their runtime once for all benches of a run.

Verilator's library is the same sources with the same options in every bench, and takes longer than most designs.
Whatever else is compiled is compiled, cocotb's main program too: it makes an object of the design's own class.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

#: Names the folder of the objects.
FOLDER = "GAN2HLS_TEST_OBJECTS"


def launcher() -> str:
    """The command that goes in front of the compiler."""
    return f"{sys.executable} -IS {Path(__file__).resolve()}"


def is_shared(source: Path) -> bool:
    """Whether ``source`` is of Verilator's runtime, whose headers all stand beside it."""
    return source.parts[-3:-1] == ("verilator", "include")


def key(command: list[str], source: Path, out: Path) -> str:
    """Tell apart what makes other objects; folders of headers of a design do not, as the runtime includes none."""
    options = [word for word in command if not word.startswith("-I") and word != str(out)]
    status = source.stat()
    return hashlib.sha256("\0".join([*options, str(status.st_mtime_ns), str(status.st_size)]).encode()).hexdigest()


def main() -> None:
    command = sys.argv[1:]
    source = Path(command[-1])
    if "-c" not in command or "-o" not in command or not is_shared(source):
        os.execvp(command[0], command)
    out = Path(command[command.index("-o") + 1])
    kept = Path(os.environ[FOLDER]) / f"{key(command, source, out)}.o"
    if not kept.is_file():
        status = os.spawnvp(os.P_WAIT, command[0], command)
        if status:
            sys.exit(status)
        partial = kept.with_suffix(f".{os.getpid()}")
        shutil.copyfile(out, partial)
        partial.replace(kept)  # whole, or not there
    else:
        shutil.copyfile(kept, out)


if __name__ == "__main__":
    main()
