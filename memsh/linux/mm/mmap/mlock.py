"""mlock, munlock, mlockall: pages that stay in memory (mm/mlock.c). Every process may lock (CAP_IPC_LOCK)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import mapped_pieces
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import VM_HUGETLB, VM_LOCKED, VM_LOCKONFAULT
from memsh.linux.include.mm_types import MmStruct, VmArea
from memsh.linux.lib.entries import page_runs
from memsh.linux.mm.gup import mm_populate
from memsh.linux.mm.huge_memory.huge import huge_parts
from memsh.linux.mm.huge_memory.pmd import lock_huge_pmd, whole_or_split
from memsh.linux.mm.lru import mlock_page, munlock_page
from memsh.linux.mm.mmap.vmalist import find_vma, find_vma_prev, vma_lookup
from memsh.linux.mm.mmap.vmamerge import VM_SPECIAL, vma_modify

if TYPE_CHECKING:
    from memsh.linux.box import Box

_CLEAR = ~(VM_LOCKED | VM_LOCKONFAULT)
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4


def mlock_fixup(box: Box, mm: MmStruct, vma: VmArea, prev: VmArea | None, start: int, end: int, flags: int) -> VmArea:
    """Set one area's lock flags, or those of the part in [start, end); the area that holds it then."""
    old = vma.flags
    if flags == old or old & (VM_SPECIAL | VM_HUGETLB):
        return vma
    vma = vma_modify(box, mm, vma, prev, start, end, flags, vma.policy)
    pages = (end - start) >> 12
    vma.flags = flags
    if flags & VM_LOCKED and old & VM_LOCKED:
        return vma
    mm.locked_vm += pages if flags & VM_LOCKED else -pages
    change = mlock_page if flags & VM_LOCKED else munlock_page
    if mm.huge:
        for number in whole_or_split(box, vma, start, end):
            lock_huge_pmd(box, vma, number)
    for _, table, first, stop in mapped_pieces(mm, start, end):
        box.cond_resched()
        for _, count, pfn in page_runs(table.ptes, first, stop, box.vm.zero_pfn):
            for first, n, huge in huge_parts(box, pfn, count):
                if not huge:  # a huge page that small entries map is left where it is
                    for frame in range(first, first + n):
                        change(box, frame)
    return vma


def _apply_vma_lock_flags(box: Box, mm: MmStruct, start: int, length: int, flags: int) -> None:
    end = start + length
    if end >= mm.mmu.word_limit:
        raise KernelError("EINVAL")
    if end == start:
        return
    vma = vma_lookup(mm, start)
    if vma is None:
        raise KernelError("ENOMEM", "nothing is mapped there")
    prev = vma if start > vma.start else find_vma_prev(mm, start)[1]
    at = start
    while True:
        stop = min(vma.end, end)
        prev = mlock_fixup(box, mm, vma, prev, at, stop, vma.flags & _CLEAR | flags)
        at = max(stop, prev.end)
        if at >= end:
            return
        after = find_vma(mm, prev.end)
        if after is None or after.start != at:
            raise KernelError("ENOMEM", "a hole in the range")
        vma = after


def do_mlock(box: Box, mm: MmStruct, start: int, length: int, *, onfault: bool = False) -> None:
    """Lock the pages of [start, start + length) and bring them in. ENOMEM (a hole, no memory), EAGAIN, EINVAL."""
    box.changes += 1
    if not 0 <= start < mm.mmu.word_limit or not 0 <= length < mm.mmu.word_limit:
        raise KernelError("EINVAL")
    length = (length + (start & 4095) + 4095) & ~4095
    start &= ~4095
    _apply_vma_lock_flags(box, mm, start, length, VM_LOCKED | (VM_LOCKONFAULT if onfault else 0))
    try:
        mm_populate(box, mm, start, length, ignore_errors=False)
    except KernelError as error:
        raise KernelError("ENOMEM" if error.code == "EFAULT" else "EAGAIN") from None


def do_munlock(box: Box, mm: MmStruct, start: int, length: int) -> None:
    """Unlock [start, start + length). ENOMEM, EINVAL."""
    box.changes += 1
    if not 0 <= start < mm.mmu.word_limit or not 0 <= length < mm.mmu.word_limit:
        raise KernelError("EINVAL")
    length = (length + (start & 4095) + 4095) & ~4095
    _apply_vma_lock_flags(box, mm, start & ~4095, length, 0)


def do_mlockall(box: Box, mm: MmStruct, flags: int) -> None:
    """Lock everything now (MCL_CURRENT), from now on (MCL_FUTURE), when touched (MCL_ONFAULT). EINVAL."""
    box.changes += 1
    if not flags or flags & ~7 or flags == MCL_ONFAULT:
        raise KernelError("EINVAL")
    bits = VM_LOCKED | (VM_LOCKONFAULT if flags & MCL_ONFAULT else 0)
    mm.def_flags &= _CLEAR
    if flags & MCL_FUTURE:
        mm.def_flags |= bits
    if flags & MCL_CURRENT:
        _all(box, mm, bits)
        mm_populate(box, mm, 0, mm.task_size)


def do_munlockall(box: Box, mm: MmStruct) -> None:
    box.changes += 1
    mm.def_flags &= _CLEAR
    _all(box, mm, 0)


def _all(box: Box, mm: MmStruct, bits: int) -> None:
    prev: VmArea | None = None
    at = 0
    while (vma := find_vma(mm, at)) is not None:
        at = vma.end
        try:
            prev = mlock_fixup(box, mm, vma, prev, vma.start, vma.end, vma.flags & _CLEAR | bits)
        except KernelError:
            prev = vma
