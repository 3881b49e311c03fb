"""The processes of a DATAFLOW region, the streams between them and their pointers into external memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

if TYPE_CHECKING:
    from gan2hls.emit.hls.hold import Hold
    from gan2hls.emit.hls.ring import RingProgram


@final
@dataclass(frozen=True)
class Fifo:
    """An ``hls::stream`` between two processes, or the region's ``in`` and ``out``.

    Attributes:
        name: its variable.
        bits: of a word.
        about: what a word is.
        depth: words that it holds.
        least: words that it holds in the flat region.
        impl: what Vitis makes it of, where it is not to choose: UltraRAM or shift registers.
        hold: the process behind it, in the flat region, that stands for a longer stream; None: there is none.
    """

    name: str
    bits: int
    about: str = ""
    depth: int = 2
    least: int = 2
    impl: Literal["", "uram", "srl"] = ""
    hold: Hold | None = None

    @property
    def held(self) -> str:
        """What its ``hold`` gives."""
        return f"held_{self.name}"


@final
@dataclass(frozen=True)
class Pointer:
    """Where a process reads external memory, or reads and writes it, in words of the port.

    Attributes:
        what: weights, of which it leads to the start of a region, or a ring, of which it leads to the first place.
        of: name of the region, or of the ring.
        bits: of a word.
    """

    what: Literal["weights", "ring"]
    of: str
    bits: int

    @property
    def name(self) -> str:
        """Its variable."""
        return f"{self.what}_{self.of}"

    @property
    def type(self) -> str:
        """Its type."""
        return f"{'const ' if self.what == 'weights' else ''}ap_uint<{self.bits}>*"


#: Functions of the library whose last argument is the number of a turn.
_BY_TURN = ("requant", "norm_take")


@final
@dataclass(frozen=True)
class Process:
    """One process of the region: the library function ``kind`` with template arguments ``arguments``.

    It takes its ``sources``, then its ``sink`` and what it writes ``beside`` that; one without sources follows a
    program of its own, or reads external memory at its ``pointer``.  ``program`` is that of a ring, where it is known.
    Where layers take turns, or a frame holds several, it is done once for each of those ``turns``; ``own``: it is no
    function of the library.
    """

    kind: str
    arguments: tuple[str, ...]
    sources: tuple[Fifo, ...]
    sink: Fifo
    cycles: int
    about: str
    pointer: Pointer | None = None
    beside: tuple[Fifo, ...] = ()
    program: RingProgram | None = None
    turns: int = 1
    own: bool = False

    @property
    def knows_turn(self) -> bool:
        """Whether it has constants of each layer that takes turns, and is told which one's turn it is."""
        return self.turns > 1 and self.kind in _BY_TURN

    @property
    def sinks(self) -> tuple[Fifo, ...]:
        """What it writes."""
        return (self.sink, *self.beside)

    @property
    def function(self) -> str:
        """The function of the engine's own header that it is, where it is none of the library."""
        return self.kind if self.own else f"{self.kind}_{self.sink.name}"

    @property
    def streams(self) -> tuple[Fifo, ...]:
        """What it is called with."""
        return (*self.sources, *self.sinks)
