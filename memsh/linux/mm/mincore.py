"""mincore(): which pages of a range are in memory (mm/mincore.c).

Known deviations: a page of a mapped file counts as in memory while it is still being read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import pte_of
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import VM_HUGETLB
from memsh.linux.include.mm_types import MmStruct, VmArea
from memsh.linux.lib.xarray import VALUE
from memsh.linux.mm.filemap.pagecache import mapping_of
from memsh.linux.mm.mmap.vmalist import vma_lookup

if TYPE_CHECKING:
    from memsh.linux.box import Box

PRESENT = 0x101  # or of an area that may not be touched


def do_mincore(box: Box, mm: MmStruct, start: int, length: int) -> bytes:
    """One byte a page, 1 for what could be touched without a major fault. EINVAL, ENOMEM (a hole)."""
    if start & 4095:
        raise KernelError("EINVAL", "not a page boundary")
    end = start + length
    if start < 0 or length < 0 or end > mm.task_size:
        raise KernelError("ENOMEM", "beyond the user's address space")
    end = (end + 4095) & ~4095
    found, at = bytearray(), start
    while at < end:
        vma = vma_lookup(mm, at)
        if vma is None:
            raise KernelError("ENOMEM", "nothing is mapped there")
        stop = min(vma.end, end)
        _area(box, vma, at, stop, found)
        at = stop
    return bytes(found)


def _area(box: Box, vma: VmArea, start: int, end: int, found: bytearray) -> None:
    """mincore_pte_range() for each table of the area, __mincore_unmapped_range() where there is none."""
    mm = vma.mm
    if vma.flags & VM_HUGETLB:  # mincore_hugetlb()
        found += bytes(bool(pte_of(mm, at)) for at in range(start, end, 4096))
        return
    span = 1 << mm.table_shift
    while start < end:
        stop = min(end, (start // span + 1) * span)
        index = start >> mm.table_shift
        table = mm.tables.get(index)
        if index in mm.huge:
            found += b"\1" * (stop - start >> 12)
        elif table is None:
            found += bytes(_unmapped(box, vma, at) for at in range(start, stop, 4096)) if vma.file else bytes(
                stop - start >> 12
            )
        else:
            first = start >> 12 & mm.table_mask
            for at, entry in enumerate(table.ptes[first : first + (stop - start >> 12)]):
                if not entry:
                    found.append(_unmapped(box, vma, start + at * 4096))
                else:
                    found.append(bool(entry & PRESENT or box.swap.cached(mm.mmu.pte_to_swp_entry(entry))))
        start = stop


def _unmapped(box: Box, vma: VmArea, addr: int) -> bool:
    """Whether a fault would find the page in the page cache, or in the swap cache (mincore_page)."""
    if vma.file is None:
        return False
    pages = mapping_of(box, vma.file.inode).pages
    index = (addr - vma.start >> 12) + vma.pgoff
    entry = pages.value(index)
    if entry and vma.file.inode.shmem:
        return bool(box.swap.cached(int(entry)))
    pfn = pages.get(index)
    return pfn is not None and pfn < VALUE
