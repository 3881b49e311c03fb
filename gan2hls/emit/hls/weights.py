"""The processes that bring an engine its weights from external memory, and the pace of its tiles."""

from __future__ import annotations

from gan2hls.emit.hls.config import pace_width, whole_bytes
from gan2hls.emit.hls.decoders import Decoder, decoders
from gan2hls.emit.hls.process import Fifo, Pointer, Process
from gan2hls.emit.hls.tiles import MEMORY_CLOCKS
from gan2hls.hardware import CHUNK_BITS, LinearEngine, symbol_bits


def beside_band_mac(engine: LinearEngine) -> tuple[Process, ...]:
    """Return the processes that bring an engine its weights from external memory, and the pace of its tiles."""
    found = decoders(engine)
    paces = Fifo("paces", pace_width(engine), "a tile's period, work, gap, words, start, single, final")
    about = "when the mac multiplies and when it stores words"
    tiles = engine.bands.count * engine.co_folds
    pace = Process("tile_paces", ("config",), (), paces, tiles, about)
    return (*(_decoded(engine, found) if found else _plain(engine)), pace)


def decoder_kinds(engine: LinearEngine) -> tuple[str, ...]:
    """Return the kinds of processes between memory port and mac where weights have an entropy code."""
    if engine.huffman is None:
        return ()
    return tuple(dict.fromkeys(process.kind for process in _decoded(engine, decoders(engine)) if not process.pointer))


def _load(engine: LinearEngine, region: str, beats: int, sink: Fifo) -> Process:
    assert engine.off_chip is not None
    passes = engine.bands.count
    cycles, about = passes * beats + (passes - 1) * MEMORY_CLOCKS, "external memory -> weights, once for each band"
    pointer = Pointer("weights", region, engine.off_chip.bus_bits)
    return Process("load_weights", (str(beats), str(passes)), (), sink, cycles, about, pointer)


def _plain(engine: LinearEngine) -> list[Process]:
    """Return the processes that bring words as they stand in memory."""
    assert engine.off_chip is not None
    bus, bits, (beats,) = engine.off_chip.bus_bits, engine.bus_word_bits, engine.stream_beats
    words, all_beats = _words(engine), engine.bands.count * beats
    stream = Fifo("beats", bus, "weights, as they stand in external memory")
    processes = [_load(engine, engine.layer.name, beats, stream)]
    word = Fifo("words", whole_bytes(bits), "words of weights")
    if bits > bus:
        arguments, about = (str(bits // bus), str(bus), str(all_beats)), f"{bits // bus} beats -> a word of weights"
        processes.append(Process("widen", arguments, (stream,), word, all_beats, about))
    elif bits < bus:
        arguments, about = (str(bus // bits), str(bits), str(words)), f"a beat -> {bus // bits} words of weights"
        processes.append(Process("narrow", arguments, (stream,), word, words, about))
    return processes


def _decoded(engine: LinearEngine, found: tuple[Decoder, ...]) -> list[Process]:
    """Return the processes that bring words through decoders, each of which has a part of every word."""
    huffman = engine.huffman
    assert engine.off_chip is not None and huffman is not None
    bus, bits, passes = engine.off_chip.bus_bits, symbol_bits(engine.weights), engine.bands.count
    share, words = huffman.word_symbols, _words(engine)
    word = Fifo("words", whole_bytes(engine.weight_word_bits), "words of weights")
    processes: list[Process] = []
    parts: list[Fifo] = []
    for n, decoder in enumerate(found):
        stream = Fifo(f"beats_{n}", bus, f"what decoder {n} reads in external memory")
        processes.append(_load(engine, f"{engine.layer.name}_{n}", decoder.beats, stream))
        if bus > CHUNK_BITS:
            chunk, chunks = Fifo(f"chunks_{n}", CHUNK_BITS, "bits of symbols"), passes * decoder.chunks
            about = f"a beat -> {bus // CHUNK_BITS} chunks of {CHUNK_BITS} bits"
            arguments = (str(bus // CHUNK_BITS), str(CHUNK_BITS), str(chunks))
            processes.append(Process("narrow", arguments, (stream,), chunk, chunks, about))
            stream = chunk
        alone = len(found) == 1
        symbol = word if alone and share == 1 else Fifo(f"symbols_{n}", whole_bytes(bits), "symbols of weights")
        phrase = symbol
        if huffman.phrases.most > 1:
            phrase = Fifo(f"phrases_{n}", whole_bytes(huffman.phrases.bits), "zeros, and the symbol behind them")
        sizes, cycles = (decoder.phrases, decoder.chunks, decoder.cycles), passes * decoder.cycles
        about = f"chunks -> a {'symbol' if phrase is symbol else 'phrase'} a clock"
        processes.append(Process("huffman", ("config", *map(str, sizes)), (stream,), phrase, cycles, about))
        if phrase is not symbol:
            cycles, about = passes * huffman.symbols, "phrases -> a symbol a clock"
            processes.append(Process("expand", ("config", str(decoder.phrases)), (phrase,), symbol, cycles, about))
        part = symbol
        if share > 1:
            part = word if alone else Fifo(f"parts_{n}", whole_bytes(bits * share), f"{share} symbols of each word")
            arguments, about = (str(share), str(bits), str(words * share)), f"{share} symbols -> their part of a word"
            processes.append(Process("widen", arguments, (symbol,), part, words * share, about))
        parts.append(part)
    if len(parts) > 1:
        arguments = (str(len(parts)), str(bits * share), str(words))
        about = f"{len(parts)} parts -> a word of weights"
        processes.append(Process("join_parts", arguments, tuple(parts), word, words, about))
    return processes


def _words(engine: LinearEngine) -> int:
    """Return the words of weights that come in a frame."""
    return engine.bands.count * engine.tiles.words
