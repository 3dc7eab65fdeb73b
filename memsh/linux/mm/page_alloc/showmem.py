"""The state of memory in the kernel log: `Mem-Info` (mm/page_alloc.c: show_free_areas, warn_alloc; lib/show_mem.c).

Zones above the highest that the request may use are left out (gfp_zone), but for the sums.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.config import cpulist_text
from memsh.linux.include.flags import MAX_ORDER
from memsh.linux.include.kern_levels import KERN_WARNING
from memsh.linux.include.mmzone import Node, Zone
from memsh.linux.lib.dump_stack import dump_stack, requester
from memsh.linux.lib.gfptext import gfp_text
from memsh.linux.mm.page_alloc.available import totalhigh_pages
from memsh.linux.mm.page_alloc.nodestat import node_page_state

if TYPE_CHECKING:
    from collections.abc import Collection

    from memsh.linux.box import Box
    from memsh.linux.mm.hugetlb.hstate import Hstate

MAX_RECLAIM_RETRIES = 16
MAX_NR_ZONES = 5  # more than any zone's index


def gfp_zone(box: Box, gfp: int) -> int:
    """The highest zone of a request, as its place among the node's."""
    return box.arch.gfp_zones[gfp & 15]


def show_mem(box: Box, nodes: Collection[int] | None = None, highest: int = MAX_NR_ZONES) -> None:
    """The whole report, as `echo m > /proc/sysrq-trigger` prints it too; only of these nodes if they are given, and of
    zones up to `highest`."""
    for line in mem_info(box, nodes, highest):
        box.log.printk(line, KERN_WARNING)


def mem_info(box: Box, nodes: Collection[int] | None = None, highest: int = MAX_NR_ZONES) -> list[str]:
    """The report's records. Figures are pages, or kB where they say so; they agree with /proc at this moment. The sums
    are the machine's, nodes and zones only those of `nodes` and up to `highest`."""
    stat = box.vmstat
    zones = [zone for zone in box.pages.zones if zone.present]
    nodes = box.pages.mems if nodes is None else nodes
    shown = [node for node in box.pages.nodes
             if (nodes is None or node.nid in nodes) and any(zone.managed for zone in node.zones[: highest + 1])]
    told = [zone for node in shown for zone in node.zones if zone.present and zone.index <= highest]
    total = {name: sum(zone.stat[name] for zone in zones) for name in ("nr_bounce", "nr_mlock")}
    free = sum(zone.stat_free for zone in zones)
    pcp = sum(cpu.count for zone in told for cpu in zone.pcps)
    sums = [
        f"active_anon:{stat['nr_active_anon']} inactive_anon:{stat['nr_inactive_anon']} "
        f"isolated_anon:{stat['nr_isolated_anon']}",
        f" active_file:{stat['nr_active_file']} inactive_file:{stat['nr_inactive_file']} "
        f"isolated_file:{stat['nr_isolated_file']}",
        f" unevictable:{stat['nr_unevictable']} dirty:{stat['nr_dirty']} writeback:{stat['nr_writeback']}",
        f" slab_reclaimable:{stat['nr_slab_reclaimable']} slab_unreclaimable:{stat['nr_slab_unreclaimable']}",
        f" mapped:{stat['nr_mapped']} shmem:{stat['nr_shmem']} pagetables:{stat['nr_page_table_pages']}",
        f" sec_pagetables:0 bounce:{total['nr_bounce']}",
        f" kernel_misc_reclaimable:{stat['nr_kernel_misc_reclaimable']}",
        f" free:{free} free_pcp:{pcp} free_cma:0",
    ]
    lines = ["Mem-Info:", "\n".join(sums), *(_node(box, node) for node in shown)]
    for zone in told:
        lines += [_named(box, zone) + _zone(zone), "lowmem_reserve[]: " + " ".join(map(str, zone.lowmem_reserve))]
    lines += [_named(box, zone) + _orders(zone) for zone in told]
    if "HUGETLB_PAGE" in box.model.options:
        lines += [_hugepages(node.nid, h) for node in shown for h in box.hugetlb.states.values()]
    swap = box.swap
    lines += [
        f"{stat['nr_file_pages']} total pagecache pages",
        f"{stat['nr_swapcached']} pages in swap cache",
        f"Free swap  = {swap.get_nr_swap_pages() * 4}kB",
        f"Total swap = {swap.total_pages * 4}kB",
        f"{sum(zone.present for zone in zones)} pages RAM",
        f"{totalhigh_pages(box)} pages HighMem/MovableOnly",
        f"{sum(zone.present - zone.managed for zone in zones)} pages reserved",
        *(["0 pages hwpoisoned"] if "MEMORY_FAILURE" in box.model.options else []),
    ]
    return lines


def _named(box: Box, zone: Zone) -> str:
    """`Node 0 ` before a zone's name, on a kernel that has nodes (show_node)."""
    return f"Node {zone.node} " if box.arch.numa else ""


def _hugepages(nid: int, h: Hstate) -> str:
    """The pool of one size (hugetlb_show_meminfo_node)."""
    return (
        f"Node {nid} hugepages_total={h.nr_node[nid]} hugepages_free={len(h.free[nid])} "
        f"hugepages_surp={h.surplus_node[nid]} hugepages_size={h.kb}kB"
    )


def _node(box: Box, node: Node) -> str:
    stat = node_page_state(box, node)

    def kb(name: str) -> int:
        return stat[name] * 4

    huge = ""
    if "TRANSPARENT_HUGEPAGE" in box.model.options:
        huge = (f"shmem_thp: {kb('nr_shmem_hugepages')}kB shmem_pmdmapped: {kb('nr_shmem_pmdmapped')}kB "
                f"anon_thp: {kb('nr_anon_transparent_hugepages')}kB ")  # fmt: skip
    stuck = "yes" if node.kswapd.failures >= MAX_RECLAIM_RETRIES else "no"
    return (
        f"Node {node.nid} active_anon:{kb('nr_active_anon')}kB inactive_anon:{kb('nr_inactive_anon')}kB "
        f"active_file:{kb('nr_active_file')}kB inactive_file:{kb('nr_inactive_file')}kB "
        f"unevictable:{kb('nr_unevictable')}kB isolated(anon):{kb('nr_isolated_anon')}kB "
        f"isolated(file):{kb('nr_isolated_file')}kB mapped:{kb('nr_mapped')}kB dirty:{kb('nr_dirty')}kB "
        f"writeback:{kb('nr_writeback')}kB shmem:{kb('nr_shmem')}kB {huge}writeback_tmp:0kB "
        f"kernel_stack:{stat['nr_kernel_stack']}kB pagetables:{kb('nr_page_table_pages')}kB sec_pagetables:0kB "
        f"all_unreclaimable? {stuck}"
    )


def _zone(zone: Zone) -> str:
    stat, boost = zone.stat, zone.watermark_boost

    def kb(name: str) -> int:
        return stat[name] * 4

    return (
        f"{zone.name} free:{zone.stat_free * 4}kB boost:{boost * 4}kB min:{(zone.wmark_min + boost) * 4}kB "
        f"low:{(zone.wmark_low + boost) * 4}kB high:{(zone.wmark_high + boost) * 4}kB "
        f"reserved_highatomic:{zone.nr_reserved_highatomic * 4}KB active_anon:{kb('nr_zone_active_anon')}kB "
        f"inactive_anon:{kb('nr_zone_inactive_anon')}kB active_file:{kb('nr_zone_active_file')}kB "
        f"inactive_file:{kb('nr_zone_inactive_file')}kB unevictable:{kb('nr_zone_unevictable')}kB "
        f"writepending:{kb('nr_zone_write_pending')}kB present:{zone.present * 4}kB managed:{zone.managed * 4}kB "
        f"mlocked:{kb('nr_mlock')}kB bounce:{kb('nr_bounce')}kB "
        f"free_pcp:{sum(cpu.count for cpu in zone.pcps) * 4}kB local_pcp:{zone.pcp.count * 4}kB free_cma:0kB"
    )


def _orders(zone: Zone) -> str:
    """`DMA: 1*4kB (M) 0*8kB … = 564kB`: free blocks of each order, and of which types."""
    parts = []
    total = 0
    for order in range(MAX_ORDER):
        count = zone.nr_blocks(order)
        total += count << order
        types = "".join(letter for kind, letter in enumerate("UMEH") if zone.lists[order << 2 | kind])
        parts.append(f"{count}*{4 << order}kB" + (f" ({types})" if count else ""))
    return f"{zone.name}: {' '.join(parts)} = {total * 4}kB"


def nodemask_text(nodes: Collection[int] | None) -> str:
    """`(null)`, or the nodes as a list."""
    return "(null)" if nodes is None else cpulist_text(nodes)


def cpuset_text(box: Box) -> str:
    """`,cpuset=/,mems_allowed=0-1` on a kernel with cpusets (cpuset_print_current_mems_allowed)."""
    if "CPUSETS" not in box.model.options:
        return ""
    sets = box.cgroups.cpusets
    cpuset = sets.root if box.current is None else sets.of_task(box.current)
    nodes = [node.nid for node in box.pages.nodes if cpuset.effective_mems >> node.nid & 1]
    return f",cpuset={cpuset.cgroup.name or '/'},mems_allowed={cpulist_text(nodes)}"


def warn_alloc(box: Box, gfp: int, words: str, head: str, via: str) -> None:
    """The report of an allocation that failed for good: `words` say which, `head` and `via` where (Traces)."""
    text = f"{box.current.comm}: {words}, mode:{gfp:#x}({gfp_text(gfp)}), nodemask=(null){cpuset_text(box)}"
    box.log.printk(text, KERN_WARNING)
    dump_stack(box, head, requester(box, gfp, via))
    show_mem(box, None, gfp_zone(box, gfp))
