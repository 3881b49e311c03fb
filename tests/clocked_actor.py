"""What blocks of a network that runs clock by clock have in common, and the edges between them: see ``clocked``."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from gan2hls.timing.network import Block


@dataclass(eq=False)
class Wire:
    """A stream: per reader whether it has taken the beat that stands there, and what has happened."""

    writer: Actor
    readers: list[Actor]
    done: list[bool]
    valid: list[int] = field(default_factory=list)
    taken: list[list[int]] = field(default_factory=list)
    standing: bool = False

    def ready(self) -> bool:
        return all(done or reader.ready(self) for reader, done in zip(self.readers, self.done, strict=True))

    def sees(self, reader: Actor) -> bool:
        return self.writer.offers(self) and not self.done[self.readers.index(reader)]


@dataclass
class Words:
    """A queue: clocks of puts and frees."""

    put: list[int] = field(default_factory=list)
    free: list[int] = field(default_factory=list)


class Actor:
    """A block that has no stream to write or to read, until a kind says otherwise."""

    def __init__(self, block: Block, reads: list[Wire | Words], writes: list[Wire | Words], sees: list[Words]) -> None:
        self.block, self.reads, self.writes, self.sees = block, reads, writes, sees
        self.due: dict[int, list[str]] = defaultdict(list)
        self.valid_q = False
        self.start(*block.numbers)

    def start(self, *numbers: int) -> None:
        pass

    def valid(self) -> bool:
        return self.valid_q

    def offers(self, wire: Wire) -> bool:
        return self.valid()

    def ready(self, wire: Wire) -> bool:
        raise NotImplementedError

    def look(self) -> None:
        """Remember what can be seen before the edge."""

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        """Go on to the next clock; ``taken``: the beat that is read, ``left``: the one that is written."""
        raise NotImplementedError

    def settle(self, clock: int) -> None:
        """Count what readers have freed at the same edge."""
