"""kcompactd, the thread that compacts in the background (mm/compaction.c: kcompactd, kcompactd_do_work).

kswapd wakes it when it goes to sleep for a request above order 0, or an allocation that may not wait does. It also
looks every half second whether the fragmentation score calls for proactive compaction. It runs when the clock moves.

Known deviations: all nodes have one; it takes no time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_KERNEL
from memsh.linux.mm.compaction.compaction import (
    COMPACT_COMPLETE,
    COMPACT_CONTINUE,
    COMPACT_PARTIAL_SKIPPED,
    COMPACT_SUCCESS,
    MAX_DEFER_SHIFT,
    compact_nodes,
    compact_zone,
    compaction_defer_reset,
    compaction_deferred,
    compaction_suitable,
    defer_compaction,
    fragmentation_score_node,
    fragmentation_score_wmark,
    proactive_compact_node,
)
from memsh.linux.mm.compaction.isolate import CompactControl
from memsh.linux.mm.compaction.migrate import MIGRATE_SYNC_LIGHT

if TYPE_CHECKING:
    from memsh.linux.box import Box

CHECK_USEC = 500_000  # HPAGE_FRAG_CHECK_INTERVAL_MSEC
START_USEC = 480_000  # when the thread is made, among the subsystems (kcompactd_init)
WAKE_USEC = 6000  # until the scheduler lets it run beside whoever woke kswapd


class Kcompactd:
    """`box.kcompactd`. `max_order` is the order asked for, 0 when nobody waits."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.max_order = 0
        self.all_zones = self.highest = len(box.arch.zone_names) - 1
        self.woken = False
        self.patience = 0  # checks to let pass, since the last proactive run did not help
        box.timer.every(CHECK_USEC, self.check, first=START_USEC)
        box.hooks.setdefault("compact_memory", []).append(self.compact_memory)

    def compact_memory(self) -> None:
        """The sysctl of that name was written."""
        compact_nodes(self.box)

    def wakeup(self, order: int, highest: int) -> None:
        """Ask for a free block of `order` in the zones up to `highest` (wakeup_kcompactd)."""
        if not order:
            return
        self.max_order = max(self.max_order, order)
        self.highest = min(self.highest, highest)
        if self.woken:
            return
        box = self.box
        for zone in box.pages.zones_upto(self.highest):
            if zone.managed and compaction_suitable(box, zone, self.max_order, 0, self.highest) == COMPACT_CONTINUE:
                self.woken = True
                box.timer.once(box.timer.usec + WAKE_USEC, self.do_work)
                return

    def do_work(self) -> None:
        """Make a block of the order asked for available in every zone that might have one."""
        box = self.box
        self.woken = False
        order, highest = self.max_order, self.highest
        if not order:
            return
        box.vmstat["compact_daemon_wake"] += 1
        for zone in box.pages.zones_upto(highest):
            if not zone.managed or compaction_deferred(zone, order):
                continue
            if compaction_suitable(box, zone, order, 0, zone.index) != COMPACT_CONTINUE:
                continue
            cc = CompactControl(box, zone, order, MIGRATE_SYNC_LIGHT, GFP_KERNEL)
            cc.highest = highest
            status = compact_zone(cc)
            if status == COMPACT_SUCCESS:
                compaction_defer_reset(zone, order, False)
            elif status in (COMPACT_PARTIAL_SKIPPED, COMPACT_COMPLETE):
                box.pages.drain_pages_zone(zone)
                defer_compaction(zone, order)
            box.vmstat["compact_daemon_migrate_scanned"] += cc.migrate_scanned
            box.vmstat["compact_daemon_free_scanned"] += cc.free_scanned
        if self.max_order <= order:
            self.max_order = 0
        if self.highest >= highest:
            self.highest = self.all_zones

    def check(self) -> None:
        """Every half second: is memory so fragmented that it should be compacted unasked?"""
        box = self.box
        busy = any(node.kswapd.state == "running" for node in box.pages.nodes)
        if not box.sysctl.values["vm.compaction_proactiveness"] or busy:
            return
        if self.patience:
            self.patience -= 1
            return
        before = fragmentation_score_node(box)
        if before > fragmentation_score_wmark(box, low=False):
            proactive_compact_node(box)
            if fragmentation_score_node(box) >= before:
                self.patience = (1 << MAX_DEFER_SHIFT) - 1
