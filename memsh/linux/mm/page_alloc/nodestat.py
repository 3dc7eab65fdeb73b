"""Counters by node (mm/vmstat.c: node_page_state).

A machine of one node has them in box.vmstat. With several, what a node holds is read off the memory map: work grows
with the memory in use, not with the memory that is there; but for what is kept by node (mod_node_page_state). Events
and what no page shows are told for node 0.

Known deviations: nr_dirtied, nr_written and their kin count for node 0 whatever node a page was on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.memmap import (
    K_ANON,
    K_FILE,
    K_KMALLOC,
    K_SHMEM,
    K_STACK,
    PG_ACTIVE,
    PG_DIRTY,
    PG_HUGE,
    PG_LRU,
    PG_SWAPBACKED,
    PG_SWAPCACHE,
    PG_UNEVICTABLE,
    PG_WRITEBACK,
)
from memsh.linux.include.vmstat import VmStat
from memsh.linux.lib.columns import sub_runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Node

_SEEN = (
    "nr_inactive_anon", "nr_active_anon", "nr_inactive_file", "nr_active_file", "nr_unevictable", "nr_anon_pages",
    "nr_mapped", "nr_file_pages", "nr_dirty", "nr_writeback", "nr_shmem", "nr_swapcached", "nr_kernel_stack",
    "nr_slab_reclaimable", "nr_slab_unreclaimable",
)  # fmt: skip
_KEPT = ("nr_anon_transparent_hugepages", "nr_shmem_hugepages", "nr_shmem_pmdmapped")


def node_page_state(box: Box, node: Node) -> Mapping[str, int]:
    """The node's items by name, in pages; nr_kernel_stack in KiB."""
    nodes = box.pages.nodes
    if len(nodes) == 1:
        return box.vmstat
    found = {**dict.fromkeys(_KEPT, 0), **count_frames(box, node), **node.stat}
    return VmStat({**box.vmstat, **found} if node.nid == 0 else found)


def mod_node_page_state(box: Box, item: str, pfn: int, delta: int) -> None:
    """Count on the node of a frame what reclaim asks of it all the time (nr_file_pages, nr_mapped, nr_dirty,
    nr_slab_*), and what no frame shows by itself: huge pages. (Page tables, of which it does not tell the level:
    arch/x86/paging.py.)"""
    box.vmstat[item] += delta
    pages = box.pages
    if len(pages.nodes) > 1:
        pages.nodes[pages.zone_of(pfn).node].stat[item] += delta


def node_pages(box: Box, node: Node, item: str) -> int:
    """One of those items, at once."""
    return box.vmstat[item] if len(box.pages.nodes) == 1 else node.stat[item]


def count_frames(box: Box, node: Node) -> dict[str, int]:
    """What the memory map says of the node's frames in use."""
    memmap = box.memmap
    kinds, flags, mapped, orders = memmap.kind, memmap.flags, memmap.mapcount, memmap.order
    found = dict.fromkeys(_SEEN, 0)
    wanted = {K_ANON, K_FILE, K_SHMEM, K_STACK, K_KMALLOC}
    for low, high in memmap.used_sections():
        for zone in node.zones:
            first, last = max(low, zone.start_pfn), min(high, zone.end_pfn)
            there = first < last and zone.owns(first)  # a section is of one zone, but where the first ones begin
            for pfn, kind in enumerate(bytes(kinds[first:last]) if there else b"", first):
                if kind not in wanted:
                    continue
                if kind == K_STACK:
                    found["nr_kernel_stack"] += 4 << orders[pfn]
                elif kind == K_KMALLOC:
                    found["nr_slab_unreclaimable"] += 1 << orders[pfn]
                else:
                    pages = 1 << orders[pfn] if flags[pfn] & PG_HUGE else 1
                    in_use = sum(n for _, n, maps in sub_runs(mapped, pfn, pages) if maps)
                    _user_page(found, kind, flags[pfn], in_use, pages)
    zone_of = box.pages.zone_of
    found["nr_mapped"] += sum(mapped[pfn] > 0 for pfn in box.vm.vdso_pfns if zone_of(pfn).node == node.nid)
    for addr in box.vmalloc.stacks:  # of tasks that have ended, kept for others
        frames = box.vmalloc.by_addr[addr].pages or ()
        found["nr_kernel_stack"] -= 4 * sum(zone_of(pfn).node == node.nid for pfn in frames)
    _slabs(box, node, found)
    return found


def _slabs(box: Box, node: Node, found: dict[str, int]) -> None:
    zone_of = box.pages.zone_of
    for cache in box.slab.caches.values():
        name = "nr_slab_reclaimable" if cache.reclaimable else "nr_slab_unreclaimable"
        found[name] += sum(1 << slab.order for slab in box.slab.slabs(cache) if zone_of(slab.pfn).node == node.nid)


def _user_page(found: dict[str, int], kind: int, flags: int, mapped: int, pages: int) -> None:
    """A page of a process or a file, or `pages` of a huge one, of which `mapped` are mapped."""
    if kind == K_ANON:
        found["nr_anon_pages"] += mapped
        found["nr_swapcached"] += bool(flags & PG_SWAPCACHE)
    else:
        found["nr_mapped"] += mapped
        found["nr_shmem"] += pages * (kind == K_SHMEM)
    if kind != K_ANON or flags & PG_SWAPCACHE:
        found["nr_file_pages"] += pages
    found["nr_dirty"] += kind == K_FILE and bool(flags & PG_DIRTY)
    found["nr_writeback"] += bool(flags & PG_WRITEBACK)
    if flags & PG_LRU:
        if flags & PG_UNEVICTABLE:
            found["nr_unevictable"] += pages
        else:
            active = "active" if flags & PG_ACTIVE else "inactive"
            found[f"nr_{active}_{'anon' if flags & PG_SWAPBACKED else 'file'}"] += pages
