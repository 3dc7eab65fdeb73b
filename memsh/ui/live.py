"""A live screen on a terminal: drawn anew after each move of the box's clock, with keys between.

The alternate screen, so that what was there comes back; raw keys; a change of the window's size draws again. Figures
that changed since the last refresh are reversed. The host waits as long as the box does; a key may cut the wait, and
then the clock moves by the part that passed. What background jobs print meanwhile comes after the screen.

Known deviations: characters are taken to be one cell wide.
"""

from __future__ import annotations

import io as streams
import os
import select
import shutil
import signal
import sys
import termios
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.shell.errors import Interrupted
from memsh.shell.io import HostSink
from memsh.shell.live import DRAW, LEAVE, REFRESH, Ask, Deeds, View, changed_spans
from memsh.shell.visible import visible
from memsh.ui.fold import CUT
from memsh.ui.screen import Painter

if TYPE_CHECKING:
    from memsh.shell.io import IO
    from memsh.shell.session import Session
    from memsh.ui.progress import Progress

STEP = 8  # columns that left and right move
SCREEN = "\x1b[?1049h\x1b[?25l\x1b[2J"  # the alternate one, without a cursor, empty
KEYS = {
    b"\x1b[A": "up", b"\x1b[B": "down", b"\x1b[C": "right", b"\x1b[D": "left", b"\x1bOA": "up", b"\x1bOB": "down",
    b"\x1bOC": "right", b"\x1bOD": "left", b"\x1b[5~": "pgup", b"\x1b[6~": "pgdn", b"\x1b[H": "home",
    b"\x1b[F": "end", b"\x1bOH": "home", b"\x1bOF": "end", b"\x1b[1~": "home", b"\x1b[4~": "end", b"\x1b": "esc",
    b"\r": "enter", b"\n": "enter", b"\x7f": "backspace", b"\x08": "backspace",
}  # fmt: skip


class Keyboard:
    """Keys as they are pressed, without echo; Ctrl-C stays a signal. Ctrl-Z and Ctrl-\\ do nothing meanwhile.

    Whoever stopped memsh and lets it go on (`kill -STOP`, `fg`) finds the keys raw again, and `on` on the terminal.
    """

    def __init__(self, on: str = "") -> None:
        self.fd = sys.stdin.fileno()
        self.on = on.encode()
        self.resized = False

    def __enter__(self) -> Keyboard:
        self.before = termios.tcgetattr(self.fd)
        raw = termios.tcgetattr(self.fd)
        raw[3] &= ~(termios.ECHO | termios.ICANON)
        raw[6][termios.VSUSP] = raw[6][termios.VQUIT] = b"\x00"
        raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
        self.raw = raw
        termios.tcsetattr(self.fd, termios.TCSANOW, raw)
        self.inner, self.outer = os.pipe()
        os.set_blocking(self.outer, False)
        self.handler = signal.signal(signal.SIGWINCH, self._on_resize)
        self.going_on = signal.signal(signal.SIGCONT, self._on_continue)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGCONT, self.going_on)
        signal.signal(signal.SIGWINCH, self.handler)
        os.close(self.inner)
        os.close(self.outer)
        termios.tcsetattr(self.fd, termios.TCSAFLUSH, self.before)

    def _on_resize(self, _signal: int, _frame: FrameType | None) -> None:
        self.resized = True
        os.write(self.outer, b"w")

    def _on_continue(self, number: int, frame: FrameType | None) -> None:
        termios.tcsetattr(self.fd, termios.TCSANOW, self.raw)
        os.write(1, self.on)
        self._on_resize(number, frame)

    def wait(self, session: Session, seconds: float | None) -> str:
        """The next key, "resize", or "" when the time is over. KeyboardInterrupt at Ctrl-C."""
        with session.host_wait():
            ready, _, _ = select.select([self.fd, self.inner], [], [], seconds)
        if self.inner in ready:
            os.read(self.inner, 4096)
            return "resize"
        if self.fd not in ready:
            return ""
        data = os.read(self.fd, 1)
        if not data:
            return "q"  # the terminal is gone
        if data == b"\x1b":
            while len(data) < 8 and select.select([self.fd], [], [], 0.02)[0]:
                data += os.read(self.fd, 1)
                if data in KEYS or (len(data) > 2 and 0x40 <= data[-1] <= 0x7E):
                    break
            return KEYS.get(data, "")
        while len(data) < 4 and data[0] >= 0xC0 and select.select([self.fd], [], [], 0.02)[0]:
            data += os.read(self.fd, 1)
        return KEYS.get(data) or data.decode("utf-8", "replace")


class Display:
    """The alternate screen. What others print while it is up is kept and shown after it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.progress: Progress | None = None
        self.held: list[tuple[HostSink, object, streams.StringIO]] = []

    def __enter__(self) -> Display:
        for sink in {id(sink): sink for sink in (self.session.stdout, self.session.stderr)}.values():
            if isinstance(sink, HostSink) and sink.stream.isatty():
                sink.flush()
                keeper = streams.StringIO()
                self.held.append((sink, sink.stream, keeper))
                sink.stream, sink.aside = keeper, True
            progress = getattr(sink, "progress", None)
            if progress is not None:
                progress.hold()
                self.progress = progress
        self.put(SCREEN)
        return self

    def __exit__(self, *_: object) -> None:
        self.put("\x1b[0m\x1b[H\x1b[J\x1b[?25h\x1b[?1049l")  # cleared first: not every terminal has two screens
        if self.progress is not None:
            self.progress.away = False
        for sink, stream, keeper in self.held:
            sink.flush()
            sink.stream, sink.aside = stream, False  # type: ignore[assignment]
            sink.stream.write(keeper.getvalue())

    def put(self, text: str) -> None:
        """Write to the terminal at once."""
        if self.session.recording is not None:
            self.session.recording.cast.show(text)
        data = text.encode("utf-8", "replace")
        while data:
            data = data[os.write(1, data) :]


def size() -> tuple[int, int]:
    """(columns, rows) of the terminal now."""
    found = shutil.get_terminal_size()
    return max(1, found.columns), max(1, found.lines)


class Reading(View):
    """A text that is only read: up and down by rows and pages, sideways as every live screen."""

    delay = None
    marks = False

    def __init__(self, text: str) -> None:
        self.lines = text.rstrip("\n").split("\n")
        self.top = 0
        self.page = 1

    def text(self, width: int, rows: int) -> str:
        self.page = max(1, rows - 1)
        self.top = max(0, min(self.top, len(self.lines) - self.page))
        shown = self.lines[self.top : self.top + self.page]
        told = f"rows {self.top + 1}-{self.top + len(shown)} of {len(self.lines)}: arrows scroll, q leaves"
        return "\n".join(shown + [""] * (self.page - len(shown)) + [told[:width]])

    def key(self, key: str) -> str | Ask:
        moves = {"up": -1, "k": -1, "down": 1, "j": 1, "enter": 1, "pgup": -self.page, "b": -self.page,
                 "pgdn": self.page, " ": self.page, "home": -len(self.lines), "g": -len(self.lines),
                 "end": len(self.lines), "G": len(self.lines)}  # fmt: skip
        if key in ("q", "Q", "esc"):
            return LEAVE
        self.top += moves.get(key, 0)
        return DRAW


class Player:
    """One live screen while it runs."""

    def __init__(self, session: Session, view: View) -> None:
        self.session, self.view = session, view
        self.painter = Painter()
        self.deeds = Deeds()
        self.shift = 0
        self.old: dict[str, str] = {}  # rows of the refresh before, by their key
        self.new: dict[str, str] = {}
        self.kept: dict[str, list[tuple[int, int]]] = {}
        self.ask: Ask | None = None
        self.typed = ""
        self.note = ""

    def play(self) -> int:
        """Until a key, Ctrl-C or the view ends it. The status."""
        session, view = self.session, self.view
        session.lived.append(self.deeds)
        view.refresh()
        self.record()
        view.text(*size())  # what it refuses is said before the screen changes
        with Keyboard(SCREEN) as keyboard, Display(session) as display:
            try:
                self.draw(display)
                last = time.monotonic()
                while view.status is None:
                    left = None if view.delay is None else max(0.0, last + view.delay - time.monotonic())
                    key = keyboard.wait(session, left)
                    wish = self.typing(key) if self.ask is not None and key not in ("", "resize") else self.wish(key)
                    if wish == LEAVE:
                        break
                    if wish == REFRESH:
                        now = time.monotonic()
                        passed = view.delay if not key and view.delay is not None else now - last
                        last = now
                        self.move(int(passed * 1000) * 1000)
                        view.refresh()
                        self.record()
                        self.old, self.new = self.new, {}
                        self.note = ""
                    if wish:
                        self.draw(display)
            except (KeyboardInterrupt, Interrupted):
                session.interrupted = False
        return view.status or 0

    def wish(self, key: str) -> str:
        """What a key, a resize or the end of the time ("") asks for."""
        if not key:
            return REFRESH
        if key == "resize":
            return DRAW
        if key in ("left", "right"):
            self.shift = max(0, self.shift + (STEP if key == "right" else -STEP))
            return DRAW
        wish = self.view.key(key)
        if isinstance(wish, Ask):
            self.ask, self.typed, self.note = wish, "", ""
            return DRAW
        return wish

    def typing(self, key: str) -> str:
        """A key while a question stands."""
        assert self.ask is not None
        if key == "enter":
            ask, self.ask = self.ask, None
            self.note = ask.answer(self.typed)
            self.record()
            if not self.note:
                self.view.refresh()
        elif key == "esc":
            self.ask = None
        elif key == "backspace":
            self.typed = self.typed[:-1]
        elif len(key) == 1 and key.isprintable():
            self.typed += key
        return DRAW

    def record(self) -> None:
        """What the view ran goes into the journal."""
        if self.view.ran:
            self.deeds.ran(self.view.ran)
            self.view.ran = ""

    def move(self, usec: int) -> None:
        """The box's clock, and jobs, kswapd and writeback with it."""
        if self.session.box is not None and usec:
            before = self.session.box.timer.usec
            try:
                self.session.advance(usec)
            finally:
                self.deeds.slept(self.session.box.timer.usec - before)

    def draw(self, display: Display) -> None:
        """Every row: shifted, cut at the edge, changed figures reversed."""
        columns, rows = size()
        lines = visible(self.view.text(columns, rows)).expandtabs().split("\n")
        if lines and not lines[-1]:
            lines.pop()
        longest = max(map(len, lines), default=0)
        fixed = lines.pop() if isinstance(self.view, Reading) else None  # its last row does not scroll
        self.shift = min(self.shift, max(0, -(-(longest - columns) // STEP) * STEP))
        if self.ask is not None or self.note:
            row = min((self.ask.row if self.ask else self.view.message_row) % rows, rows - 1)
            lines += [""] * (row + 1 - len(lines))
            lines[row] = f"{self.ask.question} {self.typed}_" if self.ask else self.note
        shown = []
        seen: dict[str, int] = {}
        for number, line in enumerate(lines[:rows]):
            spans = self.spans(line, seen) if self.view.marks else []
            if number == self.view.heading:
                spans = [(0, max(len(line), columns))]
                line = line.ljust(columns)
            plain = not spans and not self.shift and number != self.view.heading
            if plain and self.session.color and len(line) <= columns:
                shown.append(self.painter.paint(line))
            else:
                shown.append(render(line, spans, self.shift, columns))
        if fixed is not None:
            shown.append(fixed)
        display.put("\x1b[H" + "\r\n".join(line + "\x1b[K" for line in shown) + "\x1b[J")

    def spans(self, line: str, seen: dict[str, int]) -> list[tuple[int, int]]:
        """The figures of this row that differ from the last refresh."""
        name = self.view.row_key(line)
        if not name:
            return []
        seen[name] = seen.get(name, 0) + 1
        key = f"{seen[name]} {name}"
        self.new[key] = line
        spans = changed_spans(self.old[key], line) if key in self.old else []
        if self.view.permanent:
            kept = self.kept.setdefault(key, [])
            kept[:] = spans = sorted({*kept, *spans})
        return spans


def render(line: str, spans: list[tuple[int, int]], shift: int, columns: int) -> str:
    """The part of a row from column `shift` that fits, `spans` reversed, with marks where it goes on."""
    end = shift + columns
    line = _whole_words(line, shift, end)
    parts: list[str] = []
    at = shift
    for start, stop in spans:
        start, stop = max(start, at), min(stop, end, len(line))
        if start < stop:
            parts += [line[at:start], "\x1b[7m", line[start:stop], "\x1b[0m"]
            at = stop
    parts.append(line[at:end])
    text = "".join(parts)
    if len(line.rstrip()) > end:
        text = _last_cell(text)
    if shift and line[:shift].strip():
        text = _first_cell(text)
    return text


def _whole_words(line: str, shift: int, end: int) -> str:
    """The row without the pieces of words that the edges cut through: half a number is no number."""
    if len(line) > end and line[end - 2 : end].strip() == line[end - 2 : end] and " " in line[shift:end]:
        at = line.rindex(" ", shift, end) + 1
        line = line[:at] + " " * (end - at) + line[end:]
    if shift and line[shift - 1 : shift + 1].strip() == line[shift - 1 : shift + 1] and " " in line[shift:end]:
        at = line.index(" ", shift)
        line = line[:shift] + " " * (at - shift) + line[at:]
    return line


def _last_cell(text: str) -> str:
    tail = "\x1b[0m" if text.endswith("\x1b[0m") else ""
    body = text.removesuffix("\x1b[0m")
    return body[:-1] + CUT + tail


def _first_cell(text: str) -> str:
    head = "\x1b[7m" if text.startswith("\x1b[7m") else ""
    body = text.removeprefix("\x1b[7m")
    return head + "<" + body[1:] if body else "<"


def play(io: IO, view: View) -> int:
    """Show `view` until it is left; the status."""
    return Player(io.session, view).play()


def read(session: Session, text: str) -> None:
    """Let a person scroll through a text, to the right first."""
    player = Player(session, Reading(text))
    player.shift = STEP
    player.play()
    session.lived.clear()


class LineTicker:
    """The lines of `vmstat 1`: figures that differ from the line before are reversed, q ends, space goes on at once."""

    def __init__(self, io: IO) -> None:
        self.io = io
        self.before: list[str] = []
        self.deeds: Deeds | None = None

    def show(self, text: str) -> bool:
        """Rows of figures are compared with the row in the same place of the text before; headings are printed."""
        lines = text.split("\n")
        marked = []
        for number, line in enumerate(lines):
            old = self.before[number] if number < len(self.before) else ""
            same_shape = len(old.split()) == len(line.split()) and any(map(is_digits, old))
            marked.append(render(visible(line), changed_spans(old, line) if same_shape else [], 0, len(line)))
        if any(map(is_digits, text)):
            self.before = lines
        if "\x1b" not in "".join(marked):
            return False
        self.io.control("\n".join(marked))
        return True

    def wait(self, seconds: float) -> bool:
        """Between two lines; KeyboardInterrupt at Ctrl-C."""
        session = self.io.session
        if self.deeds is None:
            self.deeds = Deeds()
            session.lived.append(self.deeds)
        self.io.flush()
        end = time.monotonic() + seconds
        with Keyboard() as keyboard:
            while True:
                key = keyboard.wait(session, max(0.0, end - time.monotonic()))
                if key in ("q", "Q"):
                    return False
                if key in ("", " "):
                    break
        if session.box is not None:
            session.advance(int(seconds * 1_000_000))
            self.deeds.slept(int(seconds * 1_000_000))
        return True


def usable() -> bool:
    """Whether there is a terminal that can be drawn on, and this is the thread that may."""
    return (
        sys.stdin.isatty()
        and sys.stdout.isatty()
        and os.environ.get("TERM", "dumb") != "dumb"
        and threading.current_thread() is threading.main_thread()
    )
