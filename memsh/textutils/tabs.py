"""expand and unexpand: tabs to blanks and back (GNU coreutils 9.1, src/expand-common.c)."""

from __future__ import annotations

import re
from collections.abc import Callable

from memsh.shell import IO, Args, rest
from memsh.shell.limits import TEXT
from memsh.textutils.sources import Sources
from memsh.textutils.utility import option, utility

_BLANKS = re.compile(r"[ \t]+")
Stops = Callable[[int], int | None]  # the next stop behind a column; None behind the last


def _stops(word: str) -> tuple[list[int], str]:
    """`4`, `2,6,9`, `2,/4`, `2,+4`: the stops, and how they go on."""
    stops: list[int] = []
    kind = ""
    for part in re.split(r"[ ,]+", word):
        mark = part[:1] if part[:1] in ("/", "+") else ""
        if kind:
            raise ValueError(f"'{kind[0]}' specifier only allowed with the last value")
        digits = part[len(mark) :]
        if not digits.isascii() or not digits.isdecimal():
            raise ValueError(f"tab size contains invalid character(s): '{part.lstrip('0123456789')}'")
        size = int(digits[:18])
        if not size:
            raise ValueError("tab size cannot be 0")
        if mark:
            kind = mark + str(size)
        elif stops and size <= stops[-1]:
            raise ValueError("tab sizes must be ascending")
        else:
            stops.append(size)
    return stops, kind


def _next_stop(lists: list[tuple[list[int], str]]) -> Stops:
    stops = [stop for one, _ in lists for stop in one]
    kind = next((kind for _, kind in lists if kind), "")
    if not stops or (len(stops) == 1 and not kind):
        every = stops[0] if stops else int(kind[1:] or 8) if kind else 8
        return lambda column: column - column % every + every
    last = stops[-1]

    def following(column: int) -> int | None:
        for stop in stops:
            if stop > column:
                return stop
        if not kind:
            return None
        size = int(kind[1:])
        begun = column - last if kind[0] == "+" else column
        return column - begun % size + size

    return following


def _old_style(words: list[str]) -> list[str]:
    """`expand -4` and `-4,8` are -t."""
    return [f"-t{word[1:]}" if re.fullmatch(r"-[0-9][0-9,]*", word) else word for word in words]


_TABS = option("-t", "--tabs", type=_stops, many=True, meta="LIST", help="a tab every N columns, or at those listed")


@utility(
    option("-i", "--initial", help="only before other characters"), _TABS, rest("files", words="path"),
    rewrite=_old_style,
)  # fmt: skip
def expand(box: object, args: Args, io: IO) -> int:
    """blanks for tabs

    expand -t 4 /proc/uptime
    """
    following = _next_stop(args.tabs)
    sources = Sources(io, args.files)
    for line in sources.lines():
        io.out(_expanded(line, following, args.initial))
    return sources.status


def _expanded(line: str, following: Stops, initial: bool) -> str:
    if "\t" not in line:
        return line
    made: list[str] = []
    column = 0
    for at, char in enumerate(line):
        if char == "\t":
            stop = following(column)
            wide = 1 if stop is None else min(stop - column, TEXT)
            made.append(" " * wide)
            column += wide
        elif char == "\b":
            made.append(char)
            column = max(0, column - 1)
        elif initial and char != " ":
            return "".join(made) + line[at:]
        else:
            made.append(char)
            column += 1
    return "".join(made)


@utility(
    option("-a", "--all", help="all blanks, not only those before other characters"), option("--first-only"), _TABS,
    rest("files", words="path"), rewrite=_old_style,
)  # fmt: skip
def unexpand(box: object, args: Args, io: IO) -> int:
    """tabs for blanks

    unexpand -a /proc/swaps
    """
    following = _next_stop(args.tabs)
    everywhere = (args.all or bool(args.tabs)) and not args.first_only
    sources = Sources(io, args.files)
    for line in sources.lines():
        io.out(_unexpanded(line, following, everywhere))
    return sources.status


def _unexpanded(line: str, following: Stops, everywhere: bool) -> str:
    made: list[str] = []
    column = place = 0
    while place < len(line):
        found = _BLANKS.match(line, place)
        if found is not None:
            run = found[0]
            text, column = _tabbed(run, column, following)
            made.append(text)
            place += len(run)
            continue
        char = line[place]
        if not everywhere and char != "\b":
            return "".join(made) + line[place:]
        made.append(char)
        column = max(0, column - 1) if char == "\b" else column + 1
        place += 1
    return "".join(made)


def _tabbed(run: str, column: int, following: Stops) -> tuple[str, int]:
    """A run of blanks and tabs with as many tabs as there may be, and the column behind it."""
    made, held, alone = "", "", False
    for at, char in enumerate(run):
        stop = following(column)
        if stop is None:
            return made + held + run[at:], column + len(run) - at
        if char == "\t":
            made, held, column, alone = made + "\t", "", stop, False
            continue
        column += 1
        held += " "
        alone = len(held) == 1 and column == stop
        if column == stop and not (alone and at == len(run) - 1):
            made, held = made + "\t", ""
    return made + held, column
