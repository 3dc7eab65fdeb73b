"""Making small pages of a huge one: of an entry of 2 MiB, and of the page itself (mm/huge_memory.c).

split_huge_pmd() puts small entries in the place of one, split_huge_page() makes 512 pages of one.

Counters: nr_anon_transparent_hugepages, thp_split_pmd, thp_split_page, thp_swpout_fallback.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import put_table, vm_page_prot
from memsh.linux.include.flags import PTE_ACCESSED, PTE_DIRTY, PTE_PSE, PTE_SPECIAL
from memsh.linux.include.memmap import K_ANON, K_SHMEM, PG_ANON, PG_DIRTY, PG_HUGE, PG_LRU, PG_REFERENCED, PG_UPTODATE
from memsh.linux.include.mm_types import MM_SHMEMPAGES, VmArea
from memsh.linux.lib.columns import sub_runs
from memsh.linux.lib.entries import climb, filled
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR, PMD_SHIFT, is_huge_zero
from memsh.linux.mm.huge_memory.pages import (
    TAIL,
    deferred_split_huge_page,
    entire_mappings,
    put_huge_page,
    remove_huge_rmap,
)
from memsh.linux.mm.lru import folio_lruvec, lru_name, update_lru_size
from memsh.linux.mm.memory.rss_stat import add_mm_counter
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state

if TYPE_CHECKING:
    from memsh.linux.box import Box


def split_huge_pmd(box: Box, vma: VmArea, number: int) -> None:
    """Put a table of small entries in the place of one of 2 MiB; the page stays whole (__split_huge_pmd_locked)."""
    mm = vma.mm
    huge = mm.huge.pop(number)
    entry = huge.entry
    box.vmstat["thp_split_pmd"] += 1
    if not huge.table:
        _drop_file_pmd(box, vma, entry)
        mm.flush_tlb(number << PMD_SHIFT, number + 1 << PMD_SHIFT)
        return
    ptes = put_table(mm, number, huge.table).ptes
    if is_huge_zero(box, entry):
        ptes[:] = filled(ptes.typecode, box.vm.zero_pfn << 12 | vm_page_prot(vma) | PTE_SPECIAL, HPAGE_PMD_NR)
    else:
        head = entry >> 12
        bits = entry & 4095 & ~PTE_PSE
        ptes[:] = array(ptes.typecode, climb(head << 12 | bits, HPAGE_PMD_NR, 4096, ptes.itemsize))
        memmap = box.memmap
        if entry & PTE_DIRTY:
            memmap.flags[head] |= PG_DIRTY
        memmap.refcount[head] += HPAGE_PMD_NR - 1
        if not entire_mappings(box, head):
            mod_node_page_state(box, "nr_anon_transparent_hugepages", head, -HPAGE_PMD_NR)
    mm.flush_tlb(number << PMD_SHIFT, number + 1 << PMD_SHIFT)


def _drop_file_pmd(box: Box, vma: VmArea, entry: int) -> None:
    """The entry of a file's huge page goes; whoever needs a part of it faults again."""
    head = entry >> 12
    bits = (PG_DIRTY if entry & PTE_DIRTY else 0) | (PG_REFERENCED if entry & PTE_ACCESSED else 0)
    box.memmap.flags[head] |= bits
    remove_huge_rmap(box, head)
    add_mm_counter(box, vma.mm, MM_SHMEMPAGES, -HPAGE_PMD_NR)
    put_huge_page(box, head, 1)


def split_huge_page(box: Box, head: int, *, isolated: bool = False) -> int:
    """Make 512 pages of a huge one, wherever it is mapped; those that nobody has any more are freed. How many these
    are.

    The pages take the huge one's place on its list, the head nearest to the tail (lru_add_page_tail); on none if it
    was `isolated`.
    """
    memmap = box.memmap
    for vma, number in entire_mappings(box, head):
        split_huge_pmd(box, vma, number)
    flags = memmap.flags[head]
    name = lru_name(flags)
    listed = bool(flags & PG_LRU) and not isolated
    anon = bool(flags & PG_ANON)
    if anon and any(memmap.mapcount[head : head + HPAGE_PMD_NR]):  # unmap_folio() takes its parts away one by one
        deferred_split_huge_page(box, head)
    memmap.order[head] = 0
    box.thp.deferred.pop(head, None)
    box.thp.pages -= 1
    box.vmstat["thp_split_page"] += 1
    shared = flags & (PG_DIRTY | PG_REFERENCED | PG_LRU | PG_UPTODATE) | flags & ~(TAIL | PG_LRU)
    for frame in range(head, head + HPAGE_PMD_NR):
        memmap.refcount[frame] = memmap.mapcount[frame] + (not anon)
        memmap.kind[frame] = K_ANON if anon else K_SHMEM
        if frame != head:
            memmap.flags[frame] = memmap.flags[frame] & ~PG_HUGE | shared & ~PG_HUGE
    memmap.flags[head] = flags & ~PG_HUGE
    if listed:
        _link_parts(box, head, name)
    if not anon:
        mod_node_page_state(box, "nr_shmem_hugepages", head, -HPAGE_PMD_NR)
        return 0
    free = [frame for first, n, value in sub_runs(memmap.mapcount, head, HPAGE_PMD_NR) if not value
            for frame in range(first, first + n)]  # fmt: skip
    _free_parts(box, free, name if listed else "")
    return len(free)


def _link_parts(box: Box, head: int, name: str) -> None:
    """The other 511 go behind the head, each before the one that came before it (towards the list's tail)."""
    memmap, lruvec = box.memmap, folio_lruvec(box, head)
    nexts, prevs = memmap.lru_next, memmap.lru_prev
    newer, older = prevs[head], nexts[head]
    order = [*range(head + 1, head + HPAGE_PMD_NR), head]  # from the list's head to its tail
    for at, frame in enumerate(order):
        prevs[frame] = order[at - 1] if at else newer
        nexts[frame] = order[at + 1] if at + 1 < len(order) else older
    if newer:
        nexts[newer] = order[0]
    else:
        lruvec.heads[name] = order[0]
    if older:
        prevs[older] = head
    else:
        lruvec.tails[name] = head


def _free_parts(box: Box, frames: list[int], name: str) -> None:
    memmap = box.memmap
    for frame in frames:
        if name:
            update_lru_size(box, name, frame, -1)
            folio_lruvec(box, frame).unlink(memmap, name, frame)
        memmap.flags[frame] = memmap.mapping[frame] = memmap.index[frame] = 0
        memmap.data.pop(frame, None)
        memmap.refcount[frame] = 1
        box.pages.free_pages(frame, 0)


def split_for_swap(box: Box, head: int) -> None:
    """MADV_PAGEOUT sends the page away, and swap gives no 512 slots at once (shrink_folio_list)."""
    if box.memmap.flags[head] & PG_ANON and entire_mappings(box, head):
        box.vmstat["thp_swpout_fallback"] += 1
    split_huge_page(box, head)


class DeferredSplit:
    """The shrinker that splits pages of the deferred queue (deferred_split_count, deferred_split_scan)."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def _queue(self, memcg: int) -> list[int]:
        """The pages of a group, on whatever node, those of removed groups with the one above; oldest first."""
        deferred, groups = self.box.thp.deferred, self.box.memcg
        if groups.groups is None:
            return list(deferred) if not memcg else []
        return [head for head in deferred if groups.online_memcg(self.box.memmap.memcg[head]).number == memcg]

    def count(self, memcg: int, nid: int) -> int:
        del nid  # a group has one queue
        return len(self._queue(memcg)) if self.box.thp.deferred else 0

    def scan(self, number: int, memcg: int, nid: int) -> int:
        """Split up to `number` pages, the oldest ones, of these the youngest first; how many, -1 if there is none."""
        del nid
        heads = self._queue(memcg)[:number]
        if not heads:
            return -1
        for head in reversed(heads):  # list_move() to a list of its own turns them round
            split_huge_page(self.box, head)
        return len(heads)
