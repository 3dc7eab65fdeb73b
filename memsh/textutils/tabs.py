"""expand and unexpand: tabs to blanks and back (GNU coreutils 9.1, src/expand-common.c)."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.limits import TEXT
from memsh.textutils.sources import Sources
from memsh.textutils.utility import option, utility

LARGEST = (1 << 63) - 1
Stops = Callable[[int], int | None]  # the next stop behind a column; None behind the last


def _stops(word: str) -> tuple[list[int], str]:
    """`4`, `2,6,9`, `2,/4`, `2,+4`: the stops, and how they go on (parse_tab_stops)."""
    stops: list[int] = []
    kind = ""
    for part in re.split(r"[ ,]+", word):
        marks, digits = part[: len(part) - len(part.lstrip("/+"))], part.lstrip("/+")
        if not digits:
            kind = marks[-1:] or kind
            continue
        number = digits[: len(digits) - len(digits.lstrip("0123456789"))]
        odd = digits[len(number) :]
        if odd[:1] in ("/", "+") and odd:
            raise ValueError(f"'{odd[0]}' specifier not at start of number: '{odd}'")
        if odd:
            raise ValueError(f"tab size contains invalid character(s): '{odd}'")
        if len(number) > 18 and int(number[:40]) > LARGEST:
            raise ValueError(f"tab stop is too large '{number}'")
        if len(kind) > 1:
            raise ValueError(f"'{kind[0]}' specifier only allowed with the last value")
        size = int(number)
        kind = marks[-1:] or kind
        if kind:
            kind += str(size)
        elif not size:
            raise ValueError("tab size cannot be 0")
        elif stops and size <= stops[-1]:
            raise ValueError("tab sizes must be ascending")
        else:
            stops.append(size)
    return stops, kind if len(kind) > 1 and kind[1:] != "0" else ""


def _next_stop(lists: list[tuple[list[int], str]]) -> Stops:
    stops = [stop for one, _ in lists for stop in one]
    kinds = [kind for _, kind in lists if kind]
    if len(kinds) > 1 or (kinds and lists[-1][1] != kinds[0]):
        raise ShellError(f"'{kinds[0][0]}' specifier only allowed with the last value")
    if any(later <= earlier for earlier, later in pairwise(stops)):
        raise ShellError("tab sizes must be ascending")
    kind = kinds[0] if kinds else ""
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
    """A line with as many tabs as there may be (unexpand). Blanks are held until it is known whether a tab stop
    follows; one blank alone before a stop becomes a tab only if another blank follows it."""
    made: list[str] = []
    held = ""
    column, alone, after_blank = 0, False, True
    for at, char in enumerate(line):
        blank = char in " \t"
        stop = following(column) if blank else None
        if blank and stop is None:
            return "".join(made) + _freed(held, alone) + line[at:]
        if stop is not None:
            column = stop if char == "\t" else column + 1
            if char == " " and not (after_blank and column == stop):
                alone = alone or column == stop
                held += char
                after_blank = True
                continue
            made.append("\t\t" if alone else "\t")
        else:
            column = max(0, column - 1) if char == "\b" else column + 1
            made.append(_freed(held, alone) + char)
            if not everywhere:
                return "".join(made) + line[at + 1 :]
        held, alone, after_blank = "", False, blank
    return "".join(made) + _freed(held, alone)


def _freed(held: str, alone: bool) -> str:
    """What was held, since no tab stop followed."""
    return "\t" + held[1:] if alone and len(held) > 1 else held
