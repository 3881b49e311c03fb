"""Program memories and sizes of a sequencer that visits stored blocks only, and of the tiles that it reads off chip."""

from __future__ import annotations

from gan2hls.emit.rtl.memory import Field, address_bits, image
from gan2hls.hardware import AxisPhases, LinearEngine
from gan2hls.numbers import Int64Array


def skip_sizes(engine: LinearEngine) -> dict[str, int]:
    """Return the sizes of the program, by parameter of ``g2h_skip_walk``."""
    program, by_fold = engine.skip, engine.off_chip is not None
    assert program is not None
    _, column_bits = program.offset_bits(engine.rows, engine.pixel_words)
    run_bits, rest_bits = program.range_bits(by_fold=by_fold)
    y, _ = program.offsets(engine.rows, engine.pixel_words)
    return {
        "Depth": len(program.kept),
        "YSteps": int(y.max()) + 1,
        "ColumnBits": column_bits,
        "OutColumns": len(program.occupancy.x.of_output),
        "Pairs": program.pairs,
        "Runs": len(program.runs),
        "LengthBits": program.run_bits[1],
        "PairBits": address_bits(len(program.ranges(by_fold=by_fold))),
        "RunBits": run_bits,
        "RestBits": rest_bits,
    }


def tile_sizes(engine: LinearEngine) -> dict[str, int]:
    """Return the sizes of the memory of tiles, by parameter of ``g2h_tile_ring``."""
    tiles = engine.tiles
    return {
        "Held": tiles.held,
        "Tiles": len(tiles.sizes),
        "PassWords": tiles.words,
        "WAddrBits": address_bits(tiles.held),
        "WordsBits": tiles.held.bit_length(),
        "LoadedBits": (tiles.words + tiles.held).bit_length() + 1,
        "FirstNeed": tiles.sizes[0],
    }


def tile_memories(engine: LinearEngine) -> dict[str, bytes]:
    """Return the images of the words of each tile, and of those that are there when it is complete; none with one."""
    sizes, tiles = tile_sizes(engine), engine.tiles
    if len(tiles.sizes) == 1:
        return {}
    return {
        "tiles": image([(words, sizes["WordsBits"])] for words in tiles.sizes),
        "tile_need": image([(words, sizes["LoadedBits"])] for words in tiles.ends),
    }


def skip_memories(engine: LinearEngine, x_addr_bits: int) -> dict[str, bytes]:
    """Return the images that drive the sequencer; their words are described in its header."""
    program = engine.skip
    assert program is not None
    sizes, words = skip_sizes(engine), engine.pixel_words
    y, x = program.occupancy.y, program.occupancy.x
    offsets = zip(*(values.tolist() for values in program.offsets(engine.rows, words)), strict=True)
    ranges = program.ranges(by_fold=engine.off_chip is not None).tolist()
    start_bits = address_bits(len(program.kept))

    def origins(axis: AxisPhases, words: Int64Array, step: int) -> bytes:
        classes = (axis.of_output * step).tolist()
        return image(
            [(word, x_addr_bits), (number, sizes["PairBits"])]
            for word, number in zip(words.tolist(), classes, strict=True)
        )

    return {
        "x_origins": origins(x, x.origin * words, 1),
        "y_origins": origins(y, y.origin % engine.rows * engine.geometry.x.in_size * words, len(x.classes)),
        "pairs": image([(first, sizes["RunBits"]), (count - 1, sizes["RestBits"])] for first, count in ranges),
        "runs": image(_run(run, start_bits, sizes["LengthBits"]) for run in program.runs.tolist()),
        "displacement": image(
            [(column, sizes["ColumnBits"]), (row, (sizes["YSteps"] - 1).bit_length())] for row, column in offsets
        ),
    }


def _run(run: list[int], start_bits: int, length_bits: int) -> list[Field]:
    start, length, last = run
    return [(start, start_bits), (length, length_bits), (last, 1)]
