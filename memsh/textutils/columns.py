"""Columns cut, pasted and lined up: cut paste column (GNU coreutils 9.1, util-linux 2.38)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from memsh.lazy import regular
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.bytes import to_bytes, to_text
from memsh.textutils.sources import Sources, strict_lines
from memsh.textutils.utility import option, utility, whole_number

ENDLESS = (1 << 64) - 1
_OF_TABLES = (
    "table_order", "table_name", "table_wrap", "table_hide", "table_truncate", "table_noextreme", "table_right",
    "table_columns",
)  # fmt: skip
_PART = regular(r"([0-9]*)(?:(-)([0-9]*))?")


class ListWords(NamedTuple):
    """How a list of fields or of places is spoken of when it is wrong."""

    zero: str
    large: str
    odd: str
    span: str


FIELD = ListWords("fields are numbered from 1", "field number '{}' is too large", "invalid field value '{}'",
                  "invalid field range")  # fmt: skip
PLACE = ListWords("byte/character positions are numbered from 1", "byte/character offset '{}' is too large",
                  "invalid byte/character position '{}'", "invalid byte or character range")  # fmt: skip


def ranges_of(text: str, words: ListWords) -> list[tuple[int, int]]:
    """`1,3-5,7-` → [(1, 1), (3, 5), (7, ENDLESS)], in order, those that overlap as one (set_fields, set-fields.c).
    ValueError: what is wrong with it."""
    found, place = [], 0
    while True:
        match = _PART.match(text, place)
        assert match is not None
        first, dash, last = match.groups()
        for digits in (first, last):
            if digits and int(digits[:21]) >= ENDLESS:
                raise ValueError(words.large.format(digits))
        place = match.end()
        if place < len(text) and text[place] not in ", \t":
            raise ValueError(words.span if text[place] == "-" else words.odd.format(text[place:]))
        low, high = int(first or 1), int(last) if last else ENDLESS if dash else int(first or 0)
        if (first and not low) or not (dash or high):
            raise ValueError(words.zero)
        if dash and not first and not last:
            raise ValueError("invalid range with no endpoint: -")
        if high < low:
            raise ValueError("invalid decreasing range")
        found.append((low, high))
        if place >= len(text):
            return _merged(sorted(found))
        place += 1


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    made: list[tuple[int, int]] = []
    for low, high in ranges:
        if made and low <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], high))
        else:
            made.append((low, high))
    return made


def _columns_limit(word: str) -> int:
    number = whole_number("failed to parse columns limit")(word)
    if not number:
        raise ValueError("columns limit must be greater than zero")
    return int(number)


def complement(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """All that these ranges leave out."""
    result, place = [], 1
    for first, last in ranges:
        if first > place:
            result.append((place, first - 1))
        place = last + 1
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
    if args.delimiter is not None and len(to_bytes(args.delimiter)) > 1:
        raise args.refused("the delimiter must be a single character")
    try:
        ranges = ranges_of(text, FIELD if kind == "field" else PLACE)
    except ValueError as error:
        raise args.refused(str(error)) from None
    if args.complement:
        ranges = complement(ranges)
    mark = "\t" if args.delimiter is None else args.delimiter or "\0"
    between = args.output_delimiter if args.output_delimiter != "" else "\0"
    end = "\0" if args.zero_terminated else "\n"
    sources = Sources(io, args.files)
    if kind != "field":
        for line in sources.bare_lines(end):
            io.out(_places(line, ranges, between or "") + end)
    elif mark == end:
        _cut_records(io, sources, ranges, mark if between is None else between, end, args.only_delimited)
    else:
        for line in sources.bare_lines(end):
            if mark in line:
                parts = [part for piece in _picked(line.split(mark), ranges) for part in piece]
                io.out((mark if between is None else between).join(parts) + end)
            elif not args.only_delimited:
                io.out(line + end)
    return sources.status


def _places(line: str, ranges: list[tuple[int, int]], between: str) -> str:
    """The chosen bytes of a line."""
    if line.isascii():
        return between.join(_picked(line, ranges))
    return to_text(to_bytes(between).join(_picked(to_bytes(line), ranges)))


def _cut_records(
    io: IO, sources: Sources, ranges: list[tuple[int, int]], between: str, end: str, only_delimited: bool
) -> None:
    """-d with what ends the lines: each input is one line whose fields are its lines; its last end is no delimiter."""
    first_chosen = ranges[0][0] == 1
    for _, source in sources:
        text = source.read()
        if not text:
            continue
        fields = text.removesuffix(end).split(end)
        held = only_delimited == first_chosen  # the first field is looked at before it is written
        if end in text if held else len(fields) > 1:
            io.out(between.join(part for piece in _picked(fields, ranges) for part in piece) + end)
        elif not only_delimited:
            io.out(text.removesuffix(end) + end)


def _picked(parts: Any, ranges: list[tuple[int, int]]) -> Iterator[Any]:
    """The chosen pieces."""
    for first, last in ranges:
        piece = parts[first - 1 : last]
        if piece:
            yield piece


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
    stdin = Sources(io, ["-"]).bare_lines(end)
    columns = [stdin if name == "-" else strict_lines(io, name, end) for name in sources.names]
    while True:
        texts = [next(column, None) for column in columns]
        if all(text is None for text in texts):
            return sources.status
        between = ["", *(marks[at % len(marks)] for at in range(len(texts) - 1))]
        io.out("".join(mark + (text or "") for mark, text in zip(between, texts, strict=True)) + end)


@utility(
    option("-t", "--table", help="line up in columns"),
    option("-s", "--separator", type=str, meta="CHARS", help="columns end at any of these"),
    option("-o", "--output-separator", type=str, default="  ", meta="STRING", help="what stands between"),
    option("-N", "--table-columns", type=str, meta="NAMES", help="headings"),
    option("-d", "--table-noheadings", help="not shown"),
    option("-R", "--table-right", type=str, meta="COLUMNS", help="these to the right"),
    option("-H", "--table-hide", type=str, meta="COLUMNS", help="without these"),
    option("-O", "--table-order", type=str, meta="COLUMNS", help="these first"),
    option("-l", "--table-columns-limit", type=_columns_limit, meta="N",
           help="the N-th column is the rest of the line"),
    option("-E", "--table-noextreme", type=str, meta="COLUMNS"),
    option("-T", "--table-truncate", type=str, meta="COLUMNS"),
    option("-W", "--table-wrap", type=str, meta="COLUMNS"),
    option("-J", "--json", help="as JSON"), option("-n", "--table-name", type=str, meta="NAME"),
    option("-r", "--tree", type=str, meta="COLUMN", help="draw a tree in it"),
    option("-i", "--tree-id", type=str, meta="COLUMN", help="the column that names a row"),
    option("-p", "--tree-parent", type=str, meta="COLUMN", help="and the one that names the row above"),
    option("-c", "--output-width", type=whole_number("invalid columns argument"), default=80, meta="WIDTH"),
    option("-x", "--fillrows", help="rows before columns"), option("-V", name="version"),
    option("-L", "--keep-empty-lines"), option("-e", "--table-header-repeat"), rest("files", words="path"),
)  # fmt: skip
def column(box: object, args: Args, io: IO) -> int:
    """line up in columns

    column -t /proc/swaps
    """
    tabled = args.table or args.json or args.tree is not None
    if args.tree is not None and (args.tree_parent is None or args.tree_id is None):
        raise ShellError("options --tree-id and --tree-parent are required for tree formatting")
    if not tabled and any(getattr(args, name) is not None for name in _OF_TABLES):
        raise ShellError("option --table required for all --table-*")
    if args.json and args.table_columns is None:
        raise ShellError("option --table-columns required for --json")
    sources = Sources(io, args.files, "{name}: {why}")
    lines = [line for line in sources.kept() if line.strip() or args.keep_empty_lines]
    if tabled:
        from memsh.textutils.tables import Table  # start-up: 1 ms, for tables alone

        with io.looking():
            table = Table(args, lines)
            texts = list(table.objects() if args.json else table.text())
        for text in texts:
            io.out(text)
    elif lines:
        _fill(args, io, lines)
    return sources.status


def _fill(args: Args, io: IO, lines: list[str]) -> None:
    """As many columns as fit, each a multiple of 8 wide; a tab counts one (columnate_fillrows)."""
    wide = (max(map(len, lines)) // 8 + 1) * 8
    if max(map(len, lines)) >= args.output_width:
        io.out("".join(line + "\n" for line in lines))
        return
    across = max(1, args.output_width // wide)
    down = -(-len(lines) // across)
    for at in range(-(-len(lines) // across) if args.fillrows else down):
        row = lines[at * across : (at + 1) * across] if args.fillrows else lines[at::down]
        text, at = "", 0
        for serial, cell in enumerate(row):
            while serial and (at + 8) & ~7 <= serial * wide:
                text, at = text + "\t", (at + 8) & ~7
            text, at = text + cell, at + len(cell)
        io.out(text + "\n")
