"""Golden model and emitted C++ under g++: every layer and the core, integer for integer."""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.base.errors import ToolError, VerificationError
from gan2hls.emit.hls.files import emit_hls
from gan2hls.hardware import Design, Folding, LinearEngine
from gan2hls.model.golden import Golden
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.verify import csim
from gan2hls.verify.csim import CORE, ap_types_folder, check_csim, run_csim, run_outputs
from tests.cosim.hls_chains import QUICK, fold, random_design, write_hls
from tests.randomized import (
    chain,
    conv,
    conv_transpose,
    dense,
    design,
    linear_layer,
    pointwise_layer,
    random_inputs,
    tiny_design,
)
from tests.sampling import sampled

pytestmark = pytest.mark.cosim


def inputs_of(design: Design, frames: int = 3, seed: int = 1) -> dict[str, np.ndarray]:
    return random_inputs(np.random.default_rng(seed), design.model, frames)


def passes(made: Design, tmp_path: Path, frames: int = 3) -> None:
    result = check_csim(write_hls(made, tmp_path), made, inputs_of(made, frames), tmp_path / "work")
    assert result.status == "passed", result
    values = sum(int(np.prod(layer.shape)) for layer in made.model.layers) + int(np.prod(made.model.layers[-1].shape))
    assert (result.frames, result.values, result.mismatches) == (frames, frames * values, 0)


def test_layers_of_a_large_design_have_one_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csim, "is_large", lambda model: True)
    made = random_design(3, layers=4)
    result = check_csim(write_hls(made, tmp_path), made, inputs_of(made, 3), tmp_path / "work")
    sizes = [int(np.prod(layer.shape)) for layer in made.model.layers]
    assert (result.status, result.frames, result.values) == ("passed", 3, sum(sizes) + 3 * sizes[-1])


def test_tiny_design(tmp_path: Path) -> None:
    passes(tiny_design(), tmp_path, frames=5)


@pytest.mark.parametrize("seed", sampled(range(4), 2))
def test_random_chains(seed: int, tmp_path: Path) -> None:
    passes(random_design(seed, layers=12), tmp_path)


def test_exact_widths_and_flat_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Vitis synthesizes has no register wider than its number; what bambu takes is one flat region."""
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, "-DGAN2HLS_EXACT_WIDTHS", "-DGAN2HLS_FLAT"))
    passes(random_design(100, layers=10), tmp_path)


def test_corners(tmp_path: Path) -> None:
    """Pointwise first and last, pixels without taps, unused rows, depthwise, extreme foldings, 2 * IH rows."""
    rng = np.random.default_rng(5)
    z = QuantType(IntType(7, signed=False), 1.0, 100)
    mid = QuantType(IntType(16, signed=True), 1.0, -32768)
    layers = (
        pointwise_layer(rng, "l0", "z", (3, 2, 4), z, table_bits=3),
        linear_layer(rng, "l1", "l0", conv_transpose((3, 2), 4, 6, k=2, s=4, p=0, op=1), z0(rng), out=mid, pieces=2),
        linear_layer(rng, "l2", "l1", conv((11, 7), 6, 6, k=2, s=5, p=0, groups=6), mid, weight_bits=16),
        linear_layer(rng, "l3", "l2", conv_transpose((2, 2), 6, 4, k=1, s=3, p=0), z0(rng, signed=False), out=mid),
        pointwise_layer(rng, "l4", "l3", (4, 4, 4), mid, pieces=1),
    )
    model = chain("corners", (3, 2, 4), z, layers)
    foldings = [Folding(1, 1, 1), Folding(6, 4, 2), Folding(1, 1, 1), Folding(4, 6, 4), Folding(4, 4, 4)]
    made = design(model, foldings)
    engines = tuple(
        replace(e, rows=2 * e.geometry.y.in_size) if isinstance(e, LinearEngine) else e for e in made.engines
    )
    passes(replace(made, engines=engines), tmp_path)


def z0(rng: np.random.Generator, *, signed: bool = True) -> QuantType:
    """The type that the layer before it produces."""
    return QuantType(IntType(8, signed=signed), 1.0)


def test_fields_that_cross_a_limb(tmp_path: Path) -> None:
    """Twelve 5-bit inputs end at bit 60 of a feeder word, so an address of 8 bits lies in two 64-bit limbs."""
    rng = np.random.default_rng(6)
    z = QuantType(IntType(5, signed=False), 1.0)
    layer = linear_layer(rng, "l0", "z", conv((5, 5), 12, 16, k=4, s=1, p=1), z)
    made = design(chain("crossing", (5, 5, 12), z, (layer,)), [Folding(1, 12, 1)])
    assert b"ADDRESS_BITS = 8;" in emit_hls(made)["layers/l0.hpp"]
    passes(made, tmp_path)


def test_converters_through_the_least_common_multiple(tmp_path: Path) -> None:
    """6 elements a beat, then 4, at full pace: their greatest common divisor, 2, would be three times too slow."""
    rng = np.random.default_rng(7)
    z = QuantType(IntType(5, signed=False), 1.0)
    layers = (
        pointwise_layer(rng, "l0", "z", (4, 4, 12), z),
        pointwise_layer(rng, "l1", "l0", (4, 4, 12), z0(rng)),
    )
    made = design(chain("multiple", (4, 4, 12), z, layers), [Folding(6, 6, 6), Folding(4, 4, 4)])
    text = emit_hls(made)["layers/l1.hpp"]
    assert b"gan2hls::widen<2, 48, 32>" in text and b"gan2hls::narrow<3, 32, 48>" in text
    passes(made, tmp_path)


@pytest.mark.parametrize("kind", ["dense", "pointwise"])
def test_single_engine_on_one_pixel(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    z = QuantType(IntType(5, signed=True), 1.0, 3)
    layer = (
        linear_layer(rng, "l0", "z", dense(1, 1), z)
        if kind == "dense"
        else pointwise_layer(rng, "l0", "z", (1, 1, 1), z)
    )
    passes(design(chain("one", (1, 1, 1), z, (layer,)), [Folding(1, 1, 1)]), tmp_path)


def test_run_csim_gives_every_stream(tmp_path: Path) -> None:
    made = fold(np.random.default_rng(2), tiny_design().model)
    codes = inputs_of(made, 2)
    golden = Golden(made.model).run(codes)
    hls = write_hls(made, tmp_path)
    before = sorted(hls.rglob("*"))
    found = run_csim(hls, made, codes, tmp_path / "work")
    assert list(found) == [*(layer.name for layer in made.model.layers), CORE]
    for layer in made.model.layers:
        assert found[layer.name].dtype == np.int64
        np.testing.assert_array_equal(found[layer.name], golden[layer.name])
    np.testing.assert_array_equal(found[CORE], golden[made.model.layers[-1].name])
    outputs = run_outputs(tmp_path, made, tmp_path / "again", codes)
    np.testing.assert_array_equal(outputs[made.model.outputs[0].name], found[CORE])
    assert sorted(hls.rglob("*")) == before, "csim must not write into the project"


L0, L1, L2 = "l0_dense", "l1_conv_transpose", "l2_conv"

#: What is changed: file, old text, new text, the layer that must be named.
MUTATIONS = {
    "weight": (f"weights/{L1}_weight.inc", b"{0x", b"{0x8000000000 ^ 0x", L1),
    "tap": (f"layers/{L1}.hpp", b"Y_WEIGHT[6] = {\n    8, 0", b"Y_WEIGHT[6] = {\n    8, 8", L1),
    "column": (f"layers/{L2}.hpp", b"X_COLUMN[10] = {\n    0,", b"X_COLUMN[10] = {\n    3,", L2),
    "taps of a pixel": (f"layers/{L1}.hpp", b"ROW_COUNT[4] = {\n    1, 2", b"ROW_COUNT[4] = {\n    1, 1", L1),
    "shift": (f"layers/{L0}.hpp", b"SHIFT = ", b"SHIFT = 1 + ", L0),
    "bias": (f"weights/{L2}_offset.inc", b"{", b"{1 + (1 << 20) + ", L2),
    "table": (f"layers/{L2}.hpp", b"TABLE[word]", b"TABLE[word ^ 1]", L2),
    "stream width": (f"layers/{L1}.hpp", b"<ap_uint<136> > accs", b"<ap_uint<128> > accs", L1),
    "element width": (f"layers/{L2}.hpp", b"REQUANT_OUT_BITS = 9", b"REQUANT_OUT_BITS = 2", L2),
    "converter": (f"layers/{L2}.hpp", b"gan2hls::narrow<3, ", b"gan2hls::narrow<2, ", L2),
    "feeder program": (f"layers/{L2}.hpp", b"FEED_CYCLES = ", b"FEED_CYCLES = -1 + ", L2),
}  # fmt: skip


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_mutation_is_found_and_named(mutation: str, tmp_path: Path) -> None:
    path, old, new, layer = MUTATIONS[mutation]
    made = tiny_design()
    hls = write_hls(made, tmp_path, {path: (old, new)})
    result = check_csim(hls, made, inputs_of(made, 20), tmp_path / "work")
    assert result.status == "failed", mutation
    assert result.mismatches > 0
    assert result.first_mismatch is not None
    assert layer in result.first_mismatch, result


def test_mutation_between_layers_is_found_in_the_core(tmp_path: Path) -> None:
    made = tiny_design()
    change = (b"from_l0_dense);\n", b"from_l0_dense);\n    from_l0_dense.write(from_l0_dense.read());\n")
    result = check_csim(write_hls(made, tmp_path, {"tiny.cpp": change}), made, inputs_of(made), tmp_path / "work")
    assert result.status == "failed" and result.first_mismatch is not None
    assert result.first_mismatch.startswith("core: "), result


def test_test_bench_reads_golden_vectors(tmp_path: Path) -> None:
    """``make csim`` passes on golden vectors, TLAST included, and fails when one bit of them is another."""
    made = tiny_design()
    hls = write_hls(made, tmp_path)
    codes = inputs_of(made, 2)
    golden = Golden(made.model).run(codes)
    vectors = tmp_path / "testbench" / "vectors"
    vectors.mkdir(parents=True)
    last = made.engines[-1]
    beats = {"z": (golden["z"], made.engines[0].in_lanes, 8), "l2_conv": (golden["l2_conv"], last.out_lanes, 8)}
    for name, (values, lanes, bits) in beats.items():
        words = [
            sum((int(v) & ((1 << bits) - 1)) << (n * bits) for n, v in enumerate(beat))
            for beat in values.reshape(-1, lanes)
        ]
        (vectors / f"{name}.hex").write_text("".join(f"{word:0{lanes * bits // 4}x}\n" for word in words))
    command = ["make", "-C", str(hls), "csim", f"AP_TYPES={ap_types_folder()}", "CXXFLAGS=-O1"]
    good = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert good.returncode == 0 and "PASSED: 2 frames" in good.stdout, good.stdout + good.stderr
    path = vectors / "l2_conv.hex"
    lines = path.read_text().splitlines()
    lines[7] = f"{int(lines[7], 16) ^ 1:02x}"
    path.write_text("\n".join(lines) + "\n")
    bad = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert bad.returncode != 0 and "frame 0 beat 7" in bad.stdout


def test_dpi_functions(tmp_path: Path) -> None:
    """Beats pushed, a frame run, beats popped: as the SystemVerilog shell does it; a reset forgets half a frame."""
    made = tiny_design()
    hls = write_hls(made, tmp_path)
    library = tmp_path / "dpi.so"
    includes = ["-I", str(hls), "-I", str(hls / "lib/csim"), "-isystem", str(ap_types_folder())]
    sources = [str(hls / "tiny.cpp"), str(hls / "tiny_dpi.cpp")]
    subprocess.run(
        ["g++", *QUICK, "-shared", "-fPIC", *includes, *sources, "-o", str(library)], check=True, timeout=300
    )
    dpi = ctypes.CDLL(str(library))
    codes = inputs_of(made, 2)
    golden = Golden(made.model).run(codes)["l2_conv"].ravel()
    word = ctypes.c_uint * 1
    dpi.tiny_dpi_push(word(0xFFFFFFFF))
    assert dpi.tiny_dpi_run() == 0
    dpi.tiny_dpi_reset()
    popped = []
    for beat in codes["z"].reshape(-1, 3):
        dpi.tiny_dpi_push(word(sum((int(v) & 255) << (8 * n) for n, v in enumerate(beat))))
        available = dpi.tiny_dpi_run()
        for _ in range(available):
            out = word(0)
            dpi.tiny_dpi_pop(out)
            popped.append(int(np.int8(np.uint8(out[0]))))
        assert available in (0, made.engines[-1].out_beats)
    np.testing.assert_array_equal(popped, golden)


def test_missing_tools_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tiny_design()
    hls = write_hls(made, tmp_path)
    monkeypatch.setattr(csim, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match="ap_types"):
        check_csim(hls, made, inputs_of(made), tmp_path / "work")
    monkeypatch.setattr(csim.shutil, "which", lambda name: None)
    with pytest.raises(ToolError, match=r"g\+\+ is missing"):
        check_csim(hls, made, inputs_of(made), tmp_path / "work")


def test_compiler_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tiny_design()
    monkeypatch.setattr(csim, "_COMPILE_SECONDS", 0.01)
    with pytest.raises(ToolError, match="took longer"):
        check_csim(write_hls(made, tmp_path), made, inputs_of(made), tmp_path / "work")


def test_cpp_that_does_not_compile_is_a_failure_not_a_missing_tool(tmp_path: Path) -> None:
    made = tiny_design()
    hls = write_hls(made, tmp_path, {"tiny.cpp": (b"#include", b"int unused_ = nothing;\n#include")})
    with pytest.raises(VerificationError, match="does not compile"):
        run_csim(hls, made, inputs_of(made), tmp_path / "work")
    assert check_csim(hls, made, inputs_of(made), tmp_path / "work").status == "failed"
