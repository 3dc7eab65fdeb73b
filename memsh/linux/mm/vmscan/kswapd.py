"""kswapd, the thread that keeps memory free in the background (mm/vmscan.c: kswapd, balance_pgdat).

An allocation that meets the low watermark wakes it; it reclaims until a zone is above its high watermark, and sleeps.
It runs when the box's clock moves, some time after it was woken, as the scheduler would let it beside a process that
reclaims for itself and waits for the disk: so both of them steal pages.

Known deviations: what a page costs it and when it gets the CPU are fixed times; it waits for the clock where Linux lets
it run as soon as the fault that woke it has ended, and at once where another CPU of its node is idle; no freezer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from memsh.linux.include.memcontrol import ROOT_MEMCG
from memsh.linux.include.mmzone import ZONE_RECLAIM_ACTIVE, Node, Zone
from memsh.linux.mm.compaction import compaction
from memsh.linux.mm.page_alloc.watermark import (
    calculate_normal_threshold,
    calculate_pressure_threshold,
    set_pgdat_percpu_threshold,
    zone_watermark_ok,
)
from memsh.linux.mm.vmscan.scan import ACTIVE_ANON, DEF_PRIORITY, SWAP_CLUSTER_MAX, ScanControl
from memsh.linux.mm.vmscan.shrink import shrink_active_list
from memsh.linux.mm.vmscan.vmscan import MAX_RECLAIM_RETRIES, inactive_is_low, shrink_node, snapshot_refaults

if TYPE_CHECKING:
    from memsh.linux.box import Box

NAP_USEC = 100_000  # HZ/10: the first, short sleep
WAKE_USEC = 6000  # until the scheduler lets it run beside a process that reclaims too
_DIRECT_RECLAIM = 0x400


class Kswapd:
    """`node.kswapd`. `order` and `highest` (zone index; `nobody`: none) are what was asked since it last looked."""

    def __init__(self, box: Box, node: Node) -> None:
        self.box = box
        self.node = node
        self.order = 0
        self.nobody = self.highest = len(box.arch.zone_names)
        self.previous = self.nobody - 1  # the highest zone of the run before
        self.failures = 0  # runs without any progress
        self.writeback = False  # PGDAT_WRITEBACK: all that was met at the tail is being written
        self.state = "sleeping"  # or "napping", "running"
        self.nap_until = 0
        self.run: ScanControl | None = None
        self.alloc_order = 0  # what the run was for
        self.reclaim_order = 0  # what it got, 0 where a high order was given up: kswapd sleeps when that is there
        self.boosts: list[int] = []
        self.boost_left = 0

    # -- being woken ------------------------------------------------------------------------------------------------

    def wakeup(self, zone: Zone, gfp: int, order: int, highest: int) -> None:
        """Ask for free blocks of `order` in the zones up to `highest` (wakeup_kswapd)."""
        if not zone.managed:
            return
        if self.highest == self.nobody or self.highest < highest:
            self.highest = highest
        self.order = max(self.order, order)
        if self.state == "running":
            return
        box = self.box
        boosted = any(other.watermark_boost for other in self.node.zones_upto(highest))
        if self.failures >= MAX_RECLAIM_RETRIES or (self.balanced(order, highest) and not boosted):
            if not gfp & _DIRECT_RECLAIM:
                self.node.kcompactd.wakeup(order, highest)
            return
        if box.trace.on:
            box.trace.emit("mm_vmscan_wakeup_kswapd", self.node.nid, highest, order, gfp)
        if any(cpu != box.pages.cpu for cpu in self.node.cpus):  # an idle CPU wakes it at once
            self._awake()
        self.wake()

    def _awake(self) -> None:
        """While it works no drift of the counters may hide that the min watermark was passed."""
        set_pgdat_percpu_threshold(self.node, self.box.pages.cpus, calculate_pressure_threshold)

    def wake(self) -> None:
        """Let it run as soon as the clock moves."""
        if self.state == "running":
            return
        if self.state == "napping":
            self.highest = self._highest_zoneidx()
            self.order = max(self.order, self.reclaim_order)
            self.box.vmstat["kswapd_low_wmark_hit_quickly"] += 1
        self.state = "running"
        self._later(WAKE_USEC, self._begin)

    def cond_resched(self) -> None:
        """A process that reclaims in vain gives way: kswapd, if it was woken, has the CPU for its run."""
        if self.state == "running":
            self.box.disk.wait(self.box.timer.usec + WAKE_USEC)

    def cpu_idle(self) -> None:
        """Whoever had the CPU sleeps: a kswapd that was woken runs at once."""
        if self.state == "running" and self.run is None:
            self.box.timer.hasten(self._begin)

    def booted(self) -> None:
        """While the machine came up it had its turn, if something woke it."""
        if self.state == "running" and self.run is None:
            self.box.timer.cancel(self._begin)
            self._begin()

    def _later(self, usec: int, step: Callable[[], object]) -> None:
        self.box.timer.once(self.box.timer.usec + usec, step)

    def balanced(self, order: int, highest: int) -> bool:
        """Whether some zone has enough above its high watermark (pgdat_balanced)."""
        zones = self.node.zones_upto(highest)
        for zone in zones:
            free = zone.nr_free if zone.stat_free < zone.percpu_drift_mark else zone.stat_free
            if zone_watermark_ok(zone, order, zone.wmark_high + zone.watermark_boost, highest, 0, free):
                return True
        return not zones

    # -- a run ------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """balance_pgdat() begins: take the request, note the boosts."""
        box = self.box
        self._awake()
        order = self.alloc_order = self.order
        highest = self.previous = self._highest_zoneidx()
        self.order, self.highest = 0, self.nobody
        if box.trace.on:
            box.trace.emit("mm_vmscan_kswapd_wake", self.node.nid, highest, order)
        sc = self.run = ScanControl(box, order, kswapd=True)
        sc.reclaim_idx = highest
        box.vmstat["pageoutrun"] += 1
        self.boosts = [zone.watermark_boost for zone in self.node.zones_upto(highest)]
        self.boost_left = sum(self.boosts)
        self._reclaim_active(True)
        while self._round():
            pass
        self._end(sc)

    def _highest_zoneidx(self) -> int:
        """The highest zone that was asked for, or the one before if nobody asked (kswapd_highest_zoneidx)."""
        return self.previous if self.highest == self.nobody else self.highest

    def _reclaim_active(self, on: bool) -> None:
        for zone in self.node.zones_upto(self.previous):
            flags = zone.flags & ~ZONE_RECLAIM_ACTIVE
            zone.set_flags(flags | ZONE_RECLAIM_ACTIVE if on else flags)
        self.box.pages.refresh()

    def _round(self) -> bool:
        """One turn of balance_pgdat()'s loop, at one priority; whether another one should follow."""
        sc = self.run
        assert sc is not None
        box = self.box
        balanced = self.balanced(sc.order, sc.reclaim_idx)
        if not balanced and self.boost_left:
            self.boost_left = 0
            sc.priority = DEF_PRIORITY
        if balanced and not self.boost_left:
            return False
        raise_priority = not (self.boost_left and sc.priority == DEF_PRIORITY - 2)
        sc.may_writepage = sc.may_swap = not self.boost_left
        self._age_active_anon(sc)
        sc.nr_scanned = 0
        before = sc.nr_reclaimed
        zones = self.node.zones_upto(sc.reclaim_idx)
        sc.nr_to_reclaim = sum(max(zone.wmark_high + zone.watermark_boost, SWAP_CLUSTER_MAX) for zone in zones)
        box.pages.memalloc += 1
        try:
            shrink_node(sc, self.node)
        finally:
            box.pages.memalloc -= 1
        if sc.order and sc.nr_reclaimed >= compaction.compact_gap(sc.order):
            sc.order = 0
        if sc.nr_scanned >= sc.nr_to_reclaim:
            raise_priority = False
        reclaimed = sc.nr_reclaimed - before
        self.boost_left -= min(self.boost_left, reclaimed)
        stuck = self.boost_left and not reclaimed
        if raise_priority or not reclaimed:
            sc.priority -= 1
        if not stuck and sc.priority >= 1:
            return True
        if not sc.nr_reclaimed:
            self.failures += 1
        return False

    def _age_active_anon(self, sc: ScanControl) -> None:
        """Some pages of the active anonymous lists get old, that those which are used can be told from the others."""
        box, root = self.box, self.node.lruvec
        if not box.swap.total_pages or not inactive_is_low(root, file=False):
            return
        for memcg in (ROOT_MEMCG,) if box.memcg.groups is None else box.memcg.iter(ROOT_MEMCG):
            shrink_active_list(sc, self.node.lruvecs[memcg], ACTIVE_ANON, SWAP_CLUSTER_MAX)

    def _end(self, sc: ScanControl) -> None:
        """The boosts that were there at the start are used up; sleep, or go on with what was asked meanwhile."""
        box = self.box
        self._reclaim_active(False)
        if any(self.boosts):
            for zone, boost in zip(self.node.zones_upto(sc.reclaim_idx), self.boosts, strict=True):
                zone.watermark_boost -= min(zone.watermark_boost, boost)
                zone.update_limits()
            box.pages.refresh()
            self.node.kcompactd.wakeup(box.arch.pageblock_order, self.previous)
        snapshot_refaults(self.node.lruvec)
        self.run = None
        self.reclaim_order = sc.order
        if self.reclaim_order >= self.alloc_order:  # the order it was woken for is done with, whatever came of it
            self.alloc_order = self.reclaim_order = self.order
            self.previous = self._highest_zoneidx()
        self._try_to_sleep()

    def _prepare_sleep(self) -> bool:
        """Whether there is nothing to do, or nothing to be hoped for (prepare_kswapd_sleep)."""
        if self.failures >= MAX_RECLAIM_RETRIES:
            return True
        if not self.balanced(self.reclaim_order, self.previous):
            return False
        self._clear_congested()
        return True

    def _try_to_sleep(self) -> None:
        """A nap first, to see whether the balance holds (kswapd_try_to_sleep)."""
        box = self.box
        if self._prepare_sleep():
            compaction.reset_isolation_suitable(box, self.node)
            self.node.kcompactd.wakeup(self.alloc_order, self.previous)
            self.state = "napping"
            self.nap_until = box.timer.usec + NAP_USEC
            box.timer.once(self.nap_until, self._nap_over)
            return
        box.vmstat["kswapd_high_wmark_hit_quickly"] += 1
        self._later(WAKE_USEC, self._begin)

    def _nap_over(self) -> None:
        if self.state != "napping" or self.box.timer.usec < self.nap_until:
            return  # woken in between
        if self._prepare_sleep():
            if self.box.trace.on:
                self.box.trace.emit("mm_vmscan_kswapd_sleep", self.node.nid)
            set_pgdat_percpu_threshold(self.node, self.box.pages.cpus, calculate_normal_threshold)
            self.state = "sleeping"
            return
        self.box.vmstat["kswapd_high_wmark_hit_quickly"] += 1
        self.state = "running"
        self._later(WAKE_USEC, self._begin)

    def _clear_congested(self) -> None:
        self.writeback = False
        self.node.lruvec.congested = False


def kswapd_init(box: Box, nodes: Iterable[Node]) -> None:
    """A thread for each node."""
    for node in nodes:
        node.kswapd = Kswapd(box, node)


def wake_all_kswapds(box: Box, zones: Iterable[Zone], order: int, gfp: int, highest: int) -> None:
    """The slow path's first step: the kswapd of each node that the request may use."""
    last = -1
    for zone in zones:
        if zone.node != last:
            last = zone.node
            box.pages.nodes[last].kswapd.wakeup(zone, gfp, order, highest)
