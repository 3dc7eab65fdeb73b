"""/proc/PID/numa_maps: on which nodes the pages of each area lie, and the area's policy (fs/proc/task_mmu.c,
show_numa_map).

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.arch.x86.paging import mapped_pieces
from memsh.linux.include.flags import PTE_DIRTY, VM_HUGETLB, VM_PFNMAP
from memsh.linux.include.memmap import (
    PG_ACTIVE,
    PG_ANON,
    PG_DIRTY,
    PG_RESERVED,
    PG_SWAPCACHE,
    PG_UNEVICTABLE,
    PG_WRITEBACK,
)
from memsh.linux.lib.entries import page_runs
from memsh.linux.mm.huge_memory.huge import compound_head, is_huge_zero
from memsh.linux.mm.hugetlb.table import huge_ptes
from memsh.linux.mm.mempolicy import policy_text
from memsh.linux.mm.mmap.vmalist import vma_kernel_pagesize
from memsh.linux.mm.page_alloc.policy import get_vma_policy
from memsh.procfs.pid_maps import area_name
from memsh.procfs.seq_file import mangle_path

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct, VmArea
    from memsh.linux.include.sched import Task


class Counted(NamedTuple):
    """struct numa_maps; `nodes` has pages by node."""

    pages: int
    anon: int
    dirty: int
    mapmax: int
    swapcache: int
    active: int
    writeback: int
    nodes: dict[int, int]


def gather_stats(box: Box, mm: MmStruct, vma: VmArea) -> Counted:
    """Count the pages that the area maps; the zero page and the kernel's own are none."""
    memmap = box.memmap
    flags, mapcount, zone_of = memmap.flags, memmap.mapcount, box.pages.zone_of
    pages = anon = dirty = mapmax = swapcache = active = writeback = 0
    nodes: dict[int, int] = {}
    pieces = [] if vma.flags & VM_PFNMAP else mapped_pieces(mm, vma.start, vma.end)
    for _, table, first, stop in pieces:
        for offset, count, start in page_runs(table.ptes, first, stop, box.vm.zero_pfn):
            for at in range(count):
                pfn = start + at
                bits = flags[compound_head(box, pfn)]
                if bits & PG_RESERVED:
                    continue
                pages += 1
                dirty += bool(table.ptes[offset + at] & PTE_DIRTY or bits & PG_DIRTY)
                anon += bool(bits & PG_ANON)
                swapcache += bool(bits & PG_SWAPCACHE)
                active += bool(bits & (PG_ACTIVE | PG_UNEVICTABLE))
                writeback += bool(bits & PG_WRITEBACK)
                mapmax = max(mapmax, mapcount[pfn])
                node = zone_of(pfn).node
                nodes[node] = nodes.get(node, 0) + 1
    if vma.flags & VM_HUGETLB:
        for entry in huge_ptes(box, vma):
            pfn = entry >> 12
            pages += 1
            dirty += bool(entry & PTE_DIRTY or flags[pfn] & PG_DIRTY)
            anon += bool(flags[pfn] & PG_ANON)
            mapmax = max(mapmax, mapcount[pfn])
            node = zone_of(pfn).node
            nodes[node] = nodes.get(node, 0) + 1
    many = mm.table_mask + 1
    for number in sorted(n for n in mm.huge if vma.start >> mm.table_shift <= n < vma.end >> mm.table_shift):
        entry = mm.huge[number].entry
        if is_huge_zero(box, entry):
            continue
        pfn = entry >> 12
        bits = flags[pfn]
        pages += many
        anon += many * bool(bits & PG_ANON)
        dirty += many * bool(entry & PTE_DIRTY or bits & PG_DIRTY)
        active += many * bool(bits & (PG_ACTIVE | PG_UNEVICTABLE))
        mapmax = max(mapmax, mapcount[pfn])
        node = zone_of(pfn).node
        nodes[node] = nodes.get(node, 0) + many
    return Counted(pages, anon, dirty, mapmax, swapcache, active, writeback, nodes)


def _line(box: Box, task: Task, mm: MmStruct, vma: VmArea) -> str:
    words = [f"{vma.start:08x} {policy_text(get_vma_policy(vma, vma.start) or task.mempolicy)}"]
    name = area_name(mm, vma)
    if vma.file is not None:
        words.append("file=" + mangle_path(name, "\n\t= "))
    elif name in ("[heap]", "[stack]"):
        words.append(name[1:-1])
    page = vma_kernel_pagesize(box, vma)
    if vma.flags & VM_HUGETLB:
        words.append("huge")
    found = gather_stats(box, mm, vma)
    if found.pages:
        if found.anon:
            words.append(f"anon={found.anon}")
        if found.dirty:
            words.append(f"dirty={found.dirty}")
        if found.pages not in (found.anon, found.dirty):
            words.append(f"mapped={found.pages}")
        if found.mapmax > 1:
            words.append(f"mapmax={found.mapmax}")
        if found.swapcache:
            words.append(f"swapcache={found.swapcache}")
        if found.active < found.pages and page == 4096:
            words.append(f"active={found.active}")
        if found.writeback:
            words.append(f"writeback={found.writeback}")
        words += [f"N{node}={count}" for node, count in sorted(found.nodes.items())]
        words.append(f"kernelpagesize_kB={page >> 10}")
    return " ".join(words) + "\n"


def show_numa_maps(box: Box, task: Task) -> str:
    """/proc/PID/numa_maps; empty for a kernel thread or a zombie."""
    mm = task.mm
    return "".join(_line(box, task, mm, vma) for vma in mm.mmap) if mm is not None else ""
