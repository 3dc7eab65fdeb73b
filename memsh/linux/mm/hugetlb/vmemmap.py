"""A huge page's struct pages are all alike but for the first few: the memory that the rest of them takes is given up,
and asked for again before the page is freed (mm/hugetlb_vmemmap.c; off unless hugetlb_free_vmemmap=on or
vm.hugetlb_optimize_vmemmap says so).

Known deviations: the table that replaces a 2 MiB entry of the memory map's own mapping is not accounted for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_KERNEL, GFP_NAMES
from memsh.linux.include.memmap import K_OTHER, SECTION_ORDER

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.hugetlb.hstate import Hstate

_GFP = GFP_KERNEL | GFP_NAMES["__GFP_NORETRY"] | GFP_NAMES["__GFP_THISNODE"]
RESERVED = 1  # pages of struct pages that stay


def optimize(box: Box, h: Hstate, pfn: int) -> None:
    """Give up what the page's struct pages take, but for its first page (hugetlb_vmemmap_optimize)."""
    hugetlb = box.hugetlb
    section = box.machine.vmemmap.get(pfn >> SECTION_ORDER)
    if not hugetlb.optimize_vmemmap or section is None:
        return
    hugetlb.optimized.add(pfn)
    count = h.pages * box.arch.struct_page >> 12
    frames = hugetlb.vmemmap.pop(pfn, None)
    if frames is None:  # from boot
        first = (section >> 12) + ((pfn & (1 << SECTION_ORDER) - 1) * box.arch.struct_page >> 12)
        frames = list(range(first + RESERVED, first + count))
        zone = box.pages.zone_of(first)
        zone.managed += len(frames)
        for frame in frames:
            box.memmap.flags[frame] = 0
    for frame in frames:
        box.pages.free_pages(frame, 0)


def restore(box: Box, h: Hstate, pfn: int) -> bool:
    """The struct pages have memory again; False if there is none for them (hugetlb_vmemmap_restore)."""
    hugetlb = box.hugetlb
    if pfn not in hugetlb.optimized:
        return True
    nid = box.pages.zone_of(pfn).node
    frames: list[int] = []
    for _ in range((h.pages * box.arch.struct_page >> 12) - RESERVED):
        frame = box.pages.alloc_pages_node(_GFP, 0, nid, K_OTHER)
        if not frame:
            for taken in frames:
                box.pages.free_pages(taken, 0)
            return False
        frames.append(frame)
    hugetlb.optimized.discard(pfn)
    hugetlb.vmemmap[pfn] = frames
    return True
