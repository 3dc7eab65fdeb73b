"""Taking pages out of page tables (mm/memory.c: zap_pte_range; mm/mmu_gather.c; mm/swap.c: release_pages).

Pages whose last mapping goes are gathered and freed in the kernel's batches: 8, then up to 512 at a time, each batch
from its last page to its first; so the free lists end up as Linux leaves them.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import mapped_pieces
from memsh.linux.include.flags import PTE_ACCESSED, PTE_DIRTY, VM_HUGETLB, VM_LOCKED, VM_PFNMAP, VM_SEQ_READ
from memsh.linux.include.memmap import PG_ANON, PG_SWAPBACKED
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_FILEPAGES, MM_SHMEMPAGES, MM_SWAPENTS, MmStruct, VmArea
from memsh.linux.lib.columns import count_down
from memsh.linux.lib.entries import PRESENT, page_runs
from memsh.linux.mm.filemap.writeback import dirty_folio
from memsh.linux.mm.huge_memory.huge import huge_parts
from memsh.linux.mm.huge_memory.pages import unmapped_parts
from memsh.linux.mm.huge_memory.pmd import whole_or_split, zap_huge_pmd
from memsh.linux.mm.hugetlb.table import unmap_hugepage_range
from memsh.linux.mm.lru import lru_add_drain, mark_page_accessed, munlock_page, release_page, release_run
from memsh.linux.mm.memory.rss_stat import sync_own_rss, trace_rss_vec
from memsh.linux.mm.rmap.mapcount import page_remove_rmap

if TYPE_CHECKING:
    from memsh.linux.arch.x86.mmu import Mmu
    from memsh.linux.box import Box

_BUNDLE = 8  # pages that fit in the gather structure itself
_BATCH = 1021  # pages that fit in one page of pointers
_MOST = _BUNDLE + 9 * _BATCH  # MAX_GATHER_BATCH_COUNT


class Gather:
    """struct mmu_gather: frames that wait until the TLB is flushed."""

    __slots__ = ("box", "count", "runs")

    def __init__(self, box: Box) -> None:
        self.box = box
        self.count = 0
        self.runs: list[tuple[int, int]] = []  # (first frame, how many)

    def add_run(self, pfn: int, count: int) -> None:
        runs = self.runs
        while count:
            n = min(count, _MOST - self.count)
            runs.append((pfn, n))
            self.count += n
            pfn += n
            count -= n
            if self.count == _MOST:
                self.flush()

    def flush(self) -> None:
        """Drop a reference to each page in the order they were gathered, and free the unused ones."""
        runs, left = self.runs, self.count
        box = self.box
        at, room = 0, _BUNDLE
        swapping = box.vmstat["nr_swapcached"]
        while left:
            n = wanted = min(room, 512, left)
            part = []
            while wanted:
                pfn, count = runs[at]
                if count <= wanted:
                    part.append((pfn, count))
                    at += 1
                    wanted -= count
                else:
                    part.append((pfn, wanted))
                    runs[at] = pfn + wanted, count - wanted
                    wanted = 0
            if swapping:
                box.swap.free_swap_cache([frame for pfn, count in part for frame in range(pfn, pfn + count)])
            release_pages(box, part)
            left -= n
            room = room - n or _BATCH
        runs.clear()
        self.count = 0


def release_pages(box: Box, runs: list[tuple[int, int]]) -> None:
    """Drop a reference to each frame of (first, how many); the unused ones are freed, last first."""
    refcount = box.memmap.refcount
    dead: list[tuple[int, int, int]] = []  # last first: from the highest of a run downwards
    for pfn, count in runs:
        if count == 1:
            left = refcount[pfn] - 1
            refcount[pfn] = left
            if not left:
                release_page(box, pfn)
                dead.append((pfn, 1, -1))
            continue
        for first, n in count_down(refcount, pfn, count):
            release_run(box, first, n)
            dead.append((first + n - 1, n, -1))
    if dead:
        dead.reverse()
        box.pages.free_stretches(dead)


def mm_counter(flags: int) -> int:
    """Which of mm.rss a page with these flags counts in."""
    if flags & PG_ANON:
        return MM_ANONPAGES
    return MM_SHMEMPAGES if flags & PG_SWAPBACKED else MM_FILEPAGES


def unmap_page_range(box: Box, mm: MmStruct, vma: VmArea, start: int, end: int, gather: Gather | None = None) -> None:
    """Clear every entry of [start, end) in `vma`; without a `gather`, free the pages at once."""
    own = gather or Gather(box)
    if box.lru_lazyfree or box.lru_deactivate_file:
        lru_add_drain(box)
    if vma.flags & VM_HUGETLB:
        unmap_hugepage_range(box, vma, start, end)
        return
    if mm.huge:
        for number in whole_or_split(box, vma, start, end):
            zap_huge_pmd(box, vma, number)
    for _, table, first, stop in mapped_pieces(mm, start, end):
        zap_pte_range(box, mm, vma, table.ptes, first, stop, own)
    mm.flush_tlb(start, end)
    if gather is None:
        own.flush()


def zap_pte_range(box: Box, mm: MmStruct, vma: VmArea, ptes: array[int], first: int, stop: int, gather: Gather) -> None:
    """Clear entries [first, stop) of one table."""
    if box.vm.split_rss:
        sync_own_rss(box, mm)
    memmap = box.memmap
    mapcount = memmap.mapcount
    before = [*mm.rss] if box.trace.on else None
    plain = vma.vm_ops is None and not vma.flags & VM_LOCKED
    if mm.rss[MM_SWAPENTS]:
        for entry in swap_entries(mm.mmu, ptes, first, stop).values():
            mm.rss[MM_SWAPENTS] -= 1
            box.swap.free_and_cache(entry)
    normal = [] if vma.flags & VM_PFNMAP else page_runs(ptes, first, stop, box.vm.zero_pfn)  # vm_normal_page()
    for offset, count, pfn in normal:
        if box.thp.pages and any(huge for _, _, huge in huge_parts(box, pfn, count)):
            _zap_parts(box, mm, vma, ptes, offset, pfn, count, gather)
            continue
        if plain:
            mm.rss[MM_ANONPAGES] -= count
            box.vmstat["nr_anon_pages"] -= sum([n for _, n in count_down(mapcount, pfn, count)])
        else:
            for n in range(count):
                _zap_one(box, mm, vma, ptes[offset + n], pfn + n)
        gather.add_run(pfn, count)
    ptes[first:stop] = array(ptes.typecode, bytes(ptes.itemsize * (stop - first)))
    if before is not None:
        trace_rss_vec(box, mm, before)


def _zap_parts(
    box: Box, mm: MmStruct, vma: VmArea, ptes: array[int], at: int, pfn: int, count: int, gather: Gather
) -> None:  # fmt: skip
    """A run of frames, some of which belong to huge pages; ptes[at] maps the first."""
    mapcount = box.memmap.mapcount
    for first, n, huge in huge_parts(box, pfn, count):
        if not box.memmap.flags[first] & PG_ANON:
            for frame in range(first, first + n):
                _zap_one(box, mm, vma, ptes[at + frame - pfn], frame)
            if huge:
                unmapped_parts(box, first, n, 0)
            else:
                gather.add_run(first, n)
            continue
        gone = sum([part for _, part in count_down(mapcount, first, n)])
        mm.rss[MM_ANONPAGES] -= n
        box.vmstat["nr_anon_pages"] -= gone
        if huge:
            unmapped_parts(box, first, n, gone)
        else:
            if vma.flags & VM_LOCKED:
                for frame in range(first, first + n):
                    munlock_page(box, frame)
            gather.add_run(first, n)


def swap_entries(mmu: Mmu, ptes: array[int], first: int, stop: int) -> dict[int, int]:
    """The swap slots that page-table entries of [first, stop) name, by their index."""
    entry_of = mmu.pte_to_swp_entry
    return {at: entry_of(pte) for at, pte in enumerate(ptes[first:stop], first) if pte and not pte & PRESENT}


def _zap_one(box: Box, mm: MmStruct, vma: VmArea, pte: int, pfn: int) -> None:
    """One page of any kind: its dirtiness, its age, its rss, its mapcount; the reference stays until the flush."""
    memmap = box.memmap
    flags = memmap.flags[pfn]
    if not flags & PG_ANON:
        if pte & PTE_DIRTY:
            dirty_folio(box, pfn)
        if pte & PTE_ACCESSED and not vma.flags & VM_SEQ_READ:
            mark_page_accessed(box, pfn)
    mm.rss[mm_counter(flags)] -= 1
    page_remove_rmap(box, pfn)
    if vma.flags & VM_LOCKED:
        munlock_page(box, pfn)
