"""Every invariant of the page allocator, recomputed from scratch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import MAX_ORDER

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.memmap import MemMap
    from memsh.linux.include.mmzone import Zone


def check_pages(box: Box) -> list[str]:
    """What is wrong, one line each; nothing if all is well."""
    problems: list[str] = []
    for zone in box.pages.zones:
        if zone.present:
            _check_lists(zone, box.memmap, problems)
            _check_pcp(zone, box.memmap, problems)
            _check_counts(zone, problems)
        elif zone.free or any(zone.lists) or zone.pcp.count:
            problems.append(f"zone {zone.name}: not there, but with free pages")
    return problems


def _check_lists(zone: Zone, memmap: MemMap, problems: list[str]) -> None:
    say = problems.append
    pages = 0
    free = zone.free
    listed = 0
    at = -1
    for key, blocks in enumerate(zone.lists):
        for pfn in blocks:
            listed += 1
            if free.get(pfn) != key:
                say(f"zone {zone.name}: block {pfn:#x} is on list {key >> 2}/{key & 3} but recorded as {free.get(pfn)}")
    if listed != len(free):
        say(f"zone {zone.name}: {listed} blocks on lists, {len(free)} recorded")
    for pfn in sorted(free):
        order = free[pfn] >> 2
        size = 1 << order
        pages += size
        if pfn & (size - 1) or pfn < zone.start_pfn or pfn + size > zone.end_pfn:
            say(f"zone {zone.name}: block {pfn:#x} of order {order} is misaligned or outside the zone")
            continue
        if pfn < at:
            say(f"zone {zone.name}: block {pfn:#x} overlaps the one before")
        at = pfn + size
        if order < MAX_ORDER - 1 and not pfn & size:
            buddy = free.get(pfn + size)
            if buddy is not None and buddy >> 2 == order:
                say(f"zone {zone.name}: {pfn:#x} and {pfn + size:#x} are free buddies of order {order}, unmerged")
        if any(memmap.refcount[pfn:at].tobytes()):
            say(f"zone {zone.name}: free block {pfn:#x} has pages in use")
    if pages != zone.nr_free:
        say(f"zone {zone.name}: {pages} pages on the free lists, {zone.nr_free} counted")


def _check_pcp(zone: Zone, memmap: MemMap, problems: list[str]) -> None:
    say = problems.append
    seen: set[int] = set()
    for number, cpu in enumerate(zone.pcps):
        count = 0
        for index, pages in enumerate(cpu.lists):
            size = 1 << index // 3
            count += size * len(pages)
            for pfn in pages:
                if pfn & (size - 1) or not zone.start_pfn <= pfn <= zone.end_pfn - size:
                    say(f"zone {zone.name}: CPU {number} holds {pfn:#x}, misaligned or outside the zone")
                    continue
                if any(memmap.refcount[pfn : pfn + size].tobytes()):
                    say(f"zone {zone.name}: CPU {number} holds {pfn:#x}, which is in use")
                if pfn in zone.free or pfn in seen:
                    say(f"zone {zone.name}: CPU {number} holds {pfn:#x}, which is on another list too")
                seen.update(range(pfn, pfn + size))
        if count != cpu.count:
            say(f"zone {zone.name}: CPU {number}'s lists hold {count} pages, its count is {cpu.count}")
    for pfn in zone.odd:
        if pfn not in seen:
            say(f"zone {zone.name}: a migrate type is kept for {pfn:#x}, which is on no per-CPU list")


def _check_counts(zone: Zone, problems: list[str]) -> None:
    say = problems.append
    if abs(zone.stat_diff) > zone.threshold:
        say(f"zone {zone.name}: difference {zone.stat_diff} to NR_FREE_PAGES is beyond its threshold {zone.threshold}")
    if zone.nr_free + sum(cpu.count for cpu in zone.pcps) > zone.managed:
        say(f"zone {zone.name}: more pages free than managed")
    base = zone.wmark_low + zone.watermark_boost + zone.nr_reserved_highatomic
    if zone.limit != [base + reserve for reserve in zone.lowmem_reserve]:
        say(f"zone {zone.name}: the fast path's limits do not follow the watermarks")
    if not zone.wmark_min <= zone.wmark_low <= zone.wmark_high:
        say(f"zone {zone.name}: watermarks {zone.wmark_min} {zone.wmark_low} {zone.wmark_high} are not in order")
    if any(kind > 3 for kind in zone.blocks):
        say(f"zone {zone.name}: a page block has no known type")
