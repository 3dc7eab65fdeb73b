"""Finished text on its way to a terminal: coloured, and paged when it is longer than the screen.

Nothing but the last stage of a pipe comes here, so that pipes, files and scripts see plain text. The colours are
rich's; the text itself is never changed, only styled.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from memsh.shell.io import HostSink
from memsh.shell.visible import visible
from memsh.ui.fold import Row, fitted
from memsh.ui.paint import pieces

if TYPE_CHECKING:
    from rich.style import Style

    from memsh.shell.session import Session
    from memsh.ui.progress import Progress

HELD = 0.05  # seconds


class Rows:
    """The rows of figures that the last command printed, whole, for scrolling sideways."""

    MOST = 1 << 20

    def __init__(self) -> None:
        self.text = ""
        self.cut = False  # some did not fit

    def begin(self) -> None:
        """Another command begins."""
        self.text, self.cut = "", False

    def keep(self, text: str, columns: int) -> None:
        """Remember rows, and whether one of them is too wide."""
        if len(self.text) < self.MOST:
            self.text += text
        if not self.cut:
            self.cut = any(len(line.expandtabs().rstrip()) > columns for line in text.split("\n"))


class Painter:
    """Styles whole lines; loads rich when the first line comes."""

    def __init__(self) -> None:
        self.styles: dict[str, Style] = {}

    def paint(self, line: str) -> str:
        """The line with its escapes; the same text without them."""
        return "".join(self._style(style).render(text) if style else text for style, text in pieces(line))

    def _style(self, name: str) -> Style:
        if name not in self.styles:
            from rich.style import Style  # start-up: 7 ms, for colour alone

            self.styles[name] = Style.parse(name)
        return self.styles[name]


class ScreenSink(HostSink):
    """The terminal as the last stage of a person's command; `color` may be off.

    What a command prints at once is kept back for a twentieth of a second: if that is more than a screen, a pager gets
    it and what follows, until the command ends. Loops and sourced scripts are not paged.
    """

    def __init__(self, stream: TextIO, color: bool, session: Session | None = None) -> None:
        super().__init__(stream)
        self.color = color
        self.session = session
        self.painter = Painter()
        self.pending = ""
        self.pager = "auto"  # auto ($PAGER, or less), off, or a command
        self.progress: Progress | None = None
        self.held: list[tuple[str, int]] = []  # with the column at which its rows end (`cut`)
        self.rows = 0  # held
        self.lock = threading.RLock()
        self.timer: threading.Timer | None = None
        self.streaming = False  # what is written shows at once
        self.reader: subprocess.Popen[bytes] | None = None
        self.is_table: Callable[[], bool] | None = None  # rows of figures are printed: cut at the edge, not wrapped
        self.table = Rows()
        self.reader_cuts = False  # the pager gets rows that fit
        self.columns = 80  # of the terminal, as the last text found it
        self.cut = 0  # the column at which rows end now; 0: what is too wide is folded

    def write(self, text: str) -> None:
        text = visible(text)
        with self.lock:
            self.columns = shutil.get_terminal_size().columns
            self.cut = self.columns if self.is_table is not None and self.is_table() else 0
            if self.cut:
                self.table.keep(text, self.cut)
            if self.reader is not None:
                self._feed(text)
            elif self.streaming or not self._may_page():
                self._release()
                self._show(text)
            else:
                self._hold(text)

    def _may_page(self) -> bool:
        session = self.session
        if self.pager == "off" or self.aside or session is None:
            return False
        return not (session.loops or session.source_depth or session.running_job is not None)

    def _hold(self, text: str) -> None:
        before = self.held.pop()[0] if self.held and self.held[-1][1] == self.cut else ""
        self.held.append((before + text, self.cut))
        self.rows += text.count("\n")
        if self.rows >= shutil.get_terminal_size().lines:
            if self._start_pager():
                return
            self.streaming = True
            self._release()
        elif self.timer is None:
            self.timer = threading.Timer(HELD, self._late)
            self.timer.daemon = True
            self.timer.start()

    def _late(self) -> None:
        """What was kept back long enough is shown, and the rest of the command's text as it comes."""
        with self.lock:
            self.streaming = self.streaming or bool(self.held)
            self._release()
            self.stream.flush()

    def _release(self) -> None:
        self._give(self._show)

    def _give(self, take: Callable[[str], None]) -> None:
        """What was kept back goes to `take`, each text cut as it was to be when it came."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        held, now = self.held, self.cut
        self.held, self.rows = [], 0
        for text, self.cut in held:
            take(text)
        self.cut = now

    def _show(self, text: str) -> None:
        if not self.color and not self.pending and all(len(line) <= self.columns for line in text.split("\n")):
            self._put(text)
            return
        *lines, self.pending = (self.pending + text).split("\n")
        if lines:
            self._put(self.finished(lines))

    def finished(self, lines: list[str], fit: bool = True) -> str:
        """Lines as the terminal gets them: with `fit` rows that have room, figures cut and prose folded; coloured."""
        rows = fitted(lines, self.columns, bool(self.cut)) if fit else [Row(line) for line in lines]
        return "".join((self.painter.paint(row.text) if self.color else row.text) + row.mark + "\n" for row in rows)

    def flush(self) -> None:
        with self.lock:
            if self.reader is None:
                self._release()
                self._settle()
                super().flush()

    def _settle(self) -> None:
        """Write what is left of a line that has no end yet."""
        if self.pending:
            line, self.pending = self.pending, ""
            self._put(self.painter.paint(line) if self.color else line)

    def ended(self) -> None:
        """A command has ended: its pager is waited for."""
        with self.lock:
            reader, self.reader = self.reader, None
            if reader is None:
                self.flush()
            self.streaming = False
        if reader is not None:
            assert reader.stdin is not None
            with suppress(OSError):
                reader.stdin.close()
            while True:
                try:
                    reader.wait()
                    break
                except KeyboardInterrupt:
                    continue
            if self.session is not None:
                self.session.interrupted = False  # the pager's own
            if self.progress is not None:
                self.progress.away = False

    def _start_pager(self) -> bool:
        """Hand what is held to $PAGER (less); False if there is none."""
        try:
            words = shlex.split(os.environ.get("PAGER") or "less -FRX" if self.pager == "auto" else self.pager)
        except ValueError:
            return False
        if not words or shutil.which(words[0]) is None:
            return False
        self._settle()
        self.stream.flush()
        if self.progress is not None:
            self.progress.hold()
        less = words[0].rpartition("/")[2] == "less"  # it scrolls wide rows itself
        self.reader_cuts = not less
        options = os.environ.get("LESS", "FRX") + ("S" if self.cut else "")
        environment = {**os.environ, "LESS": options, "LESSSECURE": "1"}  # less writes no file and runs no program
        try:
            self.reader = subprocess.Popen(words, stdin=subprocess.PIPE, env=environment)
        except OSError:
            return False
        self._give(self._feed)
        return True

    def _feed(self, text: str) -> None:
        """More for the pager. If it has gone, the text goes nowhere: the command still does its work."""
        assert self.reader is not None and self.reader.stdin is not None
        *lines, self.pending = (self.pending + text).split("\n")
        text = self.finished(lines, self.reader_cuts or not self.cut)
        if self.session is not None and self.session.recording is not None:
            self.session.recording.cast.show(text)  # a film shows what the pager got
        with suppress(OSError):
            self.reader.stdin.write(text.encode("utf-8", "surrogateescape"))
            self.reader.stdin.flush()


class ErrorSink(HostSink):
    """Standard error beside a ScreenSink: its text goes to the pager while there is one; long lines are folded."""

    def write(self, text: str) -> None:
        if isinstance(self.first, ScreenSink) and self.first.reader is not None:
            self.first.write(text)
        elif self.terminal:
            for piece in self.pieces(text, "\n"):
                ended = piece.endswith("\n")
                rows = fitted(visible(piece.removesuffix("\n")).split("\n"), shutil.get_terminal_size().columns, False)
                super().write("\n".join(row.text + row.mark for row in rows) + ("\n" if ended else ""))
        else:
            super().write(text)
