"""Where a new area goes: top-down from mmap_base, at the upper end of the highest hole that fits (mm/mmap.c:
get_unmapped_area, arch/x86/kernel/sys_x86_64.c; mm/huge_memory.c: thp_get_unmapped_area).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_FIXED
from memsh.linux.include.mm_types import File, MmStruct
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_SIZE
from memsh.linux.mm.mmap.vmalist import find_vma_prev, unmapped_area, unmapped_area_topdown, vm_start_gap

if TYPE_CHECKING:
    from memsh.linux.box import Box


def page_align(length: int) -> int:
    return (length + 4095) & ~4095


def get_unmapped_area(box: Box, mm: MmStruct, addr: int, length: int, flags: int) -> int:
    """Where a mapping of `length` bytes goes: `addr` if fixed or free there, else top-down. ENOMEM, EINVAL."""
    low = box.vm.mmap_min_addr
    if length > mm.task_size - low:
        raise KernelError("ENOMEM", "longer than the address space")
    if not flags & MAP_FIXED:
        hint = page_align(addr)
        if hint:
            vma, prev = find_vma_prev(mm, hint)
            if not (
                mm.task_size - length >= hint >= low
                and (vma is None or hint + length <= vm_start_gap(vma))
                and (prev is None or hint >= prev.end)
            ):
                hint = 0
        if not hint:
            if mm.topdown:
                hint = unmapped_area_topdown(mm, length, max(4096, low), mm.mmap_base)
            if not hint:
                below = mm.mmu.unmapped_base if mm.topdown and mm.mmu.fixed_fallback else mm.mmap_legacy_base
                hint = unmapped_area(mm, length, below, mm.task_size)
            if not hint:
                raise KernelError("ENOMEM", "no hole in the address space is that long")
        addr = hint
    if addr > mm.task_size - length:
        raise KernelError("ENOMEM", "beyond the user's address space")
    if addr & 4095:
        raise KernelError("EINVAL", "not a page boundary")
    return addr


def thp_get_unmapped_area(
    box: Box, mm: MmStruct, addr: int, length: int, flags: int, file: File | None, offset: int
) -> int:  # fmt: skip
    """Where a file on a disk goes: on a kernel with huge pages so that 2 MiB of file and of memory begin together, if
    that much is mapped (mm/huge_memory.c)."""
    del file
    if not box.thp.available:
        return get_unmapped_area(box, mm, addr, length, flags)
    first = (offset + HPAGE_PMD_SIZE - 1) & -HPAGE_PMD_SIZE
    if offset + length - first >= HPAGE_PMD_SIZE:
        try:
            found = get_unmapped_area(box, mm, addr, length + HPAGE_PMD_SIZE, flags)
        except KernelError:
            found = 0
        if found:
            return addr if found == addr else found + ((offset - found) & HPAGE_PMD_SIZE - 1)
    return get_unmapped_area(box, mm, addr, length, flags)
