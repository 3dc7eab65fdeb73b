"""Reclaim as others call it (mm/vmscan.c)."""

from memsh.linux.include.reclaim import ReclaimOperations
from memsh.linux.mm.vmscan.kswapd import wake_all_kswapds
from memsh.linux.mm.vmscan.node_reclaim import node_reclaim
from memsh.linux.mm.vmscan.reclaimable import zone_reclaimable_pages
from memsh.linux.mm.vmscan.vmscan import try_to_free_mem_cgroup_pages, try_to_free_pages

RECLAIM = ReclaimOperations(
    wake_all_kswapds=wake_all_kswapds,
    try_to_free_pages=try_to_free_pages,
    try_to_free_mem_cgroup_pages=try_to_free_mem_cgroup_pages,
    node_reclaim=node_reclaim,
    zone_reclaimable_pages=zone_reclaimable_pages,
)
