"""Huge pages of a pool move to another node: by mbind(), migrate_pages(), move_pages() (mm/hugetlb.c, mm/migrate.c:
unmap_and_move_huge_page).

A page that the pool does not have is made for the purpose, and takes the old one's place in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_NAMES, VM_HUGETLB, VM_MAYSHARE
from memsh.linux.mm.hugetlb import cgroup
from memsh.linux.mm.hugetlb.hstate import Hstate, hstate_vma
from memsh.linux.mm.hugetlb.pool import (
    alloc_fresh_huge_page,
    dequeue_nodemask,
    forget_huge_page,
    free_huge_page,
    huge_node,
    update_and_free_page,
)
from memsh.linux.mm.hugetlb.table import mapped_in

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct, VmArea

Target = Callable[[Hstate, "VmArea", int], tuple[int, bool]]


def alloc_huge_page_nodemask(box: Box, h: Hstate, nid: int, nodes: Sequence[int] | None, gfp: int) -> tuple[int, bool]:
    """(a page for another to move to, 0 if there is none; whether it was made for that)."""
    if h.available > 0:
        pfn = dequeue_nodemask(box, h, nid, nodes)
        if pfn:
            return pfn, False
    return (0 if h.gigantic else alloc_fresh_huge_page(box, h, gfp, nid, nodes)), True


def to_node(box: Box, node: int) -> Target:
    """Pages of that node alone (alloc_migration_target)."""
    thisnode = GFP_NAMES["__GFP_THISNODE"]
    return lambda h, vma, addr: alloc_huge_page_nodemask(box, h, node, (node,), h.gfp | thisnode)


def by_policy(box: Box) -> Target:
    """Pages from where the area's policy says (alloc_huge_page_vma)."""

    def target(h: Hstate, vma: VmArea, addr: int) -> tuple[int, bool]:
        nid, nodes, _ = huge_node(box, h, vma, addr)
        return alloc_huge_page_nodemask(box, h, nid, nodes, h.gfp)

    return target


def move_huge_pages(
    box: Box, mm: MmStruct, start: int, end: int, wrong: Callable[[int], bool], target: Target, *, shared: bool = False
) -> int:
    """Move those that [start, end) maps and that are on a node that is `wrong`; how many could not. Pages that others
    map too only if `shared`."""
    failed = 0
    for vma in [area for area in mm.mmap if area.flags & VM_HUGETLB and area.start < end and start < area.end]:
        h = hstate_vma(box, vma)
        for number in mapped_in(mm, h, max(start, vma.start) & -h.size, min(end, vma.end) + h.size - 1 & -h.size):
            src = mm.hugetlb[h.shift][number] >> 12
            if not wrong(box.pages.zone_of(src).node) or (box.memmap.mapcount[src] > 1 and not shared):
                continue
            failed += not _migrate(box, h, vma, src, *target(h, vma, number << h.shift))
    return failed


def _migrate(box: Box, h: Hstate, vma: VmArea, src: int, dst: int, made: bool) -> bool:
    """Everything that knew the one page knows the other; whether there was one."""
    if not dst:
        box.vmstat["pgmigrate_fail"] += h.pages
        return False
    memmap = box.memmap
    for mm in box.vm.mms.values():
        found = mm.hugetlb.get(h.shift, {})
        for number in [number for number, entry in found.items() if entry >> 12 == src]:
            found[number] = dst << 12 | found[number] & 4095
            mm.flush_tlb(number << h.shift, number + 1 << h.shift)
    if vma.flags & VM_MAYSHARE and vma.file is not None and vma.file.inode.hugetlb is not None:
        pages = vma.file.inode.hugetlb.pages
        pages.update({index: dst for index, pfn in pages.items() if pfn == src})
    for column in (memmap.refcount, memmap.mapcount, memmap.flags, memmap.mapping, memmap.index):
        column[dst] = column[src]
    frames = range(src, src + h.pages)
    for frame in [frame for frame in memmap.data if frame in frames]:
        memmap.data[dst + frame - src] = memmap.data.pop(frame)
    cgroup.migrate(box, src, dst)
    if src in box.hugetlb.subpools:
        box.hugetlb.subpools[dst] = box.hugetlb.subpools.pop(src)
    _put_source(box, h, src, dst, made)
    box.vmstat["pgmigrate_success"] += h.pages
    return True


def _put_source(box: Box, h: Hstate, src: int, dst: int, made: bool) -> None:
    """The old page is free in its pool, or gone if the new one was made to replace it (move_hugetlb_state)."""
    if not made:
        free_huge_page(box, h, src)
        return
    memmap = box.memmap
    old, new = box.pages.zone_of(src).node, box.pages.zone_of(dst).node
    if old != new and h.surplus_node[old]:
        h.surplus_node[old] -= 1
        h.surplus_node[new] += 1
    memmap.flags[src] = memmap.mapping[src] = memmap.mapcount[src] = 0
    memmap.refcount[src] = 1
    forget_huge_page(box, h, src, surplus=False)
    update_and_free_page(box, h, src)
