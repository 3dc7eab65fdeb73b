"""Pages from where a NUMA policy says (mm/mempolicy.c: alloc_pages, vma_alloc_folio, policy_nodemask,
alloc_pages_bulk_array_mempolicy).

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_NAMES, UINT_MAX
from memsh.linux.include.memmap import K_ANON
from memsh.linux.include.mempolicy import MPOL_BIND, MPOL_INTERLEAVE, MPOL_PREFERRED, MPOL_PREFERRED_MANY, Policy
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_ORDER

if TYPE_CHECKING:
    from memsh.linux.include.mm_types import VmArea
    from memsh.linux.mm.page_alloc.buddy import PageAllocator

BULK = 100  # pages that vm_area_alloc_pages() asks for at once
_NOWARN = GFP_NAMES["__GFP_NOWARN"]
_THISNODE, _NORETRY = GFP_NAMES["__GFP_THISNODE"], GFP_NAMES["__GFP_NORETRY"]
_DIRECT_RECLAIM = GFP_NAMES["__GFP_DIRECT_RECLAIM"]
_NO_RECLAIM = ~(GFP_NAMES["__GFP_DIRECT_RECLAIM"] | GFP_NAMES["__GFP_NOFAIL"])


def alloc_pages_policy(pages: PageAllocator, policy: Policy, gfp: int, order: int, kind: int, place: int = -1) -> int:
    """A block from where the policy says, 0 if there is none.

    `place`: the page's number in its area, by which its node is chosen when interleaving; -1: the node after the last.
    """
    mode, nodes = policy
    if mode == MPOL_INTERLEAVE:
        nid = nodes[place % len(nodes)] if place >= 0 else _next_node(pages, nodes)
        pfn = pages.alloc_pages_node(gfp, order, nid, kind)
        if pfn:
            zone = pages.zone_of(pfn)
            zone.numa_interleave += zone.node == nid
        return pfn
    if mode == MPOL_BIND and pages.box.arch.gfp_zones[gfp & 0xF] >= policy_zone(pages):
        return pages.alloc_pages_node(gfp, order, pages.node, kind, nodes)
    if mode == MPOL_PREFERRED:
        return pages.alloc_pages_node(gfp, order, nodes[0], kind)
    if mode == MPOL_PREFERRED_MANY:
        pfn = pages.alloc_pages_node((gfp | _NOWARN) & _NO_RECLAIM, order, pages.node, kind, nodes)
        if pfn:
            return pfn
    return pages.alloc_pages_node(gfp, order, pages.node, kind)


def alloc_pages_bulk_interleave(
    pages: PageAllocator, nodes: tuple[int, ...], gfp: int, count: int, kind: int
) -> list[int]:  # fmt: skip
    """Up to `count` single pages for vmalloc, which asks for BULK at a time: each node gives its share of these in one
    go, and none of them counts as interleaved."""
    found: list[int] = []
    while len(found) < count:
        before = len(found)
        share, left = divmod(min(BULK, count - before), len(nodes))
        for _ in nodes:
            nid = _next_node(pages, nodes)
            for _ in range(share + (left > 0)):
                pfn = pages.alloc_pages_node(gfp, 0, nid, kind)
                if pfn:
                    found.append(pfn)
            left -= 1
        if len(found) == before:
            break
    return found


def get_vma_policy(vma: VmArea, addr: int) -> Policy | None:
    """The policy of what is mapped there, or the area's; None if the process's counts (__get_vma_policy)."""
    if vma.vm_ops is not None and vma.vm_ops.get_policy is not None:
        return vma.vm_ops.get_policy(vma, addr)
    return vma.policy


def vma_alloc_folio(pages: PageAllocator, gfp: int, vma: VmArea, addr: int) -> int:
    """A page of a process for `addr`, from where the area's policy or the process's says; 0 if there is none."""
    policy = get_vma_policy(vma, addr) or pages.policy
    if policy is None:
        return pages.alloc_pages(gfp, 0, K_ANON)
    return alloc_pages_policy(pages, policy, gfp, 0, K_ANON, vma.pgoff + ((addr - vma.start) >> 12))


def huge_place(vma: VmArea, addr: int) -> int:
    """The number of the huge page at `addr` in its area, counted as interleaving does (interleave_nid): from what 2 MiB
    the area's first page lies in, so that an area which begins elsewhere counts one less than the addresses do.

    Pages of anonymous memory are numbered by their addresses, of which `pgoff` has the low 32 bits.
    """
    above = vma.start >> 12 & ~UINT_MAX
    pgoff = vma.pgoff | (above if vma.vm_ops is None else 0)
    return (pgoff >> HPAGE_PMD_ORDER) + (addr - vma.start >> 12 + HPAGE_PMD_ORDER)


def alloc_hugepage_vma(pages: PageAllocator, policy: Policy | None, gfp: int, order: int, kind: int, place: int) -> int:
    """A huge page for an area, 0 if there is none: at first only from the node in use, or the one that is preferred,
    with nothing but compaction, since memory far away would eat up what a huge page gains (vma_alloc_folio).

    `place`: the huge page's number in its area.
    """
    nid, nodemask = pages.node, None
    if policy is not None:
        if policy.mode in (MPOL_INTERLEAVE, MPOL_PREFERRED_MANY):
            return alloc_pages_policy(pages, policy, gfp, order, kind, place)
        if policy.mode == MPOL_PREFERRED:
            nid = policy.nodes[0]
        elif policy.mode == MPOL_BIND:
            nodemask = policy.nodes
    if nodemask is None or nid in nodemask:
        pfn = pages.alloc_pages_node(gfp | _THISNODE | _NORETRY, order, nid, kind)
        if pfn or not gfp & _DIRECT_RECLAIM:
            return pfn
    return pages.alloc_pages_node(gfp, order, nid, kind, nodemask)


def alloc_hugepages(pages: PageAllocator, gfp: int, order: int, kind: int, count: int) -> list[int]:
    """Up to `count` huge pages as alloc_hugepage_vma() gives them without a policy, as far as each comes at once."""
    return pages.alloc_huge_bulk(gfp | _THISNODE | _NORETRY, order, count, kind)


def policy_zone(pages: PageAllocator) -> int:
    """The highest zone of the machine but ZONE_MOVABLE: lower ones are not bound to nodes (check_highest_zone)."""
    movable = pages.box.arch.zone_movable
    return max(zone.index for zone in pages.zones if zone.present and zone.index != movable)


def _next_node(pages: PageAllocator, nodes: tuple[int, ...]) -> int:
    """The node after the one that was last taken (interleave_nodes)."""
    last = pages.interleaved
    pages.interleaved = next((nid for nid in nodes if nid > last), nodes[0])
    return pages.interleaved
