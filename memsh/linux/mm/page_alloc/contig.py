"""Ranges of pages larger than any block: found, emptied and taken (mm/page_alloc.c: alloc_contig_pages,
alloc_contig_range; mm/page_isolation.c).

What can be moved out of the range is migrated; pages of the kernel make a range unfit.

Known deviations: the page blocks of the range are not on the isolate list while it is emptied; a range with pages that
only reclaim could free is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_HIGHUSER_MOVABLE, GFP_NAMES, MIGRATE_HIGHATOMIC, MIGRATE_MOVABLE
from memsh.linux.include.memmap import K_HUGETLB, PG_HUGE, PG_LRU
from memsh.linux.mm.compaction.migrate import MIGRATE_SYNC, isolate_page, migrate_pages
from memsh.linux.mm.page_alloc.freearea import free_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Zone

_THISNODE = GFP_NAMES["__GFP_THISNODE"]


def alloc_contig_pages(box: Box, order: int, gfp: int, nid: int, nodes: Sequence[int] | None) -> int:
    """2^order pages in a row from the nearest node that has them, taken out of the free lists; 0 if none has."""
    count = 1 << order
    highest = box.arch.gfp_zones[gfp & 0xF]
    for node in box.pages.nodes[nid].order:
        if (gfp & _THISNODE and node != nid) or (nodes is not None and node not in nodes):
            continue
        for zone in reversed(box.pages.nodes[node].zones):
            if not zone.present or zone.index > highest:
                continue
            pfn = -(-zone.start_pfn // count) * count
            while pfn + count <= zone.end_pfn:
                if _alloc_contig_range(box, zone, pfn, count):
                    return pfn
                pfn += count
    return 0


def _used(box: Box, pfn: int, end: int) -> list[int] | None:
    """The frames of [pfn, end) that must be moved away; None if some cannot be (pfn_range_valid_contig,
    has_unmovable_pages)."""
    zone = box.pages.zone_of(pfn)
    if not zone.owns(pfn) or zone.stretch_end(pfn) < end:
        return None
    memmap, free = box.memmap, zone.free
    refcount, flags, kinds, orders = memmap.refcount, memmap.flags, memmap.kind, memmap.order
    found: list[int] = []
    while pfn < end:
        key = free.get(pfn)
        if key is not None:
            pfn += 1 << (key >> 2)
            continue
        if not refcount[pfn]:
            return None  # no RAM, away, or part of a block that began before
        if kinds[pfn] == K_HUGETLB or not flags[pfn] & PG_LRU or flags[pfn] & PG_HUGE:
            return None
        found.append(pfn)
        pfn += 1 << orders[pfn]
    return found


def _alloc_contig_range(box: Box, zone: Zone, pfn: int, count: int) -> bool:
    """Empty the range and take it; whether that could be done."""
    box.pages.drain_all_pages()
    used = _used(box, pfn, pfn + count)
    if used is None:
        return False
    if used and not _empty(box, zone, pfn, count, used):
        return False
    _take(box, zone, pfn, count)
    return True


def _empty(box: Box, zone: Zone, pfn: int, count: int, used: list[int]) -> bool:
    """Migrate the pages to frames outside of the range."""
    kept: list[int] = []

    def elsewhere(src: int) -> int:
        while True:
            new = int(box.pages.alloc_pages_node(GFP_HIGHUSER_MOVABLE, 0, zone.node))
            if not new or not pfn <= new < pfn + count:
                return new
            kept.append(new)

    for page in used:
        isolate_page(box, page)
    failed, _ = migrate_pages(box, used, elsewhere, lambda new: box.pages.free_pages(new, 0), MIGRATE_SYNC)
    for new in kept:
        box.pages.free_pages(new, 0)
    box.pages.drain_all_pages()
    return not failed and _used(box, pfn, pfn + count) == []


def take_free(zone: Zone, pfn: int, end: int) -> list[tuple[int, int]]:
    """Take the free blocks that begin in [pfn, end) off their lists; where they are."""
    taken = []
    while pfn < end:
        key = zone.free.pop(pfn, None)
        if key is None:
            pfn += 1
            continue
        del zone.lists[key][pfn]
        behind = pfn + (1 << (key >> 2))
        zone.mod_free(pfn - behind)
        taken.append((pfn, behind))
        pfn = behind
    return taken


def _take(box: Box, zone: Zone, pfn: int, count: int) -> None:
    """Take the range's free blocks off their lists; what a block has before or behind the range stays free
    (isolate_freepages_range)."""
    end = pfn + count
    first = box.pages.free_head(pfn)
    assert first is not None
    for head, behind in take_free(zone, first, end):
        zone.managed -= max(0, pfn - head) + max(0, behind - end)  # free_range() counts them anew
        if head < pfn:
            free_range(zone, head, pfn)
        if behind > end:
            free_range(zone, end, behind)
    for block in range(pfn, end, zone.block_pages):
        if zone.block_type(block) < MIGRATE_HIGHATOMIC:
            zone.set_block_type(block, MIGRATE_MOVABLE)


def free_contig_range(box: Box, pfn: int, count: int) -> None:
    """Give such a range back, page by page."""
    box.pages.free_stretches([(pfn, count, 1)])

