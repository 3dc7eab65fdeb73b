"""Taking a piece of memory away and giving it back, to the zone that it was of or to another (mm/memory_hotplug.c:
offline_pages, online_pages, zone_for_pfn_range; mm/page_isolation.c: has_unmovable_pages).

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
from memsh.linux.mm.page_alloc.policy import policy_zone

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Zone

_GFP = GFP_USER | GFP_NAMES["__GFP_MOVABLE"] | GFP_NAMES["__GFP_RETRY_MAYFAIL"]


class OnlinePolicy(NamedTuple):
    """Where `online` leaves it to the kernel (memory_hotplug.online_policy, auto_movable_ratio in percent,
    auto_movable_numa_aware)."""

    auto_movable: bool
    ratio: int
    numa_aware: bool


class _Used(NamedTuple):
    small: list[int]
    huge: list[int]


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
    _set_blocks(zone, first, end, NO_SECTION)
    zone.managed -= count
    zone.present -= count
    _resized(box)
    if not zone.present:
        zone.set_pageset(0, 1)  # zone_pcp_reset()
        _build_all_zonelists(box)
    _shrink_zone_span(zone, first, end)
    box.pages.resized()


def _set_blocks(zone: Zone, first: int, end: int, migratetype: int) -> None:
    low, high = (pfn // zone.block_pages - zone.start_block for pfn in (first, end))
    zone.blocks[low:high] = bytes([migratetype]) * (high - low)


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
    """Give it to a zone of its node, in the largest blocks, each to the end of its list."""
    end, populated = first + count, zone.present > 0
    if zone.spanned:  # resize_zone_range()
        zone.set_span(min(zone.start_pfn, first), max(zone.end_pfn, end))
    else:
        zone.set_span(first, end)
    _set_blocks(zone, first, end, MIGRATE_MOVABLE)
    zone.present += count
    free_range(zone, first, end)
    box.pages.resized()
    if not populated:
        _build_all_zonelists(box)
    _resized(box)


def _shrink_zone_span(zone: Zone, first: int, end: int) -> None:
    """The zone begins and ends where it has memory (shrink_zone_span)."""
    start, behind, step = zone.start_pfn, zone.end_pfn, zone.block_pages
    if start == first:
        start = next((pfn for pfn in range(end, behind, step) if zone.owns(pfn)), 0)
        behind = behind if start else 0
    elif behind == end:
        before = range(first - step, start - step, -step)
        behind = next((pfn + step for pfn in before if zone.owns(max(pfn, start))), 0)
        start = start if behind else 0
    zone.set_span(start, behind)


def _resized(box: Box) -> None:
    """What follows from the memory's size."""
    pages = box.pages
    pages.resized()
    pages.init_per_zone_wmark_min()
    if box.thp.enabled != "never":
        pages.set_recommended_min_free_kbytes(True)


def _build_all_zonelists(box: Box) -> None:
    """A zone has memory for the first time, or has none any more (build_all_zonelists)."""
    pages = box.pages
    pages.build_all_zonelists()
    for node in pages.nodes:
        box.log.printk(f"Fallback order for Node {node.nid}: " + "".join(f"{nid} " for nid in node.order))
    zones = pages.nodes[pages.node].zonelist(pages.nodes, thisnode=False)
    total = sum(max(0, zone.managed - zone.wmark_high - zone.watermark_boost) for zone in zones)  # nr_free_zone_pages()
    box.log.printk(f"Built {len(pages.nodes)} zonelists, mobility grouping on.  Total pages: {total}")
    box.log.printk(f"Policy zone: {box.arch.zone_names[policy_zone(pages)]}")


# -- where it goes -----------------------------------------------------------------------------------------------------


def _intersects(zone: Zone, first: int, count: int) -> bool:
    return zone.spanned > 0 and zone.start_pfn < first + count and first < zone.end_pfn


def _default_kernel_zone_for_pfn(box: Box, nid: int, first: int, count: int) -> Zone:
    """The lowest zone that has frames there, or the node's highest for the kernel."""
    zones = box.pages.nodes[nid].zones[: box.arch.zone_normal + 1]
    return next((zone for zone in zones if _intersects(zone, first, count)), zones[-1])


def _default_zone_for_pfn(box: Box, nid: int, first: int, count: int) -> Zone:
    """Where memory around it is, if that is one zone; else the kernel's, with movable_node the movable one."""
    kernel, movable = _default_kernel_zone_for_pfn(box, nid, first, count), _movable_zone(box, nid)
    inside = _intersects(kernel, first, count)
    if inside != _intersects(movable, first, count):
        return kernel if inside else movable
    return movable if box.config.parameter("movable_node") is not None else kernel


def _movable_zone(box: Box, nid: int) -> Zone:
    return box.pages.nodes[nid].zones[box.arch.zone_movable]


def _auto_movable_can_online_movable(box: Box, zones: list[Zone], count: int, ratio: int) -> bool:
    """Whether there is kernel memory enough for so much more that the kernel cannot use. All was there at boot."""
    movable = sum(zone.present for zone in zones if zone.index == box.arch.zone_movable)
    kernel = sum(zone.present for zone in zones if zone.index != box.arch.zone_movable)
    return kernel > 0 and movable + count <= ratio * kernel // 100


def zone_for_pfn_range(box: Box, online_type: str, nid: int, first: int, count: int, policy: OnlinePolicy) -> Zone:
    """The zone that memory goes to by `online`, `online_kernel` or `online_movable`."""
    if online_type == "online_movable":
        return _movable_zone(box, nid)
    if online_type == "online_kernel":
        return _default_kernel_zone_for_pfn(box, nid, first, count)
    if not policy.auto_movable:
        return _default_zone_for_pfn(box, nid, first, count)
    fits = policy.ratio > 0 and _auto_movable_can_online_movable(box, box.pages.zones, count, policy.ratio)
    if fits and policy.numa_aware:
        fits = _auto_movable_can_online_movable(box, box.pages.nodes[nid].zones, count, policy.ratio)
    return _movable_zone(box, nid) if fits else _default_kernel_zone_for_pfn(box, nid, first, count)
