"""madvise: hints about part of the address space (mm/madvise.c).

Where a kernel has no KSM or no huge pages, what asks for them is EINVAL. What the advice means for pages is in
advised.py. No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    VM_DONTCOPY,
    VM_DONTDUMP,
    VM_HUGEPAGE,
    VM_HUGETLB,
    VM_IO,
    VM_LOCKED,
    VM_NOHUGEPAGE,
    VM_PFNMAP,
    VM_RAND_READ,
    VM_SEQ_READ,
    VM_SHARED,
    VM_WIPEONFORK,
    VM_WRITE,
)
from memsh.linux.include.mm_types import MmStruct, VmArea
from memsh.linux.mm.gup import faultin_page_range
from memsh.linux.mm.huge_memory.khugepaged import madvise_collapse
from memsh.linux.mm.ksm.merge import ksm_madvise
from memsh.linux.mm.memory.zap import unmap_page_range
from memsh.linux.mm.mmap.advised import cold_or_pageout, lazyfree, willneed
from memsh.linux.mm.mmap.vmalist import find_vma, find_vma_prev, vma_kernel_pagesize
from memsh.linux.mm.mmap.vmamerge import VM_SPECIAL, vma_modify

if TYPE_CHECKING:
    from memsh.linux.box import Box

ADVICE: dict[str, int] = {
    "normal": 0, "random": 1, "sequential": 2, "willneed": 3, "dontneed": 4, "free": 8, "remove": 9, "dontfork": 10,
    "dofork": 11, "mergeable": 12, "unmergeable": 13, "hugepage": 14, "nohugepage": 15, "dontdump": 16, "dodump": 17,
    "wipeonfork": 18, "keeponfork": 19, "cold": 20, "pageout": 21, "populate_read": 22, "populate_write": 23,
    "dontneed_locked": 24, "collapse": 25,
}  # fmt: skip
_KSM = {12, 13}
_HUGE = {14, 15, 25}
_VALID = set(ADVICE.values())


def do_madvise(box: Box, mm: MmStruct, start: int, length: int, advice: int) -> None:
    """Advise on [start, start + length). EINVAL, ENOMEM (a hole, after the rest was done), EAGAIN, EFAULT."""
    box.changes += 1
    known = advice in _VALID and (advice not in _HUGE or box.thp.available)
    known = known and (advice not in _KSM or box.ksm is not None)
    if not known or start & 4095 or not 0 <= start < mm.mmu.word_limit or length < 0:
        raise KernelError("EINVAL")
    end = start + ((length + 4095) & ~4095)
    if end >= mm.mmu.word_limit:
        raise KernelError("EINVAL")
    if end == start:
        return
    vma, prev = find_vma_prev(mm, start)
    if vma is not None and start > vma.start:
        prev = vma
    hole = False
    while True:
        if vma is None:
            raise KernelError("ENOMEM", "nothing is mapped there")
        if start < vma.start:
            hole = True
            start = vma.start
            if start >= end:
                break
        stop = min(vma.end, end)
        prev = _behavior(box, mm, vma, prev, start, stop, advice)
        start = max(stop, prev.end)
        if start >= end:
            break
        vma = find_vma(mm, prev.end)
    if hole:
        raise KernelError("ENOMEM", "a hole in the range")


def _behavior(box: Box, mm: MmStruct, vma: VmArea, prev: VmArea | None, start: int, end: int, advice: int) -> VmArea:
    """One area; the area to go on from."""
    if advice == 3:
        willneed(box, mm, vma, start, end)
    elif advice in (4, 24):
        if vma.flags & VM_PFNMAP or (advice == 4 and vma.flags & VM_LOCKED):
            raise KernelError("EINVAL")
        mask = vma_kernel_pagesize(box, vma) - 1
        if start & mask:
            raise KernelError("EINVAL", "not a multiple of the huge page's size")
        end &= ~mask
        if end == start:
            return vma
        mm.update_hiwater_rss()
        unmap_page_range(box, mm, vma, start, end)
    elif advice == 8:
        if vma.flags & (VM_PFNMAP | VM_LOCKED) or vma.vm_ops is not None:
            raise KernelError("EINVAL")
        lazyfree(box, mm, start, end)
    elif advice == 9:
        _remove(box, vma, start, end)
    elif advice in (20, 21):
        if vma.flags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB):
            raise KernelError("EINVAL")
        cold_or_pageout(box, mm, start, end, pageout=advice == 21)
    elif advice == 25:
        madvise_collapse(box, mm, vma, start, end)
    elif advice in (22, 23):
        _populate(box, mm, vma, start, end, advice == 23)
    else:
        try:
            flags = _new_flags(box, vma, start, end, advice)
            if advice == 14 and box.thp.khugepaged is not None:
                box.thp.khugepaged.enter_vma(vma, flags)
            vma = _update(box, mm, vma, prev, start, end, flags)
        except KernelError as error:
            raise KernelError("EAGAIN" if error.code == "ENOMEM" else error.code) from None
        if advice == 14 and box.thp.khugepaged is not None:
            box.thp.khugepaged.yielded()
    return vma


def _new_flags(box: Box, vma: VmArea, start: int, end: int, advice: int) -> int:
    flags = vma.flags
    if advice in _KSM:
        return ksm_madvise(box, vma, start, end, merge=advice == 12)
    if advice == 0:
        return flags & ~(VM_RAND_READ | VM_SEQ_READ)
    if advice == 1:
        return flags & ~VM_SEQ_READ | VM_RAND_READ
    if advice == 2:
        return flags & ~VM_RAND_READ | VM_SEQ_READ
    if advice == 10:
        return flags | VM_DONTCOPY
    if advice == 11:
        if flags & VM_IO:
            raise KernelError("EINVAL")
        return flags & ~VM_DONTCOPY
    if advice == 14:
        return flags & ~VM_NOHUGEPAGE | VM_HUGEPAGE
    if advice == 15:
        return flags & ~VM_HUGEPAGE | VM_NOHUGEPAGE
    if advice == 16:
        return flags | VM_DONTDUMP
    if advice == 17:
        if flags & VM_SPECIAL and not flags & VM_HUGETLB:
            raise KernelError("EINVAL")
        return flags & ~VM_DONTDUMP
    if advice == 18:
        if vma.file is not None or flags & VM_SHARED:
            raise KernelError("EINVAL")
        return flags | VM_WIPEONFORK
    return flags & ~VM_WIPEONFORK


def _update(box: Box, mm: MmStruct, vma: VmArea, prev: VmArea | None, start: int, end: int, flags: int) -> VmArea:
    if flags == vma.flags:
        return vma
    vma = vma_modify(box, mm, vma, prev, start, end, flags, vma.policy)
    vma.flags = flags
    return vma


def _remove(box: Box, vma: VmArea, start: int, end: int) -> None:
    """MADV_REMOVE: a hole in a shared file of a memory file system; the pages go everywhere."""
    if vma.flags & VM_LOCKED or vma.file is None:
        raise KernelError("EINVAL")
    if vma.flags & (VM_SHARED | VM_WRITE) != VM_SHARED | VM_WRITE:
        raise KernelError("EACCES")
    inode = vma.file.inode
    if inode.f_op.punch_hole is None:
        raise KernelError("EOPNOTSUPP")
    offset = (vma.pgoff << 12) - vma.start
    inode.f_op.punch_hole(box, inode, start + offset, end + offset)


def _populate(box: Box, mm: MmStruct, vma: VmArea, start: int, end: int, write: bool) -> None:
    special = vma.flags & VM_SPECIAL and not vma.flags & VM_HUGETLB
    if special or (write and not vma.flags & VM_WRITE) or not vma.flags & 7:
        raise KernelError("EINVAL")
    faultin_page_range(box, mm, vma, start, end, write)
