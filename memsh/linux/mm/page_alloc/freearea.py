"""The buddy system proper: splitting and merging blocks (mm/page_alloc.c: expand, __rmqueue_smallest, __free_one_page).

Nothing here counts free pages but for a block that is captured: the callers do, as in Linux. No known deviations.
"""

from __future__ import annotations

from itertools import repeat

from memsh.linux.include.flags import MAX_ORDER, MIGRATE_HIGHATOMIC, MIGRATE_MOVABLE
from memsh.linux.include.mmzone import Zone


def rmqueue_smallest(zone: Zone, order: int, migratetype: int) -> int:
    """Take the head of the smallest block that fits off one type's lists; 0 if none. The rest goes to the heads."""
    lists = zone.lists
    for current in range(order, MAX_ORDER):
        blocks = lists[current << 2 | migratetype]
        if blocks:
            pfn = blocks.popitem()[0]
            free = zone.free
            del free[pfn]
            while current > order:
                current -= 1
                key = current << 2 | migratetype
                rest = pfn + (1 << current)
                lists[key][rest] = None
                free[rest] = key
            return pfn
    return 0


def take_run(zone: Zone, order: int, count: int, migratetype: int, out: list[int]) -> int:
    """Do what up to `count` calls of rmqueue_smallest() would do, block by block; the frames go to `out`.

    Lists below the smallest block that fits are empty, so that block is used up in ascending order before another is
    touched. Returns how many were taken: fewer than `count` only when this type has no more.
    """
    lists = zone.lists
    free = zone.free
    left = count
    step = 1 << order
    current = order
    while left and current < MAX_ORDER:
        blocks = lists[current << 2 | migratetype]
        if not blocks:
            current += 1
            continue
        if current == order:
            while left and blocks:
                pfn = blocks.popitem()[0]
                del free[pfn]
                out.append(pfn)
                left -= 1
            continue
        pfn = blocks.popitem()[0]
        del free[pfn]
        pieces = 1 << (current - order)
        end = pfn + (1 << current)
        if pieces <= left:
            out.extend(range(pfn, end, step))
            left -= pieces
            continue
        at = pfn + left * step
        out.extend(range(pfn, at, step))
        left = 0
        while at < end:
            low = (at & -at).bit_length() - 1
            key = low << 2 | migratetype
            lists[key][at] = None
            free[at] = key
            at += 1 << low
    return count - left


def mergeable(zone: Zone, migratetype: int, buddy: int) -> bool:
    """Whether a block of this type may merge with its buddy in another page block (migratetype_is_mergeable)."""
    other = zone.block_type(buddy)
    return migratetype == other or (migratetype < MIGRATE_HIGHATOMIC and other < MIGRATE_HIGHATOMIC)


def compaction_capture(zone: Zone, pfn: int, order: int, migratetype: int) -> bool:
    """Whether a block that grew to `order` goes to whoever compacts this zone for it, not to the free lists.

    A smaller one in a movable page block does not: that might let in what cannot move.
    """
    capture = zone.compact.capture
    if capture is None or capture.pfn or order != capture.order:
        return False
    if order < zone.block_order and migratetype == MIGRATE_MOVABLE:
        return False
    capture.pfn = pfn
    zone.mod_free(-(1 << order))
    return True


def free_one_page(zone: Zone, pfn: int, order: int, migratetype: int, to_tail: bool = False) -> None:
    """Put a block back, merging upwards. The caller counts the pages; a block that is captured is counted off here."""
    free = zone.free
    lists = zone.lists
    block_order = zone.block_order
    find = free.get
    capturing = zone.compact.capture is not None
    while order < MAX_ORDER - 1:
        if capturing and compaction_capture(zone, pfn, order, migratetype):
            return
        buddy = pfn ^ (1 << order)
        key = find(buddy, -1)
        if key >> 2 != order:
            break
        if order >= block_order and not mergeable(zone, migratetype, buddy):
            break
        del free[buddy]
        del lists[key][buddy]
        pfn &= buddy
        order += 1
    key = order << 2 | migratetype
    free[pfn] = key
    blocks = lists[key]
    blocks[pfn] = None
    if to_tail:
        blocks.move_to_end(pfn, last=False)
    elif order < MAX_ORDER - 2:
        above = order + 1
        if find((pfn & ~(1 << order)) ^ (1 << above), -1) >> 2 == above:  # buddy_merge_likely()
            blocks.move_to_end(pfn, last=False)


def move_to_tail(zone: Zone, pfn: int, migratetype: int) -> int:
    """Move a free block to the tail of another type's list (move_to_free_list); returns its order."""
    key = zone.free[pfn]
    del zone.lists[key][pfn]
    order = key >> 2
    key = order << 2 | migratetype
    zone.free[pfn] = key
    blocks = zone.lists[key]
    blocks[pfn] = None
    blocks.move_to_end(pfn, last=False)
    return order


def free_range(zone: Zone, pfn: int, end: int) -> None:
    """Free [pfn, end) in the largest aligned blocks, each to the tail (memblock's __free_pages_memory).

    Work grows with the number of blocks, not with the pages. Counts the pages as managed and free.
    """
    zone.managed += end - pfn
    zone.mod_free(end - pfn)
    top = MAX_ORDER - 1
    while pfn < end:
        order = min(top, (pfn & -pfn).bit_length() - 1) if pfn else top
        while pfn + (1 << order) > end:
            order -= 1
        if order == top:
            pfn = _free_largest(zone, pfn, end)
            continue
        free_one_page(zone, pfn, order, zone.block_type(pfn), to_tail=True)
        pfn += 1 << order


def _free_largest(zone: Zone, pfn: int, end: int) -> int:
    """Blocks of the largest order from `pfn` on, as many as are of one type, each to the tail; where they end.

    Nothing merges at this order, so that they are put there together.
    """
    step = 1 << (MAX_ORDER - 1)
    stride = step >> zone.block_order
    at = (pfn >> zone.block_order) - zone.start_block
    types = bytes(zone.blocks[at : at + (end - pfn) // step * stride : stride])
    count = len(types) - len(types.lstrip(types[:1]))
    stop = pfn + count * step
    key = MAX_ORDER - 1 << 2 | types[0]
    blocks = zone.lists[key]
    before = list(blocks)
    blocks.clear()
    upside_down = range(stop - step, pfn - step, -step)  # the dict begins with the list's tail
    blocks.update(zip(upside_down, repeat(None), strict=False))
    blocks.update(dict.fromkeys(before))
    zone.free.update(zip(range(pfn, stop, step), repeat(key), strict=False))
    return stop


def free_pages_upwards(zone: Zone, pfn: int, end: int) -> None:
    """What freeing [pfn, end) page by page, first to last, leaves (add_highpages_with_active_regions).

    A whole order-10 block ends at the head of its list; only the ragged ends are done page by page.
    """
    zone.managed += end - pfn
    zone.mod_free(end - pfn)
    size = 1 << (MAX_ORDER - 1)
    while pfn < end:
        kind = zone.block_type(pfn)
        if not pfn & (size - 1) and pfn + size <= end:
            free_one_page(zone, pfn, MAX_ORDER - 1, kind)
            pfn += size
        else:
            free_one_page(zone, pfn, 0, kind)
            pfn += 1
