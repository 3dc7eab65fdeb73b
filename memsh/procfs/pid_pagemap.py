"""/proc/PID/pagemap: 64 bits for each page of user space (fs/proc/task_mmu.c, pagemap_read).

Bits 0-54 page frame, 56 mapped by this process alone, 61 file page or shared memory, 62 swapped, 63 present.

The text is bytes as every file here has them: what is no UTF-8 as surrogates.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import mapped_pieces, pte_of
from memsh.linux.include.errno import KernelError
from memsh.linux.include.memmap import PG_ANON

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

PM_MMAP_EXCLUSIVE, PM_FILE, PM_SWAP, PM_PRESENT = 1 << 56, 1 << 61, 1 << 62, 1 << 63


def pagemap_entry(box: Box, task: Task, addr: int) -> int:
    """The entry of the page at `addr`."""
    mm = task.mm
    pte = pte_of(mm, addr) if mm is not None else 0
    if not pte:
        return 0
    if not pte & 0x101:
        return PM_SWAP | pte >> 1 & 0x1F | pte >> 9 << 5
    pfn = pte >> 12
    entry = PM_PRESENT | pfn
    if pfn == box.vm.zero_pfn:
        return entry
    if not box.memmap.flags[pfn] & PG_ANON:
        entry |= PM_FILE
    if box.memmap.mapcount[pfn] == 1:
        entry |= PM_MMAP_EXCLUSIVE
    return entry


def show_pagemap(box: Box, task: Task) -> str:
    mm = task.mm
    if mm is None:
        return ""
    text = bytearray((mm.task_size >> 12) * 8)
    for vma in mm.mmap:
        for number, _, first, stop in mapped_pieces(mm, vma.start, vma.end):
            page = number << mm.table_shift >> 12
            for at in range(first, stop):
                entry = pagemap_entry(box, task, page + at << 12)
                if entry:
                    struct.pack_into("<Q", text, (page + at) * 8, entry)
    return text.decode("utf-8", "surrogateescape")


def read_pagemap(box: Box, task: Task, offset: int, size: int) -> bytes:
    """A part of it: offset and size are multiples of 8, else EINVAL."""
    mm = task.mm
    if mm is None:
        return b""
    if offset % 8 or size % 8:
        raise KernelError("EINVAL")
    first, last = offset // 8, min((offset + size) // 8, mm.task_size >> 12)
    text = bytearray(max(0, last - first) * 8)
    for vma in mm.mmap:
        start, end = max(vma.start, first << 12), min(vma.end, last << 12)
        for number, _, begin, stop in mapped_pieces(mm, start, end) if start < end else ():
            page = number << mm.table_shift >> 12
            for at in range(begin, stop):
                entry = pagemap_entry(box, task, page + at << 12)
                if entry:
                    struct.pack_into("<Q", text, (page + at - first) * 8, entry)
    return bytes(text)
