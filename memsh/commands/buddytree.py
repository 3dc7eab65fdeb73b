"""The tree above one page frame: the order-10 block that it lies in, halved down to its own block, with each buddy."""

from __future__ import annotations

from memsh.commands.draw import clip, human, plural, say
from memsh.commands.physmap import use_name
from memsh.inspect.check import PER_CPU_LIST, block_of
from memsh.linux.box import Box
from memsh.linux.include.flags import MAX_ORDER, MIGRATE_NAMES, PAGE_SIZE
from memsh.linux.include.memmap import K_RESERVED
from memsh.linux.include.mmzone import Zone, pindex_to_order
from memsh.shell.errors import ShellError
from memsh.shell.io import IO


def free_block(zone: Zone, pfn: int) -> tuple[int, int] | None:
    """(first frame, order) of the free block that holds `pfn`."""
    for order in range(MAX_ORDER):
        head = pfn & ~((1 << order) - 1)
        key = zone.free.get(head)
        if key is not None and key >> 2 >= order:
            return head, key >> 2
    return None


def free_within(zone: Zone, pfn: int, order: int) -> int:
    """Free pages in [pfn, pfn + 2^order), on the buddy lists."""
    end, at, found = pfn + (1 << order), pfn, 0
    while at < end:
        key = zone.free.get(at)
        if key is None:
            at += 1
        else:
            found += 1 << (key >> 2)
            at += 1 << (key >> 2)
    return found


def per_cpu(zone: Zone) -> set[int]:
    """Frames that wait on per-CPU lists."""
    blocks = [
        (pfn, 1 << pindex_to_order(index, zone.block_order))
        for pcp in zone.pcps for index, pages in enumerate(pcp.lists) for pfn in pages
    ]  # fmt: skip
    return {pfn + page for pfn, size in blocks for page in range(size)}


def state(zone: Zone, pfn: int, order: int, waiting: set[int]) -> str:
    """What has become of the stretch of 2^order pages at `pfn`, in words. `waiting`: frames on per-CPU lists."""
    key = zone.free.get(pfn)
    if key is not None and key >> 2 == order:
        return f"free, {MIGRATE_NAMES[key & 3]} list"
    free = free_within(zone, pfn, order)
    held = sum(at in waiting for at in range(pfn, pfn + (1 << order))) if waiting else 0
    if not free:
        if held == 1 << order:
            return "on per-CPU lists"
        return f"in use, {held} of {1 << order} on per-CPU lists" if held else "in use"
    return f"split: {free} of {plural(1 << order, 'page')} free"


def draw(box: Box, pfn: int, io: IO) -> None:
    """The tree, and what freeing the frame's block would merge."""
    if not 0 < pfn < box.memmap.frames:
        raise ShellError(f"page frame {pfn:#x} is not in RAM (the last one is {box.memmap.frames - 1:#x})")
    zone = box.pages.zone_of(pfn)
    own = free_block(zone, pfn)
    block = block_of(box, pfn)
    if own is not None:
        head, order = own
        what = f"free, in the order-{order} block at {head:#x}"
    elif block is None or block.use == K_RESERVED:
        head, order, what = pfn, 0, "reserved at boot"
    else:
        head, order = block.pfn, block.pages.bit_length() - 1
        what = "free, on a per-CPU list" if block.use == PER_CPU_LIST else f"in use: {use_name(block.use)}"
        if order:
            what += f", in the order-{order} block at {head:#x}"
    say(io, f"frame {pfn:#x}, zone {zone.name}: {what}")
    _node(io, zone, "", head & ~((1 << MAX_ORDER - 1) - 1), MAX_ORDER - 1, (head, order), per_cpu(zone))
    _merging(box, io, zone, head, order, "free" if own is not None else what)


def _node(io: IO, zone: Zone, prefix: str, pfn: int, order: int, own: tuple[int, int],
          waiting: set[int]) -> None:  # fmt: skip
    """One block, and below it its two halves as long as the frame's own block lies in it."""
    size = f"  {human(PAGE_SIZE << order)}" if io.width >= 72 else ""
    here = "  <" if (pfn, order) == own else ""
    line = f"{prefix}{pfn:#x} order {order}{size}  {state(zone, pfn, order, waiting)}{here}"
    io.out(clip(line, io.width) + "\n")
    if order == own[1] or own[0] & ~((1 << order) - 1) != pfn:
        return
    if io.width >= 72:
        stem = prefix.replace("├─ ", "│  ").replace("└─ ", "   ")
        branches = ("├─ ", "└─ ")
    else:
        stem, branches = prefix.replace("├", "│").replace("└", " "), ("├", "└")
    for number, branch in enumerate(branches):
        _node(io, zone, stem + branch, pfn + (number << order - 1), order - 1, own, waiting)


def _merging(box: Box, io: IO, zone: Zone, head: int, order: int, what: str) -> None:
    """Why a free block is not larger, or what would become of a used one."""
    at, level, with_ = head, order, []
    while level < MAX_ORDER - 1:
        buddy = at ^ (1 << level)
        if zone.free.get(buddy, -1) >> 2 != level:
            break
        with_.append(f"{buddy:#x}")
        at &= buddy
        level += 1
    if what == "free":
        if order < MAX_ORDER - 1:
            say(io, f"its buddy {head ^ (1 << order):#x} is not free as a whole: they cannot merge")
    elif what != "reserved at boot":
        if what.startswith("free"):
            told = "when it leaves the per-CPU list "
        elif order <= 3 and not box.plain:
            told = "if freed it waits on this CPU's list first; then "
        else:
            told = "if freed "
        if with_:
            blocks = "buddy" if len(with_) == 1 else "buddies"
            say(io, f"{told}it merges with its free {blocks} {', '.join(with_)}: order {level} at {at:#x}")
        else:
            say(io, f"{told}it does not merge: its buddy {head ^ (1 << order):#x} is not free as a whole")
