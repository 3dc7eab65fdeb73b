"""Entries of 2 MiB: made by faults, copied by fork, changed, moved, split, taken away (mm/huge_memory.c).

Counters: thp_fault_alloc, thp_fault_fallback, thp_split_pmd, thp_zero_page_alloc.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import PTE_CHANGED, free_table, new_table, vm_page_prot
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    GFP_NAMES,
    GFP_TRANSHUGE,
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_PSE,
    PTE_RW,
    VM_LOCKED,
    VM_WRITE,
)
from memsh.linux.include.memmap import K_ANON, PG_ANON, PG_ANON_EXCLUSIVE, PG_DIRTY
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_SHMEMPAGES, MmStruct, VmArea
from memsh.linux.lib.columns import add_run
from memsh.linux.mm.huge_memory.huge import (
    HPAGE_PMD_NR,
    HPAGE_PMD_ORDER,
    HPAGE_PMD_SIZE,
    PMD_SHIFT,
    HugePmd,
    hugepage_vma_check,
    is_huge_zero,
    khugepaged_enter,
    transhuge_vma_suitable,
)
from memsh.linux.mm.huge_memory.pages import (
    add_huge_pages,
    deactivate_huge_page,
    exclusive_parts,
    lazyfree_huge_page,
    mlock_huge_page,
    put_huge_page,
    remove_huge_rmap,
)
from memsh.linux.mm.huge_memory.split import split_for_swap, split_huge_page, split_huge_pmd
from memsh.linux.mm.memory.rss_stat import add_mm_counter
from memsh.linux.mm.page_alloc.policy import alloc_hugepage_vma, huge_place
from memsh.linux.mm.rmap.rmap import anon_vma_prepare

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mempolicy import Policy

_ZERO_GFP = (GFP_TRANSHUGE | GFP_NAMES["__GFP_ZERO"]) & ~GFP_NAMES["__GFP_MOVABLE"]
FALLBACK = -1


def may_be_huge(box: Box, mm: MmStruct, vma: VmArea, addr: int) -> bool:
    """Whether a fault at `addr`, where no table is, asks for a huge page first."""
    return transhuge_vma_suitable(vma, addr) and hugepage_vma_check(box, vma) and addr >> PMD_SHIFT not in mm.tables


def get_huge_zero_page(box: Box, mm: MmStruct) -> int:
    """The huge page of zeros, made if it is not there; 0 if there is no memory for it."""
    thp = box.thp
    if not thp.zero_pfn:
        pfn = int(box.pages.alloc_pages(_ZERO_GFP, HPAGE_PMD_ORDER))
        if not pfn:
            box.vmstat["thp_zero_page_alloc_failed"] += 1
            return 0
        thp.zero_pfn = pfn
        box.vmstat["thp_zero_page_alloc"] += 1
    thp.zero_mms[mm.number] = None
    return thp.zero_pfn


def alloc_huge_page(box: Box, vma: VmArea, addr: int, gfp: int, policy: Policy | None = None) -> int:
    """A huge page for the 2 MiB at `addr`, from where the policy says, or else the area's or the process's; 0 if there
    is none."""
    pages = box.pages
    if not box.arch.numa:
        return int(pages.alloc_pages(gfp, HPAGE_PMD_ORDER, K_ANON))
    policy = policy or vma.policy or pages.policy
    return alloc_hugepage_vma(pages, policy, gfp, HPAGE_PMD_ORDER, K_ANON, huge_place(vma, addr))


def do_huge_pmd_anonymous_page(box: Box, mm: MmStruct, vma: VmArea, addr: int, write: bool) -> int:
    """A first access: 0 for a huge page, 1 for the huge page of zeros, FALLBACK if small pages must do; ENOMEM."""
    anon_vma_prepare(box, vma)
    khugepaged_enter(box, mm)
    number = addr >> PMD_SHIFT
    prot = vm_page_prot(vma) | PTE_PSE
    if not write and box.thp.use_zero_page:
        table = new_table(box, mm, number)
        zero = get_huge_zero_page(box, mm)
        if not zero:
            free_table(box, mm, table)
            box.vmstat["thp_fault_fallback"] += 1
            return FALLBACK
        mm.huge[number] = HugePmd(zero << 12 | prot, table)
        return 1
    gfp = box.thp.gfp_mask(vma)
    head = alloc_huge_page(box, vma, addr & -HPAGE_PMD_SIZE, gfp)
    if not head:
        box.vmstat["thp_fault_fallback"] += 1
        return FALLBACK
    if not box.memcg.charge_page(box.memcg.of_mm(mm), head, gfp, HPAGE_PMD_NR):
        box.pages.free_pages(head, HPAGE_PMD_ORDER)
        box.vmstat["thp_fault_fallback"] += 1
        box.vmstat["thp_fault_fallback_charge"] += 1
        return FALLBACK
    try:
        table = new_table(box, mm, number)
    except KernelError:
        box.pages.free_pages(head, HPAGE_PMD_ORDER)
        raise
    add_huge_pages(box, vma, [head], addr & -HPAGE_PMD_SIZE)
    mm.huge[number] = HugePmd(head << 12 | prot | PTE_DIRTY | (PTE_RW if vma.flags & VM_WRITE else 0), table)
    add_mm_counter(box, mm, MM_ANONPAGES, HPAGE_PMD_NR)
    box.memcg.count_mm_event("thp_fault_alloc")
    return 0


def do_huge_pmd_wp_page(box: Box, mm: MmStruct, vma: VmArea, number: int) -> int:
    """A write to a write-protected huge page: 0 if it can be used as it is, FALLBACK after it was split."""
    huge = mm.huge[number]
    memmap = box.memmap
    head = huge.entry >> 12
    if huge.table and not is_huge_zero(box, huge.entry):
        exclusive = memmap.flags[head] & PG_ANON_EXCLUSIVE
        if exclusive or memmap.refcount[head] == 1:
            if not exclusive:
                assert vma.anon_vma is not None
                for frame in range(head, head + HPAGE_PMD_NR):
                    memmap.mapping[frame] = vma.anon_vma.number
                exclusive_parts(box, head, True)
            huge.entry |= PTE_RW | PTE_DIRTY | PTE_ACCESSED
            mm.flush_tlb(number << PMD_SHIFT, number + 1 << PMD_SHIFT)
            return 0
    split_huge_pmd(box, vma, number)
    return FALLBACK


def split_huge_pmd_if_needed(box: Box, vma: VmArea, addr: int) -> None:
    """An area is about to end or begin at `addr` (vma_adjust_trans_huge)."""
    if addr & HPAGE_PMD_SIZE - 1 and addr >> PMD_SHIFT in vma.mm.huge:
        split_huge_pmd(box, vma, addr >> PMD_SHIFT)


def whole_or_split(box: Box, vma: VmArea, start: int, end: int) -> list[int]:
    """The entries of 2 MiB that lie wholly in [start, end), by number; those that do only in part are split."""
    huge = vma.mm.huge
    whole = []
    low, high = start >> PMD_SHIFT, (end - 1) >> PMD_SHIFT
    numbers = [n for n in range(low, high + 1) if n in huge] if high - low < len(huge) else sorted(
        n for n in huge if low <= n <= high)  # fmt: skip
    for number in numbers:
        if start <= number << PMD_SHIFT and number + 1 << PMD_SHIFT <= end:
            whole.append(number)
        else:
            split_huge_pmd(box, vma, number)
    return whole


def zap_huge_pmd(box: Box, vma: VmArea, number: int) -> None:
    """Take an entry of 2 MiB away, with the table kept for it, and the page if nobody else has it."""
    mm = vma.mm
    huge = mm.huge.pop(number)
    if not is_huge_zero(box, huge.entry):
        head = huge.entry >> 12
        remove_huge_rmap(box, head)
        member = MM_ANONPAGES if box.memmap.flags[head] & PG_ANON else MM_SHMEMPAGES
        add_mm_counter(box, mm, member, -HPAGE_PMD_NR)
        put_huge_page(box, head, 1)
    if huge.table:
        free_table(box, mm, huge.table)


def copy_huge_pmd(box: Box, mm: MmStruct, oldmm: MmStruct, number: int) -> None:
    """fork: both sides map the page, and may only read it; ENOMEM."""
    huge = oldmm.huge[number]
    if not huge.table:  # a file's page: the child will fault for it
        return
    table = new_table(box, mm, number)
    if is_huge_zero(box, huge.entry):
        box.thp.zero_mms[mm.number] = None
        mm.huge[number] = HugePmd(huge.entry, table)
        return
    head = huge.entry >> 12
    box.memmap.refcount[head] += 1
    add_run(box.memmap.mapcount, head, HPAGE_PMD_NR, 1)
    exclusive_parts(box, head, False)
    huge.entry &= ~PTE_RW
    mm.huge[number] = HugePmd(huge.entry & ~PTE_ACCESSED, table)
    add_mm_counter(box, mm, MM_ANONPAGES, HPAGE_PMD_NR)


def change_huge_pmd(box: Box, vma: VmArea, number: int) -> None:
    """mprotect of the whole 2 MiB: what may be written again is made so by the next write."""
    huge = vma.mm.huge[number]
    if is_huge_zero(box, huge.entry):
        return
    huge.entry = huge.entry & ~PTE_CHANGED | vm_page_prot(vma) & PTE_CHANGED | PTE_PSE


def _own_huge_pmds(box: Box, mm: MmStruct, start: int, end: int) -> Iterator[tuple[int, HugePmd, int, bool]]:
    """Entries of [start, end) whose huge page nobody else maps: (number, entry, head frame, whether it lies wholly
    there)."""
    for number in sorted(n for n in mm.huge if n << PMD_SHIFT < end and (n + 1) << PMD_SHIFT > start):
        huge = mm.huge[number]
        head = huge.entry >> 12
        if not huge.table or is_huge_zero(box, huge.entry) or box.memmap.mapcount[head] != 1:
            continue
        yield number, huge, head, start <= number << PMD_SHIFT and (number + 1) << PMD_SHIFT <= end


def lazyfree_huge_pmds(box: Box, mm: MmStruct, start: int, end: int) -> Iterator[int]:
    """MADV_FREE: a whole huge page may go as it is; of one that is given up in part the page itself is split. Where
    each begins, before it is seen to."""
    memmap = box.memmap
    for number, huge, head, whole in _own_huge_pmds(box, mm, start, end):
        yield number << PMD_SHIFT
        if max(memmap.mapcount[head : head + HPAGE_PMD_NR]) != 1:  # another has parts of it
            continue
        if whole:
            memmap.flags[head] &= ~PG_DIRTY
            huge.entry &= ~(PTE_ACCESSED | PTE_DIRTY)
            lazyfree_huge_page(box, head)
        else:
            split_huge_page(box, head)


def cold_huge_pmds(box: Box, mm: MmStruct, start: int, end: int, *, pageout: bool) -> None:
    """MADV_COLD and MADV_PAGEOUT: a huge page that is to go, or is advised on in part, is split first."""
    for _, huge, head, whole in _own_huge_pmds(box, mm, start, end):
        if not whole:
            split_huge_page(box, head)
            continue
        huge.entry &= ~PTE_ACCESSED
        if pageout:
            split_for_swap(box, head)
        else:
            deactivate_huge_page(box, head)


def lock_huge_pmd(box: Box, vma: VmArea, number: int) -> None:
    entry = vma.mm.huge[number].entry
    if not is_huge_zero(box, entry):
        mlock_huge_page(box, entry >> 12, bool(vma.flags & VM_LOCKED))
