"""Memory compaction: moving pages together so that large blocks become free (mm/compaction.c).

A migrate scanner walks a zone upwards and isolates movable pages, a free scanner walks downwards and takes free frames;
where they meet the run ends. Direct compaction serves one allocation, `compact_memory` everything.

Known deviations: nobody contends for locks or is to be scheduled, so COMPACT_CONTENDED occurs only without free frames,
and no signal ends a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_KERNEL, GFP_NAMES, MAX_ORDER, MIGRATE_HIGHATOMIC, gfp_migratetype
from memsh.linux.include.memmap import PG_LRU
from memsh.linux.include.mmzone import CaptureControl, Node, Zone
from memsh.linux.mm.compaction.isolate import (
    COSTLY_ORDER,
    CompactControl,
    block_start,
    isolate_freepages,
    isolate_migratepages,
    pageblock_skip_persistent,
    release_freepages,
)
from memsh.linux.mm.compaction.migrate import MIGRATE_ASYNC, MIGRATE_SYNC, MIGRATE_SYNC_LIGHT, NO_TARGET, migrate_pages
from memsh.linux.mm.lru import lru_add_drain
from memsh.linux.mm.page_alloc import fallback
from memsh.linux.mm.page_alloc.fragmentation import extfrag_for_order, fragmentation_index, free_counts
from memsh.linux.mm.page_alloc.pcp import drain_zone
from memsh.linux.mm.page_alloc.watermark import ALLOC_WMARK_MASK, wmark_pages, zone_watermark_ok
from memsh.linux.mm.vmscan.reclaimable import zone_reclaimable_pages

if TYPE_CHECKING:
    from memsh.linux.box import Box

(
    COMPACT_NOT_SUITABLE_ZONE, COMPACT_SKIPPED, COMPACT_DEFERRED, COMPACT_NO_SUITABLE_PAGE, COMPACT_CONTINUE,
    COMPACT_COMPLETE, COMPACT_PARTIAL_SKIPPED, COMPACT_CONTENDED, COMPACT_SUCCESS,
) = range(9)  # fmt: skip
COMPACT_PRIO_SYNC_FULL, COMPACT_PRIO_SYNC_LIGHT, COMPACT_PRIO_ASYNC = range(3)
MIN_COMPACT_PRIORITY = COMPACT_PRIO_SYNC_FULL
MIN_COMPACT_COSTLY_PRIORITY = DEF_COMPACT_PRIORITY = COMPACT_PRIO_SYNC_LIGHT
MAX_COMPACT_RETRIES = 16
MAX_DEFER_SHIFT = 6
EVERYTHING = -1  # the order of a run for compact_memory
_IO = GFP_NAMES["__GFP_IO"]


def gfp_compaction_allowed(gfp: int) -> bool:
    """Whether the caller may wait for I/O, without which pages do not move (include/linux/gfp.h)."""
    return bool(gfp & _IO)


def compact_gap(order: int) -> int:
    """Free pages that a run needs as room to work."""
    return 2 << order


# -- putting off what failed -----------------------------------------------------------------------------------------


def defer_compaction(zone: Zone, order: int) -> None:
    """A run did not lead to a free block: the next 2, 4, … 64 requests of that order go without one."""
    compact = zone.compact
    compact.considered = 0
    compact.defer_shift = min(compact.defer_shift + 1, MAX_DEFER_SHIFT)
    compact.order_failed = min(compact.order_failed, order)


def compaction_deferred(zone: Zone, order: int) -> bool:
    compact = zone.compact
    limit = 1 << compact.defer_shift
    if order < compact.order_failed:
        return False
    compact.considered += 1
    if compact.considered >= limit:
        compact.considered = limit
        return False
    return True


def compaction_defer_reset(zone: Zone, order: int, alloc_success: bool) -> None:
    compact = zone.compact
    if alloc_success:
        compact.considered = compact.defer_shift = 0
    compact.order_failed = max(compact.order_failed, order + 1)


def _restarting(zone: Zone, order: int) -> bool:
    compact = zone.compact
    if order < compact.order_failed:
        return False
    return compact.defer_shift == MAX_DEFER_SHIFT and compact.considered >= 1 << MAX_DEFER_SHIFT


# -- the skip hints --------------------------------------------------------------------------------------------------


def _reset_isolation_pfn(box: Box, zone: Zone, pfn: int, source: bool, target: bool) -> bool:
    if not zone.owns(pfn) or pageblock_skip_persistent(box, zone, pfn):
        return False
    skip = zone.compact.skip
    block = (pfn >> zone.block_order) - zone.start_block
    if source and target and not skip[block]:
        return True
    if not source and target and zone.block_type(pfn) != 1:
        return False
    flags = box.memmap.flags
    first = max(block_start(zone, pfn), zone.start_pfn)
    last = min(block_start(zone, pfn) + zone.block_pages, zone.end_pfn) - 1
    for at in range(first, last + 1, 1 << COSTLY_ORDER):
        if (source and flags[at] & PG_LRU) or (target and at in zone.free):
            skip[block] = 0
            return True
    return False


def _reset_isolation_suitable(box: Box, zone: Zone) -> None:
    """Forget the skip hints where a sample shows something to do, and start the scanners there."""
    compact = zone.compact
    if not compact.blockskip_flush:
        return
    compact.blockskip_flush = False
    migrate, free = zone.start_pfn, zone.end_pfn - 1
    reset_migrate, reset_free = free, migrate
    source = target = False
    while migrate < free:
        if _reset_isolation_pfn(box, zone, migrate, True, source) and migrate < reset_migrate:
            source, reset_migrate = True, migrate
            compact.init_migrate = migrate
            compact.cached_migrate = [migrate, migrate]
        if _reset_isolation_pfn(box, zone, free, target, True) and free > reset_free:
            target, reset_free = True, free
            compact.init_free = compact.cached_free = free
        migrate += zone.block_pages
        free -= zone.block_pages
    if reset_migrate >= reset_free:
        compact.cached_migrate = [migrate, migrate]
        compact.cached_free = free


def reset_isolation_suitable(box: Box, node: Node) -> None:
    """What a node's kswapd does before it goes to sleep."""
    for zone in node.zones:
        if zone.managed:
            _reset_isolation_suitable(box, zone)


# -- whether to begin, whether to go on ------------------------------------------------------------------------------


def _suitable(zone: Zone, order: int, alloc_flags: int, highest: int, free_pages: int) -> int:
    if order == EVERYTHING:
        return COMPACT_CONTINUE
    mark = wmark_pages(zone, alloc_flags & ALLOC_WMARK_MASK)
    if zone_watermark_ok(zone, order, mark, highest, alloc_flags, zone.stat_free):
        return COMPACT_SUCCESS
    mark = (zone.wmark_low if order > COSTLY_ORDER else zone.wmark_min) + zone.watermark_boost + compact_gap(order)
    if not zone_watermark_ok(zone, 0, mark, highest, 0, free_pages):
        return COMPACT_SKIPPED
    return COMPACT_CONTINUE


def compaction_suitable(box: Box, zone: Zone, order: int, alloc_flags: int, highest: int) -> int:
    """COMPACT_SUCCESS: a block is free already; COMPACT_SKIPPED: too little is free, or fragmentation is not what is
    wrong (extfrag_threshold); else COMPACT_CONTINUE."""
    result = _suitable(zone, order, alloc_flags, highest, zone.stat_free)
    if result == COMPACT_CONTINUE and order > COSTLY_ORDER:
        index = fragmentation_index(order, free_counts(zone))
        if 0 <= index <= box.sysctl.values["vm.extfrag_threshold"]:
            return COMPACT_SKIPPED
    return result


def compaction_zonelist_suitable(box: Box, zones: tuple[Zone, ...], order: int, alloc_flags: int, highest: int) -> bool:
    """Whether reclaim could free enough for a run in one of the zones."""
    for zone in zones:
        available = zone_reclaimable_pages(box, zone) // order + zone.nr_free
        if _suitable(zone, order, alloc_flags, highest, available) == COMPACT_CONTINUE:
            return True
    return False


def _finished(cc: CompactControl) -> int:
    zone = cc.zone
    if cc.scanners_met():
        compact = zone.compact
        compact.cached_migrate = [zone.start_pfn, zone.start_pfn]
        compact.cached_free = block_start(zone, zone.end_pfn - 1)
        if cc.direct_compaction:
            compact.blockskip_flush = True
        return COMPACT_COMPLETE if cc.whole_zone else COMPACT_PARTIAL_SKIPPED
    if cc.proactive:
        if kswapd_is_running(cc.box.pages.nodes[zone.node]):
            return COMPACT_PARTIAL_SKIPPED
        low = fragmentation_score_wmark(cc.box, low=True)
        return COMPACT_CONTINUE if fragmentation_score_zone(zone) > low else COMPACT_SUCCESS
    if cc.order == EVERYTHING or cc.migrate_pfn & (zone.block_pages - 1):
        return COMPACT_CONTINUE
    kind = cc.migratetype
    for order in range(cc.order, MAX_ORDER):
        if zone.lists[order << 2 | kind]:
            return COMPACT_SUCCESS
        if kind != MIGRATE_HIGHATOMIC and fallback.can_steal_fallback(zone, order, kind) and (
            fallback.find_fallback(zone, order, kind) >= 0
        ):
            return COMPACT_SUCCESS
    return COMPACT_CONTINUE


# -- a run -----------------------------------------------------------------------------------------------------------


def _start(cc: CompactControl) -> None:
    """Where the scanners begin: at the ends of the zone, or where they stopped last time."""
    zone, compact = cc.zone, cc.zone.compact
    start, end = zone.start_pfn, zone.end_pfn
    cc.fast_start = 0
    if cc.whole_zone:
        cc.migrate_pfn, cc.free_pfn = start, block_start(zone, end - 1)
        return
    cc.migrate_pfn = compact.cached_migrate[cc.mode != MIGRATE_ASYNC]
    cc.free_pfn = compact.cached_free
    if not start <= cc.free_pfn < end:
        cc.free_pfn = compact.cached_free = block_start(zone, end - 1)
    if not start <= cc.migrate_pfn < end:
        cc.migrate_pfn = start
        compact.cached_migrate = [start, start]
    if cc.migrate_pfn <= compact.init_migrate:
        cc.whole_zone = True


def _migrate(cc: CompactControl) -> tuple[bool, bool]:
    """Move what was isolated: (something failed, the free frames ran out)."""

    def compaction_alloc(src: int) -> int:
        if not cc.freepages:
            isolate_freepages(cc)
        return cc.freepages.pop() if cc.freepages else 0

    pages = cc.migratepages[::-1]
    failed, _ = migrate_pages(cc.box, pages, compaction_alloc, cc.freepages.append, cc.mode)
    cc.migratepages.clear()
    return bool(failed), bool(failed) and failed[-1] == NO_TARGET


def compact_zone(cc: CompactControl) -> int:
    """One run over cc.zone; COMPACT_*. What `cc` learns in one zone it takes along to the next."""
    box, zone = cc.box, cc.zone
    cc.migrate_scanned = cc.free_scanned = 0
    cc.migratetype = gfp_migratetype(cc.gfp)
    result = compaction_suitable(box, zone, cc.order, cc.alloc_flags, cc.highest)
    if result != COMPACT_CONTINUE:
        return result
    if _restarting(zone, cc.order):
        _reset_isolation_suitable(box, zone)
    _start(cc)
    sync = cc.mode != MIGRATE_ASYNC
    if box.trace.on:
        box.trace.emit("mm_compaction_begin", *_scanners(cc), sync)
    lru_add_drain(box)
    try:
        result = _run(cc)
    finally:
        if cc.freepages:
            highest = block_start(zone, release_freepages(cc))
            zone.compact.cached_free = max(zone.compact.cached_free, highest)
        box.vmstat["compact_migrate_scanned"] += cc.migrate_scanned
        box.vmstat["compact_free_scanned"] += cc.free_scanned
    if box.trace.on:
        box.trace.emit("mm_compaction_end", *_scanners(cc), sync, result)
    return result


def _scanners(cc: CompactControl) -> tuple[int, int, int, int]:
    """Where the zone begins, the two scanners are, the zone ends: what the tracepoints tell."""
    zone = cc.zone
    return zone.start_pfn, cc.migrate_pfn, cc.free_pfn, zone.start_pfn + zone.spanned


def _run(cc: CompactControl) -> int:
    box, zone = cc.box, cc.zone
    cached = zone.compact.cached_migrate
    update_cached = cc.mode == MIGRATE_ASYNC and cached[0] == cached[1]
    last_migrated = 0
    while (result := _finished(cc)) == COMPACT_CONTINUE:
        began = cc.migrate_pfn
        cc.rescan = block_start(zone, last_migrated) == block_start(zone, began)
        if isolate_migratepages(cc):
            update_cached = False
            last_migrated = began
            failed, ran_out = _migrate(cc)
            if ran_out and not cc.scanners_met():
                return COMPACT_CONTENDED
            if failed and cc.direct_compaction and cc.mode == MIGRATE_ASYNC:
                cc.migrate_pfn = (cc.migrate_pfn - 1 | (1 << cc.order) - 1) + 1
                last_migrated = 0
        elif update_cached:
            zone.compact.cached_migrate[1] = zone.compact.cached_migrate[0]
        if cc.order > 0 and last_migrated and last_migrated < cc.migrate_pfn & -(1 << cc.order):
            lru_add_drain(box)
            drain_zone(box.pages, zone, zone.pcp)
            last_migrated = 0
        if zone.compact.capture is not None and zone.compact.capture.pfn:
            return COMPACT_SUCCESS
    return result


# -- who asks for it -------------------------------------------------------------------------------------------------


def _compact_zone_order(cc: CompactControl) -> tuple[int, int]:
    """Direct compaction of one zone: (COMPACT_*, the block that was captured on its way to the free lists, or 0)."""
    capture = cc.zone.compact.capture = CaptureControl(cc.order)
    try:
        status = compact_zone(cc)
    finally:
        cc.zone.compact.capture = None
    return COMPACT_SUCCESS if capture.pfn else status, capture.pfn


def try_to_compact_pages(
    box: Box, gfp: int, order: int, alloc_flags: int, zones: tuple[Zone, ...], highest: int, prio: int
) -> tuple[int, int]:
    """Direct compaction for one allocation, zone by zone, until one will do: (the best COMPACT_* of all, the block that
    was captured, or 0)."""
    best, pfn = COMPACT_SKIPPED, 0
    if not gfp_compaction_allowed(gfp):
        return best, 0
    for zone in zones:
        if prio > MIN_COMPACT_PRIORITY and compaction_deferred(zone, order):
            best = max(best, COMPACT_DEFERRED)
            continue
        mode = MIGRATE_ASYNC if prio == COMPACT_PRIO_ASYNC else MIGRATE_SYNC_LIGHT
        cc = CompactControl(box, zone, order, mode, gfp)
        cc.alloc_flags, cc.highest, cc.direct_compaction = alloc_flags, highest, True
        cc.whole_zone = cc.ignore_skip_hint = cc.ignore_block_suitable = prio == MIN_COMPACT_PRIORITY
        status, pfn = _compact_zone_order(cc)
        best = max(best, status)
        if status == COMPACT_SUCCESS:
            compaction_defer_reset(zone, order, False)
            break
        if prio != COMPACT_PRIO_ASYNC and status in (COMPACT_COMPLETE, COMPACT_PARTIAL_SKIPPED):
            defer_compaction(zone, order)
    return best, pfn


def _compact_whole(box: Box, node: Node, mode: int, *, proactive: bool = False) -> None:
    cc = CompactControl(box, node.zones[0], EVERYTHING, mode, GFP_KERNEL)
    cc.ignore_skip_hint = cc.whole_zone = True
    cc.proactive = proactive
    cc.stops = not proactive
    for zone in node.zones:
        if zone.managed:
            cc.zone = zone
            compact_zone(cc)


def compact_node(box: Box, node: Node) -> None:
    """Compact a node's zones from end to end: `echo 1 > /proc/sys/vm/compact_memory`, or the node's file in /sys."""
    lru_add_drain(box)
    _compact_whole(box, node, MIGRATE_SYNC)


def proactive_compact_node(box: Box, node: Node) -> None:
    """Compact until the fragmentation score of each zone is below the low mark."""
    _compact_whole(box, node, MIGRATE_SYNC_LIGHT, proactive=True)


def kswapd_is_running(node: Node) -> bool:
    return node.kswapd.state == "running"


def fragmentation_score_zone(zone: Zone) -> int:
    """0 to 100: external fragmentation against COMPACTION_HPAGE_ORDER: what one entry of the table above the last maps,
    which is a page block on either machine."""
    return extfrag_for_order(zone, zone.block_order)


def fragmentation_score_node(node: Node) -> int:
    """0 to 100: its zones' scores, each weighted by the zone's size."""
    present = node.present + 1
    return sum(zone.present * fragmentation_score_zone(zone) // present for zone in node.zones if zone.present)


def fragmentation_score_wmark(box: Box, *, low: bool) -> int:
    """The score at which proactive compaction stops (low) or starts."""
    mark = max(100 - box.sysctl.values["vm.compaction_proactiveness"], 5)
    return mark if low else min(mark + 10, 100)


def should_proactive_compact_node(box: Box, node: Node) -> bool:
    if not box.sysctl.values["vm.compaction_proactiveness"] or kswapd_is_running(node):
        return False
    return fragmentation_score_node(node) > fragmentation_score_wmark(box, low=False)
