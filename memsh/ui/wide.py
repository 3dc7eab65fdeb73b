"""Rows of figures wider than the terminal: cut at its edge when they are printed, scrolled with F6 or Alt-Right.

The bytes stay as they are: a pipe, a file and `--width` know nothing of the cut.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from memsh.ui import live

if TYPE_CHECKING:
    from memsh.shell.session import Session
    from memsh.ui.screen import ScreenSink

_TABLES = re.compile(r"/proc\b|/sys/|\b(?:vmstat|slabtop|pmap|ps|top|free|dmesg)\b")


class Wide:
    """The last command's rows, at the prompt."""

    def __init__(self, session: Session, screen: ScreenSink, follow: bool) -> None:
        self.session, self.screen, self.follow = session, screen, follow
        screen.is_table = self.is_table

    def is_table(self) -> bool:
        """Whether the line that runs prints rows of /proc or of a tool."""
        return bool(_TABLES.search(self.session.line)) or self.session.cwd.startswith(("/proc", "/sys"))

    def begin(self) -> None:
        """A line was typed: forget the rows before; views get the terminal's width as it is now."""
        self.screen.table.begin()
        if self.follow:
            self.session.width = max(20, shutil.get_terminal_size().columns)

    def hint(self) -> str:
        return "F6 scrolls the cut rows  " if self.screen.table.cut else ""

    def bind(self, bindings: KeyBindings) -> None:
        """F6 and Alt-Right."""
        bindings.add("f6")(self._scroll)
        bindings.add("escape", "right")(self._scroll)

    def _scroll(self, event: KeyPressEvent) -> None:
        if self.screen.table.text and live.usable():
            run_in_terminal(self._read)

    def _read(self) -> None:
        live.read(self.session, self.screen.table.text)
