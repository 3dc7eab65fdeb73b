"""/proc/vmstat: counters of zones and node, then events since boot (mm/vmstat.c, vmstat_text, vmstat_show)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR
from memsh.linux.mm.page_alloc.available import dirty_limits, nr_free_pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Zone

# names in the order of the file; `+OPTION` before names that only kernels with that option have, `.` ends them
_ZONE_ITEMS = """
nr_free_pages nr_zone_inactive_anon nr_zone_active_anon nr_zone_inactive_file nr_zone_active_file
nr_zone_unevictable nr_zone_write_pending nr_mlock nr_bounce +ZSMALLOC nr_zspages . nr_free_cma
"""
_NUMA_ITEMS = "+NUMA numa_hit numa_miss numa_foreign numa_interleave numa_local numa_other ."
_NODE_ITEMS = """
nr_inactive_anon nr_active_anon nr_inactive_file nr_active_file nr_unevictable nr_slab_reclaimable
nr_slab_unreclaimable nr_isolated_anon nr_isolated_file workingset_nodes workingset_refault_anon
workingset_refault_file workingset_activate_anon workingset_activate_file workingset_restore_anon
workingset_restore_file workingset_nodereclaim nr_anon_pages nr_mapped nr_file_pages nr_dirty nr_writeback
nr_writeback_temp nr_shmem nr_shmem_hugepages nr_shmem_pmdmapped nr_file_hugepages nr_file_pmdmapped
nr_anon_transparent_hugepages nr_vmscan_write nr_vmscan_immediate_reclaim nr_dirtied nr_written
nr_throttled_written nr_kernel_misc_reclaimable nr_foll_pin_acquired nr_foll_pin_released nr_kernel_stack
nr_page_table_pages nr_sec_page_table_pages nr_swapcached +NUMA_BALANCING pgpromote_success pgpromote_candidate .
"""
# `*NAME`: one for each zone
_EVENTS = """
pgpgin pgpgout pswpin pswpout *pgalloc *allocstall *pgskip pgfree
pgactivate pgdeactivate pglazyfree pgfault pgmajfault pglazyfreed pgrefill pgreuse pgsteal_kswapd pgsteal_direct
pgdemote_kswapd pgdemote_direct pgscan_kswapd pgscan_direct pgscan_direct_throttle pgscan_anon pgscan_file
pgsteal_anon pgsteal_file +NUMA zone_reclaim_failed . pginodesteal slabs_scanned kswapd_inodesteal
kswapd_low_wmark_hit_quickly kswapd_high_wmark_hit_quickly pageoutrun pgrotated drop_pagecache drop_slab oom_kill
+NUMA_BALANCING numa_pte_updates numa_huge_pte_updates numa_hint_faults numa_hint_faults_local numa_pages_migrated .
pgmigrate_success
pgmigrate_fail thp_migration_success thp_migration_fail thp_migration_split compact_migrate_scanned
compact_free_scanned compact_isolated compact_stall compact_fail compact_success compact_daemon_wake
compact_daemon_migrate_scanned compact_daemon_free_scanned
+HUGETLB_PAGE htlb_buddy_alloc_success htlb_buddy_alloc_fail . unevictable_pgs_culled unevictable_pgs_scanned
unevictable_pgs_rescued unevictable_pgs_mlocked unevictable_pgs_munlocked unevictable_pgs_cleared
unevictable_pgs_stranded +TRANSPARENT_HUGEPAGE thp_fault_alloc thp_fault_fallback thp_fault_fallback_charge
thp_collapse_alloc thp_collapse_alloc_failed thp_file_alloc thp_file_fallback thp_file_fallback_charge
thp_file_mapped thp_split_page thp_split_page_failed thp_deferred_split_page thp_split_pmd
thp_scan_exceed_none_pte thp_scan_exceed_swap_pte thp_scan_exceed_share_pte thp_split_pud thp_zero_page_alloc
thp_zero_page_alloc_failed thp_swpout thp_swpout_fallback . +MEMORY_BALLOON balloon_inflate balloon_deflate
balloon_migrate . swap_ra swap_ra_hit +KSM ksm_swpin_copy cow_ksm . +ZSWAP zswpin zswpout .
direct_map_level2_splits direct_map_level3_splits
"""
IN_THP = (  # vmstat_item_print_in_thp
    "nr_anon_transparent_hugepages", "nr_file_hugepages", "nr_shmem_hugepages", "nr_shmem_pmdmapped",
    "nr_file_pmdmapped",
)  # fmt: skip
LIMITS = ("nr_dirty_threshold", "nr_dirty_background_threshold")


def _names(box: Box, text: str) -> list[str]:
    """The names of a list that this kernel has."""
    found: list[str] = []
    kept = True
    for word in text.split():
        if word[0] == "+":
            kept = word[1:] in box.model.options
        elif word == ".":
            kept = True
        elif kept and word[0] == "*":
            found += [f"{word[1:]}_{event}" for event in box.arch.zone_events]
        elif kept:
            found.append(word)
    return found


def zone_items(box: Box) -> list[str]:
    """What is counted for each zone, nr_free_pages first."""
    return _names(box, _ZONE_ITEMS)


def numa_items(box: Box) -> list[str]:
    """Where requests were served, zone by zone; none on a kernel without nodes."""
    return _names(box, _NUMA_ITEMS)


def node_items(box: Box) -> list[str]:
    """What is counted for each node."""
    return _names(box, _NODE_ITEMS)


def node_figures(box: Box, stat: Mapping[str, int]) -> dict[str, int]:
    """A node's, or the machine's, figures as they are shown: huge pages by their number."""
    return {name: stat[name] // (HPAGE_PMD_NR if name in IN_THP else 1) for name in node_items(box)}


def names(box: Box) -> list[str]:
    """Every name in the order of the file."""
    counted = [*zone_items(box), *numa_items(box), *node_items(box)]
    return [*counted, *LIMITS, *_names(box, _EVENTS), "nr_unstable"]


def numa_events(zones: Iterable[Zone]) -> dict[str, int]:
    """The counters of mm/vmstat.c's numa_stat_item, summed over these zones."""
    found = dict.fromkeys(("numa_hit", "numa_miss", "numa_foreign", "numa_interleave", "numa_local", "numa_other"), 0)
    for zone in zones:
        served = zone.allocated - zone.extra
        found["numa_hit"] += served - zone.numa_miss
        found["numa_miss"] += zone.numa_miss
        found["numa_foreign"] += zone.numa_foreign
        found["numa_interleave"] += zone.numa_interleave
        found["numa_local"] += served - zone.numa_other
        found["numa_other"] += zone.numa_other
    return found


def values(box: Box) -> dict[str, int]:
    """Every figure by name, in the order of the file."""
    zones = box.pages.zones
    found = {name: sum(zone.stat.get(name, 0) for zone in zones) for name in zone_items(box)}
    found["nr_free_pages"] = nr_free_pages(box)
    if numa_items(box):
        found |= {name: number + box.vmstat[name] for name, number in numa_events(zones).items()}
    found |= node_figures(box, box.vmstat)
    found["nr_dirty_background_threshold"], found["nr_dirty_threshold"] = dirty_limits(box)
    counted = box.pages.events()
    for name in _names(box, _EVENTS):
        found[name] = box.vmstat[name] + counted.get(name, 0)
    found["nr_unstable"] = 0
    return found


def show(box: Box) -> str:
    figures = values(box)
    return "".join(f"{name} {figures[name]}\n" for name in names(box))
