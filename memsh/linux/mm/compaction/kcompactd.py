"""kcompactd, the thread of each node that compacts in the background (mm/compaction.c: kcompactd, kcompactd_do_work).

kswapd wakes it when it goes to sleep for a request above order 0, or an allocation that may not wait does. It also
looks every half second whether it was asked in vain, or the fragmentation score calls for proactive compaction. It runs
when the clock moves.

Known deviations: it takes no time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_KERNEL
from memsh.linux.mm.compaction.compaction import (
    COMPACT_COMPLETE,
    COMPACT_CONTINUE,
    COMPACT_PARTIAL_SKIPPED,
    COMPACT_SUCCESS,
    MAX_DEFER_SHIFT,
    compact_node,
    compact_zone,
    compaction_defer_reset,
    compaction_deferred,
    compaction_suitable,
    defer_compaction,
    fragmentation_score_node,
    proactive_compact_node,
    should_proactive_compact_node,
)
from memsh.linux.mm.compaction.isolate import CompactControl
from memsh.linux.mm.compaction.migrate import MIGRATE_SYNC_LIGHT

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Node

CHECK_USEC = 500_000  # HPAGE_FRAG_CHECK_INTERVAL_MSEC
START_USEC = 480_000  # when the thread is made, among the subsystems (kcompactd_init)
WAKE_USEC = 6000  # until the scheduler lets it run beside whoever woke kswapd


def kcompactd_init(box: Box, nodes: Iterable[Node]) -> None:
    """A thread for each node."""
    for node in nodes:
        node.kcompactd = Kcompactd(box, node)


class Kcompactd:
    """`node.kcompactd`. `max_order` is the order asked for, 0 when nobody waits."""

    def __init__(self, box: Box, node: Node) -> None:
        self.box = box
        self.node = node
        self.max_order = 0
        self.all_zones = self.highest = len(node.zones) - 1
        self.trigger = False  # vm.compaction_proactiveness was written
        self.woken = False
        self.due = START_USEC + CHECK_USEC  # when it looks by itself
        box.timer.once(self.due, self._timeout)
        box.hooks.setdefault("vm.compaction_proactiveness", []).append(self.proactive_compact)
        box.hooks.setdefault("compact_memory", []).append(self.compact_memory)

    def compact_memory(self) -> None:
        """The sysctl of that name was written, or the node's file in /sys."""
        compact_node(self.box, self.node)

    def proactive_compact(self) -> None:
        """vm.compaction_proactiveness was written: have a look now, unless that was 0."""
        if self.box.sysctl.values["vm.compaction_proactiveness"] and not self.trigger:
            self.trigger = True
            self._wake()

    def wakeup(self, order: int, highest: int) -> None:
        """Ask for a free block of `order` in the zones up to `highest` (wakeup_kcompactd)."""
        if not order:
            return
        self.max_order = max(self.max_order, order)
        self.highest = min(self.highest, highest)
        if not self.woken and self._suitable():
            self._wake()

    def _suitable(self) -> bool:
        """Whether a run in any zone could help (kcompactd_node_suitable)."""
        return any(
            compaction_suitable(self.box, zone, self.max_order, 0, self.highest) == COMPACT_CONTINUE
            for zone in self.node.zones_upto(self.highest)
        )

    def _wake(self) -> None:
        if not self.woken:
            self.woken = True
            self.box.timer.once(self.box.timer.usec + WAKE_USEC, self._run)

    def _timeout(self) -> None:
        """Half a second has passed, unless it ran in between and sleeps anew."""
        if self.due and self.box.timer.usec >= self.due and not self.woken:
            self._run()

    def _run(self) -> None:
        """One turn of the thread: what the fragmentation score asks for, then what was asked for."""
        box, node = self.box, self.node
        self.woken = False
        wait = CHECK_USEC
        if (self.trigger or not self.max_order) and should_proactive_compact_node(box, node):
            before = fragmentation_score_node(node)
            proactive_compact_node(box, node)
            if fragmentation_score_node(node) >= before:  # no progress: leave it for a while
                wait <<= MAX_DEFER_SHIFT
        self.trigger = False
        while self.max_order:
            self.do_work()
            wait = CHECK_USEC
        self.due = 0
        if box.sysctl.values["vm.compaction_proactiveness"]:
            self.due = box.timer.usec + wait
            box.timer.once(self.due, self._timeout)

    def do_work(self) -> None:
        """Make a block of the order asked for available in every zone that might have one."""
        box, node = self.box, self.node
        order, highest = self.max_order, self.highest
        cc = CompactControl(box, node.zones[0], order, MIGRATE_SYNC_LIGHT, GFP_KERNEL)
        cc.highest = highest
        box.vmstat["compact_daemon_wake"] += 1
        for zone in node.zones_upto(highest):
            if compaction_deferred(zone, order):
                continue
            if compaction_suitable(box, zone, order, 0, zone.index) != COMPACT_CONTINUE:
                continue
            cc.zone = zone
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
