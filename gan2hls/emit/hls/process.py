"""The processes of a DATAFLOW region, the streams between them and their pointers into external memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class Fifo:
    """An ``hls::stream`` between two processes, or the region's ``in`` and ``out``.

    Attributes:
        name: its variable.
        bits: of a word.
        about: what a word is.
        depth: words that it holds, but in the flat region, where every stream of an engine holds two.
    """

    name: str
    bits: int
    about: str = ""
    depth: int = 2


@final
@dataclass(frozen=True)
class Pointer:
    """Where an engine, or a decoder of it, reads external memory: the start of its region, in words of the port."""

    region: str
    bits: int

    @property
    def name(self) -> str:
        """Its variable."""
        return f"weights_{self.region}"


@final
@dataclass(frozen=True)
class Process:
    """One process of the region: the library function ``kind`` with template arguments ``arguments``.

    It takes its ``sources`` and then its ``sink``; one without sources follows a program of its own, or reads external
    memory at its ``pointer``.
    """

    kind: str
    arguments: tuple[str, ...]
    sources: tuple[Fifo, ...]
    sink: Fifo
    cycles: int
    about: str
    pointer: Pointer | None = None

    @property
    def streams(self) -> tuple[Fifo, ...]:
        """What it is called with."""
        return (*self.sources, self.sink)
