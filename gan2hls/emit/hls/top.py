"""The top of the HLS C++: the streams between engines, and the forks of tensors that several engines read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

from gan2hls.emit.hls.hold import Hold
from gan2hls.hardware import Design, Edge, Stream

if TYPE_CHECKING:
    from gan2hls.emit.hls.layer import LayerView

#: Words of a stream between two engines that need not wait for each other: engines send rows in bursts.
BURST_WORDS = 32
#: Words of every stream in the flat region, for compilers that make FIFOs of one length.
SHORT_WORDS = 3


@final
@dataclass(frozen=True)
class Link:
    """A stream between two processes of the top.

    Attributes:
        name: its variable.
        bits: of a word, whole bytes.
        maker: name of the layer whose engine writes it, or of the tensor of which a fork makes it.
        depth: words that it holds, ``BURST_WORDS`` where any number would do.
        short: words that it holds in the flat region.
        waits: whether its reader waits for another branch, so that not any number will do.
        hold: the process behind it, in the flat region, that stands for a longer stream; None: there is none.
        about: what it is for, where that is not plain.
        ultra: whether it is UltraRAM.
    """

    name: str
    bits: int
    beats: int
    maker: str
    depth: int = BURST_WORDS
    short: int = SHORT_WORDS
    waits: bool = False
    hold: Hold | None = None
    about: str = ""
    ultra: bool = False

    @property
    def held(self) -> str:
        """What its ``hold`` gives."""
        return held_name(self.name)

    @property
    def scope(self) -> str:
        """The namespace of its ``hold``."""
        return f"hold_{self.name.removeprefix('from_')}"


def held_name(name: str) -> str:
    """Return what the ``hold`` behind the link ``name`` gives."""
    return f"held_{name.removeprefix('from_')}"


@final
@dataclass(frozen=True)
class Fork:
    """A process that writes a stream to two.

    Attributes:
        tensor: that several read.
        bits: of a word.
        beats: of a frame.
        streams: names of the stream that it reads, and of those that it writes.
    """

    tensor: str
    bits: int
    beats: int
    streams: tuple[str, str, str]


@final
@dataclass(frozen=True)
class TopRegion:
    """The DATAFLOW region of the top.

    Attributes:
        links: streams that no port is, in the order of their makers.
        forks: by tensor.
        arguments: by engine, the streams that it reads, then those that it writes; also of each layer that takes turns.
        writes: by engine, how many it writes.
    """

    links: tuple[Link, ...]
    forks: Mapping[str, tuple[Fork, ...]]
    arguments: Mapping[str, tuple[str, ...]]
    writes: Mapping[str, int]

    @property
    def names(self) -> frozenset[str]:
        """The names of all links, and of what is held behind them."""
        return frozenset(name for link in self.links for name in (link.name, link.held))

    @property
    def holds(self) -> bool:
        """Whether the flat region has a ``hold``."""
        return any(link.hold for link in self.links)

    @property
    def flat_arguments(self) -> dict[str, tuple[str, ...]]:
        """As ``arguments``, in the flat region: there an engine reads what is held behind a link."""
        held = {link.name: link.held for link in self.links if link.hold}
        found = {}
        for layer, names in self.arguments.items():
            reads = len(names) - self.writes[layer]
            found[layer] = (*(held.get(name, name) for name in names[:reads]), *names[reads:])
        return found

    def declared(self, views: Sequence[LayerView]) -> dict[str, tuple[Link, ...]]:
        """Return the streams that are first used by each of ``views``, which follow one another, or by its forks.

        Those of inputs are known before.
        """
        known = {link.name for link in self.links if not any(link.maker in view.makers for view in views)}
        found = {}
        for view in views:
            used = self.arguments[view.name]
            first = [link for link in self.links if link.name in used or link.maker in view.makers]
            found[view.name] = tuple(link for link in first if link.name not in known)
            known |= {link.name for link in first}
        return found

    def links_of(self, *makers: str) -> tuple[Link, ...]:
        """Return the streams that ``makers``, layers or inputs, or their forks write."""
        return tuple(link for link in self.links if link.maker in makers)


def top_region(design: Design) -> TopRegion:
    """Return the streams and forks between the engines of ``design``, as long as the RTL's queues at least."""
    ports = {port.stream.tensor: port.word for port in design.sources}
    leaving = {("", n): port.word for n, port in enumerate(design.sinks)}
    made_by = {engine.layer.name: f"from_{engine.layer.name}" for engine in design.engines}
    links: list[Link] = []
    forks: dict[str, tuple[Fork, ...]] = {}
    reads: dict[tuple[str, int], str] = {}
    for tensor, stream in design.streams.items():
        bits, edges = 8 * stream.byte_count, design.edges_from(tensor)
        only = edges[0] if len(edges) == 1 else None
        source = ports.get(tensor) or (leaving.get(_key(only)) if only else None) or made_by[tensor]
        if source == made_by.get(tensor):
            links.append(_link(design, source, stream, only))
        if only is not None:
            reads[_key(only)] = source
            continue
        of_tensor = []
        for n, edge in enumerate(edges):
            name = leaving.get(_key(edge), f"from_{tensor}_{n}")
            reads[_key(edge)] = name
            if _key(edge) not in leaving:
                links.append(replace(_link(design, name, stream, edge), about=f"to {edge.reader}"))
            if n < len(edges) - 2:
                links.append(Link(f"from_{tensor}_{n}_on", bits, stream.beats, tensor, about="to the next fork"))
        for n in range(len(edges) - 1):
            more = n < len(edges) - 2
            second = f"from_{tensor}_{n}_on" if more else reads[_key(edges[n + 1])]
            first = source if n == 0 else f"from_{tensor}_{n - 1}_on"
            of_tensor.append(Fork(tensor, bits, stream.beats, (first, reads[_key(edges[n])], second)))
        forks[tensor] = tuple(of_tensor)
    arguments, writes = {}, {}
    for engine in (*design.units, *(design.engine(name) for group in design.shared for name in group)):
        outs = []
        for layer in engine.layers:
            edges = design.edges_from(layer.name)
            out = leaving.get(_key(edges[0])) if len(edges) == 1 else None
            outs.append(out or made_by[layer.name])
        given = (reads[_key(edge)] for edge in design.edges_into(engine))
        arguments[engine.layer.name], writes[engine.layer.name] = (*given, *outs), len(outs)
    return TopRegion(tuple(links), forks, arguments, writes)


def _key(edge: Edge) -> tuple[str, int]:
    return edge.reader, edge.port


def _link(design: Design, name: str, stream: Stream, edge: Edge | None) -> Link:
    """Return the stream of ``edge``, or one to a fork.

    Where the RTL's queue is behind converters the stream there is as long as that, inside the engine; so is what leads
    to a queue in external memory.
    """
    made = Link(name, 8 * stream.byte_count, stream.beats, stream.tensor)
    if edge is None or not (edge.depth or edge.reader in design.several_inputs):
        return made
    queue = 0 if edge.before or edge.ring is not None else edge.depth
    return replace(made, depth=max(BURST_WORDS, queue), waits=True, ultra=edge.ultra and queue > BURST_WORDS)
