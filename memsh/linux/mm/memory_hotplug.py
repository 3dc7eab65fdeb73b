"""Taking a piece of memory away and giving it back (mm/memory_hotplug.c: offline_pages, online_pages;
mm/page_isolation.c: has_unmovable_pages).

The free blocks of the piece leave their lists first, so that what is moved away finds no place in it.

**Known deviations:** the page blocks are not on the isolate list while they are emptied; a page that stays is not
dumped into the log. Free huge pages of a pool in the piece are not dissolved: EBUSY, as for a page that cannot be
migrated, at which Linux tries until a signal comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_NAMES, GFP_TRANSHUGE, GFP_USER, MIGRATE_MOVABLE
from memsh.linux.include.memmap import K_ANON, K_HUGETLB, PG_HUGE, PG_LRU
from memsh.linux.include.mmzone import NO_SECTION
from memsh.linux.mm.compaction.migrate import MIGRATE_SYNC, isolate_page, migrate_pages
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR, HPAGE_PMD_ORDER
from memsh.linux.mm.huge_memory.migrate import migrate_huge_page
from memsh.linux.mm.huge_memory.split import split_huge_page
from memsh.linux.mm.lru import lru_add_drain
from memsh.linux.mm.page_alloc.contig import take_free
from memsh.linux.mm.page_alloc.freearea import free_range

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Zone

_GFP = GFP_USER | GFP_NAMES["__GFP_MOVABLE"] | GFP_NAMES["__GFP_RETRY_MAYFAIL"]


class _Used(NamedTuple):
    small: list[int]
    huge: list[int]


def is_online(zone: Zone, pfn: int) -> bool:
    """Whether the kernel uses the memory section of a frame of the zone's."""
    return zone.block_type(pfn) != NO_SECTION


def _used(box: Box, zone: Zone, pfn: int, end: int) -> _Used:
    """The frames of [pfn, end) that must be moved away. EBUSY if one cannot be (has_unmovable_pages)."""
    memmap, free = box.memmap, zone.free
    refcount, flags, kinds, orders = memmap.refcount, memmap.flags, memmap.kind, memmap.order
    used = _Used([], [])
    while pfn < end:
        key = free.get(pfn)
        if key is not None:
            pfn += 1 << (key >> 2)
            continue
        if not refcount[pfn] or not flags[pfn] & PG_LRU or kinds[pfn] == K_HUGETLB:
            raise KernelError("EBUSY", f"the page {pfn:#x} cannot be moved")
        (used.huge if flags[pfn] & PG_HUGE else used.small).append(pfn)
        pfn += 1 << orders[pfn]
    return used


def offline_pages(box: Box, zone: Zone, first: int, count: int) -> None:
    """Memory without holes, all of the zone's, of whole sections. EBUSY."""
    end = first + count
    box.pages.drain_all_pages()
    lru_add_drain(box)
    used = _used(box, zone, first, end)
    for cache in reversed([*box.slab.caches.values()]):  # slab_mem_going_offline_callback()
        box.slab.kmem_cache_shrink(cache)
    box.pages.drain_all_pages()
    taken = take_free(zone, first, end)
    if not _do_migrate_range(box, zone, first, end, used):
        for start, behind in taken:
            _put_back(zone, start, behind)
        raise KernelError("EBUSY", "a page could not be moved")
    take_free(zone, first, end)
    low, high = (pfn // zone.block_pages - zone.start_block for pfn in (first, end))
    zone.blocks[low:high] = bytes([NO_SECTION]) * (high - low)
    zone.managed -= count
    zone.present -= count
    _shrink_zone_span(zone, first, end)
    _resized(box)


def _put_back(zone: Zone, start: int, behind: int) -> None:
    zone.managed -= behind - start  # free_range() counts them anew
    free_range(zone, start, behind)


def _do_migrate_range(box: Box, zone: Zone, first: int, end: int, used: _Used) -> bool:
    """Move the pages out of the range, to other nodes if there are any."""
    nodes = [node.nid for node in box.pages.nodes if node.present]
    others = [nid for nid in nodes if nid != zone.node] or nodes
    inside: list[tuple[int, int]] = []

    def elsewhere(gfp: int, order: int) -> int:
        while True:
            new = box.pages.alloc_pages_node(gfp, order, zone.node, K_ANON, others)
            if not first <= new < end:
                return new
            inside.append((new, order))

    small = list(used.small)
    for head in used.huge:
        dst = elsewhere(_GFP | GFP_TRANSHUGE, HPAGE_PMD_ORDER)
        if dst and migrate_huge_page(box, head, dst):
            continue
        if dst:
            box.pages.free_pages(dst, HPAGE_PMD_ORDER)
        split_huge_page(box, head)
        small += [pfn for pfn in range(head, head + HPAGE_PMD_NR) if box.memmap.flags[pfn] & PG_LRU]
    for pfn in small:
        isolate_page(box, pfn)
    failed, _ = migrate_pages(box, small, lambda _: elsewhere(_GFP, 0), lambda new: box.pages.free_pages(new, 0),
                              MIGRATE_SYNC)  # fmt: skip
    for new, order in inside:
        box.pages.free_pages(new, order)
    box.pages.drain_all_pages()
    return not failed


def online_pages(box: Box, zone: Zone, first: int, count: int) -> None:
    """Give it back to its zone, in the largest blocks, each to the end of its list."""
    end = first + count
    low, high = (pfn // zone.block_pages - zone.start_block for pfn in (first, end))
    zone.blocks[low:high] = bytes([MIGRATE_MOVABLE]) * (high - low)
    start, behind = min(zone.start_pfn, first), max(zone.end_pfn, end)  # resize_zone_range()
    zone.start_pfn, zone.spanned = start, behind - start
    zone.present += count
    free_range(zone, first, end)
    _resized(box)


def _shrink_zone_span(zone: Zone, first: int, end: int) -> None:
    """The zone begins and ends where it has memory (shrink_zone_span)."""
    start, behind, step = zone.start_pfn, zone.end_pfn, zone.block_pages
    if start == first:
        start = next(pfn for pfn in range(end, behind, step) if is_online(zone, pfn))
    elif behind == end:
        before = range(first - step, start - step, -step)
        behind = next(pfn + step for pfn in before if is_online(zone, max(pfn, start)))
    zone.start_pfn, zone.spanned = start, behind - start


def _resized(box: Box) -> None:
    """What follows from the memory's size."""
    pages = box.pages
    pages.resized()
    pages.init_per_zone_wmark_min()
    if box.thp.enabled != "never":
        pages.set_recommended_min_free_kbytes(True)
