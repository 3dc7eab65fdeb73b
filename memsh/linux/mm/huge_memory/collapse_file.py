"""Small pages of shared memory become a huge one (mm/khugepaged.c: hpage_collapse_scan_file, collapse_file,
retract_page_tables, collapse_pte_mapped_thp).

The page cache is where it happens: the huge page takes the places of the small ones, holes and swapped pages are
filled, and the page tables go, so that each process finds an entry of 2 MiB when it faults again.

Known deviations: files of a disk are left alone, as without CONFIG_READ_ONLY_THP_FOR_FS; a page in swap is waited for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import free_table
from memsh.linux.include.errno import KernelError
from memsh.linux.include.memmap import K_SHMEM, PG_DIRTY, PG_HUGE, PG_LRU, PG_SWAPBACKED, PG_UPTODATE
from memsh.linux.include.mm_types import MM_SHMEMPAGES, AddressSpace, MmStruct, PageTable, VmArea
from memsh.linux.lib.columns import count_run, frame_runs, set_run
from memsh.linux.lib.entries import PRESENT
from memsh.linux.mm.filemap.mapped import page_index
from memsh.linux.mm.filemap.pagecache import mapping_of
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR, HPAGE_PMD_ORDER, HPAGE_PMD_SIZE, PMD_SHIFT
from memsh.linux.mm.huge_memory.pages import list_huge_page, put_huge_page
from memsh.linux.mm.huge_memory.scan import (
    SCAN_EXCEED,
    SCAN_FAIL,
    SCAN_PAGE_ANON,
    SCAN_PAGE_COMPOUND,
    SCAN_PAGE_COUNT,
    SCAN_PAGE_LRU,
    SCAN_PMD_MAPPED,
    SCAN_PMD_NONE,
    SCAN_PTE_MAPPED_HUGEPAGE,
    SCAN_SUCCEED,
    SCAN_TRUNCATED,
    SCAN_VMA_CHECK,
    Collapse,
    alloc_charge_hpage,
    find_pmd_or_thp_or_none,
)
from memsh.linux.mm.lru import lru_name, put_frames
from memsh.linux.mm.memory.filefault import do_set_pmd
from memsh.linux.mm.memory.rss_stat import add_mm_counter
from memsh.linux.mm.mmap.vmalist import vma_lookup
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.rmap.mapcount import page_remove_rmap
from memsh.linux.mm.rmap.rmap import rmap_walk
from memsh.linux.mm.rmap.unmap import try_to_unmap
from memsh.linux.mm.shmem.shmem import shmem_charge, shmem_recalc_inode
from memsh.linux.mm.shmem.shmem_swap import shmem_swapin, swapped_pages

if TYPE_CHECKING:
    from memsh.linux.box import Box

_WHOLE = PG_SWAPBACKED | PG_UPTODATE | PG_HUGE


def scan_file(box: Box, vma: VmArea, addr: int, by: Collapse) -> int:
    """Look at the 512 pages of a file that the 2 MiB at `addr` show, and collapse them if they are worth it."""
    assert vma.file is not None
    memmap = box.memmap
    mapping = mapping_of(box, vma.file.inode)
    start = page_index(vma, addr)
    end = start + HPAGE_PMD_NR
    if by.knobs is not None and sum(1 for _ in swapped_pages(mapping, start, end)) > by.knobs.max_ptes_swap:
        box.vmstat["thp_scan_exceed_swap_pte"] += 1
        return SCAN_EXCEED
    present = mapping.pages.items(start, end)
    for _, pfn in present:
        flags = memmap.flags[pfn]
        if flags & PG_HUGE:
            whole = memmap.index[pfn & -HPAGE_PMD_NR] == start
            return SCAN_PTE_MAPPED_HUGEPAGE if whole else SCAN_PAGE_COMPOUND
        by.note_node(box, pfn)
        if not flags & PG_LRU:
            return SCAN_PAGE_LRU
        if memmap.refcount[pfn] != 1 + memmap.mapcount[pfn]:
            return SCAN_PAGE_COUNT
    if by.knobs is not None and len(present) < HPAGE_PMD_NR - by.knobs.max_ptes_none:
        box.vmstat["thp_scan_exceed_none_pte"] += 1
        return SCAN_EXCEED
    return collapse_file(box, vma.mm, addr, mapping, start, by)


def collapse_file(box: Box, mm: MmStruct, addr: int, mapping: AddressSpace, start: int, by: Collapse) -> int:
    """Put a huge page in the place of the pages from `start` on."""
    result, head = alloc_charge_hpage(box, mm, by, K_SHMEM)
    if not head:
        return result
    if not _fill_holes(box, mapping, start, head):
        box.pages.free_pages(head, HPAGE_PMD_ORDER)
        return SCAN_FAIL if mapping.pages.items(start, start + HPAGE_PMD_NR) else SCAN_TRUNCATED
    memmap = box.memmap
    gone = []
    for index, pfn in mapping.pages.items(start, start + HPAGE_PMD_NR):
        new = head + index - start
        if pfn == new:
            continue
        try_to_unmap(box, pfn, rmap_walk(box, pfn))
        if pfn in memmap.data:
            memmap.data[new] = bytearray(memmap.data[pfn])
        mapping.pages[index] = new
        memmap.mapping[pfn] = 0
        gone.append(pfn)
    for pfn, n in frame_runs(gone):
        mod_node_page_state(box, "nr_file_pages", pfn, -n)
    put_frames(box, gone)
    set_run(memmap.flags, head, HPAGE_PMD_NR, _WHOLE)
    memmap.flags[head] |= PG_LRU | PG_DIRTY
    set_run(memmap.mapping, head, HPAGE_PMD_NR, mapping.number)
    count_run(memmap.index, head, start, HPAGE_PMD_NR)
    memmap.refcount[head] = HPAGE_PMD_NR
    list_huge_page(box, head, lru_name(memmap.flags[head]))
    box.thp.pages += 1
    for item in ("nr_file_pages", "nr_shmem_hugepages"):
        mod_node_page_state(box, item, head, HPAGE_PMD_NR)
    box.vmstat["nr_shmem"] += HPAGE_PMD_NR - len(gone)
    return retract_page_tables(box, mm, addr, mapping, start, head, by)


def _fill_holes(box: Box, mapping: AddressSpace, start: int, head: int) -> bool:
    """Bring swapped pages back, and let parts of the huge page stand where there are none; False if that cannot be."""
    pages = mapping.pages
    end = start + HPAGE_PMD_NR
    filled: list[int] = []
    try:
        for index in sorted(swapped_pages(mapping, start, end)):
            shmem_swapin(box, mapping, index)
        present = {index for index, _ in pages.items(start, end)}
        if not present:
            return False
        for index in range(start, end):
            if index not in present:
                shmem_charge(box, mapping.inode, 1)
                pages[index] = head + index - start
                filled.append(index)
    except KernelError:
        for index in filled:
            pages.pop(index)
        shmem_recalc_inode(box, mapping.inode)
        return False
    return True


def retract_page_tables(
    box: Box, target: MmStruct, addr: int, mapping: AddressSpace, start: int, head: int, by: Collapse
) -> int:
    """The tables that mapped small pages go, so that the next fault finds the huge one; what became of the target's.

    For MADV_COLLAPSE that of the target alone, and it is mapped anew at once; khugepaged sees to the others later.
    """
    answer = SCAN_FAIL
    for number in list(mapping.i_mmap):
        vma = box.vm.areas[number]
        at = vma.start + (start - vma.pgoff << 12)
        if not vma.start <= at < vma.end:
            continue
        is_target = vma.mm is target and at == addr
        result, table = SCAN_PAGE_ANON, None
        if vma.anon_vma is None:
            result = SCAN_VMA_CHECK
            if not at & HPAGE_PMD_SIZE - 1 and vma.end >= at + HPAGE_PMD_SIZE:
                result, table = find_pmd_or_thp_or_none(vma.mm, at)
        if table is not None:
            if by.knobs is not None or is_target:
                collapse_and_free_pmd(box, vma, at, table)
                if by.knobs is None:
                    result = set_huge_pmd(box, vma, at, head)
            else:
                result = SCAN_PTE_MAPPED_HUGEPAGE
                if box.thp.khugepaged is not None:
                    box.thp.khugepaged.add_pte_mapped_thp(vma.mm, at)
        if is_target:
            answer = result
    return answer


def collapse_and_free_pmd(box: Box, vma: VmArea, addr: int, table: PageTable) -> None:
    """An empty table goes."""
    del vma.mm.tables[addr >> PMD_SHIFT]
    vma.mm.flush_tlb(addr, addr + HPAGE_PMD_SIZE)
    free_table(box, vma.mm, table.pfn)


def set_huge_pmd(box: Box, vma: VmArea, addr: int, head: int) -> int:
    try:
        do_set_pmd(box, vma.mm, vma, addr, head, False)
    except KernelError:
        return SCAN_FAIL
    return SCAN_SUCCEED


def collapse_pte_mapped_thp(box: Box, mm: MmStruct, addr: int, *, install_pmd: bool) -> int:
    """A huge page of the cache that small entries map: these go, and with `install_pmd` one of 2 MiB takes their place.
    """
    vma = vma_lookup(mm, addr)
    result, table = find_pmd_or_thp_or_none(mm, addr)
    if result == SCAN_PMD_MAPPED:
        return result
    if vma is None or vma.file is None or not vma.file.inode.shmem or vma.end < addr + HPAGE_PMD_SIZE:
        return SCAN_VMA_CHECK
    mapping = mapping_of(box, vma.file.inode)
    start = page_index(vma, addr)
    head = mapping.pages.get(start)
    if head is None or not box.memmap.flags[head] & PG_HUGE or head & HPAGE_PMD_NR - 1:
        return SCAN_FAIL
    if table is not None:
        mapped = [at for at, pte in enumerate(table.ptes) if pte]
        if any(not table.ptes[at] & PRESENT or table.ptes[at] >> 12 != head + at for at in mapped):
            return SCAN_FAIL
        for at in mapped:
            table.ptes[at] = 0
            page_remove_rmap(box, head + at)
        add_mm_counter(box, mm, MM_SHMEMPAGES, -len(mapped))
        put_huge_page(box, head, len(mapped))
        collapse_and_free_pmd(box, vma, addr, table)
    elif result != SCAN_PMD_NONE:
        return result
    return set_huge_pmd(box, vma, addr, head) if install_pmd else SCAN_SUCCEED
