"""What the command line's options say, as the values that the library takes."""

from __future__ import annotations

import re
from typing import Any

from gan2hls.base import ConfigError
from gan2hls.flow import Stage


def overrides(**sections: dict[str, Any]) -> dict[str, Any]:
    """Return the given values by section, without those that were not given."""
    given = {name: {k: v for k, v in values.items() if v is not None} for name, values in sections.items()}
    return {name: values for name, values in given.items() if values}


def steps(text: str | None) -> list[str] | None:
    """Return the steps of a comma-separated list."""
    return None if text is None else [step.strip() for step in text.split(",") if step.strip()]


def stage(text: str, legal: tuple[Stage, ...], option: str) -> Stage:
    """Return the stage that ``option`` names.

    Raises:
        ConfigError: it is not one of ``legal``.
    """
    for known in legal:
        if known == text:
            return known
    raise ConfigError(f"must be one of {', '.join(legal)}, not {text!r}", where=option)


def shapes(options: list[str] | None) -> dict[str, tuple[int, ...]]:
    """Return shapes by input name of options ``NAME:D,D,...``; of ``D,D,...`` by no name, which is the only input's.

    Raises:
        ConfigError: an option of another form.
    """
    found_shapes = {}
    for option in options or []:
        name, colon, sizes = option.rpartition(":")
        found = re.fullmatch(r"[1-9][0-9]{0,8}([,x][1-9][0-9]{0,8})*", sizes, re.ASCII)
        if bool(colon) != bool(name) or not found:
            raise ConfigError(
                f"must be NAME:D,D,..., or D,D,... of the only input, with positive sizes, not {option!r}",
                where="--input-shape",
                hint="for example --input-shape z:1,100",
            )
        found_shapes[name] = tuple(int(size) for size in re.split(r"[,x]", sizes))
    return found_shapes
