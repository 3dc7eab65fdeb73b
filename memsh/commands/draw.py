"""Small helpers for pictures made of text: columns, bars, sizes. Nothing here knows a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from memsh.shell.io import IO

BLOCKS = " ▏▎▍▌▋▊▉█"


def say(io: IO, text: str) -> None:
    """One line for people; on a narrow screen it goes on below, indented."""
    if len(text) <= io.width:
        io.out(text + "\n")
        return
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    for line in textwrap.wrap(text, io.width, subsequent_indent=indent, break_on_hyphens=False):
        io.out(line + "\n")


def clip(text: str, width: int) -> str:
    """As much as has room, in whole words; `…` says that there is more."""
    if len(text) <= width:
        return text
    kept = text[: width - 1]
    return (kept if text[width - 1] == " " or " " not in kept.strip() else kept[: kept.rindex(" ")]).rstrip() + "…"


def beside(io: IO, rows: Iterable[Sequence[object]], align: str) -> None:
    """A table whose last column is words: where they have no room they go on below, in that column."""
    for line in table(rows, align).splitlines():
        at = line.rstrip().rfind("  ") + 2
        if len(line) <= io.width or at < 2:
            io.out(line + "\n")
            continue
        first, *more = textwrap.wrap(line[at:], max(12, io.width - at), break_on_hyphens=False)
        io.out(line[:at] + first + "\n" + "".join(" " * at + row + "\n" for row in more))


def human(size: int) -> str:
    """Bytes in the largest unit that leaves at most one decimal: 4 KiB, 1.5 MiB, 896 MiB."""
    for shift, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << shift:
            text = f"{size / (1 << shift):.1f}".removesuffix(".0")
            return f"{text} {unit}"
    return f"{size} B"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def bar(part: int, whole: int, width: int) -> str:
    """`width` cells, filled in proportion; something is shown for anything above zero."""
    eighths = width * 8 * part // whole if whole else 0
    if part and not eighths:
        eighths = 1
    full, rest = divmod(eighths, 8)
    return ("█" * full + (BLOCKS[rest] if rest else "")).ljust(width)


def table(rows: Iterable[Sequence[object]], align: str, gap: str = "  ") -> str:
    """Rows as columns: `align` holds < or > for each. Trailing blanks are dropped."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max((len(row[i]) for row in cells if i < len(row)), default=0) for i in range(len(align))]
    lines = []
    for row in cells:
        lines.append(gap.join(f"{cell:{align[i]}{widths[i]}}" for i, cell in enumerate(row)).rstrip())
    return "".join(line + "\n" for line in lines)
