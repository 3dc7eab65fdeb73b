"""Reclaim's look at memory that is all in use (mm/vmscan.c: shrink_inactive_list, folio_check_references).

An anonymous page that was used since the last look goes back to the head of its list, with a mark. Where all pages of a
batch were used the list just turns: the order of the pages among themselves, and so the links, stay as they are. As
nothing else happens then between two batches but that the clock moves on, several of them can be one.

Known deviations: none of its own.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.include.flags import PTE_ACCESSED
from memsh.linux.include.memmap import PG_REFERENCED, MemMap
from memsh.linux.include.mm_types import VmArea
from memsh.linux.lib.columns import is_run, linked, set_run
from memsh.linux.lib.entries import climb
from memsh.linux.mm.lru import lru_note_cost
from memsh.linux.mm.vmscan.shrink import INACTIVE_ANON, LONGEST, SWAP_CLUSTER_MAX, ScanControl, count_scan, zone_limit
from memsh.linux.mm.vmscan.shrinkeach import DECIDE, IDLE, area_of
from memsh.linux.mm.vmscan.shrinkrun import flush_tlb

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.lruvec import LruVec

_LOOK = DECIDE | PG_REFERENCED
Used = tuple[int, int, int, VmArea, int, int]  # first frame, how many, 1 or -1; area, first address, 1 or -1


def pass_in_use(sc: ScanControl, lruvec: LruVec, most: int) -> int:
    """Send pages that were all used from the tail of the inactive anonymous list to its head: how many.

    `most`, or as many whole batches as begin it; 0 and nothing done if the first batch has any other page.
    """
    box = sc.box
    pfn = lruvec.tails[INACTIVE_ANON]
    if not pfn or box.memmap.flags[pfn] & _LOOK != IDLE:
        return 0
    if box.trace.on or not (sc.may_unmap and sc.may_writepage and sc.gfp & 0x40):  # __GFP_IO
        return 0
    prevs = box.memmap.lru_prev
    limit = zone_limit(sc, lruvec.nid)
    found: list[Used] = []
    left = most
    if _used_together(box, pfn, 1, 1) is None:
        return 0
    while pfn and left and pfn < limit:
        step = prevs[pfn] - pfn
        count = 1
        if step == 1 or step == -1:
            count = linked(prevs, pfn, step, min(left, LONGEST) if step < 0 else min(left, LONGEST, limit - pfn))
        used = _used_together(box, pfn, count, step)
        if used is None:
            break
        found.append(used)
        count = used[1]
        left -= count
        pfn = prevs[pfn + (count - 1) * step] if count > 1 else prevs[pfn]
    beyond = (most - left) % SWAP_CLUSTER_MAX if left else 0
    number = most - left - beyond
    if number:
        while beyond:  # no whole batch: not now
            first, count, step, vma, addr, way = found.pop()
            if count > beyond:
                found.append((first, count - beyond, step, vma, addr, way))
            beyond -= min(count, beyond)
        for used in found:
            _forget_use(box, used)
        _turn(box, lruvec, found)
        sc.nr_scanned += number
        count_scan(sc, lruvec, INACTIVE_ANON, number, number, 0, 0)
        for _ in range(SWAP_CLUSTER_MAX, number, SWAP_CLUSTER_MAX):  # each batch lets old costs weigh less
            lru_note_cost(lruvec, file=False, pages=0)
    return number


def _used_together(box: Box, pfn: int, count: int, step: int) -> Used | None:
    """How many of the frames pfn, pfn + step, … were used since the last look, for the first time, by one process."""
    memmap = box.memmap
    bits = memmap.flags[pfn]
    if bits & _LOOK != IDLE or memmap.refcount[pfn] != 1:
        return None
    vma = area_of(box, pfn)
    if vma is None:
        return None
    index = memmap.index[pfn]
    addr = vma.start + (index - vma.pgoff << 12)
    ptes, at = vma.mm.tables[addr >> vma.mm.table_shift].ptes, addr >> 12 & vma.mm.table_mask
    if not ptes[at] & PTE_ACCESSED:
        return None
    way = memmap.index[pfn + step] - index if count > 1 else 1
    if way != 1 and way != -1:
        count = 1
    if count > 1:
        # what one table maps, and nobody else holds, is like the first page in everything but perhaps its flags
        if way > 0:
            count = min(count, vma.end - addr >> 12, vma.mm.table_mask + 1 - at)
        else:
            count = min(count, (addr - vma.start >> 12) + 1, at + 1)
        count = _alike(memmap, pfn, step, count, bits, ptes, at, way)
    return pfn, count, step, vma, addr, way


def _alike(memmap: MemMap, pfn: int, step: int, most: int, bits: int, ptes: array[int], at: int, way: int) -> int:
    """How many of the frames pfn, pfn + step, … have the flags `bits`, one holder, and entries like the first."""
    flags, refcount = memmap.flags, memmap.refcount
    low, bottom = min(pfn, pfn + (most - 1) * step), min(at, at + (most - 1) * way)
    pte = ptes[at]
    lowest = pte if way > 0 else pte + ((most - 1) * step << 12)  # what the first of the entries should be
    if ptes[bottom : bottom + most].tobytes() == climb(lowest, most, way * step << 12, ptes.itemsize):
        if is_run(flags, low, most, bits) and is_run(refcount, low, most, 1):
            return most
    for count in range(1, most):
        pfn += step
        at += way
        pte += step << 12
        if ptes[at] != pte or flags[pfn] != bits or refcount[pfn] != 1:
            return count
    return most


def _forget_use(box: Box, used: Used) -> None:
    """The page-table entries lose their accessed bits, the pages are marked."""
    pfn, count, step, vma, addr, way = used
    flags = box.memmap.flags
    ptes, at = vma.mm.tables[addr >> vma.mm.table_shift].ptes, addr >> 12 & vma.mm.table_mask
    if count == 1:
        ptes[at] ^= PTE_ACCESSED
        flags[pfn] |= PG_REFERENCED
        flush_tlb(vma.mm, addr, 1)
        return
    low = pfn if step > 0 else pfn - count + 1
    set_run(flags, low, count, flags[pfn] | PG_REFERENCED)
    if way < 0:
        at -= count - 1
        addr -= count - 1 << 12
    ptes[at : at + count] = array(
        ptes.typecode, climb(ptes[at] ^ PTE_ACCESSED, count, way * step << 12, ptes.itemsize)
    )
    flush_tlb(vma.mm, addr, count)


def _turn(box: Box, lruvec: LruVec, found: list[Used]) -> None:
    """Let the pages, which are the tail of their list, be its head."""
    nexts, prevs = box.memmap.lru_next, box.memmap.lru_prev
    first, (last, count, step) = found[0][0], found[-1][:3]
    last += (count - 1) * step
    rest = prevs[last]
    if rest:
        head = lruvec.heads[INACTIVE_ANON]
        prevs[head], nexts[first] = first, head
        prevs[last] = nexts[rest] = 0
        lruvec.heads[INACTIVE_ANON], lruvec.tails[INACTIVE_ANON] = last, rest
