"""The state of memory in the kernel log: `Mem-Info` (mm/page_alloc.c: show_free_areas, warn_alloc; lib/show_mem.c).

Known deviations: the call trace names the way that a page fault takes, on anonymous memory or on a file, or only the
allocator's own functions; its offsets are those of the recorded kernel. Registers that memsh does not model read as 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.config import cpulist_text
from memsh.linux.include.flags import GFP_NAMES, MAX_ORDER
from memsh.linux.include.mmzone import Node, Zone
from memsh.linux.lib.gfptext import gfp_text
from memsh.linux.mm.page_alloc.available import totalhigh_pages
from memsh.linux.mm.page_alloc.nodestat import node_page_state

if TYPE_CHECKING:
    from collections.abc import Collection

    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task
    from memsh.linux.mm.hugetlb.hstate import Hstate

KERN_WARNING = 4
MAX_RECLAIM_RETRIES = 16
HARDWARE = "QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2-debian-1.16.2-1 04/01/2014"
_DUMP = (" dump_stack_lvl+0x32/0x41", " dump_stack+0xd/0x10")
_OOM = (*_DUMP, " dump_header+0x41/0x29b", " oom_kill_process.cold+0x9/0x35", " out_of_memory+0x2a7/0x3c0",
        " __alloc_pages+0xa38/0xb90")  # fmt: skip
_MOOM = (*_OOM[:-1], " moom_callback+0x41/0x60", " process_one_work+0x177/0x2b0", " worker_thread+0x3f/0x400",
         " kthread+0xb7/0xe0", " ret_from_fork+0x19/0x24")  # fmt: skip
_WARN = (*_DUMP, " warn_alloc.cold+0x68/0xc2", " __alloc_pages+0xa91/0xb90")
_ANON_FAULT = (" __folio_alloc+0x19/0x20", " handle_mm_fault+0x790/0xa70")
_FILE_FAULT = (" __folio_alloc+0x19/0x20", " __filemap_get_folio+0x143/0x320", " filemap_fault+0x186/0x6e0",
               " __do_fault+0x28/0x90", " handle_mm_fault+0x70d/0xa70")  # fmt: skip
_USER = (" exc_page_fault+0x188/0x3f0", " handle_exception+0x130/0x130")
__GFP_ZERO, __GFP_HARDWALL = GFP_NAMES["__GFP_ZERO"], GFP_NAMES["__GFP_HARDWALL"]


def dump_stack(box: Box, gfp: int, *, oom: bool, worker: Task | None = None) -> None:
    """Who was running, and where: the head of every report. `worker`: a thread of the kernel, on a person's request."""
    from memsh.linux.arch.x86.setup import UTS_RELEASE

    task = worker or box.current
    lines = [f"CPU: {task.cpu} PID: {task.pid} Comm: {task.comm} Not tainted {UTS_RELEASE} #4 ",
             f"Hardware name: {HARDWARE}", *(["Workqueue: events moom_callback"] if worker is not None else []),
             "Call Trace:"]  # fmt: skip
    lines += _MOOM if worker is not None else _OOM if oom else _WARN
    if gfp & __GFP_HARDWALL and task.mm is not None:  # on behalf of user space
        lines += [*(_ANON_FAULT if gfp & __GFP_ZERO else _FILE_FAULT), *_USER]
        lines += _registers(box)
    for line in lines:
        box.log.printk(line, KERN_WARNING)


def _registers(box: Box) -> list[str]:
    from memsh.linux.arch.x86.program import instruction
    from memsh.linux.kernel.signal import opcodes

    task = box.current
    ip = instruction(box, task, True)
    return [
        f"EIP: 0x{ip:x}",
        f"Code: {opcodes(box, task, ip)}",
        "EAX: 00000000 EBX: 00000000 ECX: 00000000 EDX: 00000000",
        f"ESI: 00000000 EDI: 00000000 EBP: 00000000 ESP: {task.sp:08x}",
        "DS: 007b ES: 007b FS: 0000 GS: 0033 SS: 007b EFLAGS: 00000286",
    ]


def show_mem(box: Box, nodes: Collection[int] | None = None) -> None:
    """The whole report, as `echo m > /proc/sysrq-trigger` prints it too; only of these nodes if they are given."""
    for line in mem_info(box, nodes):
        box.log.printk(line, KERN_WARNING)


def mem_info(box: Box, nodes: Collection[int] | None = None) -> list[str]:
    """The report's lines. Figures are pages, or kB where they say so; they agree with /proc at this moment. The sums
    are the machine's, nodes and zones only those of `nodes`."""
    stat = box.vmstat
    zones = [zone for zone in box.pages.zones if zone.present]
    shown = [node for node in box.pages.nodes if nodes is None or node.nid in nodes]
    total = {name: sum(zone.stat[name] for zone in zones) for name in ("nr_bounce", "nr_mlock")}
    free = sum(zone.stat_free for zone in zones)
    pcp = sum(cpu.count for zone in zones for cpu in zone.pcps)
    lines = [
        "Mem-Info:",
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
        *(_node(box, node) for node in shown),
    ]
    told = [zone for node in shown for zone in node.zones if zone.present]
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
    return f",cpuset=/,mems_allowed={cpulist_text(node.nid for node in box.pages.nodes)}"


def warn_alloc(box: Box, gfp: int, words: str) -> None:
    """The report of an allocation that failed for good: `words` say which."""
    text = f"{box.current.comm}: {words}, mode:{gfp:#x}({gfp_text(gfp)}), nodemask=(null){cpuset_text(box)}"
    box.log.printk(text, KERN_WARNING)
    dump_stack(box, gfp, oom=False)
    show_mem(box)
