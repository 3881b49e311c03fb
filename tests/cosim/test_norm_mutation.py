"""A bit of a memory or a constant is wrong where a design normalizes, and the rtl step names the layer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import gan2hls
from gan2hls.emit.bench import emit_bench
from gan2hls.emit.rtl.files import emit_rtl
from gan2hls.hardware import Design
from gan2hls.model.golden import Golden
from gan2hls.verify import StepResult
from gan2hls.verify.bench import run_bench
from tests.cosim.test_bench_mutation import edited, write_parts
from tests.onnx_models import f32, save

pytest.importorskip("cocotb")
pytestmark = pytest.mark.cosim

RNG = np.random.default_rng(8)
BODY = """
    a = Conv(x, first) n = InstanceNormalization(a, gamma, beta) t = Tanh(n)
    b = Conv<pads = [1, 1, 1, 1]>(t, second) y = InstanceNormalization(b, gamma, beta)
"""
CONSTANTS = {
    "first": f32(RNG, 4, 2, 3, 3),
    "second": f32(RNG, 4, 4, 3, 3),
    "gamma": 1 + f32(RNG, 4) / 4,
    "beta": f32(RNG, 4) / 4,
}
#: Constants of engines of normalizations, one with a table behind its requantizer, one without, and by how much they
#: are wrong.  The zero point that counts is the requantizer's: a mean that is taken away takes the input's with it.
OFF = {
    "l1_norm": (("Count", 1), ("EpsilonLow", 1), ("Fraction", 1), ("Shift", 1), ("Lo", 1), ("Hi", -1)),
    "l3_norm": (("Count", -1), ("Fraction", -1), ("Shift", -1), ("ZeroPoint", 1), ("Hi", -1)),
}
#: Bits of each memory: the least one where all count, else one that moves a code now and then (of a requantizer's
#: multiplier and offset, a sixteenth of a code, of a chord's drop and start), or that asks for rows that never come.
BITS = {
    "l0_conv_need": (3,),
    "l0_conv_release": (0,),
    "l0_conv_requant": (6, 38),
    "l0_conv_weight": (0,),
    "l0_conv_x_taps": (0,),
    "l0_conv_y_taps": (0,),
    "l1_norm_chord": (8, 20),
    "l1_norm_requant": (6, 42),
    "l1_norm_table": (0,),
    "l2_conv_need": (1,),
    "l2_conv_release": (0,),
    "l2_conv_requant": (6, 39),
    "l2_conv_weight": (0,),
    "l2_conv_x_taps": (0,),
    "l2_conv_y_taps": (0,),
    "l3_norm_chord": (8, 20),
    "l3_norm_requant": (6, 45),
}
PORTS = ("s_ready_o", "m_valid_o", "m_data_o")


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Design:
    model = save(tmp_path_factory.mktemp("model"), BODY, (1, 2, 8, 8), CONSTANTS)
    config = {"target": {"dsp": 40}, "verify": {"steps": []}, "precision": {"activation": "int8"}}
    return gan2hls.build(model, config=config, write=False).design


@pytest.fixture(scope="module")
def project(design: Design, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose normalizations have wrong variants, of which a memory of a word chooses one; 0: as emitted."""
    rtl = emit_rtl(design)
    for layer, off in OFF.items():
        name = f"{design.name}_{layer}"
        rtl[f"{name}.sv"] = with_variants(rtl[f"{name}.sv"].decode(), name, layer, off).encode()
        rtl[f"mem/{layer}_variant.mem"] = b"0\n"
    folder = tmp_path_factory.mktemp("normalized")
    write_parts(folder, {"testbench": emit_bench(design, Golden(design.model).run(frames(design))), "rtl": rtl})
    return folder


def frames(design: Design) -> dict[str, np.ndarray]:
    """Return frames of all codes, and some of nearly one code, whose deviations are as small as epsilon."""
    (port,), (quant,) = design.model.inputs, design.model.input_types
    lo, hi = quant.int_type.lo, quant.int_type.hi
    rng = np.random.default_rng(4)
    codes = rng.integers(lo, hi, (8, *port.shape), endpoint=True)
    codes[4:] = hi // 2
    codes[4:, 2, 5, 0] += np.arange(1, 5)
    return {port.name: codes}


def with_variants(text: str, name: str, layer: str, constants: Sequence[tuple[str, int]]) -> str:
    """Return ``text``, the module ``name`` of ``layer``, one for each wrong constant, and what chooses one of them."""
    head = text[text.index(f"module {name}") : text.index(");\n") + 3]
    modules = [text.replace(f"module {name}", f"module {name}_0")]
    modules += [_off(text, *off).replace(f"module {name}", f"module {name}_{n}") for n, off in enumerate(constants, 1)]
    count = len(modules)
    high = re.search(r"\[(\d+):0\] m_data_o", head)
    assert high is not None
    lines = [head, f"  logic [31:0] chosen [0:0];\n  logic [{high[1]}:0] m_data_o_of [0:{count - 1}];\n"]
    lines += [f"  logic {port}_of [0:{count - 1}];\n" for port in PORTS[:2]]
    lines += [f'  initial $readmemh({{`GAN2HLS_MEM_DIR, "{layer}_variant.mem"}}, chosen);\n']
    for n in range(count):
        wires = ", ".join(f".{port}({port}_of[{n}])" for port in PORTS)
        lines.append(f"  {name}_{n} u_{n} (.clk_i, .rst_ni, .s_data_i, .s_valid_i, .m_ready_i, {wires});\n")
    lines += [f"  assign {port} = {port}_of[chosen[0][3:0]];\n" for port in PORTS]
    return "".join([*modules, *lines, "endmodule\n"])


def _off(text: str, constant: str, by: int) -> str:
    changed = re.sub(rf"\.{constant}\((\d+)\)", lambda found: f".{constant}({int(found[1]) + by})", text)
    assert changed != text, constant
    return changed


@pytest.fixture(scope="module")
def work(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    result = simulate(project, folder)
    assert result.status == "passed" and result.mismatches == 0, result
    return folder


def simulate(project: Path, work: Path, test: str = "full_rate") -> StepResult:
    """Run a test of the bench; the simulator is built once, and reads memories when it starts."""
    return run_bench(project, "rtl", work, tests=[test], reuse=True)


def assert_named(result: StepResult, layer: str) -> None:
    """Check that ``layer`` is the one that is told."""
    told = result.first_mismatch or result.reason
    assert result.status == "failed" and re.findall("l[0-9]_[a-z]+", told) == [layer], told


@pytest.mark.parametrize(("memory", "bit"), [(memory, bit) for memory, bits in BITS.items() for bit in bits])
def test_a_bit_of_a_memory(project: Path, work: Path, memory: str, bit: int) -> None:
    with edited(project / "rtl" / "mem" / f"{memory}.mem", lambda text: flipped(text, bit)):
        assert_named(simulate(project, work), memory.rpartition("_")[0].removesuffix("_x").removesuffix("_y"))


def flipped(text: str, bit: int) -> str:
    """Flip ``bit`` of the word in the middle; of a curve, of which a map needs a few words, that of all words."""
    words = text.split()
    for n in range(len(words)) if len(words) > 64 else [len(words) // 2]:
        words[n] = f"{int(words[n], 16) ^ 1 << bit:0{len(words[n])}x}"
    return "\n".join(words) + "\n"


def test_a_row_that_is_computed_before_it_is_there(project: Path, work: Path) -> None:
    """Only where rows come in slowly does it matter that one is granted a row too early."""

    def early(text: str) -> str:
        need = [int(word, 16) for word in text.split()]
        need[len(need) // 2] -= 1
        return "".join(f"{rows:02x}\n" for rows in need)

    with edited(project / "rtl" / "mem" / "l0_conv_need.mem", early):
        assert simulate(project, work).status == "passed"
        assert_named(simulate(project, work, "idle"), "l0_conv")


def test_every_memory_is_looked_at(design: Design) -> None:
    emitted = {Path(path).stem for path in emit_rtl(design) if path.endswith(".mem")}
    assert emitted == set(BITS)


@pytest.mark.parametrize(
    ("layer", "number"), [(layer, n) for layer, off in OFF.items() for n in range(1, len(off) + 1)]
)
def test_a_constant_that_is_off_by_one(project: Path, work: Path, layer: str, number: int) -> None:
    with edited(project / "rtl" / "mem" / f"{layer}_variant.mem", lambda _: f"{number}\n"):
        assert_named(simulate(project, work), layer)
