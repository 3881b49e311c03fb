"""The one Jinja2 environment: strict, with delimiters that neither C++ nor SystemVerilog can contain by accident."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

_TEMPLATES = "gan2hls.templates"


@cache
def environment() -> jinja2.Environment:
    """Return the environment; blocks are ``<% %>``, values ``@{ }@``, comments ``<# #>``."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_root()),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="@{",
        variable_end_string="}@",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters["comment"] = comment
    return env


def template_root() -> Path:
    """Return the folder of the templates, in a checkout or in a wheel."""
    from importlib.resources import files

    return Path(str(files(_TEMPLATES)))


def render(template: str, context: Mapping[str, Any]) -> bytes:
    """Render ``template`` (path below ``templates/``) with ``context``; trailing blanks are removed."""
    text = environment().get_template(template).render(**context)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).encode()


def static(folder: str, suffixes: tuple[str, ...]) -> dict[str, bytes]:
    """Return the files of ``folder`` (below ``templates/``) that end in ``suffixes``, by file name."""
    root = template_root() / folder
    return {path.name: path.read_bytes() for path in sorted(root.iterdir()) if path.name.endswith(suffixes)}


def library(
    folder: str, suffix: str, users: Iterable[bytes], names: Callable[[bytes], Iterable[str]]
) -> dict[str, bytes]:
    """Return the files of ``folder`` that ``users`` need, by file name: those they name, and those that these name.

    Args:
        folder: below ``templates/``.
        suffix: of the library's files.
        users: contents of generated files.
        names: says which file names a content refers to, among others.
    """
    files = static(folder, (suffix,))
    needed: dict[str, bytes] = {}
    waiting = list(users)
    while waiting:
        for name in names(waiting.pop()):
            if name in files and name not in needed:
                needed[name] = files[name]
                waiting.append(files[name])
    return dict(sorted(needed.items()))


def comment(text: str, limit: int = 80) -> str:
    """Make untrusted ``text`` safe inside any comment: printable ASCII words without comment or line endings."""
    safe = re.sub(r"[^A-Za-z0-9_.,:+\-()\[\]=<> ]", "_", text)
    return safe if len(safe) <= limit else safe[: limit - 3] + "..."
