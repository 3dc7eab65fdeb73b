"""Many single pages or huge pages at once (mm/page_alloc.c: free_unref_page_list, __alloc_pages_bulk).

The result is what one call for each page would leave, frame by frame and counter by counter.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_NAMES, MAX_ORDER, MIGRATE_HIGHATOMIC, MIGRATE_MOVABLE
from memsh.linux.include.memmap import K_KERNEL
from memsh.linux.include.mmzone import ZONE_BOOSTED_WATERMARK, Zone, order_to_pindex
from memsh.linux.lib.columns import clear_run, frame_runs, stepped_runs
from memsh.linux.mm.page_alloc import pcp
from memsh.linux.mm.page_alloc.freearea import take_run
from memsh.linux.mm.page_alloc.watermark import WMARK_LOW, wmark_pages, zone_watermark_fast

if TYPE_CHECKING:
    from memsh.linux.mm.page_alloc.buddy import PageAllocator, Plan

HIGH = GFP_NAMES["__GFP_HIGH"]
KSWAPD_RECLAIM = GFP_NAMES["__GFP_KSWAPD_RECLAIM"]
DIRECT_RECLAIM = GFP_NAMES["__GFP_DIRECT_RECLAIM"]
ACCOUNT = GFP_NAMES["__GFP_ACCOUNT"]


def free_page_list(pages: PageAllocator, pfns: Sequence[int]) -> None:
    """Free single pages whose reference count is 0 already (free_unref_page_list)."""
    if not pfns:
        return
    if pages._plain:
        for pfn in pfns:
            pages._refcount[pfn] = 1
            pages.free_pages(pfn, 0)
        return
    if pages.trace.on:
        for pfn in pfns:
            pages.trace.emit("mm_page_free", pfn, 0)
        for pfn in pfns:
            pages.trace.emit("mm_page_free_batched", pfn)
            pages.memmap.contents.pop(pfn, None)
            _free_each(pages, (pfn,))
        pages.freed += len(pfns)
        return
    pages.freed += len(pfns)
    data = pages.memmap.contents
    if data and not data.keys().isdisjoint(pfns):
        for pfn in pfns:
            data.pop(pfn, None)
    if len(pfns) > 8:
        runs = stepped_runs(pfns if isinstance(pfns, list) else list(pfns))
        if len(runs) * 4 <= len(pfns):
            for first, count, step in runs:
                _free_run(pages, first, count, step)
            return
    _free_each(pages, pfns)


def _free_each(pages: PageAllocator, pfns: Sequence[int]) -> None:
    """free_page_list() one by one, onto this CPU's lists (free_unref_page_commit)."""
    kind, flags = pages._kind, pages._flags
    if pages.charged:
        for pfn, count in frame_runs(sorted(pfns)):
            pages.box.memcg.uncharge_frames(pfn, count)
    lower = upper = -1
    for pfn in pfns:
        if not lower <= pfn < upper:
            zone = pages.zone_of(pfn)
            lower = zone.start_pfn
            upper = zone.whole_end
            cpu = zone.pcp
            lists = cpu.lists
            blocks = zone.blocks
            start_block = zone.start_block
            block_order = zone.block_order
            odd = zone.odd
        kind[pfn] = 0
        flags[pfn] = 0
        migratetype = blocks[(pfn >> block_order) - start_block]
        if migratetype == MIGRATE_HIGHATOMIC:
            odd[pfn] = migratetype
            migratetype = MIGRATE_MOVABLE
        lists[migratetype].append(pfn)
        cpu.count += 1
        if cpu.count >= cpu.limit:
            pcp.overflow(pages, zone, cpu, 0, migratetype)


def free_stretches(pages: PageAllocator, stretches: Sequence[tuple[int, int, int]]) -> None:
    """free_page_list() of frames given as (first, count, step), step 1 or -1."""
    if pages._plain or pages.trace.on:
        pages.free_page_list([pfn for first, n, step in stretches for pfn in range(first, first + n * step, step)])
        return
    memmap = pages.memmap
    single: list[int] = []
    for first, count, step in stretches:
        pages.freed += count
        frames = range(first, first + count * step, step)
        for pfn in memmap.written(frames):
            del memmap.contents[pfn]
        if count < 10:
            single += frames
            continue
        if single:
            _free_each(pages, single)
            single = []
        _free_run(pages, first, count, step)
    if single:
        _free_each(pages, single)


def _free_run(pages: PageAllocator, pfn: int, count: int, step: int) -> None:
    """free_page_list() of `count` frames that follow each other, upwards (`step` 1) or downwards (-1)."""
    low = pfn if step > 0 else pfn - count + 1
    if pages.charged:
        pages.box.memcg.uncharge_frames(low, count)
    pages._kind[low : low + count] = bytes(count)
    clear_run((pages._flags,), low, count)
    while count:
        zone = pages.zone_of(pfn)
        cpu = zone.pcp
        migratetype = zone.block_type(pfn)
        within = zone.block_pages - 1
        listed = migratetype if migratetype != MIGRATE_HIGHATOMIC else MIGRATE_MOVABLE
        waiting = cpu.lists[listed]
        if step > 0:
            room = min(count, within + 1 - (pfn & within), zone.start_pfn + zone.spanned - pfn)
        else:
            room = min(count, (pfn & within) + 1, pfn - zone.start_pfn + 1)
        count -= room
        while room:
            n = min(room, max(1, cpu.limit - cpu.count))
            frames = range(pfn, pfn + n * step, step)
            if listed != migratetype:
                zone.odd.update(dict.fromkeys(frames, migratetype))
            waiting.extend(frames)
            cpu.count += n
            if cpu.count >= cpu.limit:
                pcp.overflow(pages, zone, cpu, 0, listed)
            pfn += n * step
            room -= n


def alloc_bulk(pages: PageAllocator, gfp: int, n: int, kind: int = K_KERNEL) -> list[int]:
    """Up to `n` single pages, as that many calls of alloc_pages(gfp, 0) would give; none if memory ran out.

    Only the first page may be waited for: where more would need the slow path the answer is shorter, so that the
    caller can put the pages to use (and reclaim can find them) before it asks for the rest.
    """
    out: list[int] = []
    most, zone, highest, _, _, plan = pages._plans.get(gfp) or pages._plan(gfp)
    if pages.policy is not None or (gfp & ACCOUNT and pages.charge is not None):
        return _alloc_each(pages, gfp, n, kind)
    index = plan.migratetype
    limit = zone.limit[highest]
    fast = most >= 0 and not pages.trace.on
    while len(out) < n:
        if fast:
            got = _take_pcp(pages, zone, limit, n - len(out), index) if zone.stat_free > limit else []
            if not got and (zone.stat_free <= limit or len(plan.zones) > 1):
                got = _alloc_further(pages, gfp, n - len(out), plan)
            if got:
                _take(pages, got, kind)
                out += got
                continue
        if out:
            if pages.box.sysctl.values["vm.zone_reclaim_mode"]:
                break
            pfn = pages.get_page_from_freelist(gfp, 0, WMARK_LOW | plan.flags, plan)
            if not pfn:
                break
            if pages.trace.on:
                pages.trace.emit("mm_page_alloc", pfn, 0, gfp, index)
            pages._refcount[pfn] = 1
            pages._kind[pfn] = kind
        else:
            now = pages.box.timer.usec
            pfn = pages.alloc_pages(gfp, 0, kind)
            if not pfn:
                break
            if pages.box.timer.usec != now:  # reclaim: what was lost may be wanted back before the next page
                out.append(pfn)
                break
        out.append(pfn)
        fast = pages._pcp_max >= 0 and not pages.trace.on
        limit = zone.limit[highest]
    return out


def alloc_huge_bulk(pages: PageAllocator, gfp: int, order: int, n: int, kind: int) -> list[int]:
    """Up to `n` huge pages, as that many alloc_pages_node() from the node in use would give.

    Only while each comes from the same zone without a second look: far above the watermark, and from blocks of its own
    type. What is done meanwhile with single pages that wait on this CPU's lists does not matter to it.
    """
    plan = pages.plan_from(gfp, pages.node)
    if order != pages._thp_order or pages._plain or pages.trace.on or plan.wanted is not None:
        return []
    zone = _zone_that_gives(pages, gfp, order, plan)
    if zone is None or zone.flags & ZONE_BOOSTED_WATERMARK:
        return []
    cpu, lists, migratetype = zone.pcp, zone.lists, plan.migratetype
    waiting = cpu.lists[order_to_pindex(migratetype, order)]
    batch = max(cpu.batch >> order, 2) if cpu.batch > 1 else 1
    there = sum(len(lists[at << 2 | migratetype]) << at - order for at in range(order, MAX_ORDER))
    room = (zone.stat_free - zone.limit[plan.highest] >> order) - batch
    if there <= batch or room <= 0:
        return []
    n = min(n, room, len(waiting) + there - batch)
    got = [waiting.pop() for _ in range(min(n, len(waiting)))]
    if zone.odd:
        for pfn in got:
            zone.odd.pop(pfn, None)
    cpu.count -= len(got) << order
    while len(got) + batch <= n:  # the list is empty again after a whole batch
        take_run(zone, order, batch, migratetype, got)
        zone.mod_free(-(batch << order))
    if (left := n - len(got)) > 0:
        more: list[int] = []
        take_run(zone, order, batch, migratetype, more)
        zone.mod_free(-(batch << order))
        got += more[:left]
        waiting.extendleft(more[left:])
        cpu.count += batch - left << order
    if got:
        cpu.free_factor >>= min(len(got), 8)
        zone.allocated += len(got) << order
        zone.extra += (len(got) << order) - len(got)
    for pfn in got:
        pages._refcount[pfn], pages._kind[pfn], pages._order[pfn] = 1, kind, order
    return got


def _zone_that_gives(pages: PageAllocator, gfp: int, order: int, plan: Plan) -> Zone | None:
    """The first zone whose watermark allows it (get_page_from_freelist): those before it will not as more pages go.
    None if something else comes before: another node, reclaim of this one."""
    for zone in plan.zones:
        if zone.node != pages.node:
            return None
        if zone_watermark_fast(zone, order, wmark_pages(zone, WMARK_LOW), plan.highest, plan.flags, gfp):
            return zone
        if pages.box.sysctl.values["vm.zone_reclaim_mode"]:
            return None
    return None


def waiting_on_list(pages: PageAllocator, gfp: int) -> int:
    """How many single pages come from one list of this CPU one after the other, without a look at free memory again."""
    plan = (pages._plans.get(gfp) or pages._plan(gfp))[5]
    zone = _zone_that_gives(pages, gfp, 0, plan)
    return len(zone.pcp.lists[plan.migratetype]) if zone is not None else 0


def _alloc_each(pages: PageAllocator, gfp: int, n: int, kind: int) -> list[int]:
    """alloc_bulk() where a policy chooses each page's node."""
    out: list[int] = []
    place, now = pages.place, pages.box.timer.usec
    while len(out) < n and pages.box.timer.usec == now:
        pages.place = place + len(out) if place >= 0 else -1
        pfn = pages.alloc_pages(gfp, 0, kind)
        if not pfn:
            break
        out.append(pfn)
    pages.place = place
    return out


def _take_pcp(pages: PageAllocator, zone: Zone, limit: int, count: int, index: int) -> list[int]:
    """Up to `count` pages from this CPU's list of a zone, refilled as long as more than `limit` are free."""
    cpu = zone.pcp
    waiting = cpu.lists[index]
    if waiting:
        count = min(count, len(waiting))
        if count == len(waiting):
            got = list(waiting)
            got.reverse()
            waiting.clear()
        else:
            got = [waiting.pop() for _ in range(count)]
        cpu.count -= count
        if zone.odd:
            for pfn in got:
                zone.odd.pop(pfn, None)
    else:
        got = pcp.take_batches(zone, cpu, limit, count, index)
    if got:
        cpu.free_factor >>= min(len(got), 8)
        zone.allocated += len(got)
        if zone.node != pages.node:  # of the nodes of a cpuset
            zone.numa_other += len(got)
    return got


def _alloc_further(pages: PageAllocator, gfp: int, count: int, plan: Plan) -> list[int]:
    """What single calls would get from the first zone's neighbours and, once kswapd has been woken, between the
    low and the min watermarks. Empty where it is not clear that each would get the same way."""
    zones, highest, index = plan[:3]
    if plan.slow is not None or any(zone.node != pages.node for zone in zones):
        return []
    for zone in zones:
        if zone.stat_free > zone.limit[highest]:
            return _take_pcp(pages, zone, zone.limit[highest], count, index) if zone is not zones[0] else []
    if gfp & (DIRECT_RECLAIM | KSWAPD_RECLAIM | HIGH) != DIRECT_RECLAIM | KSWAPD_RECLAIM:
        return []
    pages.nodes[pages.node].kswapd.wakeup(zones[0], gfp, 0, highest)
    for zone in zones:
        limit = zone.wmark_min + zone.watermark_boost + zone.lowmem_reserve[highest] + zone.nr_reserved_highatomic
        if zone.stat_free > limit:
            return _take_pcp(pages, zone, limit, count, index)
    return []


def _take(pages: PageAllocator, pfns: list[int], kind: int) -> None:
    """Set refcount 1 and kind on single pages; runs of ascending frames at once."""
    refcount, kinds = pages._refcount, pages._kind
    if len(pfns) > 8:
        runs = frame_runs(pfns)
        if len(runs) * 4 <= len(pfns):
            for first, count in runs:
                refcount[first : first + count] = array("I", (1,)) * count
                kinds[first : first + count] = bytes([kind]) * count
            return
    for pfn in pfns:
        refcount[pfn] = 1
        kinds[pfn] = kind
