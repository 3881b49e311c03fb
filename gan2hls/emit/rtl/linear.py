"""Feeder, sequencer, weight source, mac and accumulator queue of one linear engine: parameters and memories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gan2hls.base import UnsupportedError
from gan2hls.codecs import CODECS
from gan2hls.emit.rtl.memory import address_bits, codec_memory, fill_memory, grant_memories, image, tap_memories
from gan2hls.emit.rtl.skip import skip_memories, skip_sizes, tile_memories, tile_sizes
from gan2hls.hardware import (
    CHUNK_BITS,
    OUT_QUEUE_WORDS,
    ChannelOrder,
    EngineDesign,
    HuffmanStreams,
    LinearEngine,
    Written,
    granted_loop,
    tap_loop,
)

Values = dict[str, str | int]


def linear_memories(engine: LinearEngine) -> dict[str, bytes]:
    """Return the memory images of a linear engine by role, those of its requantizer excluded."""
    sizes = _sizes(engine)
    memories = grant_memories(engine, int(sizes["FreeBits"]), loaded_bits(engine))
    if engine.skip is None:
        memories |= tap_memories(engine, int(sizes["XAddrBits"]), int(sizes["WAddrBits"]))
    else:
        memories |= skip_memories(engine, int(sizes["XAddrBits"]))
        memories |= tile_memories(engine) if engine.off_chip is not None else {}
    on_chip = engine.weights.memories[0 if engine.off_chip is None else 1 :]
    if engine.huffman is not None:
        bits = engine.huffman.phrases.bits
        memories["symbols"] = image([(value, bits)] for value in engine.huffman.code.symbols.tolist())
    if engine.fills:
        memories["fill"] = fill_memory(engine)
    return memories | {memory.name: codec_memory(memory) for memory in on_chip}


def linear_context(engine: LinearEngine) -> dict[str, Any]:
    """Return what the engine's template needs to know of feeder, sequencer, weight source, mac and queue.

    Raises:
        UnsupportedError: no output pixel has a tap.
    """
    layer, folding, encoded = engine.layer, engine.folding, engine.weights
    geometry, weight = engine.geometry, engine.weight
    if geometry.pixel_taps == 0:
        raise UnsupportedError("no output pixel has a tap", where=layer.name, hint="the layer is a constant: fold it")
    sizes, acc_bits, weight_bits = _sizes(engine), layer.acc_type.signed_bits, weight.type.signed_bits
    mac: Values = {
        "Pe": folding.pe,
        "Simd": folding.simd,
        **({"Groups": engine.parallel_groups} if engine.parallel_groups > 1 else {}),
        "ElemBits": engine.in_elem.bits,
        "ElemSigned": bit(engine.in_elem.signed),
        "ZeroPoint": layer.input_type.zero_point,
        "CentredBits": layer.input_type.centred.signed_bits,
        "WeightBits": weight_bits,
        "AccBits": acc_bits,
        "Multiply": int(CODECS[encoded.codec].multiplies),
    }
    return {
        "pe": folding.pe,
        "simd": folding.simd,
        "together": engine.parallel_groups,
        "groups": geometry.groups,
        "group_out": geometry.group_out,
        "group_in": geometry.group_in,
        "lanes": folding.pe * folding.simd,
        "useful_macs": engine.geometry.useful_macs,
        "mac_cycles": engine.mac_cycles,
        "window": geometry.y.window,
        "codec": encoded.codec,
        "decoder_clocks": engine.decoder_clocks,
        "acc_type": str(layer.acc_type),
        "w_addr_msb": int(sizes["WAddrBits"]) - 1,
        "weight_msb": folding.pe * folding.simd * weight_bits - 1,
        "vector_msb": folding.pe * acc_bits - 1,
        "feeder": _feeder(engine, sizes),
        "skip": engine.skip is not None,
        "mac_steps": engine.mac_steps,
        "off_chip": None if engine.off_chip is None else _off_chip(engine, sizes),
        "sequencer": _any_sequencer(engine, sizes),
        "wsrc": _wsrc(engine, sizes, weight_bits),
        "codes": {
            "Width": engine.weight_word_bits,
            "Depth": encoded.memories[0].depth,
            "AddrBits": sizes["WAddrBits"],
            "File": memory_path(engine, encoded.memories[0].name),
        },
        "mac": mac,
        "acc_fifo": {
            "Width": folding.lanes * acc_bits,
            "Ratio": folding.pe // folding.lanes,
            "Depth": engine.acc_queue_words,
        },
        "reorder": None if engine.off_chip is None else _reorder(engine),
        "fill": _fill(engine) if engine.fills else None,
    }


def loaded_bits(engine: LinearEngine) -> int:
    """Return the width of a count of loaded rows, signed."""
    geometry = engine.geometry
    return (geometry.y.in_size + engine.rows).bit_length() + 1


def _sizes(engine: LinearEngine) -> Values:
    """Return the parameters that several modules of a linear engine share."""
    geometry, encoded, loop = engine.geometry, engine.weights, granted_loop(engine)
    rows = range(len(geometry.y.outputs)) if loop is None else loop.stored
    row_words = geometry.x.in_size * engine.pixel_words
    return {
        "InRows": geometry.y.in_size,
        "Rows": engine.rows,
        "RowWords": row_words,
        "OutRows": len(rows) if engine.off_chip is None else engine.bands.count,
        "XAddrBits": address_bits(engine.rows * row_words),
        "WAddrBits": address_bits(encoded.memories[0].depth if engine.off_chip is None else engine.tiles.held),
        "FreeBits": (engine.rows + geometry.y.in_size).bit_length(),
        "CoFolds": engine.co_folds,
        "CoBits": address_bits(engine.co_folds),
    }


def _feeder(engine: LinearEngine, sizes: Values) -> Values:
    geometry = engine.geometry
    shared = ("InRows", "Rows", "RowWords", "OutRows", "XAddrBits", "FreeBits")
    return {
        "Width": engine.in_lanes * engine.in_elem.bits,
        **{name: sizes[name] for name in shared},
        "FirstNeed": (geometry.y if engine.off_chip is None else engine.bands).need[0],
        "LoadedBits": loaded_bits(engine),
        **_granted_loop(engine),
        "NeedFile": memory_path(engine, "need") if int(sizes["OutRows"]) > 1 else '""',
        **_in_ultra(engine, "line_buffer"),
    }


def _granted_loop(engine: LinearEngine) -> Values:
    """Return the parameters of the rows that come again, as those are granted."""
    loop = granted_loop(engine)
    if loop is None:
        return {}
    last = loop.first + loop.rows - 1
    return {"LoopRow": loop.first, "LoopEndRow": last, "LoopRounds": loop.rounds, "LoopStep": loop.in_rows}


def _walked_loop(engine: LinearEngine) -> Values:
    """Return the parameters of the rows that come again, as their taps are walked."""
    loop, y = tap_loop(engine), engine.geometry.y
    if loop is None:
        return {}
    first, end = (loop.taps_before(y, row) for row in (loop.first, loop.first + loop.rows))
    rows: Values = {"LoopRow": loop.first} if granted_loop(engine) else {}
    return {**rows, "LoopTap": first, "LoopEndTap": end - 1, "LoopRounds": loop.rounds}


def _in_ultra(engine: LinearEngine, memory: Written) -> Values:
    """Return the parameter that puts a memory into UltraRAM, where it is there."""
    return {"Ultra": bit(True)} if memory in engine.ultra else {}


def _any_sequencer(engine: LinearEngine, sizes: Values) -> Values:
    if engine.skip is not None:
        return (_skip_sequencer if engine.off_chip is None else _band_skip_sequencer)(engine, sizes)
    return _sequencer(engine, sizes) if engine.off_chip is None else _band_sequencer(engine, sizes)


def _band_sequencer(engine: LinearEngine, sizes: Values) -> Values:
    values = _sequencer(engine, sizes)
    bands = {"Bands": values.pop("OutRows"), "BandRows": engine.bands.rows}
    return {**values, **bands, "TileWords": engine.tiles.sizes[0]}


def _reorder(engine: LinearEngine) -> Values:
    """Return the parameters of what turns the codes of a band into pixels."""
    off_chip = engine.off_chip
    assert off_chip is not None, f"{engine.layer.name}: weights stand on chip"
    return {
        "Width": engine.out_lanes * engine.out_elem.bits,
        "Groups": engine.folding.pe // engine.folding.lanes,
        "Pixels": engine.band_pixels,
        "Folds": engine.co_folds,
        **({} if off_chip.banks == 2 else {"Banks": off_chip.banks}),
        **_in_ultra(engine, "codes"),
    }


def _fill(engine: LinearEngine) -> Values:
    """Return the parameters of what puts output pixels without taps among the others."""
    phases = engine.row_phases
    return {
        "Width": engine.out_lanes * engine.out_elem.bits,
        "Groups": engine.geometry.out_channels // engine.folding.lanes,
        **({"RowPhases": phases} if phases > 1 else {}),
        **hole_masks(engine),
        "OutDepth": OUT_QUEUE_WORDS,
        "File": memory_path(engine, "fill"),
    }


def hole_masks(engine: EngineDesign) -> Values:
    """Return which rows and columns of the output have taps, as parameters."""
    rows, columns = engine.out_grid
    masks = [sum(bit << n for n, bit in enumerate(taps)) for taps in (engine.row_taps, engine.column_taps)]
    return {
        "OutRows": rows,
        "OutColumns": columns,
        "YMask": f"{rows}'h{masks[0]:x}",
        "XMask": f"{columns}'h{masks[1]:x}",
    }


def order_values(order: ChannelOrder) -> Values:
    """Return in which order beats have channels, as parameters."""
    names = {"Pixels": order.pixels, "Rows": order.rows, "Folds": order.folds, "RowPhases": order.phases}
    return {name: count for name, count in names.items() if count > 1}


def _off_chip(engine: LinearEngine, sizes: Values) -> dict[str, Any]:
    """Return what the template needs to know of the way from the memory port to the tiles."""
    assert engine.off_chip is not None
    bus, width = engine.off_chip.bus_bits, engine.weight_word_bits
    coded = engine.huffman is not None
    word = width if coded else engine.bus_word_bits
    return {
        "bus_msb": bus - 1,
        "word_msb": word - 1,
        "pass_bytes": engine.pass_bytes,
        "unused": word > width,
        "stages": [] if coded else _width_stages(bus, word),
        "streams": len(engine.stream_beats),
        "decoders": _decoders(engine),
        "tile_words": max(engine.tiles.sizes),
        "tiles": _tiles(engine, sizes),
    }


def _tiles(engine: LinearEngine, sizes: Values) -> Values:
    """Return the parameters of the memory that tiles stand in."""
    width, ultra = engine.weight_word_bits, _in_ultra(engine, "tiles")
    if engine.skip is None:
        return {"Width": width, "TileWords": engine.tiles.sizes[0], "AddrBits": sizes["WAddrBits"], **ultra}
    need = memory_path(engine, "tile_need") if len(engine.tiles.sizes) > 1 else '""'
    return {"Width": width, **tile_sizes(engine), "NeedFile": need, **ultra}


def _width_stages(given: int, wanted: int) -> list[dict[str, Any]]:
    """Return the width converter between a stream of ``given`` bits and one of ``wanted``, if there is one."""
    if wanted > given:
        return [{"direction": "up", "parameters": {"Width": given, "Ratio": wanted // given}}]
    if wanted < given:
        return [{"direction": "down", "parameters": {"Width": wanted, "Ratio": given // wanted}}]
    return []


def _decoders(engine: LinearEngine) -> list[dict[str, Any]]:
    """Return what the template needs to know of each decoder of an entropy code."""
    found = engine.huffman
    if found is None:
        return []
    assert engine.off_chip is not None
    bus, code, phrases = engine.off_chip.bus_bits, found.code, found.phrases
    index_bits = address_bits(len(code.symbols))
    shared: Values = {
        "ChunkBits": CHUNK_BITS,
        "MaxLen": code.longest,
        "SymbolBits": phrases.bits,
        "Symbols": len(code.symbols),
        "IndexBits": index_bits,
    }
    tables: Values = {
        "Limits": _packed(code.limits, code.longest + 1),
        "Bases": _packed([base % (1 << index_bits) for base in code.bases], index_bits),
        "File": memory_path(engine, "symbols"),
    }
    part = phrases.symbol_bits * found.word_symbols
    return [
        {
            "narrow": _width_stages(bus, CHUNK_BITS),
            "huffman": shared | {"PassSymbols": count, "PassChunks": beats * (bus // CHUNK_BITS)} | tables,
            "phrase_msb": phrases.bits - 1,
            "expand": _expander(found, count),
            "symbol_msb": phrases.symbol_bits - 1,
            "widen": _width_stages(phrases.symbol_bits, part),
            "low": n * part,
            "part": part,
        }
        for n, (beats, count) in enumerate(zip(engine.stream_beats, found.counts, strict=True))
    ]


def _expander(found: HuffmanStreams, count: int) -> Values | None:
    """Return the parameters of what makes symbols of ``count`` phrases a pass; None: phrases are symbols."""
    phrases = found.phrases
    if phrases.most == 1:
        return None
    return {
        "SymbolBits": phrases.symbol_bits,
        "ZeroBits": phrases.zero_bits,
        "PassSymbols": found.symbols,
        "PassPhrases": count,
        "Zero": f"{phrases.symbol_bits}'d{phrases.zero}",
    }


def _packed(values: Sequence[int], bits: int) -> str:
    """Return numbers as a packed array, the first one in the least significant bits."""
    words = ", ".join(f"{bits}'d{value}" for value in reversed(values))
    return f"{{{words}}}"


def _sequencer(engine: LinearEngine, sizes: Values) -> Values:
    geometry, loop = engine.geometry, tap_loop(engine)
    return {
        **sizes,
        "YTaps": geometry.y.count if loop is None else len(loop.entries(geometry.y)),
        "XTaps": geometry.x.count,
        "CiFolds": engine.ci_folds,
        "Groups": engine.group_folds,
        "AccDepth": engine.acc_queue_words,
        **_walked_loop(engine),
        "XTapFile": memory_path(engine, "x_taps"),
        "YTapFile": memory_path(engine, "y_taps"),
        "ReleaseFile": memory_path(engine, "release"),
    }


def _skip_sequencer(engine: LinearEngine, sizes: Values) -> Values:
    files = {"XOrigin": "x_origins", "YOrigin": "y_origins", "Pair": "pairs", "Run": "runs"}
    files |= {"Displacement": "displacement", "Release": "release"}
    return {
        **sizes,
        "AccDepth": engine.acc_queue_words,
        **skip_sizes(engine),
        **{f"{name}File": memory_path(engine, role) for name, role in files.items()},
    }


def _band_skip_sequencer(engine: LinearEngine, sizes: Values) -> Values:
    tiles = tile_sizes(engine)
    return {
        **_skip_sequencer(engine, sizes),
        "OutRows": len(engine.geometry.y.outputs),
        "BandRows": engine.bands.rows,
        "BlockBits": address_bits(len(engine.weights.memories[0].words)),
        "Held": tiles["Held"],
        "WordsBits": tiles["WordsBits"],
        "FirstWords": tiles["FirstNeed"],
        "TileFile": memory_path(engine, "tiles") if len(engine.tiles.sizes) > 1 else '""',
    }


def _wsrc(engine: LinearEngine, sizes: Values, weight_bits: int) -> Values:
    """Return the parameters that every weight source has, then its codec's own, then its tables."""
    folding, encoded = engine.folding, engine.weights
    first, *tables = encoded.memories
    return {
        "Lanes": folding.pe * folding.simd,
        "Pe": folding.pe,
        "Simd": folding.simd,
        "WeightBits": weight_bits,
        "WordBits": first.width_bits,
        "AddrBits": sizes["WAddrBits"],
        "CoFolds": sizes["CoFolds"],
        "CoBits": sizes["CoBits"],
        **{camel(name): value for name, value in encoded.parameters.items()},
        **{f"{camel(memory.name)}File": memory_path(engine, memory.name) for memory in tables},
    }


def camel(name: str) -> str:
    """Return a name as parameters of modules have it."""
    return "".join(word.capitalize() for word in name.split("_"))


def memory_file(engine: EngineDesign, role: str) -> str:
    """Return the name of a memory's file."""
    return f"{engine.layer.name}_{role}.mem"


def memory_path(engine: EngineDesign, role: str) -> str:
    """Return the SystemVerilog expression of the path to a memory's file."""
    return f'{{`GAN2HLS_MEM_DIR, "{memory_file(engine, role)}"}}'


def bit(value: bool) -> str:
    """Return ``value`` as a SystemVerilog literal."""
    return f"1'b{int(value)}"
