"""Text → lines to run. Plain lines cost a few microseconds; all else is memsh.shell.parser's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from memsh.lazy import regular
from memsh.shell.errors import Incomplete
from memsh.shell.parser import Parser, Settings
from memsh.shell.syntax import Line

_CONTINUED = regular(r"(?:^|\n)(?:[^\n#\\]|(?<=[^ \t\n])#|\\.)*\\\n\Z")  # a last \ that is no comment's


def lines(
    text: str, first: int = 1, settings: Callable[[], Settings] | None = None, lenient: bool = False,
    warns: Callable[[str], None] | None = None, heeding: Callable[[], AbstractContextManager[None]] | None = None,
    recalls: Callable[[str], str | None] | None = None,
) -> Iterator[Line]:  # fmt: skip
    """The lines of a script, the first one being line `first` of the whole, each when it is asked for.

    `settings` are asked for before each line is read; `lenient` as Words has it; `warns` hears of what is taken though
    odd; `heeding` is entered while a line is read that is not plain; `recalls` as Parser has it. SyntaxFault with line
    and column; Incomplete if only the end is missing. The lines before were handed out.
    """
    parser = Parser(text, first)
    parser.settings, parser.lenient, parser.heeding = settings, lenient, heeding
    parser.warns, parser.recalls = warns or parser.warns, recalls
    if not lenient and text.endswith("\\\n") and _CONTINUED.search(text):
        at = len(text) - 2
        raise Incomplete("the line goes on after its \\, but nothing follows", parser.line_of(at), parser.column(at))
    return parser.lines()


def parse(text: str, first: int = 1) -> list[Line]:
    """All the lines of a script at once."""
    return list(lines(text, first))
