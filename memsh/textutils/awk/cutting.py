"""How awk cuts a text: at what FS or split() say, or into the pieces that FPAT describes (gawk's field.c)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from memsh.textutils.regexp import Regexp

_WORD = re.compile(r"[^ \t\n]+")
Pieces = list[str]


class Cutter(NamedTuple):
    """`pieces(text)`, and `gapped(text)`: the pieces and what stood between them, 1 behind the first."""

    pieces: Callable[[str], Pieces]
    gapped: Callable[[str], tuple[Pieces, dict[int, str]]]

    def __call__(self, text: str) -> Pieces:
        return self.pieces(text)


def blanks(text: str) -> Pieces:
    """Cut at blanks, tabs and newlines. str.split() would cut at other control characters too."""
    return text.split() if text.isascii() and text.isprintable() else _WORD.findall(text)


def _blank_gaps(text: str) -> tuple[Pieces, dict[int, str]]:
    pieces: Pieces = []
    gaps: dict[int, str] = {}
    place = 0
    for match in _WORD.finditer(text):
        if pieces or match.start():
            gaps[len(pieces)] = text[place : match.start()]
        pieces.append(match[0])
        place = match.end()
    if place < len(text):
        gaps[len(pieces)] = text[place:]
    return pieces, gaps


def cut(found: Regexp, text: str, gaps: dict[int, str] | None = None) -> Pieces:
    """The pieces between the matches, which go into `gaps`; what matches the empty text cuts nothing."""
    pieces: Pieces = []
    if not text:
        return pieces
    place = 0
    for match in found.finditer(text):
        start, end = match.start(), match.end()
        if end > start:
            pieces.append(text[place:start])
            if gaps is not None:
                gaps[len(pieces)] = text[start:end]
            place = end
    pieces.append(text[place:])
    return pieces


def _cut_gaps(found: Regexp, text: str) -> tuple[Pieces, dict[int, str]]:
    gaps: dict[int, str] = {}
    return cut(found, text, gaps), gaps


def _between(mark: str) -> Callable[[str], tuple[Pieces, dict[int, str]]]:
    def gapped(text: str) -> tuple[Pieces, dict[int, str]]:
        pieces = text.split(mark) if text and mark else list(text)
        return pieces, dict.fromkeys(range(1, len(pieces)), mark)

    return gapped


AT_BLANKS = Cutter(blanks, _blank_gaps)
LETTERS = Cutter(list, _between(""))


def at_mark(mark: str) -> Cutter:
    """Cut at each of one character."""
    return Cutter(lambda text: text.split(mark) if text else [], _between(mark))


def at_matches(found: Regexp) -> Cutter:
    return Cutter(lambda text: cut(found, text), lambda text: _cut_gaps(found, text))


def contents(found: Regexp, text: str) -> tuple[Pieces, Pieces]:
    """The matches themselves, and what stands before, between and behind them. An empty match is a piece only where no
    longer one ended just before."""
    pieces: Pieces = []
    gaps: Pieces = []
    place = 0
    for match in found.finditer(text) if text else ():
        start, end = match.start(), match.end()
        gaps.append(text[place:start])
        pieces.append(text[start:end])
        place = end
    return pieces, [*gaps, text[place:]]


def widths_of(spelled: str) -> list[tuple[int, int | None]]:
    """FIELDWIDTHS: how much is skipped before each field, and how long it is; None for the rest of the line (`*`).
    ValueError if it is none."""
    found: list[tuple[int, int | None]] = []
    words = spelled.split()
    for at, word in enumerate(words):
        match = re.fullmatch(r"(?:([0-9]+):)?([0-9]+|\*)", word)
        if match is None or match[2] == "0":
            raise ValueError(f"invalid FIELDWIDTHS value, for field {at + 1}, near `{word}'")
        if match[2] == "*" and at != len(words) - 1:
            raise ValueError("`*' must be the last designator in FIELDWIDTHS")
        found.append((int(match[1] or 0), None if match[2] == "*" else int(match[2])))
    return found


def by_widths(widths: list[tuple[int, int | None]], text: str) -> Pieces:
    """The fields of fixed widths that a text has."""
    found, place, size = [], 0, len(text)
    for skip, width in widths:
        place += skip
        if place >= size:
            break
        found.append(text[place:] if width is None else text[place : place + width])
        if width is None:
            break
        place += width
    return found
