"""Reservations: a mapping of huge pages is sure of its pages before it touches them (mm/hugetlb.c).

A shared mapping's reservations are its file's: a region in the map is a page that is reserved or there. A private
mapping's are those of the area that called mmap(), and mean the opposite: a region is a reservation that was used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import VM_MAYSHARE, VM_NORESERVE
from memsh.linux.mm.hugetlb import cgroup
from memsh.linux.mm.hugetlb.hstate import hstate_vma
from memsh.linux.mm.hugetlb.pool import (
    acct_memory,
    alloc_buddy_huge_page_with_mpol,
    dequeue_huge_page_vma,
)

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import Inode, VmArea
    from memsh.linux.mm.hugetlb.cgroup import HugetlbCgroup
    from memsh.linux.mm.hugetlb.hstate import Hstate
    from memsh.linux.mm.hugetlb.super import Subpool

EVER = 1 << 62


class ResvMap:
    """struct resv_map: regions [first, behind) of huge pages, ascending, apart from each other. Who is charged for
    them: `payers` by page, or `payer` all of a private mapping."""

    __slots__ = ("payer", "payers", "refs", "regions")

    def __init__(self) -> None:
        self.refs = 1
        self.regions: list[tuple[int, int]] = []
        self.payer: HugetlbCgroup | None = None
        self.payers: dict[int, HugetlbCgroup] = {}

    def count(self, first: int, behind: int) -> int:
        """How many pages of [first, behind) are in regions (region_count)."""
        return sum(max(0, min(b, behind) - max(a, first)) for a, b in self.regions)

    def add(self, first: int, behind: int) -> int:
        """[first, behind) belongs to a region; how many pages did not before (region_add)."""
        new = behind - first - self.count(first, behind)
        if new:
            kept = [(a, b) for a, b in self.regions if b < first or a > behind]
            touched = [(a, b) for a, b in self.regions if b >= first and a <= behind]
            joined = (min([first, *(a for a, _ in touched)]), max([behind, *(b for _, b in touched)]))
            self.regions = sorted([*kept, joined])
        return new

    def delete(self, first: int, behind: int) -> int:
        """[first, behind) belongs to no region any more; how many pages did (region_del)."""
        gone = self.count(first, behind)
        if gone:
            pieces = [piece for a, b in self.regions for piece in ((a, min(b, first)), (max(a, behind), b))]
            self.regions = [(a, b) for a, b in pieces if a < b]
        return gone


class HugetlbInode:
    """What a file of huge pages has: its size of pages, its reservations, its pages by their index, the numbers of the
    areas that map it, the part of the pool that its mount may have."""

    __slots__ = ("i_mmap", "order", "pages", "private", "resv", "subpool")

    def __init__(self, order: int, subpool: Subpool | None = None) -> None:
        self.order = order
        self.subpool = subpool
        self.resv = ResvMap()
        self.pages: dict[int, int] = {}
        self.i_mmap: dict[int, None] = {}
        self.private = False  # System V shared memory: reserved by shmget(), not by each mapping (S_PRIVATE)


def hugecache_offset(h: Hstate, vma: VmArea, addr: int) -> int:
    """The number of the huge page at `addr` in its file (vma_hugecache_offset)."""
    return (addr - vma.start >> h.shift) + (vma.pgoff >> h.order)


def reserve_pages(box: Box, inode: Inode, first: int, behind: int, vma: VmArea | None, flags: int) -> bool:
    """Reserve what [first, behind) of the file may need; whether there is so much (hugetlb_reserve_pages)."""
    info = inode.hugetlb
    assert info is not None
    if flags & VM_NORESERVE:
        return True
    h = box.hugetlb.states[info.order]
    shared = vma is None or bool(vma.flags & VM_MAYSHARE)
    change = behind - first - (info.resv.count(first, behind) if shared else 0)
    payer = cgroup.payer(box)
    if not cgroup.try_charge(payer, h, change, rsvd=True):
        return False
    need = change if info.subpool is None else info.subpool.get_pages(change)
    if need is None or not acct_memory(box, h, need):
        if need is not None and info.subpool is not None:
            info.subpool.cancel(change, need)
        cgroup.uncharge(box, payer, h, change, rsvd=True)
        return False
    if vma is not None and not shared:
        vma.resv = ResvMap()
        vma.resv.payer = payer
        return True
    if payer is not None:
        new = [index for index in range(first, behind) if not info.resv.count(index, index + 1)]
        info.resv.payers.update(dict.fromkeys(new, payer))
    info.resv.add(first, behind)
    return True


def unreserve_pages(box: Box, inode: Inode, first: int, behind: int, freed: int) -> None:
    """The file ends, or a hole is punched: reservations without a page go back (hugetlb_unreserve_pages)."""
    info = inode.hugetlb
    assert info is not None
    change = info.resv.delete(first, behind)
    payers = info.resv.payers
    for index in [index for index in payers if first <= index < behind]:
        cgroup.uncharge(box, payers.pop(index), box.hugetlb.states[info.order], 1, rsvd=True)
    back = change - freed if info.subpool is None else info.subpool.put_pages(change - freed)
    acct_memory(box, box.hugetlb.states[info.order], -back)


def vm_op_open(new: VmArea, old: VmArea) -> None:
    """A piece of an area has the same map as the whole had (hugetlb_vm_op_open)."""
    new.resv, new.resv_unmapped = old.resv, old.resv_unmapped
    if new.resv is not None:
        new.resv.refs += 1


def vm_op_close(box: Box, vma: VmArea) -> None:
    """The area goes: what its owner reserved and never used goes back (hugetlb_vm_op_close)."""
    resv = vma.resv
    if resv is None:
        return
    h = hstate_vma(box, vma)
    first, behind = hugecache_offset(h, vma, vma.start), hugecache_offset(h, vma, vma.end)
    cgroup.uncharge(box, resv.payer, h, behind - first, rsvd=True)
    unused = behind - first - resv.count(first, behind)
    subpool = _subpool(vma)
    acct_memory(box, h, -(unused if subpool is None else subpool.put_pages(unused)))
    resv.refs -= 1
    vma.resv = None


def _subpool(vma: VmArea) -> Subpool | None:
    """subpool_vma()."""
    assert vma.file is not None and vma.file.inode.hugetlb is not None
    return vma.file.inode.hugetlb.subpool


def _map_of(vma: VmArea) -> ResvMap | None:
    """vma_resv_map()."""
    assert vma.file is not None and vma.file.inode.hugetlb is not None
    return vma.file.inode.hugetlb.resv if vma.flags & VM_MAYSHARE else vma.resv


def needs_reservation(h: Hstate, vma: VmArea, addr: int) -> bool:
    """Whether a page at `addr` is none that was reserved for the area (vma_needs_reservation)."""
    resv = _map_of(vma)
    if resv is None:
        return True
    index = hugecache_offset(h, vma, addr)
    there = bool(resv.count(index, index + 1))
    return not there if vma.flags & VM_MAYSHARE else there


def _has_reserves(vma: VmArea, change: bool) -> bool:
    """vma_has_reserves()."""
    if change:
        return False
    if vma.flags & VM_MAYSHARE:
        return True
    return not vma.flags & VM_NORESERVE and vma.resv is not None


def alloc_huge_page(box: Box, vma: VmArea, addr: int, *, avoid_reserve: bool = False) -> int:
    """A page for the area, by its reservation if it has one; 0 if there is none, or the group may have no more."""
    h = hstate_vma(box, vma)
    needs = needs_reservation(h, vma, addr)
    subpool = _subpool(vma)
    outside = needs or avoid_reserve
    more = int(outside) if subpool is None or not outside else subpool.get_pages(1)
    if more is None:
        return 0
    reserved = _has_reserves(vma, bool(more))
    pfn = _take_page(box, h, vma, addr, reserved=reserved, deferred=outside)
    if not pfn:
        if subpool is not None and outside:
            subpool.cancel(1, more)
        return 0
    if reserved:
        h.restore.add(pfn)
        h.resv -= 1
    if subpool is not None:
        box.hugetlb.subpools[pfn] = subpool
    box.memmap.refcount[pfn] = 1
    resv = _map_of(vma)
    if resv is not None:
        index = hugecache_offset(h, vma, addr)
        resv.add(index, index + 1)
    return pfn


def _take_page(box: Box, h: Hstate, vma: VmArea, addr: int, *, reserved: bool, deferred: bool) -> int:
    """A page of the pool, or made for it, that the process's cgroup pays for; `deferred`: for its reservation, too."""
    payer = cgroup.payer(box)
    late = payer if deferred else None
    if not cgroup.try_charge(late, h, 1, rsvd=True):
        return 0
    if not cgroup.try_charge(payer, h, 1):
        cgroup.uncharge(box, late, h, 1, rsvd=True)
        return 0
    pfn = dequeue_huge_page_vma(box, h, vma, addr, reserved=reserved)
    if not pfn:
        pfn = alloc_buddy_huge_page_with_mpol(box, h, vma, addr)
        if not pfn:
            cgroup.uncharge(box, payer, h, 1)
            cgroup.uncharge(box, late, h, 1, rsvd=True)
            return 0
    cgroup.commit(box, payer, h, pfn)
    if late is not None:
        box.hugetlb.charged_rsvd[pfn] = late
    return pfn


def restore_reserve_on_error(box: Box, vma: VmArea, addr: int, pfn: int) -> None:
    """The page that alloc_huge_page() gave is not used after all."""
    h, resv = hstate_vma(box, vma), _map_of(vma)
    if resv is None:
        return
    index = hugecache_offset(h, vma, addr)
    if pfn in h.restore:
        if not vma.flags & VM_MAYSHARE:
            resv.delete(index, index + 1)
    elif vma.flags & VM_MAYSHARE:
        resv.delete(index, index + 1)
