"""[vdso] and [vvar]: code and data of the kernel's own that each process sees (arch/x86/entry/vdso/vma.c).

Known deviation: of the code, only what reports show of it is there; the rest reads as zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import pte_alloc, vm_page_prot
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import PAGE_SIZE, PTE_SPECIAL
from memsh.linux.include.mm_types import VmArea, VmOperations

if TYPE_CHECKING:
    from memsh.linux.box import Box


def init_vdso_image(box: Box) -> None:
    """What can be read of its first page."""
    page = box.memmap.data[box.vm.vdso_pfns[0]] = bytearray(PAGE_SIZE)
    for offset, digits in box.arch.vdso_image:
        part = bytes.fromhex(digits)
        page[offset : offset + len(part)] = part


def special_mapping_split(box: Box, vma: VmArea, addr: int) -> None:
    """EINVAL: it is one piece (mm/mmap.c)."""
    raise KernelError("EINVAL", f"{vma.name} cannot be split")


def vdso_fault(box: Box, vma: VmArea, addr: int) -> tuple[int, int]:
    """One of the kernel image's frames."""
    pfn = box.vm.vdso_pfns[(addr - vma.start) >> 12]
    box.memmap.refcount[pfn] = max(1, box.memmap.refcount[pfn])
    return pfn, 0


def vvar_fault(box: Box, vma: VmArea, addr: int) -> tuple[int, int]:
    """The first page is mapped without being counted; the others are for clocks that this machine has not."""
    if addr - vma.start >> 12:
        raise IndexError(addr)
    mm = vma.mm
    table = pte_alloc(box, mm, addr >> mm.table_shift)
    table.ptes[(addr >> 12) & mm.table_mask] = box.vm.vvar_pfn << 12 | vm_page_prot(vma) | PTE_SPECIAL
    return 0, 0


def vdso_mremap(new: VmArea) -> None:
    """It was moved: signal frames and system calls find it there."""
    new.mm.vdso = new.start


VDSO = VmOperations(
    fault=vdso_fault, may_split=special_mapping_split, mremap=vdso_mremap, name=lambda vma: "[vdso]"
)  # fmt: skip
VVAR = VmOperations(fault=vvar_fault, may_split=special_mapping_split, name=lambda vma: "[vvar]")
