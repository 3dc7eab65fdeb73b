"""Entries that map huge pages: where they are kept, and what unmap, fork, mprotect and mremap do to them
(mm/hugetlb.c, arch/x86/mm/hugetlbpage.c).

`mm.hugetlb` has the entries by size: the shift of the addresses that one covers, then the entry by its number. An entry
stands in a directory of the page tables, which has no table below it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import PTE_CHANGED, directories_alloc, vm_page_prot
from memsh.linux.include.flags import (
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_PSE,
    PTE_RW,
    VM_MAYWRITE,
    VM_SHARED,
    VM_WRITE,
)
from memsh.linux.include.memmap import PG_ANON, PG_ANON_EXCLUSIVE
from memsh.linux.mm.hugetlb.hstate import hstate_vma
from memsh.linux.mm.hugetlb.pool import put_page
from memsh.linux.mm.hugetlb.reserve import hugecache_offset

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct, VmArea
    from memsh.linux.mm.hugetlb.hstate import Hstate


def entries(mm: MmStruct, h: Hstate) -> dict[int, int]:
    """The entries of one size, to be changed."""
    return mm.hugetlb.setdefault(h.shift, {})


def mapped_in(mm: MmStruct, h: Hstate, start: int, end: int) -> list[int]:
    """The numbers of the entries that lie in [start, end), ascending."""
    found = mm.hugetlb.get(h.shift, {})
    low, high = start >> h.shift, end >> h.shift
    if high - low < len(found):
        return [n for n in range(low, high) if n in found]
    return sorted(n for n in found if low <= n < high)


def huge_ptes(box: Box, vma: VmArea) -> list[int]:
    """The entries of an area of huge pages, by address."""
    h = hstate_vma(box, vma)
    found = vma.mm.hugetlb.get(h.shift, {})
    return [found[number] for number in mapped_in(vma.mm, h, vma.start, vma.end)]


def usage(mm: MmStruct) -> int:
    """Small pages that the process has of huge ones (hugetlb_usage)."""
    return sum(len(found) << shift - 12 for shift, found in mm.hugetlb.items())


def make_huge_pte(vma: VmArea, pfn: int, *, writable: bool) -> int:
    """An entry for the page; a private one may be written at once, or not before it was copied."""
    prot = vm_page_prot(vma) & ~PTE_RW
    return pfn << 12 | prot | PTE_PSE | PTE_ACCESSED | (PTE_RW | PTE_DIRTY if writable and vma.flags & VM_WRITE else 0)


def huge_pte_alloc(box: Box, mm: MmStruct, h: Hstate, addr: int) -> None:
    """The directories above an entry for `addr`. ENOMEM."""
    directories_alloc(box, mm, addr, h.shift)


def add_anon_rmap(box: Box, vma: VmArea, addr: int, pfn: int) -> None:
    """A new page that is the area's alone (hugepage_add_new_anon_rmap)."""
    memmap = box.memmap
    assert vma.anon_vma is not None
    memmap.flags[pfn] = PG_ANON | PG_ANON_EXCLUSIVE
    memmap.mapping[pfn] = vma.anon_vma.number
    memmap.index[pfn] = vma.pgoff + (addr - vma.start >> 12)
    memmap.mapcount[pfn] = 1


def unmap_hugepage_range(box: Box, vma: VmArea, start: int, end: int, ref_pfn: int = 0) -> None:
    """Take the entries of [start, end) away; with `ref_pfn` only one that maps that page, after which the area's next
    fault fails."""
    mm = vma.mm
    h = hstate_vma(box, vma)
    found = mm.hugetlb.get(h.shift)
    if not found:
        return
    for number in mapped_in(mm, h, start, end):
        pfn = found[number] >> 12
        if ref_pfn:
            if pfn != ref_pfn:
                continue
            vma.resv_unmapped = True
        del found[number]
        box.memmap.mapcount[pfn] -= 1
        put_page(box, h, pfn)
        if ref_pfn:
            break
    mm.flush_tlb(start, end)


def copy_hugetlb_page_range(box: Box, mm: MmStruct, new: VmArea, old: VmArea) -> None:
    """fork: both sides map the pages; private ones may only be read until they are copied. ENOMEM."""
    h = hstate_vma(box, old)
    cow = old.flags & (VM_SHARED | VM_MAYWRITE) == VM_MAYWRITE
    source, target = entries(old.mm, h), entries(mm, h)
    memmap = box.memmap
    for number in mapped_in(old.mm, h, old.start, old.end):
        huge_pte_alloc(box, mm, h, number << h.shift)
        entry = source[number]
        pfn = entry >> 12
        memmap.refcount[pfn] += 1
        memmap.mapcount[pfn] += 1
        memmap.flags[pfn] &= ~PG_ANON_EXCLUSIVE
        if cow:
            entry = source[number] = entry & ~PTE_RW
        target[number] = entry


def hugetlb_change_protection(box: Box, vma: VmArea, start: int, end: int) -> None:
    """mprotect: a private page may be written again only after the next fault."""
    h = hstate_vma(box, vma)
    found = vma.mm.hugetlb.get(h.shift, {})
    prot = vm_page_prot(vma)
    for number in mapped_in(vma.mm, h, start, end):
        found[number] = found[number] & ~PTE_CHANGED | prot & PTE_CHANGED | PTE_PSE


def move_hugetlb_page_tables(box: Box, vma: VmArea, old: int, new: int, length: int) -> None:
    """mremap: the entries go to the new place. ENOMEM before any has moved."""
    mm = vma.mm
    h = hstate_vma(box, vma)
    numbers = mapped_in(mm, h, old, old + length)
    for number in numbers:
        huge_pte_alloc(box, mm, h, (number << h.shift) - old + new)
    found = entries(mm, h)
    for number in numbers:
        found[(number << h.shift) - old + new >> h.shift] = found.pop(number)
    mm.flush_tlb(old, old + length)


def clear_vma_resv_huge_pages(box: Box, vma: VmArea, start: int, length: int) -> None:
    """After mremap of `length` bytes at `start` the new area has the reservations, the old one none. If the area was
    larger than what moved, nobody ever gives back what the rest had reserved: so does Linux."""
    resv = vma.resv
    if resv is None:
        return
    h = hstate_vma(box, vma)
    for low, high in ((vma.start, start), (start + length, vma.end)):
        if low < high:
            first, behind = hugecache_offset(h, vma, low), hugecache_offset(h, vma, high)
            h.lost += behind - first - resv.count(first, behind)
    resv.refs -= 1
    vma.resv = None
    vma.resv_unmapped = False
