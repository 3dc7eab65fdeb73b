"""What an allocation or a free did to the lists, found by comparing the state before and after.

Nothing here slows the allocator: only commands that tell call these wrappers. No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.flags import MAX_ORDER, MIGRATE_NAMES, gfp_migratetype
from memsh.linux.include.memmap import K_KERNEL

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Zone


class AllocReport(NamedTuple):
    """One alloc_pages(). `zone` is "" and pfn 0 when it failed.

    `left`: blocks left on the CPU's list that served, -1 if the buddy lists served directly. `refill`: blocks that the
    CPU's list was given first. `split`: (first frame, order) of each block taken off the buddy lists. `remainders`:
    (first frame, order) of what was put back of them. `fallback`: migrate types (wanted, taken from) when another
    type's block had to serve. `claimed`: page blocks that changed their type, as (first frame, new type). `boost`:
    pages by which the watermarks rose. `reserved`: pages added to the high-atomic reserve.
    """

    pfn: int
    order: int
    zone: str = ""
    left: int = -1
    refill: int = 0
    split: tuple[tuple[int, int], ...] = ()
    remainders: tuple[tuple[int, int], ...] = ()
    fallback: tuple[int, int] | None = None
    claimed: tuple[tuple[int, int], ...] = ()
    boost: int = 0
    reserved: int = 0
    note: str = ""


class FreeReport(NamedTuple):
    """One free_pages().

    `listed`: migrate type of the per-CPU list that took the block, -1 if it went straight to the buddy lists;
    `on_lists`: pages on the CPU's lists then; `drained`: pages that went from the CPU's lists to the buddy lists in
    turn; `merged`: (first frame, order) of the free block that the pages ended up in, None on a per-CPU list.
    """

    pfn: int
    order: int
    zone: str
    listed: int = -1
    on_lists: int = 0
    drained: int = 0
    merged: tuple[int, int] | None = None
    note: str = ""


def kib(order: int) -> str:
    """The size of a block: `64 KiB`, `4 MiB`."""
    return f"{4 << order} KiB" if order < 8 else f"{1 << (order - 8)} MiB"


class _Before(NamedTuple):
    free: dict[int, int]
    blocks: bytes
    lists: tuple[int, ...]
    boost: int
    highatomic: int


def _snapshot(zone: Zone) -> _Before:
    lengths = tuple(map(len, zone.pcp.lists))
    return _Before(dict(zone.free), bytes(zone.blocks), lengths, zone.watermark_boost, zone.nr_reserved_highatomic)


def alloc_pages(box: Box, gfp: int, order: int, kind: int = K_KERNEL, nid: int = -1) -> AllocReport:
    """box.pages.alloc_pages(), or alloc_pages_node(), with an account of it."""
    pages = box.pages
    before = {zone: _snapshot(zone) for zone in pages.zones}
    stalls = _stalls(box)
    pfn = pages.alloc_pages(gfp, order, kind) if nid < 0 else pages.alloc_pages_node(gfp, order, nid, kind)
    if not pfn:
        return AllocReport(0, order, note="no zone has a block of this order above its watermark")
    zone = pages.zone_of(pfn)
    effort = _effort(stalls, _stalls(box))
    if effort:  # too much has moved for the lists before and after to tell which block it was
        return AllocReport(pfn, order, zone.name, note=f"order {order}, {kib(order)}, {zone.name}: {effort}")
    report = _compare(zone, before[zone], pfn, order, gfp_migratetype(gfp))
    highest = pages.box.arch.gfp_zones[gfp & 0xF]
    above = pages.nodes[zone.node].zones[zone.index + 1 : highest + 1]
    skipped = [other.name for other in reversed(above) if other.managed]
    return report._replace(note=_alloc_note(report, skipped))


_EFFORTS = ("pgsteal_direct", "slabs_scanned", "pgmigrate_success", "compact_stall", "oom_kill")


def _stalls(box: Box) -> tuple[int, ...]:
    """What the slow path has done so far: pages freed by direct reclaim, objects looked at, pages moved, direct
    compactions, processes killed."""
    return tuple(box.vmstat[name] for name in _EFFORTS)


def _effort(before: tuple[int, ...], after: tuple[int, ...]) -> str:
    """What had to be done before there was a block; "" if the lists had one."""
    freed, looked, moved, compacted, killed = (new - old for old, new in zip(before, after, strict=True))
    done = []
    if freed:
        done.append(f"{freed} pages were freed first (direct reclaim)")
    elif looked:
        done.append("objects in slabs were freed first (direct reclaim)")
    if moved:
        done.append("pages were moved to make a block (direct compaction)")
    elif compacted and not done:
        done.append("moving pages was tried, but there were none to move (direct compaction)")
    if killed:
        done.append("a process was ended first (OOM killer)")
    return "no block was to be had: " + ", ".join(done) if done else ""


def _compare(zone: Zone, before: _Before, pfn: int, order: int, wanted: int) -> AllocReport:
    old, new = before.free, zone.free
    split = tuple(sorted((at, key >> 2) for at, key in old.items() if new.get(at, -4) >> 2 != key >> 2))
    rest = tuple(sorted((at, key >> 2) for at, key in new.items() if old.get(at, -4) >> 2 != key >> 2))
    left, refill = -1, 0
    lengths = [len(pages) for pages in zone.pcp.lists]
    changed = [i for i in range(len(lengths)) if lengths[i] != before.lists[i]]
    if changed:
        index = changed[0]
        left = lengths[index]
        refill = max(0, left + 1 - before.lists[index])
    claimed = tuple(
        ((zone.start_block + i) * zone.block_pages, kind)
        for i, kind in enumerate(zone.blocks)
        if kind != before.blocks[i]
    )
    fallback = next(((wanted, old[at] & 3) for at, _ in split if old[at] & 3 != wanted), None)
    return AllocReport(
        pfn, order, zone.name, left, refill, split, rest, fallback, claimed,
        zone.watermark_boost - before.boost, zone.nr_reserved_highatomic - before.highatomic,
    )  # fmt: skip


def _blocks(blocks: tuple[tuple[int, int], ...]) -> str:
    shown = [f"{pfn:#x} left on order {order}" for pfn, order in sorted(blocks, key=lambda block: block[1])]
    return ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")


def _alloc_note(report: AllocReport, skipped: list[str]) -> str:
    text = f"order {report.order}, {kib(report.order)}, {report.zone}: "
    if report.left >= 0 and not report.refill:
        text += f"from this CPU's list ({report.left} left), buddyinfo unchanged"
    elif report.left >= 0:
        blocks = "block" if report.refill == 1 else "blocks"
        text += f"this CPU's list was empty: refilled with {report.refill} {blocks}, {report.left} left"
        if report.remainders:
            text += f"; {_blocks(report.remainders)}"
    elif report.split:
        order = report.split[0][1]
        if order == report.order:
            text += f"a free block of order {order}, nothing split"
        else:
            text += f"order-{order} block split, {_blocks(report.remainders)}"
    if report.fallback:
        wanted, taken = (MIGRATE_NAMES[mt] for mt in report.fallback)
        text += f"; no {wanted} block was left: taken from {taken}"
    for pfn, kind in report.claimed:
        text += f"; page block {pfn:#x} is {MIGRATE_NAMES[kind]} now"
    if report.boost > 0:
        text += f"; watermarks up by {report.boost} pages"
    if skipped:
        text += f" ({' and '.join(skipped)} had none to give)"
    return text


def free_pages(box: Box, pfn: int, order: int) -> FreeReport:
    """box.pages.free_pages() with an account of it. The caller has asked bad_free()."""
    pages = box.pages
    zone = pages.zone_of(pfn)
    before_count = zone.pcp.count
    users = box.memmap.refcount[pfn]
    pages.free_pages(pfn, order)
    if users > 1:
        note = f"order {order}, {kib(order)}, {zone.name}: one user less, {users - 1} left"
        return FreeReport(pfn, order, zone.name, note=note)
    text = f"order {order}, {kib(order)}, {zone.name}: "
    drained = before_count + (1 << order) - zone.pcp.count
    listed = -1
    if order <= 3 and not pages.plain:
        listed = min(zone.block_type(pfn), 3) if zone.block_type(pfn) < 3 else 1
    head = pages.free_head(pfn)
    merged = (head, zone.free[head] >> 2) if head is not None else None
    if listed >= 0:
        text += f"on this CPU's list of {MIGRATE_NAMES[listed]} blocks ({zone.pcp.count} pages there)"
        if drained > 0:
            text += f"; that was too many: {drained} pages went on to the buddy lists"
        else:
            text += ", buddyinfo unchanged"
    elif merged is not None:
        if merged[1] > order:
            text += f"merged with free buddies up to order {merged[1]}, {kib(merged[1])}, at {merged[0]:#x}"
        elif order == MAX_ORDER - 1:
            text += f"free block of order {order}, the largest there is"
        else:
            text += f"free block of order {order}, its buddy {pfn ^ (1 << order):#x} is not free"
    went = max(0, drained) if listed >= 0 else 0
    return FreeReport(pfn, order, zone.name, listed, zone.pcp.count, went, merged, text)
