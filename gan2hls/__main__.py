"""The console script: signals are in hand before the long imports begin, and a closed pipe is no bug.

While nothing has to be cleaned up, Ctrl-C and SIGTERM end the process at once; while a command runs they raise
KeyboardInterrupt instead.  Either way the exit code is 130.

KeyboardInterrupt may come between any two instructions of a library, also where a lock is taken that then nobody gives
back, and threads may be in the middle of long work.  So nothing is waited for too long after it: it comes again.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn, TextIO

#: 128 and the number of SIGINT, whatever the signal was.
INTERRUPTED = 130
#: 128 and the number of SIGPIPE: what a shell shows for a program that writes to nobody.
CLOSED_PIPE = 141
CANNOT_WRITE = 9
#: SIGALRM is our own, see ``_interrupt`` and ``_unraisable``.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
#: Until an interrupt comes again that was lost, and one after which a command still runs.
_AGAIN_SECONDS, _PATIENCE_SECONDS = 0.01, 5


def main() -> NoReturn:
    """Run the command line; every error ends in its documented exit code."""
    handled = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]  # as below nohup
    _handle(handled, _leave)
    sys.stdout, sys.stderr = _stream(sys.stdout, 1), _stream(sys.stderr, 2)
    from gan2hls.cli import app

    sys.unraisablehook = _unraisable
    try:
        try:
            _handle(handled, _interrupt)
            app()
        finally:
            _handle(handled, _leave)
            signal.setitimer(signal.ITIMER_REAL, 0)
            sys.stdout.flush()
            _handle(handled, signal.SIG_IGN)  # all is done; Python's own end would let the signal kill
    except KeyboardInterrupt:  # outside of any command
        _leave(signal.SIGINT, None)
    except SystemExit as end:  # typer makes it of an interrupt, while it reads arguments and when a command is done
        if end.code == INTERRUPTED:
            _tell(b"error: interrupted; nothing is half written\n")
            os._exit(INTERRUPTED)  # Python's own end would wait for threads
        raise
    sys.exit(0)


def _handle(numbers: list[signal.Signals], handler: Any) -> None:
    for number in numbers:
        signal.signal(number, handler)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE_SECONDS)
    raise KeyboardInterrupt


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    _tell(b"error: interrupted\n")
    os._exit(INTERRUPTED)


def _tell(message: bytes) -> None:
    with contextlib.suppress(OSError):
        os.write(2, message)


def _unraisable(found: Any) -> None:
    """Interrupt once more, in a moment, where the first time was in a callback that cannot pass it on."""
    if found.exc_type is KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
    else:
        sys.__unraisablehook__(found)


class _Output(io.FileIO):
    """A standard stream; the process ends when it cannot be written."""

    _closed = False

    def write(self, data: Any, /) -> int:
        """Write ``data``; once nobody reads it, pretend to, so that nothing fails when the process ends."""
        if self._closed:
            return len(data)
        try:
            return super().write(data)
        except OSError as error:
            self._closed = True
            if isinstance(error, BrokenPipeError):
                raise SystemExit(CLOSED_PIPE) from None
            _tell(f"error: cannot write the output: {error.strerror}\n".encode())
            raise SystemExit(CANNOT_WRITE) from None


def _stream(stream: TextIO | None, handle: int) -> TextIO:
    """Return ``stream`` over ``_Output``; a stream that was closed beforehand leads nowhere."""
    if stream is None:
        return open(os.devnull, "w")
    buffer = io.BufferedWriter(_Output(handle, "w", closefd=False))
    line_buffering = handle == 2 or stream.isatty()
    return io.TextIOWrapper(buffer, stream.encoding, stream.errors, line_buffering=line_buffering)


if __name__ == "__main__":
    main()
