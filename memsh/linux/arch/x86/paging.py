"""Two-level page tables of i386 without PAE: a directory of 1024 entries, tables of 1024 entries each.

Sources: arch/x86/include/asm/pgtable*.h, arch/x86/mm/pgtable.c, mm/memory.c (pte_alloc, free_pgtables, walks).
Entries are real ones: frame << 12 | PTE_* bits. A PROT_NONE entry has _PAGE_PROTNONE (0x100), not the present bit.

Known deviations: the directory itself is a dict of the tables that exist.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    GFP_KERNEL_ACCOUNT,
    GFP_NAMES,
    PAGE_OFFSET,
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_GLOBAL,
    PTE_PRESENT,
    PTE_RW,
    PTE_USER,
    VM_EXEC,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
)
from memsh.linux.include.memmap import K_TABLE
from memsh.linux.include.mm_types import MmStruct, PageTable

if TYPE_CHECKING:
    from memsh.linux.box import Box

GFP_PGTABLE_USER = GFP_KERNEL_ACCOUNT | GFP_NAMES["__GFP_ZERO"]
PAGE_NONE = PTE_GLOBAL | PTE_ACCESSED  # _PAGE_PROTNONE shares the global bit
PAGE_READONLY = PTE_PRESENT | PTE_USER | PTE_ACCESSED
PAGE_SHARED = PAGE_READONLY | PTE_RW
TABLE_ENTRY = PTE_PRESENT | PTE_RW | PTE_USER | PTE_ACCESSED | PTE_DIRTY  # _PAGE_TABLE, a directory entry
PTE_KEEP = 0xFFFFF000 | PTE_ACCESSED | PTE_DIRTY | 0x200  # what pte_modify() keeps (_PAGE_CHG_MASK)


class Walk(NamedTuple):
    """How one address is looked up. `pde` and `pte` are the entries' values (0 = none); `pfn` None: nothing mapped."""

    pgd_index: int
    pde: int
    pte_index: int
    pte: int
    pfn: int | None
    offset: int


def walk(mm: MmStruct, addr: int) -> Walk:
    """Look `addr` up in the tables of `mm`, as the CPU does."""
    table = mm.pgd.get(addr >> 22)
    if table is None:
        return Walk(addr >> 22, 0, (addr >> 12) & 1023, 0, None, addr & 4095)
    pte = table.ptes[(addr >> 12) & 1023]
    pfn = pte >> 12 if pte & (PTE_PRESENT | PTE_GLOBAL) else None
    return Walk(addr >> 22, table.pfn << 12 | TABLE_ENTRY, (addr >> 12) & 1023, pte, pfn, addr & 4095)


def vm_page_prot(flags: int, *, writenotify: bool = False) -> int:
    """The bits of a fresh entry: a private mapping never gets the write bit this way (protection_map)."""
    if not flags & (VM_READ | VM_WRITE | VM_EXEC):
        return PAGE_NONE
    if flags & (VM_SHARED | VM_WRITE) == VM_SHARED | VM_WRITE and not writenotify:
        return PAGE_SHARED
    return PAGE_READONLY


def pte_alloc(box: Box, mm: MmStruct, index: int) -> PageTable:
    """The table for directory entry `index`, allocated if it is missing; ENOMEM."""
    table = mm.pgd.get(index)
    return table if table is not None else _pte_alloc(box, mm, index)


def _pte_alloc(box: Box, mm: MmStruct, index: int) -> PageTable:
    """The missing table (__pte_alloc)."""
    pfn = box.pages.alloc_pages(GFP_PGTABLE_USER, 0, K_TABLE)
    if not pfn:
        raise KernelError("ENOMEM", "no page for a page table")
    table = mm.pgd[index] = PageTable(pfn, array("I", bytes(4096)))
    mm.nr_ptes += 1
    box.vmstat["nr_page_table_pages"] += 1
    return table


def pte_free(box: Box, mm: MmStruct, index: int) -> None:
    table = mm.pgd.pop(index)
    mm.nr_ptes -= 1
    box.vmstat["nr_page_table_pages"] -= 1
    box.pages.free_pages(table.pfn, 0)


def free_pgtables(box: Box, mm: MmStruct, start: int, end: int, floor: int, ceiling: int) -> None:
    """Free the tables that lie wholly in [floor, ceiling) and cover part of [start, end)."""
    pgd = mm.pgd
    indexes = range(start >> 22, ((end - 1) >> 22) + 1)
    for index in indexes if len(indexes) <= len(pgd) else sorted(pgd):
        if index in pgd and index in indexes and index << 22 >= floor and (index + 1) << 22 <= ceiling:
            pte_free(box, mm, index)


def pgd_alloc(box: Box) -> int:
    """The frame of a new page directory; ENOMEM."""
    pfn = box.pages.alloc_pages(GFP_PGTABLE_USER, 0, K_TABLE)
    if not pfn:
        raise KernelError("ENOMEM", "no page for a page directory")
    return pfn


def table_pieces(start: int, end: int) -> list[tuple[int, int, int]]:
    """[start, end) cut at table boundaries: (directory index, first entry, one past the last entry)."""
    pieces = []
    while start < end:
        stop = min(end, (start | 0x3FFFFF) + 1)
        first = (start >> 12) & 1023
        pieces.append((start >> 22, first, first + ((stop - start) >> 12)))
        start = stop
    return pieces


def kernel_address(addr: int) -> bool:
    return addr >= PAGE_OFFSET
