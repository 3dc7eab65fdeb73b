"""Giving back a node's own page cache before memory is taken from another (mm/vmscan.c: node_reclaim).

vm.zone_reclaim_mode switches it on: an allocation that finds the zones of its node short of the low watermark reclaims
there first. Unmapped, clean page cache goes; bit 1 lets it write pages, bit 2 take mapped ones. What
vm.min_unmapped_ratio of the node's memory says is left to the cache, and vm.min_slab_ratio to reclaimable slab.

Known deviations: none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.mm.page_alloc.nodestat import node_pages
from memsh.linux.mm.vmscan.scan import SWAP_CLUSTER_MAX, ScanControl
from memsh.linux.mm.vmscan.vmscan import shrink_node

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Node

RECLAIM_WRITE, RECLAIM_UNMAP = 2, 4
NODE_RECLAIM_PRIORITY = 4
_DIRECT_RECLAIM = 0x400


def _has_enough(box: Box, node: Node) -> bool:
    """Whether there is page cache, or slab, above what is left alone."""
    values = box.sysctl.values
    least = sum(zone.managed * values["vm.min_unmapped_ratio"] // 100 for zone in node.zones)
    if _pagecache_reclaimable(box, node) > least:
        return True
    return node_pages(box, node, "nr_slab_reclaimable") > sum(
        zone.managed * values["vm.min_slab_ratio"] // 100 for zone in node.zones
    )


def _pagecache_reclaimable(box: Box, node: Node) -> int:
    """Pages of the cache that may go under the mode (node_pagecache_reclaimable)."""
    mode = box.sysctl.values["vm.zone_reclaim_mode"]
    if mode & RECLAIM_UNMAP:
        pages = node_pages(box, node, "nr_file_pages")
    else:
        listed = sum(zone.stat["nr_zone_inactive_file"] + zone.stat["nr_zone_active_file"] for zone in node.zones)
        pages = max(0, listed - node_pages(box, node, "nr_mapped"))
    return pages if mode & RECLAIM_WRITE else max(0, pages - node_pages(box, node, "nr_dirty"))


def node_reclaim(box: Box, node: Node, gfp: int, order: int) -> bool:
    """Reclaim on the node for a block of this order; whether it may have been worth it, so that one should look
    again."""
    pages = box.pages
    if not _has_enough(box, node) or not gfp & _DIRECT_RECLAIM or pages.memalloc:
        return False
    if node.cpus and node.nid != pages.node:
        return False
    mode = box.sysctl.values["vm.zone_reclaim_mode"]
    sc = ScanControl(box, order, gfp)
    sc.nr_to_reclaim = max(1 << order, SWAP_CLUSTER_MAX)
    sc.priority = NODE_RECLAIM_PRIORITY
    sc.may_writepage = bool(mode & RECLAIM_WRITE)
    sc.may_unmap = bool(mode & RECLAIM_UNMAP)
    sc.reclaim_idx = box.arch.gfp_zones[gfp & 0xF]
    if box.trace.on:
        box.trace.emit("mm_vmscan_node_reclaim_begin", node.nid, order, gfp)
    pages.memalloc += 1
    try:
        while sc.priority >= 0 and sc.nr_reclaimed < 1 << order:
            shrink_node(sc, node)
            sc.priority -= 1
    finally:
        pages.memalloc -= 1
    if box.trace.on:
        box.trace.emit("mm_vmscan_node_reclaim_end", sc.nr_reclaimed)
    if sc.nr_reclaimed < 1 << order:
        box.vmstat["zone_reclaim_failed"] += 1
    return True
