"""The stream of C simulation, against a deque: words of any size, many at once, under sanitizers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gan2hls.emit.rendering import static

pytestmark = pytest.mark.cosim

MAIN = """\
#include <cstdio>
#include <cstdlib>
#include <deque>

#include "hls_stream.h"

static long alive = 0;  // words that were made and not destroyed

template <int BYTES>
struct word {
    unsigned char bytes[BYTES];

    explicit word(int value) {
        ++alive;
        for (int n = 0; n < BYTES; ++n) bytes[n] = static_cast<unsigned char>(value + n);
    }
    word(const word& other) {
        ++alive;
        for (int n = 0; n < BYTES; ++n) bytes[n] = other.bytes[n];
    }
    ~word() { --alive; }

    bool is(int value) const {
        for (int n = 0; n < BYTES; ++n) {
            if (bytes[n] != static_cast<unsigned char>(value + n)) return false;
        }
        return true;
    }
};

// Bursts of writes and reads of any length: several blocks of words, one, and none.
template <int BYTES>
bool same() {
    hls::stream<word<BYTES> > tried, other;
    std::deque<int> right;
    int next = 0;
    for (int burst = 0; burst < 60; ++burst) {
        const int most = burst % 3 == 0 ? 3 * 16384 / BYTES + 4 : 5;
        for (int n = std::rand() % most; n > 0; --n) {
            tried.write(word<BYTES>(next));
            right.push_back(next++);
        }
        const std::size_t less = burst % 5 == 0 ? right.size() : right.size() / 2;
        for (std::size_t n = 0; n < less; ++n) {
            const word<BYTES> read = tried.read();
            if (!read.is(right.front())) return false;
            other.write(read);  // in blocks that the first stream gave back
            right.pop_front();
        }
        if (tried.size() != right.size() || tried.empty() != right.empty()) return false;
        for (int at = next - int(right.size()) - int(less); !other.empty(); ++at) {
            if (!other.read().is(at)) return false;
        }
    }
    tried.write(word<BYTES>(1));
    tried.clear();
    if (!tried.empty()) return false;
    tried.write(word<BYTES>(7));
    return tried.read().is(7);
}

int main() {
    if (!same<1>() || !same<7>() || !same<168>() || !same<5000>() || !same<40000>()) return 1;
    if (alive != 0 || hls::abandoned_streams() != 0) return 2;
    {
        hls::stream<word<3> > left;
        for (int n = 0; n < 20000; ++n) left.write(word<3>(n));
    }
    if (alive != 0 || hls::abandoned_streams() != 1) return 3;
    try {
        hls::stream<word<3> > none;
        none.read();
    } catch (const std::runtime_error&) {
        std::puts("passed");
        return 0;
    }
    return 4;
}
"""


@pytest.mark.parametrize("flags", [(), ("-DGAN2HLS_BOUNDED",)])
def test_words_come_as_they_went(tmp_path: Path, flags: tuple[str, ...]) -> None:
    for name, text in static("hls/lib/csim", (".h",)).items():
        (tmp_path / name).write_bytes(text)
    (tmp_path / "main.cpp").write_text(MAIN)
    checks = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all") if not flags else ()
    command = ["g++", "-std=c++14", "-O1", "-Wall", "-Wextra", "-Werror", *checks, *flags, "main.cpp", "-o", "main"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "passed\n"), done.stderr
