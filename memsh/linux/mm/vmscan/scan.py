"""What one reclaimer wants, and what it got (mm/vmscan.c: struct scan_control, struct reclaim_stat)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_KERNEL
from memsh.linux.include.lruvec import LISTS

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.lruvec import LruVec

SWAP_CLUSTER_MAX = 32
DEF_PRIORITY = 12
SCAN_USEC = 1  # what reclaim takes for a page that it looks at
PAGEOUT_USEC = 12  # and for one that it writes
INACTIVE_ANON, ACTIVE_ANON, INACTIVE_FILE, ACTIVE_FILE = LISTS[:4]
Stretch = tuple[int, int, int]  # first frame, how many, 1 or -1: from each to the next


class ReclaimStat:
    """What shrink_folio_list() met, in pages; `nr_activate` and the like by kind: anonymous, file; `nr_huge` pages
    went as huge ones."""

    __slots__ = (
        "nr_activate", "nr_congested", "nr_dirty", "nr_huge", "nr_immediate", "nr_pageout", "nr_ref_keep",
        "nr_unmap_fail", "nr_unqueued_dirty", "nr_writeback",
    )  # fmt: skip

    def __init__(self) -> None:
        self.nr_dirty = self.nr_unqueued_dirty = self.nr_congested = self.nr_writeback = self.nr_immediate = 0
        self.nr_pageout = self.nr_ref_keep = self.nr_unmap_fail = self.nr_huge = 0
        self.nr_activate = [0, 0]


class ScanControl:
    """struct scan_control: what one reclaimer wants and what it got. Counts are pages; zones go by index.

    `nr_*` are of the current round over a node (sc->nr). `target` is the memory cgroup whose limit is the cause; None
    for reclaim because the machine is short (target_mem_cgroup, cgroup_reclaim). `node` is the one that is at work on.
    """

    __slots__ = (
        "anon_cost", "box", "cache_trim_mode", "compaction_ready", "deactivate_anon", "deactivate_file", "file_cost",
        "file_is_tiny", "force_deactivate", "gfp", "kswapd", "may_swap", "may_unmap", "may_writepage",
        "memcg_low_reclaim", "memcg_low_skipped", "node", "nr_congested", "nr_dirty", "nr_immediate", "nr_pageout",
        "nr_reclaimed", "nr_scanned", "nr_taken", "nr_to_reclaim", "nr_writeback", "order", "priority", "reclaim_idx",
        "skipped_deactivate", "target",
    )  # fmt: skip

    def __init__(self, box: Box, order: int = 0, gfp: int = GFP_KERNEL, *, kswapd: bool = False) -> None:
        self.box = box
        self.order = order
        self.gfp = gfp
        self.kswapd = kswapd
        self.priority = DEF_PRIORITY
        self.reclaim_idx = len(box.arch.zone_names) - 1
        self.target: int | None = None
        self.node = box.pages.nodes[0]
        self.memcg_low_reclaim = self.memcg_low_skipped = False
        self.nr_to_reclaim = SWAP_CLUSTER_MAX
        self.nr_reclaimed = self.nr_scanned = 0
        self.may_unmap = self.may_swap = self.may_writepage = True
        self.force_deactivate = self.skipped_deactivate = self.compaction_ready = False
        self.deactivate_anon = self.deactivate_file = False
        self.cache_trim_mode = self.file_is_tiny = False
        self.anon_cost = self.file_cost = 0
        self.clear_round()

    @property
    def target_lruvec(self) -> LruVec:
        """That of the whole tree which is reclaimed from, on the node."""
        return self.node.lruvecs[self.target or 0]

    def clear_round(self) -> None:
        self.nr_dirty = self.nr_congested = self.nr_writeback = self.nr_immediate = 0
        self.nr_taken = self.nr_pageout = 0

    def add(self, stat: ReclaimStat, taken: int) -> None:
        """What became of `taken` pages of an inactive list."""
        self.nr_dirty += stat.nr_dirty
        self.nr_congested += stat.nr_congested
        self.nr_writeback += stat.nr_writeback
        self.nr_immediate += stat.nr_immediate
        self.nr_pageout += stat.nr_pageout
        self.nr_taken += taken
