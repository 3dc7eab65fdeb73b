"""memory.stat and memory.numa_stat: what a group's memory is (mm/memcontrol.c, memory_stats[]).

What a page counts as is written in its flags; the pages of a group are looked up in the memory map, stretches of equal
ones at once. Events, the kernel's pages and bytes of objects are counted as they happen (MemCgroup.stat). The root's
numbers are the machine's; of kernel memory it shows what the groups have.

Known deviations: nothing lags; sock and zswap are 0; file_dirty of what only a page-table entry knows is told late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.lruvec import LISTS
from memsh.linux.include.memmap import (
    K_ANON,
    K_FILE,
    K_KMALLOC,
    K_SHMEM,
    K_STACK,
    K_TABLE,
    K_VMALLOC,
    PG_ANON,
    PG_DIRTY,
    PG_HUGE,
    PG_KMEMCG,
    PG_SWAPCACHE,
    PG_WRITEBACK,
)
from memsh.linux.include.vmstat import VmStat
from memsh.linux.lib.columns import sub_runs
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR
from memsh.linux.mm.huge_memory.pages import entire_mappings

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import MemCgroup

ITEMS = (
    "anon", "file", "kernel", "kernel_stack", "pagetables", "sec_pagetables", "percpu", "sock", "vmalloc", "shmem",
    "zswap", "zswapped", "file_mapped", "file_dirty", "file_writeback", "swapcached", "anon_thp", "file_thp",
    "shmem_thp",
    "inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable", "slab_reclaimable",
    "slab_unreclaimable", "slab", "workingset_refault_anon", "workingset_refault_file", "workingset_activate_anon",
    "workingset_activate_file", "workingset_restore_anon", "workingset_restore_file", "workingset_nodereclaim",
)  # fmt: skip
EVENT_ITEMS = (
    "pgscan_kswapd", "pgscan_direct", "pgsteal_kswapd", "pgsteal_direct", "pgfault", "pgmajfault", "pgrefill",
    "pgactivate", "pgdeactivate", "pglazyfree", "pglazyfreed", "zswpin", "zswpout", "thp_fault_alloc",
    "thp_collapse_alloc",
)  # fmt: skip
_NOT_RECLAIM = ("pgfault", "pgmajfault", "pgactivate", "pglazyfree", "pglazyfreed", "thp_fault_alloc",
                "thp_collapse_alloc")  # fmt: skip
NOT_BY_NODE = ("kernel", "percpu", "sock", "vmalloc", "zswap", "zswapped", "slab")
_MACHINE = {  # the root's, as /proc/vmstat has them
    "anon": "nr_anon_pages", "shmem": "nr_shmem", "file_mapped": "nr_mapped", "file_dirty": "nr_dirty",
    "file_writeback": "nr_writeback", "swapcached": "nr_swapcached", "anon_thp": "nr_anon_transparent_hugepages",
    "shmem_thp": "nr_shmem_hugepages",
    **{name: "nr_" + name for name in LISTS},
}  # fmt: skip


def memory_stat(box: Box, memcg: MemCgroup, node: int | None = None) -> dict[str, int]:
    """Every item and event of the group and those below it, by name: bytes, or how often; of `node` if it is named."""
    members = list(memcg.tree())
    stat = VmStat()
    for member in members:
        for name, count in member.stat.items():
            stat[name] += count
    stat["kernel"] *= 4096
    pages = _machine(box) if memcg.parent is None and node is None else VmStat()
    for name, count in count_pages(box, members, node, kernel_only=bool(pages)).items():
        pages[name] += count
    for name, count in pages.items():
        stat[name] += count * 4096
    stat["slab"] = stat["slab_reclaimable"] + stat["slab_unreclaimable"]
    if memcg.parent is None:
        for name in _NOT_RECLAIM:
            stat[name] = box.vmstat[name]
    return {name: stat[name] for name in (*ITEMS, *EVENT_ITEMS)}


def _machine(box: Box) -> VmStat:
    vmstat = box.vmstat
    found = VmStat({name: vmstat[item] for name, item in _MACHINE.items()})
    found["file"] = vmstat["nr_file_pages"] - vmstat["nr_swapcached"]
    return found


def count_pages(box: Box, members: list[MemCgroup], node: int | None, *, kernel_only: bool = False) -> VmStat:
    """Pages of these groups by item."""
    memmap = box.memmap
    own = {memcg.number for memcg in members}
    inside = set(members)
    paid = {number for number, objcg in box.memcg.obj_cgroups.items() if objcg.payer in inside}
    wanted = own | paid
    found = VmStat()
    if not box.pages.charged and not any(objcg.blocks for objcg in box.memcg.obj_cgroups.values()):
        return found
    for low, high in memmap.used_sections():
        part = memmap.memcg[low:high].tobytes()
        if part.count(0) == len(part):
            continue
        for first, count, number in sub_runs(memmap.memcg, low, high - low):
            if number not in wanted:
                continue
            for pfn, n, flags in sub_runs(memmap.flags, first, count):
                if node is not None and box.pages.zone_of(pfn).node != node:
                    continue
                if flags & PG_KMEMCG:
                    if number in paid:
                        for frame in range(pfn, pfn + n):
                            _kernel_block(box, found, frame)
                elif number in own and not kernel_only:
                    _user_pages(box, found, pfn, n, flags)
    if not kernel_only:
        for zone_node in box.pages.nodes:
            if node is None or zone_node.nid == node:
                for lruvec in [zone_node.lruvecs[number] for number in own]:
                    for name in LISTS:
                        found[name] += sum(lruvec.sizes[name])
    return found


def _kernel_block(box: Box, found: VmStat, pfn: int) -> None:
    kind, pages = box.memmap.kind[pfn], 1 << box.memmap.order[pfn]
    if kind == K_TABLE:
        found["pagetables"] += pages
    elif kind == K_STACK:
        found["kernel_stack"] += pages
    elif kind == K_VMALLOC:
        found["vmalloc"] += pages
    elif kind == K_KMALLOC:
        found["slab_unreclaimable"] += pages


def _user_pages(box: Box, found: VmStat, pfn: int, count: int, flags: int) -> None:
    """`count` frames with the same flags."""
    memmap = box.memmap
    kind = memmap.kind[pfn]
    if flags & PG_SWAPCACHE:
        found["swapcached"] += count
    if flags & PG_WRITEBACK:
        found["file_writeback"] += count
    if flags & PG_ANON:
        mapped = sum(n for _, n, value in sub_runs(memmap.mapcount, pfn, count) if value)
        found["anon"] += mapped
        if flags & PG_HUGE:  # what is mapped in parts alone is no huge page to this counter
            heads = range(-(-pfn // HPAGE_PMD_NR) * HPAGE_PMD_NR, pfn + count, HPAGE_PMD_NR)
            found["anon_thp"] += HPAGE_PMD_NR * sum(bool(entire_mappings(box, head)) for head in heads)
        return
    if kind not in (K_FILE, K_SHMEM) or flags & PG_SWAPCACHE or kind == K_ANON:
        return
    found["file"] += count
    found["shmem"] += count * (kind == K_SHMEM)
    found["shmem_thp"] += count * bool(flags & PG_HUGE)
    found["file_mapped"] += sum(n for _, n, value in sub_runs(memmap.mapcount, pfn, count) if value)
    if flags & PG_DIRTY and kind == K_FILE:
        found["file_dirty"] += count


def stat_lines(box: Box, memcg: MemCgroup) -> list[str]:
    """memory.stat, line by line."""
    stat = memory_stat(box, memcg)
    scanned = {name: stat[f"{name}_kswapd"] + stat[f"{name}_direct"] for name in ("pgscan", "pgsteal")}
    return [f"{name} {count}" for name, count in {**{item: stat[item] for item in ITEMS}, **scanned,
                                                  **{item: stat[item] for item in EVENT_ITEMS}}.items()]  # fmt: skip


def numa_lines(box: Box, memcg: MemCgroup) -> list[str]:
    """memory.numa_stat: what stands in memory.stat, for each node."""
    nodes = box.pages.nodes
    whole = memory_stat(box, memcg)
    parts = [memory_stat(box, memcg, node.nid) if len(nodes) > 1 else whole for node in nodes]
    lines = []
    for name in ITEMS:
        if name not in NOT_BY_NODE:
            values = [part[name] for part in parts]
            if name.startswith(("workingset_", "slab_")):
                values = [whole[name], *[0] * (len(nodes) - 1)]
            lines.append(name + "".join(f" N{node.nid}={value}" for node, value in zip(nodes, values, strict=True)))
    return lines
