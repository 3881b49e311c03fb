"""Limbs of words: as the open headers keep them, and as ranges of bits, against integers of Python."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from gan2hls.verify.csim import ap_types_folder

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
}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("undefined", ["", "#undef GAN2HLS_OPEN_AP_TYPES"], ids=["open", "ranges"])
@pytest.mark.parametrize(
    ("width", "low", "bits"), [(24, 9, 15), (64, 40, 20), (72, 60, 12), (144, 128, 16), (200, 1, 64)]
)
def test_limbs_are_those_of_the_number(width: int, low: int, bits: int, undefined: str, tmp_path: Path) -> None:
    (tmp_path / "main.cpp").write_text(PROGRAM.format(undefined=undefined, width=width, low=low, bits=bits))
    program = tmp_path / "main"
    subprocess.run(
        ["g++", "-std=c++14", "-O1", "-Wno-unknown-pragmas", f"-I{LIB}", f"-I{LIB / 'csim'}", "-isystem",
         str(ap_types_folder()), str(tmp_path / "main.cpp"), "-o", str(program)],
        check=True,
    )  # fmt: skip
    count = -(-width // 64)
    for raw in (b"\xff" * 8 * count, np.random.default_rng(width).bytes(8 * count)):
        number = int.from_bytes(raw, "little")
        above = number >> 3 & ((1 << bits) - 1)
        limbs = [f"{number >> 64 * n & ~(~0 << 64):x}" for n in range(count)]
        told = subprocess.run([str(program), *limbs, f"{above:x}"], check=True, capture_output=True, text=True).stdout
        found = [sum(int(limb, 16) << 64 * n for n, limb in enumerate(line.split())) for line in told.splitlines()]
        kept = number % (1 << width)
        assert found == [kept, (kept + 1) % (1 << width), kept % (1 << low) | above << low]
