"""Switching a swap area off: everything in it comes back first (mm/swapfile.c: sys_swapoff, try_to_unuse).

Known deviations: where Linux's OOM killer ends the caller, who asked for too much (oom_task_origin), the call ends with
ENOMEM, and no process dies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import mapped_pieces, vm_page_prot
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_FOLIO, GFP_NAMES, PTE_ACCESSED
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_SWAPENTS, AddressSpace, Inode, MmStruct, PageTable, VmArea
from memsh.linux.include.swapops import swp_type
from memsh.linux.mm.lru import put_frames
from memsh.linux.mm.memory.outcome import OutOfMemory
from memsh.linux.mm.memory.rss_stat import add_mm_counter
from memsh.linux.mm.mmap.vmalist import vm_enough_memory
from memsh.linux.mm.shmem.shmem_swap import shmem_unuse
from memsh.linux.mm.swap.swapfile import SPACE_SHIFT, SWAP_MAP_BAD, SwapArea
from memsh.linux.mm.swap.swapin import (
    ksm_might_need_to_copy,
    map_copy,
    page_add_anon_rmap,
    swap_cache_get_folio,
    swapin_readahead,
)
from memsh.linux.mm.swap.swapon import enable_swap_info, release

if TYPE_CHECKING:
    from memsh.linux.box import Box

GFP_UNUSE = GFP_FOLIO | GFP_NAMES["__GFP_NOWARN"]


def swapoff(box: Box, inode: Inode) -> None:
    """Switch an area off. EINVAL if it is not on; ENOMEM if memory cannot hold what is in it: nothing is lost then."""
    box.changes += 1
    swap = box.swap
    area = next((area for area in swap.active if area.inode is inode and area.writeok), None)
    if area is None:
        raise KernelError("EINVAL", "this is no swap area in use")
    vm_enough_memory(box, box.current.mm, area.pages)
    box.vm.commit -= area.pages
    if area in swap.available:
        swap.available.remove(area)
    if area.priority < 0:
        for other in swap.active[swap.active.index(area) + 1 :]:
            other.priority += 1
        swap.least_priority += 1
    swap.active.remove(area)
    swap.nr_swap_pages -= area.pages
    swap.total_swap_pages -= area.pages
    area.writeok = False
    swap.cache_enabled = False
    swap.drain_slots_cache()
    box.oom.origin = True
    try:
        try_to_unuse(box, area)
    except BaseException:  # ENOMEM, or it was interrupted
        enable_swap_info(box, area, area.priority)
        if not area.highest_bit:
            swap.available.remove(area)
        swap.cache_enabled = True
        raise
    finally:
        box.oom.origin = False
    swap.cache_enabled = bool(swap.active)
    release(box, area)


def try_to_unuse(box: Box, area: SwapArea) -> None:
    """Bring everything that lies in an area back. ENOMEM if it does not fit; what has come back stays."""
    swap = box.swap
    before = -1
    while area.inuse_pages:
        if area.inuse_pages == before:
            raise KernelError("EINTR", f"{before} slots stay in use")
        before = area.inuse_pages
        for owner in list(box.memmap.owners):
            if isinstance(owner, AddressSpace) and owner.inode.shmem:
                shmem_unuse(box, owner, area.type)
        for mm in list(box.vm.mms.values()):
            if area.inuse_pages and mm.rss[MM_SWAPENTS]:
                _unuse_mm(box, mm, area)
        for offset in range(1, area.max):
            if not offset & 0x3FFF:
                box.cond_resched()
            if not area.swap_map[offset] or area.swap_map[offset] == SWAP_MAP_BAD:
                continue
            pfn = area.trees[offset >> SPACE_SHIFT].get(offset)
            if pfn is not None:
                box.memmap.refcount[pfn] += 1
                swap.wait_locked(pfn)
                swap.wait_writeback(pfn)
                swap.free_folio(pfn)
                put_frames(box, [pfn])


def _unuse_mm(box: Box, mm: MmStruct, area: SwapArea) -> None:
    """Bring back every page of a process that lies in the area. ENOMEM."""
    for vma in list(mm.mmap):
        if vma.anon_vma is None:
            continue
        for index, table, first, stop in mapped_pieces(mm, vma.start, vma.end):
            box.cond_resched()
            for at in range(first, stop):
                pte = table.ptes[at]
                if pte and not pte & 0x101 and swp_type(mm.mmu.pte_to_swp_entry(pte)) == area.type:
                    _unuse_pte(box, mm, vma, (index << mm.table_shift) + (at << 12), table, at)


def _unuse_pte(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int) -> None:
    """Map the page of one entry again, old and clean (unuse_pte_range, unuse_pte). ENOMEM."""
    swap, memmap = box.swap, box.memmap
    orig_pte = table.ptes[at]
    entry = mm.mmu.pte_to_swp_entry(orig_pte)
    pfn = swap_cache_get_folio(box, entry) or swapin_readahead(box, entry, GFP_UNUSE, (vma, addr))
    if not pfn:
        raise KernelError("ENOMEM", "no page for what lies in swap")
    swap.wait_locked(pfn)
    swap.wait_writeback(pfn)
    if table.ptes[at] == orig_pte:
        try:
            copied = ksm_might_need_to_copy(box, vma, pfn, addr)
        except OutOfMemory:
            put_frames(box, [pfn])
            raise KernelError("ENOMEM", "no page for what lies in swap") from None
        add_mm_counter(box, mm, MM_SWAPENTS, -1)
        add_mm_counter(box, mm, MM_ANONPAGES, 1)
        if copied:
            map_copy(box, vma, copied, addr)
        else:
            memmap.refcount[pfn] += 1
            page_add_anon_rmap(box, vma, pfn, addr, exclusive=bool(orig_pte & mm.mmu.swp_exclusive))
        table.ptes[at] = (copied or pfn) << 12 | vm_page_prot(vma) & ~PTE_ACCESSED
        swap.free(entry)
        swap.free_folio(pfn)
    put_frames(box, [pfn])

