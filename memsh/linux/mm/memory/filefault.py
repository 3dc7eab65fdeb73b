"""Faults on mappings of files: reading with fault-around, private and shared writing (mm/memory.c, mm/filemap.c).

The 16 pages around a read fault that are in the page cache already are mapped with it. A page that is not there costs
a major fault, a read of 32 pages from the disk, and a retry that finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import vm_page_prot
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    GFP_FOLIO,
    PTE_DIRTY,
    PTE_RW,
    VM_RAND_READ,
    VM_SEQ_READ,
    VM_SHARED,
    VM_WRITE,
)
from memsh.linux.include.memmap import PG_HUGE, PG_READAHEAD
from memsh.linux.include.mm_types import MmStruct, PageTable, VmArea
from memsh.linux.mm.filemap.filemap import filemap_fault
from memsh.linux.mm.filemap.pagecache import frame_view, mapping_of, max_index
from memsh.linux.mm.filemap.readahead import being_read
from memsh.linux.mm.filemap.writeback import balance_dirty_pages_ratelimited, dirty_folio
from memsh.linux.mm.huge_memory.huge import compound_head
from memsh.linux.mm.lru import mlock_page
from memsh.linux.mm.memory.anon import add_anon_pages, alloc_user_page
from memsh.linux.mm.memory.outcome import AROUND, AROUND_SHIFT, COW, MAJOR
from memsh.linux.mm.memory.zap import mm_counter
from memsh.linux.mm.mmap.vmalist import writenotify
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.rmap.rmap import anon_vma_prepare
from memsh.linux.mm.shmem.shmem import shmem_fault
from memsh.linux.mm.shmem.shmem_huge import do_set_pmd, may_map_huge, private_write

if TYPE_CHECKING:
    from memsh.linux.box import Box


def do_fault(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int, write: bool) -> int:
    """One fault on an empty entry of a file mapping; the kinds it was. IndexError past the file's end; ENOMEM."""
    if not write:
        return _do_read_fault(box, mm, vma, addr, table, at)
    if not vma.flags & VM_SHARED:
        return _do_cow_fault(box, mm, vma, addr, table, at)
    pfn, what = _get_page(box, vma, addr)
    _set_pte(box, mm, vma, table, at, pfn, write=True)
    dirty_folio(box, pfn)
    balance_dirty_pages_ratelimited(box, 1)
    return what


def do_huge_fault(box: Box, mm: MmStruct, vma: VmArea, addr: int, write: bool) -> bool:
    """One fault where no table is, on shared memory that may be huge: whether an entry of 2 MiB serves it now.
    IndexError past the file's end; ENOMEM."""
    if private_write(vma, write) or not may_map_huge(box, vma, addr):
        return False
    assert vma.file is not None
    pfn = shmem_fault(box, vma.file, _pgoff(vma, addr), vma)
    if not box.memmap.flags[pfn] & PG_HUGE:
        return False
    head = compound_head(box, pfn)
    do_set_pmd(box, mm, vma, addr, head, write)
    if write:
        dirty_folio(box, head)
    return True


def _pgoff(vma: VmArea, addr: int) -> int:
    return vma.pgoff + ((addr - vma.start) >> 12)


def _get_page(box: Box, vma: VmArea, addr: int) -> tuple[int, int]:
    """The page-cache page for `addr`, read if need be: (frame, MAJOR or 0). A major fault counts twice."""
    file = vma.file
    assert file is not None
    if file.inode.shmem:
        return shmem_fault(box, file, _pgoff(vma, addr), vma), 0
    random, sequential = bool(vma.flags & VM_RAND_READ), bool(vma.flags & VM_SEQ_READ)
    pfn, major = filemap_fault(box, file, _pgoff(vma, addr), random=random, sequential=sequential)
    if major:
        box.memcg.count_mm_event("pgfault")
        return pfn, MAJOR
    return pfn, 0


def _do_read_fault(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int) -> int:
    mapped = map_pages(box, mm, vma, addr, table, at)
    if table.ptes[at]:
        return mapped << AROUND_SHIFT
    pfn, what = _get_page(box, vma, addr)
    if what & MAJOR:
        mapped = map_pages(box, mm, vma, addr, table, at)
    if not table.ptes[at]:
        _set_pte(box, mm, vma, table, at, pfn, write=False)
        mapped += 1
    return what | mapped << AROUND_SHIFT


def _do_cow_fault(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int) -> int:
    anon_vma_prepare(box, vma)
    new = alloc_user_page(box, GFP_FOLIO, vma, addr)
    try:
        pfn, what = _get_page(box, vma, addr)
    except (IndexError, KernelError):
        box.pages.free_pages(new, 0)
        raise
    text = frame_view(box, pfn)
    if any(text):
        box.memmap.data[new] = bytearray(text)
    add_anon_pages(box, mm, vma, [(new, 1)], addr)
    table.ptes[at] = new << 12 | vm_page_prot(vma) | (PTE_RW | PTE_DIRTY if vma.flags & VM_WRITE else 0)
    return what | COW


def _set_pte(box: Box, mm: MmStruct, vma: VmArea, table: PageTable, at: int, pfn: int, *, write: bool) -> None:
    """Map a page-cache page: a reference, a mapping, its kind of rss (do_set_pte)."""
    memmap = box.memmap
    memmap.refcount[compound_head(box, pfn)] += 1
    memmap.mapcount[pfn] += 1
    if memmap.mapcount[pfn] == 1:
        mod_node_page_state(box, "nr_mapped", pfn, 1)
    mm.rss[mm_counter(memmap.flags[pfn])] += 1
    bits = vm_page_prot(vma, writenotify=writenotify(vma))
    if write:
        bits |= PTE_DIRTY | (PTE_RW if vma.flags & VM_WRITE else 0)
    table.ptes[at] = pfn << 12 | bits
    if vma.flags & 0x2000 and not memmap.flags[pfn] & PG_HUGE:
        mlock_page(box, pfn)


def map_pages(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int) -> int:
    """Fault-around: map what the cache holds of the aligned 16 pages around `addr`, within area, table and file."""
    file = vma.file
    assert file is not None
    mapping = mapping_of(box, file.inode)
    pages = mapping.pages
    if not pages:
        return 0
    low = max(addr & ~((AROUND << 12) - 1), vma.start)
    first = at - ((addr - low) >> 12)
    if first < 0:
        first = 0
        low = addr - (at << 12)
    start = _pgoff(vma, low)
    last = min(start + mm.table_mask - first, vma.pages + vma.pgoff - 1, start + AROUND - 1, max_index(file.inode) - 1)
    ptes, flags = table.ptes, box.memmap.flags
    mapped = 0
    for index in range(start, last + 1):
        pfn = pages.get(index)
        if pfn is None or flags[pfn] & PG_READAHEAD or (mapping.reading and being_read(box, mapping, index)):
            continue
        if file.mmap_miss > 0:
            file.mmap_miss -= 1
        offset = first + index - start
        if not ptes[offset]:
            _set_pte(box, mm, vma, table, offset, pfn, write=False)
            mapped += 1
    return mapped
