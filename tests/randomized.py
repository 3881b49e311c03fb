"""Random but legal integer models and designs: the common supply of every property test and co-simulation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from gan2hls.hardware import (
    WORD_LIMIT_BITS,
    Design,
    EngineDesign,
    Folding,
    LinearEngine,
    OffChip,
    legal_band_rows,
    legal_decoders,
    make_engine,
    verify_design,
)
from gan2hls.hardware.line_buffer import most_rows
from gan2hls.hardware.off_chip import Bands
from gan2hls.hardware.queues import with_endless_queues
from gan2hls.model import Golden, IntegerModel, IntLayer, verify_integer_model
from gan2hls.model.ir import Port
from gan2hls.numbers.numerics import IntType, QuantType, Requant, Table
from gan2hls.ops import IntIdentity, IntLinear
from gan2hls.ops.shuffle import Shape
from gan2hls.ops.taps import LinearGeometry, conv_axis, conv_transpose_axis, dense_geometry
from gan2hls.ops.weights import IntWeight, weight_type

Rng = np.random.Generator


def port(name: str, shape: Shape) -> Port:
    """A port whose ONNX tensor is the NCHW view of the stream."""
    height, width, channels = shape
    order = np.arange(height * width * channels).reshape(channels, height, width).transpose(1, 2, 0).ravel()
    return Port(name, name, (1, channels, height, width), shape, order)


def conv_transpose(
    size: tuple[int, int],
    ci: int,
    co: int,
    *,
    k: int = 4,
    s: int = 2,
    p: int = 1,
    op: int = 0,
    d: int = 1,
    groups: int = 1,
) -> LinearGeometry:
    """The geometry of a square ConvTranspose."""

    def axis(n: int) -> tuple[int, int]:
        return n, (n - 1) * s - 2 * p + d * (k - 1) + op + 1

    y, x = (conv_transpose_axis(n, k, s, d, p, out) for n, out in map(axis, size))
    return LinearGeometry(y, x, ci, co, groups, (s, s), transposed=True)


def conv(
    size: tuple[int, int], ci: int, co: int, *, k: int = 3, s: int = 1, p: int = 1, d: int = 1, groups: int = 1
) -> LinearGeometry:
    """The geometry of a square Conv."""
    y, x = (conv_axis(n, k, s, d, (p, p)) for n in size)
    return LinearGeometry(y, x, ci, co, groups, (s, s))


def dense(ci: int, co: int) -> LinearGeometry:
    """The geometry of a matrix product."""
    return dense_geometry(ci, co)


def linear_layer(
    rng: Rng,
    name: str,
    source: str,
    geometry: LinearGeometry,
    input_type: QuantType,
    *,
    weight_bits: int = 8,
    out: QuantType | None = None,
    pieces: int = 1,
    table_bits: int = 0,
    shape: Shape | None = None,
    kind: str = "",
    codec: str = "raw",
    books: int = 1,
    empty: float = 0.0,
    block: tuple[int, int] = (1, 1),
    values: np.ndarray | None = None,
    factors: np.ndarray | None = None,
    scaled: int = 0,
) -> IntLayer:
    """A linear layer with random weights of ``codec`` and a requantizer that uses the whole output range.

    The part ``empty`` of its blocks of ``block`` output by input channels are zeros.  ``values`` are taken in place of
    random weights; those of ``blockscale`` have ``factors`` per ``scaled`` input channels.
    """
    out = out or QuantType(IntType(8, signed=False), 1.0)
    if values is None and codec == "blockscale":
        scaled = scaled or int(rng.integers(1, geometry.weight_shape[2] + 1))
        values, factors = scaled_weights(rng, geometry.weight_shape, scaled)
    if values is None:
        values = random_weights(rng, geometry.weight_shape, codec, weight_bits, books)
    values = values * block_mask(rng, geometry.weight_shape, block, empty)
    codec = "ternary" if codec == "binary" and not values.all() else codec
    kind = kind or ("conv_transpose" if geometry.transposed else "conv" if geometry.kernel != (1, 1) else "dense")
    codec_of = _PRECISIONS.get(codec, f"int{weight_bits}")
    weight = IntWeight(values, weight_type(values), np.ones(1), codec, codec_of, books, scaled, factors)
    op = IntLinear(kind, geometry, weight)
    acc_type = IntType.covering(*op.bounds([input_type]))
    requant, table = finish(rng, acc_type, geometry.out_channels * geometry.row_phases, out, pieces, table_bits)
    return IntLayer(
        name=name,
        source=f"/{name}/node",
        inputs=(source,),
        input_types=(input_type,),
        output_type=out,
        shape=shape or geometry.out_shape,
        op=op,
        acc_type=acc_type,
        requant=requant,
        table=table,
        probe=port(name, shape or geometry.out_shape),
    )


_PRECISIONS = {"binary": "binary", "ternary": "ternary", "codebook": "codebook<16>", "blockscale": "int4/32"}


def random_weights(rng: Rng, shape: Shape, codec: str, bits: int, books: int = 1) -> np.ndarray:
    """Random integers ``[T, CO, CI]`` that ``codec`` can carry: all codes of ``bits`` bits, or few distinct ones."""
    kind = IntType(bits, signed=True)
    match codec:
        case "binary":
            return rng.integers(0, 2, shape) * 2 - 1
        case "ternary":
            return rng.integers(-1, 2, shape)
        case "codebook":
            book = rng.integers(kind.lo, kind.hi + 1, (books, int(rng.integers(2, 18))))
            of_channel = np.arange(shape[1]) * books // shape[1]
            return book[of_channel[None, :, None], rng.integers(0, book.shape[1], shape)]
        case _:
            return rng.integers(kind.lo, kind.hi + 1, shape)


def scaled_weights(
    rng: Rng, shape: Shape, block: int, *, bits: int = 4, factor_bits: int = 6, zero_points: bool = True, taps: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Random block-scaled integers ``[T, CO, CI]`` and their factors, ``taps`` times along the first axis (0: T)."""
    blocks = ((taps or shape[0]), shape[1], -(-shape[2] // block))
    factors = rng.integers(1, 1 << factor_bits, blocks)
    zero = rng.integers(0, 1 << bits, blocks) if zero_points else np.full(blocks, 1 << (bits - 1))
    factor, off = (np.repeat(part, block, axis=2)[:, :, : shape[2]] for part in (factors, zero))
    return (rng.integers(0, 1 << bits, shape) - off) * factor, factors


def block_mask(rng: Rng, shape: Shape, block: tuple[int, int], empty: float) -> np.ndarray:
    """Zeros in the part ``empty`` of the blocks of ``block`` output by input channels, ones elsewhere, one at least."""
    taps, co, ci = shape
    mask = rng.random((taps, co // block[0], ci // block[1])) >= empty
    mask[0, 0, 0] = True
    return mask.repeat(block[0], axis=1).repeat(block[1], axis=2).astype(np.int64)


def pointwise_layer(
    rng: Rng, name: str, source: str, shape: Shape, input_type: QuantType, *, pieces: int = 2, table_bits: int = 0
) -> IntLayer:
    """A pointwise layer with random slopes per channel."""
    out = QuantType(IntType(8, signed=True), 1.0)
    centred = input_type.centred
    acc_type = IntType.covering(min(0, centred.lo), max(0, centred.hi))
    requant, table = finish(rng, acc_type, shape[2], out, pieces, table_bits)
    return IntLayer(
        name, f"/{name}/node", (source,), (input_type,), out, shape, IntIdentity(), acc_type, requant, table,
        port(name, shape),
    )  # fmt: skip


def finish(
    rng: Rng, acc_type: IntType, channels: int, out: QuantType, pieces: int, table_bits: int
) -> tuple[Requant, Table | None]:
    """Return a requantizer that spreads ``acc_type`` over the output range, and a random table behind it if asked."""
    target = IntType(table_bits, signed=True) if table_bits else out.int_type
    shift = int(rng.integers(8, 20))
    gain = 4 * (1 << shift) * (target.hi - target.lo) / (acc_type.hi - acc_type.lo + 1)
    while gain < 64:
        shift, gain = shift + 1, gain * 2
    while gain >= 1 << 17:
        shift, gain = shift - 1, gain / 2
    mult = np.floor(gain * rng.uniform(-2.0, 3.0, (pieces, channels))).astype(np.int64)
    bias = rng.integers(-(4 << shift), (4 << shift) + 1, (pieces, channels))
    threshold = rng.integers(acc_type.lo // 8, acc_type.hi // 8 + 1, channels)
    zero_point = 0 if table_bits else out.zero_point
    lo, hi = target.lo + int(rng.integers(0, 2)), target.hi - int(rng.integers(0, 2))
    requant = Requant(mult, bias, threshold, shift, zero_point, lo, hi, target)
    if not table_bits:
        return requant, None
    values = rng.integers(out.int_type.lo, out.int_type.hi + 1, (1, 1 << table_bits))
    return requant, Table(target, values, out.int_type)


def chain(name: str, shape: Shape, input_type: QuantType, layers: Sequence[IntLayer]) -> IntegerModel:
    """A model whose layers follow one another; layer inputs are renamed to fit."""
    source, renamed = "z", []
    for layer in layers:
        renamed.append(replace(layer, inputs=(source,)))
        source = layer.name
    out = port(source, layers[-1].shape)
    model = IntegerModel(name, (port("z", shape),), (input_type,), tuple(renamed), (out,))
    verify_integer_model(model)
    return model


def design(
    model: IntegerModel,
    foldings: Sequence[Folding],
    *,
    extra_rows: int = 1,
    skip: Collection[str] = (),
    off_chip: Mapping[str, OffChip] | None = None,
) -> Design:
    """A design of ``model`` with given foldings and line buffers of ``extra_rows`` beyond the least.

    The layers named in ``skip`` skip empty blocks, those of ``off_chip`` read weights from external memory.  Where
    branches meet, queues never fill.
    """
    engines = []
    for layer, folding in zip(model.layers, foldings, strict=True):
        rows, away = 0, (off_chip or {}).get(layer.name)
        if isinstance(layer.op, IntLinear):
            y = layer.op.geometry.y
            window = y.window if away is None else Bands(y, away.band_rows).window
            rows = min(window + extra_rows, most_rows(layer))
        engines.append(make_engine(layer, folding, rows=rows, skip=layer.name in skip, off_chip=away))
    made = with_endless_queues(Design(model, tuple(engines), "xc7z020clg400-1", 5.0))
    verify_design(made)
    return made


def tiny_design(seed: int = 0) -> Design:
    """Dense -> ConvTranspose (two-piece) -> Conv with a table: every block of the engine, small enough to read."""
    rng = np.random.default_rng(seed)
    z = QuantType(IntType(8, signed=True), 1.0)
    mid = QuantType(IntType(8, signed=False), 1.0, 17)
    image = QuantType(IntType(8, signed=True), 1.0)
    l0 = linear_layer(rng, "l0_dense", "z", dense(6, 32), z, shape=(2, 2, 8))
    l1 = linear_layer(
        rng, "l1_conv_transpose", "l0_dense", conv_transpose((2, 2), 8, 6), l0.output_type, pieces=2, out=mid
    )
    l2 = linear_layer(rng, "l2_conv", "l1_conv_transpose", conv((4, 4), 6, 3), mid, table_bits=9, out=image)
    model = chain("tiny", (1, 1, 6), z, (l0, l1, l2))
    return design(model, (Folding(4, 3, 2), Folding(6, 4, 3), Folding(3, 2, 1)))


def random_off_chip(
    rng: Rng, made: Design, bus_bits: int, part: float = 0.8, decoders: int = 0, phrase: int = 1
) -> Design:
    """``made`` with the weights of ``part`` of its layers in external memory: any bands, rows that these allow, banks.

    They have the most decoders that are legal, up to ``decoders``, of phrases of up to ``phrase`` symbols, and skip
    empty blocks where they did.
    """
    engines = list(made.engines)
    for n, engine in enumerate(engines):
        if not isinstance(engine, LinearEngine) or not engine.geometry.useful_macs or rng.random() > part:
            continue
        most_decoders = max((n for n in legal_decoders(engine.weights) if n <= decoders), default=0)
        band_rows, banks = int(rng.choice(legal_band_rows(engine.geometry))), int(rng.choice([1, 2]))
        away = OffChip(band_rows, bus_bits, most_decoders, phrase, banks)
        bands, most = Bands(engine.geometry.y, away.band_rows), most_rows(engine.layer)
        rows = int(rng.choice([bands.window, max(bands.window, bands.buffer_rows), most]))
        moved = make_engine(
            engine.layer, engine.folding, rows=min(rows, most), skip=engine.skip is not None, off_chip=away
        )
        engines[n] = moved if moved.word_bits <= WORD_LIMIT_BITS else engine
    moved_all = replace(made, engines=tuple(engines))
    verify_design(moved_all)
    return moved_all


def off_chip_design() -> Design:
    """The tiny design with the weights of all layers in external memory, in bands of one, two and four rows."""
    tiny = tiny_design()
    bands = {"l0_dense": OffChip(1, 64), "l1_conv_transpose": OffChip(2, 64), "l2_conv": OffChip(4, 64)}
    return design(tiny.model, [engine.folding for engine in tiny.engines], off_chip=bands)


def coded_off_chip_design() -> Design:
    """The same, with an entropy code: two decoders of the weights of the second layer, one of those of the third."""
    tiny = tiny_design()
    bands = {"l0_dense": OffChip(1, 64), "l1_conv_transpose": OffChip(2, 64, 2), "l2_conv": OffChip(4, 64, 1)}
    return design(tiny.model, [engine.folding for engine in tiny.engines], off_chip=bands)


def coded_chain(rng: Rng, bus_bits: int, decoders: int, phrase: int = 1, empty: float = 0.0) -> Design:
    """Raw weights, trits of two bits, a codebook and trits of five a byte, all behind decoders of an entropy code.

    There are as many decoders as are legal, up to ``decoders``, of phrases of up to ``phrase`` symbols; the part
    ``empty`` of the weights is zeros.
    """
    z = QuantType(IntType(8, signed=True), 1.0, 3)
    raw = linear_layer(rng, "raw", "z", dense(6, 32), z, weight_bits=5, shape=(2, 2, 8), empty=empty)
    trits = linear_layer(
        rng, "trits", "raw", conv_transpose((2, 2), 8, 12), raw.output_type, codec="ternary", empty=empty
    )
    books = linear_layer(rng, "books", "trits", conv((4, 4), 12, 10), trits.output_type, codec="codebook", empty=empty)
    last = conv((4, 4), 10, 200, k=1)
    packed = linear_layer(rng, "packed", "books", last, books.output_type, codec="ternary", kind="conv", empty=empty)
    model = chain(f"coded_{decoders}_{phrase}", (1, 1, 6), z, (raw, trits, books, packed))
    folds = (Folding(4, 3, 2), Folding(6, 4, 3), Folding(2, 4, 1), Folding(4, 5, 2))
    made = random_off_chip(rng, design(model, folds), bus_bits, part=1.0, decoders=decoders, phrase=phrase)
    engines = [engine for engine in made.engines if isinstance(engine, LinearEngine)]
    assert [(e.weights.codec, e.weights.parameters.get("dense")) for e in engines] == [
        ("raw", None), ("ternary", 0), ("codebook", None), ("ternary", 1),
    ]  # fmt: skip
    return made


def side_by_side(name: str, *parts: Design) -> Design:
    """One design of independent ones, whose engines take turns; tensors of the first become ``a_...``."""
    inputs, types, outputs = [], [], []
    engines: list[list[EngineDesign]] = []
    for letter, part in zip("abcdefgh", parts, strict=False):
        model = part.model
        inputs += [port(f"{letter}_{p.name}", p.shape) for p in model.inputs]
        outputs += [port(f"{letter}_{p.name}", p.shape) for p in model.outputs]
        types += model.input_types
        engines.append([])
        for engine in part.engines:
            layer, new = engine.layer, f"{letter}_{engine.layer.name}"
            sources = tuple(f"{letter}_{source}" for source in layer.inputs)
            layer = replace(layer, name=new, inputs=sources, probe=port(new, layer.shape))
            engines[-1].append(replace(engine, layer=layer))
    turns = tuple(engine for turn in zip_longest(*engines) for engine in turn if engine is not None)
    layers = tuple(engine.layer for engine in turns)
    model = IntegerModel(name, tuple(inputs), tuple(types), layers, tuple(outputs))
    verify_integer_model(model)
    made = replace(parts[0], model=model, engines=turns)
    verify_design(made)
    return made


def two_chains() -> Design:
    """The tiny design beside a pointwise layer and a convolution: other shapes, lanes, widths and paces."""
    rng = np.random.default_rng(8)
    z = QuantType(IntType(5, signed=False), 1.0, 3)
    l0 = pointwise_layer(rng, "l0", "z", (3, 5, 4), z, table_bits=4)
    l1 = linear_layer(rng, "l1", "l0", conv((3, 5), 4, 6), l0.output_type, out=QuantType(IntType(11, signed=True), 1.0))
    other = design(chain("other", (3, 5, 4), z, (l0, l1)), (Folding(2, 2, 2), Folding(3, 1, 3)))
    return side_by_side("two", tiny_design(), other)


def random_inputs(rng: Rng, model: IntegerModel, frames: int) -> dict[str, np.ndarray]:
    """Random input codes ``[N, H, W, C]`` over the whole type, by input name."""
    return {
        p.name: rng.integers(t.int_type.lo, t.int_type.hi + 1, (frames, *p.shape))
        for p, t in zip(model.inputs, model.input_types, strict=True)
    }


def run_alone(layer: IntLayer, *inputs: np.ndarray) -> np.ndarray:
    """What the golden model makes of ``layer`` by itself, on codes ``[N, H, W, C]`` of what it reads."""
    golden = Golden(IntegerModel(layer.name, (), (), (layer,), ()))
    return golden.run_layers(dict(zip(layer.inputs, inputs, strict=True)), [layer.name])[layer.name]


def in_ultra(made: Design) -> Design:
    """``made`` with every memory that may be UltraRAM there, whatever its size."""
    engines = tuple(replace(engine, ultra=frozenset(engine.written)) for engine in made.engines)
    queues = frozenset((edge.reader, edge.port) for edge in made.edges if edge.in_ram)
    moved = replace(made, engines=engines, ultra=queues)
    verify_design(moved)
    return moved
