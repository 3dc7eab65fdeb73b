"""The lines that a shell of its own has read, and the file that keeps them (readline: history.c; bash: bashhist.c).

A script has none until `set -o history`; one that somebody types at (`bash -i`) begins with those of $HISTFILE and adds
its own to that file when it ends. The session's own prompt has its journal instead.
Known deviations: a command of several lines stays in its lines, as with `shopt -s lithist`; $HISTIGNORE, $HISTSIZE and
$HISTTIMEFORMAT are not heeded, of $HISTCONTROL `erasedups` is not.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from memsh.shell.errors import ShellError
from memsh.shell.histexpand import History

if TYPE_CHECKING:
    from memsh.shell.session import Session


class PastLines:
    """Lines in the order in which they came, numbered from 1."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.fresh = 0  # of the last ones: how many the file does not have
        self.filed = 0  # lines that the file had when it was read
        self.added = False  # the line that runs is the last one
        self.loaded = False  # the file has been read
        self.history = History()

    def copy(self) -> PastLines:
        other = PastLines()
        other.lines, other.fresh, other.filed = list(self.lines), self.fresh, self.filed
        other.added, other.loaded, other.history = self.added, self.loaded, copy(self.history)
        return other

    def add(self, line: str) -> None:
        self.lines.append(line)
        self.fresh += 1

    def begin(self, session: Session) -> None:
        """Those of the file come first."""
        path = session.language.get("HISTFILE")
        if not self.loaded and path:
            self.load(session, path)
        self.loaded = True

    def hears(self, session: Session, line: str) -> None:
        """A line was read: it is kept, if the shell keeps any."""
        language, self.added = session.language, False
        if "history" not in language.options:
            return
        self.begin(session)
        control = (language.get("HISTCONTROL") or "").split(":")
        both = "ignoreboth" in control
        blank = line[:1] == " " and (both or "ignorespace" in control)
        twice = self.lines[-1:] == [line] and (both or "ignoredups" in control)
        self.added = not (blank or twice)
        if self.added:
            self.add(line)

    def forget_own(self) -> None:
        """The line that runs is none of them after all (`history -s`, `fc -s`)."""
        if self.added:
            self.drop(len(self.lines) - 1)
            self.added = False

    def drop(self, place: int) -> None:
        del self.lines[place]
        self.fresh = max(0, self.fresh - 1)

    def clear(self) -> None:
        self.lines.clear()
        self.fresh = 0

    # the file

    def load(self, session: Session, path: str, further: bool = False) -> bool:
        """Add the lines of a file, `further`: those that were not there when it was read before. False if there is
        none."""
        assert session.files is not None
        try:
            lines = session.files.open_read(session, path).read().splitlines()
        except (OSError, ShellError):
            return False
        self.lines += lines[self.filed :] if further else lines
        self.filed = len(lines)
        return True

    def save(self, session: Session, path: str, whole: bool = False) -> bool:
        """Add the fresh lines to a file, or make it hold all of them. False if it cannot be written."""
        assert session.files is not None
        kept = self.lines if whole else self.lines[len(self.lines) - self.fresh :]
        try:
            sink = session.files.open_write(session, path, not whole)
            sink.write("".join(f"{line}\n" for line in kept))
            sink.close()
        except (OSError, ShellError):
            return False
        self.filed = len(kept) if whole else self.filed + len(kept)
        self.fresh = 0
        return True
