"""Page reclaim: how much of which list, how hard, for whom (mm/vmscan.c).

prepare_scan_count, get_scan_count, shrink_lruvec, shrink_node, shrink_zones, try_to_free_pages. What becomes of single
pages is in shrink.py, the background thread in kswapd.py.

Time: reclaim lets the clock move by what its own work takes, so that the disk, and kswapd beside a process, get on
meanwhile.

Reclaim goes node by node over the zonelist, and in a node over the lists of all memory cgroups of the tree that is
short: the whole machine's, or that of a group which met its limit (ScanControl.target, try_to_free_mem_cgroup_pages).

Known deviations: no demotion; shrinkers know no nodes; vmpressure and PSI are not kept.
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_HIGHUSER_MOVABLE, GFP_RECLAIM_MASK
from memsh.linux.include.lruvec import ANON, FILE
from memsh.linux.include.memcontrol import ROOT_MEMCG
from memsh.linux.include.mmzone import Node, Zone
from memsh.linux.mm.compaction import compaction
from memsh.linux.mm.lru import EVICTABLE, lru_add_drain
from memsh.linux.mm.page_alloc.watermark import zone_watermark_ok
from memsh.linux.mm.vmscan.reclaimable import zone_reclaimable_pages
from memsh.linux.mm.vmscan.scan import (
    ACTIVE_ANON,
    ACTIVE_FILE,
    DEF_PRIORITY,
    INACTIVE_ANON,
    INACTIVE_FILE,
    PAGEOUT_USEC,
    SCAN_USEC,
    SWAP_CLUSTER_MAX,
    ScanControl,
)
from memsh.linux.mm.vmscan.shrink import shrink_active_list, shrink_inactive_list
from memsh.linux.mm.vmscan.shrinker import shrink_slab
from memsh.linux.mm.vmscan.turns import shrink_clean_turns
from memsh.linux.mm.vmscan.workingset import mem_cgroup_get_nr_swap_pages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memsh.linux.box import Box
    from memsh.linux.include.lruvec import LruVec

COSTLY_ORDER = 3
MAX_RECLAIM_RETRIES = 16
THROTTLE_USEC = 4000  # one jiffy
_IO_FS = 0xC0  # __GFP_IO | __GFP_FS


def inactive_is_low(lruvec: LruVec, *, file: bool) -> bool:
    """Whether the inactive list is too short against the active one: 1:1 below a GiB, more uneven above."""
    kind = "file" if file else "anon"
    inactive, active = lruvec.page_state("inactive_" + kind), lruvec.page_state("active_" + kind)
    gigabytes = (inactive + active) >> 18
    return inactive * (isqrt(10 * gigabytes) if gigabytes else 1) < active


def prepare_scan_count(sc: ScanControl) -> None:
    """What one round over the node may do: deactivate, leave anonymous memory alone, or look only there."""
    lruvec = sc.target_lruvec
    sc.anon_cost, sc.file_cost = lruvec.anon_cost, lruvec.file_cost
    if sc.force_deactivate:
        sc.deactivate_anon = sc.deactivate_file = True
    else:
        activated, refaults = lruvec.activated, lruvec.refaults
        sc.deactivate_anon = activated[ANON] != refaults[ANON] or inactive_is_low(lruvec, file=False)
        sc.deactivate_file = activated[FILE] != refaults[FILE] or inactive_is_low(lruvec, file=True)
    sc.cache_trim_mode = bool(lruvec.page_state(INACTIVE_FILE) >> sc.priority) and not sc.deactivate_file
    if sc.target is not None:
        return
    free = high = file = anon = 0
    for zone in sc.node.zones:
        if zone.managed:
            free += zone.stat_free
            high += zone.wmark_high + zone.watermark_boost
            file += zone.stat["nr_zone_active_file"] + zone.stat["nr_zone_inactive_file"]
            anon += zone.stat["nr_zone_inactive_anon"]
    sc.file_is_tiny = file + free <= high and not sc.deactivate_anon and anon >> sc.priority > 0


def get_scan_count(sc: ScanControl, lruvec: LruVec) -> dict[str, int]:
    """How many pages of each list to look at in this round."""
    box = sc.box
    swappiness = box.sysctl.values["vm.swappiness"]
    anon = file = denominator = 1
    swap = sc.may_swap and mem_cgroup_get_nr_swap_pages(box, lruvec.memcg) > 0
    if not swap or (sc.target is not None and not swappiness):
        anon = 0
    elif not sc.priority and swappiness:
        pass  # both alike: the situation is desperate
    elif sc.file_is_tiny:
        file = 0
    elif sc.cache_trim_mode:
        anon = 0
    else:
        total = sc.anon_cost + sc.file_cost
        anon_cost, file_cost = total + sc.anon_cost, total + sc.file_cost
        total = anon_cost + file_cost
        anon = swappiness * (total + 1) // (anon_cost + 1)
        file = (200 - swappiness) * (total + 1) // (file_cost + 1)
        denominator = anon + file
    found = {}
    groups = box.memcg.groups
    for name, share in zip(EVICTABLE, (anon, anon, file, file), strict=True):
        if not share and groups is None:
            found[name] = 0
            continue
        size = lruvec.lru_size(name, sc.reclaim_idx)
        scan = (size if groups is None else _unprotected(sc, lruvec, size)) >> sc.priority
        if groups is not None and not groups.online(lruvec.memcg):  # scrape out what is left of it
            found[name] = -(-(scan or min(size, SWAP_CLUSTER_MAX)) * share // denominator)
        else:
            found[name] = scan * share // denominator
    return found


def _unprotected(sc: ScanControl, lruvec: LruVec, size: int) -> int:
    """How much of a list with `size` pages a round may look at: less by what memory.min and memory.low protect."""
    groups = sc.box.memcg.groups
    if groups is None:
        return size
    least, low = groups.protection(sc.target or ROOT_MEMCG, lruvec.memcg)
    if not least and not low:
        return size
    protection = least
    if not sc.memcg_low_reclaim and low > least:
        protection = low
        sc.memcg_low_skipped = True
    whole = max(groups.size(lruvec.memcg), protection)
    return max(size - size * protection // (whole + 1), SWAP_CLUSTER_MAX)


def shrink_lruvec(sc: ScanControl, lruvec: LruVec) -> None:
    """One round over the four lists, in batches of 32 pages, in proportion to their scan counts."""
    box = sc.box
    lru_add_drain(box)
    left = get_scan_count(sc, lruvec)
    targets = dict(left)
    reclaimed = 0
    proportional = sc.target is None and not sc.kswapd and sc.priority == DEF_PRIORITY
    while left[INACTIVE_ANON] or left[ACTIVE_FILE] or left[INACTIVE_FILE]:
        if left[INACTIVE_FILE] > SWAP_CLUSTER_MAX and left[INACTIVE_FILE] == sum(left.values()):
            most = left[INACTIVE_FILE] if proportional else sc.nr_to_reclaim - reclaimed - 1
            freed = shrink_clean_turns(sc, lruvec, min(most, left[INACTIVE_FILE]))
            left[INACTIVE_FILE] -= freed
            reclaimed += freed
        for name in EVICTABLE:
            if left[name]:
                batch = min(left[name], SWAP_CLUSTER_MAX)
                left[name] -= batch
                reclaimed += _shrink_list(sc, lruvec, name, batch)
        if reclaimed < sc.nr_to_reclaim or proportional:
            continue
        if not _rebalance(left, targets):
            break
    box.swap.submit_plugged()
    sc.nr_reclaimed += reclaimed
    if box.swap.total_pages and inactive_is_low(lruvec, file=False):
        shrink_active_list(sc, lruvec, ACTIVE_ANON, SWAP_CLUSTER_MAX)


def _shrink_list(sc: ScanControl, lruvec: LruVec, name: str, batch: int) -> int:
    if name in (ACTIVE_ANON, ACTIVE_FILE):
        if sc.deactivate_file if name == ACTIVE_FILE else sc.deactivate_anon:
            shrink_active_list(sc, lruvec, name, batch)
        else:
            sc.skipped_deactivate = True
        return 0
    scanned, written = sc.nr_scanned, sc.nr_pageout
    reclaimed = shrink_inactive_list(sc, lruvec, name, batch)
    box = sc.box
    if box.disk.started:  # see the module's docstring
        usec = SCAN_USEC * (sc.nr_scanned - scanned) + PAGEOUT_USEC * (sc.nr_pageout - written)
        box.timer.advance(usec)
    return reclaimed


def _rebalance(left: dict[str, int], targets: dict[str, int]) -> bool:
    """Enough was reclaimed: stop with the lists that have less left to scan, and let the others keep the proportion."""
    file = left[INACTIVE_FILE] + left[ACTIVE_FILE]
    anon = left[INACTIVE_ANON] + left[ACTIVE_ANON]
    if not file or not anon:
        return False
    if file > anon:
        target = targets[INACTIVE_ANON] + targets[ACTIVE_ANON] + 1
        percentage = anon * 100 // target
        done, going = (INACTIVE_ANON, ACTIVE_ANON), (INACTIVE_FILE, ACTIVE_FILE)
    else:
        target = targets[INACTIVE_FILE] + targets[ACTIVE_FILE] + 1
        percentage = file * 100 // target
        done, going = (INACTIVE_FILE, ACTIVE_FILE), (INACTIVE_ANON, ACTIVE_ANON)
    for name in done:
        left[name] = 0
    for name in going:
        scanned = targets[name] - left[name]
        left[name] = targets[name] * (100 - percentage) // 100
        left[name] -= min(left[name], scanned)
    return True


def _should_continue_reclaim(sc: ScanControl, reclaimed: int) -> bool:
    """For a high order: go on until compaction has room to work, as long as there is progress."""
    box = sc.box
    if sc.gfp & _IO_FS != _IO_FS or not sc.order:
        return False
    if sc.order <= COSTLY_ORDER and sc.priority >= DEF_PRIORITY - 2:
        return False
    if not reclaimed:
        return False
    for zone in sc.node.zones_upto(sc.reclaim_idx):
        status = compaction.compaction_suitable(box, zone, sc.order, 0, sc.reclaim_idx)
        if status in (compaction.COMPACT_SUCCESS, compaction.COMPACT_CONTINUE):
            return False
    item = ["nr_zone_inactive_file"] + ["nr_zone_inactive_anon"] * (box.swap.get_nr_swap_pages() > 0)
    inactive = sum(zone.stat[name] for zone in sc.node.zones for name in item)
    return inactive > compaction.compact_gap(sc.order)


def shrink_node(sc: ScanControl, node: Node) -> None:
    """Rounds over a node's lists and the slab caches, and the signs of a disk that cannot keep up."""
    box = sc.box
    sc.node = node
    reclaimable = False
    while True:
        sc.clear_round()
        before = sc.nr_reclaimed
        prepare_scan_count(sc)
        slabs = box.vmstat["nr_slab_reclaimable"]
        _shrink_node_memcgs(sc)
        sc.nr_reclaimed += max(0, slabs - box.vmstat["nr_slab_reclaimable"])
        progress = sc.nr_reclaimed - before
        reclaimable = reclaimable or progress > 0
        lruvec = sc.target_lruvec
        if sc.kswapd and sc.nr_writeback and sc.nr_writeback == sc.nr_taken:
            node.kswapd.writeback = True
        if (sc.kswapd or sc.target is not None) and sc.nr_dirty and sc.nr_dirty == sc.nr_congested:
            lruvec.congested = True
        if not sc.kswapd and lruvec.congested:
            reclaim_throttle_noprogress(box, node)
        if not _should_continue_reclaim(sc, progress):
            break
    if reclaimable:
        node.kswapd.failures = 0


def _shrink_node_memcgs(sc: ScanControl) -> None:
    """The lists of each group of the tree that is reclaimed from, but for what is protected, and the slab caches."""
    box, lruvecs, groups = sc.box, sc.node.lruvecs, sc.box.memcg.groups
    if groups is None:
        shrink_lruvec(sc, sc.node.lruvec)
        shrink_slab(box, sc.node.nid, sc.priority)
        return
    target = sc.target or ROOT_MEMCG
    for memcg in groups.iter(target):
        groups.calculate_protection(target, memcg)
        if groups.below_min(memcg):
            continue
        if groups.below_low(memcg):
            if not sc.memcg_low_reclaim:
                sc.memcg_low_skipped = True
                continue
            groups.event(memcg, "low")
        shrink_lruvec(sc, lruvecs[memcg])
        shrink_slab(box, sc.node.nid, sc.priority, memcg)


def reclaim_throttle_noprogress(box: Box, node: Node) -> None:
    """Wait a jiffy for writes to finish, if most of what could be reclaimed of the node is being written."""
    if node.kswapd.failures >= MAX_RECLAIM_RETRIES:
        return
    zones = [zone for zone in node.zones if zone.managed]
    reclaimable = sum(zone_reclaimable_pages(box, zone) for zone in zones)
    pending = sum(zone.stat["nr_zone_write_pending"] for zone in zones)
    if 2 * pending > reclaimable:
        box.disk.wait(box.timer.usec + THROTTLE_USEC)


def _compaction_ready(box: Box, zone: Zone, sc: ScanControl) -> bool:
    if sc.gfp & _IO_FS != _IO_FS:
        return False
    status = compaction.compaction_suitable(box, zone, sc.order, 0, sc.reclaim_idx)
    if status in (compaction.COMPACT_SUCCESS, compaction.COMPACT_SKIPPED):
        return status == compaction.COMPACT_SUCCESS
    mark = zone.wmark_high + zone.watermark_boost + compaction.compact_gap(sc.order)
    return zone_watermark_ok(zone, 0, mark, sc.reclaim_idx, 0, zone.nr_free)


def nodes_of(box: Box, zones: Iterable[Zone]) -> list[Node]:
    """The nodes of a zonelist, in its order, once each."""
    return [box.pages.nodes[nid] for nid in dict.fromkeys(zone.node for zone in zones)]


def _shrink_zones(sc: ScanControl, zones: tuple[Zone, ...]) -> None:
    box = sc.box
    last = first = -1
    for zone in zones:
        if sc.target is None and sc.order > COSTLY_ORDER and _compaction_ready(box, zone, sc):
            sc.compaction_ready = True
            continue
        if zone.node == last:
            continue
        last = zone.node
        first = last if first < 0 else first
        shrink_node(sc, box.pages.nodes[last])
    if first >= 0 and sc.target is None and sc.priority == 1 and not sc.nr_reclaimed:
        if sc.nr_reclaimed <= sc.nr_scanned >> 3:
            reclaim_throttle_noprogress(box, box.pages.nodes[first])


def snapshot_refaults(lruvec: LruVec) -> None:
    """Refaults from here on mean that the active lists must shrink too."""
    lruvec.refaults = list(lruvec.activated)


def _do_try_to_free_pages(sc: ScanControl, zones: tuple[Zone, ...]) -> int:
    box = sc.box
    name = box.arch.zone_events[sc.reclaim_idx]
    while True:
        if sc.target is None:
            box.vmstat["allocstall_" + name] += 1
        sc.priority = DEF_PRIORITY
        while sc.priority >= 0:
            sc.nr_scanned = 0
            _shrink_zones(sc, zones)
            if sc.nr_reclaimed >= sc.nr_to_reclaim or sc.compaction_ready:
                break
            sc.priority -= 1
        for node in nodes_of(box, zones):
            lruvec = node.lruvecs[sc.target or ROOT_MEMCG]
            snapshot_refaults(lruvec)
            if sc.target is not None:
                lruvec.congested = False
        if sc.nr_reclaimed:
            return sc.nr_reclaimed
        if sc.compaction_ready:
            return 1
        if sc.skipped_deactivate:
            sc.force_deactivate, sc.skipped_deactivate = True, False
        elif sc.memcg_low_skipped:
            sc.force_deactivate = sc.memcg_low_skipped = False
            sc.memcg_low_reclaim = True
        else:
            return 0


def _allow_direct_reclaim(box: Box, node: Node) -> bool:
    """False while less than half of the node's min watermarks is free: kswapd must work first."""
    if node.kswapd.failures >= MAX_RECLAIM_RETRIES:
        return True
    reserve = free = 0
    for zone in node.zones_upto(box.arch.zone_normal):
        if zone_reclaimable_pages(box, zone):
            reserve += zone.wmark_min + zone.watermark_boost
            free += zone.stat_free
    return not reserve or free > reserve // 2


def _throttle_direct_reclaim(box: Box, zones: tuple[Zone, ...]) -> None:
    """Wait until kswapd has brought the reserves of the first node back, or given up."""
    nid = next((zone.node for zone in zones if zone.index <= box.arch.zone_normal), -1)
    if nid < 0 or _allow_direct_reclaim(box, node := box.pages.nodes[nid]):
        return
    box.vmstat["pgscan_direct_throttle"] += 1
    for _ in range(250):
        node.kswapd.wake()
        box.disk.wait(box.timer.usec + THROTTLE_USEC)
        if _allow_direct_reclaim(box, node):
            return


def try_to_free_pages(box: Box, zones: tuple[Zone, ...], order: int, gfp: int) -> int:
    """Direct reclaim for an allocation that found too little; pages reclaimed."""
    sc = ScanControl(box, order, gfp)
    sc.reclaim_idx = box.arch.gfp_zones[gfp & 0xF]
    _throttle_direct_reclaim(box, zones)
    if box.trace.on:
        box.trace.emit("mm_vmscan_direct_reclaim_begin", order, gfp)
    reclaimed = _do_try_to_free_pages(sc, zones)
    if box.trace.on:
        box.trace.emit("mm_vmscan_direct_reclaim_end", reclaimed)
    return reclaimed


def try_to_free_mem_cgroup_pages(box: Box, memcg: int, pages: int, gfp: int, *, may_swap: bool = True) -> int:
    """Reclaim from a memory cgroup and those below it, on all nodes: pages reclaimed, at least `pages` or 32 wanted.

    Called when a charge meets the limit, and for memory.high, memory.max and memory.reclaim. `gfp`: what the caller may
    wait for; the pages may be of any zone.
    """
    sc = ScanControl(box, 0, gfp & GFP_RECLAIM_MASK | GFP_HIGHUSER_MOVABLE & ~GFP_RECLAIM_MASK)
    sc.target = memcg
    sc.nr_to_reclaim = max(pages, SWAP_CLUSTER_MAX)
    sc.may_swap = may_swap
    if box.trace.on:
        box.trace.emit("mm_vmscan_memcg_reclaim_begin", 0, sc.gfp)
    box.pages.memalloc += 1
    try:
        zones = box.pages.nodes[box.pages.node].zonelist(box.pages.nodes, False)
        reclaimed = _do_try_to_free_pages(sc, tuple(zones))
    finally:
        box.pages.memalloc -= 1
    if box.trace.on:
        box.trace.emit("mm_vmscan_memcg_reclaim_end", reclaimed)
    return reclaimed
