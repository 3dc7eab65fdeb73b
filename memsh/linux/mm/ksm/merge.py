"""Two pages become one, and one becomes two again (mm/ksm.c: try_to_merge_one_page, replace_page, break_ksm).

A page that is to be shared is write-protected first, so that whoever writes gets a copy (do_wp_page). Counters:
cow_ksm, and those of a fault where ksmd itself takes a merged page apart.

Known deviations: nobody holds on to pages by direct I/O, so that a page is as free as its entries and caches say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import pte_of, vm_page_prot
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    PTE_DIRTY,
    PTE_PRESENT,
    PTE_RW,
    PTE_SPECIAL,
    VM_DONTEXPAND,
    VM_HUGETLB,
    VM_IO,
    VM_LOCKED,
    VM_MAYSHARE,
    VM_MERGEABLE,
    VM_MIXEDMAP,
    VM_PFNMAP,
    VM_SHARED,
)
from memsh.linux.include.memmap import PG_ANON, PG_ANON_EXCLUSIVE, PG_DIRTY, PG_HUGE, PG_KSM, PG_SWAPCACHE
from memsh.linux.include.mm_types import MM_ANONPAGES, MmStruct, VmArea
from memsh.linux.lib.entries import PRESENT
from memsh.linux.mm.huge_memory.huge import compound_head
from memsh.linux.mm.huge_memory.split import split_huge_page
from memsh.linux.mm.ksm.items import ksm_enter, remove_rmap_item_from_tree, slot_of
from memsh.linux.mm.ksm.types import MERGE_NSEC, RmapItem
from memsh.linux.mm.lru import mark_page_accessed, munlock_page, put_frames
from memsh.linux.mm.memory.fault import handle_mm_fault
from memsh.linux.mm.memory.outcome import BusError, OutOfMemory
from memsh.linux.mm.memory.rss_stat import add_mm_counter
from memsh.linux.mm.mmap.vmalist import vma_lookup
from memsh.linux.mm.rmap.mapcount import page_remove_rmap
from memsh.linux.mm.rmap.rmap import put_anon_vma
from memsh.linux.mm.swap.swapin import page_add_anon_rmap

if TYPE_CHECKING:
    from memsh.linux.box import Box

ZEROS = bytes(4096)
_NOT_MERGEABLE = (VM_MERGEABLE | VM_SHARED | VM_MAYSHARE | VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_HUGETLB
                  | VM_MIXEDMAP)  # fmt: skip


def contents(box: Box, pfn: int) -> bytes | bytearray:
    """The bytes of an anonymous page, or of the page of zeros."""
    return box.memmap.data.get(pfn, ZEROS)


def find_mergeable_vma(box: Box, mm_number: int, address: int) -> VmArea | None:
    """The area of a page that was seen there, if its pages may still be merged."""
    mm = box.vm.mms.get(mm_number)
    if mm is None or not mm.users:
        return None
    vma = vma_lookup(mm, address)
    return vma if vma is not None and vma.flags & VM_MERGEABLE and vma.anon_vma is not None else None


def follow_page(box: Box, mm: MmStruct, address: int) -> int:
    """The frame that is mapped there; 0 if there is none, or that of zeros, or it may not be accessed (PROT_NONE)."""
    pte = pte_of(mm, address)
    return pte >> 12 if pte & PTE_PRESENT and not pte & PTE_SPECIAL and pte >> 12 != box.vm.zero_pfn else 0


def get_mergeable_page(box: Box, item: RmapItem) -> int:
    """The anonymous page that is at the item's address now; 0 if there is none."""
    vma = find_mergeable_vma(box, item.mm, item.address)
    pfn = follow_page(box, vma.mm, item.address) if vma is not None else 0
    return pfn if pfn and box.memmap.flags[pfn] & PG_ANON else 0


# -- one becomes two -------------------------------------------------------------------------------------------------


def break_ksm(box: Box, vma: VmArea, address: int) -> int:
    """Give the process a page of its own in place of a merged one; how many faults that took. ENOMEM."""
    pfn = follow_page(box, vma.mm, address)
    if not pfn or not box.memmap.flags[pfn] & PG_KSM:
        return 0
    try:
        handle_mm_fault(box, vma.mm, vma, address, write=True)
    except OutOfMemory:
        raise KernelError("ENOMEM", "no page to copy a merged one to") from None
    except BusError:
        pass
    return 1


def break_cow(box: Box, item: RmapItem) -> None:
    """A page was made ready to be merged, and then was not."""
    assert item.anon_vma is not None
    put_anon_vma(box, item.anon_vma)
    item.anon_vma = None
    vma = find_mergeable_vma(box, item.mm, item.address)
    if vma is not None:
        try:
            break_ksm(box, vma, item.address)
        except KernelError:
            return  # ksmd comes by again


def unmerge_ksm_pages(box: Box, vma: VmArea, start: int, end: int) -> int:
    """No page of [start, end) is a merged one afterwards; how many faults that took. ENOMEM."""
    faults = 0
    for address in range(start, end, 4096):
        faults += break_ksm(box, vma, address)
    return faults


def ksm_madvise(box: Box, vma: VmArea, start: int, end: int, *, merge: bool) -> int:
    """MADV_MERGEABLE and MADV_UNMERGEABLE: the flags that the area has then. ENOMEM."""
    flags = vma.flags
    if merge:
        if flags & _NOT_MERGEABLE:
            return flags
        assert box.ksm is not None
        if slot_of(box.ksm, vma.mm.number) is None:
            ksm_enter(box, vma.mm)
        return flags | VM_MERGEABLE
    if flags & VM_MERGEABLE and vma.anon_vma is not None:
        box.current.minflt += unmerge_ksm_pages(box, vma, start, end)
    return flags & ~VM_MERGEABLE


# -- two become one --------------------------------------------------------------------------------------------------


def _write_protect_page(box: Box, vma: VmArea, address: int, pfn: int) -> bool:
    """Nobody may write to the page, and its entry is clean; False if somebody holds on to it (write_protect_page)."""
    memmap, mm = box.memmap, vma.mm
    table = mm.tables.get(address >> mm.table_shift)
    at = address >> 12 & mm.table_mask
    pte = table.ptes[at] if table is not None else 0
    if table is None or not pte & PRESENT or pte >> 12 != pfn:
        return False
    flags = memmap.flags[pfn]
    if pte & (PTE_RW | PTE_DIRTY) or flags & PG_ANON_EXCLUSIVE:
        if memmap.mapcount[pfn] + bool(flags & PG_SWAPCACHE) != memmap.refcount[pfn]:
            return False
        memmap.flags[pfn] = flags & ~PG_ANON_EXCLUSIVE | (PG_DIRTY if pte & PTE_DIRTY else 0)
        table.ptes[at] = pte & ~(PTE_RW | PTE_DIRTY)
        mm.flush_tlb(address, address + 4096)
    return True


def _replace_page(box: Box, vma: VmArea, address: int, pfn: int, kpfn: int) -> None:
    """Map the merged page, or that of zeros, instead of `pfn` (replace_page)."""
    memmap, mm = box.memmap, vma.mm
    if kpfn == box.vm.zero_pfn:
        add_mm_counter(box, mm, MM_ANONPAGES, -1)
        special = PTE_SPECIAL
    else:
        memmap.refcount[kpfn] += 1
        page_add_anon_rmap(box, vma, kpfn, address, exclusive=False)
        special = 0
    mm.flush_tlb(address, address + 4096)
    mm.tables[address >> mm.table_shift].ptes[address >> 12 & mm.table_mask] = kpfn << 12 | vm_page_prot(vma) | special
    left = page_remove_rmap(box, pfn)
    if vma.flags & VM_LOCKED:
        munlock_page(box, pfn)
    if not left and memmap.flags[pfn] & PG_SWAPCACHE:
        box.swap.free_folio(pfn)
    put_frames(box, [pfn])


def try_to_merge_one_page(box: Box, vma: VmArea, address: int, pfn: int, kpfn: int, held: int = 0) -> bool:
    """Share `kpfn` instead of `pfn`; without a `kpfn`, make ready to be shared. Whether that went well.

    `held`: a page that ksmd holds besides: a huge page that both are part of cannot be split.
    """
    memmap = box.memmap
    if pfn == kpfn:  # a process that has it already has forked
        return True
    if not memmap.flags[pfn] & PG_ANON:
        return False
    assert box.ksm is not None
    box.ksm.nsec += MERGE_NSEC
    if memmap.flags[pfn] & PG_HUGE:
        head = compound_head(box, pfn)
        if held and memmap.flags[held] & PG_HUGE and compound_head(box, held) == head:
            return False
        split_huge_page(box, head)
    if not _write_protect_page(box, vma, address, pfn):
        return False
    if not kpfn:
        memmap.flags[pfn] |= PG_KSM
        memmap.mapping[pfn] = 0
        mark_page_accessed(box, pfn)
        memmap.flags[pfn] |= PG_DIRTY  # so that it is written before it goes
        return True
    if contents(box, pfn) != contents(box, kpfn):
        return False
    _replace_page(box, vma, address, pfn, kpfn)
    return True


def try_to_merge_with_ksm_page(box: Box, item: RmapItem, pfn: int, kpfn: int, held: int = 0) -> bool:
    """try_to_merge_one_page() at the item's address; the item then holds the area's anon_vma."""
    vma = find_mergeable_vma(box, item.mm, item.address)
    if vma is None or not try_to_merge_one_page(box, vma, item.address, pfn, kpfn, held):
        return False
    remove_rmap_item_from_tree(box, item)
    assert vma.anon_vma is not None
    vma.anon_vma.refcount += 1
    item.anon_vma = vma.anon_vma
    return True


def try_to_merge_two_pages(box: Box, item: RmapItem, pfn: int, tree_item: RmapItem, tree_pfn: int) -> bool:
    """Two pages of processes become one, `pfn`; whether they did."""
    if not try_to_merge_with_ksm_page(box, item, pfn, 0, tree_pfn):
        return False
    if try_to_merge_with_ksm_page(box, tree_item, tree_pfn, pfn):
        return True
    break_cow(box, item)
    return False
