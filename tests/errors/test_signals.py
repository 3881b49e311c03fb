"""Ctrl-C and SIGTERM at any moment, and outputs that nobody reads: the documented exit code and no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gan2hls.__main__ import CLOSED_PIPE, INTERRUPTED
from tests.tiny_onnx import save_tiny

#: Says when the console script begins; before that no program of ours is there to answer.
START = "from gan2hls.__main__ import main; print('up', flush=True); main()"


def start(folder: Path, *arguments: str, code: str = START) -> subprocess.Popen[bytes]:
    # SIGINT is ignored below a shell's background job, and children inherit that
    code = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {code}"
    command = [sys.executable, "-c", code, *arguments]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"up\n"
    return process


@pytest.mark.parametrize(
    ("seconds", "number"),
    [
        (0.01, signal.SIGINT),
        (0.05, signal.SIGTERM),
        (0.2, signal.SIGINT),
        (0.5, signal.SIGINT),
        (0.8, signal.SIGTERM),
        (1.5, signal.SIGINT),
        (2.2, signal.SIGTERM),
    ],
)
def test_a_signal_ends_a_build_quietly(tmp_path: Path, seconds: float, number: signal.Signals) -> None:
    save_tiny(tmp_path / "tiny.onnx")
    process = start(tmp_path, "build", "tiny.onnx", "--verify", "float,csim")
    time.sleep(seconds)
    process.send_signal(number)
    _, text = process.communicate(timeout=60)
    assert process.returncode in (0, INTERRUPTED), text
    assert b"Traceback" not in text and b"Exception ignored" not in text, text
    assert process.returncode == 0 or b"interrupted" in text
    output = tmp_path / "hls_out"
    assert {path.name for path in tmp_path.iterdir()} <= {"tiny.onnx", "hls_out"}
    assert not output.exists() or {path.name for path in output.iterdir()} == {"tiny"}


def test_a_signal_ends_the_imports_at_once(tmp_path: Path) -> None:
    slow = "import builtins, time; real = builtins.__import__\n"
    slow += "def late(name, *rest, **more):\n    if name == 'typer': print('importing', flush=True); time.sleep(30)\n"
    slow += f"    return real(name, *rest, **more)\nbuiltins.__import__ = late\n{START}"
    process = start(tmp_path, "--version", code=slow)
    assert process.stdout is not None and process.stdout.readline() == b"importing\n"
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=60)
    assert (process.returncode, text) == (INTERRUPTED, b"error: interrupted\n")


def test_a_signal_while_arguments_are_read_is_told(tmp_path: Path) -> None:
    """Typer ends in exit code 130 then, and says nothing."""
    slow = "import time; from gan2hls.cli import app\nfrom typer.core import TyperGroup\n"
    slow += "def late(*rest, **more):\n    print('reading', flush=True); time.sleep(30)\n"
    slow += f"TyperGroup.make_context = late\n{START}"
    process = start(tmp_path, "--version", code=slow)
    assert process.stdout is not None and process.stdout.readline() == b"reading\n"
    process.send_signal(signal.SIGTERM)
    _, text = process.communicate(timeout=60)
    assert (process.returncode, text) == (INTERRUPTED, b"error: interrupted; nothing is half written\n")


def test_an_interrupt_that_a_callback_cannot_pass_on_comes_again(tmp_path: Path) -> None:
    code = (
        "import signal, time; from gan2hls import __main__, cli\n"
        "class Callback:\n    def __del__(self): signal.raise_signal(signal.SIGINT)\n"
        "def command():\n"
        "    try:\n        x = Callback(); del x; time.sleep(20)\n"
        "    finally: print('cleaned up', flush=True)\n"
        "cli.app = command\nprint('up', flush=True)\n__main__.main()"
    )
    process = start(tmp_path, code=code)
    out, text = process.communicate(timeout=60)
    assert (process.returncode, out, text) == (INTERRUPTED, b"cleaned up\n", b"error: interrupted\n")


def test_an_interrupt_waits_neither_for_a_lock_that_is_lost_nor_for_threads(tmp_path: Path) -> None:
    code = (
        "import os, threading, time; from concurrent.futures import ThreadPoolExecutor\n"
        "from gan2hls import __main__, cli\n__main__._PATIENCE_SECONDS = 2\n"
        "def command():\n"
        "    lock = threading.Lock(); lock.acquire()\n"
        "    try:\n"
        "        with ThreadPoolExecutor(1) as pool:\n"
        "            pool.submit(lock.acquire); os.write(1, b'waits\\n'); time.sleep(50)\n"
        "    except KeyboardInterrupt: raise SystemExit(130)\n"
        "    finally: print('cleaned up', flush=True)\n"
        "cli.app = command\nprint('up', flush=True)\n__main__.main()"
    )
    process = start(tmp_path, code=code)
    assert process.stdout is not None and process.stdout.readline() == b"waits\n"
    process.send_signal(signal.SIGINT)
    out, text = process.communicate(timeout=40)
    told = b"error: interrupted; nothing is half written\n"
    assert (process.returncode, out, text) == (INTERRUPTED, b"cleaned up\n", told)


def test_an_ignored_interrupt_stays_ignored(tmp_path: Path) -> None:
    """As below nohup, or in a shell's background job."""
    ignored = f"signal.signal(signal.SIGINT, signal.SIG_IGN); {START}"
    process = start(tmp_path, "--version", code=ignored)
    process.send_signal(signal.SIGINT)
    out, text = process.communicate(timeout=60)
    assert (process.returncode, text) == (0, b"") and out.startswith(b"gan2hls ")


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["build", "--help"], ["inspect", "tiny.onnx"], ["inspect", "tiny.onnx", "--json"]],
    ids=" ".join,
)
def test_a_closed_pipe_is_no_bug(tmp_path: Path, arguments: list[str]) -> None:
    save_tiny(tmp_path / "tiny.onnx")
    process = start(tmp_path, *arguments)
    assert process.stdout is not None
    process.stdout.close()
    _, text = process.communicate(timeout=60)
    assert (process.returncode, text) == (CLOSED_PIPE, b"")


def test_a_build_is_whole_though_nobody_reads_its_report(tmp_path: Path) -> None:
    save_tiny(tmp_path / "tiny.onnx")
    process = start(tmp_path, "build", "tiny.onnx", "--no-verify")
    assert process.stdout is not None
    process.stdout.close()
    _, text = process.communicate(timeout=60)
    assert (process.returncode, text) == (CLOSED_PIPE, b"")
    assert (tmp_path / "hls_out" / "tiny" / "report.json").is_file()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_an_output_error() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gan2hls", "--version"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 9
    assert done.stderr.startswith(b"error: cannot write the output: ") and b"Traceback" not in done.stderr


def test_their_exit_codes_are_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    assert f"| {INTERRUPTED} | interrupted" in text and f"| {CLOSED_PIPE} | " in text


@pytest.mark.parametrize("handle", [1, 2])
def test_a_stream_that_was_closed_beforehand_is_no_bug(tmp_path: Path, handle: int) -> None:
    command = f'exec "{sys.executable}" -m gan2hls inspect tiny.onnx {handle}>&-'
    save_tiny(tmp_path / "tiny.onnx")
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (b"input z" in done.stdout) == (handle == 2)
