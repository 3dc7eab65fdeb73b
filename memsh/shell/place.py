"""Where a reader of the language stands in a text, and what it says when it does not understand it.

No known deviations.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NoReturn

from memsh.shell.errors import Incomplete, SyntaxFault


class Place:
    """`text`, whose first line has number `first`, and the offset `pos` in it."""

    def __init__(self, text: str, first: int = 1) -> None:
        self.text = text
        self.size = len(text)
        self.pos = 0
        self.first = first
        self._ends: list[int] | None = None

    def line_of(self, pos: int) -> int:
        if self._ends is None:
            self._ends = [match.start() for match in re.finditer("\n", self.text)]
        return bisect_right(self._ends, pos - 1) + self.first

    def column(self, pos: int) -> int:
        return pos - self.text.rfind("\n", 0, pos)

    def wrong(self, message: str, pos: int, incomplete: bool = False) -> SyntaxFault:
        return (Incomplete if incomplete else SyntaxFault)(message, self.line_of(pos), self.column(pos))

    def fault(self, message: str, pos: int, incomplete: bool = False) -> NoReturn:
        raise self.wrong(message, pos, incomplete)
