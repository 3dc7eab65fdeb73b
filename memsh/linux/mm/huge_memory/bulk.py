"""Faults for huge pages in a row (mm/huge_memory.c: do_huge_pmd_anonymous_page).

The result is what one fault after the other would leave. Where one of them would not go the shortest way (memory is
short, a list must be refilled, a policy or a limit has a say) nothing is done here: that fault is taken by itself.

Counters: as those of the single fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import new_tables, tables_ready, vm_page_prot
from memsh.linux.include.flags import PTE_DIRTY, PTE_PSE, PTE_RW, VM_WRITE
from memsh.linux.include.memmap import K_ANON
from memsh.linux.include.mm_types import MM_ANONPAGES, MmStruct, VmArea
from memsh.linux.mm.huge_memory.huge import (
    HPAGE_PMD_NR,
    HPAGE_PMD_ORDER,
    PMD_SHIFT,
    HugePmd,
    hugepage_vma_check,
)
from memsh.linux.mm.huge_memory.pages import add_huge_pages
from memsh.linux.mm.memory.rss_stat import add_mm_counter, count_faults
from memsh.linux.mm.page_alloc.policy import alloc_hugepages

if TYPE_CHECKING:
    from memsh.linux.box import Box


def huge_faults(box: Box, mm: MmStruct, vma: VmArea, number: int, stop: int) -> int:
    """A write to each of the 2 MiB from `number` on, before `stop`, which lie in an anonymous area.

    How many of them have their huge page now, each after one minor fault: perhaps 0.
    """
    memcg = box.memcg.of_mm(mm)
    khugepaged = box.thp.khugepaged
    if (
        box.trace.on or box.pages.policy is not None or vma.policy is not None or vma.anon_vma is None
        or (khugepaged is not None and mm.number not in khugepaged.slots) or not hugepage_vma_check(box, vma)
    ):  # fmt: skip
        return 0
    most = min(number + tables_ready(box, mm, number), stop)
    upto = number
    while upto < most and upto not in mm.tables and upto not in mm.huge:
        upto += 1
    count = upto - number
    if memcg is not None:
        count = min(count, box.memcg.room_for(memcg, count * (HPAGE_PMD_NR + 1)) // (HPAGE_PMD_NR + 1))
    heads = alloc_hugepages(box.pages, box.thp.gfp_mask(vma), HPAGE_PMD_ORDER, K_ANON, count)
    if not heads:
        return 0
    count = len(heads)
    if memcg is not None:
        memcg.memory.charge(count * HPAGE_PMD_NR)
        box.memcg.commit_runs(memcg, [(head, HPAGE_PMD_NR) for head in heads], count * HPAGE_PMD_NR)
    bits = vm_page_prot(vma) | PTE_PSE | PTE_DIRTY | (PTE_RW if vma.flags & VM_WRITE else 0)
    for at, (head, table) in enumerate(zip(heads, new_tables(box, mm, number, count), strict=True), number):
        mm.huge[at] = HugePmd(head << 12 | bits, table)
    add_huge_pages(box, vma, heads, number << PMD_SHIFT)
    count_faults(box, mm, count, None)
    add_mm_counter(box, mm, MM_ANONPAGES, count * HPAGE_PMD_NR)
    box.memcg.count_mm_event("pgfault", count)
    box.memcg.count_mm_event("thp_fault_alloc", count)
    return count
