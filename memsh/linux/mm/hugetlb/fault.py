"""Faults in mappings of huge pages: the first access, copy-on-write, SIGBUS when the pool is empty (mm/hugetlb.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import PTE_ACCESSED, PTE_DIRTY, PTE_RW, VM_MAYSHARE, VM_SHARED, VM_WRITE
from memsh.linux.include.kern_levels import KERN_WARNING
from memsh.linux.include.memmap import PG_ANON, PG_ANON_EXCLUSIVE
from memsh.linux.mm.hugetlb.hstate import Hstate, hstate_vma
from memsh.linux.mm.hugetlb.pool import put_page
from memsh.linux.mm.hugetlb.reserve import alloc_huge_page, hugecache_offset, restore_reserve_on_error
from memsh.linux.mm.hugetlb.table import (
    add_anon_rmap,
    entries,
    huge_pte_alloc,
    make_huge_pte,
    unmap_hugepage_range,
)
from memsh.linux.mm.rmap.rmap import anon_vma_prepare

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import VmArea

MAPPED, COPIED, REUSED = range(3)


class NoHugePage(Exception):
    """There is no page for the fault: SIGBUS."""


def hugetlb_fault(box: Box, vma: VmArea, addr: int, write: bool) -> int:
    """Resolve one fault; MAPPED, COPIED or REUSED. NoHugePage, ENOMEM."""
    mm = vma.mm
    h = hstate_vma(box, vma)
    huge_pte_alloc(box, mm, h, addr)
    found = entries(mm, h)
    number = addr >> h.shift
    entry = found.get(number)
    if entry is None:
        return _no_page(box, vma, h, addr, write)
    if write and not entry & PTE_RW:
        assert vma.file is not None and vma.file.inode.hugetlb is not None
        cached = 0
        if not vma.flags & VM_MAYSHARE:
            cached = vma.file.inode.hugetlb.pages.get(hugecache_offset(h, vma, number << h.shift), 0)
        return _wp(box, vma, h, number, cached)
    found[number] = entry | PTE_ACCESSED | (PTE_DIRTY if write else 0)
    return MAPPED


def _no_page(box: Box, vma: VmArea, h: Hstate, addr: int, write: bool) -> int:
    """The first access: the file's page, or a new one of zeros."""
    mm, memmap = vma.mm, box.memmap
    place = addr & -h.size
    if vma.resv_unmapped:
        task = box.current
        if box.hugetlb.warnings.allows(box, "hugetlb_no_page"):
            box.log.printk(f"PID {task.pid} killed due to inadequate hugepage pool", KERN_WARNING)
        raise NoHugePage
    assert vma.file is not None and vma.file.inode.hugetlb is not None
    pages = vma.file.inode.hugetlb.pages
    index = hugecache_offset(h, vma, place)
    pfn = pages.get(index, 0)
    if pfn:
        memmap.refcount[pfn] += 1
        memmap.mapcount[pfn] += 1
    else:
        if index >= vma.file.inode.size >> h.shift:
            raise NoHugePage
        pfn = alloc_huge_page(box, vma, place)
        if not pfn:
            raise NoHugePage
        clear_huge_page(box, h, pfn)
        if vma.flags & VM_MAYSHARE:
            pages[index] = pfn
            h.restore.discard(pfn)
            memmap.refcount[pfn] = 2
            memmap.mapcount[pfn] = 1
        else:
            try:
                anon_vma_prepare(box, vma)
            except BaseException:
                restore_reserve_on_error(box, vma, place, pfn)
                put_page(box, h, pfn)
                raise
            h.restore.discard(pfn)
            add_anon_rmap(box, vma, place, pfn)
    number = addr >> h.shift
    shared = bool(vma.flags & VM_SHARED)
    entries(mm, h)[number] = make_huge_pte(vma, pfn, writable=shared and bool(vma.flags & VM_WRITE))
    if write and not shared:
        _wp(box, vma, h, number, pfn)
    return MAPPED


def _wp(box: Box, vma: VmArea, h: Hstate, number: int, cached: int) -> int:
    """A write to a page that may only be read; `cached`: the file's page there, 0 if it has none."""
    mm, memmap = vma.mm, box.memmap
    found = entries(mm, h)
    place = number << h.shift
    entry = found[number]
    old = entry >> 12
    if vma.flags & VM_MAYSHARE:
        found[number] = entry | PTE_RW | PTE_DIRTY | PTE_ACCESSED
        return REUSED
    new = 0
    while not new:
        if memmap.mapcount[old] == 1 and memmap.flags[old] & PG_ANON:
            if not memmap.flags[old] & PG_ANON_EXCLUSIVE and vma.anon_vma is not None:
                memmap.mapping[old] = vma.anon_vma.number
                memmap.flags[old] |= PG_ANON_EXCLUSIVE
            found[number] |= PTE_RW | PTE_DIRTY | PTE_ACCESSED
            mm.flush_tlb(place, place + h.size)
            return REUSED
        owner = vma.resv is not None and old != cached
        new = alloc_huge_page(box, vma, place, avoid_reserve=owner)
        if not new and not (owner and _unmap_ref_private(box, vma, old, place, h)):
            raise NoHugePage
    try:
        anon_vma_prepare(box, vma)
    except BaseException:
        restore_reserve_on_error(box, vma, place, new)
        put_page(box, h, new)
        raise
    copy_huge_page(box, h, old, new)
    h.restore.discard(new)
    memmap.mapcount[old] -= 1
    add_anon_rmap(box, vma, place, new)
    found[number] = make_huge_pte(vma, new, writable=True)
    mm.flush_tlb(place, place + h.size)
    put_page(box, h, old)
    return COPIED


def _unmap_ref_private(box: Box, vma: VmArea, pfn: int, place: int, h: Hstate) -> bool:
    """The owner cannot have a copy: the page is taken from its children; whether any had it."""
    before = box.memmap.mapcount[pfn]
    assert vma.file is not None and vma.file.inode.hugetlb is not None
    for number in vma.file.inode.i_mmap:
        other = box.vm.areas[number]
        owner = other.flags & VM_MAYSHARE or other.resv is not None
        if other is not vma and not owner and other.start <= place < other.end:
            unmap_hugepage_range(box, other, place, place + h.size, pfn)
    return bool(box.memmap.mapcount[pfn] < before)


def _written(box: Box, h: Hstate, pfn: int) -> list[int]:
    """Those of the page's frames that hold something else than zeros."""
    data = box.memmap.data
    frames = range(pfn, pfn + h.pages)
    return sorted(data.keys() & frames) if len(frames) < len(data) else [at for at in data if at in frames]


def clear_huge_page(box: Box, h: Hstate, pfn: int) -> None:
    for at in _written(box, h, pfn):
        del box.memmap.data[at]


def copy_huge_page(box: Box, h: Hstate, old: int, new: int) -> None:
    clear_huge_page(box, h, new)
    for at in _written(box, h, old):
        box.memmap.data[new + at - old] = bytearray(box.memmap.data[at])

