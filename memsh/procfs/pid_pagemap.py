"""/proc/PID/pagemap: 64 bits for each page of user space (fs/proc/task_mmu.c, pagemap_read).

Bits 0-54 page frame, 56 mapped by this process alone, 61 file page or shared memory, 62 swapped, 63 present.

The text is bytes as every file here has them: what is no UTF-8 as surrogates.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import pte_of
from memsh.linux.include.errno import KernelError
from memsh.linux.include.memmap import PG_ANON
from memsh.linux.include.swapops import swp_offset, swp_type
from memsh.linux.mm.hugetlb.hstate import page_head

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct
    from memsh.linux.include.sched import Task

PM_MMAP_EXCLUSIVE, PM_FILE, PM_SWAP, PM_PRESENT = 1 << 56, 1 << 61, 1 << 62, 1 << 63


def pagemap_entry(box: Box, task: Task, addr: int) -> int:
    """The entry of the page at `addr`."""
    mm = task.mm
    pte = pte_of(mm, addr) if mm is not None else 0
    if not pte:
        return 0
    if not pte & 0x101:
        entry = box.mmu.pte_to_swp_entry(pte)
        return PM_SWAP | swp_type(entry) | swp_offset(entry) << 5
    pfn = pte >> 12
    entry = PM_PRESENT | pfn
    if pfn == box.vm.zero_pfn:
        return entry
    huge = page_head(box, pfn) if mm is not None and mm.hugetlb else None
    if huge is not None:
        pfn = huge[0]
    if not box.memmap.flags[pfn] & PG_ANON:
        entry |= PM_FILE
    if box.memmap.mapcount[pfn] == 1:
        entry |= PM_MMAP_EXCLUSIVE
    return entry


def mapped_ranges(mm: MmStruct, start: int, end: int) -> Iterator[range]:
    """The page numbers of [start, end) that a table of the last level or a huge entry covers, each size by address."""
    low, high = start >> mm.table_shift, (end - 1) >> mm.table_shift
    for number in sorted(n for n in (*mm.tables, *mm.huge) if low <= n <= high):
        first = number << mm.table_shift >> 12
        yield range(max(first, start >> 12), min(first + mm.table_mask + 1, (end - 1 >> 12) + 1))
    for shift, found in mm.hugetlb.items():
        for number in sorted(n for n in found if start < n + 1 << shift and n << shift < end):
            first = number << shift - 12
            yield range(max(first, start >> 12), min(first + (1 << shift - 12), (end - 1 >> 12) + 1))


def show_pagemap(box: Box, task: Task) -> str:
    """The whole of it. EFBIG on a 64-bit machine, where that is 256 GiB: there one reads a part."""
    mm = task.mm
    if mm is None:
        return ""
    if mm.task_size >> 32:
        raise KernelError("EFBIG")
    return read_pagemap(box, task, 0, mm.task_size >> 12 << 3).decode("utf-8", "surrogateescape")


def read_pagemap(box: Box, task: Task, offset: int, size: int) -> bytes:
    """A part of it: offset and size are multiples of 8, else EINVAL."""
    mm = task.mm
    if mm is None:
        return b""
    if offset % 8 or size % 8:
        raise KernelError("EINVAL")
    first, last = offset // 8, min((offset + size) // 8, mm.task_size >> 12)
    text = bytearray(max(0, last - first) * 8)
    for pages in mapped_ranges(mm, first << 12, last << 12):
        for page in pages:
            entry = pagemap_entry(box, task, page << 12)
            if entry:
                struct.pack_into("<Q", text, (page - first) * 8, entry)
    return bytes(text)
