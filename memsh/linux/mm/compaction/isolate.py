"""Compaction's two scanners: movable pages from the bottom of a zone, free pages from its top (mm/compaction.c).

isolate_migratepages, isolate_freepages, their short cuts through the free lists (fast_find_migrateblock,
fast_isolate_freepages), and the skip hints of page blocks.

Known deviations: nobody else runs, so no lock is contended, no signal cuts a scan short, and there are never too many
isolated pages to begin; dirty pages need no look at their mapping's migrate_folio, which every file system here has.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_NAMES, MAX_ORDER, MIGRATE_HIGHATOMIC, MIGRATE_MOVABLE
from memsh.linux.include.memmap import (
    K_HUGETLB,
    K_KERNEL,
    K_KMALLOC,
    K_SLAB,
    PG_HUGE,
    PG_LRU,
    PG_UNEVICTABLE,
    PG_WRITEBACK,
)
from memsh.linux.include.mmzone import NO_SECTION, FreeList, Zone
from memsh.linux.mm.compaction.migrate import (
    MIGRATE_ASYNC,
    MIGRATE_SYNC,
    isolate_page,
    page_mapping,
    putback_movable_pages,
)
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR, HPAGE_PMD_ORDER
from memsh.linux.mm.page_alloc.watermark import zone_watermark_ok

if TYPE_CHECKING:
    from memsh.linux.box import Box

CLUSTER = 32  # COMPACT_CLUSTER_MAX: pages that are moved at once
COSTLY_ORDER = 3
_NO_START = 1 << 52  # beyond every frame
_FS = GFP_NAMES["__GFP_FS"]
_COMPOUND = (K_SLAB, K_KMALLOC, K_HUGETLB)
_LARGEST_COMPOUND = 18  # a huge page of 1 GiB


class CompactControl:
    """struct compact_control: one run over one zone. Frames are page frame numbers; `order` -1 asks for everything."""

    __slots__ = (
        "alloc_flags", "box", "direct_compaction", "fast_search_fail", "fast_start", "free_pfn", "free_scanned",
        "freepages", "gfp", "highest", "ignore_block_suitable", "ignore_skip_hint", "migrate_pfn", "migrate_scanned",
        "migratepages", "migratetype", "mode", "order", "proactive", "rescan", "search_order", "stops", "whole_zone",
        "zone",
    )  # fmt: skip

    def __init__(self, box: Box, zone: Zone, order: int, mode: int, gfp: int) -> None:
        self.box = box
        self.zone = zone
        self.order = self.search_order = order
        self.mode = mode
        self.gfp = gfp
        self.migratetype = 0
        self.alloc_flags = self.highest = 0
        self.direct_compaction = self.whole_zone = self.ignore_skip_hint = self.ignore_block_suitable = False
        self.proactive = self.rescan = self.stops = False  # stops: Ctrl-C ends it (a signal that kills, in Linux)
        self.migrate_pfn = self.free_pfn = self.fast_start = self.fast_search_fail = 0
        self.migrate_scanned = self.free_scanned = 0
        self.migratepages: list[int] = []  # isolated; the last one is the head of Linux's list
        self.freepages: list[int] = []  # free frames taken, ready to be used; the last one is the head

    def scanners_met(self) -> bool:
        """Whether the free scanner has come down to the migrate scanner's page block."""
        order = self.zone.block_order
        return self.free_pfn >> order <= self.migrate_pfn >> order

    def skipped(self, pfn: int) -> bool:
        """The hint that the page block has nothing to offer; not heeded in the last resort."""
        zone = self.zone
        return not self.ignore_skip_hint and bool(zone.compact.skip[(pfn >> zone.block_order) - zone.start_block])


def block_start(zone: Zone, pfn: int) -> int:
    return pfn & -zone.block_pages


def block_end(zone: Zone, pfn: int) -> int:
    return (pfn | zone.block_pages - 1) + 1


def _set_skip(zone: Zone, pfn: int) -> None:
    zone.compact.skip[(pfn >> zone.block_order) - zone.start_block] = 1


def _compound_pages(box: Box, pfn: int) -> int:
    """Pages of the compound page whose head is at `pfn`; 1 if there is none, or one larger than the allocator's."""
    memmap = box.memmap
    if memmap.flags[pfn] & PG_HUGE:
        return HPAGE_PMD_NR if memmap.flags[pfn] & PG_LRU else 1
    order = memmap.order[pfn] if memmap.kind[pfn] in _COMPOUND else 0
    return 1 << order if order < MAX_ORDER else 1


def pageblock_skip_persistent(box: Box, zone: Zone, pfn: int) -> bool:
    """Whether a compound page of a page block or more covers the frame: nothing is free there, and it does not move."""
    memmap = box.memmap
    if memmap.flags[pfn] & PG_HUGE:
        return zone.block_order <= HPAGE_PMD_ORDER
    for order in range(zone.block_order, _LARGEST_COMPOUND + 1):
        head = pfn & -(1 << order)
        if memmap.kind[head] in _COMPOUND and memmap.order[head] >= order:
            return head not in zone.free
    return False


# -- free pages ------------------------------------------------------------------------------------------------------


def isolate_free_page(cc: CompactControl, pfn: int, order: int) -> int:
    """Take a free block off its list unless the zone is too low; pages taken (__isolate_free_page)."""
    zone = cc.zone
    if not zone_watermark_ok(zone, 0, zone.wmark_min + (1 << order), 0, 0, zone.stat_free):
        return 0
    zone.mod_free(-(1 << order))
    del zone.lists[zone.free.pop(pfn)][pfn]
    if order >= zone.block_order - 1:
        for block in range(pfn, pfn + (1 << order), zone.block_pages):
            if zone.block_type(block) < MIGRATE_HIGHATOMIC:
                zone.set_block_type(block, MIGRATE_MOVABLE)
    return 1 << order


def _keep(cc: CompactControl, pfn: int, count: int) -> None:
    """The frames of an isolated block wait to be used, the last one first (split_map_pages)."""
    memmap = cc.box.memmap
    for frame in range(pfn, pfn + count):
        memmap.refcount[frame] = 1
        memmap.kind[frame] = K_KERNEL
    cc.freepages.extend(range(pfn, pfn + count))


def isolate_freepages_block(cc: CompactControl, start: int, end: int, stride: int) -> tuple[int, int]:
    """Take free blocks in [start, end) until there are as many frames as pages to move: (pages taken, the end)."""
    box, zone = cc.box, cc.zone
    free = zone.free
    scanned = total = 0
    pfn = start
    while pfn < end:
        scanned += 1
        key = free.get(pfn)
        if key is None:
            pfn += _compound_pages(box, pfn) - 1 + stride
            continue
        count = isolate_free_page(cc, pfn, key >> 2)
        if not count:
            break
        _keep(cc, pfn, count)
        scanned += count - 1
        total += count
        if len(cc.migratepages) <= len(cc.freepages):
            pfn += count
            break
        pfn += count - 1 + stride
    cc.free_scanned += scanned
    if total:
        box.vmstat["compact_isolated"] += total
    return total, min(pfn, end)


def _scan_limit(cc: CompactControl) -> int:
    return (CLUSTER >> min(31, cc.fast_search_fail)) + 1


def _next_search_order(cc: CompactControl, order: int) -> int:
    """The orders in turn; -1 when all have been searched."""
    order -= 1
    if order < 0:
        order = cc.order - 1
    if order == cc.search_order:
        cc.search_order -= 1
        if cc.search_order < 0:
            cc.search_order = cc.order - 1
        return -1
    return order


def _rotate_to_head(blocks: FreeList, pfn: int) -> None:
    """Make `pfn` the head; those behind it stay behind it (move_freelist_head)."""
    for other in [*_until(iter(blocks), pfn)]:
        blocks.move_to_end(other)


def _rotate_to_tail(blocks: FreeList, pfn: int) -> None:
    """Make `pfn` the tail; those before it come before it (move_freelist_tail)."""
    for other in [*_until(reversed(blocks), pfn)]:
        blocks.move_to_end(other, last=False)


def _until(frames: Iterator[int], last: int) -> Iterator[int]:
    for pfn in frames:
        yield pfn
        if pfn == last:
            return


def _fast_isolate_freepages(cc: CompactControl) -> None:
    """Look for one free block high in the zone through the tails of the movable free lists."""
    zone = cc.zone
    if cc.order <= 0:
        return
    limit = max(1, _scan_limit(cc) >> 1)
    scan_start = cc.free_pfn >= zone.compact.init_free
    if scan_start:
        limit = zone.block_pages >> 1
    distance = cc.free_pfn - cc.migrate_pfn
    low = block_start(zone, cc.free_pfn - (distance >> 2))
    least = block_start(zone, cc.free_pfn - (distance >> 1))
    cc.search_order = min(cc.order - 1, cc.search_order)
    scanned = highest = found = 0
    order = cc.search_order
    while not found and order >= 0:
        if zone.nr_blocks(order):
            found, highest, looked, limit, taken = _search_order(cc, order, low, least, highest, limit)
            scanned += looked
            if taken < 0:  # the zone is too low: give the search up
                order = cc.search_order + 1
            if looked >= limit and not found:
                limit = max(1, limit >> 1)
        order = _next_search_order(cc, order)
    compact = zone.compact
    if not found:
        cc.fast_search_fail += 1
        if scan_start:
            if highest >= least:
                cc.free_pfn = found = highest
            elif cc.direct_compaction:
                cc.free_pfn = least
                found = least if zone.owns(least) else 0
    if highest and highest >= compact.cached_free:
        compact.cached_free = highest - zone.block_pages
    cc.free_scanned += scanned
    if found:
        _fast_isolate_around(cc, found)


def _search_order(
    cc: CompactControl, order: int, low: int, least: int, highest: int, limit: int
) -> tuple[int, int, int, int, int]:
    """One free list of the search: (block taken or 0, highest block seen, looked at, limit left, -1 if too low)."""
    zone = cc.zone
    blocks = zone.lists[order << 2 | MIGRATE_MOVABLE]
    looked = found = high = at = 0
    for pfn in islice(blocks, zone.block_pages):
        looked += 1
        at = pfn
        if pfn >= highest:
            highest = max(block_start(zone, pfn), zone.start_pfn)
        if pfn >= low:
            cc.fast_search_fail = 0
            cc.search_order = order
            found = pfn
            break
        if pfn >= least and pfn > high:
            high = pfn
            limit >>= 1
        if looked >= limit:
            break
    else:
        at = 0
    if not found and high:
        found = at = high
    if at:
        _rotate_to_head(blocks, at)
    if not found:
        return 0, highest, looked, limit, 0
    count = isolate_free_page(cc, found, order)
    if not count:
        return 0, highest, looked, limit, -1
    _keep(cc, found, count)
    cc.box.vmstat["compact_isolated"] += count
    return found, highest, looked + count - 1, limit, count


def _fast_isolate_around(cc: CompactControl, pfn: int) -> None:
    zone = cc.zone
    if len(cc.freepages) >= len(cc.migratepages) or (cc.direct_compaction and cc.mode == MIGRATE_ASYNC):
        return
    start = max(block_start(zone, pfn), zone.start_pfn)
    isolate_freepages_block(cc, start, min(block_end(zone, pfn), zone.end_pfn), 1)
    if len(cc.freepages) < len(cc.migratepages):
        _set_skip(zone, start)


def _suitable_target(cc: CompactControl, pfn: int) -> bool:
    key = cc.zone.free.get(pfn)
    if (key is not None and key >> 2 >= cc.zone.block_order) or cc.zone.block_type(pfn) == NO_SECTION:
        return False
    return cc.ignore_block_suitable or cc.zone.block_type(pfn) == MIGRATE_MOVABLE


def isolate_freepages(cc: CompactControl) -> None:
    """Fill cc.freepages from the page blocks below cc.free_pfn."""
    _fast_isolate_freepages(cc)
    if cc.freepages:
        return
    zone = cc.zone
    start = cc.free_pfn
    first = block_start(zone, start)
    end = min(first + zone.block_pages, zone.end_pfn)
    low = block_end(zone, cc.migrate_pfn)
    stride = CLUSTER if cc.mode == MIGRATE_ASYNC else 1
    while first >= low:
        if _suitable_target(cc, first) and not cc.skipped(first):
            taken, start = isolate_freepages_block(cc, start, end, stride)
            if start == end:
                _set_skip(zone, first)
                zone.compact.cached_free = min(zone.compact.cached_free, first)
            if len(cc.freepages) >= len(cc.migratepages):
                if start >= end:
                    start = first - zone.block_pages
                break
            if start < end:
                break
            stride = 1 if taken else min(CLUSTER, stride << 1)
        end = first
        first -= zone.block_pages
        start = first
    cc.free_pfn = start


def release_freepages(cc: CompactControl) -> int:
    """Free what was taken and not used; the highest frame of it."""
    highest = max(cc.freepages)
    while cc.freepages:
        cc.box.pages.free_pages(cc.freepages.pop(), 0)
    return highest


# -- pages to move ---------------------------------------------------------------------------------------------------


def _update_cached_migrate(cc: CompactControl, pfn: int) -> None:
    pfn = block_end(cc.zone, pfn)
    cached = cc.zone.compact.cached_migrate
    cached[0] = max(cached[0], pfn)
    if cc.mode != MIGRATE_ASYNC:
        cached[1] = max(cached[1], pfn)


def _movable(cc: CompactControl, pfn: int, unevictable: bool) -> bool:
    """Whether the page may be taken off its list: nothing that the mode must not wait for, nothing pinned."""
    memmap = cc.box.memmap
    flags = memmap.flags[pfn]
    if not flags & PG_LRU:
        return False
    mapping = page_mapping(cc.box, pfn)
    if not mapping and memmap.refcount[pfn] > memmap.mapcount[pfn]:
        return False
    if mapping and not cc.gfp & _FS:
        return False
    if flags & PG_UNEVICTABLE and not unevictable:
        return False
    return not (flags & PG_WRITEBACK and cc.mode != MIGRATE_SYNC)


def isolate_migratepages_block(cc: CompactControl, low: int, end: int, unevictable: bool) -> None:
    """Isolate up to CLUSTER pages of one page block, in [low, end); cc.migrate_pfn is where it ended."""
    box, zone = cc.box, cc.zone
    free, flags = zone.free, box.memmap.flags
    scanned = isolated = next_skip = 0
    valid = aborted = marked = False
    valid_pfn = low
    skip_on_failure = cc.direct_compaction and cc.mode == MIGRATE_ASYNC
    size = 1 << max(cc.order, 0)
    if skip_on_failure:
        next_skip = (low | size - 1) + 1
    pfn = low
    while pfn < end:
        if skip_on_failure and pfn >= next_skip:
            if isolated:
                break
            next_skip = (pfn | size - 1) + 1
        scanned += 1
        if not valid and not pfn & (zone.block_pages - 1):
            if cc.skipped(pfn):
                pfn = end
                aborted = True
                break
            valid, valid_pfn = True, pfn
        key = free.get(pfn)
        if key is not None:
            pfn += 1 << (key >> 2)
            continue
        if not flags[pfn] & PG_LRU or flags[pfn] & PG_HUGE:
            pfn += _compound_pages(box, pfn) - 1
        elif _movable(cc, pfn, unevictable):
            if not marked:
                marked = True
                if not cc.ignore_skip_hint and not pfn & (zone.block_pages - 1):
                    if zone.compact.skip[(pfn >> zone.block_order) - zone.start_block]:
                        aborted = True
                        break
                    _set_skip(zone, pfn)
            isolate_page(box, pfn)
            cc.migratepages.append(pfn)
            isolated += 1
            pfn += 1
            if len(cc.migratepages) >= CLUSTER and not cc.rescan:
                break
            continue
        if skip_on_failure:
            if isolated:
                putback_movable_pages(box, cc.migratepages[::-1])
                cc.migratepages.clear()
                isolated = 0
            if pfn < next_skip:
                pfn = next_skip - 1
                next_skip += size
        pfn += 1
    pfn = min(pfn, end)
    if pfn == end and (not isolated or cc.rescan):
        if valid and not marked and not aborted:
            _set_skip(zone, valid_pfn)
        _update_cached_migrate(cc, pfn)
    cc.migrate_scanned += scanned
    if isolated:
        box.vmstat["compact_isolated"] += isolated
    cc.migrate_pfn = pfn


def _fast_find_migrateblock(cc: CompactControl) -> int:
    """A page block low in the zone that already has free pages, found through the heads of the movable free lists."""
    zone = cc.zone
    pfn = cc.migrate_pfn
    if cc.ignore_skip_hint or cc.order <= COSTLY_ORDER:
        return pfn
    if pfn not in (zone.start_pfn, block_start(zone, pfn)):
        return pfn
    if cc.direct_compaction and cc.migratetype != MIGRATE_MOVABLE:
        return pfn
    limit = _scan_limit(cc)
    distance = (cc.free_pfn - cc.migrate_pfn) >> 1
    if cc.migrate_pfn != zone.start_pfn:
        distance >>= 2
    high = block_start(zone, cc.migrate_pfn + distance)
    scanned = 0
    found = False
    for order in range(cc.order - 1, COSTLY_ORDER - 1, -1):
        if found or scanned >= limit:
            break
        blocks = zone.lists[order << 2 | MIGRATE_MOVABLE]
        at = 0
        for free in reversed(blocks):
            scanned += 1
            if scanned > limit:
                at = free
                break
            if free < high and not zone.compact.skip[(free >> zone.block_order) - zone.start_block]:
                at = free
                found = True
                break
        if at:
            _rotate_to_tail(blocks, at)
        if found:
            if cc.fast_start != _NO_START:
                cc.fast_start = min(cc.fast_start or at, at)
            pfn = max(block_start(zone, at), zone.start_pfn)
            cc.fast_search_fail = 0
            _set_skip(zone, at)
    cc.migrate_scanned += scanned
    if found:
        return pfn
    cc.fast_search_fail += 1
    if cc.fast_start and cc.fast_start != _NO_START:
        cc.migrate_pfn, cc.fast_start = cc.fast_start, _NO_START
    return cc.migrate_pfn


def _suitable_source(cc: CompactControl, pfn: int) -> bool:
    if pageblock_skip_persistent(cc.box, cc.zone, pfn):
        return False
    if cc.mode != MIGRATE_ASYNC or not cc.direct_compaction:
        return True
    kind = cc.zone.block_type(pfn)
    return kind == (MIGRATE_MOVABLE if cc.migratetype == MIGRATE_MOVABLE else cc.migratetype)


def isolate_migratepages(cc: CompactControl) -> bool:
    """Isolate pages of the next page block that has some; whether there were any."""
    zone = cc.zone
    unevictable = cc.box.sysctl.values["vm.compact_unevictable_allowed"] != 0
    low = _fast_find_migrateblock(cc)
    fast = low != cc.migrate_pfn and not cc.fast_search_fail
    first = max(block_start(zone, low), zone.start_pfn)
    end = block_end(zone, low)
    while end <= cc.free_pfn:
        if cc.stops:  # nothing is isolated here but free frames
            cc.box.cond_resched()
        passed = not zone.owns(low) or (not low & (zone.block_pages - 1) and not fast and cc.skipped(low))
        if not passed and not _suitable_source(cc, first):
            _update_cached_migrate(cc, end)
            passed = True
        if not passed:
            isolate_migratepages_block(cc, low, end, unevictable)
            break
        fast = False
        cc.migrate_pfn = low = first = end
        end += zone.block_pages
    return bool(cc.migratepages)
