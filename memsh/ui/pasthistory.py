"""The history of what was typed: a file of the XDG state folder, which several memsh may share.

Each line is appended as it is typed, so nothing that another memsh wrote is lost; a session sees its own lines and
those that were there when it began. A file that has grown to twice the wanted size is cut to it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from memsh.shell.hostread import check_regular


class SafeHistory(FileHistory):
    """A history file whose trouble is told once and then lived without."""

    def __init__(self, filename: str, most: int = 10_000) -> None:
        super().__init__(filename)
        self.broken = False
        self.most = most
        self.expanded: Callable[[str], str] = str  # what `!!` stood for is kept, not `!!`

    def load_history_strings(self) -> Iterable[str]:
        try:
            found = list(super().load_history_strings())  # the newest first
        except OSError:
            return []
        if len(found) > 2 * self.most:
            self._cut(found[: self.most])
        return found[: self.most]

    def _cut(self, found: list[str]) -> None:
        """Write the file anew with the newest lines; whoever appends meanwhile opens the new one."""
        with contextlib.suppress(OSError):
            new = Path(f"{self.filename!s}.{os.getpid()}")
            new.write_text("".join("\n" + "".join(f"+{line}\n" for line in one.split("\n")) for one in reversed(found)),
                           "utf-8", "surrogateescape")  # fmt: skip
            new.replace(str(self.filename))

    def append_string(self, string: str) -> None:
        super().append_string(self.expanded(string))

    def store_string(self, string: str) -> None:
        if self.broken:
            return
        try:
            super().store_string(string)
        except OSError as error:
            self.broken = True
            sys.stderr.write(f"memsh: {self.filename!s}: {error.strerror}; the history is kept in memory only\n")


def open_history(name: str, most: int = 10_000) -> tuple[History, str]:
    """The history and a complaint (empty if all is well). `name` is --history-file, "" for the usual place."""
    if not name:
        from platformdirs import user_state_path  # start-up: 4 ms, where a file of the user's is looked for

        path = user_state_path("memsh") / "history"
    else:
        path = Path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            check_regular(path)  # a pipe would wait for a reader
        with path.open("ab"):
            pass
    except OSError as error:
        return InMemoryHistory(), f"memsh: {path}: {error.strerror}; the history is kept in memory only\n"
    return SafeHistory(str(path), most), ""


