"""Falling back to another migrate type, and the high-atomic reserve (mm/page_alloc.c).

__rmqueue_fallback, steal_suitable_fallback, move_freepages_block, boost_watermark, reserve_highatomic_pageblock,
unreserve_highatomic_pageblock.

Known deviations: a page counts as movable when it has PG_LRU; pages that drivers declare movable do not exist here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from memsh.linux.include.flags import (
    MAX_ORDER,
    MIGRATE_HIGHATOMIC,
    MIGRATE_MOVABLE,
    MIGRATE_RECLAIMABLE,
    MIGRATE_UNMOVABLE,
)
from memsh.linux.include.memmap import PG_LRU
from memsh.linux.include.mmzone import ZONE_BOOSTED_WATERMARK, Zone
from memsh.linux.mm.page_alloc.freearea import move_to_tail, rmqueue_smallest
from memsh.linux.mm.page_alloc.watermark import ALLOC_KSWAPD, ALLOC_NOFRAGMENT

if TYPE_CHECKING:
    from memsh.linux.include.memmap import MemMap
    from memsh.linux.mm.page_alloc.buddy import PageAllocator

_FALLBACKS = (
    (MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE),
    (MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE),
    (MIGRATE_UNMOVABLE, MIGRATE_MOVABLE),
    (),
)
_LRU_LANES = PG_LRU * int.from_bytes(b"\1\0\0\0" * 1024, "little")  # as many as the largest page block has


def movable_pages(memmap: MemMap, start: int, end: int) -> int:
    """Pages on an LRU list in [start, end)."""
    return (int.from_bytes(memmap.flags[start:end].tobytes(), "little") & _LRU_LANES).bit_count()


def move_freepages_block(zone: Zone, pfn: int, migratetype: int) -> tuple[int, int, int]:
    """Move the free pages of pfn's page block to another type; (pages moved, first frame, end) of what was looked at.

    Nothing is moved if the zone ends inside the block.
    """
    start = pfn & -zone.block_pages
    end = start + zone.block_pages
    if start < zone.start_pfn:
        start = pfn
    if end > zone.end_pfn:
        return 0, 0, 0
    moved = 0
    free = zone.free
    at = start
    while at < end:
        if at in free:
            size = 1 << move_to_tail(zone, at, migratetype)
            moved += size
            at += size
        else:
            at += 1
    return moved, start, end


def can_steal_fallback(zone: Zone, order: int, start_type: int) -> bool:
    return order >= zone.block_order // 2 or start_type in (MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE)


def boost_watermark(zone: Zone, factor: int) -> bool:
    """Raise the zone's watermarks for a while, since memory is getting mixed up; false in a small zone.

    `factor` is vm.watermark_boost_factor, in 1/10000 of the high watermark.
    """
    block = zone.block_pages
    if not factor or zone.managed < block * 4:
        return False
    most = zone.wmark_high * factor // 10000
    if not most:
        return False
    zone.watermark_boost = min(zone.watermark_boost + block, max(block, most))
    zone.update_limits()
    return True


def steal_suitable_fallback(
    pages: PageAllocator, zone: Zone, pfn: int, alloc_flags: int, start_type: int, whole_block: bool
) -> None:
    """Make the free block at pfn, and perhaps the page block around it, the property of start_type."""
    order = zone.free[pfn] >> 2
    old_type = zone.block_type(pfn)
    if old_type == MIGRATE_HIGHATOMIC:
        move_to_tail(zone, pfn, start_type)
        return
    if order >= zone.block_order:
        for block in range(pfn, pfn + (1 << order), zone.block_pages):
            zone.set_block_type(block, start_type)
        move_to_tail(zone, pfn, start_type)
        return
    if boost_watermark(zone, pages.watermark_boost_factor) and alloc_flags & ALLOC_KSWAPD:
        zone.flags |= ZONE_BOOSTED_WATERMARK
    if not whole_block:
        move_to_tail(zone, pfn, start_type)
        return
    moved, start, end = move_freepages_block(zone, pfn, start_type)
    if not moved:
        move_to_tail(zone, pfn, start_type)
        return
    movable = movable_pages(pages.memmap, start, end)
    if start_type == MIGRATE_MOVABLE:
        alike = movable
    elif old_type == MIGRATE_MOVABLE:
        alike = zone.block_pages - (moved + movable)
    else:
        alike = 0
    if moved + alike >= zone.block_pages // 2:
        zone.set_block_type(pfn, start_type)


def find_fallback(zone: Zone, order: int, migratetype: int) -> int:
    """The first other type that has a free block of this order; -1 if none (find_suitable_fallback)."""
    for other in _FALLBACKS[migratetype]:
        if zone.lists[order << 2 | other]:
            return other
    return -1


def rmqueue_fallback(pages: PageAllocator, zone: Zone, order: int, start_type: int, alloc_flags: int) -> bool:
    """Hand a free block of another type to start_type's lists; false if no other type has one that fits."""
    least = max(order, zone.block_order) if alloc_flags & ALLOC_NOFRAGMENT else order
    for current in range(MAX_ORDER - 1, least - 1, -1):
        other = find_fallback(zone, current, start_type)
        if other < 0:
            continue
        steal = can_steal_fallback(zone, current, start_type)
        if not steal and start_type == MIGRATE_MOVABLE and current > order:
            for current in range(order, MAX_ORDER):
                other = find_fallback(zone, current, start_type)
                if other >= 0:
                    break
            steal = can_steal_fallback(zone, current, start_type)
        pfn = next(reversed(zone.lists[current << 2 | other]))
        steal_suitable_fallback(pages, zone, pfn, alloc_flags, start_type, steal)
        if pages.trace.on:
            owned = int(zone.block_type(pfn) == start_type)
            pages.trace.emit("mm_page_alloc_extfrag", pfn, order, current, start_type, other, owned,
                             zone.block_order)  # fmt: skip
        return True
    return False


def rmqueue(pages: PageAllocator, zone: Zone, order: int, migratetype: int, alloc_flags: int) -> int:
    """One block off the buddy lists (__rmqueue), falling back as needed; 0 if the zone has none."""
    while True:
        pfn = rmqueue_smallest(zone, order, migratetype)
        if pfn or not rmqueue_fallback(pages, zone, order, migratetype, alloc_flags):
            return pfn


def reserve_highatomic_pageblock(zone: Zone, pfn: int) -> None:
    """Keep the page block of a high-order atomic allocation for others like it, up to 1 % of the zone and a block."""
    if zone.nr_reserved_highatomic >= zone.managed // 100 + zone.block_pages:
        return
    if zone.block_type(pfn) < MIGRATE_HIGHATOMIC:
        zone.nr_reserved_highatomic += zone.block_pages
        zone.set_block_type(pfn, MIGRATE_HIGHATOMIC)
        move_freepages_block(zone, pfn, MIGRATE_HIGHATOMIC)
        zone.update_limits()


def unreserve_highatomic_pageblock(zones: Iterable[Zone], migratetype: int, force: bool) -> bool:
    """Give one page block of the high-atomic reserve back before an allocation fails; true if pages moved."""
    for zone in zones:
        if not force and zone.nr_reserved_highatomic <= zone.block_pages:
            continue
        for order in range(MAX_ORDER):
            blocks = zone.lists[order << 2 | MIGRATE_HIGHATOMIC]
            if not blocks:
                continue
            pfn = next(reversed(blocks))
            if zone.block_type(pfn) == MIGRATE_HIGHATOMIC:
                zone.nr_reserved_highatomic -= min(zone.block_pages, zone.nr_reserved_highatomic)
                zone.update_limits()
            zone.set_block_type(pfn, migratetype)
            if move_freepages_block(zone, pfn, migratetype)[0]:
                return True
    return False
