"""C simulation in several translation units, which compile side by side: the engines apart from what calls them.

The emitted C++ is one unit, as HLS compilers want it: engines are inline functions of headers.  Of a generator of many
layers g++ takes most of its time to optimize them, on one processor.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

#: Engines of a unit at least: each unit reads the headers of the library once more.
_LEAST_ENGINES = 8
_FUNCTION = re.compile(r"^inline (void (?:engine|turn_\d+)\(.*\)) (\{\n(?:.*\n)*?\}\n)", re.MULTILINE)


def unit_count(engines: int, processors: int) -> int:
    """Return in how many units so many engines are compiled on so many processors; 0: in that of what calls them."""
    return 0 if processors == 1 else min(processors, engines // _LEAST_ENGINES)


def write_units(hls: Path, folder: Path, count: int) -> list[str]:
    """Write the C++ of ``hls``, a project's folder, into ``folder``, its engines in ``count`` units of their own.

    Headers in ``layers`` declare the engines that those in ``engines`` define; all else is linked.

    Returns:
        The names of the units' files; what calls the engines is none of them.

    Raises:
        AssertionError: there is no engine in a header of ``layers``.
    """
    if folder.exists():  # of an earlier run
        shutil.rmtree(folder)
    for name in ("layers", "engines"):
        (folder / name).mkdir(parents=True)
    for path in sorted(hls.iterdir()):
        if path.name != "layers":
            (folder / path.name).symlink_to(path.resolve())
    texts = {path.name: path.read_text() for path in sorted((hls / "layers").iterdir())}
    for name, text in texts.items():
        assert _FUNCTION.search(text), f"no engine in {name}"
        (folder / "layers" / name).write_text(_FUNCTION.sub(r"\1;\n", text))
        (folder / "engines" / name).write_text(_FUNCTION.sub(r"\1 \2", text))
    units: list[list[str]] = [[] for _ in range(count)]
    for name in sorted(texts, key=lambda name: -len(texts[name])):  # the longest first, to the unit that has least
        min(units, key=lambda unit: sum(len(texts[other]) for other in unit)).append(name)
    for n, unit in enumerate(units):
        (folder / f"engines_{n}.cpp").write_text("".join(f'#include "engines/{name}"\n' for name in sorted(unit)))
    return [f"engines_{n}.cpp" for n in range(count)]
