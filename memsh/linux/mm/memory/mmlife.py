"""The life of an mm_struct: a new one, a copy at fork, its end (kernel/fork.c, mm/memory.c, mm/mmap.c).

fork copies the entries of areas that hold anonymous pages, write-protects both sides of private mappings, and leaves
the rest to later faults.

Known deviations: mm_struct's further users (threads, /proc readers) are not counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import free_pgtables, mapped_pieces, pgd_alloc, pte_alloc
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_RW,
    VM_ACCOUNT,
    VM_DONTCOPY,
    VM_HUGETLB,
    VM_LOCKED,
    VM_LOCKONFAULT,
    VM_MAYWRITE,
    VM_MIXEDMAP,
    VM_PFNMAP,
    VM_SHARED,
    VM_WIPEONFORK,
)
from memsh.linux.include.memmap import PG_ANON, PG_ANON_EXCLUSIVE
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_SWAPENTS, MmStruct, VmArea
from memsh.linux.lib.columns import add_run, mask_run
from memsh.linux.lib.entries import masked, page_runs
from memsh.linux.lib.maple_tree import MapleTree
from memsh.linux.mm.huge_memory.pages import get_frames
from memsh.linux.mm.huge_memory.pmd import copy_huge_pmd, whole_or_split
from memsh.linux.mm.hugetlb.table import copy_hugetlb_page_range
from memsh.linux.mm.ksm.items import ksm_exit, ksm_fork
from memsh.linux.mm.memory.rss_stat import trace_rss_vec
from memsh.linux.mm.memory.zap import Gather, mm_counter, swap_entries, unmap_page_range
from memsh.linux.mm.mmap.vmalist import (
    get_file,
    remove_vma,
    vm_area_dup,
    vm_area_free,
    vm_enough_memory,
    vm_stat_account,
    vma_link,
)
from memsh.linux.mm.rmap.rmap import anon_vma_fork
from memsh.linux.mm.slab.objects import give, take

if TYPE_CHECKING:
    from memsh.linux.box import Box

_COPIED = (
    "start_code", "end_code", "start_data", "end_data", "start_brk", "brk", "start_stack", "arg_start", "arg_end",
    "env_start", "env_end", "saved_auxv", "coredump_filter", "vdso", "mmap_base", "mmap_legacy_base", "topdown",
    "placed", "rlim", "def_flags", "ksm_merging_pages", "ksm_rmap_items",
)  # fmt: skip


def mm_alloc(box: Box) -> MmStruct:
    """An empty mm with its page directory; ENOMEM."""
    addr = take(box, "mm_struct")
    try:
        pgd = pgd_alloc(box)
    except KernelError:
        give(box, "mm_struct", addr)
        raise
    vm = box.vm
    mm = vm.mms[vm.next_mm] = MmStruct(vm.next_mm, addr, pgd, box.mmu)
    vm.next_mm += 1
    return mm


def dup_mmap(box: Box, oldmm: MmStruct) -> MmStruct:
    """fork's copy of a process's memory. ENOMEM leaves nothing behind."""
    mm = mm_alloc(box)
    for name in _COPIED:
        setattr(mm, name, getattr(oldmm, name))
    mm.def_flags &= ~(VM_LOCKED | VM_LOCKONFAULT)
    mm.total_vm, mm.data_vm, mm.exec_vm, mm.stack_vm = oldmm.total_vm, oldmm.data_vm, oldmm.exec_vm, oldmm.stack_vm
    if oldmm.exe_file is not None:
        oldmm.exe_file.count += 1
        mm.exe_file = oldmm.exe_file
    try:
        ksm_fork(box, mm, oldmm)
        if box.thp.khugepaged is not None:
            box.thp.khugepaged.fork(mm, oldmm)
        for old in oldmm.mmap:
            if old.flags & VM_DONTCOPY:
                vm_stat_account(mm, old.flags, -old.pages)
            else:
                _dup_area(box, mm, oldmm, old)
    except KernelError:
        oldmm.flush_tlb()
        exit_mmap(box, mm)
        raise
    oldmm.flush_tlb()
    mm.hiwater_rss = mm.get_rss()
    mm.hiwater_vm = mm.total_vm
    return mm


def _dup_area(box: Box, mm: MmStruct, oldmm: MmStruct, old: VmArea) -> None:
    charged = 0
    if old.flags & VM_ACCOUNT:
        vm_enough_memory(box, oldmm, old.pages)
        charged = old.pages
    try:
        new = vm_area_dup(box, mm, old)
    except KernelError:
        box.vm.commit -= charged
        raise
    new.file = None
    try:
        if not old.flags & VM_WIPEONFORK:
            anon_vma_fork(box, new, old)
        new.flags &= ~(VM_LOCKED | VM_LOCKONFAULT)
        if old.file is not None:
            get_file(new, old.file)
        vma_link(box, mm, new)
    except KernelError:
        box.vm.commit -= charged
        if new.file is not None or new.anon_chain:
            remove_vma(box, new)
        else:
            vm_area_free(box, new)
        raise
    if not old.flags & VM_WIPEONFORK:
        copy_page_range(box, mm, new, oldmm, old)


def copy_page_range(box: Box, mm: MmStruct, new: VmArea, oldmm: MmStruct, old: VmArea) -> None:
    """Copy the page-table entries of `old`; ENOMEM."""
    if not old.flags & (VM_PFNMAP | VM_MIXEDMAP) and not old.anon_vma:
        return
    if old.flags & VM_HUGETLB:
        copy_hugetlb_page_range(box, mm, new, old)
        return
    cow = old.flags & (VM_SHARED | VM_MAYWRITE) == VM_MAYWRITE
    clear = PTE_ACCESSED | (PTE_RW if cow else 0) | (PTE_DIRTY if old.flags & VM_SHARED else 0)
    memmap = box.memmap
    refcount, mapcount, flags = memmap.refcount, memmap.mapcount, memmap.flags
    if oldmm.huge:
        _copy_huge(box, mm, oldmm, old)
    for index, table, first, stop in mapped_pieces(oldmm, old.start, old.end):
        source = table.ptes
        target = pte_alloc(box, mm, index).ptes
        swapped = swap_entries(mm.mmu, source, first, stop) if oldmm.rss[MM_SWAPENTS] else {}
        target[first:stop] = masked(source, first, stop, clear)
        if cow:
            source[first:stop] = masked(source, first, stop, PTE_RW)
        if old.flags & VM_PFNMAP:  # no pages of its own (vm_normal_page)
            continue
        before = [*mm.rss] if box.trace.on else None
        for at, entry in swapped.items():  # what lies in swap now belongs to both (copy_nonpresent_pte)
            source[at] = target[at] = mm.mmu.swp_entry_to_pte(entry)
            box.swap.duplicate(entry)
            mm.rss[MM_SWAPENTS] += 1
        for _, count, pfn in page_runs(source, first, stop, box.vm.zero_pfn):
            if box.thp.pages:
                get_frames(box, pfn, count)
            else:
                add_run(refcount, pfn, count, 1)
            add_run(mapcount, pfn, count, 1)
            if old.vm_ops is None:
                mask_run(flags, pfn, count, PG_ANON_EXCLUSIVE)
                mm.rss[MM_ANONPAGES] += count
            else:
                for frame in range(pfn, pfn + count):
                    bits = flags[frame]
                    if bits & PG_ANON:
                        flags[frame] = bits & ~PG_ANON_EXCLUSIVE
                    mm.rss[mm_counter(bits)] += 1
        if before is not None:
            trace_rss_vec(box, mm, before)


def _copy_huge(box: Box, mm: MmStruct, oldmm: MmStruct, old: VmArea) -> None:
    for number in whole_or_split(box, old, old.start, old.end):
        copy_huge_pmd(box, mm, oldmm, number)


def exit_mmap(box: Box, mm: MmStruct) -> None:
    """The end of an mm: every page, table, area and object goes back."""
    held = ksm_exit(box, mm)
    gather = Gather(box)
    areas = mm.mmap
    for vma in areas:
        unmap_page_range(box, mm, vma, vma.start, vma.end, gather)
    if areas:
        free_pgtables(box, mm, areas[0].start, areas[-1].end, 0, 1 << 64)
    gather.flush()
    for vma in areas:
        if vma.flags & VM_ACCOUNT:
            box.vm.commit -= vma.pages
        remove_vma(box, vma)
    mm.mmap = MapleTree()
    while mm.maple_addrs:
        give(box, "maple_node", mm.maple_addrs.pop())
    if mm.exe_file is not None:
        box.fs.fput(mm.exe_file)
        mm.exe_file = None
    del box.vm.mms[mm.number]
    if not held:
        box.pages.free_pages(mm.pgd_pfn, mm.mmu.top_order)
        give(box, "mm_struct", mm.addr)
