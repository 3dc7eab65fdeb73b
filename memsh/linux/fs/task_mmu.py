"""What /proc/PID/smaps counts for an area: every figure from the page tables and struct page (fs/proc/task_mmu.c).

What an area has in swap: entries of its page tables that name a slot, and, of shared memory, the pages of its file that
lie in swap and have no entry here.

All sizes in bytes; the pss family in 1/4096 byte.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import mapped_pieces, pte_of
from memsh.linux.include.flags import PTE_ACCESSED, PTE_DIRTY, VM_HUGETLB, VM_LOCKED, VM_PFNMAP, VM_SHARED, VM_WRITE
from memsh.linux.include.memmap import PG_ANON, PG_DIRTY, PG_REFERENCED, PG_SWAPBACKED
from memsh.linux.include.mm_types import MM_SWAPENTS, MmStruct, VmArea
from memsh.linux.lib.columns import is_run, sub_runs
from memsh.linux.lib.entries import lanes, page_runs
from memsh.linux.mm.hugetlb.table import huge_ptes
from memsh.linux.mm.memory.zap import swap_entries
from memsh.linux.mm.mmap.vmalist import vma_kernel_pagesize
from memsh.linux.mm.shmem.shmem_swap import swap_usage, swapped_pages

if TYPE_CHECKING:
    from memsh.linux.box import Box

PSS_SHIFT = 12
_PAGE = 4096


@dataclass(slots=True)
class MemSizeStats:
    """struct mem_size_stats."""

    resident: int = 0
    shared_clean: int = 0
    shared_dirty: int = 0
    private_clean: int = 0
    private_dirty: int = 0
    referenced: int = 0
    anonymous: int = 0
    lazyfree: int = 0
    swap: int = 0
    pss: int = 0
    pss_anon: int = 0
    pss_file: int = 0
    pss_shmem: int = 0
    pss_dirty: int = 0
    pss_locked: int = 0
    swap_pss: int = 0
    anonymous_thp: int = 0
    shared_hugetlb: int = 0
    private_hugetlb: int = 0
    shmem_thp: int = 0

    def add(self, other: MemSizeStats) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def collect(box: Box, mm: MmStruct, vma: VmArea) -> MemSizeStats:
    """Count one area."""
    stats = MemSizeStats()
    if vma.flags & VM_PFNMAP:  # none of its pages is a normal one
        return stats
    if vma.flags & VM_HUGETLB:
        _collect_hugetlb(box, vma, stats)
        return stats
    if mm.huge:
        _collect_huge(box, mm, vma, stats)
    for _, table, first, stop in mapped_pieces(mm, vma.start, vma.end):
        ptes = table.ptes
        for offset, count, pfn in page_runs(ptes, first, stop, box.vm.zero_pfn):
            _account_run(box, stats, vma, ptes[offset : offset + count], pfn, count)
        if mm.rss[MM_SWAPENTS]:
            for entry in swap_entries(mm.mmu, ptes, first, stop).values():
                stats.swap += _PAGE
                stats.swap_pss += (_PAGE << PSS_SHIFT) // max(box.swap.swapcount(entry), 1)
    if vma.file is not None and vma.file.inode.shmem:
        stats.swap += _PAGE * _swapped_shmem(mm, vma)
    return stats


def _collect_huge(box: Box, mm: MmStruct, vma: VmArea, stats: MemSizeStats) -> None:
    """Entries of 2 MiB (smaps_pmd_entry); the huge page of zeros counts for nothing."""
    memmap = box.memmap
    for number in range(vma.start >> mm.table_shift, (vma.end - 1 >> mm.table_shift) + 1):
        huge = mm.huge.get(number)
        if huge is None or huge.entry >> 12 == box.thp.zero_pfn:
            continue
        head, count = huge.entry >> 12, mm.table_mask + 1
        bits = memmap.flags[head]
        if bits & PG_ANON:
            stats.anonymous_thp += count * _PAGE
        else:
            stats.shmem_thp += count * _PAGE
        if memmap.refcount[head] == 1:
            _account(stats, vma, huge.entry, bits, 1, 1, count)
            continue
        for _, n, maps in sub_runs(memmap.mapcount, head, count):
            _account(stats, vma, huge.entry, bits, 0, maps, n)


def _collect_hugetlb(box: Box, vma: VmArea, stats: MemSizeStats) -> None:
    """Pages of a hugetlb pool count apart, and in no other figure (smaps_hugetlb_range)."""
    size = vma_kernel_pagesize(box, vma)
    for entry in huge_ptes(box, vma):
        if box.memmap.mapcount[entry >> 12] >= 2:
            stats.shared_hugetlb += size
        else:
            stats.private_hugetlb += size


def _swapped_shmem(mm: MmStruct, vma: VmArea) -> int:
    """Pages of the area's file that lie in swap. Where a private area may hold copies, only those without an entry
    count (smap_gather_stats, smaps_pte_hole)."""
    assert vma.file is not None and vma.file.inode.mapping is not None
    mapping, last = vma.file.inode.mapping, vma.pgoff + vma.pages
    if vma.flags & VM_SHARED or not vma.flags & VM_WRITE:
        return swap_usage(mapping, vma.pgoff, last)
    count = 0
    for index in swapped_pages(mapping, vma.pgoff, last):
        addr = vma.start + (index - vma.pgoff << 12)
        count += not pte_of(mm, addr)
    return count


def _account_run(box: Box, stats: MemSizeStats, vma: VmArea, entries: array[int], pfn: int, count: int) -> None:
    """`count` entries that map consecutive frames; one sum if they are all alike."""
    memmap = box.memmap
    size = entries.itemsize
    bits = int.from_bytes(entries.tobytes(), "little") & lanes(PTE_ACCESSED | PTE_DIRTY, count, size)
    pte = entries[0] & (PTE_ACCESSED | PTE_DIRTY)
    refs = memmap.refcount[pfn]
    maps = memmap.mapcount[pfn]
    flags = memmap.flags[pfn]
    if (
        count == 1
        or ((bits == lanes(pte, count, size) and is_run(memmap.flags, pfn, count, flags))
        and is_run(memmap.mapcount, pfn, count, maps)
        and is_run(memmap.refcount, pfn, count, refs))
    ):
        _account(stats, vma, pte, flags, refs, maps, count)
        return
    refcount, mapcount, column_flags = memmap.refcount, memmap.mapcount, memmap.flags
    kinds: dict[tuple[int, int, int, int], int] = {}
    for at in range(count):
        frame = pfn + at
        kind = (entries[at] & (PTE_ACCESSED | PTE_DIRTY), column_flags[frame], refcount[frame], mapcount[frame])
        kinds[kind] = kinds.get(kind, 0) + 1
    for (bit, flag, ref, mapped), n in kinds.items():
        _account(stats, vma, bit, flag, ref, mapped, n)


def _account(stats: MemSizeStats, vma: VmArea, pte: int, flags: int, refs: int, maps: int, count: int) -> None:
    """smaps_account for `count` pages that are alike."""
    size = count * _PAGE
    dirty = bool(pte & PTE_DIRTY or flags & PG_DIRTY)
    stats.resident += size
    if flags & PG_ANON:
        stats.anonymous += size
        if not flags & PG_SWAPBACKED and not dirty:
            stats.lazyfree += size
    if pte & PTE_ACCESSED or flags & PG_REFERENCED:
        stats.referenced += size
    if refs == 1:
        pss, private = size << PSS_SHIFT, True
    else:
        pss = count * ((_PAGE << PSS_SHIFT) // maps if maps >= 2 else _PAGE << PSS_SHIFT)
        private = maps < 2
    stats.pss += pss
    if flags & PG_ANON:
        stats.pss_anon += pss
    elif flags & PG_SWAPBACKED:
        stats.pss_shmem += pss
    else:
        stats.pss_file += pss
    if vma.flags & VM_LOCKED:
        stats.pss_locked += pss
    if dirty:
        stats.pss_dirty += pss
        if private:
            stats.private_dirty += size
        else:
            stats.shared_dirty += size
    elif private:
        stats.private_clean += size
    else:
        stats.shared_clean += size
