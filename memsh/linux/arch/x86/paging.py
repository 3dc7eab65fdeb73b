"""Page tables of two or four levels, as the architecture's `Mmu` says (mm/memory.c: __pte_alloc, free_pgtables).

Sources: arch/x86/include/asm/pgtable*.h, arch/x86/mm/pgtable.c. Entries are frame << 12 | PTE_* bits. A PROT_NONE entry
has _PAGE_PROTNONE (0x100), not the present bit.

Known deviations: the tables of the last level are found in one dict by the address bits above theirs, those above only
count their entries; tables that go are freed at once, level by level, without waiting for a grace period.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    GFP_KERNEL_ACCOUNT,
    GFP_NAMES,
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_GLOBAL,
    PTE_PRESENT,
    PTE_PSE,
    PTE_RW,
    PTE_SPECIAL,
    PTE_USER,
    VM_EXEC,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
)
from memsh.linux.include.memmap import K_TABLE
from memsh.linux.include.mm_types import Directory, MmStruct, PageTable, VmArea

if TYPE_CHECKING:
    from memsh.linux.box import Box

GFP_PGTABLE_USER = GFP_KERNEL_ACCOUNT | GFP_NAMES["__GFP_ZERO"]
PAGE_NONE = PTE_GLOBAL | PTE_ACCESSED  # _PAGE_PROTNONE shares the global bit
PAGE_READONLY = PTE_PRESENT | PTE_USER | PTE_ACCESSED
PAGE_SHARED = PAGE_READONLY | PTE_RW
TABLE_ENTRY = PTE_PRESENT | PTE_RW | PTE_USER | PTE_ACCESSED | PTE_DIRTY  # _PAGE_TABLE, an entry that names a table
PTE_CHANGED = 0xFFF & ~(PTE_ACCESSED | PTE_DIRTY | PTE_SPECIAL)  # the bits that pte_modify() replaces


class Level(NamedTuple):
    """One step of a walk: the table's name, the index in it, the entry's value there (0 = none)."""

    name: str
    at: int
    entry: int


class Walk(NamedTuple):
    """How one address is looked up, from the top table down to where it ends; `pfn` None: nothing is mapped."""

    levels: tuple[Level, ...]
    pfn: int | None
    offset: int

    @property
    def pte(self) -> int:
        """The entry that the walk ended at."""
        return self.levels[-1].entry


def walk(mm: MmStruct, addr: int) -> Walk:
    """Look `addr` up in the tables of `mm`, as the CPU does."""
    mmu = mm.mmu
    levels = []
    for n in range(len(mmu.shifts) - 2, 0, -1):
        if n == 1 and (huge := mm.huge.get(addr >> mm.table_shift)) is not None:
            levels.append(Level(mmu.names[1], (addr >> mmu.shifts[1]) & mmu.entries - 1, huge.entry))
            return Walk(tuple(levels), pte_of(mm, addr) >> 12, addr & 4095)
        entry = mm.hugetlb.get(mmu.shifts[n], {}).get(addr >> mmu.shifts[n], 0)
        if entry:
            levels.append(Level(mmu.names[n], (addr >> mmu.shifts[n]) & mmu.entries - 1, entry))
            return Walk(tuple(levels), pte_of(mm, addr) >> 12, addr & 4095)
        below = mm.tables if n == 1 else mm.directories[n - 2]
        table = below.get(addr >> mmu.shifts[n])
        entry = table.pfn << 12 | TABLE_ENTRY if table is not None else 0
        levels.append(Level(mmu.names[n], (addr >> mmu.shifts[n]) & mmu.entries - 1, entry))
        if table is None:
            return Walk(tuple(levels), None, addr & 4095)
    at = (addr >> 12) & mm.table_mask
    pte = mm.tables[addr >> mm.table_shift].ptes[at]
    levels.append(Level(mmu.names[0], at, pte))
    return Walk(tuple(levels), pte >> 12 if pte & (PTE_PRESENT | PTE_GLOBAL) else None, addr & 4095)


def pte_of(mm: MmStruct, addr: int) -> int:
    """The last level's entry for `addr`, 0 where there is none; what one would be where 2 MiB are mapped at once."""
    table = mm.tables.get(addr >> mm.table_shift)
    if table is not None:
        return table.ptes[(addr >> 12) & mm.table_mask]
    huge = mm.huge.get(addr >> mm.table_shift) if mm.huge else None
    if huge is not None:
        return (huge.entry & ~PTE_PSE) + (addr & (1 << mm.table_shift) - 4096)
    for shift, entries in mm.hugetlb.items():
        entry = entries.get(addr >> shift)
        if entry is not None:
            return (entry & ~PTE_PSE) + (addr & (1 << shift) - 4096)
    return 0


def mark_huge(mm: MmStruct, addr: int, bits: int) -> None:
    """Set bits of the entry that maps `addr` with more than a page."""
    huge = mm.huge.get(addr >> mm.table_shift)
    if huge is not None:
        huge.entry |= bits
        return
    for shift, entries in mm.hugetlb.items():
        if addr >> shift in entries:
            entries[addr >> shift] |= bits


def vm_page_prot(vma: VmArea, *, writenotify: bool = False) -> int:
    """The bits of a fresh entry: a private mapping never gets the write bit this way (protection_map)."""
    flags = vma.flags
    if not flags & (VM_READ | VM_WRITE | VM_EXEC):
        return PAGE_NONE
    nx = 0 if flags & VM_EXEC else vma.mm.mmu.nx
    if flags & (VM_SHARED | VM_WRITE) == VM_SHARED | VM_WRITE and not writenotify:
        return PAGE_SHARED | nx
    return PAGE_READONLY | nx


def pte_alloc(box: Box, mm: MmStruct, index: int) -> PageTable:
    """The table of the last level for addresses from `index` << table_shift, allocated if it is missing; ENOMEM."""
    table = mm.tables.get(index)
    return table if table is not None else _pte_alloc(box, mm, index)


def _pte_alloc(box: Box, mm: MmStruct, index: int) -> PageTable:
    """The missing table (__pte_alloc)."""
    return put_table(mm, index, new_table(box, mm, index))


def new_table(box: Box, mm: MmStruct, index: int) -> int:
    """The frame of an empty table, which maps nothing yet; what is missing above it comes, too (pte_alloc_one). ENOMEM.
    """
    directories_alloc(box, mm, index << mm.table_shift, mm.table_shift)
    return _table_page(box, mm, 0)


def new_tables(box: Box, mm: MmStruct, index: int, count: int) -> list[int]:
    """`count` frames as new_table() gives them from `index` on, where tables_ready() says that they are there."""
    directories_alloc(box, mm, index << mm.table_shift, mm.table_shift)
    found = box.pages.alloc_bulk(GFP_PGTABLE_USER, count, K_TABLE)
    mm.nr_ptes += len(found)
    if found:
        _count(box, mm, found[0], 0, len(found))  # of one list, and so of one node
    return found


def tables_ready(box: Box, mm: MmStruct, index: int) -> int:
    """How many tables from `index` on there are pages for on this CPU's list, with nothing missing above them: they
    come without a look at free memory."""
    shift = mm.mmu.shifts[2] - mm.table_shift
    if mm.directories and index >> shift not in mm.directories[0]:
        return 0
    return min(box.pages.waiting_on_list(GFP_PGTABLE_USER), (1 << shift) - (index & (1 << shift) - 1))


def directories_alloc(box: Box, mm: MmStruct, addr: int, shift: int) -> None:
    """What is missing above an entry for 2^shift bytes at `addr`, from the top down (__pud_alloc, __pmd_alloc). ENOMEM.
    """
    shifts = mm.mmu.shifts
    for n in range(len(mm.directories) - 1, -1, -1):
        if shifts[n + 1] < shift:
            return
        level = mm.directories[n]
        at = addr >> shifts[n + 2]
        if at not in level:
            level[at] = Directory(_table_page(box, mm, n + 1))


def put_table(mm: MmStruct, index: int, pfn: int) -> PageTable:
    """Let an empty table map the addresses from `index` << table_shift (pmd_populate)."""
    table = mm.tables[index] = PageTable(pfn, array(mm.mmu.entry_code, bytes(4096)))
    return table


def free_table(box: Box, mm: MmStruct, pfn: int) -> None:
    """Free a table that maps nothing (pte_free)."""
    _free_table_page(box, mm, pfn, 0)


def _table_page(box: Box, mm: MmStruct, level: int) -> int:
    """The frame of a new table, `level` levels above the last."""
    pfn = box.pages.alloc_pages(GFP_PGTABLE_USER, 0, K_TABLE)
    if not pfn:
        raise KernelError("ENOMEM", "no page for a page table")
    mm.nr_ptes += 1
    _count(box, mm, pfn, level, 1)
    return pfn


def _count(box: Box, mm: MmStruct, pfn: int, level: int, delta: int) -> None:
    """nr_page_table_pages, of the machine and of the frame's node (pgtable_pte_page_ctor, inc_lruvec_page_state)."""
    if level < mm.mmu.counted:
        box.vmstat["nr_page_table_pages"] += delta
        box.pages.nodes[box.pages.zone_of(pfn).node].stat["nr_page_table_pages"] += delta


def _free_table_page(box: Box, mm: MmStruct, pfn: int, level: int) -> None:
    mm.nr_ptes -= 1
    _count(box, mm, pfn, level, -1)
    box.memcg.uncharge_table(pfn)
    box.pages.free_pages(pfn, 0)


def pte_free(box: Box, mm: MmStruct, index: int) -> None:
    """Free one table of the last level; those above it stay."""
    table = mm.tables.pop(index)
    free_table(box, mm, table.pfn)


def free_pgtables(box: Box, mm: MmStruct, start: int, end: int, floor: int, ceiling: int) -> None:
    """Free the tables that lie wholly in [floor, ceiling) and cover part of [start, end), level by level."""
    shifts = mm.mmu.shifts
    before = len(mm.tables)
    for index in _covered(mm.tables, shifts[1], start, end, floor, ceiling):
        pte_free(box, mm, index)
    if len(mm.tables) < before:
        box.smp.flush_freed_tables(mm)
    for n, level in enumerate(mm.directories):
        for index in _covered(level, shifts[n + 2], start, end, floor, ceiling):
            _free_table_page(box, mm, level.pop(index).pfn, n + 1)


def _covered(
    level: dict[int, PageTable] | dict[int, Directory], shift: int, start: int, end: int, floor: int, ceiling: int
) -> list[int]:
    indexes = range(start >> shift, ((end - 1) >> shift) + 1)
    return [
        index for index in (indexes if len(indexes) <= len(level) else sorted(level))
        if index in level and index in indexes and index << shift >= floor and (index + 1) << shift <= ceiling
    ]  # fmt: skip


def pgd_alloc(box: Box) -> int:
    """The first frame of a new top table; ENOMEM."""
    pfn = box.pages.alloc_pages(GFP_PGTABLE_USER, box.mmu.top_order, K_TABLE)
    if not pfn:
        raise KernelError("ENOMEM", "no page for a page directory")
    return pfn


def table_pieces(mm: MmStruct, start: int, end: int) -> list[tuple[int, int, int]]:
    """[start, end) cut at table boundaries: (number of the table, first entry, one past the last entry)."""
    pieces = []
    shift, mask = mm.table_shift, mm.table_mask
    below = (1 << shift) - 1
    while start < end:
        stop = min(end, (start | below) + 1)
        first = (start >> 12) & mask
        pieces.append((start >> shift, first, first + ((stop - start) >> 12)))
        start = stop
    return pieces


def mapped_pieces(mm: MmStruct, start: int, end: int) -> list[tuple[int, PageTable, int, int]]:
    """The tables that [start, end) has: (number, table, first entry, one past the last entry), by address."""
    tables, shift, mask = mm.tables, mm.table_shift, mm.table_mask
    if start >= end:
        return []
    low, high = start >> shift, (end - 1) >> shift
    if high - low < len(tables):
        numbers = [n for n in range(low, high + 1) if n in tables]
    else:
        numbers = sorted(n for n in tables if low <= n <= high)
    return [
        (n, tables[n], (start >> 12) & mask if n == low else 0, ((end - 1) >> 12 & mask) + 1 if n == high else mask + 1)
        for n in numbers
    ]
