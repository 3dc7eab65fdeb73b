"""Pushing pages out to swap by hand, as reclaim would: a slot, out of every page table, written, and out of memory."""

from __future__ import annotations

from memsh.linux.include.memmap import PG_ANON, PG_ANON_EXCLUSIVE, PG_DIRTY, PG_SWAPCACHE, PG_WRITEBACK
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_SHMEMPAGES, MM_SWAPENTS
from memsh.linux.mm.filemap.pagecache import mapping_of
from memsh.linux.mm.lru import put_frames
from memsh.linux.mm.rmap.rmap import page_mappings
from memsh.linux.mm.swap.swapoff import swapoff
from memsh.linux.mm.swap.swapon import swap_header, swapon
from memsh.machines.box import Box


def unmap(box: Box, pfn: int) -> None:
    """Take a page out of all page tables; an anonymous one leaves its swap entry there."""
    memmap = box.memmap
    anon = memmap.flags[pfn] & PG_ANON
    for vma, addr in page_mappings(box, pfn):
        mm = vma.mm
        pte = mm.mmu.swp_entry_to_pte(memmap.private[pfn]) if anon else 0
        mm.tables[addr >> mm.table_shift].ptes[addr >> 12 & 1023] = pte
        mm.flush_tlb(addr, addr + 4096)
        if anon:
            box.swap.duplicate(memmap.private[pfn])
            mm.rss[MM_ANONPAGES] -= 1
            mm.rss[MM_SWAPENTS] += 1
        else:
            mm.rss[MM_SHMEMPAGES] -= 1
        memmap.refcount[pfn] -= 1
        memmap.mapcount[pfn] -= 1
        if not memmap.mapcount[pfn]:
            box.vmstat["nr_anon_pages" if anon else "nr_mapped"] -= 1
    memmap.flags[pfn] &= ~PG_ANON_EXCLUSIVE


def swap_out(box: Box, pfns: list[int], *, evict: bool = True) -> None:
    """Write pages to swap; with `evict`, wait for the disk and free their frames."""
    memmap = box.memmap
    for pfn in pfns:
        memmap.refcount[pfn] += 1
        if memmap.flags[pfn] & PG_WRITEBACK:
            continue
        if memmap.flags[pfn] & PG_ANON and not memmap.flags[pfn] & PG_SWAPCACHE:
            assert box.swap.add_to_swap(pfn)
        unmap(box, pfn)
        memmap.flags[pfn] &= ~PG_DIRTY
        assert box.swap.writepage(pfn) is not None
    box.swap.submit_plugged()
    if evict:
        for pfn in pfns:
            box.swap.wait_writeback(pfn)
            if memmap.flags[pfn] & PG_SWAPCACHE and memmap.refcount[pfn] == 2:
                box.swap.delete_from_cache(pfn, 5)
                memmap.refcount[pfn] -= 1
    put_frames(box, pfns)


def switch_on(box: Box, pages: int) -> None:
    """Make the spare disk a swap area of `pages` pages, header included, and use it."""
    disk = box.fs.disks["vda"]
    disk.size = pages << 12
    mapping = mapping_of(box, disk)
    mapping.written[0] = swap_header(pages)
    file = box.fs.open("/dev/vda")
    swapon(box, file, file.path)


def switch_off(box: Box) -> None:
    swapoff(box, box.fs.disks["vda"])
