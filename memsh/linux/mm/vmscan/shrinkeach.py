"""Reclaim of anonymous pages that do not lie side by side, one after the other in flat loops (mm/vmscan.c).

Most of what reclaim meets is anonymous memory of one process: in use, so that it stays; idle, so that it is written
out; or written and idle, so that it goes. `shrink_each` does for such pages what shrink.py does, with the same result,
and stops at the first page that is anything else.

Known deviations: none of its own.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.include.flags import PTE_ACCESSED, VM_LOCKED, VM_SEQ_READ
from memsh.linux.include.memmap import (
    PG_ACTIVE,
    PG_ANON,
    PG_ANON_EXCLUSIVE,
    PG_DIRTY,
    PG_MLOCKED,
    PG_RECLAIM,
    PG_REFERENCED,
    PG_SWAPBACKED,
    PG_SWAPCACHE,
    PG_UNEVICTABLE,
    PG_WRITEBACK,
)
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_SWAPENTS, AnonVma, MmStruct, VmArea
from memsh.linux.include.swapops import SWP_OFFSET_MASK, SWP_TYPE_SHIFT
from memsh.linux.mm.swap.swapfile import SPACE_SHIFT, SWAP_HAS_CACHE
from memsh.linux.mm.vmscan.workingset import workingset_eviction

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.vmscan.shrink import Kept, ScanControl, Stretch

IDLE = PG_ANON | PG_SWAPBACKED  # of the bits that decide, those of a page that only page tables refer to
WRITTEN = IDLE | PG_SWAPCACHE  # and those of one whose bytes are in its slot
DECIDE = WRITTEN | PG_DIRTY | PG_WRITEBACK | PG_UNEVICTABLE | PG_MLOCKED
_GONE = PG_REFERENCED | PG_ANON_EXCLUSIVE
_GOING = PG_SWAPCACHE | PG_RECLAIM | PG_WRITEBACK
_IO = 0x40  # __GFP_IO
Place = tuple[int, int, MmStruct, int, "array[int]"]  # position in `keep`, frame, where it is mapped: address and table


class Shrunk:
    """What became of pages: `done` of them were dealt with, `activated` and `pageouts` among those that stay.

    `left`: (where in the list of those that stay, frame) of pages that found no slot and are still to be decided.
    """

    __slots__ = ("activated", "done", "left", "pageouts")

    def __init__(self) -> None:
        self.done = self.activated = self.pageouts = 0
        self.left: list[tuple[int, int]] = []


def shrink_each(sc: ScanControl, frames: list[int], start: int, keep: list[Kept], free: list[Stretch]) -> Shrunk:
    """Decide on isolated pages, which nobody holds, from frames[start] on; they are added to `keep` or to `free`."""
    box = sc.box
    memmap = box.memmap
    flags, refcount = memmap.flags, memmap.refcount
    mapping, index = memmap.mapping, memmap.index
    result = Shrunk()
    may_write = sc.may_unmap and sc.may_writepage and sc.gfp & _IO
    out: list[Place] = []  # pages to be written
    at = start
    number = low = high = base = 0  # of the area that the page before was in: most are in the same
    vma = None
    for at in range(start, len(frames)):
        pfn = frames[at]
        bits = flags[pfn]
        what = bits & DECIDE
        if refcount[pfn] != 1:  # one that nobody but the cache holds is not mapped either
            break
        if what == WRITTEN:
            if not _drop(sc, pfn, bits):
                break
            free.append((pfn, 1, 1))
            continue
        if what != IDLE or not may_write:
            break
        addr = base + (index[pfn] << 12)
        if mapping[pfn] != number or not low <= addr < high:
            vma = area_of(box, pfn)
            if vma is None:
                break
            number, low, high, base = mapping[pfn], vma.start, vma.end, vma.start - (vma.pgoff << 12)
            addr = base + (index[pfn] << 12)
        assert vma is not None
        table = vma.mm.tables.get(addr >> vma.mm.table_shift)
        if table is None:
            break
        slot = addr >> 12 & vma.mm.table_mask
        pte = table.ptes[slot]
        if pte >> 12 != pfn or not pte & 1:
            break
        if pte & PTE_ACCESSED:
            table.ptes[slot] = pte ^ PTE_ACCESSED
            _flush(vma.mm, addr)
            if bits & PG_REFERENCED:
                bits |= PG_ACTIVE
                result.activated += 1
            flags[pfn] = bits | PG_REFERENCED
        else:
            out.append((len(keep), pfn, vma.mm, addr, table.ptes))
        keep.append((pfn, 1, 1, False))
    else:
        at += 1
    result.done = at - start
    sc.nr_scanned += result.done
    if out:
        if _swap_out(sc, out):
            result.pageouts = len(out)
        else:
            result.left = [(place[0], place[1]) for place in out]
    return result


def area_of(box: Box, pfn: int) -> VmArea | None:
    """The area in which a page that is mapped once stands; None if that is one to be careful with."""
    memmap = box.memmap
    owner = memmap.owners[memmap.mapping[pfn]]
    if not isinstance(owner, AnonVma):
        return None
    index = memmap.index[pfn]
    for number in owner.areas:
        vma = box.vm.areas[number]
        addr = vma.start + (index - vma.pgoff << 12)
        if vma.start <= addr < vma.end:
            table = vma.mm.tables.get(addr >> vma.mm.table_shift)
            if table is not None:
                pte = table.ptes[addr >> 12 & vma.mm.table_mask]
                if pte >> 12 == pfn and pte & 1:
                    return None if vma.flags & (VM_LOCKED | VM_SEQ_READ) else vma
    return None


def _flush(mm: MmStruct, addr: int) -> None:
    if mm.tlb or mm.tlbw:
        mm.tlb.pop(addr >> 12, None)
        mm.tlbw.pop(addr >> 12, None)


def _swap_out(sc: ScanControl, out: list[Place]) -> bool:
    """Give idle pages slots, leave these in the page tables, start writing; False if that cannot be done for all."""
    box = sc.box
    memmap, vmstat, swap = box.memmap, box.vmstat, box.swap
    frames = [place[1] for place in out]
    entries, runs = swap.add_run_to_swap(frames)
    if not entries:
        return False
    flags, mapcount, private = memmap.flags, memmap.mapcount, memmap.private
    swp_entry_to_pte = box.mmu.swp_entry_to_pte
    peaked: MmStruct | None = None
    peak: MmStruct | None = None
    for entry, (_, pfn, mm, addr, ptes) in zip(entries, out, strict=True):
        if mm is not peaked:
            peaked = mm
            mm.update_hiwater_rss()
        private[pfn] = entry
        mapcount[pfn] = 0  # in the cache, no longer mapped: the count of references stays
        flags[pfn] = flags[pfn] & ~_GONE | _GOING
        ptes[addr >> 12 & mm.table_mask] = swp_entry_to_pte(entry)
        if mm is not peak:  # from here on it only shrinks
            mm.update_hiwater_rss()
            peak = mm
        rss = mm.rss
        rss[MM_ANONPAGES] -= 1
        rss[MM_SWAPENTS] += 1
        _flush(mm, addr)
    count = len(out)
    vmstat["nr_swapcached"] += count
    vmstat["nr_file_pages"] += count
    vmstat["nr_writeback"] += count
    vmstat["pswpout"] += count
    vmstat["nr_vmscan_write"] += count
    vmstat["nr_anon_pages"] -= count
    sc.nr_pageout += count
    swap.write_run(entries, runs, frames)
    return True


def _drop(sc: ScanControl, pfn: int, bits: int) -> bool:
    """Take a written page out of the swap cache, leaving a shadow; False if its slot is not referred to just once."""
    box = sc.box
    memmap = box.memmap
    entry = memmap.private[pfn]
    area, offset = box.swap.info[entry >> SWP_TYPE_SHIFT], entry & SWP_OFFSET_MASK
    if area.swap_map[offset] != SWAP_HAS_CACHE | 1:
        return False
    area.swap_map[offset] = 1
    shadow = workingset_eviction(box, sc.target_lruvec, bits)
    area.trees[offset >> SPACE_SHIFT].put_value(offset, shadow)
    memmap.private[pfn] = memmap.refcount[pfn] = 0
    box.vmstat["nr_swapcached"] -= 1
    box.vmstat["nr_file_pages"] -= 1
    return True
