"""mprotect: new permissions for part of the address space (mm/mprotect.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import PTE_CHANGED, mapped_pieces, vm_page_prot
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    PTE_DIRTY,
    PTE_RW,
    PTE_USER,
    VM_ACCOUNT,
    VM_HUGETLB,
    VM_LOCKED,
    VM_NORESERVE,
    VM_SHARED,
    VM_WRITE,
)
from memsh.linux.include.memmap import PG_ANON, PG_ANON_EXCLUSIVE
from memsh.linux.include.mm_types import MmStruct, VmArea
from memsh.linux.lib.entries import PRESENT
from memsh.linux.mm.gup import populate_vma_page_range
from memsh.linux.mm.huge_memory.pmd import change_huge_pmd, whole_or_split
from memsh.linux.mm.hugetlb.table import hugetlb_change_protection
from memsh.linux.mm.mmap.vmalist import (
    find_vma,
    find_vma_prev,
    may_expand_vm,
    vm_enough_memory,
    vm_stat_account,
    vma_wants_writenotify,
)
from memsh.linux.mm.mmap.vmamerge import vma_modify

if TYPE_CHECKING:
    from memsh.linux.box import Box

PROT_GROWSDOWN, PROT_GROWSUP = 0x01000000, 0x02000000


def do_mprotect(box: Box, mm: MmStruct, start: int, length: int, prot: int) -> None:
    """Set r, w, x of [start, start + length). EINVAL, ENOMEM (a hole, too many areas), EACCES (a read-only file)."""
    box.changes += 1
    if start & 4095:
        raise KernelError("EINVAL", "not a page boundary")
    if not length:
        return
    end = start + ((length + 4095) & ~4095)
    if end >= mm.mmu.word_limit or length < 0 or start < 0:
        raise KernelError("ENOMEM")
    grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP)
    prot &= ~(PROT_GROWSDOWN | PROT_GROWSUP)
    if prot & ~0xF or grows & PROT_GROWSUP:
        raise KernelError("EINVAL")
    vma, prev = find_vma_prev(mm, start)
    if vma is None:
        raise KernelError("ENOMEM")
    if grows & PROT_GROWSDOWN:
        if vma.start >= end:
            raise KernelError("ENOMEM")
        start = vma.start
        if not vma.flags & 0x100:
            raise KernelError("EINVAL")
    elif vma.start > start:
        raise KernelError("ENOMEM", "nothing is mapped there")
    if start > vma.start:
        prev = vma
    at = start
    while True:
        flags = prot & 7 | vma.flags & ~7
        if flags & ~(flags >> 4) & 7:
            raise KernelError("EACCES")
        stop = min(vma.end, end)
        prev = mprotect_fixup(box, mm, vma, prev, at, stop, flags)
        at = max(stop, prev.end)
        if at >= end:
            return
        after = find_vma(mm, prev.end)
        if after is None or after.start != at:
            raise KernelError("ENOMEM", "a hole in the range")
        vma = after


def mprotect_fixup(
    box: Box, mm: MmStruct, vma: VmArea, prev: VmArea | None, start: int, end: int, flags: int
) -> VmArea:
    """Change one area, or the part of it in [start, end); the area that then holds it."""
    old = vma.flags
    if flags == old:
        return vma
    pages = (end - start) >> 12
    charged = 0
    if flags & VM_WRITE:
        if not may_expand_vm(box, mm, flags, pages) and may_expand_vm(box, mm, old, pages):
            raise KernelError("ENOMEM")
        if not old & (VM_ACCOUNT | VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE):
            vm_enough_memory(box, mm, pages)
            charged = pages
            flags |= VM_ACCOUNT
    try:
        vma = vma_modify(box, mm, vma, prev, start, end, flags, vma.policy)
    except KernelError:
        box.vm.commit -= charged
        raise
    vma.flags = flags
    change_protection(box, mm, vma, start, end)
    if old & (VM_WRITE | VM_SHARED | VM_LOCKED) == VM_LOCKED and flags & VM_WRITE:
        populate_vma_page_range(box, mm, vma, start, end)
    vm_stat_account(mm, old, -pages)
    vm_stat_account(mm, flags, pages)
    return vma


def change_protection(box: Box, mm: MmStruct, vma: VmArea, start: int, end: int) -> None:
    """Rewrite the entries: private pages become writable only if they are this process's alone and were written."""
    if vma.flags & VM_HUGETLB:
        hugetlb_change_protection(box, vma, start, end)
        mm.flush_tlb()
        return
    flags = box.memmap.flags
    notify = vma_wants_writenotify(vma)
    prot = vm_page_prot(vma, writenotify=notify)
    private_write = vma.flags & (VM_SHARED | VM_WRITE) == VM_WRITE
    if mm.huge:
        for number in whole_or_split(box, vma, start, end):
            change_huge_pmd(box, vma, number)
    for _, table, first, stop in mapped_pieces(mm, start, end):
        ptes = table.ptes
        for offset, pte in enumerate(ptes[first:stop], first):
            if not pte & PRESENT:
                continue
            new = pte & ~PTE_CHANGED | prot & PTE_CHANGED
            if not new & PTE_RW and new & PTE_USER and pte & PTE_DIRTY:
                if private_write:
                    if flags[pte >> 12] & (PG_ANON | PG_ANON_EXCLUSIVE) == PG_ANON | PG_ANON_EXCLUSIVE:
                        new |= PTE_RW
                elif notify and vma.flags & VM_WRITE:
                    new |= PTE_RW
            ptes[offset] = new
    mm.flush_tlb()
