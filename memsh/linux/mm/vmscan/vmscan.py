"""Page reclaim: how much of which list, how hard, for whom (mm/vmscan.c).

prepare_scan_count, get_scan_count, shrink_lruvec, shrink_node, shrink_zones, try_to_free_pages. What becomes of single
pages is in shrink.py, the background thread in kswapd.py.

Time: reclaim lets the clock move by what its own work takes, so that the disk, and kswapd beside a process, get on
meanwhile.

Known deviations: one node, no memory cgroups, no demotion; vmpressure and PSI are not kept.
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

from memsh.linux.include.mmzone import Zone
from memsh.linux.mm.compaction import compaction
from memsh.linux.mm.lru import lru_add_drain
from memsh.linux.mm.page_alloc.watermark import zone_watermark_ok
from memsh.linux.mm.vmscan.shrink import (
    ACTIVE_ANON,
    ACTIVE_FILE,
    DEF_PRIORITY,
    INACTIVE_ANON,
    INACTIVE_FILE,
    SWAP_CLUSTER_MAX,
    ScanControl,
    shrink_active_list,
    shrink_inactive_list,
)
from memsh.linux.mm.vmscan.shrinkahead import pass_in_use
from memsh.linux.mm.vmscan.shrinker import shrink_slab

if TYPE_CHECKING:
    from memsh.linux.box import Box

COSTLY_ORDER = 3
MAX_RECLAIM_RETRIES = 16
SCAN_USEC = 1  # what reclaim takes for a page that it looks at
PAGEOUT_USEC = 12  # and for one that it writes
THROTTLE_USEC = 4000  # one jiffy
_IO_FS = 0xC0  # __GFP_IO | __GFP_FS
_EVICTABLE = (INACTIVE_ANON, ACTIVE_ANON, INACTIVE_FILE, ACTIVE_FILE)
_ZONE_ITEMS = tuple("nr_zone_" + name for name in _EVICTABLE)


def zone_reclaimable_pages(box: Box, zone: Zone) -> int:
    """Pages of a zone that reclaim might free; its free pages if there are none."""
    stat = zone.stat
    number = stat["nr_zone_inactive_file"] + stat["nr_zone_active_file"]
    if box.swap.get_nr_swap_pages() > 0:
        number += stat["nr_zone_inactive_anon"] + stat["nr_zone_active_anon"]
    return number or zone.nr_free


def inactive_is_low(box: Box, *, file: bool) -> bool:
    """Whether the inactive list is too short against the active one: 1:1 below a GiB, more uneven above."""
    vmstat = box.vmstat
    kind = "file" if file else "anon"
    inactive, active = vmstat["nr_inactive_" + kind], vmstat["nr_active_" + kind]
    gigabytes = (inactive + active) >> 18
    return inactive * (isqrt(10 * gigabytes) if gigabytes else 1) < active


def prepare_scan_count(sc: ScanControl) -> None:
    """What one round over the node may do: deactivate, leave anonymous memory alone, or look only there."""
    box = sc.box
    vmstat, lru = box.vmstat, box.lru
    sc.anon_cost, sc.file_cost = lru.anon_cost, lru.file_cost
    if sc.force_deactivate:
        sc.deactivate_anon = sc.deactivate_file = True
    else:
        refaults = (vmstat["workingset_activate_anon"], vmstat["workingset_activate_file"])
        sc.deactivate_anon = refaults[0] != lru.refaults[0] or inactive_is_low(box, file=False)
        sc.deactivate_file = refaults[1] != lru.refaults[1] or inactive_is_low(box, file=True)
    sc.cache_trim_mode = bool(vmstat["nr_inactive_file"] >> sc.priority) and not sc.deactivate_file
    free = high = 0
    for zone in box.pages.zones:
        if zone.managed:
            free += zone.stat_free
            high += zone.wmark_high + zone.watermark_boost
    file = vmstat["nr_active_file"] + vmstat["nr_inactive_file"]
    anon = vmstat["nr_inactive_anon"] >> sc.priority
    sc.file_is_tiny = file + free <= high and not sc.deactivate_anon and anon > 0


def get_scan_count(sc: ScanControl) -> dict[str, int]:
    """How many pages of each list to look at in this round."""
    box = sc.box
    swappiness = box.sysctl.values["vm.swappiness"]
    anon = file = denominator = 1
    if not sc.may_swap or box.swap.get_nr_swap_pages() <= 0:
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
    sizes = [0, 0, 0, 0]
    for zone in box.pages.zones_upto(sc.reclaim_idx):
        if zone.managed:
            stat = zone.stat
            sizes = [size + stat[item] for size, item in zip(sizes, _ZONE_ITEMS, strict=True)]
    shares = (anon, anon, file, file)
    return {
        name: (size >> sc.priority) * share // denominator
        for name, size, share in zip(_EVICTABLE, sizes, shares, strict=True)
    }


def shrink_lruvec(sc: ScanControl) -> None:
    """One round over the four lists, in batches of 32 pages, in proportion to their scan counts."""
    box = sc.box
    lru_add_drain(box)
    left = get_scan_count(sc)
    targets = dict(left)
    reclaimed = 0
    proportional = not sc.kswapd and sc.priority == DEF_PRIORITY
    while left[INACTIVE_ANON] or left[ACTIVE_FILE] or left[INACTIVE_FILE]:
        for name in _EVICTABLE:
            if left[name]:
                if name == INACTIVE_ANON and (passed := _pass_in_use(sc, left, reclaimed)):
                    left[name] -= passed
                    continue
                batch = min(left[name], SWAP_CLUSTER_MAX)
                left[name] -= batch
                reclaimed += _shrink_list(sc, name, batch)
        if reclaimed < sc.nr_to_reclaim or proportional:
            continue
        if not _rebalance(left, targets):
            break
    box.swap.submit_plugged()
    sc.nr_reclaimed += reclaimed
    if box.swap.total_pages and inactive_is_low(box, file=False):
        shrink_active_list(sc, ACTIVE_ANON, SWAP_CLUSTER_MAX)


def _shrink_list(sc: ScanControl, name: str, batch: int) -> int:
    if name in (ACTIVE_ANON, ACTIVE_FILE):
        if sc.deactivate_file if name == ACTIVE_FILE else sc.deactivate_anon:
            shrink_active_list(sc, name, batch)
        else:
            sc.skipped_deactivate = True
        return 0
    scanned, written = sc.nr_scanned, sc.nr_pageout
    reclaimed = shrink_inactive_list(sc, name, batch)
    box = sc.box
    if box.disk.started:  # see the module's docstring
        usec = SCAN_USEC * (sc.nr_scanned - scanned) + PAGEOUT_USEC * (sc.nr_pageout - written)
        box.timer.advance(usec)
    return reclaimed


def _pass_in_use(sc: ScanControl, left: dict[str, int], reclaimed: int) -> int:
    """Batches of the inactive anonymous list that were all used lately, at one go; how many pages, 0 if none."""
    box = sc.box
    most = min(left[INACTIVE_ANON], SWAP_CLUSTER_MAX)
    alone = not (left[ACTIVE_ANON] or left[INACTIVE_FILE] or left[ACTIVE_FILE])
    if alone and left[INACTIVE_ANON] > most and reclaimed < sc.nr_to_reclaim:
        most = left[INACTIVE_ANON]
        if box.disk.started:
            most = min(most, SWAP_CLUSTER_MAX * box.timer.steps_before_work(SCAN_USEC * SWAP_CLUSTER_MAX))
    if sc.box.thp.pages:  # they are no pages like their neighbours
        return 0
    passed = pass_in_use(sc, most)
    if passed and box.disk.started:
        box.timer.advance(SCAN_USEC * passed)
    return passed


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
    for zone in box.pages.zones_upto(sc.reclaim_idx):
        if zone.managed:
            status = compaction.compaction_suitable(box, zone, sc.order, 0, sc.reclaim_idx)
            if status in (compaction.COMPACT_SUCCESS, compaction.COMPACT_CONTINUE):
                return False
    inactive = box.vmstat["nr_inactive_file"]
    if box.swap.get_nr_swap_pages() > 0:
        inactive += box.vmstat["nr_inactive_anon"]
    return inactive > compaction.compact_gap(sc.order)


def shrink_node(sc: ScanControl) -> None:
    """Rounds over the node's lists and the slab caches, and the signs of a disk that cannot keep up."""
    box = sc.box
    while True:
        sc.clear_round()
        before = sc.nr_reclaimed
        prepare_scan_count(sc)
        shrink_lruvec(sc)
        slabs = box.vmstat["nr_slab_reclaimable"]
        shrink_slab(box, sc.priority)
        sc.nr_reclaimed += max(0, slabs - box.vmstat["nr_slab_reclaimable"])
        progress = sc.nr_reclaimed - before
        if sc.kswapd:
            if sc.nr_writeback and sc.nr_writeback == sc.nr_taken:
                box.kswapd.writeback = True
            if sc.nr_dirty and sc.nr_dirty == sc.nr_congested:
                box.lru.congested = True
        elif box.lru.congested:
            reclaim_throttle_noprogress(box)
        if not _should_continue_reclaim(sc, progress):
            break
    if progress:
        box.kswapd.failures = 0


def reclaim_throttle_noprogress(box: Box) -> None:
    """Wait a jiffy for writes to finish, if most of what could be reclaimed is being written."""
    if box.kswapd.failures >= MAX_RECLAIM_RETRIES:
        return
    zones = [zone for zone in box.pages.zones if zone.managed]
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


def _shrink_zones(sc: ScanControl, zones: tuple[Zone, ...]) -> None:
    box = sc.box
    shrunk = False
    for zone in zones:
        if sc.order > COSTLY_ORDER and _compaction_ready(box, zone, sc):
            sc.compaction_ready = True
            continue
        if not shrunk:
            shrunk = True
            shrink_node(sc)
    if shrunk and sc.priority == 1 and not sc.nr_reclaimed and sc.nr_reclaimed <= sc.nr_scanned >> 3:
        reclaim_throttle_noprogress(box)


def snapshot_refaults(box: Box) -> None:
    """Refaults from here on mean that the active lists must shrink too."""
    vmstat = box.vmstat
    box.lru.refaults = [vmstat["workingset_activate_anon"], vmstat["workingset_activate_file"]]


def _do_try_to_free_pages(sc: ScanControl, zones: tuple[Zone, ...]) -> int:
    box = sc.box
    name = ("dma", "normal", "high", "movable")[sc.reclaim_idx]
    while True:
        box.vmstat["allocstall_" + name] += 1
        sc.priority = DEF_PRIORITY
        while sc.priority >= 0:
            sc.nr_scanned = 0
            _shrink_zones(sc, zones)
            if sc.nr_reclaimed >= sc.nr_to_reclaim or sc.compaction_ready:
                break
            sc.priority -= 1
        snapshot_refaults(box)
        if sc.nr_reclaimed:
            return sc.nr_reclaimed
        if sc.compaction_ready:
            return 1
        if not sc.skipped_deactivate:
            return 0
        sc.force_deactivate, sc.skipped_deactivate = True, False


def _allow_direct_reclaim(box: Box) -> bool:
    """False while less than half of the min watermarks is free: kswapd must work first."""
    if box.kswapd.failures >= MAX_RECLAIM_RETRIES:
        return True
    reserve = free = 0
    for zone in box.pages.zones_upto(box.arch.zone_normal):
        if zone.managed and zone_reclaimable_pages(box, zone):
            reserve += zone.wmark_min + zone.watermark_boost
            free += zone.stat_free
    return not reserve or free > reserve // 2


def _throttle_direct_reclaim(box: Box) -> None:
    """Wait until kswapd has brought the reserves back, or given up."""
    if _allow_direct_reclaim(box):
        return
    box.vmstat["pgscan_direct_throttle"] += 1
    for _ in range(250):
        box.kswapd.wake()
        box.disk.wait(box.timer.usec + THROTTLE_USEC)
        if _allow_direct_reclaim(box):
            return


def try_to_free_pages(box: Box, zones: tuple[Zone, ...], order: int, gfp: int) -> int:
    """Direct reclaim for an allocation that found too little; pages reclaimed."""
    sc = ScanControl(box, order, gfp)
    sc.reclaim_idx = box.arch.gfp_zones[gfp & 0xF]
    _throttle_direct_reclaim(box)
    if box.trace.on:
        box.trace.emit("mm_vmscan_direct_reclaim_begin", order, gfp)
    reclaimed = _do_try_to_free_pages(sc, zones)
    if box.trace.on:
        box.trace.emit("mm_vmscan_direct_reclaim_end", reclaimed)
    return reclaimed
