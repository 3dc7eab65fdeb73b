"""Views of physical memory: zones, the buddy system's lists, fragmentation, an account of every frame."""

from __future__ import annotations

from typing import Any

from memsh.commands.draw import bar, human, plural, say, table
from memsh.kernel.check import FREE, LOST, PER_CPU_LIST, count_frames, frames
from memsh.kernel.flags import MAX_ORDER, MIGRATE_NAMES, PAGE_SHIFT, PAGE_SIZE, ZONE_NAMES
from memsh.kernel.memmap import K_RESERVED, KIND_NAMES
from memsh.shell import arg, command
from memsh.shell.errors import ShellError
from memsh.shell.values import count, wide_size

TOPIC = "views"
PURPOSE = {
    "DMA": "legacy ISA devices",
    "Normal": "mapped into the kernel for good",
    "HighMem": "reached through temporary mappings",
    "Movable": "empty unless asked for at boot",
}


def zone_named(box: Any, name: str) -> Any:
    for zone in box.pages.zones:
        if zone.name.lower() == name.lower() and zone.present:
            return zone
    known = ", ".join(zone.name for zone in box.pages.zones if zone.present)
    raise ShellError(f"there is no zone '{name}' in this box (it has {known})")


def buddy_counts(box: Any, zone: Any) -> list[int]:
    """Free blocks per order, all migrate types together, as /proc/buddyinfo prints them."""
    return [zone.nr_blocks(order) for order in range(MAX_ORDER)]


@command(topic=TOPIC)
def zones(box: Any, args: Any, io: Any) -> None:
    """physical memory by zone: bounds, free pages, watermarks

    zones
    """
    width = max(8, min(28, io.width - 52))
    for zone in box.pages.zones:
        if not zone.present:
            continue
        start, end = zone.start_pfn << PAGE_SHIFT, (zone.start_pfn + zone.spanned) << PAGE_SHIFT
        used = zone.managed - zone.nr_free
        say(io, f"ZONE_{zone.name.upper():<8} {start:#010x}-{end - 1:#010x}  {human(zone.present << PAGE_SHIFT)}")
        say(io, f"  {PURPOSE[zone.name]}")
        say(io, f"  used  |{bar(used, zone.managed, width)}| {used} of {zone.managed} pages, {zone.nr_free} free")
        marks = f"min {zone.wmark_min}  low {zone.wmark_low}  high {zone.wmark_high}"
        boost = f"  boost {zone.watermark_boost}" if zone.watermark_boost else ""
        say(io, f"  watermarks: {marks}{boost}; {plural(zone.pcp.count, 'page')} on this CPU's lists")


@command(arg("size", type=wide_size, help="bytes; k, M, G allowed"), topic=TOPIC)
def order(box: Any, args: Any, io: Any) -> None:
    """the order of the smallest block that holds SIZE bytes

    order 100k
    """
    pages = max(1, -(-args.size // PAGE_SIZE))
    needed = (pages - 1).bit_length()
    if needed >= MAX_ORDER:
        raise ShellError(f"{human(args.size)} needs order {needed}; the largest block is order 10, 4 MiB")
    block = PAGE_SIZE << needed
    io.value(
        needed,
        f"2^{needed} = {plural(1 << needed, 'page')}, {human(block)}; {human(block - args.size)} left over",
        dec=True,
    )


@command(arg("zone", default="", help="DMA, Normal or HighMem", words="zone"), topic=TOPIC)
def buddy(box: Any, args: Any, io: Any) -> None:
    """the buddy system's free lists, with what each column is worth, per-CPU lists in front

    buddy Normal
    """
    shown = [zone_named(box, args.zone)] if args.zone else [zone for zone in box.pages.zones if zone.present]
    for zone in shown:
        counts = buddy_counts(box, zone)
        say(io, f"zone {zone.name}: {plural(zone.nr_free, 'free page')}, {human(zone.nr_free * PAGE_SIZE)}")
        waiting = plural(zone.pcp.count, "page")
        say(io, f"  on this CPU's lists: {waiting} (up to {zone.pcp.high}), in none of the columns")
        rows: list[tuple[object, ...]] = [("  order", "block", "blocks", "free", "", "by migrate type")]
        largest = max(counts[o] << o for o in range(MAX_ORDER)) or 1
        for o in range(MAX_ORDER):
            parts = [(name, len(zone.lists[o << 2 | mt])) for mt, name in enumerate(MIGRATE_NAMES)]
            types = " ".join(f"{name} {n}" for name, n in parts if n)
            size = human(PAGE_SIZE << o)
            rows.append(
                (f"  {o}", size, counts[o], human(counts[o] * PAGE_SIZE << o), bar(counts[o] << o, largest, 8), types)
            )
        io.out("".join(line[: io.width].rstrip() + "\n" for line in table(rows, "<>>><<").splitlines()))


def unusable_index(counts: list[int], order: int) -> float:
    """The share of free memory that cannot serve a request of `order` (mm/vmstat.c, unusable_free_index)."""
    free = sum(n << o for o, n in enumerate(counts))
    suitable = sum(counts[o] << (o - order) for o in range(order, MAX_ORDER))
    return (free - (suitable << order)) / free if free else 1.0


@command(topic=TOPIC)
def frag(box: Any, args: Any, io: Any) -> None:
    """fragmentation: external by order, internal by cache

    frag
    """
    say(io, "external: share of a zone's free memory in blocks too small for an order")
    rows: list[tuple[object, ...]] = [("  zone", *range(MAX_ORDER))]
    for zone in box.pages.zones:
        if zone.present:
            counts = buddy_counts(box, zone)
            rows.append((f"  {zone.name}", *(f"{100 * unusable_index(counts, o):.0f}%" for o in range(MAX_ORDER))))
    io.out(table(rows, "<" + ">" * MAX_ORDER, " "))
    say(io, "internal: slab memory that holds no object in use, the ten largest")
    waste = []
    for cache in box.slab.caches.values():
        info = box.slab.slabinfo(cache)
        pages = info.num_slabs << info.cache_order
        lost = pages * PAGE_SIZE - info.active_objs * info.size
        if pages:
            waste.append((lost, info.name, pages * PAGE_SIZE, info.active_objs, info.num_objs))
    waste.sort(key=lambda row: (-row[0], row[1]))
    rows = [("  cache", "slabs", "unused", "in use", "objects")]
    rows += [(f"  {name}", human(total), human(lost), active, objs) for lost, name, total, active, objs in waste[:10]]
    io.out(table(rows, "<>>>>"))


def use_name(use: int) -> str:
    """What a block is used for, in words."""
    return {FREE: "free", PER_CPU_LIST: "on per-CPU lists", LOST: "nobody's"}.get(use) or KIND_NAMES[use] or "kernel"


@command(topic=TOPIC)
def account(box: Any, args: Any, io: Any) -> None:
    """every page frame, by what it is used for; the sum is MemTotal

    account
    """
    found = count_frames(box)
    present = sum(zone.present for zone in box.pages.zones)
    total = sum(zone.managed for zone in box.pages.zones)
    reserved = found.pop(K_RESERVED, 0)
    rows: list[tuple[object, ...]] = [("used for", "pages", "kB")]
    rows += [(use_name(use), found[use], found[use] * 4) for use in sorted(found)]
    rows.append(("MemTotal", total, total * 4))
    io.out(table(rows, "<>>"))
    say(io, f"beside it {plural(present - total, 'page')} reserved at boot: kernel image, memory map, hashes")
    if sum(found.values()) != total:
        say(io, f"the sum misses MemTotal by {sum(found.values()) - total} pages ({reserved} reserved): run check")


_MARKS = ("·", "░", "▒", "▓", "█")


@command(arg("where", default="", help="a zone, or a page frame number", words="zone"), topic=TOPIC)
def physmap(box: Any, args: Any, io: Any) -> None:
    """a picture of physical memory: how full each stretch of it is; with a frame, its pageblock page by page

    physmap Normal
    """
    if args.where and args.where not in ZONE_NAMES and args.where[:1].isdigit():
        _pageblock(box, count(args.where), io)
        return
    shown = [zone_named(box, args.where)] if args.where else [zone for zone in box.pages.zones if zone.present]
    per_line = max(16, io.width - 14)
    say(io, "each mark is one block of 1024 pages (4 MiB): · free  ░ ▒ ▓ partly used  █ full")
    for zone in shown:
        first, last = zone.start_pfn >> 10, (zone.start_pfn + zone.spanned - 1) >> 10
        say(io, f"zone {zone.name}")
        for line in range(first, last + 1, per_line):
            marks = "".join(_MARKS[_fill(box, zone, blk)] for blk in range(line, min(line + per_line, last + 1)))
            say(io, f"  {line << 22:#010x}  {marks}")


def _fill(box: Any, zone: Any, number: int) -> int:
    """How full pageblock `number` is, as an index into _MARKS."""
    start, stop = number << 10, min((number + 1) << 10, box.memmap.frames)
    free, pfn = 0, start
    while pfn < stop:
        key = zone.free.get(pfn)
        step = 1 << (key >> 2) if key is not None else 1
        free += step if key is not None else 0
        pfn += step
    used = 1 - min(free, stop - start) / max(1, stop - start)
    return 0 if used == 0 else 4 if used == 1 else 1 + min(2, int(used * 3))


_LETTERS = {"slab": "s", "anonymous": "a", "page cache": "f", "shmem": "h", "page table": "t", "vmalloc": "v",
            "kernel stack": "k",
            "kernel": "K", "reserved": "R", "per-cpu": "p", "kmalloc": "m", "in use by the recorded machine": "x",
    "drivers and daemons": "d",
            "free": "·", "on per-CPU lists": "c", "nobody's": "?"}  # fmt: skip


def _pageblock(box: Any, pfn: int, io: Any) -> None:
    if not 0 < pfn < box.memmap.frames:
        raise ShellError(f"page frame {pfn:#x} is not in RAM (the last one is {box.memmap.frames - 1:#x})")
    start = pfn & ~1023
    marks = ["R"] * 1024
    for block in frames(box):
        if block.pfn >= start + 1024:
            break
        if block.pfn + block.pages > start:
            at = block.pfn - start
            marks[at : at + block.pages] = _LETTERS[use_name(block.use)] * block.pages
    step = 64 if io.width >= 78 else 32
    say(io, f"pageblock {start:#x}-{start + 1023:#x}, one mark a page")
    for offset in range(0, 1024, step):
        say(io, f"  {start + offset:#8x}  {''.join(marks[offset : offset + step])}")
    say(
        io,
        "· free, c on a per-CPU list, s slab, a anonymous, f page cache, h shmem, t page table, v vmalloc, "
        "k kernel stack, m kmalloc, K kernel, d drivers and daemons, p per-cpu, R reserved, "
        "x in use by the recorded machine",
    )
