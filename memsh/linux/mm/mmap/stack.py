"""A stack that grows when something below it is touched (mm/mmap.c: expand_downwards)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import VM_GROWSDOWN, VM_LOCKED
from memsh.linux.include.mm_types import MmStruct, VmArea
from memsh.linux.include.resource import RLIMIT_STACK
from memsh.linux.mm.mmap.vmalist import (
    find_vma_prev,
    may_expand_vm,
    set_start,
    vm_enough_memory,
    vm_stat_account,
)
from memsh.linux.mm.rmap.rmap import anon_vma_prepare

if TYPE_CHECKING:
    from memsh.linux.box import Box


def expand_downwards(box: Box, mm: MmStruct, vma: VmArea, addr: int) -> None:
    """Grow a stack down to the page of `addr`; EFAULT, EPERM, ENOMEM (limit, guard gap, overcommit)."""
    if not vma.flags & VM_GROWSDOWN:
        raise KernelError("EFAULT")
    addr &= ~4095
    if addr < box.vm.mmap_min_addr:
        raise KernelError("EPERM")
    _, prev = find_vma_prev(mm, vma.start)
    if prev and not prev.flags & VM_GROWSDOWN and prev.flags & 7 and addr - prev.end < mm.mmu.stack_guard_gap:
        raise KernelError("ENOMEM", "the stack would come too near to the area below it")
    anon_vma_prepare(box, vma)
    if addr >= vma.start:
        return
    grow = (vma.start - addr) >> 12
    limit = mm.rlim[RLIMIT_STACK][0]
    if grow > vma.pgoff or not may_expand_vm(box, mm, vma.flags, grow) or vma.end - addr > limit:
        raise KernelError("ENOMEM", f"the stack would exceed RLIMIT_STACK, {limit >> 10} KiB")
    vm_enough_memory(box, mm, grow)
    if vma.flags & VM_LOCKED:
        mm.locked_vm += grow
    vm_stat_account(mm, vma.flags, grow)
    set_start(mm, vma, addr)
    vma.pgoff -= grow
