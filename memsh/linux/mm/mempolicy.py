"""NUMA memory policies: which node a page comes from, and moving pages to where they should be (mm/mempolicy.c,
mm/migrate.c: do_pages_move).

A process has a policy, and so may each of its areas; an area's counts for its pages only. Kernel memory follows the
process's own. A policy of an area of shared memory is the object's, too (shmem/shmem_policy.py).

Known deviations: no MPOL_F_STATIC_NODES and its kin; no automatic balancing (kernel.numa_balancing keeps its value).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import mapped_pieces, pte_of
from memsh.linux.config import cpulist_text
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_FOLIO, GFP_NAMES, GFP_TRANSHUGE, PTE_GLOBAL, PTE_PRESENT, VM_IO, VM_PFNMAP
from memsh.linux.include.memmap import K_ANON, PG_HUGE, PG_LRU, PG_RESERVED
from memsh.linux.include.mempolicy import (
    MPOL_BIND,
    MPOL_DEFAULT,
    MPOL_INTERLEAVE,
    MPOL_LOCAL,
    MPOL_MF_MOVE,
    MPOL_MF_STRICT,
    MPOL_PREFERRED,
    MPOL_PREFERRED_MANY,
    SHOWN,
    Policy,
)
from memsh.linux.lib.entries import page_runs
from memsh.linux.mm.compaction.migrate import MIGRATE_SYNC, isolate_page, migrate_pages
from memsh.linux.mm.huge_memory.huge import (
    HPAGE_PMD_NR,
    HPAGE_PMD_ORDER,
    PMD_SHIFT,
    compound_head,
    is_huge_zero,
)
from memsh.linux.mm.huge_memory.migrate import migrate_huge_page
from memsh.linux.mm.huge_memory.pages import entire_mappings
from memsh.linux.mm.huge_memory.split import split_huge_page
from memsh.linux.mm.hugetlb.hstate import page_head
from memsh.linux.mm.hugetlb.migrate import by_policy, move_huge_pages, to_node
from memsh.linux.mm.lru import lru_add_drain
from memsh.linux.mm.mmap.vmalist import find_vma, find_vma_prev
from memsh.linux.mm.mmap.vmamerge import vma_modify
from memsh.linux.mm.page_alloc.policy import alloc_hugepage_vma, alloc_pages_policy, huge_place
from memsh.linux.mm.rmap.rmap import page_mappings

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct, VmArea
    from memsh.linux.include.sched import Task

ENOENT, EACCES, EFAULT, EBUSY = -2, -13, -14, -16
MAX_PAGES = 1 << 24  # of the list that a program hands to move_pages: 24 bytes each
_THISNODE = GFP_NAMES["__GFP_THISNODE"]


def mpol_new(box: Box, mode: int, nodes: Iterable[int]) -> Policy | None:
    """The policy that a system call asks for, None for the default one; EINVAL (mpol_new, mpol_set_nodemask)."""
    wanted = sorted(set(nodes))
    if not MPOL_DEFAULT <= mode <= MPOL_PREFERRED_MANY:
        raise KernelError("EINVAL", f"there is no policy mode {mode}")
    if mode == MPOL_DEFAULT:
        if wanted:
            raise KernelError("EINVAL", "the default policy takes no nodes")
        return None
    if mode == MPOL_LOCAL or (mode == MPOL_PREFERRED and not wanted):
        if wanted:
            raise KernelError("EINVAL", "the local policy takes no nodes")
        return Policy(MPOL_LOCAL)
    mems = box.pages.mems
    there = tuple(nid for nid in wanted if nid < len(box.pages.nodes) and box.pages.nodes[nid].present and
                  (mems is None or nid in mems))  # fmt: skip
    if not there:
        raise KernelError("EINVAL", "none of these nodes has memory" if wanted else "this policy needs nodes")
    return Policy(mode, there[:1] if mode == MPOL_PREFERRED else there)


def policy_text(policy: Policy | None) -> str:
    """As numa_maps shows it (mpol_to_str)."""
    if policy is None:
        return SHOWN[MPOL_DEFAULT]
    return SHOWN[policy.mode] + (":" + cpulist_text(policy.nodes) if policy.nodes else "")


def do_set_mempolicy(box: Box, task: Task, mode: int, nodes: Iterable[int]) -> None:
    """Give a process a policy for what it allocates from now on. EINVAL."""
    box.changes += 1
    task.mempolicy = mpol_new(box, mode, nodes)
    task.il_prev = -1
    if task is box.current:
        box.pages.set_policy(task.mempolicy)


def mpol_rebind_policy(policy: Policy | None, old: Sequence[int], new: Sequence[int]) -> Policy | None:
    """The policy where its cpuset's nodes were `old` and are `new`: each node becomes the one at the same place."""
    if policy is None or policy.mode not in (MPOL_BIND, MPOL_INTERLEAVE):
        return policy
    nodes = {new[old.index(nid) % len(new)] if nid in old else nid for nid in policy.nodes}
    return Policy(policy.mode, tuple(sorted(nodes)))


def mpol_rebind_mm(mm: MmStruct, old: Sequence[int], new: Sequence[int]) -> None:
    """The policies of all areas."""
    for vma in mm.mmap:
        vma.policy = mpol_rebind_policy(vma.policy, old, new)


# -- ranges of an address space ------------------------------------------------------------------------------------


def _areas(mm: MmStruct, start: int, end: int) -> Iterator[VmArea]:
    """The areas of [start, end); EFAULT at a hole."""
    at = start
    while at < end:
        vma = find_vma(mm, at)
        if vma is None or vma.start > at:
            raise KernelError("EFAULT", "a hole in the range")
        yield vma
        at = vma.end


def _pages(box: Box, mm: MmStruct, start: int, end: int) -> Iterator[int]:
    """Frames that small entries map in [start, end), but for the zero page and the kernel's own, as in a vDSO
    (queue_pages_pte_range)."""
    flags = box.memmap.flags
    for _, table, first, stop in mapped_pieces(mm, start, end):
        for _, count, pfn in page_runs(table.ptes, first, stop, box.vm.zero_pfn):
            yield from (frame for frame in range(pfn, pfn + count) if not flags[frame] & PG_RESERVED)


class Queue:
    """Pages that are to move: `small` ones, off their lists; heads of `huge` ones; how many are `stuck` where they are
    (queue_pages_range)."""

    def __init__(self) -> None:
        self.small: list[int] = []
        self.huge: dict[int, None] = {}
        self.stuck = 0


def queue_pages(
    box: Box, mm: MmStruct, start: int, end: int, wrong: Callable[[int], bool], *, shared: bool = False
) -> Queue:  # fmt: skip
    """The pages that [start, end) maps and that are on a node that is `wrong`; those that others map too only if
    `shared` (MPOL_MF_MOVE_ALL). A huge page that is mapped in parts moves as one, too."""
    queue = Queue()
    zone_of, flags, mapcount = box.pages.zone_of, box.memmap.flags, box.memmap.mapcount
    for number in sorted(n for n in mm.huge if n << PMD_SHIFT < end and n + 1 << PMD_SHIFT > start):
        head = mm.huge[number].entry >> 12
        if is_huge_zero(box, mm.huge[number].entry) or not wrong(zone_of(head).node):
            continue
        if shared or mapcount[head] == 1:
            queue.huge[head] = None
    for pfn in list(dict.fromkeys(_pages(box, mm, start, end))):
        if not wrong(zone_of(pfn).node):
            continue
        huge = flags[pfn] & PG_HUGE
        head = compound_head(box, pfn) if huge else pfn
        if mapcount[head] != 1 and not shared:
            continue
        if huge:
            queue.stuck += head in queue.huge  # it is off its list by now
            queue.huge[head] = None
        elif flags[pfn] & PG_LRU:
            isolate_page(box, pfn)
            queue.small.append(pfn)
        else:
            queue.stuck += 1
    return queue


def _migrate(
    box: Box, queue: Queue, get_new: Callable[[int], int], get_huge: Callable[[int], int]
) -> int:  # fmt: skip
    """Move pages to what `get_new` and, for huge ones, `get_huge` yield for them, 0 for nothing; a huge page that
    cannot move is split, and moves in parts. How many could not."""
    small = queue.small
    for head in queue.huge:
        dst = get_huge(head)
        if dst and migrate_huge_page(box, head, dst):
            continue
        if dst:
            box.pages.free_pages(dst, HPAGE_PMD_ORDER)
        split_huge_page(box, head)
        for pfn in range(head, head + HPAGE_PMD_NR):
            if box.memmap.flags[pfn] & PG_LRU:
                isolate_page(box, pfn)
                small.append(pfn)
    put = partial(box.pages.free_pages, order=0)
    return len(migrate_pages(box, small, get_new, put, MIGRATE_SYNC)[0])


def _on_node(box: Box, nid: int) -> tuple[Callable[[int], int], Callable[[int], int]]:
    """Where pages that go to a node come from: small ones, huge ones."""
    alloc = box.pages.alloc_pages_node
    return (lambda _: alloc(GFP_FOLIO | _THISNODE, 0, nid, K_ANON),
            lambda _: alloc(GFP_TRANSHUGE | _THISNODE, HPAGE_PMD_ORDER, nid, K_ANON))  # fmt: skip


def do_mbind(box: Box, mm: MmStruct, start: int, length: int, mode: int, nodes: Iterable[int], flags: int = 0) -> None:
    """Give a range a policy, and with MPOL_MF_MOVE bring its pages there. EINVAL, EFAULT (a hole), EIO (pages that lie
    elsewhere and stay, with MPOL_MF_STRICT), ENOMEM."""
    box.changes += 1
    policy = mpol_new(box, mode, nodes)
    if start & 4095 or flags & ~(MPOL_MF_STRICT | MPOL_MF_MOVE) or length < 0:
        raise KernelError("EINVAL")
    end = start + (length + 4095 & ~4095)
    if end == start:
        return
    allowed = set(policy.nodes) if policy is not None else set()
    if mode == MPOL_DEFAULT:
        flags &= ~MPOL_MF_STRICT
    areas = list(_areas(mm, start, end))

    def wrong(node: int) -> bool:
        return bool(allowed) and node not in allowed

    if flags & MPOL_MF_STRICT and not flags & MPOL_MF_MOVE:
        zone_of = box.pages.zone_of
        heads = (mm.huge[n].entry >> 12 for n in mm.huge if n << PMD_SHIFT < end and n + 1 << PMD_SHIFT > start)
        if any(wrong(zone_of(pfn).node) for pfn in (*heads, *_pages(box, mm, start, end))):
            raise KernelError("EIO", "pages of the range lie on other nodes")
    queue = None
    if flags & MPOL_MF_MOVE and policy is not None:  # before the areas' new bounds cut entries of 2 MiB
        lru_add_drain(box)
        queue = queue_pages(box, mm, start, end, wrong)
    for vma in areas:
        _set_area_policy(box, mm, max(start, vma.start), min(end, vma.end), policy)
    if queue is not None and policy is not None:
        stay = move_huge_pages(box, mm, start, end, wrong, by_policy(box)) if mm.hugetlb else 0
        failed = _migrate(
            box, queue, lambda pfn: alloc_pages_policy(box.pages, policy, GFP_FOLIO, 0, K_ANON, box.memmap.index[pfn]),
            lambda head: alloc_hugepage_vma(box.pages, policy, GFP_TRANSHUGE, HPAGE_PMD_ORDER, K_ANON,
                                            _place(box, mm, head)))  # fmt: skip
        if flags & MPOL_MF_STRICT and (failed or queue.stuck or stay):
            raise KernelError("EIO", "pages of the range lie on other nodes and cannot be moved")


def _place(box: Box, mm: MmStruct, head: int) -> int:
    """The number of a huge page in its area, by which its node is chosen when interleaving."""
    whole = [(vma, number << PMD_SHIFT) for vma, number in entire_mappings(box, head)]
    for vma, addr in whole or page_mappings(box, head):
        if vma.mm is mm:
            return huge_place(vma, addr)
    return int(box.memmap.index[head]) >> HPAGE_PMD_ORDER


def _set_area_policy(box: Box, mm: MmStruct, start: int, end: int, policy: Policy | None) -> None:
    """The part of an area in [start, end) gets the policy; it is split off or merged as needed (mbind_range)."""
    vma = find_vma(mm, start)
    assert vma is not None
    if vma.policy == policy:
        return
    prev = vma if start > vma.start else find_vma_prev(mm, start)[1]
    vma = vma_modify(box, mm, vma, prev, start, end, vma.flags, policy)
    if vma.vm_ops is not None and vma.vm_ops.set_policy is not None:
        vma.vm_ops.set_policy(vma, policy)
    vma.policy = policy


def node_of(box: Box, mm: MmStruct, addr: int) -> int:
    """The node of the page at an address; a negative errno if there is none (do_pages_stat, follow_page).

    EFAULT outside of the areas, for pages of zeros and where there would be one at a touch; ENOENT for what is not in
    memory.
    """
    vma = find_vma(mm, addr)
    if vma is None or vma.start > addr:
        return EFAULT
    pte = pte_of(mm, addr)
    if not pte:
        return EFAULT if vma.vm_ops is None or vma.vm_ops.fault is None else ENOENT
    if not pte & (PTE_PRESENT | PTE_GLOBAL):
        return ENOENT
    pfn = pte >> 12
    zeros = box.thp.zero_pfn
    if pfn == box.vm.zero_pfn or (zeros and zeros <= pfn < zeros + HPAGE_PMD_NR) or vma.flags & VM_PFNMAP:
        return EFAULT
    return box.pages.zone_of(pfn).node


def do_move_pages(box: Box, mm: MmStruct, addr: int, count: int, node: int) -> list[int]:
    """Bring pages to a node; the status of each: the node it is on then, or a negative errno. ENODEV; EACCES for a node
    that the cpuset has not."""
    box.changes += 1
    if not 0 <= node < len(box.pages.nodes) or not box.pages.nodes[node].present:
        raise KernelError("ENODEV", f"there is no node {node}")
    if box.pages.mems is not None and node not in box.pages.mems:
        raise KernelError("EACCES", f"node {node} is not in cpuset.mems")
    if count > MAX_PAGES:
        raise KernelError("ENOMEM", "the program has no room for the list of so many pages")
    found: list[int] = []
    queued: list[tuple[int, int]] = []  # huge pages of a pool, which move together: (index, address)
    queue = Queue()
    waiting: list[tuple[int, int]] = []  # for `queue`: (index, address)

    def flush() -> None:
        nonlocal queue
        for index, at in queued:
            move_huge_pages(box, mm, at, at + 4096, lambda nid: nid != node, to_node(box, node))
            found[index] = node_of(box, mm, at)
        _migrate(box, queue, *_on_node(box, node))
        for index, at in waiting:
            found[index] = node_of(box, mm, at)
        queue = Queue()
        queued.clear()
        waiting.clear()

    for page in range(addr & ~4095, (addr & ~4095) + count * 4096, 4096):
        status = node_of(box, mm, page)
        pfn = pte_of(mm, page) >> 12
        huge = page_head(box, pfn) if mm.hugetlb else None
        if status < 0 or status == node:
            flush()
        elif box.memmap.mapcount[huge[0] if huge else pfn] > 1:
            status = EACCES
            flush()
        elif huge is not None:
            if huge[0] == pfn:
                queued.append((len(found), page))
            else:  # only its first page stands for a huge page
                status = EACCES
                flush()
        else:
            head = compound_head(box, pfn) if box.memmap.flags[pfn] & PG_HUGE else pfn
            if head in queue.huge or not box.memmap.flags[head] & PG_LRU:  # off its list, with a page before it
                status = EBUSY
                flush()
            else:
                waiting.append((len(found), page))
                if head != pfn or box.memmap.flags[pfn] & PG_HUGE:
                    queue.huge[head] = None
                else:
                    isolate_page(box, pfn)
                    queue.small.append(pfn)
        found.append(status)
        if not len(found) & 0x3FF:
            box.cond_resched()
    flush()
    return found


def do_migrate_pages(box: Box, mm: MmStruct, sources: Iterable[int], targets: Iterable[int]) -> int:
    """Move a process's pages from some nodes to others, each to the node at the same place; how many stayed. EINVAL
    where none of the targets is there."""
    box.changes += 1
    mems = box.pages.mems
    nodes = {node.nid for node in box.pages.nodes if node.present and (mems is None or node.nid in mems)}
    source, target = sorted(set(sources)), sorted(nodes.intersection(targets))
    if not target:
        raise KernelError("EINVAL", "there is no such node")
    left = list(source)
    failed = 0
    while left:
        pair = _next_pair(left, source, target)
        if pair is None:
            break
        left.remove(pair[0])
        failed += _migrate_to_node(box, mm, *pair)
    return failed


def _next_pair(left: list[int], source: list[int], target: list[int]) -> tuple[int, int] | None:
    """The next (source, target): one whose target is no source any more, if there is one."""
    found = None
    for nid in left:
        if len(source) != len(target) and nid in target:
            continue
        dest = target[source.index(nid) % len(target)]
        if dest == nid:
            continue
        found = nid, dest
        if dest not in left:
            break
    return found


def _migrate_to_node(box: Box, mm: MmStruct, source: int, dest: int) -> int:
    stay = 0
    if mm.hugetlb:
        everywhere = 0, mm.task_size
        stay = move_huge_pages(box, mm, *everywhere, lambda node: node == source, to_node(box, dest), shared=True)
    queue = Queue()
    for vma in list(mm.mmap):
        if not vma.flags & (VM_IO | VM_PFNMAP):  # vma_migratable()
            more = queue_pages(box, mm, vma.start, vma.end, lambda node: node == source, shared=True)
            queue.small += more.small
            queue.huge |= more.huge
    return stay + _migrate(box, queue, *_on_node(box, dest))
