"""Mem-Info, the part that OOM reports, allocation failures and SysRq-m have in common (show_mem, show_free_areas).

Read in every form that it had from 2.6 on: with `Node 0` in front of a zone or without, counters by zone or by node,
counts of blocks with their migrate types or without, `present` alone or with `managed`, any page size.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.proctext.lines import wrapped

ZONES = ("DMA", "DMA32", "Normal", "HighMem", "Movable", "Device")
_ZONE = re.compile(r"(?:\bNode\s+(\d+)[,:]?\s+)?\b([A-Z][A-Za-z0-9]*)\s+free:\s*(\d+)\s*kB\b")
_FIELD = re.compile(r"\s+([a-z]\w*(?:\([a-z]+\))?)\s*[:?]\s*(\d+|yes|no)\s*(kB|KB|B)?(?=\s|$|\.)")
_NODE = re.compile(r"\bNode\s+(\d+)\s+(?=active_anon:\s*\d+\s*kB)")
_TOTALS = re.compile(r"(?<![\w:])(?=(?:active_anon|Active|active):\s*\d+(?:\s|$))")
_TOTAL = re.compile(r"\s*\b([A-Za-z_]\w*):\s*(\d+)(?!\s*kB|\d)(?=\s|$)")
_RESERVE = re.compile(r"(?:lowmem_reserve|protections)\[\]:((?:\s+\d+)+)")
_BLOCKS = re.compile(
    r"(?:\bNode\s+(\d+)[,:]?\s+)?\b([A-Z][A-Za-z0-9]*):((?:\s+\d+\*\d+\s*kB(?:\s+\([A-Z]+\))?)+)(?:\s*=\s*(\d+)\s*kB)?"
)
_BLOCK = re.compile(r"(\d+)\*(\d+)\s*kB(?:\s+\(([A-Z]+)\))?")
_HUGE = re.compile(
    r"(?:\bNode\s+(\d+)\s+)?hugepages_total=(\d+)\s+hugepages_free=(\d+)\s+hugepages_surp=(\d+)\s+hugepages_size=(\d+)\s*kB"
)
_UNRECLAIMABLE = re.compile(
    r"Unreclaimable slab info:.*?\n(.*?)(?=\n\s*(?:Tasks state|\[ *pid|Memory cgroup|Out of|oom-kill)|\Z)", re.S
)
_SLAB_ROW = re.compile(r"^[ \t]*(\S+)[ \t]+(\d+)KB[ \t]+(\d+)KB[ \t]*$", re.MULTILINE)


class Block(NamedTuple):
    """Free blocks of one order: how many, bytes of one, letters of the migrate types that have any (None: untold)."""

    number: int
    size: int
    types: str | None


class Zone(NamedTuple):
    """A zone; `kb` by the names of the report, `reserve` in pages (None: not told), `blocks` by order."""

    node: int
    name: str
    kb: dict[str, int]
    unreclaimable: bool | None
    reserve: list[int] | None
    blocks: list[Block]
    block_sum: int | None
    """kB that the report itself gives as the sum of the blocks."""


class Huge(NamedTuple):
    """A pool of huge pages; size in kB."""

    node: int | None
    total: int
    free: int
    surplus: int
    size: int


class Memory(NamedTuple):
    """Everything that a Mem-Info tells. `totals`: pages by name; `nodes`: kB by name of each node (4.8 and later)."""

    zones: list[Zone]
    totals: dict[str, int]
    nodes: dict[int, dict[str, int]]
    huge: list[Huge]
    page_size: int | None
    pagecache: int | None
    swap_cache: int | None
    swap_free: int | None
    """kB"""
    swap_total: int | None
    """kB"""
    ram: int | None
    """Pages of RAM; `reserved` and `cma` of them."""
    reserved: int | None
    highmem: int | None
    cma: int | None
    slabs: list[tuple[str, int, int]]
    """(name, kB used, kB in all) of unreclaimable caches, where the kernel listed them."""
    cut: list[str]
    """Parts that a whole report has and that are missing here."""

    @property
    def page(self) -> int:
        """Bytes of a page: as the blocks tell, else 4096."""
        return self.page_size or 4096


LISTS = (
    ("DMA", "DMA32", "Normal", "Movable", "Device"),
    ("DMA", "Normal", "HighMem", "Movable", "Device"),
    ("Normal", "HighMem", "Movable"),
    ("DMA", "DMA32", "Normal", "HighMem", "Movable"),
    ("DMA32", "Normal", "Movable"),
    ("DMA", "Normal", "Movable"),
)
"""The zones of x86_64 and new arm64, i386, arm, older arm64, others, by rising address."""


def layout(names: set[str]) -> tuple[str, ...]:
    """All zones of the machine's kernel by rising address, those without memory too, from the names told."""
    if "HighMem" in names:
        return LISTS[3] if "DMA32" in names else LISTS[1] if "DMA" in names else LISTS[2]
    return next((one for one in LISTS if names <= set(one)), LISTS[0])


def _number(pattern: str, text: str) -> int | None:
    match = re.search(wrapped(pattern), text)
    return int(match[1]) if match else None


def _fields(text: str, at: int) -> tuple[dict[str, str], int]:
    """`name:12kB other:3kB flag? yes` from a place on; where it ends."""
    found: dict[str, str] = {}
    while match := _FIELD.match(text, at):
        if match[1] in found or (match[1] in ("active_anon", "free") and "min" not in found and len(found) > 2):
            break
        found[match[1]] = match[2]
        at = match.end()
    return found, at


def _zones(text: str) -> list[Zone]:
    heads = list(_ZONE.finditer(text))
    found: list[Zone] = []
    for number, head in enumerate(heads):
        fields, end = _fields(text, head.end())
        if "min" not in fields and "present" not in fields:
            continue
        stop = heads[number + 1].start() if number + 1 < len(heads) else len(text)
        reserve = _RESERVE.search(text, end, min(stop, end + 400))
        kb = {"free": int(head[3]), **{name: int(value) for name, value in fields.items() if is_digits(value)}}
        flag = fields.get("all_unreclaimable")
        found.append(
            Zone(
                int(head[1] or 0),
                head[2],
                kb,
                None if flag not in ("yes", "no") else flag == "yes",
                [int(word) for word in reserve[1].split()] if reserve else None,
                [],
                None,
            )
        )
    return _with_blocks(found, text)


def _with_blocks(zones: list[Zone], text: str) -> list[Zone]:
    taken: dict[tuple[int, str], Zone] = {(zone.node, zone.name): zone for zone in zones}
    order = [(zone.node, zone.name) for zone in zones]
    for match in _BLOCKS.finditer(text):
        key = (int(match[1] or 0), match[2])
        typed = "(" in match[3]
        blocks = [Block(int(b[1]), int(b[2]) << 10, b[3] or ("" if typed else None)) for b in _BLOCK.finditer(match[3])]
        if key not in taken:
            if zones or match[2] not in ZONES:
                continue
            order.append(key)
            taken[key] = Zone(key[0], key[1], {}, None, None, [], None)
        if not taken[key].blocks:
            taken[key] = taken[key]._replace(blocks=blocks, block_sum=int(match[4]) if match[4] else None)
    return [taken[key] for key in order]


def _totals(text: str) -> dict[str, int]:
    """The counters in pages that stand in front of the zones."""
    found: dict[str, int] = {}
    start = _TOTALS.search(text)
    while start:
        at = start.start()
        while (match := _TOTAL.match(text, at)) is not None and match[1] not in found:
            found[match[1]] = int(match[2])
            at = match.end()
        if len(found) > 2:
            break
        start = _TOTALS.search(text, start.start() + 1)
        found = {}
    return {name.lower(): value for name, value in found.items()}


def parse(text: str) -> Memory | None:
    """The Mem-Info of a report without prefixes; None if there is none."""
    zones, totals = _zones(text), _totals(text)
    if not zones and not totals:
        return None
    nodes: dict[int, dict[str, int]] = {}
    for match in _NODE.finditer(text):
        fields, _ = _fields(text, match.end() - 1)
        nodes.setdefault(int(match[1]), {n: int(v) for n, v in fields.items() if is_digits(v)})
    sizes = {zone.blocks[0].size for zone in zones if zone.blocks}
    unreclaimable = _UNRECLAIMABLE.search(text)
    slabs = [(m[1], int(m[2]), int(m[3])) for m in _SLAB_ROW.finditer(unreclaimable[1])] if unreclaimable else []
    ram = _number(r"(\d+) pages (?:of )?RAM", text)
    cut = [
        what
        for what, there in (
            ("the counters of all memory", totals),
            ("the zones", zones),
            ("the free blocks by order", any(zone.blocks for zone in zones)),
            ("the size of RAM", ram),
        )
        if not there
    ]
    return Memory(
        zones,
        totals,
        nodes,
        [Huge(int(m[1]) if m[1] else None, int(m[2]), int(m[3]), int(m[4]), int(m[5])) for m in _HUGE.finditer(text)],
        min(sizes) if sizes else None,
        _number(r"(\d+) total pagecache pages", text),
        _number(r"(\d+) pages in swap cache", text),
        _number(r"Free swap\s*[=:]\s*(\d+)\s*kB", text),
        _number(r"Total swap\s*=\s*(\d+)\s*kB", text),
        ram,
        _number(r"(\d+) (?:pages reserved|reserved pages)", text),
        _number(r"(\d+) pages (?:of )?(?:HighMem|HIGHMEM)", text),
        _number(r"(\d+) pages cma reserved", text),
        slabs,
        cut,
    )
