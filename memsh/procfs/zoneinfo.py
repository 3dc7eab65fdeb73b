"""/proc/zoneinfo: watermarks, sizes, counters and per-CPU lists of every zone (mm/vmstat.c, zoneinfo_show_print)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.mm.page_alloc.nodestat import node_page_state
from memsh.linux.mm.page_alloc.slowpath import MAX_RECLAIM_RETRIES
from memsh.procfs.vmstat import node_figures, numa_events, numa_items, zone_items

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Zone


def show(box: Box) -> str:
    lines: list[str] = []
    for node in box.pages.nodes:
        first = next((zone for zone in node.zones if zone.present), None)
        for zone in node.zones:
            lines.append(f"Node {node.nid}, zone {zone.name:>8s}\n")
            if zone is first:
                shown = node_figures(box, node_page_state(box, node))
                lines.append("  per-node stats\n")
                lines.extend(f"      {name:<12s} {value}\n" for name, value in shown.items())
            stuck = node.kswapd.failures >= MAX_RECLAIM_RETRIES
            lines.extend(_zone(box, zone, stuck))
    return "".join(lines)


def _zone(box: Box, zone: Zone, unreclaimable: bool) -> list[str]:
    boost = zone.watermark_boost
    reserve = ", ".join(str(pages) for pages in zone.lowmem_reserve)
    lines = [f"  pages free     {zone.nr_free}\n"]
    for name, value in (
        ("boost", boost),
        ("min", zone.wmark_min + boost),
        ("low", zone.wmark_low + boost),
        ("high", zone.wmark_high + boost),
        ("spanned", zone.spanned),
        ("present", zone.present),
        ("managed", zone.managed),
        ("cma", 0),
    ):
        lines.append(f"        {name:<8s} {value}\n")
    lines.append(f"        protection: ({reserve})\n")
    if not zone.present:
        return lines
    lines.append(f"      {'nr_free_pages':<12s} {zone.nr_free}\n")
    lines.extend(f"      {name:<12s} {zone.stat.get(name, 0)}\n" for name in zone_items(box)[1:])
    if numa_items(box):
        lines.extend(f"      {name:<12s} {number}\n" for name, number in numa_events((zone,)).items())
    lines.append("  pagesets\n")
    threshold = zone.threshold
    for cpu in range(box.config.cpus):
        pcp = zone.pcps[cpu]
        lines.append(
            f"    cpu: {cpu}\n              count: {pcp.count}\n              high:  {pcp.high}\n"
            f"              batch: {pcp.batch}\n  vm stats threshold: {threshold}\n"
        )
    lines.append(f"  node_unreclaimable:  {unreclaimable:d}\n  start_pfn:           {zone.start_pfn}\n")
    return lines
