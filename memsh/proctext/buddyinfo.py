"""/proc/buddyinfo and /proc/pagetypeinfo: free blocks by order, and by migrate type."""

from __future__ import annotations

import re
from typing import NamedTuple

from memsh.proctext.lines import numbers

ORDERS = 32  # MAX_ORDER of any architecture is less
_ROW = re.compile(r"^[ \t]*Node\s+(\d+),\s*zone\s+(\w+)((?:[ \t]+\d+)+)[ \t]*$", re.MULTILINE)
_TYPED = re.compile(r"Node\s+(\d+),\s*zone\s+(\w+),\s*type\s+(\w+)((?:\s+>?\d+)+)")
_BLOCKS = re.compile(r"^[ \t]*Node\s+(\d+),\s*zone\s+(\w+)((?:[ \t]+\d+)+)[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"Number of blocks type((?:[ \t]+[A-Za-z]+)+)")


class Free(NamedTuple):
    """A zone's free blocks, `counts[order]` of each order."""

    node: int
    zone: str
    counts: list[int]

    @property
    def pages(self) -> int:
        return sum(count << order for order, count in enumerate(self.counts))


class TypedFree(NamedTuple):
    """A zone's free blocks of one migrate type. `more`: orders whose count was cut off by the kernel (`>100000`)."""

    node: int
    zone: str
    type: str
    counts: list[int]
    more: list[int]


class Blocks(NamedTuple):
    """How many pageblocks of a zone belong to each migrate type."""

    node: int
    zone: str
    counts: dict[str, int]


class PageTypes(NamedTuple):
    """A whole pagetypeinfo; the order and the pages of a pageblock are None where they are not told."""

    order: int | None
    pages: int | None
    free: list[TypedFree]
    blocks: list[Blocks]


def rows(text: str) -> list[Free]:
    """Every row of buddyinfo in the text. A row wrapped at its end goes on below."""
    joined = re.sub(
        r"((?:^|\n)[ \t]*Node\s+\d+,\s*zone[^\n]*\d)[ \t]*\n(?=[ \t]*\d+(?:[ \t]+\d+)*[ \t]*(?:\n|$))", r"\1 ", text
    )
    found = [Free(int(m[1]), m[2], numbers(m[3].split())) for m in _ROW.finditer(joined)]
    return [row for row in found if 5 < len(row.counts) <= ORDERS]


def pagetypes(text: str) -> PageTypes | None:
    """The tables of pagetypeinfo; None if the text has none."""
    free = []
    for m in _TYPED.finditer(text):
        words = m[4].split()
        counts = [int(word.lstrip(">")) for word in words]
        free.append(TypedFree(int(m[1]), m[2], m[3], counts, [at for at, w in enumerate(words) if w.startswith(">")]))
    heading = _HEADING.search(text)
    blocks = []
    if heading:
        names = heading[1].split()
        for m in _BLOCKS.finditer(text, heading.end()):
            counts = numbers(m[3].split())
            if len(counts) == len(names):
                blocks.append(Blocks(int(m[1]), m[2], dict(zip(names, counts, strict=True))))
    if not free and not blocks:
        return None
    order, pages = re.search(r"Page block order:\s*(\d+)", text), re.search(r"Pages per block:\s*(\d+)", text)
    return PageTypes(int(order[1]) if order else None, int(pages[1]) if pages else None, free, blocks)
