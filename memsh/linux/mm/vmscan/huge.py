"""Huge pages under reclaim: one is looked at as a whole, and split only when it is to go (mm/vmscan.c: the large folios
of shrink_folio_list; mm/rmap.c: folio_referenced of them).

The swap disks here have no clusters of slots, so that no huge page is ever swapped as one.

Counters: thp_swpout_fallback, pglazyfreed, and those of a split.

Known deviations: none of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import PTE_ACCESSED, PTE_DIRTY, VM_LOCKED, VM_SEQ_READ
from memsh.linux.include.memmap import PG_ANON, PG_DIRTY, PG_HUGE, PG_LRU, PG_SWAPBACKED
from memsh.linux.include.mm_types import MM_ANONPAGES
from memsh.linux.lib.columns import count_run, mask_run, set_run, sub_runs
from memsh.linux.lib.entries import filled
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR, PMD_SHIFT
from memsh.linux.mm.huge_memory.pages import deferred_split_huge_page, entire_mappings, put_huge_page
from memsh.linux.mm.huge_memory.split import split_huge_page, split_huge_pmd
from memsh.linux.mm.memory.rss_stat import add_mm_counter
from memsh.linux.mm.rmap.rmap import rmap_walk
from memsh.linux.mm.rmap.unmap import folio_referenced

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.vmscan.scan import Stretch


def number_of_pages(box: Box, stretches: list[Stretch]) -> int:
    """How many small pages stretches are; a huge page is a stretch of its own, of one frame."""
    if not box.thp.pages:
        return sum([count for _, count, _ in stretches])
    flags = box.memmap.flags
    return sum([HPAGE_PMD_NR if flags[first] & PG_HUGE else count for first, count, _ in stretches])


def before_huge(box: Box, first: int, step: int, count: int) -> int:
    """How many of the small pages first, first + step, … there are before a huge page's head; fewer than 512."""
    head = (first + HPAGE_PMD_NR - 1 if step > 0 else first) & -HPAGE_PMD_NR
    away = abs(head - first)
    return away if away < count and box.memmap.flags[head] & PG_HUGE else count


def huge_mapped(box: Box, head: int) -> bool:
    """Whether a part of it is mapped anywhere."""
    return any(box.memmap.mapcount[head : head + HPAGE_PMD_NR])


def huge_referenced(box: Box, head: int) -> tuple[int, int]:
    """In how many areas it, or a part of it, was used since the last look, and their flags; forgets the use."""
    flags = 0
    used: dict[int, int] = {}
    places = entire_mappings(box, head)
    for vma, number in places:
        if vma.flags & VM_LOCKED:
            return len(used), flags | VM_LOCKED
        huge = vma.mm.huge[number]
        if huge.entry & PTE_ACCESSED:
            huge.entry &= ~PTE_ACCESSED
            vma.mm.flush_tlb(number << PMD_SHIFT, number + 1 << PMD_SHIFT)
            if not vma.flags & VM_SEQ_READ:
                used[vma.number] = vma.flags
    if _in_parts(box, head, len(places)):
        for frame in range(head, head + HPAGE_PMD_NR):
            for place in rmap_walk(box, frame):
                if folio_referenced(box, [place])[0]:
                    used[place[0].number] = place[0].flags & ~VM_LOCKED
    for bits in used.values():
        flags |= bits
    return len(used), flags


def _in_parts(box: Box, head: int, entire: int) -> bool:
    """Entries of 4 KiB map it, too."""
    return any(count != entire for _, _, count in sub_runs(box.memmap.mapcount, head, HPAGE_PMD_NR))


def discard_lazyfree_huge(box: Box, head: int) -> bool:
    """One that was given up with MADV_FREE leaves the page tables and is free, without being written anywhere; False
    if it was written since, and is an ordinary page again."""
    memmap = box.memmap
    places = entire_mappings(box, head)
    if memmap.flags[head] & PG_DIRTY or any(vma.mm.huge[number].entry & PTE_DIRTY for vma, number in places):
        mask_run(memmap.flags, head, HPAGE_PMD_NR, 0, PG_SWAPBACKED)
        return False
    for vma, number in places:
        split_huge_pmd(box, vma, number)
        ptes = vma.mm.tables[number].ptes
        ptes[:] = filled(ptes.typecode, 0, HPAGE_PMD_NR)
        vma.mm.update_hiwater_rss()
        add_mm_counter(box, vma.mm, MM_ANONPAGES, -HPAGE_PMD_NR)
    deferred_split_huge_page(box, head)
    box.vmstat["nr_anon_pages"] -= HPAGE_PMD_NR
    set_run(memmap.mapcount, head, HPAGE_PMD_NR, 0)
    box.memcg.count_page_event(head, "pglazyfreed", HPAGE_PMD_NR)
    memmap.flags[head] &= ~PG_LRU  # it is off its list
    put_huge_page(box, head, memmap.refcount[head])
    return True


def may_discard(box: Box, head: int) -> bool:
    """Whether it was given up as a whole, and is mapped as one."""
    flags = box.memmap.flags[head]
    return flags & (PG_ANON | PG_SWAPBACKED) == PG_ANON and not _in_parts(box, head, len(entire_mappings(box, head)))


def split_huge_page_to_list(box: Box, head: int) -> list[Stretch]:
    """Split one that reclaim took off its list: its parts, which are on none either, without those that nobody had."""
    memmap = box.memmap
    if memmap.flags[head] & PG_ANON and entire_mappings(box, head):
        box.vmstat["thp_swpout_fallback"] += 1
    split_huge_page(box, head, isolated=True)
    parts = [(first, n, 1) for first, n, count in sub_runs(memmap.refcount, head, HPAGE_PMD_NR) if count]
    for first, n, _ in parts:  # as isolate_lru_folios() leaves them
        count_run(memmap.lru_next, first, first - 1, n)
        count_run(memmap.lru_prev, first, first + 1, n)
    return parts
