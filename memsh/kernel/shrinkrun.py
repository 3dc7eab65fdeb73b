"""Reclaim of pages that lie side by side, many in one step (mm/vmscan.c: shrink_folio_list).

Memory that was filled in one go is a stretch of frames, of addresses and of swap slots at once. `shrink_run` decides
and does for such a stretch what shrink.py does page by page, with the same result; a stretch whose pages differ in
anything that matters it leaves alone, and says so.

Known deviations: none of its own.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.kernel.columns import STEP, is_run, lanes, set_run
from memsh.kernel.flags import PTE_ACCESSED, VM_LOCKED, VM_SEQ_READ
from memsh.kernel.memmap import (
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
from memsh.kernel.mm_types import MM_ANONPAGES, MM_SWAPENTS, AddressSpace, AnonVma, MmStruct, VmArea
from memsh.kernel.swapfile import OFFSET_SHIFT
from memsh.kernel.workingset import workingset_evictions

if TYPE_CHECKING:
    from memsh.kernel.box import Box
    from memsh.kernel.shrink import ScanControl

FREE, KEEP, ACTIVATE, PAGEOUT = range(4)
MIXED = -1  # not for us: page by page
SHORTEST = 2  # below this a stretch is not worth it
_ANONYMOUS = PG_ANON | PG_SWAPBACKED
_ENTRY_STEP = 1 << OFFSET_SHIFT


def shrink_run(sc: ScanControl, first: int, count: int, step: int, bits: int) -> int:
    """What becomes of `count` frames first, first + step, …, taken off their list but not held, with the flags `bits`.

    MIXED if it is not clear; then nothing has changed. FREE: they are out of their cache, and nobody refers to them.
    """
    if bits & (PG_UNEVICTABLE | PG_MLOCKED):
        return MIXED
    memmap = sc.box.memmap
    low = first if step > 0 else first - count + 1
    mapped: int = memmap.mapcount[low]
    kind = bits & (_ANONYMOUS | PG_SWAPCACHE)
    cached = kind != _ANONYMOUS
    if mapped > 1 or not is_run(memmap.mapcount, low, count, mapped):
        return MIXED
    if not is_run(memmap.refcount, low, count, mapped + cached):
        return MIXED
    if mapped:
        return _shrink_mapped(sc, low, count, step, bits) if kind == _ANONYMOUS else MIXED
    if bits & PG_WRITEBACK:
        if not kind or (bits & PG_RECLAIM and sc.kswapd and sc.box.kswapd.writeback) or sc.box.swap.full():
            return MIXED
        set_run(memmap.flags, low, count, bits | PG_RECLAIM)
        sc.nr_writeback += count
        return ACTIVATE
    if bits & PG_DIRTY:
        return MIXED
    if kind == _ANONYMOUS | PG_SWAPCACHE:
        return FREE if _drop_swap_cache(sc.box, first, low, count, step, bits) else MIXED
    if not kind:
        return FREE if _drop_page_cache(sc.box, first, low, count, step, bits) else MIXED
    return MIXED


def _in_steps(column: memoryview, low: int, count: int, size: int) -> int:
    """1 or -1 if the entries of the frames go up or down by `size` each, else 0."""
    start = column[low]
    for sign in (1, -1):
        if column[low + 1] - start == sign * size:
            stop = start + sign * size * count
            if stop >= -size:
                expected = array("I", range(start, stop, sign * size))
                return sign if column[low : low + count].tobytes() == expected.tobytes() else 0
    return 0


# -- mapped anonymous memory -----------------------------------------------------------------------------------------


def _place(box: Box, low: int, count: int) -> tuple[VmArea, int, array[int], int, int, int] | None:
    """Where frames that are mapped once stand: (area, lowest address, table, index of that in it, 1 or -1 as the
    frames go up or down with the addresses, the entries as one integer); None if not side by side in one table."""
    memmap = box.memmap
    number = memmap.mapping[low]
    owner = memmap.owners[number]
    if not isinstance(owner, AnonVma) or not is_run(memmap.mapping, low, count, number):
        return None
    sign = _in_steps(memmap.index, low, count, 1)
    if not sign:
        return None
    index, pfn = memmap.index[low], low
    if sign < 0:
        index, pfn = index - count + 1, low + count - 1
    expected = lanes(pfn << 12 | 1, count) + sign * (STEP & ((1 << 32 * count) - 1))
    for area in owner.areas:
        vma = box.vm.areas[area]
        addr = vma.start + ((index - vma.pgoff) << 12)
        at = addr >> 12 & 1023
        if addr < vma.start or addr + (count << 12) > vma.end or at + count > 1024:
            continue
        table = vma.mm.pgd.get(addr >> 22)
        if table is None:
            continue
        entries = int.from_bytes(table.ptes[at : at + count].tobytes(), "little")
        if entries & lanes(0xFFFFF001, count) == expected:
            return vma, addr, table.ptes, at, sign, entries
    return None


def _shrink_mapped(sc: ScanControl, low: int, count: int, step: int, bits: int) -> int:
    if bits & (PG_DIRTY | PG_WRITEBACK) or not sc.may_unmap:
        return MIXED
    box = sc.box
    place = _place(box, low, count)
    if place is None or place[0].flags & (VM_LOCKED | VM_SEQ_READ):
        return MIXED
    vma, addr, ptes, at, sign, entries = place
    every = lanes(PTE_ACCESSED, count)
    used = entries & every
    if used == every:
        ptes[at : at + count] = array("I", (entries ^ every).to_bytes(4 * count, "little"))
        _flush(vma.mm, addr, count)
        set_run(box.memmap.flags, low, count, bits | PG_REFERENCED)
        return ACTIVATE if bits & PG_REFERENCED else KEEP
    if used or not sc.gfp & 0x40 or not sc.may_writepage:  # __GFP_IO
        return MIXED
    first = low if step > 0 else low + count - 1
    frames = range(first, first + count * step, step)
    slots = box.swap.add_run_to_swap(frames)
    if not slots:
        return MIXED
    _swap_out(sc, slots, low, frames, bits)
    # the entries are in the order of the frames' turns, these go up or down with the frames, those with the addresses
    ptes[at : at + count] = array("I", slots if step == sign else slots[::-1])
    mm = vma.mm
    _flush(mm, addr, count)
    mm.rss[MM_ANONPAGES] -= count
    mm.rss[MM_SWAPENTS] += count
    return PAGEOUT


def _flush(mm: MmStruct, addr: int, count: int) -> None:
    if mm.tlb or mm.tlbw:
        for page in range(addr >> 12, (addr >> 12) + count):
            mm.tlb.pop(page, None)
            mm.tlbw.pop(page, None)


def _swap_out(sc: ScanControl, entries: list[int], low: int, frames: range, bits: int) -> None:
    """The pages have their slots, one reference each from the page tables; start writing them."""
    box = sc.box
    memmap, vmstat = box.memmap, box.vmstat
    count = len(frames)
    memmap.private[low : low + count] = memoryview(array("I", entries if frames.step > 0 else entries[::-1]))
    # in the cache, no longer mapped: the count of references stays
    set_run(memmap.mapcount, low, count, 0)
    clear = PG_REFERENCED | PG_ANON_EXCLUSIVE
    set_run(memmap.flags, low, count, bits & ~clear | PG_SWAPCACHE | PG_RECLAIM | PG_WRITEBACK)
    for name in ("nr_swapcached", "nr_file_pages", "nr_writeback", "pswpout", "nr_vmscan_write"):
        vmstat[name] += count
    vmstat["nr_anon_pages"] -= count
    box.swap.write_run(entries, frames)
    sc.nr_pageout += count


# -- what is clean and cached ----------------------------------------------------------------------------------------


def _drop_swap_cache(box: Box, first: int, low: int, count: int, step: int, bits: int) -> bool:
    """Take written pages, whose slots lie side by side, out of the swap cache; False if they do not."""
    memmap = box.memmap
    sign = _in_steps(memmap.private, low, count, _ENTRY_STEP)
    if not sign:
        return False
    entry = memmap.private[low if sign > 0 else low + count - 1]
    if not box.swap.droppable(entry, count):
        return False
    shadows = workingset_evictions(box, count, bits)
    if sign * step < 0:
        shadows.reverse()
    box.swap.drop_run(entry, shadows)
    set_run(memmap.private, low, count, 0)
    set_run(memmap.refcount, low, count, 0)
    box.vmstat["nr_swapcached"] -= count
    box.vmstat["nr_file_pages"] -= count
    return True


def _drop_page_cache(box: Box, first: int, low: int, count: int, step: int, bits: int) -> bool:
    """Take clean pages that lie side by side in a file out of its cache; False if they do not."""
    memmap = box.memmap
    number = memmap.mapping[low]
    mapping = memmap.owners[number]
    if not isinstance(mapping, AddressSpace) or not is_run(memmap.mapping, low, count, number):
        return False
    sign = _in_steps(memmap.index, low, count, 1)
    if not sign:
        return False
    index = memmap.index[low if sign > 0 else low + count - 1]
    shadows = workingset_evictions(box, count, bits)
    if sign * step < 0:
        shadows.reverse()
    if mapping.buffers:
        from memsh.kernel.writeback import free_buffers

        for page in range(index, index + count):
            free_buffers(box, mapping, page)
    mapping.pages.put_values(index, shadows)
    box.vmstat["nr_file_pages"] -= count
    set_run(memmap.mapping, low, count, 0)
    set_run(memmap.refcount, low, count, 0)
    return True
