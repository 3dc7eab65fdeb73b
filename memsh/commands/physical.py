"""Views of physical memory: zones, the buddy system's lists, fragmentation, an account of every frame."""

from __future__ import annotations

from memsh.commands.buddytree import draw
from memsh.commands.cgroups import account_group
from memsh.commands.draw import bar, human, plural, say, table
from memsh.commands.physmap import use_name
from memsh.digits import is_digits
from memsh.inspect.check import count_frames
from memsh.linux.box import Box
from memsh.linux.include.flags import MAX_ORDER, MIGRATE_NAMES, PAGE_SHIFT, PAGE_SIZE
from memsh.linux.include.memmap import K_RESERVED
from memsh.linux.include.mmzone import Zone
from memsh.shell import arg, command, opt
from memsh.shell.errors import ShellError
from memsh.shell.io import IO
from memsh.shell.registry import Args
from memsh.shell.values import count, wide_size

TOPIC = "views"
PURPOSE = {
    "DMA": "legacy ISA devices",
    "Normal": "mapped into the kernel for good",
    "DMA32": "devices that reach 4 GiB; mapped into the kernel for good",
    "HighMem": "reached through temporary mappings",
    "Movable": "what can be moved, if asked for: kernelcore=, online_movable",
}


def zone_named(box: Box, name: str) -> Zone:
    for zone in box.pages.zones:
        if zone.name.lower() == name.lower() and zone.present:
            return zone
    known = ", ".join(zone.name for zone in box.pages.zones if zone.present)
    raise ShellError(f"there is no zone '{name}' in this box (it has {known})")


def buddy_counts(box: Box, zone: Zone) -> list[int]:
    """Free blocks per order, all migrate types together, as /proc/buddyinfo prints them."""
    return [zone.nr_blocks(order) for order in range(MAX_ORDER)]


NODE = opt("--node", type=count, help="this memory node only", meta="N")
ZONE = arg("zone", default="", help="a zone's name; of a captured tree also 'Node 1'", words="zone")


def shown_zones(box: Box, name: str, node: int | None) -> list[Zone]:
    """The zones with memory that a name and --node pick; all of them for neither."""
    found = [zone_named(box, name)] if name else [zone for zone in box.pages.zones if zone.present]
    if node is not None:
        found = [zone for zone in found if getattr(zone, "nid", 0) == node]
        if not found:
            raise ShellError(f"there is no node {node} with such a zone in this box")
    return found


@command(NODE, ZONE, topic=TOPIC, needs_box=False, looks=True)
def zones(box: Box, args: Args, io: IO) -> None:
    """physical memory by zone: bounds, free pages, watermarks

    zones
    """
    if box is None:
        from memsh.commands.elsewhere import textviews  # start-up: 1 ms, for a captured /proc alone

        textviews.zones(args.zone, args.node, io)
        return
    width = max(8, min(28, io.width - 52))
    for zone in shown_zones(box, args.zone, args.node):
        start, end = zone.start_pfn << PAGE_SHIFT, (zone.start_pfn + zone.spanned) << PAGE_SHIFT
        used = zone.managed - zone.nr_free
        say(io, f"ZONE_{zone.name.upper():<8} {start:#010x}-{end - 1:#010x}  {human(zone.present << PAGE_SHIFT)}")
        say(io, f"  {PURPOSE[zone.name]}")
        say(io, f"  used  |{bar(used, zone.managed, width)}| {used} of {zone.managed} pages, {zone.nr_free} free")
        marks = f"min {zone.wmark_min}  low {zone.wmark_low}  high {zone.wmark_high}"
        boost = f"  boost {zone.watermark_boost}" if zone.watermark_boost else ""
        say(io, f"  watermarks: {marks}{boost}; {plural(zone.pcp.count, 'page')} on this CPU's lists")


@command(arg("size", type=wide_size, help="bytes; k, M, G allowed"), topic=TOPIC, needs_box=False)
def order(box: Box, args: Args, io: IO) -> None:
    """the order of the smallest block that holds SIZE bytes

    order 100k
    """
    if box is None:
        from memsh.commands.elsewhere import textviews  # start-up: 1 ms, for a captured /proc alone

        textviews.order(args.size, io)
        return
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


@command(
    NODE,
    arg("zone", default="", help="DMA, Normal or HighMem, or a page frame number", words="zone"),
    topic=TOPIC,
    needs_box=False,
)
def buddy(box: Box, args: Args, io: IO) -> None:
    """the buddy system's free lists, with what each column is worth, per-CPU lists in front

    buddy Normal

    With a page frame number: the tree of the order-10 block that it lies in, halved down to its own block, each half
    with what has become of it, and what would merge.
    """
    if box is None:
        from memsh.commands.elsewhere import textviews  # start-up: 1 ms, for a captured /proc alone

        textviews.buddy(args.zone, args.node, io)
        return
    if is_digits(args.zone[:1]):
        draw(box, count(args.zone), io)
        return
    for zone in shown_zones(box, args.zone, args.node):
        counts = buddy_counts(box, zone)
        say(io, f"zone {zone.name}: {plural(zone.nr_free, 'free page')}, {human(zone.nr_free * PAGE_SIZE)}")
        waiting = plural(zone.pcp.count, "page")
        say(io, f"  on this CPU's lists: {waiting} (up to {zone.pcp.high}), in none of the columns")
        io.out(_by_type(io, zone, counts))


def _by_type(io: IO, zone: Zone, counts: list[int]) -> str:
    """A zone's free blocks, a row an order; without the bar, then with short names, where there is no room."""
    largest = max(counts[o] << o for o in range(MAX_ORDER)) or 1
    text = ""
    for room, letters in ((8, 99), (0, 99), (0, 3)):
        rows: list[tuple[object, ...]] = [("  order", "block", "blocks", "free", *[""] * (room > 0), "by migrate type")]
        for o in range(MAX_ORDER):
            parts = [(name, len(zone.lists[o << 2 | mt])) for mt, name in enumerate(MIGRATE_NAMES)]
            types = " ".join(f"{name[:letters]} {n}" for name, n in parts if n)
            share = [bar(counts[o] << o, largest, room)] if room else []
            rows.append((f"  {o}", human(PAGE_SIZE << o), counts[o], human(counts[o] * PAGE_SIZE << o), *share, types))
        text = table(rows, "<>>><<" if room else "<>>><")
        if all(len(line) <= io.width for line in text.splitlines()):
            break
    return text


def unusable_index(counts: list[int], order: int) -> float:
    """The share of free memory that cannot serve a request of `order` (mm/vmstat.c, unusable_free_index)."""
    free = sum(n << o for o, n in enumerate(counts))
    suitable = sum(counts[o] << (o - order) for o in range(order, MAX_ORDER))
    return (free - (suitable << order)) / free if free else 1.0


@command(NODE, ZONE, topic=TOPIC, needs_box=False, looks=True)
def frag(box: Box, args: Args, io: IO) -> None:
    """fragmentation: external by order, internal by cache

    frag
    """
    if box is None:
        from memsh.commands.elsewhere import textviews  # start-up: 1 ms, for a captured /proc alone

        textviews.frag(args.zone, args.node, io)
        return
    say(io, "external: share of a zone's free memory in blocks too small for an order")
    rows: list[tuple[object, ...]] = [("  zone", *range(MAX_ORDER))]
    for zone in shown_zones(box, args.zone, args.node):
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


@command(arg("group", default="", help="a cgroup, as in account /a", words="path"), topic=TOPIC, needs_box=False,
         looks=True)  # fmt: skip
def account(box: Box, args: Args, io: IO) -> None:
    """every page frame, by what it is used for; the sum is MemTotal

    account

    With a cgroup: what its memory.current is made of.
    """
    if box is None:
        from memsh.commands.elsewhere import textviews  # start-up: 1 ms, for a captured /proc alone

        textviews.account(io)
        return
    if args.group:
        account_group(box, args.group, io)
        return
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
