"""physmap: physical memory drawn, from all zones down to one pageblock page by page."""

from __future__ import annotations

from collections import Counter

from memsh.commands.draw import clip, human, plural, say
from memsh.digits import is_digits
from memsh.inspect.check import FREE, LOST, PER_CPU_LIST, frames
from memsh.linux.box import Box
from memsh.linux.include.flags import MAX_ORDER, MIGRATE_NAMES, PAGE_SHIFT
from memsh.linux.include.memmap import KIND_NAMES
from memsh.linux.include.mmzone import Zone
from memsh.shell import arg, command
from memsh.shell.errors import ShellError
from memsh.shell.io import IO
from memsh.shell.registry import Args
from memsh.shell.values import count

TOPIC = "views"
CELL = 32  # pages of one mark in the picture of a zone
FREE_MARK = "·"
ORDERS = "0123456789A"
GROUPS = {
    "u": "processes", "g": "huge pages of a pool", "f": "page cache, tmpfs", "s": "slab", "k": "kernel",
    "r": "reserved at boot", "x": "in use when recorded",
}  # fmt: skip
GROUP_OF = {
    "anonymous": "u", "page cache": "f", "shmem": "f", "slab": "s", "kmalloc": "s", "reserved": "r",
    "in use by the recorded machine": "x", "huge page": "g", "nobody's": "?",
}  # fmt: skip
LETTERS = {
    "slab": "s", "anonymous": "a", "page cache": "f", "shmem": "h", "page table": "t", "vmalloc": "v",
    "kernel stack": "k", "kernel": "K", "reserved": "R", "per-cpu": "p", "kmalloc": "m",
    "in use by the recorded machine": "x", "drivers and daemons": "d", "free": "0",
    "on per-CPU lists": "c", "huge page": "g", "nobody's": "?",
}  # fmt: skip


def use_name(use: int) -> str:
    """What a block is used for, in words."""
    return {FREE: "free", PER_CPU_LIST: "on per-CPU lists", LOST: "nobody's"}.get(use) or KIND_NAMES[use] or "kernel"


class Cells:
    """Pages by use, for each stretch of `size` pages; filled in one walk over all frames."""

    def __init__(self, box: Box, size: int, start: int, stop: int) -> None:
        self.size, self.start, self.stop = size, start, stop
        block_pages = box.arch.pageblock_pages
        self.used: dict[int, Counter[str]] = {}
        self.free: Counter[int] = Counter()
        self.orders: dict[int, Counter[int]] = {}  # by pageblock: free blocks by order
        self.seen: Counter[int] = Counter()
        letter = {use: GROUP_OF.get(use_name(use), "k") for use in range(len(KIND_NAMES))}
        letter[LOST] = "?"
        for pfn, pages, use in frames(box):
            if pfn + pages <= start:
                continue
            if pfn >= stop:
                break
            group = "" if use in (FREE, PER_CPU_LIST) else letter[use]
            at = pfn
            while at < pfn + pages:
                cell = at // size
                step = min(pfn + pages, (cell + 1) * size) - at
                self.seen[cell] += step
                if group:
                    self.used.setdefault(cell, Counter())[group] += step
                else:
                    self.free[cell] += step
                at += step
            if use == FREE:
                self.orders.setdefault(pfn // block_pages, Counter())[pages.bit_length() - 1] += 1

    def mark(self, cell: int, first: int, last: int) -> str:
        """One letter for the cell, of which the zone has frames [first, last)."""
        used = self.used.get(cell)
        low, high = max(first, cell * self.size), min(last, (cell + 1) * self.size)
        missing = high - low - self.seen[cell]
        if used is None and missing <= 0:
            return FREE_MARK
        counts = Counter(used or {})
        counts["r"] += max(0, missing)
        group, _ = max(counts.items(), key=lambda item: (item[1], item[0]))
        return group.upper() if 2 * sum(counts.values()) > high - low else group


def _legend(io: IO, marks: set[str]) -> None:
    told = [f"{FREE_MARK} free"] if FREE_MARK in marks else []
    told += [f"{letter} {name}" for letter, name in GROUPS.items() if letter in marks or letter.upper() in marks]
    told += ["? nobody's"] if "?" in marks else []
    say(io, "  ".join(told) + "; a capital: more than half is used")


def _folded(rows: list[tuple[int, str]], io: IO, head: str) -> None:
    """Rows `address  marks`; of three or more alike only the first is drawn."""
    at = 0
    while at < len(rows):
        same = 1
        while at + same < len(rows) and rows[at + same][1] == rows[at][1]:
            same += 1
        io.out(f"  {rows[at][0]:{head}}  {rows[at][1]}\n")
        if same > 2:
            io.out(f"  {'':>8}…  {plural(same - 1, 'line')} like it\n")
        else:
            for number, marks in rows[at + 1 : at + same]:
                io.out(f"  {number:{head}}  {marks}\n")
        at += same


def _present(box: Box) -> list[Zone]:
    return [zone for zone in box.pages.zones if zone.present]


@command(arg("where", default="", help="a zone, or a page frame number", words="zone"), topic=TOPIC, looks=True)
def physmap(box: Box, args: Args, io: IO) -> None:
    """a picture of physical memory: all of it, a zone by pageblocks, or a frame's pageblock page by page

    physmap Normal

    Without an argument one mark is a pageblock (4 MiB; 2 MiB on x86_64). With a zone each pageblock in use is a row,
    one mark 32 pages, and its free pages are told by order. With a page frame number each page has its mark.
    """
    where = args.where
    zone = next((zone for zone in _present(box) if zone.label.lower() == where.lower()), None)
    if zone is not None:
        _zone(box, zone, io)
        return
    if where:
        if not is_digits(where[0]):
            known = ", ".join(zone.label for zone in _present(box))
            raise ShellError(f"there is no zone '{where}' in this box (it has {known})")
        _pageblock(box, count(where), io)
        return
    block_pages = box.arch.pageblock_pages
    cells = Cells(box, block_pages, 0, box.memmap.frames)
    per_line = max(16, io.width - 14) & ~7
    say(io, f"one mark is a pageblock: {block_pages} pages, {human(block_pages << PAGE_SHIFT)}")
    pictures: list[tuple[Zone, list[tuple[int, str]]]] = []
    marks: set[str] = set()
    for zone in _present(box):
        first, last = zone.start_pfn // block_pages, (zone.start_pfn + zone.spanned - 1) // block_pages
        end = min(zone.start_pfn + zone.spanned, box.memmap.frames)
        rows = []
        for line in range(first, last + 1, per_line):
            blocks = range(line, min(line + per_line, last + 1))
            text = "".join(cells.mark(block, zone.start_pfn, end) for block in blocks)
            rows.append(((line * block_pages) << PAGE_SHIFT, text))
            marks.update(text)
        pictures.append((zone, rows))
    _legend(io, marks)
    for zone, rows in pictures:
        percent = 100 * zone.nr_free / zone.managed if zone.managed else 0.0
        say(io, f"zone {zone.label}: {human(zone.present << PAGE_SHIFT)}, {percent:.1f}% of it free")
        _folded(rows, io, "#010x")


def _zone(box: Box, zone: Zone, io: IO) -> None:
    block_pages = zone.block_pages
    end = min(zone.start_pfn + zone.spanned, box.memmap.frames)
    cells = Cells(box, CELL, zone.start_pfn, end)
    first, last = zone.start_pfn // block_pages, (end - 1) // block_pages
    per_block = block_pages // CELL
    rows: list[tuple[int, str, str]] = []
    marks: set[str] = set()
    for block in range(first, last + 1):
        numbers = range(block * per_block, (block + 1) * per_block)
        inside = [n for n in numbers if n * CELL < end and (n + 1) * CELL > zone.start_pfn]
        text = "".join(cells.mark(n, zone.start_pfn, end) for n in inside)
        free = sum(cells.free[n] for n in inside)
        orders = cells.orders.get(block, Counter())
        told = " ".join(f"{order}:{orders[order]}" for order in sorted(orders)) or ("on per-CPU lists" if free else "")
        wholly = orders.get(MAX_ORDER - 1, 0) > 0
        rows.append((block, "" if wholly else text, f"{free} free" + (f"  {told}" if told else "")))
        marks.update("" if wholly else text)
    say(io, f"zone {zone.label}: one mark is {CELL} pages, {human(CELL << PAGE_SHIFT)}; a row is a pageblock, "
            "behind it its free pages and free blocks as order:number")  # fmt: skip
    _legend(io, marks | {FREE_MARK})
    at = 0
    while at < len(rows):
        block, text, told = rows[at]
        if text:
            line = f"  {block * block_pages:#07x} |{text:<{per_block}}| {told}"
            io.out((line if len(line) <= io.width else clip(line.partition("  free")[0], io.width)) + "\n")
            at += 1
            continue
        same = at
        while same < len(rows) and not rows[same][1]:
            same += 1
        size = human((same - at) * block_pages << PAGE_SHIFT)
        say(io, f"  {block * block_pages:#07x} {plural(same - at, 'pageblock')} wholly free, {size}")
        at = same


def _pageblock(box: Box, pfn: int, io: IO) -> None:
    if not 0 < pfn < box.memmap.frames:
        raise ShellError(f"page frame {pfn:#x} is not in RAM (the last one is {box.memmap.frames - 1:#x})")
    block_pages = box.arch.pageblock_pages
    start = pfn & ~(block_pages - 1)
    marks = ["R"] * block_pages
    names: dict[str, str] = {}
    pages_of: Counter[str] = Counter()
    orders: Counter[int] = Counter()
    for block in frames(box):
        if block.pfn >= start + block_pages:
            break
        low, high = max(block.pfn, start), min(block.pfn + block.pages, start + block_pages)
        if low >= high:
            continue
        name = use_name(block.use)
        letter = ORDERS[block.pages.bit_length() - 1] if block.use == FREE else LETTERS[name]
        if block.use == FREE:
            orders[block.pages.bit_length() - 1] += 1
        else:
            names[letter] = name
            pages_of[letter] += high - low
        marks[low - start : high - start] = letter * (high - low)
    if "R" in marks:
        names["R"], pages_of["R"] = "reserved at boot", marks.count("R")
    zone = box.pages.zone_of(pfn)
    kind = MIGRATE_NAMES[zone.block_type(pfn)]
    say(io, f"pageblock {start:#x}-{start + block_pages - 1:#x}, zone {zone.name}, {kind}: one mark is a page")
    step = 64 if io.width >= 76 else 32
    text = "".join(marks)
    _folded([(start + offset, text[offset : offset + step]) for offset in range(0, block_pages, step)], io, "#9x")
    if orders:
        told = ", ".join(f"{number} of order {order}" for order, number in sorted(orders.items()))
        say(io, f"0-9, A: free, in a block of that order (A is 10): {told}")
    if names:
        say(io, "; ".join(f"{letter} {names[letter]} {pages_of[letter]}" for letter in sorted(names, key=str.lower)))

