"""/proc/vmstat: counters of zones and node, then events since boot (mm/vmstat.c, vmstat_text, vmstat_show)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.mm.page_alloc.available import dirty_limits, nr_free_pages

if TYPE_CHECKING:
    from memsh.linux.box import Box

_ZONE_ITEMS = """
nr_free_pages nr_zone_inactive_anon nr_zone_active_anon nr_zone_inactive_file nr_zone_active_file
nr_zone_unevictable nr_zone_write_pending nr_mlock nr_bounce nr_free_cma
"""
_NODE_ITEMS = """
nr_inactive_anon nr_active_anon nr_inactive_file nr_active_file nr_unevictable nr_slab_reclaimable
nr_slab_unreclaimable nr_isolated_anon nr_isolated_file workingset_nodes workingset_refault_anon
workingset_refault_file workingset_activate_anon workingset_activate_file workingset_restore_anon
workingset_restore_file workingset_nodereclaim nr_anon_pages nr_mapped nr_file_pages nr_dirty nr_writeback
nr_writeback_temp nr_shmem nr_shmem_hugepages nr_shmem_pmdmapped nr_file_hugepages nr_file_pmdmapped
nr_anon_transparent_hugepages nr_vmscan_write nr_vmscan_immediate_reclaim nr_dirtied nr_written
nr_throttled_written nr_kernel_misc_reclaimable nr_foll_pin_acquired nr_foll_pin_released nr_kernel_stack
nr_page_table_pages nr_sec_page_table_pages nr_swapcached
"""
_EVENTS = """
pgpgin pgpgout pswpin pswpout pgalloc_dma pgalloc_normal pgalloc_high pgalloc_movable allocstall_dma
allocstall_normal allocstall_high allocstall_movable pgskip_dma pgskip_normal pgskip_high pgskip_movable pgfree
pgactivate pgdeactivate pglazyfree pgfault pgmajfault pglazyfreed pgrefill pgreuse pgsteal_kswapd pgsteal_direct
pgdemote_kswapd pgdemote_direct pgscan_kswapd pgscan_direct pgscan_direct_throttle pgscan_anon pgscan_file
pgsteal_anon pgsteal_file pginodesteal slabs_scanned kswapd_inodesteal kswapd_low_wmark_hit_quickly
kswapd_high_wmark_hit_quickly pageoutrun pgrotated drop_pagecache drop_slab oom_kill pgmigrate_success
pgmigrate_fail thp_migration_success thp_migration_fail thp_migration_split compact_migrate_scanned
compact_free_scanned compact_isolated compact_stall compact_fail compact_success compact_daemon_wake
compact_daemon_migrate_scanned compact_daemon_free_scanned unevictable_pgs_culled unevictable_pgs_scanned
unevictable_pgs_rescued unevictable_pgs_mlocked unevictable_pgs_munlocked unevictable_pgs_cleared
unevictable_pgs_stranded swap_ra swap_ra_hit direct_map_level2_splits direct_map_level3_splits
"""
ZONE_ITEMS = tuple(_ZONE_ITEMS.split())
NODE_ITEMS = tuple(_NODE_ITEMS.split())
LIMITS = ("nr_dirty_threshold", "nr_dirty_background_threshold")
EVENTS = tuple(_EVENTS.split())
NAMES = (*ZONE_ITEMS, *NODE_ITEMS, *LIMITS, *EVENTS, "nr_unstable")


def values(box: Box) -> dict[str, int]:
    """Every figure by name, in the order of the file."""
    found = {name: sum(zone.stat.get(name, 0) for zone in box.pages.zones) for name in ZONE_ITEMS}
    found["nr_free_pages"] = nr_free_pages(box)
    for name in NODE_ITEMS:
        found[name] = box.vmstat[name]
    found["nr_dirty_background_threshold"], found["nr_dirty_threshold"] = dirty_limits(box)
    counted = box.pages.events()
    for name in EVENTS:
        found[name] = box.vmstat[name] + counted.get(name, 0)
    found["nr_unstable"] = 0
    return found


def show(box: Box) -> str:
    figures = values(box)
    return "".join(f"{name} {figures[name]}\n" for name in NAMES)
