"""The per-CPU page lists: filling and draining (mm/page_alloc.c: rmqueue_bulk, free_pcppages_bulk, nr_pcp_free).

No known deviations.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from memsh.linux.include.flags import MAX_ORDER, MIGRATE_RECLAIMABLE
from memsh.linux.include.mmzone import (
    NR_LOWORDER_PCP_LISTS,
    PCP_BATCH_SCALE_MAX,
    PCP_MAX_ORDER,
    PerCpuPages,
    Zone,
    order_to_pindex,
)
from memsh.linux.lib.columns import reach
from memsh.linux.mm.page_alloc.fallback import rmqueue_fallback
from memsh.linux.mm.page_alloc.freearea import free_one_page, mergeable, take_run

if TYPE_CHECKING:
    from memsh.linux.mm.page_alloc.buddy import PageAllocator

SHORT = 7  # blocks side by side that are not worth a look as a whole


def refill(pages: PageAllocator, zone: Zone, pcp: PerCpuPages, order: int, migratetype: int, alloc_flags: int) -> int:
    """Fill an empty list with a batch of blocks (rmqueue_bulk); returns how many came."""
    batch = pcp.batch
    if batch > 1:
        batch = max(batch >> order, 2)
    got: list[int] = []
    left = batch
    while True:
        left -= take_run(zone, order, left, migratetype, got)
        if not left or not rmqueue_fallback(pages, zone, order, migratetype, alloc_flags):
            break
    count = len(got)
    if count:
        pcp.lists[order_to_pindex(migratetype, order)].extendleft(got)
        if order > PCP_MAX_ORDER and migratetype == MIGRATE_RECLAIMABLE:  # on the list of the unmovable ones
            zone.odd.update(dict.fromkeys(got, migratetype))
        zone.mod_free(-(count << order))
        pcp.count += count << order
        if pages.trace.on:
            for pfn in got:
                pages.trace.emit("mm_page_alloc_zone_locked", pfn, order, migratetype, 1)
    return count


def take_batches(zone: Zone, pcp: PerCpuPages, limit: int, wanted: int, migratetype: int) -> list[int]:
    """What refilling an empty list of single pages and emptying it again would give, several times over.

    Only whole batches that `wanted` pages use up, while the counter stays above `limit` and no fallback is needed.
    """
    batch = pcp.batch
    lists = zone.lists
    wanted -= wanted % batch
    room = order = 0
    while room < wanted and order < MAX_ORDER:
        room += len(lists[order << 2 | migratetype]) << order
        order += 1
    most = min(wanted, room) // batch
    free, diff, threshold = zone.stat_free, zone.stat_diff, zone.threshold
    # batches until the difference is folded into the counter: at once, where the threshold has been lowered
    first = max((threshold + diff) // batch + 1, 1) if diff - batch <= threshold else 1
    period = threshold // batch + 1  # and so many each time after that
    times = 0
    if first <= most and free + diff - first * batch > limit:
        free += diff - first * batch
        folds = min((most - first) // period, (free - limit - 1) // (period * batch))
        free -= folds * period * batch
        times = first + folds * period
        diff, first = 0, period
    last = min(most - times, first - 1)
    diff -= last * batch
    times += last
    got: list[int] = []
    if times:
        zone.stat_free, zone.stat_diff = free, diff
        take_run(zone, 0, times * batch, migratetype, got)
    return got


def nr_pcp_free(pcp: PerCpuPages, high: int, free_high: bool) -> int:
    """How many pages to drain; doubles while frees go on without allocations."""
    if free_high:
        return pcp.count
    batch = pcp.batch
    if high < batch:
        return 1
    most = high - batch
    number = batch << pcp.free_factor
    if number < most and pcp.free_factor < PCP_BATCH_SCALE_MAX:
        pcp.free_factor += 1
    return most if number > most else batch if number < batch else number


def _run(pages: deque[int], pfn: int, step: int, count: int) -> int:
    """Take the blocks that follow `pfn` in memory off the list's tail; how many are in the run, `pfn`'s block included.

    `step` is from one block to the next: a block's size in pages, negative for a run downwards in memory. At most
    `count` blocks.
    """
    number = min(len(pages), count - 1)
    if number > 16 and pages[16] == pfn + 17 * step:
        number = reach(pages, 0, pfn + step, step, number, 16)
        if list(islice(pages, number)) == list(range(pfn + step, pfn + (number + 1) * step, step)):
            if number < len(pages) >> 1:
                for _ in range(number):
                    pages.popleft()
                return number + 1
            rest = list(islice(pages, number, None))
            pages.clear()
            pages.extend(rest)
            return number + 1
    take = pages.popleft
    run = 1
    pfn += step
    while run < count and pages and pages[0] == pfn:
        take()
        pfn += step
        run += 1
    return run


def _free_run(zone: Zone, first: int, end: int, migratetype: int, down: bool) -> None:
    """Free the pages [first, end), upwards or downwards: an aligned stretch ends up as if freed whole.

    No block inside such a stretch can merge with anything outside before the stretch is complete, and the stretches are
    the same in both directions.
    """
    free = zone.free
    find = free.get
    lists = zone.lists
    while first < end:
        edge = end if down else first
        bit = min(edge & -edge, zone.block_pages, 1 << (end - first).bit_length() - 1)
        order = bit.bit_length() - 1
        if down:
            end -= bit
            head = end
        else:
            head = first
            first += bit
        while order < MAX_ORDER - 1:
            buddy = head ^ bit
            key = find(buddy, -1)
            if key >> 2 != order:
                break
            if order >= zone.block_order and not mergeable(zone, migratetype, buddy):
                break
            del free[buddy]
            del lists[key][buddy]
            head &= buddy
            order += 1
            bit <<= 1
        key = order << 2 | migratetype
        free[head] = key
        blocks = lists[key]
        blocks[head] = None
        if order < MAX_ORDER - 2 and find((head & ~bit) ^ (bit << 1), -1) >> 2 == order + 1:
            blocks.move_to_end(head, last=False)


def _count_run(diff: int, threshold: int, size: int, run: int) -> tuple[int, int]:
    """`run` pages are free, counted one block of `size` after the other (__mod_zone_page_state): the CPU's new
    difference to the zone's counter, and how much of it went to the counter."""
    folded = 0
    while run and diff:  # until the difference is folded; from then on it repeats
        run -= size
        diff += size
        if diff > threshold or -diff > threshold:
            folded += diff
            diff = 0
    if run:
        period = (threshold // size + 1) * size
        diff = run % period
        folded += run - diff
    return diff, folded


def free_bulk(pages: PageAllocator, zone: Zone, pcp: PerCpuPages, count: int, pindex: int) -> None:
    """Give `count` pages back to the buddy lists, tails first, list by list from `pindex` on (free_pcppages_bulk)."""
    count = min(pcp.count, count)
    before = count
    pcp_lists = pcp.lists
    low, high = 0, len(pcp_lists) - 1
    pindex -= 1
    odd = zone.odd
    free = zone.free
    find = free.get
    lists = zone.lists
    threshold, block_order = zone.threshold, zone.block_order
    diff = zone.stat_diff
    total = 0
    trace = pages.trace
    tracing = trace.on
    capturing = zone.compact.capture is not None
    while count > 0:
        while True:
            pindex += 1
            if pindex > high:
                pindex = low
            pages_list = pcp_lists[pindex]
            if pages_list:
                break
            if pindex == high:
                high -= 1
            if pindex == low:
                low += 1
        if pindex < NR_LOWORDER_PCP_LISTS:
            start = pindex // 3
            kind = pindex - start * 3
        else:
            start = zone.block_order
            kind = pindex - NR_LOWORDER_PCP_LISTS
        size = 1 << start
        take = pages_list.popleft
        while count > 0 and pages_list:
            pfn = take()
            if (
                len(pages_list) > SHORT and abs(step := pages_list[0] - pfn) == size and count > size << 3
                and pages_list[SHORT] == pfn + step * (SHORT + 1) and not odd and not tracing and not capturing
            ):  # fmt: skip
                run = _run(pages_list, pfn, step, (count - 1) // size + 1) * size
                first = pfn if step > 0 else pfn + size - run
                _free_run(zone, first, first + run, kind, step < 0)
                count -= run
                diff, folded = _count_run(diff, threshold, size, run)
                total += folded
                continue
            count -= size
            mt = kind if not odd else odd.pop(pfn, kind)
            if capturing:
                if tracing:
                    trace.emit("mm_page_pcpu_drain", pfn, start, mt)
                zone.mod_free(size)
                free_one_page(zone, pfn, start, mt)
                continue
            diff += size
            if diff > threshold or -diff > threshold:
                total += diff
                diff = 0
            if tracing:
                trace.emit("mm_page_pcpu_drain", pfn, start, mt)
            order = start
            bit = size
            while order < MAX_ORDER - 1:
                buddy = pfn ^ bit
                key = find(buddy, -1)
                if key >> 2 != order:
                    break
                if order >= block_order and not mergeable(zone, mt, buddy):
                    break
                del free[buddy]
                del lists[key][buddy]
                pfn &= buddy
                order += 1
                bit <<= 1
            key = order << 2 | mt
            free[pfn] = key
            blocks = lists[key]
            blocks[pfn] = None
            if order < MAX_ORDER - 2 and find((pfn & ~bit) ^ (bit << 1), -1) >> 2 == order + 1:
                blocks.move_to_end(pfn, last=False)
    pcp.count -= before - count
    if not capturing:
        zone.stat_free += total
        zone.stat_diff = diff


def overflow(pages: PageAllocator, zone: Zone, pcp: PerCpuPages, order: int, pindex: int) -> None:
    """A free found the lists full, or a high order freed in a row (the end of free_unref_page_commit)."""
    free_high = bool(pcp.free_factor and 0 < order <= PCP_MAX_ORDER)
    high = 0 if free_high else pcp.limit
    free_bulk(pages, zone, pcp, nr_pcp_free(pcp, high, free_high), pindex)


def drain_zone(pages: PageAllocator, zone: Zone, pcp: PerCpuPages) -> None:
    """Empty one CPU's lists of a zone, in portions as Linux does (drain_pages_zone)."""
    while pcp.count:
        free_bulk(pages, zone, pcp, min(pcp.count, pcp.batch << PCP_BATCH_SCALE_MAX), 0)
