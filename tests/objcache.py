"""A compiler launcher (OBJCACHE) in front of that of projects: less optimization, as benches simulate few clocks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

#: In place of the optimization that projects choose, by which C++ of HLS takes nearly twice as long to compile.
OPTIMIZATION = "-Og"
#: What projects put in front of the compiler.
RUNTIME_CACHE = Path(__file__).resolve().parents[1] / "testbench" / "runtime_cache.py"


def launcher() -> str:
    """The command that goes in front of the compiler."""
    return f"{sys.executable} -IS {Path(__file__).resolve()}"


if __name__ == "__main__":
    command = [OPTIMIZATION if word in ("-O1", "-O2") else word for word in sys.argv[1:]]
    os.execv(sys.executable, [sys.executable, "-IS", str(RUNTIME_CACHE), *command])
