"""Every invariant of the page allocator, recomputed from scratch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import MAX_ORDER
from memsh.linux.include.mmzone import NO_SECTION, pindex_to_order
from memsh.linux.mm.page_alloc.watermark import MAX_THRESHOLD

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.memmap import MemMap
    from memsh.linux.include.mmzone import Zone

_CHUNK = 1 << 18  # frames looked at in one go


def check_pages(box: Box) -> list[str]:
    """What is wrong, one line each; nothing if all is well."""
    problems: list[str] = []
    for zone in box.pages.zones:
        if zone.present:
            _check_lists(zone, box.memmap, problems)
            _check_pcp(zone, box.memmap, problems)
            _check_counts(zone, problems)
        elif zone.free or any(zone.lists) or zone.pcp.count:
            problems.append(f"zone {zone.label}: not there, but with free pages")
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
                where = f"on list {key >> 2}/{key & 3} but recorded as {free.get(pfn)}"
                say(f"zone {zone.label}: block {pfn:#x} is {where}")
    if listed != len(free):
        say(f"zone {zone.label}: {listed} blocks on lists, {len(free)} recorded")
    run = at
    for pfn in sorted(free):
        order = free[pfn] >> 2
        size = 1 << order
        pages += size
        if pfn != at:
            _check_unused(zone, memmap, run, at, problems)
            run = pfn
        if pfn & (size - 1) or pfn < zone.start_pfn or pfn + size > zone.end_pfn:
            say(f"zone {zone.label}: block {pfn:#x} of order {order} is misaligned or outside the zone")
            continue
        if pfn < at:
            say(f"zone {zone.label}: block {pfn:#x} overlaps the one before")
        at = pfn + size
        if order < min(MAX_ORDER - 1, zone.block_order) and not pfn & size:  # above, high-atomic blocks stay apart
            buddy = free.get(pfn + size)
            if buddy is not None and buddy >> 2 == order:
                say(f"zone {zone.label}: {pfn:#x} and {pfn + size:#x} are free buddies of order {order}, unmerged")
    _check_unused(zone, memmap, run, at, problems)
    if pages != zone.nr_free:
        say(f"zone {zone.label}: {pages} pages on the free lists, {zone.nr_free} counted")


def in_use(memmap: MemMap, first: int, last: int) -> bool:
    """Whether a frame of [first, last) has a reference."""
    for start in range(first, last, _CHUNK):
        part = memmap.refcount[start : min(start + _CHUNK, last)].tobytes()
        if part.count(0) != len(part):
            return True
    return False


def _check_unused(zone: Zone, memmap: MemMap, first: int, last: int, problems: list[str]) -> None:
    """Free blocks that lie side by side must not have a page in use."""
    if first < 0 or not in_use(memmap, first, last):
        return
    for pfn, key in zone.free.items():
        if first <= pfn < last and in_use(memmap, pfn, pfn + (1 << (key >> 2))):
            problems.append(f"zone {zone.label}: free block {pfn:#x} has pages in use")


def _check_pcp(zone: Zone, memmap: MemMap, problems: list[str]) -> None:
    say = problems.append
    seen: set[int] = set()
    for number, cpu in enumerate(zone.pcps):
        count = 0
        for index, pages in enumerate(cpu.lists):
            size = 1 << pindex_to_order(index, zone.block_order)
            count += size * len(pages)
            for pfn in pages:
                if pfn & (size - 1) or not zone.start_pfn <= pfn <= zone.end_pfn - size:
                    say(f"zone {zone.label}: CPU {number} holds {pfn:#x}, misaligned or outside the zone")
                    continue
                if in_use(memmap, pfn, pfn + size):
                    say(f"zone {zone.label}: CPU {number} holds {pfn:#x}, which is in use")
                if pfn in zone.free or pfn in seen:
                    say(f"zone {zone.label}: CPU {number} holds {pfn:#x}, which is on another list too")
                seen.update(range(pfn, pfn + size))
        if count != cpu.count:
            say(f"zone {zone.label}: CPU {number}'s lists hold {count} pages, its count is {cpu.count}")
    for pfn in zone.odd:
        if pfn not in seen:
            say(f"zone {zone.label}: a migrate type is kept for {pfn:#x}, which is on no per-CPU list")


def _check_counts(zone: Zone, problems: list[str]) -> None:
    say = problems.append
    if abs(zone.stat_diff) > MAX_THRESHOLD:  # kswapd lowers the threshold and leaves what there is
        say(f"zone {zone.label}: difference {zone.stat_diff} to NR_FREE_PAGES is beyond any threshold")
    if zone.nr_free + sum(cpu.count for cpu in zone.pcps) > zone.managed:
        say(f"zone {zone.label}: more pages free than managed")
    base = zone.wmark_low + zone.watermark_boost + zone.nr_reserved_highatomic
    if zone.limit != [base + reserve for reserve in zone.lowmem_reserve]:
        say(f"zone {zone.label}: the fast path's limits do not follow the watermarks")
    if not zone.wmark_min <= zone.wmark_low <= zone.wmark_high:
        say(f"zone {zone.label}: watermarks {zone.wmark_min} {zone.wmark_low} {zone.wmark_high} are not in order")
    if zone.blocks.translate(None, bytes((0, 1, 2, 3, NO_SECTION))):
        say(f"zone {zone.label}: a page block has no known type")
