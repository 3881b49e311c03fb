"""A compiler launcher for Verilator's make files (OBJCACHE), where there is no ccache: its runtime is compiled once.

The runtime is the same sources with the same options in every bench, and takes longer to compile than most
designs.  Its objects are kept in the user's cache folder (``XDG_CACHE_HOME``, ``~/.cache``), below ``gan2hls``, which
may be removed at any time.  Whatever else is compiled is compiled each time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

#: What options begin with that do not matter.
_ALIKE = ("-I", "-W", "-ftree-vectorize", "-fvect-cost-model")


def is_runtime(source: Path) -> bool:
    """Whether ``source`` is of Verilator's runtime, whose headers all stand beside it."""
    return source.parts[-3:-1] == ("verilator", "include")


def key(command: list[str], source: Path, out: Path) -> str:
    """Tell apart what makes other objects: compiler, options, and the sources of the runtime with its version.

    Warnings do not, what is said twice does not, nor do folders of headers of a design, as the runtime includes none;
    and whether loops are vectorized makes others that do the same.
    """
    options = dict.fromkeys(word for word in command if not word.startswith(_ALIKE) and word != str(out))
    compiler = os.stat(shutil.which(command[0]) or command[0])
    digest = hashlib.sha256("\0".join([*options, str(compiler.st_size), str(compiler.st_mtime_ns)]).encode())
    for path in (source, source.with_name("verilated.h"), source.with_name("verilated_config.h")):
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def cache_folder() -> Path:
    """Return where objects are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gan2hls"


def kept_object(command: list[str], source: Path, out: Path) -> Path:
    """Return the object of ``source``, which is compiled where nobody has yet; whoever wants the same waits for it.

    Raises:
        OSError: the cache folder cannot be written.
    """
    kept = cache_folder() / f"{source.stem}-{key(command, source, out)}.o"
    if kept.is_file():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.is_file():
            status = os.spawnvp(os.P_WAIT, command[0], command)
            if status:
                sys.exit(status)
            with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as part:
                part.write(out.read_bytes())
            os.replace(part.name, kept)  # in one step: a kept object is whole
    return kept


def main() -> None:
    """Run the compiler of the command line, or copy what it made before."""
    command = sys.argv[1:]
    source = Path(command[-1])
    if "-c" in command and "-o" in command and is_runtime(source):
        out = Path(command[command.index("-o") + 1])
        try:
            shutil.copyfile(kept_object(command, source, out), out)
        except (OSError, RuntimeError):  # no folder, or no home: compiled as if there were no cache
            pass
        else:
            return
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
