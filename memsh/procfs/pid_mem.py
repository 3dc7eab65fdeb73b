"""/proc/PID/mem: a process's memory, at the offset that is its address (fs/proc/base.c, mem_rw).

Reading takes no faults and changes nothing. EIO where no area is, or where what is wanted is not in memory.

**Known deviations:** Linux would bring a page in that is on disk or in swap; here that is EIO, and a page of an
anonymous area that was never touched reads as zeros. It cannot be written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import pte_of
from memsh.linux.include.errno import KernelError
from memsh.linux.mm.memory.uaccess import peek

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

PAGE = 4096


def read_mem(box: Box, task: Task, offset: int, size: int) -> bytes:
    """At most `size` bytes at the address `offset`: as many as there are before the first that cannot be read."""
    mm = task.mm
    if mm is None:
        return b""
    parts: list[bytes] = []
    while size > 0:
        count = min(size, PAGE - offset % PAGE)
        data = peek(box, task, offset, count)
        if data is None:
            area = next((vma for vma in mm.mmap if vma.start <= offset < vma.end), None)
            if area is None or area.file is not None or pte_of(mm, offset):
                break
            data = bytes(count)
        parts.append(data)
        offset += count
        size -= count
    if not parts:
        raise KernelError("EIO")
    return b"".join(parts)
