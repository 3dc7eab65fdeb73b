"""How many page-table entries map a frame (mm/rmap.c: page_remove_rmap)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.memmap import PG_ANON
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state

if TYPE_CHECKING:
    from memsh.linux.box import Box


def page_remove_rmap(box: Box, pfn: int) -> int:
    """One entry fewer maps `pfn`; the last takes it out of nr_anon_pages or nr_mapped. How many are left."""
    memmap = box.memmap
    left = memmap.mapcount[pfn] - 1
    memmap.mapcount[pfn] = left
    if not left:
        if memmap.flags[pfn] & PG_ANON:
            box.vmstat["nr_anon_pages"] -= 1
        else:
            mod_node_page_state(box, "nr_mapped", pfn, -1)
    return left
