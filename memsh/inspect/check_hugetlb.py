"""What must hold for pools of huge pages: every page of a pool is free in it or in use, and counted once; reservations
are those of the areas and files that made them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from memsh.linux.include.flags import VM_HUGETLB
from memsh.linux.include.memmap import K_HUGETLB
from memsh.linux.mm.hugetlb.hstate import hstate_vma
from memsh.linux.mm.hugetlb.reserve import hugecache_offset

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import Inode
    from memsh.linux.mm.hugetlb.hstate import Hstate


def check_hugetlb(box: Box) -> list[str]:
    """Every breach, one line each."""
    wrong: list[str] = []
    if not any(h.nr_huge_pages or h.resv for h in box.hugetlb.states.values()):
        return wrong
    areas = [vma for vma in box.vm.areas.values() if vma.flags & VM_HUGETLB]
    files = {id(vma.file.inode): vma.file.inode for vma in areas if vma.file is not None}
    files |= {id(one.file.inode): one.file.inode for one in box.shm.ids.values() if one.file.inode.hugetlb is not None}
    named = [inode for one in box.fs.hugetlbfs.values() if one.root is not None for inode in box.fs.inodes(one.root)]
    files |= {id(inode): inode for inode in named if inode.hugetlb is not None}
    for h in box.hugetlb.states.values():
        mine = [inode for inode in files.values() if inode.hugetlb is not None and inode.hugetlb.order == h.order]
        _check_pages(box, h, mine, wrong)
    reserved: Counter[int] = Counter()
    holders: Counter[int] = Counter()
    for vma in areas:
        h = hstate_vma(box, vma)
        if vma.resv is not None:
            first, behind = hugecache_offset(h, vma, vma.start), hugecache_offset(h, vma, vma.end)
            reserved[h.order] += behind - first - vma.resv.count(first, behind)
            holders[id(vma.resv)] += 1
    for vma in areas:
        if vma.resv is not None and vma.resv.refs != holders[id(vma.resv)]:
            wrong.append(f"area {vma.start:x}: {vma.resv.refs} hold its reservations, counted {holders[id(vma.resv)]}")
    for inode in files.values():
        if inode.hugetlb is not None:
            there = sum(b - a for a, b in inode.hugetlb.resv.regions)
            reserved[inode.hugetlb.order] += max(0, there - len(inode.hugetlb.pages))
    for mount in box.fs.hugetlbfs.values():
        reserved[mount.order] += mount.subpool.rsv if mount.subpool is not None else 0
    for h in box.hugetlb.states.values():
        reserved[h.order] += h.lost
        if h.resv != reserved[h.order]:
            wrong.append(f"{h.name}: {h.resv} pages reserved, counted {reserved[h.order]}")
        if h.resv > h.nr_free:
            wrong.append(f"{h.name}: {h.resv} pages reserved, {h.nr_free} free")
        if h.restore:
            wrong.append(f"{h.name}: {len(h.restore)} pages in use still give a reservation back")
    return wrong


def _check_pages(box: Box, h: Hstate, files: list[Inode], wrong: list[str]) -> None:
    """Free pages and pages in use, by node."""
    memmap = box.memmap
    maps: Counter[int] = Counter()
    for mm in box.vm.mms.values():
        found = mm.hugetlb.get(h.shift, {})
        maps.update(entry >> 12 for entry in found.values())
        inside = sum(_entries_in(found, vma.start >> h.shift, vma.end >> h.shift) for vma in mm.mmap
                     if vma.flags & VM_HUGETLB and hstate_vma(box, vma) is h)  # fmt: skip
        if inside != len(found):
            wrong.append(f"mm {mm.number}: {len(found) - inside} huge entries outside every area of {h.name}")
    cached = Counter(pfn for inode in files if inode.hugetlb is not None for pfn in inode.hugetlb.pages.values())
    used = set(maps) | set(cached)
    for pfn in used:
        if memmap.mapcount[pfn] != maps[pfn] or memmap.refcount[pfn] != maps[pfn] + cached[pfn]:
            wrong.append(f"huge page {pfn:#x}: count {memmap.refcount[pfn]}, mapcount {memmap.mapcount[pfn]}, counted "
                         f"{maps[pfn] + cached[pfn]} and {maps[pfn]}")  # fmt: skip
    for nid, free in enumerate(h.free):
        here = [*free, *(pfn for pfn in used if box.pages.zone_of(pfn).node == nid)]
        if len(here) != h.nr_node[nid] or len(set(here)) != len(here):
            wrong.append(f"{h.name}: {h.nr_node[nid]} pages of node {nid}, counted {len(here)}")
        if not 0 <= h.surplus_node[nid] <= h.nr_node[nid]:
            wrong.append(f"{h.name}: {h.surplus_node[nid]} surplus pages of node {nid} among {h.nr_node[nid]}")
        for pfn in here:
            if memmap.kind[pfn] != K_HUGETLB or memmap.order[pfn] != h.order:
                wrong.append(f"{h.name}: frame {pfn:#x} is no such huge page")


def _entries_in(found: dict[int, int], low: int, high: int) -> int:
    return sum(low <= number < high for number in found)
