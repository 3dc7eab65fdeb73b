"""What reclaim does to page tables: who used a page lately, and taking it out of every table (mm/rmap.c).

Counters: rss of each mm, nr_anon_pages, nr_mapped.

Known deviations: no batched TLB flush; a mapping of a process that is being killed counts like any other;
i386's programs lie on the disk, not on a RAM file system as on the recorded machine, where without swap their text
stays: the page that runs is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.program import instruction
from memsh.linux.include.flags import PTE_ACCESSED, PTE_DIRTY, VM_EXEC, VM_LOCKED, VM_SEQ_READ
from memsh.linux.include.memmap import PG_ANON, PG_ANON_EXCLUSIVE, PG_DIRTY, PG_SWAPBACKED
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_SWAPENTS, MmStruct
from memsh.linux.lib.entries import masked
from memsh.linux.mm.filemap.writeback import dirty_folio
from memsh.linux.mm.memory.rss_stat import add_mm_counter
from memsh.linux.mm.memory.zap import mm_counter
from memsh.linux.mm.rmap.mapcount import page_remove_rmap
from memsh.linux.mm.rmap.rmap import Place

if TYPE_CHECKING:
    from memsh.linux.box import Box

def folio_referenced(box: Box, places: list[Place], count: int = 1, way: int = 1) -> tuple[int, int]:
    """How many of a page's mappings were used since the last look, and the flags of their areas. Forgets the use, but
    without swap not of the page that the current process runs in (see the deviations).

    VM_LOCKED among the flags: a locked area maps the page. `count` pages, whose entries stand side by side from each
    place on in the direction `way`, and are alike, are answered for at once.
    """
    referenced = flags = 0
    for vma, addr, ptes, at in places:
        if vma.flags & VM_LOCKED:
            return referenced, flags | VM_LOCKED
        if ptes[at] & PTE_ACCESSED:
            if count > 1 and way < 0:
                at -= count - 1
                addr -= count - 1 << 12
            if vma.flags & VM_EXEC and vma.mm is box.current.mm and not box.swap.total_pages:
                if addr <= instruction(box, box.current, True) < addr + (count << 12):
                    referenced += 1
                    flags |= vma.flags
                    continue
            if count == 1:
                ptes[at] &= ~PTE_ACCESSED
            else:
                ptes[at : at + count] = masked(ptes, at, at + count, PTE_ACCESSED)
            flush_tlb(vma.mm, addr, count)
            if not vma.flags & VM_SEQ_READ:
                referenced += 1
                flags |= vma.flags
    return referenced, flags


def flush_tlb(mm: MmStruct, addr: int, count: int = 1) -> None:
    """The CPU forgets where `count` pages from `addr` on are."""
    if mm.tlb:
        for page in range(addr >> 12, (addr >> 12) + count):
            mm.tlb.drop(page)


def try_to_unmap(box: Box, pfn: int, places: list[Place]) -> bool:
    """Take a page out of all tables; anonymous ones leave their swap entry there. Whether it is unmapped now.

    A page given up with MADV_FREE and written since stays, and is an ordinary page again.
    """
    memmap = box.memmap
    flags = memmap.flags[pfn]
    refcount, mapcount = memmap.refcount, memmap.mapcount
    anon = flags & PG_ANON
    if anon and not flags & PG_SWAPBACKED:
        return _discard_lazyfree(box, pfn, places)
    swap = box.swap
    entry = memmap.private[pfn] if anon else 0
    for vma, addr, ptes, at in places:
        mm = vma.mm
        mm.update_hiwater_rss()
        pte = ptes[at]
        if pte & PTE_DIRTY and not memmap.flags[pfn] & PG_DIRTY:
            dirty_folio(box, pfn)
        flush_tlb(mm, addr)
        if anon:
            ptes[at] = mm.mmu.swp_entry_to_pte(entry) | (mm.mmu.swp_exclusive if flags & PG_ANON_EXCLUSIVE else 0)
            swap.duplicate(entry)
            add_mm_counter(box, mm, MM_ANONPAGES, -1)
            add_mm_counter(box, mm, MM_SWAPENTS, 1)
        else:
            ptes[at] = 0
            add_mm_counter(box, mm, mm_counter(flags), -1)
        refcount[pfn] -= 1
        page_remove_rmap(box, pfn)
    if anon and flags & PG_ANON_EXCLUSIVE:
        memmap.flags[pfn] &= ~PG_ANON_EXCLUSIVE
    return not mapcount[pfn]


def _discard_lazyfree(box: Box, pfn: int, places: list[Place]) -> bool:
    memmap = box.memmap
    dirty = memmap.flags[pfn] & PG_DIRTY or any(ptes[at] & PTE_DIRTY for _, _, ptes, at in places)
    if dirty or memmap.refcount[pfn] != memmap.mapcount[pfn]:
        memmap.flags[pfn] |= PG_SWAPBACKED | (PG_DIRTY if dirty else 0)
        return False
    for vma, addr, ptes, at in places:
        flush_tlb(vma.mm, addr)
        ptes[at] = 0
        vma.mm.update_hiwater_rss()
        add_mm_counter(box, vma.mm, MM_ANONPAGES, -1)
        memmap.refcount[pfn] -= 1
        memmap.mapcount[pfn] -= 1
    box.vmstat["nr_anon_pages"] -= 1
    return True
