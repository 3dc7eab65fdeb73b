"""Huge pages as pages: new ones, their references, their end (mm/huge_memory.c, mm/rmap.c).

The deferred queue holds those that lost parts, until memory is short.

Counters: nr_anon_transparent_hugepages, nr_anon_pages, thp_split_page, thp_deferred_split_page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.memmap import (
    PG_ACTIVE,
    PG_ANON,
    PG_ANON_EXCLUSIVE,
    PG_HUGE,
    PG_LRU,
    PG_MLOCKED,
    PG_REFERENCED,
    PG_SWAPBACKED,
    PG_UNEVICTABLE,
    PG_UPTODATE,
)
from memsh.linux.include.mm_types import VmArea
from memsh.linux.lib.columns import add_run, count_down, count_run, frame_runs, mask_run, set_run
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR, HPAGE_PMD_ORDER, PMD_SHIFT, huge_parts
from memsh.linux.mm.lru import (
    add_lru_size,
    folio_lruvec,
    lru_name,
    move_lazyfree,
    new_page_flags,
    update_lru_size,
    zone_count,
)
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.rmap.rmap import areas_of

if TYPE_CHECKING:
    from memsh.linux.box import Box

_ANON = PG_ANON | PG_SWAPBACKED | PG_ANON_EXCLUSIVE | PG_HUGE
TAIL = PG_ANON | PG_SWAPBACKED | PG_ANON_EXCLUSIVE | PG_HUGE | PG_UPTODATE


def add_huge_pages(box: Box, vma: VmArea, heads: list[int], addr: int) -> None:
    """New huge pages of one zone and group, mapped once, one after the other from `addr` on: counted, on their list,
    known to the reverse map."""
    memmap = box.memmap
    anon = vma.anon_vma
    assert anon is not None
    flags = new_page_flags(vma.flags, _ANON)
    index = vma.pgoff + (addr - vma.start >> 12)
    for first, number in frame_runs([head >> HPAGE_PMD_ORDER for head in heads]):
        head, count = first << HPAGE_PMD_ORDER, number << HPAGE_PMD_ORDER
        set_run(memmap.mapcount, head, count, 1)
        set_run(memmap.flags, head, count, TAIL)
        set_run(memmap.mapping, head, count, anon.number)
        count_run(memmap.index, head, index, count)
        index += count
    zone = box.pages.zone_of(heads[0])
    lruvec = zone.lruvecs[memmap.memcg[heads[0]]]
    name = lru_name(flags)
    pages = len(heads) * HPAGE_PMD_NR
    add_lru_size(box, lruvec, zone, name, pages)
    for head in heads:
        memmap.flags[head] = flags
    lruvec.link_each(memmap, name, heads)
    if flags & PG_MLOCKED:
        zone_count(box, "nr_mlock", heads[0], pages)
        box.vmstat["unevictable_pgs_mlocked"] += pages
        box.vmstat["unevictable_pgs_culled"] += pages
    box.thp.pages += len(heads)
    box.vmstat["nr_anon_pages"] += pages
    mod_node_page_state(box, "nr_anon_transparent_hugepages", heads[0], pages)


def list_huge_page(box: Box, head: int, name: str) -> None:
    zone = box.pages.zone_of(head)
    lruvec = zone.lruvecs[box.memmap.memcg[head]]
    add_lru_size(box, lruvec, zone, name, HPAGE_PMD_NR)
    lruvec.link(box.memmap, name, head)


def unlist_huge_page(box: Box, head: int) -> None:
    """Off its list, if it is on one; the flags that name the list stay."""
    flags = box.memmap.flags[head]
    if flags & PG_LRU:
        name = lru_name(flags)
        update_lru_size(box, name, head, -HPAGE_PMD_NR)
        folio_lruvec(box, head).unlink(box.memmap, name, head)
        box.memmap.flags[head] = flags & ~PG_LRU


def put_huge_page(box: Box, head: int, count: int) -> None:
    """Drop `count` references; the last one frees the page (free_transhuge_page)."""
    memmap = box.memmap
    left = memmap.refcount[head] - count
    if left:
        memmap.refcount[head] = left
        return
    if memmap.flags[head] & PG_MLOCKED:
        zone_count(box, "nr_mlock", head, -HPAGE_PMD_NR)
        box.vmstat["unevictable_pgs_cleared"] += HPAGE_PMD_NR
    unlist_huge_page(box, head)
    box.thp.deferred.pop(head, None)
    box.thp.pages -= 1
    for column in (memmap.flags, memmap.mapping, memmap.index):
        set_run(column, head, HPAGE_PMD_NR, 0)
    for pfn in memmap.data.keys() & range(head, head + HPAGE_PMD_NR):
        del memmap.data[pfn]
    memmap.refcount[head] = 1
    box.pages.free_pages(head, HPAGE_PMD_ORDER)


def unmapped_parts(box: Box, pfn: int, count: int, gone: int) -> None:
    """`count` frames of one huge page have each lost an entry of 4 KiB, `gone` of them their last one
    (page_remove_rmap, then put_page)."""
    head = pfn & -HPAGE_PMD_NR
    if gone and box.memmap.flags[head] & PG_ANON:
        deferred_split_huge_page(box, head)
    put_huge_page(box, head, count)


def remove_huge_rmap(box: Box, head: int) -> None:
    """An entry of 2 MiB no longer maps the page (page_remove_rmap, compound)."""
    memmap = box.memmap
    gone = sum([n for _, n in count_down(memmap.mapcount, head, HPAGE_PMD_NR)])
    entire = bool(entire_mappings(box, head))
    if not memmap.flags[head] & PG_ANON:
        mod_node_page_state(box, "nr_mapped", head, -gone)
        mod_node_page_state(box, "nr_shmem_pmdmapped", head, -HPAGE_PMD_NR * (not entire))
        return
    box.vmstat["nr_anon_pages"] -= gone
    if gone == HPAGE_PMD_NR or not entire:
        mod_node_page_state(box, "nr_anon_transparent_hugepages", head, -HPAGE_PMD_NR)
    if 0 < gone < HPAGE_PMD_NR:
        deferred_split_huge_page(box, head)


def get_frames(box: Box, pfn: int, count: int) -> None:
    """A further reference to each frame of a run; those of a huge page stand on its head."""
    refcount = box.memmap.refcount
    for first, n, huge in huge_parts(box, pfn, count):
        if huge:
            refcount[first & -HPAGE_PMD_NR] += n
        else:
            add_run(refcount, first, n, 1)


def deferred_split_huge_page(box: Box, head: int) -> None:
    """The page lost a part: it will be split when memory is short."""
    if head not in box.thp.deferred:
        box.thp.deferred[head] = None
        box.vmstat["thp_deferred_split_page"] += 1


def entire_mappings(box: Box, head: int) -> list[tuple[VmArea, int]]:
    """(area, number of the table) wherever an entry of 2 MiB maps the page."""
    memmap = box.memmap
    owner = memmap.owners[memmap.mapping[head]]
    if owner is None:
        return []
    found = []
    for vma, addr in areas_of(box, owner, memmap.index[head]):
        huge = vma.mm.huge.get(addr >> PMD_SHIFT)
        if huge is not None and huge.entry >> 12 == head:
            found.append((vma, addr >> PMD_SHIFT))
    return found


def deactivate_huge_page(box: Box, head: int) -> None:
    """MADV_COLD: the page is old from now on."""
    flags = box.memmap.flags[head] & ~PG_REFERENCED
    box.memmap.flags[head] = flags
    if flags & (PG_LRU | PG_ACTIVE | PG_UNEVICTABLE) == PG_LRU | PG_ACTIVE:
        unlist_huge_page(box, head)
        box.memmap.flags[head] = flags & ~PG_ACTIVE
        list_huge_page(box, head, lru_name(box.memmap.flags[head]))
        box.memcg.count_page_event(head, "pgdeactivate", HPAGE_PMD_NR)


def mlock_huge_page(box: Box, head: int, on: bool) -> None:
    """A huge page in a locked area goes to the unevictable list, or back (mlock_folio, munlock_page)."""
    memmap = box.memmap
    flags = memmap.flags[head]
    if bool(flags & PG_MLOCKED) == on or not flags & PG_LRU:
        return
    unlist_huge_page(box, head)
    bits = PG_MLOCKED | PG_UNEVICTABLE
    memmap.flags[head] = flags & ~PG_ACTIVE | bits if on else flags & ~bits
    list_huge_page(box, head, lru_name(memmap.flags[head]))
    zone_count(box, "nr_mlock", head, HPAGE_PMD_NR if on else -HPAGE_PMD_NR)
    for event in ("unevictable_pgs_mlocked", "unevictable_pgs_culled") if on else (
        "unevictable_pgs_munlocked", "unevictable_pgs_rescued"):  # fmt: skip
        box.vmstat[event] += HPAGE_PMD_NR


def lazyfree_huge_page(box: Box, head: int) -> None:
    """The page may go without being written anywhere (mark_page_lazyfree)."""
    memmap = box.memmap
    if memmap.flags[head] & (PG_LRU | PG_SWAPBACKED) == PG_LRU | PG_SWAPBACKED:
        move_lazyfree(box)
        unlist_huge_page(box, head)
        mask_run(memmap.flags, head, HPAGE_PMD_NR, PG_SWAPBACKED | PG_REFERENCED)
        memmap.flags[head] |= PG_LRU
        list_huge_page(box, head, lru_name(memmap.flags[head]))
        box.memcg.count_page_event(head, "pglazyfree", HPAGE_PMD_NR)


def exclusive_parts(box: Box, head: int, on: bool) -> None:
    """The whole page belongs to one process, or no longer."""
    bit = PG_ANON_EXCLUSIVE
    mask_run(box.memmap.flags, head, HPAGE_PMD_NR, 0 if on else bit, bit if on else 0)
