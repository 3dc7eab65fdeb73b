"""Figures derived from the counters: memory available, reserves, dirty limits, free memory by zone.

Models mm/show_mem.c (si_mem_available), mm/page_alloc.c (calculate_totalreserve_pages, nr_free_buffer_pages) and
mm/page-writeback.c (global_dirtyable_memory, domain_dirty_limits). Units: pages.

**Known deviations:** none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import MemCgroup
    from memsh.linux.include.mmzone import Zone


def totalram_pages(box: Box) -> int:
    return sum(zone.managed for zone in box.pages.zones)


def high_zones(box: Box) -> list[Zone]:
    """The zones outside the direct mapping; none on a machine without HighMem."""
    return [zone for zone in box.pages.zones if zone.highmem]


def totalhigh_pages(box: Box) -> int:
    """Managed pages of HighMem and of the Movable zone, which counts as highmem on a kernel with HighMem."""
    return sum(zone.managed for zone in high_zones(box))


def nr_free_pages(box: Box) -> int:
    return sum(zone.nr_free for zone in box.pages.zones)


def nr_free_highpages(box: Box) -> int:
    return sum(zone.nr_free for zone in high_zones(box))


def totalreserve_pages(box: Box) -> int:
    """What user space cannot have: each zone's largest lowmem reserve and its high watermark."""
    total = 0
    for zone in box.pages.zones:
        total += min(zone.managed, max(zone.lowmem_reserve[zone.index :]) + zone.wmark_high)
    return total


def si_mem_available(box: Box) -> int:
    """MemAvailable: free memory and what reclaim could get, without swapping and without the reserves."""
    vmstat = box.vmstat
    low = sum(zone.wmark_low + zone.watermark_boost for zone in box.pages.zones)
    cache = vmstat["nr_active_file"] + vmstat["nr_inactive_file"]
    reclaimable = vmstat["nr_slab_reclaimable"] + vmstat["nr_kernel_misc_reclaimable"]
    available = nr_free_pages(box) - totalreserve_pages(box)
    available += cache - min(cache // 2, low)
    available += reclaimable - min(reclaimable // 2, low)
    return max(0, available)


def dirtyable_memory(box: Box) -> int:
    """Pages that may hold dirty file data; HighMem counts only if vm.highmem_is_dirtyable."""
    vmstat = box.vmstat
    free = nr_free_pages(box)
    pages = free - min(free, totalreserve_pages(box)) + vmstat["nr_inactive_file"] + vmstat["nr_active_file"]
    if not box.sysctl.values["vm.highmem_is_dirtyable"]:
        high = 0
        for zone in high_zones(box):
            if zone.present:
                stat = zone.stat
                high += max(0, zone.nr_free - zone.wmark_high - zone.watermark_boost)
                high += stat.get("nr_zone_inactive_file", 0) + stat.get("nr_zone_active_file", 0)
        pages -= min(high, pages)
    return pages + 1


def dirty_limits(box: Box) -> tuple[int, int]:
    """(background threshold, threshold) in pages."""
    values, pages = box.sysctl.values, dirtyable_memory(box)
    if values["vm.dirty_bytes"]:
        threshold = -(-values["vm.dirty_bytes"] // 4096)
    else:
        threshold = values["vm.dirty_ratio"] * 4096 // 100 * pages // 4096
    if values["vm.dirty_background_bytes"]:
        background = -(-values["vm.dirty_background_bytes"] // 4096)
    else:
        background = values["vm.dirty_background_ratio"] * 4096 // 100 * pages // 4096
    if background >= threshold:
        background = threshold // 2
    return background, threshold


def memcg_dirty_limits(box: Box, memcg: MemCgroup) -> tuple[int, int]:
    """(background threshold, threshold) in pages for what a memory cgroup writes: parts of its own page cache and of
    the room that it has (mem_cgroup_wb_stats, mdtc_calc_avail, domain_dirty_limits)."""
    values, vmstat, whole = box.sysctl.values, box.vmstat, dirtyable_memory(box)
    lruvecs = [node.lruvecs[memcg.number] for node in box.pages.nodes]
    cached = sum(lruvec.page_state(name) for lruvec in lruvecs for name in ("inactive_file", "active_file"))
    clean = max(cached - memcg.dirty - memcg.writeback, 0)
    elsewhere = max(max(whole - vmstat["nr_dirty"] - vmstat["nr_writeback"], 0) - clean, 0)
    pages = cached + min(memcg.headroom(), elsewhere)
    found = []
    for name in ("dirty_background", "dirty"):
        size = values[f"vm.{name}_bytes"]
        share = min(-(-size // whole), 4096) if size else values[f"vm.{name}_ratio"] * 4096 // 100
        found.append(share * pages // 4096)
    background, threshold = found
    return (background if background < threshold else threshold // 2), threshold
