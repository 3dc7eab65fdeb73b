"""Moving a huge page to another place, whole, however it is mapped (mm/migrate.c: migrate_folio, try_to_migrate,
remove_migration_ptes of a large folio).

Counters: thp_migration_success, pgmigrate_success, thp_deferred_split_page.

Known deviations: none of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.memmap import PG_ANON, PG_LRU, PG_MLOCKED, PG_SWAPCACHE
from memsh.linux.include.mm_types import AddressSpace
from memsh.linux.lib.columns import set_run, sub_runs
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR, HPAGE_PMD_ORDER, PMD_SHIFT
from memsh.linux.mm.huge_memory.pages import (
    deferred_split_huge_page,
    entire_mappings,
    list_huge_page,
    unlist_huge_page,
)
from memsh.linux.mm.lru import lru_name, zone_count
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.rmap.rmap import page_mappings

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import VmArea


def migrate_huge_page(box: Box, head: int, dst: int) -> bool:
    """Move a huge page to the fresh one at `dst` and free the old one; False if somebody else holds it.

    One that was mapped in parts is on no queue of those to be split when it has moved.
    """
    memmap = box.memmap
    flags = memmap.flags[head]
    anon = bool(flags & PG_ANON)
    places = entire_mappings(box, head)
    parts = [(frame, place) for first, n, maps in sub_runs(memmap.mapcount, head, HPAGE_PMD_NR) if maps != len(places)
             for frame in range(first, first + n) for place in page_mappings(box, frame)]  # fmt: skip
    if memmap.refcount[head] != len(places) + len(parts) + (0 if anon else HPAGE_PMD_NR):
        return False
    if anon and parts:
        deferred_split_huge_page(box, head)
    unlist_huge_page(box, head)
    _move_counts(box, head, dst, whole=bool(places))
    _move_columns(box, head, dst)
    if flags & PG_LRU:
        memmap.flags[dst] |= PG_LRU
        list_huge_page(box, dst, lru_name(flags))
    box.thp.deferred.pop(head, None)
    if not anon:
        _replace_in_cache(box, dst)
    _move_entries(box, head, dst, places, parts)
    box.vmstat["thp_migration_success"] += 1
    box.vmstat["pgmigrate_success"] += HPAGE_PMD_NR
    box.pages.free_pages(head, HPAGE_PMD_ORDER)
    return True


def _move_counts(box: Box, head: int, dst: int, *, whole: bool) -> None:
    """What was counted for one frame's node, or zone, is counted for the other's; but nr_shmem_hugepages, which this
    Linux forgets."""
    memmap = box.memmap
    counts = {}
    if not memmap.flags[head] & PG_ANON or memmap.flags[head] & PG_SWAPCACHE:
        counts["nr_file_pages"] = HPAGE_PMD_NR
    if memmap.flags[head] & PG_ANON:
        counts["nr_anon_transparent_hugepages"] = HPAGE_PMD_NR * whole
    else:
        counts["nr_shmem_pmdmapped"] = HPAGE_PMD_NR * whole
        counts["nr_mapped"] = sum(n for _, n, maps in sub_runs(memmap.mapcount, head, HPAGE_PMD_NR) if maps)
    for item, count in counts.items():
        mod_node_page_state(box, item, head, -count)
        mod_node_page_state(box, item, dst, count)
    if memmap.flags[head] & PG_MLOCKED:
        zone_count(box, "nr_mlock", head, -HPAGE_PMD_NR)
        zone_count(box, "nr_mlock", dst, HPAGE_PMD_NR)


def _move_columns(box: Box, head: int, dst: int) -> None:
    """What the memory map says of the page, who pays for it, and what is in it."""
    memmap = box.memmap
    old, new = slice(head, head + HPAGE_PMD_NR), slice(dst, dst + HPAGE_PMD_NR)
    memmap.kind[dst] = memmap.kind[head]
    for column in (memmap.flags, memmap.mapping, memmap.index, memmap.mapcount):
        column[new] = column[old]
        set_run(column, head, HPAGE_PMD_NR, 0)
    box.memcg.migrate(head, dst, HPAGE_PMD_NR)
    memmap.refcount[dst], memmap.refcount[head] = memmap.refcount[head], 1
    for pfn in memmap.data.keys() & range(head, head + HPAGE_PMD_NR):
        memmap.data[pfn - head + dst] = memmap.data.pop(pfn)


def _replace_in_cache(box: Box, dst: int) -> None:
    """The page cache finds the new frames (folio_migrate_mapping)."""
    memmap = box.memmap
    mapping = memmap.owners[memmap.mapping[dst]]
    assert isinstance(mapping, AddressSpace)
    index = memmap.index[dst]
    for at in range(HPAGE_PMD_NR):
        mapping.pages[index + at] = dst + at


def _move_entries(
    box: Box, head: int, dst: int, places: list[tuple[VmArea, int]], parts: list[tuple[int, tuple[VmArea, int]]]
) -> None:  # fmt: skip
    """Entries keep their bits and get the new frames."""
    for vma, number in places:
        huge = vma.mm.huge[number]
        huge.entry = dst << 12 | huge.entry & 4095
        vma.mm.flush_tlb(number << PMD_SHIFT, number + 1 << PMD_SHIFT)
    for frame, (vma, addr) in parts:
        mm = vma.mm
        ptes = mm.tables[addr >> mm.table_shift].ptes
        at = addr >> 12 & mm.table_mask
        ptes[at] = frame - head + dst << 12 | ptes[at] & 4095
        mm.flush_tlb(addr, addr + 4096)
