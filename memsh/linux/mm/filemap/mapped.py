"""Areas that map a file on a disk, and what any page-cache page needs in page tables (mm/filemap.c: filemap_fault,
filemap_map_pages, generic_file_vm_ops; fs/ext4/inode.c: ext4_page_mkwrite).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import VM_RAND_READ, VM_SEQ_READ
from memsh.linux.include.memmap import PG_READAHEAD
from memsh.linux.include.mm_types import PageTable, VmArea, VmOperations
from memsh.linux.mm.filemap.filemap import block_write_end, filemap_fault
from memsh.linux.mm.filemap.pagecache import mapping_of, max_index
from memsh.linux.mm.memory.filefault import set_pte
from memsh.linux.mm.memory.outcome import MAJOR, RETRIED

if TYPE_CHECKING:
    from memsh.linux.box import Box


def page_index(vma: VmArea, addr: int) -> int:
    """The page of the file that the area has at `addr`."""
    return vma.pgoff + ((addr - vma.start) >> 12)


def file_fault(box: Box, vma: VmArea, addr: int) -> tuple[int, int]:
    """The page-cache page for `addr`, read if need be: (frame, what it was). Who dropped mmap_lock takes the fault
    again: it counts twice, and as a major one of the task (mm_account_fault)."""
    assert vma.file is not None
    random, sequential = bool(vma.flags & VM_RAND_READ), bool(vma.flags & VM_SEQ_READ)
    index = page_index(vma, addr)
    pfn, retried = filemap_fault(box, vma.file, index, random=random, sequential=sequential)
    if retried:
        box.memcg.count_mm_event("pgfault")
        return pfn, MAJOR | RETRIED
    return pfn, 0


def filemap_map_pages(box: Box, vma: VmArea, addr: int, table: PageTable, at: int) -> int:
    """Fault-around: map what the cache holds of the aligned 16 pages (fault_around_bytes) around `addr`, within area,
    table and file (do_fault_around)."""
    file, mm = vma.file, vma.mm
    assert file is not None
    mapping = mapping_of(box, file.inode)
    pages = mapping.pages
    around = box.vm.fault_around_bytes >> 12
    if not pages or around <= 1:
        return 0
    low = max(addr & -(around << 12), vma.start)
    first = at - ((addr - low) >> 12)
    if first < 0:
        first = 0
        low = addr - (at << 12)
    start = page_index(vma, low)
    last = min(start + mm.table_mask - first, vma.pages + vma.pgoff - 1, start + around - 1, max_index(file.inode) - 1)
    ptes, flags = table.ptes, box.memmap.flags
    mapped = 0
    for index in range(start, last + 1):
        pfn = pages.get(index)
        if pfn is None or flags[pfn] & PG_READAHEAD or (mapping.reading and mapping.being_read(index, box.timer.usec)):
            continue
        if file.mmap_miss > 0:
            file.mmap_miss -= 1
        offset = first + index - start
        if not ptes[offset]:
            set_pte(box, mm, vma, table, offset, pfn, write=False)
            mapped += 1
    return mapped


def file_page_mkwrite(box: Box, vma: VmArea, pfn: int) -> None:
    """A clean page of a shared mapping is written to: it has to go to the disk some day."""
    del vma
    block_write_end(box, pfn)


GENERIC_FILE_VM_OPS = VmOperations(fault=file_fault, map_pages=filemap_map_pages, page_mkwrite=file_page_mkwrite)


def generic_file_mmap(box: Box, vma: VmArea) -> None:
    """A file on a disk is mapped."""
    del box
    vma.vm_ops = GENERIC_FILE_VM_OPS
