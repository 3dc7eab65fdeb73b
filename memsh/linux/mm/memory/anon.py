"""Pages that belong to a process alone: fresh ones, and what becomes of a write to a shared one (mm/memory.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import vm_page_prot
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    GFP_FOLIO,
    GFP_KERNEL,
    GFP_NAMES,
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_RW,
    PTE_SPECIAL,
    VM_LOCKED,
    VM_SHARED,
    VM_WRITE,
)
from memsh.linux.include.memmap import K_ANON, PG_ANON, PG_ANON_EXCLUSIVE, PG_HUGE, PG_KSM, PG_SWAPBACKED, PG_SWAPCACHE
from memsh.linux.include.mm_types import MM_ANONPAGES, MmStruct, PageTable, VmArea
from memsh.linux.lib.columns import count_run, set_run
from memsh.linux.mm.filemap.pagecache import frame_view
from memsh.linux.mm.filemap.writeback import dirty_folio
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR, compound_head
from memsh.linux.mm.huge_memory.pages import deferred_split_huge_page, put_huge_page
from memsh.linux.mm.lru import account_new_runs, munlock_page, new_page_flags, put_frames
from memsh.linux.mm.memory.outcome import COW, REUSE, OutOfMemory
from memsh.linux.mm.memory.rss_stat import add_mm_counter_fast
from memsh.linux.mm.memory.zap import mm_counter
from memsh.linux.mm.page_alloc.policy import vma_alloc_folio
from memsh.linux.mm.rmap.mapcount import page_remove_rmap
from memsh.linux.mm.rmap.rmap import anon_vma_prepare

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import MemCgroup

GFP_ANON = GFP_FOLIO | GFP_NAMES["__GFP_ZERO"]
_ANON_FLAGS = PG_ANON | PG_SWAPBACKED | PG_ANON_EXCLUSIVE
SHORT = 6  # a run of fewer frames is done frame by frame
WRITTEN = PTE_RW | PTE_DIRTY


def add_anon_pages(box: Box, vma: VmArea, runs: list[tuple[int, int]], addr: int) -> None:
    """New anonymous pages for consecutive addresses from `addr`: counted, on their list, known to the reverse map.

    `runs` are (first frame, how many).
    """
    memmap = box.memmap
    mapcount, column, mapping, indices = memmap.mapcount, memmap.flags, memmap.mapping, memmap.index
    anon = vma.anon_vma
    assert anon is not None
    number = anon.number
    flags = new_page_flags(vma.flags, _ANON_FLAGS)
    index = vma.pgoff + ((addr - vma.start) >> 12)
    total = 0
    for pfn, count in runs:
        if count < SHORT:
            for frame in range(pfn, pfn + count):
                mapcount[frame] = 1
                column[frame] = flags
                mapping[frame] = number
                indices[frame] = index
                index += 1
        else:
            set_run(mapcount, pfn, count, 1)
            set_run(column, pfn, count, flags)
            set_run(mapping, pfn, count, number)
            count_run(indices, pfn, index, count)
            index += count
        total += count
    account_new_runs(box, runs, total, flags)
    box.vmstat["nr_anon_pages"] += total


def alloc_user_page(box: Box, gfp: int, vma: VmArea, addr: int) -> int:
    """vma_alloc_folio(), charged to the process's group (mem_cgroup_charge); OutOfMemory."""
    pfn = vma_alloc_folio(box.pages, gfp, vma, addr)
    if not pfn:
        raise OutOfMemory
    if not box.memcg.charge_page(box.memcg.of_mm(vma.mm), pfn, GFP_KERNEL):
        box.pages.free_pages(pfn, 0)
        raise OutOfMemory
    return pfn


def alloc_user_pages(box: Box, count: int, vma: VmArea, addr: int) -> list[int]:
    """Up to `count` pages for addresses from `addr` on, as that many alloc_user_page() would give."""
    pages = box.pages
    policy = vma.policy or pages.policy
    if policy is None:
        return pages.alloc_bulk(GFP_ANON, count, K_ANON)
    own = pages.policy
    pages.set_policy(policy, vma.pgoff + ((addr - vma.start) >> 12))
    try:
        return pages.alloc_bulk(GFP_ANON, count, K_ANON)
    finally:
        pages.set_policy(own)


def alloc_charged(box: Box, memcg: MemCgroup, count: int, vma: VmArea, addr: int) -> list[int]:
    """alloc_user_pages() for a process in a group: up to `count` pages that it may have without more ado, else one that
    its group makes room for; none without memory. The former do not carry the group's number yet."""
    ready = box.memcg.charge_ahead(memcg, count)
    if not ready:
        try:
            return [alloc_user_page(box, GFP_ANON, vma, addr)]
        except OutOfMemory:
            return []
    pfns = alloc_user_pages(box, ready, vma, addr)
    if len(pfns) < ready:
        box.memcg.cancel_charge(memcg, ready - len(pfns))
    return pfns


def do_wp_page(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int) -> int:
    """A write to a present, write-protected page: share, reuse, or copy."""
    pte = table.ptes[at]
    pfn = pte >> 12
    memmap = box.memmap
    mm.tlb.drop(addr >> 12)
    if pte & PTE_SPECIAL:
        return _wp_page_copy(box, mm, vma, addr, table, at)
    flags = memmap.flags[pfn]
    if flags & PG_ANON:
        if not flags & PG_ANON_EXCLUSIVE:
            if flags & PG_KSM:
                box.vmstat["cow_ksm"] += 1
                return _wp_page_copy(box, mm, vma, addr, table, at)
            if memmap.refcount[compound_head(box, pfn)] > 1 + bool(flags & PG_SWAPCACHE):
                return _wp_page_copy(box, mm, vma, addr, table, at)
            if flags & PG_SWAPCACHE:
                box.swap.free_folio(pfn)
                flags = memmap.flags[pfn]
            if memmap.refcount[compound_head(box, pfn)] > 1:
                return _wp_page_copy(box, mm, vma, addr, table, at)
            anon = vma.anon_vma
            assert anon is not None
            memmap.mapping[pfn] = anon.number
            memmap.flags[pfn] = flags | PG_ANON_EXCLUSIVE
        table.ptes[at] = pte | WRITTEN | PTE_ACCESSED
        box.vmstat["pgreuse"] += 1
        return REUSE
    if vma.flags & (VM_WRITE | VM_SHARED) == VM_WRITE | VM_SHARED:
        table.ptes[at] = pte | WRITTEN | PTE_ACCESSED
        box.vmstat["pgreuse"] += 1
        page_mkwrite(box, vma, pfn)
        return REUSE
    return _wp_page_copy(box, mm, vma, addr, table, at)


def page_mkwrite(box: Box, vma: VmArea, pfn: int) -> None:
    """A page of a shared mapping may be written to from now on (do_page_mkwrite, fault_dirty_shared_page)."""
    assert vma.vm_ops is not None
    (vma.vm_ops.page_mkwrite or _dirty)(box, vma, pfn)


def _dirty(box: Box, vma: VmArea, pfn: int) -> None:
    del vma
    dirty_folio(box, pfn)


def _wp_page_copy(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int) -> int:
    """Give this process a page of its own in place of the zero page, a shared anonymous page or a file's."""
    try:
        anon_vma_prepare(box, vma)
    except KernelError:
        raise OutOfMemory from None
    pte = table.ptes[at]
    old = pte >> 12
    special = pte & PTE_SPECIAL
    new = alloc_user_page(box, GFP_ANON if special else GFP_FOLIO, vma, addr)
    old_flags = 0 if special else box.memmap.flags[old]
    if not special:
        drop_mapped_page(box, vma, old, new)
    add_anon_pages(box, vma, [(new, 1)], addr)
    if not old_flags & PG_ANON:  # in place of another anonymous page the counter is where it was
        if not special:
            add_mm_counter_fast(box, mm, mm_counter(old_flags), -1)
        add_mm_counter_fast(box, mm, MM_ANONPAGES, 1)
    table.ptes[at] = new << 12 | vm_page_prot(vma) | (WRITTEN if vma.flags & VM_WRITE else PTE_DIRTY)
    if not special:
        if old_flags & PG_SWAPCACHE:
            box.swap.free_swap_cache([old])
        if old_flags & PG_HUGE:
            if not box.memmap.mapcount[old]:
                deferred_split_huge_page(box, old & -HPAGE_PMD_NR)
            put_huge_page(box, old & -HPAGE_PMD_NR, 1)
        else:
            put_frames(box, [old])
    return COW


def drop_mapped_page(box: Box, vma: VmArea, old: int, new: int) -> None:
    """Copy the bytes of `old` to `new` and take the mapping of `old` away; its reference stays."""
    memmap = box.memmap
    flags = memmap.flags[old]
    if old in memmap.data or not flags & PG_ANON:
        text = frame_view(box, old)
        if any(text):
            memmap.data[new] = bytearray(text)
    page_remove_rmap(box, old)
    if vma.flags & VM_LOCKED and not flags & PG_HUGE:
        munlock_page(box, old)
