"""Columns cut, pasted, joined and lined up: cut paste column join comm (GNU coreutils 9.1, util-linux 2.38)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.values import whole
from memsh.textutils.sources import Sources
from memsh.textutils.utility import option, utility, whole_number

ENDLESS = 1 << 60


def _list(kind: str, text: str) -> list[tuple[int, int]]:
    """`1,3-5,7-` → [(1, 1), (3, 5), (7, a lot)]."""
    counted = "fields" if kind == "field" else "byte/character positions"
    found = []
    for piece in re.split("[, ]", text):
        match = re.fullmatch(r"([0-9]*)(-?)([0-9]*)", piece)
        if match is None:
            what = "field value" if kind == "field" else "byte/character position"
            raise ShellError(f"invalid {what} '{piece}'")
        if piece == "-":
            raise ShellError("invalid range with no endpoint: -")
        first = int(match[1] or 1)
        last = int(match[3]) if match[3] else (ENDLESS if match[2] else first)
        if not first or not last or not piece:
            raise ShellError(f"{counted} are numbered from 1")
        if last < first:
            raise ShellError("invalid decreasing range")
        found.append((first, last))
    return sorted(found)


def _complement(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    result, place = [], 1
    for first, last in ranges:
        if first > place:
            result.append((place, first - 1))
        place = max(place, last + 1)
    if place < ENDLESS:
        result.append((place, ENDLESS))
    return result


@utility(
    option("-b", "--bytes", type=str, many=True, meta="LIST", help="these bytes"),
    option("-c", "--characters", type=str, many=True, meta="LIST", help="these characters"),
    option("-d", "--delimiter", type=str, meta="C", help="fields end at C"),
    option("-f", "--fields", type=str, many=True, meta="LIST", help="these fields"),
    option("-n", name="whole_characters"), option("--complement", help="all but these"),
    option("-s", "--only-delimited", help="no lines without the character"),
    option("--output-delimiter", type=str, meta="STRING", help="what stands between"),
    option("-z", "--zero-terminated", help="lines end in NUL"), rest("files", words="path"),
)  # fmt: skip
def cut(box: object, args: Args, io: IO) -> int:
    """columns of each line

    cut -d: -f1 /proc/meminfo
    """
    lists = [("field", text) for text in args.fields] + [("place", text) for text in args.bytes + args.characters]
    if not lists:
        raise args.refused("you must specify a list of bytes, characters, or fields")
    if len(lists) > 1:
        raise args.refused("only one list may be specified")
    kind, text = lists[0]
    if kind != "field" and args.delimiter is not None:
        raise args.refused("an input delimiter may be specified only when operating on fields")
    if kind != "field" and args.only_delimited:
        raise args.refused("suppressing non-delimited lines makes sense\n\tonly when operating on fields")
    if args.delimiter is not None and len(args.delimiter) > 1:
        raise args.refused("the delimiter must be a single character")
    try:
        ranges = _list(kind, text)
    except ShellError as error:
        raise args.refused(error.message) from None
    if args.complement:
        ranges = _complement(ranges)
    mark = "\t" if args.delimiter is None else args.delimiter or "\0"
    between = args.output_delimiter
    end = "\0" if args.zero_terminated else "\n"
    sources = Sources(io, args.files)
    for line in sources.bare_lines(end):
        if kind != "field":
            io.out((between or "").join(_picked(line, ranges)) + end)
        elif mark in line:
            parts = [part for piece in _picked(line.split(mark), ranges) for part in piece]
            io.out((mark if between is None else between).join(parts) + end)
        elif not args.only_delimited:
            io.out(line + end)
    return sources.status


def _picked(parts: Any, ranges: list[tuple[int, int]]) -> Iterator[Any]:
    """The chosen pieces, none of them twice."""
    done = 0
    for first, last in ranges:
        piece = parts[max(first - 1, done) : last]
        if piece:
            yield piece
        done = max(done, min(last, len(parts)))


@utility(
    option("-d", "--delimiters", type=str, default="\\t", meta="LIST", help="what stands between, in turn"),
    option("-s", "--serial", help="each file as one line"), option("-z", "--zero-terminated"),
    rest("files", words="path"),
)  # fmt: skip
def paste(box: object, args: Args, io: IO) -> int:
    """lines of several files side by side

    cut -d: -f1 /proc/meminfo | paste -sd,
    """
    if re.search(r"(?<!\\)(?:\\\\)*\\$", args.delimiters):
        raise ShellError(f"delimiter list ends with an unescaped backslash: {args.delimiters}")
    escapes = {"n": "\n", "t": "\t", "\\": "\\", "0": "", "b": "\b", "f": "\f", "r": "\r", "v": "\v"}
    marks = [escapes.get(one[1], one[1]) if len(one) == 2 else one for one in re.findall(r"\\.|[^\\]", args.delimiters)]
    marks = marks or [""]
    end = "\0" if args.zero_terminated else "\n"
    sources = Sources(io, args.files)
    if args.serial:
        for name in sources.names:
            one = Sources(io, [name])
            for at, text in enumerate(one.bare_lines(end)):
                io.out((marks[(at - 1) % len(marks)] if at else "") + text)
            if not one.failed:
                io.out(end)
            sources.failed = sources.failed or one.failed
        return sources.status
    opened: dict[str, Iterator[str]] = {}
    columns = [opened.setdefault(name, Sources(io, [name]).bare_lines(end)) if name == "-" else _strict(io, name, end)
               for name in sources.names]  # fmt: skip
    while True:
        texts = [next(column, None) for column in columns]
        if all(text is None for text in texts):
            return sources.status
        between = ["", *(marks[at % len(marks)] for at in range(len(texts) - 1))]
        io.out("".join(mark + (text or "") for mark, text in zip(between, texts, strict=True)) + end)


def _strict(io: IO, name: str, end: str) -> Iterator[str]:
    """The lines of a file that must be there."""
    if name == "-":
        return Sources(io, [name]).bare_lines(end)
    files = io.session.files
    assert files is not None
    try:
        files.open_read(io.session, name)
    except OSError as error:
        raise ShellError(f"{name}: {error.strerror or error}") from None
    return Sources(io, [name]).bare_lines(end)


@utility(
    option("-1", name="first", help="without what only the first has"),
    option("-2", name="second", help="without what only the second has"),
    option("-3", name="both", help="without what both have"), option("--check-order"), option("--nocheck-order"),
    option("--output-delimiter", type=str, default="\t", meta="STRING"), option("--total"),
    option("-z", "--zero-terminated"), rest("files", words="path"), usage="[OPTION]... FILE1 FILE2",
)  # fmt: skip
def comm(box: object, args: Args, io: IO) -> int:
    """what two sorted files have in common

    comm /proc/swaps /proc/swaps
    """
    a, b = _two(args, io)
    between = args.output_delimiter
    shown = [not args.first, not args.second, not args.both]
    indent = ["", between * shown[0], between * (shown[0] + shown[1])]
    end = "\0" if args.zero_terminated else "\n"
    counts = [0, 0, 0]
    left, right = next(a, None), next(b, None)
    unsorted = False
    alone = args.check_order  # some line is in one file only: from there on the order is looked at
    while left is not None or right is not None:
        which = 2 if left == right else 0 if right is None or (left is not None and left < right) else 1
        text = left if which != 1 else right
        counts[which] += 1
        alone = alone or which != 2
        if shown[which]:
            io.out(f"{indent[which]}{text}{end}")
        if which != 1:
            following = next(a, None)
            unsorted |= alone and _disorder(io, args, 1, text, following, unsorted)
            left = following
        if which != 0:
            following = next(b, None)
            unsorted |= alone and _disorder(io, args, 2, text, following, unsorted)
            right = following
    if args.total:
        io.out(between.join([*map(str, counts), "total"]) + end)
    if unsorted:
        io.complain("input is not in sorted order")
    return int(unsorted)


def _disorder(io: IO, args: Args, number: int, before: str | None, after: str | None, known: bool) -> bool:
    if args.nocheck_order or before is None or after is None or after >= before:
        return False
    if not known:
        io.complain(f"file {number} is not in sorted order")
    return True


def _two(args: Args, io: IO) -> tuple[Iterator[str], Iterator[str]]:
    names: list[str] = args.files
    if len(names) < 2:
        raise args.refused(f"missing operand after '{names[0]}'" if names else "missing operand")
    if len(names) > 2:
        raise args.refused(f"extra operand '{names[2]}'")
    end = "\0" if args.zero_terminated else "\n"
    return _strict(io, names[0], end), _strict(io, names[1], end)


def _field_number(word: str) -> int:
    if not (word.isascii() and word.isdecimal()) or not int(word):
        raise ValueError(f"invalid field number: '{word}'")
    return int(word) - 1


@utility(
    option("-1", type=_field_number, name="one", meta="FIELD"),
    option("-2", type=_field_number, name="two", meta="FIELD"),
    option("-j", type=_field_number, name="joined", meta="FIELD", help="join by this field of both"),
    option("-a", type=str, many=True, name="unpaired", meta="N", help="unpaired lines of file N too"),
    option("-v", type=str, many=True, name="only_unpaired", meta="N", help="only unpaired lines of file N"),
    option("-e", type=str, default="", name="empty", meta="TEXT", help="in the place of what is missing"),
    option("-i", "--ignore-case"),
    option("-o", type=str, many=True, name="fields", meta="FORMAT", help="0, 1.2, 2.3 …"),
    option("-t", type=str, name="mark", meta="C", help="fields end at C"), option("--check-order"),
    option("--nocheck-order"), option("--header"), option("-z", "--zero-terminated"), rest("files", words="path"),
    usage="[OPTION]... FILE1 FILE2",
)  # fmt: skip
def join(box: object, args: Args, io: IO) -> int:
    """lines of two sorted files that have a field in common

    join /proc/swaps /proc/swaps
    """
    first, second = _two(args, io)
    if args.mark is not None and len(args.mark) > 1:
        raise ShellError(f"multi-character tab '{args.mark}'")
    usual = args.joined or 0
    at = [usual if args.one is None else args.one, usual if args.two is None else args.two]
    mark, between = args.mark, args.mark or " "
    end = "\0" if args.zero_terminated else "\n"
    chosen = [word for text in args.fields for word in re.split("[, ]+", text)]
    automatic = chosen == ["auto"]
    a = [line.split(mark) if mark else line.split() for line in first]
    b = [line.split(mark) if mark else line.split() for line in second]
    widths = [len(rows[0]) if rows else 0 for rows in (a, b)]

    def key(row: list[str], side: int) -> str:
        text = row[at[side]] if at[side] < len(row) else ""
        return text.lower() if args.ignore_case else text

    def row_of(left: list[str] | None, right: list[str] | None) -> str:
        rows = (left, right)
        shared = next((row[at[side]] for side, row in enumerate(rows) if row is not None and at[side] < len(row)), "")
        if chosen and not automatic:
            parts = []
            for word in chosen:
                side_word, _, number = word.partition(".")
                row = rows[int(side_word) - 1] if word != "0" else None
                text = shared if word == "0" else row[int(number) - 1] if row and int(number) <= len(row) else ""
                parts.append(text or args.empty)
            return between.join(parts)
        parts = [shared]
        for side, row in enumerate(rows):
            if row is not None or automatic:
                given = row if row is not None else [""] * widths[side]
                parts += [text or args.empty for place, text in enumerate(given) if place != at[side]]
        return between.join(parts)

    pairs, unpaired = not args.only_unpaired, False
    alone = set(args.unpaired + args.only_unpaired)
    i = j = 0
    if args.header and a and b:
        io.out(row_of(a[0], b[0]) + end)
        i = j = 1
    while i < len(a) or j < len(b):
        x, y = key(a[i], 0) if i < len(a) else None, key(b[j], 1) if j < len(b) else None
        if x is not None and (y is None or x < y):
            if "1" in alone:
                io.out(row_of(a[i], None) + end)
            i += 1
            unpaired = True
        elif y is not None and (x is None or y < x):
            if "2" in alone:
                io.out(row_of(None, b[j]) + end)
            j += 1
            unpaired = True
        else:
            same_a, same_b = _run(a, i, 0, key), _run(b, j, 1, key)
            for left in same_a if pairs else ():
                for right in same_b:
                    io.out(row_of(left, right) + end)
            i, j = i + len(same_a), j + len(same_b)
    if (unpaired or args.check_order) and not args.nocheck_order:
        return _unsorted(io, args.files, [[key(row, 0) for row in a], [key(row, 1) for row in b]])
    return 0


def _unsorted(io: IO, names: list[str], keys: list[list[str]]) -> int:
    """Say which file is not sorted; 1 if one is not."""
    for name, texts in zip(names, keys, strict=True):
        for number, (before, after) in enumerate(pairwise(texts), 2):
            if after < before:
                io.complain(f"{name}:{number}: is not sorted")
                io.complain("input is not in sorted order")
                return 1
    return 0


def _run(rows: list[list[str]], start: int, side: int, key: Any) -> list[list[str]]:
    """The rows from `start` on that have the same key."""
    wanted, place = key(rows[start], side), start
    while place < len(rows) and key(rows[place], side) == wanted:
        place += 1
    return rows[start:place]


@utility(
    option("-t", "--table", help="line up in columns"),
    option("-s", "--separator", type=str, meta="CHARS", help="columns end at any of these"),
    option("-o", "--output-separator", type=str, default="  ", meta="STRING", help="what stands between"),
    option("-N", "--table-columns", type=str, meta="NAMES", help="headings"),
    option("-R", "--table-right", type=str, meta="COLUMNS", help="these to the right"),
    option("-H", "--table-hide", type=str, meta="COLUMNS", help="without these"),
    option("-c", "--output-width", type=whole_number("invalid columns argument"), default=80, meta="WIDTH"),
    option("-x", "--fillrows", help="rows before columns"), option("-n", "--table-name", type=str, meta="NAME"),
    option("-L", "--keep-empty-lines"), option("-e", "--table-header-repeat"), rest("files", words="path"),
)  # fmt: skip
def column(box: object, args: Args, io: IO) -> int:
    """line up in columns

    column -t /proc/swaps
    """
    sources = Sources(io, args.files, "{name}: {why}")
    lines = [line for line in sources.kept() if line.strip() or args.keep_empty_lines]
    if args.table or args.table_columns is not None:
        _table(args, io, lines)
    elif lines:
        _fill(args, io, lines)
    return sources.status


def _table(args: Args, io: IO, lines: list[str]) -> None:
    rows = [re.split("[" + re.escape(args.separator) + "]", line) if args.separator else line.split() for line in lines]
    names = args.table_columns.split(",") if args.table_columns is not None else []
    if names:
        rows.insert(0, names)
    if not rows:
        return
    count = max(len(row) for row in rows)
    named = {name: at for at, name in enumerate(names)}

    def chosen(text: str | None) -> set[int]:
        words = text.split(",") if text else []
        return {named[word] if word in named else int(word) - 1 for word in words if word in named or whole(word)}

    right, hidden = chosen(args.table_right), chosen(args.table_hide)
    shown = [at for at in range(count) if at not in hidden]
    widths = [max(len(row[at]) if at < len(row) else 0 for row in rows) for at in range(count)]
    for row in rows:
        cells = [row[at] if at < len(row) else "" for at in shown]
        texts = [cell.rjust(widths[at]) if at in right else cell.ljust(widths[at])
                 for at, cell in zip(shown, cells, strict=True)]  # fmt: skip
        if shown and shown[-1] not in right:
            texts[-1] = cells[-1]
        io.out(args.output_separator.join(texts) + "\n")


def _fill(args: Args, io: IO, lines: list[str]) -> None:
    """As many columns as fit, each a multiple of 8 wide."""
    wide = (max(map(len, lines)) // 8 + 1) * 8
    if max(map(len, lines)) >= args.output_width:
        io.out("".join(line + "\n" for line in lines))
        return
    across = max(1, args.output_width // wide)
    down = -(-len(lines) // across)
    for at in range(-(-len(lines) // across) if args.fillrows else down):
        row = lines[at * across : (at + 1) * across] if args.fillrows else lines[at::down]
        text = ""
        for serial, cell in enumerate(row):
            text += "\t" * (-(-(serial * wide - _columns(text)) // 8)) if serial else ""
            text += cell
        io.out(text + "\n")


def _columns(text: str) -> int:
    return len(text.expandtabs(8))
