"""Text made to fit a terminal: no word and no number is ever broken.

A line of prose that is too long goes on below, indented. Rows of figures first lose blanks that all rows of a block
have in common (`‹` at the end says so), then they end before the first word that does not fit (`…`). What a pipe or a
file gets is never touched. A single word that is longer than the screen is cut where it has a comma, bar or slash, and
only if it has none at the edge itself. No known deviations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

CUT, SQUEEZED = "…", "‹"
_WIDE = re.compile(r"[^\x00-\u02ff\u2010-\u2027\u2190-\u21ff\u2500-\u25ff]")
_BREAK = re.compile(r"[,|/;:)&=](?=\S)")


class Row(NamedTuple):
    """One row of the screen: its text and the mark behind it."""

    text: str
    mark: str = ""


def cells(text: str) -> int:
    """How many columns the text takes."""
    if text.isascii() or not _WIDE.search(text):
        return len(text)
    from rich.cells import cell_len  # start-up: 2 ms, for letters that may be wide

    return cell_len(text)


def _piece(word: str, room: int) -> int:
    """Where to cut a word that has no room: behind the last sign that ends a part of it, not inside a number."""
    taken = room
    while taken > 1 and cells(word[:taken]) > room:
        taken -= 1
    ends = [match.end() for match in _BREAK.finditer(word[:taken])]
    if ends and ends[-1] > taken // 3:
        return ends[-1]
    digits = re.search(r"[0-9a-fA-F]+$", word[:taken])
    if digits and digits.start() > 0 and re.match(r"[0-9a-fA-F]", word[taken:]):
        return digits.start()
    return taken


def fold(line: str, columns: int) -> list[str]:
    """A line as rows of at most `columns`; those after the first stand two further in."""
    line = line.expandtabs()
    if cells(line) <= columns:
        return [line]
    if cells(line.rstrip()) <= columns:
        return [line.rstrip()]
    own = len(line) - len(line.lstrip())
    indent = " " * min(own + 2, columns // 3)
    rows: list[str] = []
    row = " " * min(own, columns // 3)
    begun = False
    for gap, word in re.findall(r"( *)(\S+)", line.strip()):
        joined = row + (gap if begun else "") + word
        if cells(joined) <= columns:
            row, begun = joined, True
            continue
        if begun:
            rows.append(row)
            row = indent
        rest = word
        while cells(row + rest) > columns:
            at = _piece(rest, columns - len(row))
            rows.append(row + rest[:at])
            row, rest = indent, rest[at:]
        row, begun = row + rest, True
    return [*rows, row]


def cut(line: str, columns: int) -> Row:
    """What fits of a row of figures, whole words only."""
    line = line.expandtabs()
    if cells(line.rstrip()) <= columns:
        return Row(line if cells(line) <= columns else line.rstrip())
    if cells(line) != len(line):
        return Row(fold(line, columns - 1)[0], CUT)
    kept = line[: columns - 1]
    if line[columns - 2 : columns].strip() == line[columns - 2 : columns] and " " in kept.strip():
        kept = kept[: kept.rindex(" ")]
    elif " " not in kept.strip():
        kept = fold(line, columns - 1)[0]  # it stands less far in, if that keeps the word whole
    return Row(kept.rstrip().ljust(columns - 1), CUT)


def squeezed(rows: list[str], columns: int) -> list[Row] | None:
    """The block with blanks dropped where all its rows have them, so that it fits; None if it cannot."""
    wide = max(map(len, rows))
    padded = [row.ljust(wide) for row in rows]
    blank = [all(row[at] == " " for row in padded) for at in range(wide)]
    gaps: list[list[int]] = []  # [first column, how many may go]
    at = 0
    while at < wide:
        if blank[at]:
            end = at
            while end < wide and blank[end]:
                end += 1
            if end < wide:
                gaps.append([at, end - at - 1])
            at = end
        at += 1
    over = max(len(row.rstrip()) for row in rows) - (columns - 1)
    if sum(room for _, room in gaps) < over:
        return None
    drop: set[int] = set()
    for _ in range(over):
        gap = max(gaps, key=lambda gap: gap[1])
        drop.add(gap[0])
        gap[0], gap[1] = gap[0] + 1, gap[1] - 1
    kept = [at for at in range(wide) if at not in drop]
    return [Row("".join(row[at] for at in kept).rstrip().ljust(columns - 1), SQUEEZED) for row in padded]


def _figures(line: str) -> bool:
    """Whether a line is a row of a table: words with more than one blank between them."""
    return len(line.split()) > 2 and "  " in line.strip()


def fitted(lines: Iterable[str], columns: int, table: bool) -> list[Row]:
    """All lines as rows of the screen. `table`: what is too wide is cut, to be scrolled sideways, and not folded."""
    rows: list[Row] = []
    block: list[str] = []

    def settle() -> None:
        if any(cells(line.rstrip()) > columns for line in block):
            plain = all(_figures(line) and cells(line) == len(line) for line in block)
            tight = squeezed(block, columns) if plain else None
            if tight is not None:
                rows.extend(tight)
            else:
                for line in block:
                    rows.extend([cut(line, columns)] if table else map(Row, fold(line, columns)))
        else:
            rows.extend(Row(line if cells(line) <= columns else line.rstrip()) for line in block)
        block.clear()

    for line in lines:
        line = line.expandtabs() if "\t" in line and cells(line.expandtabs().rstrip()) > columns else line
        if block and _figures(line) != _figures(block[-1]):
            settle()
        block.append(line)
    settle()
    return rows
