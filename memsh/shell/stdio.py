"""memsh's own three streams, as whoever started it left them: closed, full, nobody reading."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from memsh.shell.errors import OutputGone
from memsh.shell.visible import visible


def open_streams() -> None:
    """A standard stream that is closed is an empty one to read, and one that takes nothing to write."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        opened = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        setattr(sys, name, open(number, "r" if name == "stdin" else "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def lost(error: OutputGone | OSError) -> tuple[int, str]:
    """(status, words) where standard output takes no more; nothing is said where only nobody reads."""
    _end(sys.stdout)
    why = error.why if isinstance(error, OutputGone) else str(error.strerror or error)
    quiet = not why or isinstance(error, BrokenPipeError)
    return (141, "") if quiet else (1, f"write error: {why}")


def last_words(text: str) -> None:
    """One line of error, if anybody hears it."""
    try:
        if text:
            sys.stderr.write(f"memsh: {visible(text) if sys.stderr.isatty() else text}\n")
        sys.stderr.flush()
    except OSError:
        _end(sys.stderr)


def _end(stream: TextIO) -> None:
    """What is left in a stream that takes no more: let the interpreter's last flush go nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
