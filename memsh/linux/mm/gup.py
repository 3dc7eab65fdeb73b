"""Faulting pages in ahead of their use: MAP_POPULATE, mlock, MADV_POPULATE_READ and _WRITE (mm/gup.c).

Each page found or brought in is marked accessed (FOLL_TOUCH). The faults count for the current process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import mapped_pieces
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import VM_HUGETLB, VM_IO, VM_LOCKONFAULT, VM_PFNMAP, VM_SHARED, VM_WRITE
from memsh.linux.include.memmap import PG_HUGE, PG_REFERENCED
from memsh.linux.include.mm_types import MmStruct, VmArea
from memsh.linux.lib.columns import mask_run, sub_runs
from memsh.linux.lib.entries import page_runs
from memsh.linux.mm.lru import mark_page_accessed
from memsh.linux.mm.memory.fault import fault_range
from memsh.linux.mm.memory.outcome import BusError, OutOfMemory, Tally
from memsh.linux.mm.mmap.vmalist import areas_between

if TYPE_CHECKING:
    from memsh.linux.box import Box

AT_ONCE = 4 << 20  # bytes between two looks for a signal (Linux: a page)


def faultin_page_range(box: Box, mm: MmStruct, vma: VmArea, start: int, end: int, write: bool) -> None:
    """Bring in [start, end) of one area; the faults count for the current process, but for those of hugetlb pages,
    whose handler is asked without the one that counts (follow_hugetlb_page). EFAULT, ENOMEM."""
    tally = Tally()
    try:
        fault_range(box, mm, vma, start, end, write, tally)
    except BusError:
        raise KernelError("EFAULT") from None
    except OutOfMemory:
        raise KernelError("ENOMEM") from None
    finally:
        if vma.flags & VM_HUGETLB:
            box.vmstat["pgfault"] -= tally.minflt
        else:
            task = getattr(box, "current", None)
            if task is not None:
                task.minflt += tally.minflt
                task.majflt += tally.majflt
    if not vma.flags & (VM_HUGETLB | VM_PFNMAP):
        _touch(box, mm, start, end)


def _touch(box: Box, mm: MmStruct, start: int, end: int) -> None:
    """Each page that a small entry maps is marked accessed, once for each entry (FOLL_TOUCH)."""
    flags = box.memmap.flags
    for _, table, first, stop in mapped_pieces(mm, start, end):
        for _, count, pfn in page_runs(table.ptes, first, stop, box.vm.zero_pfn):
            for at, n, bits in sub_runs(flags, pfn, count):
                if bits & (PG_REFERENCED | PG_HUGE):
                    for frame in range(at, at + n):
                        mark_page_accessed(box, frame)
                else:
                    mask_run(flags, at, n, 0, PG_REFERENCED)


def populate_vma_page_range(box: Box, mm: MmStruct, vma: VmArea, start: int, end: int) -> None:
    """Bring in [start, end) of one area, for writing where it is private and writable. EFAULT, ENOMEM."""
    if vma.flags & VM_LOCKONFAULT:
        return
    if not vma.flags & 7 or vma.flags & (VM_IO | VM_PFNMAP):
        raise KernelError("EFAULT")
    write = vma.flags & (VM_WRITE | VM_SHARED) == VM_WRITE
    faultin_page_range(box, mm, vma, start, end, write)


def mm_populate(box: Box, mm: MmStruct, start: int, length: int, *, ignore_errors: bool = True) -> None:
    """Bring in every mapped page of [start, start + length); errors are mlock's alone: ENOMEM, EFAULT."""
    end = start + length
    for vma in list(areas_between(mm, start, end)):
        if vma.flags & (VM_IO | VM_PFNMAP):
            continue
        try:
            at, last = max(vma.start, start), min(vma.end, end)
            while at < last:
                box.cond_resched()
                stop = min(last, (at // AT_ONCE + 1) * AT_ONCE)
                populate_vma_page_range(box, mm, vma, at, stop)
                at = stop
        except KernelError:
            if not ignore_errors:
                raise
