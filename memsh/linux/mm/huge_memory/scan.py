"""What collapsing small pages has in common, whoever wants it and whatever they are (mm/khugepaged.c).

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_NAMES, GFP_TRANSHUGE, GFP_TRANSHUGE_LIGHT
from memsh.linux.include.memmap import K_ANON
from memsh.linux.mm.huge_memory.huge import (
    HPAGE_PMD_NR,
    HPAGE_PMD_ORDER,
    PMD_SHIFT,
)

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct, PageTable
    from memsh.linux.mm.huge_memory.khugepaged import Khugepaged

PUD_SHIFT = 30
(
    SCAN_FAIL, SCAN_SUCCEED, SCAN_PMD_MAPPED, SCAN_PMD_NULL, SCAN_PMD_NONE, SCAN_EXCEED, SCAN_PAGE_RO,
    SCAN_LACK_REFERENCED_PAGE, SCAN_PAGE_COUNT, SCAN_PAGE_LRU, SCAN_PAGE_NULL, SCAN_PAGE_ANON, SCAN_PAGE_COMPOUND,
    SCAN_PTE_MAPPED_HUGEPAGE, SCAN_VMA_CHECK, SCAN_TRUNCATED, SCAN_ALLOC_HUGE_PAGE_FAIL, SCAN_CGROUP_CHARGE_FAIL,
) = range(18)  # fmt: skip


class Collapse:
    """struct collapse_control: for whom, and how many of the small pages each node has. `knobs`: khugepaged's, None for
    MADV_COLLAPSE, which heeds none."""

    def __init__(self, knobs: Khugepaged | None) -> None:
        self.knobs = knobs
        self.node_load: dict[int, int] = {}

    def note_node(self, box: Box, pfn: int) -> None:
        nid = box.pages.zone_of(pfn).node
        self.node_load[nid] = self.node_load.get(nid, 0) + 1


def find_pmd_or_thp_or_none(mm: MmStruct, addr: int) -> tuple[int, PageTable | None]:
    """What stands for the 2 MiB at `addr`: a table comes with SCAN_SUCCEED."""
    number = addr >> PMD_SHIFT
    if number in mm.huge:
        return SCAN_PMD_MAPPED, None
    table = mm.tables.get(number)
    if table is not None:
        return SCAN_SUCCEED, table
    return (SCAN_PMD_NONE if addr >> PUD_SHIFT in mm.directories[0] else SCAN_PMD_NULL), None


def alloc_charge_hpage(box: Box, mm: MmStruct, by: Collapse, kind: int = K_ANON) -> tuple[int, int]:
    """(SCAN_SUCCEED, the head of a huge page that is paid for), of the node that has most of the small ones; else why
    not, and 0."""
    gfp = GFP_TRANSHUGE if by.knobs is None or by.knobs.defrag else GFP_TRANSHUGE_LIGHT
    pages = box.pages
    if box.arch.numa:
        most = max(by.node_load.values(), default=0)
        nodes = [node.nid for node in pages.nodes if by.node_load.get(node.nid, 0) == most]
        here = gfp | GFP_NAMES["__GFP_THISNODE"]
        head = pages.alloc_pages_node(here, HPAGE_PMD_ORDER, nodes[0], kind, nodes)
    else:
        head = int(pages.alloc_pages(gfp, HPAGE_PMD_ORDER, kind))
    if not head:
        box.vmstat["thp_collapse_alloc_failed"] += 1
        return SCAN_ALLOC_HUGE_PAGE_FAIL, 0
    box.vmstat["thp_collapse_alloc"] += 1
    memcg = box.memcg.of_mm(mm)
    if not box.memcg.charge_page(memcg, head, gfp, HPAGE_PMD_NR):
        pages.free_pages(head, HPAGE_PMD_ORDER)
        return SCAN_CGROUP_CHARGE_FAIL, 0
    if memcg is not None:
        memcg.stat["thp_collapse_alloc"] += 1
    return SCAN_SUCCEED, head
