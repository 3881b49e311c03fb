"""The decoders of runs of zeros alone, C++ and RTL, fed with what the encoder made: symbols, clocks, cells."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

from gan2hls import fabric
from gan2hls.emit import template_root
from gan2hls.emit.hls.layer import layer_view
from gan2hls.emit.rtl.linear import linear_context
from gan2hls.fabric import SERIES_7, Resources
from gan2hls.hardware import CHUNK_BITS, Design, Folding, LinearEngine, OffChip
from gan2hls.hardware.entropy import HuffmanStreams, symbols
from gan2hls.numbers import IntType, QuantType
from gan2hls.numbers.numerics import Int64Array
from gan2hls.verify.csim import ap_types_folder
from tests.cosim.hls_chains import QUICK, write_hls
from tests.cosim.rtl_bench import VERILATOR_FLAGS, _build, _run, write_rtl
from tests.cosim.yosys import counted, mapped
from tests.randomized import chain, dense, design, linear_layer
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

HERE = Path(__file__).parent
#: Each layer is a matrix product of as many channels, in words of PE x SIMD weights.
CHANNELS, PE, SIMD, PASSES = 48, 4, 4, 3
WEIGHTS = CHANNELS * CHANNELS
TILE = WEIGHTS // (CHANNELS // PE)
Z = QuantType(IntType(8, signed=True), 1.0)


@dataclass(frozen=True)
class Case:
    """Weights in the order in which a decoder brings them, and the phrases that they are cut into."""

    name: str
    text: Int64Array
    phrase: int
    decoders: int = 1


def sparse(part: float, seed: int, bits: int = 4) -> Int64Array:
    """Weights of any value, the part ``part`` of them zeros."""
    rng = np.random.default_rng(seed)
    half = 1 << (bits - 1)
    text = rng.integers(-half, half, WEIGHTS) * (rng.random(WEIGHTS) >= part)
    text[[40, 900]] = -half, half - 1
    return text


def in_runs(*lengths: int) -> Int64Array:
    """Runs of zeros of these lengths, in turn, a weight behind each."""
    text = np.zeros(WEIGHTS, np.int64)
    ends = np.cumsum(np.resize(np.array(lengths) + 1, WEIGHTS)) - 1
    text[ends[ends < WEIGHTS]] = np.resize([-8, 7, 3], int((ends < WEIGHTS).sum()))
    return text


def around_tiles() -> Int64Array:
    """A run up to the end of a tile, one over its end, one over a whole tile, one up to the end of the pass."""
    text = np.resize([-8, 7, 1, -3, 5], WEIGHTS)
    for first, last in ((TILE - 9, TILE), (2 * TILE - 20, 2 * TILE + 13), (4 * TILE - 1, 5 * TILE + 1), (-7, WEIGHTS)):
        text[first:last] = 0
    return text


def rare_weights() -> Int64Array:
    """Each of 248 weights once, one behind the other, then eight others in turn: the longest codes in a row."""
    return np.concatenate([np.arange(-128, 120), np.resize(np.arange(120, 128), WEIGHTS - 248)])


def apart() -> Int64Array:
    """The first half of every word without a zero, the other half nothing but zeros."""
    words = np.resize([-8, 7, 1, -3, 5], WEIGHTS).reshape(-1, PE * SIMD)
    words[:, PE * SIMD // 2 :] = 0
    return words.ravel()


CASES = (
    Case("dense", sparse(0.0, 0), 2),
    Case("half", sparse(0.5, 1), 3, 2),
    Case("most", sparse(0.8, 2, bits=3), 4),
    Case("pruned", sparse(0.9, 3), 8, 4),
    Case("scarce", sparse(0.99, 4, bits=6), 32),
    Case("wide", sparse(0.9, 5, bits=8), 6, 2),
    Case("none", np.zeros(WEIGHTS, np.int64), 32),
    Case("alone", np.full(WEIGHTS, 5), 7),
    Case("tiles", around_tiles(), 16),
    Case("runs", in_runs(0, 1, 30, 31, 32, 33, 63, 64), 32),
    Case("rare", rare_weights(), 2),
    Case("apart", apart(), 6, 2),
    Case("equal", np.resize(np.arange(-8, 8), WEIGHTS), 16),
)


def made_of(cases: tuple[Case, ...]) -> Design:
    """A chain with a layer for each case."""
    rng, layers, source, kind = np.random.default_rng(0), [], "z", Z
    for case in cases:
        blocks = case.text.reshape(CHANNELS // PE, CHANNELS // SIMD, PE, SIMD)
        values = blocks.transpose(0, 2, 1, 3).reshape(1, CHANNELS, CHANNELS)
        layers.append(linear_layer(rng, case.name, source, dense(CHANNELS, CHANNELS), kind, values=values))
        source, kind = case.name, layers[-1].output_type
    away = {case.name: OffChip(1, 32, case.decoders, case.phrase) for case in cases}
    return design(chain("decoders", (1, 1, CHANNELS), Z, layers), [Folding(PE, SIMD, 1)] * len(cases), off_chip=away)


@dataclass(frozen=True)
class Stream:
    """A decoder of a case."""

    engine: LinearEngine
    number: int

    @property
    def name(self) -> str:
        return f"{self.engine.layer.name}_{self.number}"

    @property
    def coded(self) -> HuffmanStreams:
        assert self.engine.huffman is not None
        return self.engine.huffman

    @cached_property
    def chunks(self) -> list[int]:
        """Those of a pass."""
        return np.frombuffer(self.engine.stream_contents()[self.number], "<u2").tolist()

    @cached_property
    def wanted(self) -> Int64Array:
        """The symbols of a pass: part ``number`` of every word."""
        return np.split(symbols(self.engine.weights), len(self.coded.streams), axis=1)[self.number].ravel()

    @property
    def dropped(self) -> int:
        """Chunks of a pass behind the last that has bits of the code."""
        return len(self.chunks) - -(-self.coded.streams[self.number].size // CHUNK_BITS)


DESIGN = made_of(CASES)
ENGINES = [engine for engine in DESIGN.engines if isinstance(engine, LinearEngine)]
STREAMS = [Stream(engine, n) for engine in ENGINES for n in range(len(engine.stream_beats))]


def instance(stream: Stream, kind: str, folder: Path, done: int) -> str:
    """An instance of the bench, of the parameters that the emitted RTL has."""
    decoder = linear_context(stream.engine)["off_chip"]["decoders"][stream.number]
    shared = ("MaxLen", "Symbols", "IndexBits", "PassChunks", "Limits", "Bases", "File")
    own = {name: decoder["huffman"][name] for name in shared} | decoder["expand"]
    own |= {"PhraseBits": decoder["huffman"]["SymbolBits"], "Passes": PASSES, "Stall": int(kind == "stalls")}
    chunks = f"{stream.name}.wrong.chunks" if kind == "wrong" else f"{stream.name}.chunks"
    own |= {"ChunkFile": f'"{folder / chunks}"', "OutFile": f'"{folder / stream.name}.{kind}.txt"'}
    parameters = ", ".join(f".{name}({value})" for name, value in own.items())
    return f"  decoder_bench #({parameters}) u_{stream.name}_{kind} (.clk_i, .rst_ni, .done_o(done[{done}]));\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What decoders are fed with, and the same with a wrong chunk in the second pass."""
    found = tmp_path_factory.mktemp("decoders")
    for stream in STREAMS:
        chunks = stream.chunks * PASSES
        (found / f"{stream.name}.chunks").write_text("".join(f"{chunk:x}\n" for chunk in chunks))
        chunks[len(stream.chunks) * 3 // 2] ^= 0xFFFF
        (found / f"{stream.name}.wrong.chunks").write_text("".join(f"{chunk:x}\n" for chunk in chunks))
    return found


def check_wrong(found: Int64Array, stream: Stream) -> None:
    """The pass with the wrong chunk alone may have wrong symbols, as many as it should."""
    first, _, last = found.reshape(PASSES, -1)
    np.testing.assert_array_equal(first, stream.wanted, err_msg=stream.name)
    np.testing.assert_array_equal(last, stream.wanted, err_msg=stream.name)


def test_the_cases_are_what_they_should_be() -> None:
    """Among them a code of one word, hundreds of long words in a row, and a stream without a run."""
    codes = {engine.layer.name: engine.huffman for engine in ENGINES}
    lengths = {name: found.code.lengths.tolist() for name, found in codes.items() if found is not None}
    assert lengths["none"] == [1]
    assert sum(length >= 11 for length in lengths["rare"]) >= 240
    assert [stream.coded.counts[stream.number] == stream.coded.symbols for stream in STREAMS].count(True) == 1


def test_rtl(folder: Path) -> None:
    """Every symbol, each in the clock after the one before in its pass; and the same where both sides pause."""
    rtl = write_rtl(DESIGN, folder)
    cases = [(stream, kind) for stream in STREAMS for kind in ("fast", "stalls", "wrong")]
    body = "".join(instance(stream, kind, folder, n) for n, (stream, kind) in enumerate(cases))
    ports = "input logic clk_i, input logic rst_ni, output logic done_o"
    top = f"module top ({ports});\n  logic [{len(cases) - 1}:0] done;\n  assign done_o = &done;\n{body}endmodule\n"
    (folder / "top.sv").write_text(f'`define GAN2HLS_MEM_DIR "{rtl}/mem/"\n{top}')
    lib = template_root() / "rtl" / "lib"
    sources = [lib / f"g2h_{name}.sv" for name in ("credit", "fifo", "rom", "huffman", "expand")]
    files = [str(path) for path in (*sources, HERE / "decoder_bench.sv", folder / "top.sv")]
    made = folder / "obj"
    _run(
        ["verilator", "--cc", "--prefix", "Vtop", "--Mdir", str(made), *VERILATOR_FLAGS, "--top-module", "top", *files]
    )
    _build(made, folder, HERE / "decoder_main.cpp")
    done = subprocess.run([str(made / "Vtop")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    for stream, kind in cases:
        clocks, found = np.loadtxt(folder / f"{stream.name}.{kind}.txt", np.int64).T
        if kind == "wrong":
            check_wrong(found, stream)
            continue
        np.testing.assert_array_equal(found, np.tile(stream.wanted, PASSES), err_msg=stream.name)
        if kind == "fast":
            clocks = clocks.reshape(PASSES, -1)
            assert (np.diff(clocks) == 1).all(), stream.name
            assert (clocks[1:, 0] - clocks[:-1, -1] - 1 <= 2 + stream.dropped).all(), stream.name


def test_hls(folder: Path) -> None:
    """Every symbol, of as many chunks and phrases as there are."""
    pytest.importorskip("hls4ml")
    hls = write_hls(DESIGN, folder)
    layers, lines = [], []
    for engine in ENGINES:
        view = layer_view(engine, *DESIGN.edges_into(engine))
        layers.append(f'#include "layers/{engine.layer.name}.hpp"\n')
        pairs = zip(*([p for p in view.processes if p.kind == kind] for kind in ("huffman", "expand")), strict=True)
        for n, (first, second) in enumerate(pairs):
            sizes = ", ".join((*first.arguments[1:], str(first.sink.bits), str(second.sink.bits)))
            assert second.arguments[1] == first.arguments[1]
            lines.append(f'CASE({view.scope}::config, "{folder}/{engine.layer.name}_{n}", {sizes})\n')
    (folder / "cases.h").write_text("".join(layers))
    (folder / "cases.inc").write_text("".join(lines))
    command = ["g++", *QUICK, f"-I{folder}", f"-I{hls}", f"-I{hls}/lib/csim", "-isystem", str(ap_types_folder())]
    _run([*command, str(HERE / "decoders.cpp"), "-o", str(folder / "decoders")])
    _run([str(folder / "decoders")])
    for stream in STREAMS:
        found = np.loadtxt(folder / f"{stream.name}.cpp.txt", np.int64)
        np.testing.assert_array_equal(found, np.tile(stream.wanted, PASSES), err_msg=stream.name)
        check_wrong(np.loadtxt(folder / f"{stream.name}.wrong.cpp.txt", np.int64), stream)


@pytest.mark.parametrize("name", sampled(["wide", "runs", "pruned", "scarce"], 2))
def test_they_take_what_is_estimated(name: str, tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    stream = next(stream for stream in STREAMS if stream.engine.layer.name == name)
    rtl, coded = write_rtl(DESIGN, tmp_path), stream.coded
    code, phrases, count = coded.code, coded.phrases, coded.counts[0]
    decoder = linear_context(stream.engine)["off_chip"]["decoders"][0]
    own = decoder["huffman"] | {"File": f'"{rtl}/mem/{name}_symbols.mem"'}
    lengths = len(set(code.lengths.tolist()))
    estimate = fabric.huffman(SERIES_7, CHUNK_BITS, code.longest, lengths, phrases.bits, len(code.symbols), count)
    check_cells("huffman", ("rom", "credit", "fifo"), own, estimate, tmp_path)
    estimate = fabric.expand(phrases.symbol_bits, phrases.zero_bits, coded.symbols, count)
    check_cells("expand", (), decoder["expand"], estimate, tmp_path)


def check_cells(
    name: str, others: tuple[str, ...], parameters: dict[str, int | str], estimate: Resources, folder: Path
) -> None:
    """A module alone takes the LUTs and flip-flops that are estimated within a fifth, and exactly the block RAMs."""
    lib, top = template_root() / "rtl" / "lib", f"g2h_{name}"
    values = " ".join(f"-G {parameter}={str(value).replace(' ', '')}" for parameter, value in parameters.items())
    files = " ".join(str(lib / f"g2h_{module}.sv") for module in (name, *others))
    cells = mapped(f"read_slang -j 1 --top {top} {values} {files}", f"synth_xilinx -flatten -top {top}", top, folder)
    assert cells.get("RAMB18E1", 0) + 2 * cells.get("RAMB36E1", 0) == estimate.bram18
    luts, registers = counted(cells)
    assert 0.8 * luts <= estimate.lut <= 1.2 * luts
    assert 0.8 * registers <= estimate.ff <= 1.2 * registers
