"""Faults on empty entries of areas that have vm_ops: reading, private and shared writing (mm/memory.c: do_fault).

The area's `fault` says which frame; here it is mapped, or copied. The 16 pages around a read fault that are there
already are mapped with it. Where the disk must be asked the fault is a major one, taken again when the page is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import directories_alloc, vm_page_prot
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_FOLIO, PTE_DIRTY, PTE_PSE, PTE_RW, VM_LOCKED, VM_SHARED, VM_WRITE
from memsh.linux.include.memmap import PG_HUGE
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_SHMEMPAGES, MmStruct, PageTable, VmArea
from memsh.linux.lib.columns import add_run, sub_runs
from memsh.linux.mm.filemap.pagecache import frame_view
from memsh.linux.mm.filemap.writeback import dirty_folio
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR, HugePmd, compound_head
from memsh.linux.mm.huge_memory.pages import entire_mappings, mlock_huge_page
from memsh.linux.mm.lru import mlock_page
from memsh.linux.mm.memory.anon import add_anon_pages, alloc_user_page, page_mkwrite
from memsh.linux.mm.memory.outcome import AROUND_SHIFT, COW, RETRIED
from memsh.linux.mm.memory.rss_stat import add_mm_counter, add_mm_counter_fast
from memsh.linux.mm.memory.zap import mm_counter
from memsh.linux.mm.mmap.vmalist import vma_wants_writenotify
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.rmap.rmap import anon_vma_prepare

if TYPE_CHECKING:
    from memsh.linux.box import Box


def do_fault(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int, write: bool) -> int:
    """One fault on an empty entry; the kinds it was. IndexError where there is no page (SIGBUS); ENOMEM."""
    if not write:
        return _do_read_fault(box, mm, vma, addr, table, at)
    if not vma.flags & VM_SHARED:
        return _do_cow_fault(box, mm, vma, addr, table, at)
    pfn, what = _fault(box, vma, addr)
    set_pte(box, mm, vma, table, at, pfn, write=True)
    page_mkwrite(box, vma, pfn)
    return what


def _fault(box: Box, vma: VmArea, addr: int) -> tuple[int, int]:
    """The frame that the area has at `addr`, and what it cost (__do_fault)."""
    assert vma.vm_ops is not None and vma.vm_ops.fault is not None
    return vma.vm_ops.fault(box, vma, addr)


def may_be_huge(box: Box, vma: VmArea, addr: int, write: bool) -> bool:
    """Whether a fault where no table is may end with an entry of 2 MiB: a copy of one's own is of a small page."""
    if write and not vma.flags & VM_SHARED:
        return False
    ops = vma.vm_ops
    return ops is not None and ops.may_map_huge is not None and ops.may_map_huge(box, vma, addr)


def do_huge_fault(box: Box, mm: MmStruct, vma: VmArea, addr: int, write: bool) -> bool:
    """One fault where no table is: whether an entry of 2 MiB serves it now. IndexError as do_fault(); ENOMEM."""
    if not may_be_huge(box, vma, addr, write):
        return False
    pfn, _ = _fault(box, vma, addr)
    if not box.memmap.flags[pfn] & PG_HUGE:
        return False
    head = compound_head(box, pfn)
    do_set_pmd(box, mm, vma, addr, head, write)
    if write:
        dirty_folio(box, head)
    return True


def do_set_pmd(box: Box, mm: MmStruct, vma: VmArea, addr: int, head: int, write: bool) -> None:
    """Map a whole huge page of the cache at the 2 MiB around `addr`. ENOMEM."""
    memmap = box.memmap
    directories_alloc(box, mm, addr, mm.table_shift)
    entry = head << 12 | vm_page_prot(vma) | PTE_PSE
    if write:
        entry |= PTE_DIRTY | (PTE_RW if vma.flags & VM_WRITE else 0)
    if not entire_mappings(box, head):
        mod_node_page_state(box, "nr_shmem_pmdmapped", head, HPAGE_PMD_NR)
    fresh = sum(n for _, n, value in sub_runs(memmap.mapcount, head, HPAGE_PMD_NR) if not value)
    mod_node_page_state(box, "nr_mapped", head, fresh)
    add_run(memmap.mapcount, head, HPAGE_PMD_NR, 1)
    memmap.refcount[head] += 1
    mm.huge[addr >> mm.table_shift] = HugePmd(entry, 0)
    add_mm_counter(box, mm, MM_SHMEMPAGES, HPAGE_PMD_NR)
    box.vmstat["thp_file_mapped"] += 1
    if vma.flags & VM_LOCKED:
        mlock_huge_page(box, head, True)


def _do_read_fault(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int) -> int:
    assert vma.vm_ops is not None
    map_pages = vma.vm_ops.map_pages
    mapped = 0
    if map_pages is not None:
        mapped = map_pages(box, vma, addr, table, at)
        if table.ptes[at]:
            return mapped << AROUND_SHIFT
    pfn, what = _fault(box, vma, addr)
    if what & RETRIED and map_pages is not None:
        mapped = map_pages(box, vma, addr, table, at)
    if pfn and not table.ptes[at]:
        set_pte(box, mm, vma, table, at, pfn, write=False)
        mapped += 1
    return what | mapped << AROUND_SHIFT


def _do_cow_fault(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int) -> int:
    anon_vma_prepare(box, vma)
    new = alloc_user_page(box, GFP_FOLIO, vma, addr)
    try:
        pfn, what = _fault(box, vma, addr)
    except (IndexError, KernelError):
        box.pages.free_pages(new, 0)
        raise
    if what & RETRIED:
        box.pages.free_pages(new, 0)
        new = alloc_user_page(box, GFP_FOLIO, vma, addr)
    text = frame_view(box, pfn)
    if any(text):
        box.memmap.data[new] = bytearray(text)
    add_anon_pages(box, vma, [(new, 1)], addr)
    add_mm_counter_fast(box, mm, MM_ANONPAGES, 1)
    table.ptes[at] = new << 12 | vm_page_prot(vma) | (PTE_RW | PTE_DIRTY if vma.flags & VM_WRITE else 0)
    return what | COW


def set_pte(box: Box, mm: MmStruct, vma: VmArea, table: PageTable, at: int, pfn: int, *, write: bool) -> None:
    """Map a page that is no anonymous one: a reference, a mapping, its kind of rss (do_set_pte)."""
    memmap = box.memmap
    memmap.refcount[compound_head(box, pfn)] += 1
    memmap.mapcount[pfn] += 1
    if memmap.mapcount[pfn] == 1:
        mod_node_page_state(box, "nr_mapped", pfn, 1)
    add_mm_counter_fast(box, mm, mm_counter(memmap.flags[pfn]), 1)
    bits = vm_page_prot(vma, writenotify=vma_wants_writenotify(vma))
    if write:
        bits |= PTE_DIRTY | (PTE_RW if vma.flags & VM_WRITE else 0)
    table.ptes[at] = pfn << 12 | bits
    if vma.flags & VM_LOCKED and not memmap.flags[pfn] & PG_HUGE:
        mlock_page(box, pfn)
