"""Limbs and fields of words: as the open headers keep them, and as ranges of bits, against integers of Python."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from gan2hls.verify.csim import ap_types_folder
from tests.sampling import sampled

LIB = Path(__file__).parents[4] / "templates/hls/lib"

PROGRAM = """
#include "types.hpp"
{undefined}
#include "bits.hpp"
#include <cstdio>
#include <cstdlib>

using namespace gan2hls;

template <int WIDTH>
void print(const ap_uint<WIDTH>& word) {{
    uint64_t limbs[limbs_of(WIDTH)];
    to_limbs<WIDTH>(word, limbs);
    for (int n = 0; n < limbs_of(WIDTH); ++n) std::printf("%016llx ", (unsigned long long)limbs[n]);
    std::printf("\\n");
}}

int main(int, char** given) {{
    uint64_t limbs[limbs_of({width})];
    for (int n = 0; n < limbs_of({width}); ++n) limbs[n] = std::strtoull(given[1 + n], 0, 16);
    ap_uint<{width}> word = 0;
    from_limbs<{width}>(limbs, word);
    print(word);
    print(ap_uint<{width}>(word + 1));  // a carry goes through all limbs, and is lost at the top
    ap_uint<{low}> part = word;
    ap_uint<{width}> joined = part;
    put_above<{low}, {bits}>(joined, std::strtoull(given[1 + limbs_of({width})], 0, 16));
    print(joined);
    shift_down<{low}>(joined);
    print(joined);
    put_part<{bits}>(joined, part);
    print(joined);
}}
"""

#: Prints COUNT fields of BITS bits, as signed and as unsigned numbers, of the limbs that it is given.
NUMBERS = """
#include "types.hpp"
{undefined}
#include "bits.hpp"
#include <cstdio>
#include <cstdlib>

using namespace gan2hls;

template <int BITS, bool SIGNED, int COUNT>
void print(char** given) {{
    uint64_t limbs[limbs_of(BITS * COUNT)];
    for (int n = 0; n < limbs_of(BITS * COUNT); ++n) limbs[n] = std::strtoull(given[1 + n], 0, 16);
    int64_t found[COUNT];
    numbers<BITS, SIGNED, COUNT>(limbs, -3, found);
    for (int n = 0; n < COUNT; ++n) std::printf("%lld ", (long long)found[n]);
    std::printf("\\n");
}}

int main(int, char** given) {{
{calls}
}}
"""


def compiled(text: str, folder: Path) -> Path:
    (folder / "main.cpp").write_text(text)
    subprocess.run(
        ["g++", "-std=c++14", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", f"-I{LIB}",
         f"-I{LIB / 'csim'}", "-isystem", str(ap_types_folder()), str(folder / "main.cpp"), "-o", str(folder / "main")],
        check=True,
    )  # fmt: skip
    return folder / "main"


def told(program: Path, raw: bytes, *more: str) -> list[str]:
    """Return the lines that ``program`` prints of a word, given as limbs."""
    limbs = [f"{int.from_bytes(raw[at : at + 8], 'little'):x}" for at in range(0, len(raw), 8)]
    return subprocess.run([program, *limbs, *more], check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("undefined", ["", "#undef GAN2HLS_OPEN_AP_TYPES"], ids=["open", "ranges"])
@pytest.mark.parametrize(
    ("width", "low", "bits"), sampled([(24, 9, 15), (72, 60, 12), (200, 1, 64), (64, 40, 20), (144, 128, 16)], 3)
)
def test_limbs_are_those_of_the_number(width: int, low: int, bits: int, undefined: str, tmp_path: Path) -> None:
    program = compiled(PROGRAM.format(undefined=undefined, width=width, low=low, bits=bits), tmp_path)
    count = -(-width // 64)
    for raw in (b"\xff" * 8 * count, np.random.default_rng(width).bytes(8 * count)):
        number = int.from_bytes(raw, "little")
        above = number >> 3 & ((1 << bits) - 1)
        lines = told(program, raw, f"{above:x}")
        found = [sum(int(limb, 16) << 64 * n for n, limb in enumerate(line.split())) for line in lines]
        kept = number % (1 << width)
        part = kept % (1 << low)
        assert found == [kept, (kept + 1) % (1 << width), part | above << low, above, above | part << bits]


@pytest.mark.slow
@pytest.mark.parametrize("undefined", ["", "#undef GAN2HLS_OPEN_AP_TYPES"], ids=["open", "ranges"])
def test_numbers_are_the_fields_of_the_word(undefined: str, tmp_path: Path) -> None:
    cases = [(bits, count) for bits in (1, 2, 3, 4, 5, 7, 8, 10, 12, 16, 17, 31, 32, 40) for count in (1, 7, 64, 70)]
    signs = ((True, "true"), (False, "false"))
    calls = [f"    print<{bits}, {sign}, {count}>(given);" for bits, count in cases for _, sign in signs]
    program = compiled(NUMBERS.format(undefined=undefined, calls="\n".join(calls)), tmp_path)
    raw = np.random.default_rng(7).bytes(8 * 44)  # 70 fields of 40 bits
    number, lines = int.from_bytes(raw, "little"), iter(told(program, raw))
    for bits, count in cases:
        fields = [number >> bits * n & ((1 << bits) - 1) for n in range(count)]
        for signed, _ in signs:
            wanted = [field - (1 << bits if signed and field >> (bits - 1) else 0) - 3 for field in fields]
            assert [int(word) for word in next(lines).split()] == wanted, (bits, count, signed)
