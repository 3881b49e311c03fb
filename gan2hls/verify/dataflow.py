"""Bounded C simulation: the pragmas of emitted C++ become what they mean in hardware.

Every C++ compiler skips ``#pragma HLS``, so plain C simulation calls the processes of a DATAFLOW region one after the
other, on endless streams, and finds no deadlock.  Here the text itself is rewritten, and nothing of it but its regions:
calls become threads, streams hold as many words as their pragmas say.  ``lib/csim/hls_dataflow.h`` runs them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from gan2hls.emit.hls import top_region
from gan2hls.hardware import Design

#: Flags of the compiler that go with it.  Some systems fortify by default, and then jumps between threads are refused.
BOUNDED_FLAGS = ("-DGAN2HLS_BOUNDED", "-U_FORTIFY_SOURCE")

#: What names of pointers into external memory, which are no streams, begin with.
_POINTERS = ("weights_", "ring_")

_REGION = "#pragma HLS DATAFLOW"
_DEPTH = re.compile(r"#pragma HLS STREAM variable=(\w+) depth=(\d+)")
_STREAM = re.compile(r"    hls::stream<.*> \w+;(  //.*)?")
_CALL = re.compile(r"    (\w+(?:::\w+)*(?:<.*>)?)\(([\w, ]+)\);")
_OTHER = re.compile(r"#pragma HLS (INTERFACE|BIND_STORAGE) .*|#ifndef __BAMBU__|#endif| *//.*|")


def write_bounded(hls: Path, design: Design, folder: Path) -> None:
    """Write the C++ of ``hls``, a project's folder, into ``folder``, its regions rewritten; the rest is linked.

    Raises:
        AssertionError: a region has a line that is no stream, no call and no pragma that is known.
    """
    if folder.exists():  # of an earlier run
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / "layers").mkdir()
    named = top_region(design).names
    for path in sorted(hls.iterdir()):
        if path.name == f"{design.name}.cpp":
            (folder / path.name).write_text("".join(bounded(path.read_text(), named, "")))
        elif path.name != "layers":
            (folder / path.name).symlink_to(path.resolve())
    for path in sorted((hls / "layers").iterdir()):
        (folder / "layers" / path.name).write_text("".join(bounded(path.read_text(), (), f"{path.stem}.")))


def bounded(text: str, named: Collection[str], prefix: str) -> Iterator[str]:
    """Return the lines of ``text`` with its regions rewritten.

    Args:
        text: C++ in the form of the templates: a call or a stream a line, a function's brace in the first column.
        named: streams by whose names a deadlock is told.
        prefix: of the names of all streams.

    Raises:
        AssertionError: a region has a line that is no stream, no call and no pragma that is known.
    """
    inside = False
    for line in text.splitlines():
        if not inside:
            inside = line == _REGION
            yield f"{line}\n    hls::region dataflow_region;\n" if inside else f"{line}\n"
        elif line == "}":
            inside = False
            yield "    dataflow_region.join();\n}\n"
        elif depth := _DEPTH.fullmatch(line):
            name, words = depth.groups()
            tells = "true" if name in named else "false"
            yield f'{line}\n    {name}.bound("{prefix}{name}", {words}, {tells});\n'
        elif call := _CALL.fullmatch(line):
            fifos = ", ".join(f"&{name}" for name in call[2].split(", ") if not name.startswith(_POINTERS))
            yield f"    dataflow_region.call([&] {{ {line.strip()} }}, {{{fifos}}});\n"
        else:
            assert _STREAM.fullmatch(line) or _OTHER.fullmatch(line), f"in a DATAFLOW region: {line}"
            yield f"{line}\n"
    assert not inside, "a DATAFLOW region without an end"
