"""msync(): what was written through a shared mapping goes to the disk (mm/msync.c).

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import VM_LOCKED, VM_SHARED
from memsh.linux.include.mm_types import MmStruct
from memsh.linux.mm.mmap.vmalist import find_vma

if TYPE_CHECKING:
    from memsh.linux.box import Box

MS_ASYNC, MS_INVALIDATE, MS_SYNC = 1, 2, 4


def do_msync(box: Box, mm: MmStruct, start: int, length: int, flags: int) -> None:
    """MS_SYNC writes and waits, MS_ASYNC does nothing. EINVAL; ENOMEM (a hole; the rest is done); EBUSY (locked)."""
    if flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) or start & 4095 or (flags & MS_ASYNC and flags & MS_SYNC):
        raise KernelError("EINVAL")
    end = start + ((length + 4095) & ~4095 & mm.mmu.word_limit - 1)
    if end >= mm.mmu.word_limit:
        raise KernelError("ENOMEM", "beyond the address space")
    box.changes += 1
    hole = False
    while start < end:
        vma = find_vma(mm, start)
        if vma is None:
            hole = True
            break
        if start < vma.start:
            if flags == MS_ASYNC:
                hole = True
                break
            hole, start = True, vma.start
            if start >= end:
                break
        if flags & MS_INVALIDATE and vma.flags & VM_LOCKED:
            raise KernelError("EBUSY", "locked pages cannot be forgotten")
        if flags & MS_SYNC and vma.file is not None and vma.flags & VM_SHARED:
            first = vma.pgoff + (start - vma.start >> 12)
            box.writeback.sync_inode(vma.file.inode, first, first + (min(end, vma.end) - start >> 12))
        start = vma.end
    if hole:
        raise KernelError("ENOMEM", "a hole in the range")
