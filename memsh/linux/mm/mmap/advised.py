"""What madvise does to the pages of a range: fetch them, age them, send them away, give them up (mm/madvise.c).

Counters: pgdeactivate, pglazyfree, and those of reclaim and of swap-in; pgscan_* and pgsteal_* stay, as nobody looked
at a list.

Known deviations: a page that MADV_COLD ages moves at once, not when a batch of 15 is full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import mapped_pieces
from memsh.linux.include.flags import PTE_ACCESSED, PTE_DIRTY, PTE_SPECIAL
from memsh.linux.include.memmap import PG_ANON, PG_DIRTY, PG_HUGE, PG_LRU, PG_REFERENCED, PG_SWAPCACHE, PG_UNEVICTABLE
from memsh.linux.include.mm_types import MM_SWAPENTS, MmStruct, VmArea
from memsh.linux.lib.entries import PRESENT
from memsh.linux.mm.filemap.pagecache import mapping_of
from memsh.linux.mm.filemap.readahead import force_page_cache_ra
from memsh.linux.mm.huge_memory.huge import compound_head
from memsh.linux.mm.huge_memory.pmd import cold_huge_pmds, lazyfree_huge_pmds
from memsh.linux.mm.huge_memory.split import split_huge_page
from memsh.linux.mm.lru import deactivate_page, lru_add_drain, mark_page_lazyfree, put_frames
from memsh.linux.mm.memory.rss_stat import add_mm_counter, sync_own_rss
from memsh.linux.mm.memory.zap import swap_entries
from memsh.linux.mm.shmem.shmem_swap import swap_entry, swapped_pages
from memsh.linux.mm.swap.swap import PLUG
from memsh.linux.mm.swap.swapin import read_swap_cache_async
from memsh.linux.mm.vmscan.shrink import reclaim_pages

if TYPE_CHECKING:
    from memsh.linux.box import Box


def willneed(box: Box, mm: MmStruct, vma: VmArea, start: int, end: int) -> None:
    """MADV_WILLNEED: read a file's first pages ahead; ask the disk for what lies in swap."""
    file = vma.file
    if file is None:
        if mm.rss[MM_SWAPENTS]:
            for _, table, first, stop in mapped_pieces(mm, start, end):
                _fetch(box, list(swap_entries(mm.mmu, table.ptes, first, stop).values()))
        return
    index = vma.pgoff + ((start - vma.start) >> 12)
    last = vma.pgoff + ((end - vma.start) >> 12)
    if file.inode.shmem:
        mapping = mapping_of(box, file.inode)
        _fetch(box, [swap_entry(mapping, at) for at in sorted(swapped_pages(mapping, index, last))])
        return
    if not file.inode.a_ops.writeback:  # there is no disk to ask
        return
    force_page_cache_ra(box, file, mapping_of(box, file.inode), index, last - index)


def _fetch(box: Box, entries: list[int]) -> None:
    """Bring slots into the swap cache, those side by side in one request; nobody waits for them."""
    run: list[int] = []
    last = 0
    for entry in entries:
        pfn, new = read_swap_cache_async(box, entry)
        if new:
            if run and (entry != last + 1 or len(run) >= PLUG):
                box.swap.submit_read(run)
                run = []
            run.append(pfn)
            last = entry
        if pfn:
            put_frames(box, [pfn])
    box.swap.submit_read(run)


def cold_or_pageout(box: Box, mm: MmStruct, start: int, end: int, *, pageout: bool) -> None:
    """MADV_COLD and MADV_PAGEOUT: pages that nobody else maps are old from now on, or reclaimed right away."""
    lru_add_drain(box)
    if mm.huge:
        cold_huge_pmds(box, mm, start, end, pageout=pageout)
    memmap = box.memmap
    flags = memmap.flags
    for index, table, first, stop in mapped_pieces(mm, start, end):
        box.cond_resched()
        chosen = []
        for at in range(first, stop):
            pte = table.ptes[at]
            pfn = pte >> 12
            if not pte & PRESENT or pte & PTE_SPECIAL or pfn == box.vm.zero_pfn:
                continue
            if flags[pfn] & PG_HUGE:
                if memmap.mapcount[pfn] != 1:  # the rest of these 2 MiB is left alone, too
                    break
                split_huge_page(box, compound_head(box, pfn))
            if memmap.mapcount[pfn] != 1 or not flags[pfn] & PG_LRU:
                continue
            table.ptes[at] = pte & ~PTE_ACCESSED
            flags[pfn] &= ~PG_REFERENCED
            if not pageout:
                deactivate_page(box, pfn)
            elif not flags[pfn] & PG_UNEVICTABLE:
                chosen.append(pfn)
        mm.flush_tlb((index << mm.table_shift) + (first << 12), (index << mm.table_shift) + (stop << 12))
        if chosen:
            reclaim_pages(box, chosen)


def lazyfree(box: Box, mm: MmStruct, start: int, end: int) -> None:
    """MADV_FREE: private pages become clean and old, and whoever needs memory may take them; what lies in swap is
    given up at once."""
    mm.update_hiwater_rss()
    lru_add_drain(box)
    at = start
    for huge in lazyfree_huge_pmds(box, mm, start, end) if mm.huge else ():
        _lazyfree_ptes(box, mm, at, huge)
        at = max(at, huge)
    _lazyfree_ptes(box, mm, at, end)
    mm.flush_tlb()


def _lazyfree_ptes(box: Box, mm: MmStruct, start: int, end: int) -> None:
    """What small entries map (madvise_free_pte_range)."""
    memmap = box.memmap
    for _, table, first, stop in mapped_pieces(mm, start, end):
        swapped = 0
        for at in range(first, stop):
            pte = table.ptes[at]
            if not pte:
                continue
            if not pte & PRESENT:
                table.ptes[at] = 0
                swapped += 1
                box.swap.free_and_cache(mm.mmu.pte_to_swp_entry(pte))
                continue
            pfn = pte >> 12
            flags = memmap.flags[pfn]
            if pte & PTE_SPECIAL or not flags & PG_ANON:
                continue
            if flags & PG_HUGE:
                head = compound_head(box, pfn)
                if memmap.mapcount[head] != 1:  # folio_estimated_sharers(); the rest of these 2 MiB stays, too
                    break
                split_huge_page(box, head)
                flags = memmap.flags[pfn]
            if flags & (PG_DIRTY | PG_SWAPCACHE):
                if memmap.mapcount[pfn] != 1 or (flags & PG_SWAPCACHE and not box.swap.free_folio(pfn)):
                    continue
                memmap.flags[pfn] &= ~PG_DIRTY
            table.ptes[at] = pte & ~(PTE_ACCESSED | PTE_DIRTY)
            mark_page_lazyfree(box, pfn)
        if swapped:
            sync_own_rss(box, mm)
            add_mm_counter(box, mm, MM_SWAPENTS, -swapped)
