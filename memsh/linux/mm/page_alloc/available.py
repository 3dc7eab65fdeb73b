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
    return _domain_dirty_limits(box, dirtyable_memory(box))


def memcg_dirty_limits(box: Box, memcg: MemCgroup) -> tuple[int, int]:
    """The same for what a memory cgroup writes: parts of its own page cache and of the room that it has
    (mem_cgroup_wb_stats, mdtc_calc_avail)."""
    vmstat, whole = box.vmstat, dirtyable_memory(box)
    lruvecs = [node.lruvecs[memcg.number] for node in box.pages.nodes]
    cached = sum(lruvec.page_state(name) for lruvec in lruvecs for name in ("inactive_file", "active_file"))
    clean = max(cached - memcg.dirty - memcg.writeback, 0)
    elsewhere = max(max(whole - vmstat["nr_dirty"] - vmstat["nr_writeback"], 0) - clean, 0)
    return _domain_dirty_limits(box, cached + min(memcg.headroom(), elsewhere), whole)


def _domain_dirty_limits(box: Box, pages: int, whole: int = 0) -> tuple[int, int]:
    """Those of `pages` that may be dirty. For a group, `whole` has the machine's, of which bytes are a part."""
    values, found = box.sysctl.values, []
    for name in ("dirty_background", "dirty"):
        size = values[f"vm.{name}_bytes"]
        if size and not whole:
            found.append(-(-size // 4096))
            continue
        share = min(-(-size // whole), 4096) if size else values[f"vm.{name}_ratio"] * 4096 // 100
        found.append(share * pages // 4096)
    background, threshold = found
    return (background if background < threshold else threshold // 2), threshold
