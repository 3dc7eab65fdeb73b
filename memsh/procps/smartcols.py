"""Tables as util-linux's programs write them: padded, raw, pairs, JSON, a tree (util-linux 2.38.1: libsmartcols).

**Known deviations:** no table is made narrower for a terminal; trees are drawn in ASCII, as in the C locale.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from memsh.procps.reader import Exit

Cell = str | list[str] | None


class Column(NamedTuple):
    """kind: what JSON makes of a cell: "" a string, "n" a number, "b" a boolean, "a" an array of strings. tree: it
    shows who is below whom. width: a hint of libsmartcols, heeded where data fill the heading's width."""

    name: str
    help: str
    right: bool = False
    kind: str = ""
    tree: bool = False
    width: int = 0


@dataclass
class Row:
    """A line: the cells by the columns' names, and the lines below it."""

    cells: dict[str, Cell]
    below: list[Row] = field(default_factory=list)


@dataclass
class Style:
    """How a table is written. form: "" (padded), "r" raw, "P" pairs, "J" JSON. name: JSON's of the whole. shell: names
    that a shell takes for variables. lined: a tree is drawn."""

    form: str = ""
    headings: bool = True
    name: str = "table"
    shell: bool = False
    lined: bool = False


def chosen(program: str, table: dict[str, Column], words: str, default: Iterable[str] = ()) -> list[Column]:
    """The columns of `-o LIST`; one that begins with `+` adds to the default (string_add_to_idarray).

    Raises: Exit for a column that is none; without a word for an empty one.
    """
    added = words.startswith("+")
    names = list(default) if added else []
    left = words.removeprefix("+")
    while True:
        word, comma, rest = left.partition(",")
        if not word:
            raise Exit(1)
        if word.upper() not in table:
            raise Exit(1, f"{program}: unknown column: {left}\n")  # C's string goes on to its end
        names.append(word.upper())
        if not comma:
            break
        left = rest
    return [table[name] for name in names]


def listed(columns: dict[str, Column], width: int) -> str:
    """The columns as --help shows them."""
    return "\nAvailable output columns:\n" + "".join(f" {one.name:>{width}}  {one.help}\n" for one in columns.values())


def text(columns: list[Column], rows: list[Row], style: Style) -> str:
    """The table; "" if there is no row."""
    if style.form == "J":
        return "".join(_objects(columns, rows, style))
    if not rows:
        return ""
    write = {"": _padded, "r": _raw, "P": _pairs}[style.form]
    return "".join(write(columns, rows, style))


def _walk(rows: list[Row], before: str = "", deep: bool = False) -> Iterator[tuple[str, Row]]:
    """Each line with what is drawn before it."""
    for at, row in enumerate(rows, 1):
        last = at == len(rows)
        yield before + ("`-" if last else "|-") if deep else "", row
        yield from _walk(row.below, before + ("  " if last else "| ") if deep else "", True)


def _flat(cell: Cell, between: str = "\n") -> str:
    return "" if cell is None else cell if isinstance(cell, str) else between.join(cell)


def _padded(columns: list[Column], rows: list[Row], style: Style) -> Iterator[str]:
    lines: list[list[list[str]]] = [[[one.name] for one in columns]]
    for mark, row in _walk(rows):
        cells = [_flat(row.cells.get(one.name)) for one in columns]
        lines.append([((mark if one.tree and style.lined else "") + cell).split("\n")
                      for one, cell in zip(columns, cells, strict=True)])  # fmt: skip
    widths = [_width(one, max(len(part) for line in lines[1:] for part in line[at])) for at, one in enumerate(columns)]
    for line in lines[not style.headings :]:
        for depth in range(max(map(len, line))):
            parts = [cell[depth] if depth < len(cell) else "" for cell in line]
            out = [part.rjust(width) if one.right else part.ljust(width)
                   for one, part, width in zip(columns, parts, widths, strict=True)]  # fmt: skip
            if not columns[-1].right:
                out[-1] = parts[-1]
            yield " ".join(out) + "\n"


def _width(column: Column, data: int) -> int:
    """count_column_width()."""
    head = len(column.name)
    return head if data < head else max(data, column.width if head < column.width else 0)


def _escaped(cell: str) -> str:
    r"""A blank, backslash or what cannot be printed as \x20 (fputs_nonblank)."""
    return re.sub(r"[\s\\\x00-\x20\x7f]", lambda found: "".join(f"\\x{byte:02x}" for byte in found[0].encode()), cell)


def _raw(columns: list[Column], rows: list[Row], style: Style) -> Iterator[str]:
    if style.headings:
        yield " ".join(one.name for one in columns) + "\n"
    for _, row in _walk(rows):
        yield " ".join(_escaped(_flat(row.cells.get(one.name))) for one in columns) + "\n"


def _variable(name: str, style: Style) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name.replace("%", "_PCT")) if style.shell else name


def _pairs(columns: list[Column], rows: list[Row], style: Style) -> Iterator[str]:
    for _, row in _walk(rows):
        cells = [_flat(row.cells.get(one.name)) for one in columns]
        for at, cell in enumerate(cells):
            cells[at] = re.sub(r'["\\`$\x00-\x1f\x7f]', lambda found: f"\\x{ord(found[0]):02x}", cell)
        yield " ".join(f'{_variable(one.name, style)}="{cell}"'
                       for one, cell in zip(columns, cells, strict=True)) + "\n"  # fmt: skip


def _quoted(word: str | None) -> str:
    from json import dumps  # start-up: 2 ms, for -J alone

    return dumps(word, ensure_ascii=False)


def _value(column: Column, cell: Cell, pad: str) -> str:
    if column.kind == "a":
        parts: list[str | None] = [*cell] if isinstance(cell, list) else [cell]
        parts = [part or None for part in parts] or [None]
        return "[\n" + ",".join(f"{pad}    {_quoted(part)}" for part in parts) + f"\n{pad}]"
    if not cell:
        return "null"
    flat = _flat(cell)
    if column.kind == "b":
        return "true" if flat[:1] not in ("0", "N", "n") else "false"
    return flat if column.kind == "n" else _quoted(flat)


def _objects(columns: list[Column], rows: list[Row], style: Style) -> Iterator[str]:
    yield f'{{\n   "{style.name}": [\n'
    yield from _object_list(columns, rows, " " * 6, style)
    yield "\n   ]\n}\n"


def _object_list(columns: list[Column], rows: list[Row], pad: str, style: Style) -> Iterator[str]:
    for at, row in enumerate(rows):
        pairs = [f'{pad}   "{_variable(one.name, style).lower()}": {_value(one, row.cells.get(one.name), pad + "   ")}'
                 for one in columns]  # fmt: skip
        yield ("," if at else pad) + "{\n" + ",\n".join(pairs)
        if row.below and style.lined:
            yield f',\n{pad}   "children": [\n'
            yield from _object_list(columns, row.below, pad + "      ", style)
            yield f"\n{pad}   ]"
        yield f"\n{pad}}}"

