"""A line that moves while something takes longer than a second, on a terminal only.

A thread of its own looks at the clock, so that commands need not know: a `for` loop tells how far it is
(session.progress), anything else shows the time that passed. Nothing is drawn while output comes, a live screen is up
or the host waits for a key; whatever is printed next wipes the line first.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from memsh.shell.io import HostSink
from memsh.ui.screen import ScreenSink

if TYPE_CHECKING:
    from memsh.shell.session import Session

AFTER = 1.0  # seconds
EVERY = 0.2
_WIPE = "\r\x1b[K"


class Progress:
    """The line of one terminal. `touch` is told of each output, before it is written."""

    def __init__(self, session: Session, stream: TextIO, fancy: bool = True) -> None:
        self.session = session
        self.stream = stream
        self.fancy = fancy  # the terminal knows how to wipe a line
        self.lock = threading.Lock()
        self.shown = False
        self.away = False
        self.begun = self.quiet = 0.0  # since when something runs, since when nothing was printed

    def touch(self) -> None:
        """Something is about to be printed."""
        with self.lock:
            self.quiet = time.monotonic()
            self._wipe()

    def hold(self) -> None:
        """Another program has the terminal (a pager) until `away` is False again."""
        with self.lock:
            self._wipe()
            self.away = True

    def _wipe(self) -> None:
        if self.shown:
            self.stream.write(_WIPE)
            self.stream.flush()
            self.shown = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around what may take long."""
        if not self.fancy:
            yield
            return
        self.begun = self.quiet = time.monotonic()
        ended = threading.Event()
        worker = threading.Thread(target=self._watch, args=(ended,), daemon=True)
        worker.start()
        try:
            yield
        finally:
            ended.set()
            worker.join()
            with self.lock:
                self._wipe()
            self.session.progress = None

    def _watch(self, ended: threading.Event) -> None:
        wait = AFTER
        while not ended.wait(wait):
            wait = EVERY
            now = time.monotonic()
            with self.lock:
                if now - self.quiet >= AFTER and not self.away and not self.session.busy_elsewhere():
                    self.stream.write(_WIPE + text(self.session.progress, now - self.begun))
                    self.stream.flush()
                    self.shown = True


def text(progress: tuple[str, int, int] | None, seconds: float, columns: int = 0) -> str:
    """`[#####···············]  25%  for: 250 of 1000  3 s  Ctrl-C stops`, cut to the terminal's width."""
    columns = columns or shutil.get_terminal_size().columns
    passed = f"{int(seconds)} s  Ctrl-C stops"
    if progress is not None and progress[2] > 0:
        label, done, whole = progress
        cells = 20 if columns >= 60 else 8
        full = min(cells, cells * done // whole)
        line = f"[{'#' * full}{'.' * (cells - full)}] {100 * done // whole:3d}%  {label}: {done} of {whole}  {passed}"
    else:
        place = int(seconds / EVERY) % 36
        place = min(place, 36 - place)
        line = f"[{'.' * place}##{'.' * (18 - place)}]  {passed}"
    return line[: max(1, columns - 1)]


def for_terminal(session: Session) -> Progress:
    """The progress line of standard error, drawn only where that is a terminal which can wipe a line."""
    fancy = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    made = Progress(session, sys.stderr, fancy)
    for sink in (session.stdout, session.stderr):
        if isinstance(sink, HostSink):
            sink.touched = made.touch
            if isinstance(sink, ScreenSink):
                sink.progress = made
    session.long = made.running
    return made
