"""How awk cuts its input into records: at newlines, a character, a regular expression, or empty lines (gawk's io.c,
rs1scan, rsrescan, rsnullscan). RS may be given another value between two records: the rest is then cut by that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from memsh.textutils.awk.values import Strong
from memsh.textutils.sources import cuts

if TYPE_CHECKING:
    from memsh.shell.io import Input
    from memsh.textutils.awk.runtime import Runtime
    from memsh.textutils.regexp import Regexp

Same = Callable[[], bool]
Cut = Iterator[tuple[str, str]]  # a record, and what ended it


def is_mark(separator: str) -> bool:
    """Whether a separator is one character that stands for itself, and no regular expression."""
    return len(separator) == 1 and type(separator) is not Strong


class _Reader:
    """An input to which lines can be given back."""

    def __init__(self, source: Input) -> None:
        self.source = source
        self.left: list[str] = []  # what was given back, the next line last

    def __iter__(self) -> Iterator[str]:
        left, readline = self.left, self.source.readline
        while line := left.pop() if left else readline():
            yield line

    def read(self) -> str:
        text = "".join(reversed(self.left)) + self.source.read()
        self.left.clear()
        return text

    def unread(self, text: str) -> None:
        lines = text.split("\n")
        self.left += [line + "\n" * (number > 0) for number, line in enumerate(reversed(lines)) if line or number]


def records(runtime: Runtime, source: Input) -> Iterator[str]:
    """The records of one input; RT is set with each."""
    begun, ended = runtime.cell("RS"), runtime.cell("RT")
    reader = _Reader(source)
    left, readline = reader.left, source.readline
    while True:
        separator = runtime.text(begun[0])
        if separator == "\n":
            line = left.pop() if left else readline()
            if not line:
                return
            if line[-1] == "\n":
                ended[0] = separator
                yield line[:-1]
            else:
                ended[0] = ""
                yield line
            continue
        folded = runtime.ignore_case

        def same(separator: str = separator, folded: bool = folded) -> bool:
            return runtime.text(begun[0]) == separator and runtime.ignore_case == folded

        for record, gap in _cut(runtime, reader, separator, same):
            ended[0] = gap
            yield record
        if same():
            return


def _cut(runtime: Runtime, reader: _Reader, separator: str, same: Same) -> Cut:
    if separator == "":
        return _paragraphs(reader, same)
    if is_mark(separator):
        return _marked(reader, separator, same)
    return _matched(reader, runtime.pattern(separator), same)


def _marked(reader: _Reader, mark: str, same: Same) -> Cut:
    for whole, rest in cuts(reader, mark):
        for at, piece in enumerate(whole, 1):
            yield piece, mark
            if not same():
                reader.unread(mark.join([*whole[at:], rest]))
                return
        if not whole and rest:
            yield rest, ""


def _matched(reader: _Reader, found: Regexp, same: Same) -> Cut:
    text, place = reader.read(), 0
    while place < len(text):
        match = found.search(text, place)
        while match is not None and match.end() == match.start():
            match = found.search(text, match.end() + 1) if match.end() < len(text) else None
        if match is None:
            yield text[place:], ""
            return
        record = text[place : match.start()]
        place = match.end()
        yield record, match[0]
        if not same():
            reader.unread(text[place:])
            return


def _paragraphs(reader: _Reader, same: Same) -> Cut:
    """Blocks of lines, and the newlines that ended each."""
    lines: list[str] = []
    empty = 0
    for line in reader:
        if line == "\n":
            empty += bool(lines)
            continue
        if empty:
            yield "".join(lines)[:-1], "\n" * (empty + 1)
            lines, empty = [], 0
            if not same():
                reader.unread(line)
                return
        lines.append(line)
    if lines:
        text = "".join(lines)
        bare = text.removesuffix("\n")
        yield bare, "\n" * (len(text) - len(bare) + empty)
