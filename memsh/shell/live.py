"""A live screen as a command describes it, and as the journal remembers it.

A command hands a `View` to `session.live`, which the terminal sets; without a terminal there is none, and the command
prints plain text instead. The screen calls `refresh` after each move of the box's clock and `text` as often as it
draws; what is typed goes to `key`. What a live screen did to the box is told as statements (`sleep 6.0`, `kill 12`)
that replay it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

LEAVE, REFRESH, DRAW = "leave", "refresh", "draw"  # what a key asks for; "" for nothing


class Ask(NamedTuple):
    """A question on the screen's row `row`; `answer` gets the line typed and says what is wrong with it, or ""."""

    question: str
    row: int
    answer: Callable[[str], str]


class View:
    """What a live screen shows. `delay` is the box's seconds between two refreshes; None: it never refreshes.

    `heading` is the row that is drawn reversed (-1: none). `status` ends the screen when it is set.
    """

    delay: float | None = 2.0
    heading = -1
    marks = True  # figures that changed since the last refresh are shown reversed
    permanent = False  # … and stay so
    status: int | None = None
    message_row = -1  # where a complaint is shown; -1 the last row
    ran = ""  # a line that a refresh or a key ran and that changed the box; the screen takes it into the journal

    def refresh(self) -> None:
        """Take the figures."""

    def text(self, width: int, rows: int) -> str:
        """The screen; lines longer than `width` can be scrolled sideways."""
        return ""

    def key(self, key: str) -> str | Ask:
        """A key was pressed: a character, or left, right, up, down, pgup, pgdn, home, end, esc."""
        return LEAVE if key in ("q", "Q") else ""

    def row_key(self, line: str) -> str:
        """What makes this row the same one in the next screen; "" for rows that are not compared."""
        return re.sub(r"[\d.,%]+", "", line).strip()


class Ticker(Protocol):
    """Lines that come one after the other on a terminal, as those of `vmstat 1`."""

    def show(self, text: str) -> bool:
        """Print it with the changed figures marked; False: not to be marked, print it as it is."""

    def wait(self, seconds: float) -> bool:
        """Host and box wait; False when it is to end."""


class Deeds:
    """What one live screen did to the box, in order: µs that passed, and lines that ran."""

    def __init__(self) -> None:
        self.done: list[int | str] = []

    def slept(self, usec: int) -> None:
        if self.done and isinstance(self.done[-1], int):
            self.done[-1] += usec
        else:
            self.done.append(usec)

    def ran(self, line: str) -> None:
        self.done.append(line)

    def script(self) -> str:
        """Statements that do the same again."""
        return "; ".join(f"sleep {deed / 1e6:.6f}" if isinstance(deed, int) else deed for deed in self.done) or "true"


def changed_spans(before: str, after: str) -> list[tuple[int, int]]:
    """Where `after`, a row of figures, has other words than `before`: [start, end) of each."""
    old = before.split()
    spans = []
    for number, word in enumerate(re.finditer(r"\S+", after)):
        if number >= len(old) or old[number] != word[0]:
            spans.append((word.start(), word.end()))
    return spans
