"""What alloc_pages does when memory is short (mm/page_alloc.c: __alloc_pages_slowpath and what it calls).

In this order: wake kswapd; look again, down to the min watermark; compact, for a costly order; reclaim; compact;
reclaim again while that makes sense; let the OOM killer act; give up and say so.

Known deviations: nobody else allocates meanwhile, so there are no cpusets and no zone lists to look at again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_NAMES, MIGRATE_MOVABLE
from memsh.linux.mm.compaction import compaction
from memsh.linux.mm.page_alloc import fallback
from memsh.linux.mm.page_alloc.watermark import (
    ALLOC_HIGHATOMIC,
    ALLOC_KSWAPD,
    ALLOC_MIN_RESERVE,
    ALLOC_NO_WATERMARKS,
    ALLOC_NON_BLOCK,
    ALLOC_OOM,
    WMARK_HIGH,
    WMARK_MIN,
    zone_watermark_ok,
)

if TYPE_CHECKING:
    from memsh.linux.mm.page_alloc.buddy import PageAllocator, Plan

MAX_RECLAIM_RETRIES = 16
RESCHED_USEC = 1000  # how long others run when a reclaimer without success gives way
COSTLY_ORDER = 3  # PAGE_ALLOC_COSTLY_ORDER
HIGH = GFP_NAMES["__GFP_HIGH"]
KSWAPD_RECLAIM = GFP_NAMES["__GFP_KSWAPD_RECLAIM"]
DIRECT_RECLAIM = GFP_NAMES["__GFP_DIRECT_RECLAIM"]
MEMALLOC = GFP_NAMES["__GFP_MEMALLOC"]
NOFAIL = GFP_NAMES["__GFP_NOFAIL"]
NOMEMALLOC = GFP_NAMES["__GFP_NOMEMALLOC"]
NORETRY = GFP_NAMES["__GFP_NORETRY"]
RETRY_MAYFAIL = GFP_NAMES["__GFP_RETRY_MAYFAIL"]
THISNODE = GFP_NAMES["__GFP_THISNODE"]


def gfp_to_alloc_flags(gfp: int, order: int) -> int:
    flags = WMARK_MIN | (gfp & (HIGH | KSWAPD_RECLAIM))
    if not gfp & DIRECT_RECLAIM and not gfp & NOMEMALLOC:
        flags |= ALLOC_NON_BLOCK
        if order and flags & ALLOC_MIN_RESERVE:
            flags |= ALLOC_HIGHATOMIC
    return flags


def gfp_pfmemalloc_flags(pages: PageAllocator, gfp: int) -> int:
    """Which reserves the caller may use: all of them while it reclaims, half of them when it is to die."""
    if gfp & NOMEMALLOC:
        return 0
    if gfp & MEMALLOC or pages.memalloc:
        return ALLOC_NO_WATERMARKS
    return ALLOC_OOM if pages.box.oom.is_victim(pages.box.current) else 0


def alloc_pages_slowpath(pages: PageAllocator, gfp: int, order: int, plan: Plan) -> int:
    """A block for a request that the fast path could not serve; 0 if there is none. Raises oom.Killed if the OOM
    killer chose the current process and it may die at once."""
    zones, highest, migratetype = plan[:3]
    box = pages.box
    box.changes += 1
    can_reclaim = gfp & DIRECT_RECLAIM
    can_compact = compaction.gfp_compaction_allowed(gfp)
    costly = order > COSTLY_ORDER
    flags = gfp_to_alloc_flags(gfp, order)
    if flags & ALLOC_KSWAPD:
        box.reclaim.wake_all_kswapds(box, zones, order, gfp, highest)
    pfn = pages.get_page_from_freelist(gfp, order, flags, plan)
    if pfn:
        return pfn
    priority = compaction.DEF_COMPACT_PRIORITY
    if can_reclaim and can_compact and (costly or (order and migratetype != MIGRATE_MOVABLE)):
        if not gfp_pfmemalloc_flags(pages, gfp):
            pfn, result = _direct_compact(pages, gfp, order, flags, plan, compaction.COMPACT_PRIO_ASYNC)
            if pfn:
                return pfn
            if costly and gfp & NORETRY:
                if result in (compaction.COMPACT_SKIPPED, compaction.COMPACT_DEFERRED) or gfp & THISNODE:
                    return _nopage(pages, gfp, order)
                priority = compaction.COMPACT_PRIO_ASYNC
    loops = retries = 0
    while True:
        if flags & ALLOC_KSWAPD:
            box.reclaim.wake_all_kswapds(box, zones, order, gfp, highest)
        reserves = gfp_pfmemalloc_flags(pages, gfp)
        if reserves:
            flags = reserves | flags & ALLOC_KSWAPD
        pfn = pages.get_page_from_freelist(gfp, order, flags, plan)
        if pfn:
            return pfn
        if not can_reclaim or pages.memalloc:
            break
        progress, pfn = _direct_reclaim(pages, gfp, order, flags, plan)
        if pfn:
            return pfn
        pfn, result = _direct_compact(pages, gfp, order, flags, plan, priority)
        if pfn:
            return pfn
        if gfp & NORETRY or (costly and (not can_compact or not gfp & RETRY_MAYFAIL)):
            break
        retry, loops = _should_reclaim_retry(pages, order, plan, flags, progress, loops)
        if retry:
            if not progress:  # cond_resched(): kswapd may do better
                box.disk.wait(box.timer.usec + RESCHED_USEC)
            continue
        if progress and can_compact:
            retry, priority, retries = _should_compact_retry(pages, order, plan, flags, result, priority, retries)
            if retry:
                continue
        pfn, progress = _may_oom(pages, gfp, order, plan)
        if pfn:
            return pfn
        if box.oom.is_victim(box.current) and (flags & ALLOC_OOM or gfp & NOMEMALLOC):
            break
        if not progress:
            break
        loops = 0
    return _nopage(pages, gfp, order)


def _nopage(pages: PageAllocator, gfp: int, order: int) -> int:
    pages.memory_failures += 1
    pages.box.oom.warn_alloc(gfp, f"page allocation failure: order:{order}")
    return 0


def _direct_reclaim(pages: PageAllocator, gfp: int, order: int, flags: int, plan: Plan) -> tuple[int, int]:
    """Reclaim on behalf of the caller: (pages reclaimed, block or 0) (__alloc_pages_direct_reclaim)."""
    pages.memalloc += 1
    try:
        with pages.box.psi.stall("memory"):
            mems = pages.mems
            zones = plan.zones if mems is None else tuple(zone for zone in plan.zones if zone.node in mems)
            progress = pages.box.reclaim.try_to_free_pages(pages.box, zones, order, gfp) if zones else 0
    finally:
        pages.memalloc -= 1
    if not progress:
        return 0, 0
    pfn = pages.get_page_from_freelist(gfp, order, flags, plan)
    if not pfn:
        fallback.unreserve_highatomic_pageblock(plan.zones, plan.migratetype, False)
        pages.drain_all_pages()
        pfn = pages.get_page_from_freelist(gfp, order, flags, plan)
    return progress, pfn


def _direct_compact(
    pages: PageAllocator, gfp: int, order: int, flags: int, plan: Plan, priority: int
) -> tuple[int, int]:
    """Compact on behalf of the caller: (block or 0, COMPACT_*) (__alloc_pages_direct_compact)."""
    if not order:
        return 0, compaction.COMPACT_SKIPPED
    pages.memalloc += 1
    try:
        with pages.box.psi.stall("memory"):
            result, pfn = compaction.try_to_compact_pages(
                pages.box, gfp, order, flags, plan.zones, plan.highest, priority
            )
    finally:
        pages.memalloc -= 1
    if result == compaction.COMPACT_SKIPPED:
        return 0, result
    vmstat = pages.box.vmstat
    vmstat["compact_stall"] += 1
    pfn = pfn or pages.get_page_from_freelist(gfp, order, flags, plan)
    if not pfn:
        vmstat["compact_fail"] += 1
        return 0, result
    zone = pages.zone_of(pfn)
    zone.compact.blockskip_flush = False
    compaction.compaction_defer_reset(zone, order, True)
    vmstat["compact_success"] += 1
    return pfn, result


def _should_reclaim_retry(
    pages: PageAllocator, order: int, plan: Plan, flags: int, progress: int, loops: int
) -> tuple[bool, int]:
    """Whether reclaim could still free enough: (answer, rounds without progress)."""
    zones, highest, migratetype = plan[:3]
    loops = 0 if progress and order <= COSTLY_ORDER else loops + 1
    if not progress:
        for node in pages.nodes:
            node.kswapd.cond_resched()
    if loops <= MAX_RECLAIM_RETRIES:
        for zone in zones:
            available = pages.box.reclaim.zone_reclaimable_pages(pages.box, zone) + zone.nr_free
            mark = zone.wmark_min + zone.watermark_boost
            if zone_watermark_ok(zone, order, mark, highest, flags, available):
                return True, loops
    return fallback.unreserve_highatomic_pageblock(zones, migratetype, True), loops


def _should_compact_retry(
    pages: PageAllocator, order: int, plan: Plan, flags: int, result: int, priority: int, retries: int
) -> tuple[bool, int, int]:
    """Whether to compact again, harder: (answer, priority, retries)."""
    if not order:
        return False, priority, retries
    costly = order > COSTLY_ORDER
    if result == compaction.COMPACT_SUCCESS:  # compaction_made_progress()
        retries += 1
    if result == compaction.COMPACT_SKIPPED:  # compaction_needs_reclaim()
        again = compaction.compaction_zonelist_suitable(pages.box, plan.zones, order, flags, plan.highest)
        return again, priority, retries
    failed = result == compaction.COMPACT_COMPLETE
    withdrawn = result in (
        compaction.COMPACT_DEFERRED, compaction.COMPACT_CONTENDED, compaction.COMPACT_PARTIAL_SKIPPED
    )  # fmt: skip
    if not failed and not withdrawn:
        most = compaction.MAX_COMPACT_RETRIES // 4 if costly else compaction.MAX_COMPACT_RETRIES
        if retries <= most:
            return True, priority, retries
    least = compaction.MIN_COMPACT_COSTLY_PRIORITY if costly else compaction.MIN_COMPACT_PRIORITY
    if priority > least:
        return True, priority - 1, 0
    return False, priority, retries


def _may_oom(pages: PageAllocator, gfp: int, order: int, plan: Plan) -> tuple[int, bool]:
    """The last resort: (block or 0, whether something was done that may help) (__alloc_pages_may_oom)."""
    pfn = pages.get_page_from_freelist(gfp & ~DIRECT_RECLAIM, order, WMARK_HIGH, plan)
    if pfn:
        return pfn, False
    if order > COSTLY_ORDER or gfp & (RETRY_MAYFAIL | THISNODE) or plan.highest < pages.box.arch.zone_normal:
        return 0, False
    return 0, pages.box.oom.out_of_memory(gfp, order, plan.nodes)
