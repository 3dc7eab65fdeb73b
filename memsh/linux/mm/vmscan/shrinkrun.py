"""Reclaim of pages that lie side by side, many in one step (mm/vmscan.c: shrink_folio_list).

Memory that was filled in one go is a stretch of frames, of addresses and of swap slots at once. `shrink_run` decides
and does for such a stretch what shrink.py does page by page, with the same result; a stretch whose pages differ in
anything that matters it leaves alone, and says so.

Known deviations: none of its own.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.include.flags import PTE_ACCESSED, VM_LOCKED, VM_SEQ_READ
from memsh.linux.include.memmap import (
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
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_SWAPENTS, AddressSpace, AnonVma, MmStruct, VmArea
from memsh.linux.lib.columns import clear_run, is_run, ramp, set_run
from memsh.linux.lib.entries import climb
from memsh.linux.mm.vmscan.workingset import workingset_evictions

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.vmscan.shrink import ScanControl

FREE, KEEP, ACTIVATE, PAGEOUT = range(4)
MIXED = -1  # not for us: page by page
SHORTEST = 6  # below this a stretch is not worth it
_ANONYMOUS = PG_ANON | PG_SWAPBACKED


def shrink_run(sc: ScanControl, first: int, count: int, step: int, bits: int) -> int:
    """What becomes of `count` frames first, first + step, …, taken off their list but not held, with the flags `bits`.

    MIXED if it is not clear; then nothing has changed. FREE: they are out of their cache, and nobody refers to them.
    """
    if bits & (PG_UNEVICTABLE | PG_MLOCKED):
        return MIXED
    memmap = sc.box.memmap
    low = first if step > 0 else first - count + 1
    kind = bits & (_ANONYMOUS | PG_SWAPCACHE)
    if not is_run(memmap.refcount, low, count, 1):  # one that nobody but a cache holds is not mapped either
        return MIXED
    if kind == _ANONYMOUS:
        return _shrink_mapped(sc, low, count, step, bits)
    if bits & PG_WRITEBACK:
        if not kind or (bits & PG_RECLAIM and sc.kswapd and sc.node.kswapd.writeback) or sc.box.swap.full():
            return MIXED
        set_run(memmap.flags, low, count, bits | PG_RECLAIM)
        sc.nr_writeback += count
        return ACTIVATE
    if bits & PG_DIRTY:
        return MIXED
    if kind == _ANONYMOUS | PG_SWAPCACHE:
        return FREE if _drop_swap_cache(sc, first, low, count, step, bits) else MIXED
    if not kind:
        return FREE if _drop_page_cache(sc, first, low, count, step, bits) else MIXED
    return MIXED


def _in_steps(column: memoryview, low: int, count: int, size: int) -> int:
    """1 or -1 if the entries of the frames go up or down by `size` each, else 0."""
    start = column[low]
    sign = 1 if column[low + 1] > start else -1
    if column[low + count - 1] != start + sign * size * (count - 1):
        return 0
    return sign if column[low : low + count].tobytes() == ramp(start, count, sign * size) else 0


# -- mapped anonymous memory -----------------------------------------------------------------------------------------


def _place(box: Box, low: int, count: int) -> tuple[VmArea, int, array[int], int, int] | None:
    """Where frames that are mapped once stand, if side by side in one table and with the same bits in each entry:
    (area, lowest address, table, index of that in it, 1 or -1 as the frames go up or down with the addresses).

    Only the first frame's reverse map is asked: what it leads to maps all of them, and nothing else does.
    """
    memmap = box.memmap
    owner = memmap.owners[memmap.mapping[low]]
    if not isinstance(owner, AnonVma):
        return None
    index, pfn, sign = memmap.index[low], low, 1
    if memmap.index[low + 1] < index:
        index, pfn, sign = index - count + 1, low + count - 1, -1
    for area in owner.areas:
        vma = box.vm.areas[area]
        addr = vma.start + ((index - vma.pgoff) << 12)
        at = addr >> 12 & vma.mm.table_mask
        if addr < vma.start or addr + (count << 12) > vma.end or at + count > vma.mm.table_mask + 1:
            continue
        table = vma.mm.tables.get(addr >> vma.mm.table_shift)
        if table is None:
            continue
        ptes = table.ptes
        pte = ptes[at]
        if pte >> 12 == pfn and pte & 1 and ptes[at : at + count].tobytes() == climb(
            pte, count, sign << 12, ptes.itemsize
        ):
            return vma, addr, ptes, at, sign
    return None


def _shrink_mapped(sc: ScanControl, low: int, count: int, step: int, bits: int) -> int:
    if bits & (PG_DIRTY | PG_WRITEBACK) or not sc.may_unmap:
        return MIXED
    box = sc.box
    place = _place(box, low, count)
    if place is None or place[0].flags & (VM_LOCKED | VM_SEQ_READ):
        return MIXED
    vma, addr, ptes, at, sign = place
    pte = ptes[at]
    if pte & PTE_ACCESSED:
        ptes[at : at + count] = array(
            ptes.typecode, climb(pte ^ PTE_ACCESSED, count, sign << 12, ptes.itemsize)
        )
        flush_tlb(vma.mm, addr, count)
        set_run(box.memmap.flags, low, count, bits | PG_REFERENCED)
        return ACTIVATE if bits & PG_REFERENCED else KEEP
    if not sc.gfp & 0x40 or not sc.may_writepage:  # __GFP_IO
        return MIXED
    first = low if step > 0 else low + count - 1
    frames = range(first, first + count * step, step)
    entries, runs = box.swap.add_run_to_swap(frames)
    if not entries:
        return MIXED
    # in the order of the frames' turns: `private` goes up with the frames, the table with the addresses
    slots = array("I", entries)
    backwards = slots[::-1]
    box.memmap.private[low : low + count] = slots if step > 0 else backwards
    ptes[at : at + count] = array(
        ptes.typecode, box.mmu.swp_entries_to_ptes(slots if step == sign else backwards)
    )
    mm = vma.mm
    flush_tlb(mm, addr, count)
    mm.update_hiwater_rss()
    mm.rss[MM_ANONPAGES] -= count
    mm.rss[MM_SWAPENTS] += count
    _swap_out(sc, low, count, bits)
    box.swap.write_run(entries, runs, frames)
    return PAGEOUT


def flush_tlb(mm: MmStruct, addr: int, count: int) -> None:
    if mm.tlb or mm.tlbw:
        for page in range(addr >> 12, (addr >> 12) + count):
            mm.tlb.pop(page, None)
            mm.tlbw.pop(page, None)


def _swap_out(sc: ScanControl, low: int, count: int, bits: int) -> None:
    """The pages have their slots, one reference each from the page tables: they are about to be written."""
    memmap, vmstat = sc.box.memmap, sc.box.vmstat
    # in the cache, no longer mapped: the count of references stays
    clear_run((memmap.mapcount,), low, count)
    clear = PG_REFERENCED | PG_ANON_EXCLUSIVE
    set_run(memmap.flags, low, count, bits & ~clear | PG_SWAPCACHE | PG_RECLAIM | PG_WRITEBACK)
    vmstat["nr_swapcached"] += count
    vmstat["nr_file_pages"] += count
    vmstat["nr_writeback"] += count
    vmstat["pswpout"] += count
    vmstat["nr_vmscan_write"] += count
    vmstat["nr_anon_pages"] -= count
    sc.nr_pageout += count


# -- what is clean and cached ----------------------------------------------------------------------------------------


def _drop_swap_cache(sc: ScanControl, first: int, low: int, count: int, step: int, bits: int) -> bool:
    """Take written pages, whose slots lie side by side, out of the swap cache; False if they do not."""
    box = sc.box
    memmap = box.memmap
    sign = _in_steps(memmap.private, low, count, 1)
    if not sign:
        return False
    entry = memmap.private[low if sign > 0 else low + count - 1]
    if not box.swap.droppable(entry, count):
        return False
    shadows = workingset_evictions(box, sc.target_lruvec, count, bits)
    if sign * step < 0:
        shadows.reverse()
    box.swap.drop_run(entry, shadows)
    clear_run((memmap.private, memmap.refcount), low, count)
    box.vmstat["nr_swapcached"] -= count
    box.vmstat["nr_file_pages"] -= count
    return True


def _drop_page_cache(sc: ScanControl, first: int, low: int, count: int, step: int, bits: int) -> bool:
    """Take clean pages that lie side by side in a file out of its cache; False if they do not."""
    box = sc.box
    memmap = box.memmap
    number = memmap.mapping[low]
    mapping = memmap.owners[number]
    if not isinstance(mapping, AddressSpace) or not is_run(memmap.mapping, low, count, number):
        return False
    sign = _in_steps(memmap.index, low, count, 1)
    if not sign:
        return False
    index = memmap.index[low if sign > 0 else low + count - 1]
    shadows = workingset_evictions(box, sc.target_lruvec, count, bits)
    if sign * step < 0:
        shadows.reverse()
    if mapping.buffers:
        from memsh.linux.mm.filemap.writeback import free_buffers

        for page in range(index, index + count):
            free_buffers(box, mapping, page)
    mapping.pages.put_values(index, shadows)
    box.vmstat["nr_file_pages"] -= count
    clear_run((memmap.mapping, memmap.refcount), low, count)
    return True
