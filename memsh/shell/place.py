"""Where a reader of the language stands in a text, and what it says when it does not understand it.

No known deviations.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import NoReturn

from memsh.lazy import regular
from memsh.shell.errors import Incomplete, SyntaxFault

_GOES_ON = regular(r"(?:[^\s'\"\\`#]|(?<=[^\s|&;()<>])#)*\\\n")  # letters without quotes up to a \ at a line's end


class Place:
    """`text`, whose first line has number `first`, and the offset `pos` in it.

    The text behind `pos` may change while it is read: aliases are put in, a backslash that ends a line is taken out.
    """

    def __init__(self, text: str, first: int = 1) -> None:
        self.text = text
        self.size = len(text)
        self.pos = 0
        self.first = first
        self.continued = "\\\n" in text
        self.joints: list[int] = []  # where a \ and the line's end behind it have been taken out
        self._seen, self._line = 0, first  # the place whose line was asked for last, and that line

    def join(self) -> None:
        """Take out each backslash that ends a line inside the token that begins here: it is read in one piece.

        `pos` is outside of single quotes and comments. (bash: parse.y, shell_getc)
        """
        while self.continued and (match := _GOES_ON.match(self.text, self.pos)) is not None:
            at = match.end() - 2
            self.text = self.text[:at] + self.text[at + 2 :]
            self.size -= 2
            insort(self.joints, at)
            self.altered(at)

    def altered(self, pos: int) -> None:
        """The text from `pos` on is another one."""
        if self._seen > pos:
            self._seen, self._line = 0, self.first

    def line_of(self, pos: int) -> int:
        """The number of the line in which `pos` lies. It is asked for in one place after the other, mostly onwards:
        only the ends of lines between the last place and this one are counted."""
        if pos >= self._seen:
            self._line += self.text.count("\n", self._seen, pos)
        else:
            pos = max(pos, 0)
            self._line -= self.text.count("\n", pos, self._seen)
        self._seen = pos
        return self._line + bisect_right(self.joints, pos) if self.joints else self._line

    def column(self, pos: int) -> int:
        joint = bisect_right(self.joints, pos)
        return pos - max(self.text.rfind("\n", 0, pos), self.joints[joint - 1] - 1 if joint else -1)

    def wrong(self, message: str, pos: int, incomplete: bool = False) -> SyntaxFault:
        return (Incomplete if incomplete else SyntaxFault)(message, self.line_of(pos), self.column(pos))

    def fault(self, message: str, pos: int, incomplete: bool = False) -> NoReturn:
        raise self.wrong(message, pos, incomplete)
