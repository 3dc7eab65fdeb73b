"""A picture that stays below the prompt and follows each command (`pane physmap`); F5 hides it and brings it back.

What changed since the command before is reversed, cell by cell: a block that is split, a slab that fills. The picture
is drawn once a command, in as many rows as leave the screen to the prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.teach.displays import run_quietly
from memsh.ui.fold import fitted
from memsh.ui.paint import pieces

if TYPE_CHECKING:
    from memsh.shell.session import Session

Text = list[tuple[str, str]]
STYLES = {
    "dim": "ansibrightblack", "bold": "bold", "reverse": "reverse", "red": "ansired", "green": "ansigreen",
    "yellow": "ansiyellow", "blue": "ansiblue", "magenta": "ansimagenta", "cyan": "ansicyan",
}  # fmt: skip
LEAST, SHARE = 3, 2  # rows of a picture at least, and the part of the screen that it may take


class Pane:
    """The picture of one session's prompt."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.shown = True  # F5
        self.line = ""  # of the picture that `rows` are
        self.rows: list[str] = []
        self.before: list[str] = []
        self.size = (0, 0)

    def follow(self, columns: int, rows: int) -> None:
        """Draw anew: a command has ended, or the window has another size."""
        wanted = self.session.pane
        room = max(LEAST, rows // SHARE - 2)
        if not wanted or self.session.box is None:
            self.line, self.rows, self.before = "", [], []
            return
        width, self.session.width = self.session.width, columns
        try:
            text = run_quietly(self.session, wanted)
        finally:
            self.session.width = width
        drawn = [row.text + row.mark for row in fitted(text.rstrip("\n").split("\n"), columns, True)]
        if len(drawn) > room:
            drawn = [*drawn[: room - 1], f"… {len(drawn) - room + 1} rows more: {wanted}"]
        same = (wanted, (columns, room)) == (self.line, self.size)
        self.before = self.rows if same else drawn
        self.line, self.size, self.rows = wanted, (columns, room), drawn

    def text(self, columns: int, color: bool) -> Text:
        """The picture for prompt_toolkit, a line below another; nothing while it is hidden."""
        found: Text = []
        for number, row in enumerate(self.rows if self.shown else ()):
            old = self.before[number] if number < len(self.before) else ""
            at = 0
            for style, piece in pieces(row[:columns]):
                look = " ".join(STYLES[word] for word in style.split()) if color else ""
                for letter in piece:
                    moved = letter != (old[at] if at < len(old) else " ")
                    found.append((f"{look} reverse".strip() if moved else look, letter))
                    at += 1
            found.append(("", "\n"))
        return joined(found)


def joined(letters: Text) -> Text:
    """Letters of one style put together."""
    found: Text = []
    for style, letter in letters:
        if found and found[-1][0] == style:
            found[-1] = (style, found[-1][1] + letter)
        else:
            found.append((style, letter))
    return found
