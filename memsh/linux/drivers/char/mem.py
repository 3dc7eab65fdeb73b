"""/dev/null, zero, full and mem (drivers/char/mem.c).

Known deviations: firmware's and devices' memory reads as zeros in /dev/mem; a private mapping of /dev/zero is plain
anonymous memory, without the file's name in /proc/PID/maps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_SHARED, PAGE_SHIFT, PAGE_SIZE, VM_SHARED
from memsh.linux.include.mm_types import File, FileOperations, MmStruct, VmArea
from memsh.linux.mm.mmap.unmapped import get_unmapped_area
from memsh.linux.mm.mmap.vmalist import put_file
from memsh.linux.mm.shmem.shmem import shmem_get_unmapped_area, shmem_zero_setup

if TYPE_CHECKING:
    from memsh.linux.box import Box

LOW_MEMORY = 1 << 20  # what drivers of old graphics cards need, and the firmware


def _read_null(box: Box, position: int, length: int) -> bytes:
    return b""


def _write_null(box: Box, position: int, data: bytes) -> int:
    return len(data)


def _read_zero(box: Box, position: int, length: int) -> bytes:
    return bytes(length)


def _write_full(box: Box, position: int, data: bytes) -> int:
    raise KernelError("ENOSPC")


def _mmap_zero(box: Box, vma: VmArea) -> None:
    """Shared it is nameless shared memory, private anonymous memory."""
    put_file(box, vma)
    vma.file = None
    mm = box.current.mm
    if vma.flags & VM_SHARED and mm is not None:
        shmem_zero_setup(box, mm, vma)


def get_unmapped_area_zero(
    box: Box, mm: MmStruct, addr: int, length: int, flags: int, file: File | None, offset: int
) -> int:  # fmt: skip
    if flags & MAP_SHARED:
        return shmem_get_unmapped_area(box, mm, addr, length, flags, None, offset)
    return get_unmapped_area(box, mm, addr, length, flags)


def _devmem_is_allowed(box: Box, start: int) -> bool:
    """Nobody looks into RAM (CONFIG_STRICT_DEVMEM), but that below 1 MiB is there, as zeros."""
    rows = box.model.start.iomem(box)
    return start < LOW_MEMORY or not any(
        name == "System RAM" and first < start + PAGE_SIZE and start <= last for _, first, last, name in rows
    )


def _allowed(box: Box, position: int, length: int) -> int:
    """How many bytes may be read or written. EFAULT behind the direct mapping, EPERM where the first of them is RAM."""
    layout = box.machine.layout
    if position + length > layout.high_memory - layout.page_offset:
        raise KernelError("EFAULT")
    end = position
    while end < position + length and _devmem_is_allowed(box, end & -PAGE_SIZE):
        end = (end >> PAGE_SHIFT) + 1 << PAGE_SHIFT
    if end == position and length:
        raise KernelError("EPERM")
    return min(end, position + length) - position


def _read_mem(box: Box, position: int, length: int) -> bytes:
    return bytes(_allowed(box, position, length))


def _write_mem(box: Box, position: int, data: bytes) -> int:
    return _allowed(box, position, len(data))


NULL = FileOperations(None, get_unmapped_area_zero, read=_read_null, write=_write_null)
ZERO = FileOperations(_mmap_zero, get_unmapped_area_zero, read=_read_zero, write=_write_null)
FULL = FileOperations(None, get_unmapped_area_zero, read=_read_zero, write=_write_full)
MEM = FileOperations(None, get_unmapped_area_zero, read=_read_mem, write=_write_mem)
