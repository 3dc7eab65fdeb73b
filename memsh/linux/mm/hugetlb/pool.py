"""Pages into the pool and out of it: the administrator's number, surplus pages, the buddy system behind (mm/hugetlb.c).

Counters: htlb_buddy_alloc_success, htlb_buddy_alloc_fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_NAMES
from memsh.linux.include.memmap import K_HUGETLB
from memsh.linux.include.mempolicy import MPOL_BIND, MPOL_INTERLEAVE, MPOL_PREFERRED, MPOL_PREFERRED_MANY, Policy
from memsh.linux.mm.hugetlb.cgroup import uncharge_page
from memsh.linux.mm.hugetlb.vmemmap import optimize, restore
from memsh.linux.mm.page_alloc.contig import alloc_contig_pages, free_contig_range
from memsh.linux.mm.page_alloc.policy import policy_zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import VmArea
    from memsh.linux.mm.hugetlb.hstate import Hstate

_THISNODE, _NOWARN = GFP_NAMES["__GFP_THISNODE"], GFP_NAMES["__GFP_NOWARN"]
_COMP, _RETRY_MAYFAIL = GFP_NAMES["__GFP_COMP"], GFP_NAMES["__GFP_RETRY_MAYFAIL"]
_NO_RECLAIM = ~(GFP_NAMES["__GFP_DIRECT_RECLAIM"] | GFP_NAMES["__GFP_NOFAIL"])


def memory_nodes(box: Box) -> tuple[int, ...]:
    """The nodes that have memory (node_states[N_MEMORY])."""
    return tuple(node.nid for node in box.pages.nodes if node.present)


# -- single pages -----------------------------------------------------------------------------------------------------


def enqueue(box: Box, h: Hstate, pfn: int) -> None:
    """The page is free, and the next one that its node gives."""
    h.free[box.pages.zone_of(pfn).node].append(pfn)


def alloc_buddy_huge_page(
    box: Box, h: Hstate, gfp: int, nid: int, nodes: Sequence[int] | None, noretry: set[int] | None
) -> int:
    """A new block from the buddy system, 0 if there is none; `noretry`: nodes on which trying hard has failed."""
    hard = noretry is None or nid not in noretry
    gfp |= _COMP | _NOWARN | (_RETRY_MAYFAIL if hard else 0)
    pfn = box.pages.alloc_pages_node(gfp, h.order, nid, K_HUGETLB, nodes)
    box.vmstat["htlb_buddy_alloc_success" if pfn else "htlb_buddy_alloc_fail"] += 1
    if noretry is not None:
        if pfn and not hard:
            noretry.discard(nid)
        elif not pfn and hard:
            noretry.add(nid)
    return pfn


def alloc_fresh_huge_page(
    box: Box, h: Hstate, gfp: int, nid: int, nodes: Sequence[int] | None = None, noretry: set[int] | None = None
) -> int:
    """A page more for the pool, counted and in nobody's hands; 0 if there is none."""
    if h.gigantic:
        pfn = alloc_contig_pages(box, h.order, gfp, nid, nodes)
        if pfn:
            box.memmap.refcount[pfn] = 1
            box.memmap.kind[pfn] = K_HUGETLB
            box.memmap.order[pfn] = h.order
    else:
        pfn = alloc_buddy_huge_page(box, h, gfp, nid, nodes, noretry)
    if pfn:
        optimize(box, h, pfn)
        h.nr_node[box.pages.zone_of(pfn).node] += 1
    return pfn


def alloc_pool_huge_page(box: Box, h: Hstate, allowed: Sequence[int], noretry: set[int]) -> bool:
    """One page more, from the node whose turn it is, or the next that has one."""
    for nid in h.next_to_alloc(allowed):
        pfn = alloc_fresh_huge_page(box, h, h.gfp | _THISNODE, nid, allowed, noretry)
        if pfn:
            free_huge_page(box, h, pfn)
            return True
    return False


def forget_huge_page(box: Box, h: Hstate, pfn: int, *, surplus: bool) -> None:
    """The pool no longer counts the page, which is on no list of it (remove_hugetlb_page)."""
    nid = box.pages.zone_of(pfn).node
    h.nr_node[nid] -= 1
    h.surplus_node[nid] -= surplus


def update_and_free_page(box: Box, h: Hstate, pfn: int) -> None:
    """What the pool gave up goes back to the buddy system; it stays, as a surplus page, if its struct pages find no
    memory."""
    if not restore(box, h, pfn):
        nid = box.pages.zone_of(pfn).node
        h.nr_node[nid] += 1
        h.surplus_node[nid] += 1
        enqueue(box, h, pfn)
        return
    memmap = box.memmap
    memmap.flags[pfn] = memmap.mapping[pfn] = memmap.mapcount[pfn] = 0
    if h.gigantic:
        memmap.refcount[pfn] = memmap.kind[pfn] = memmap.order[pfn] = 0
        free_contig_range(box, pfn, h.pages)
    else:
        box.pages.free_pages(pfn, h.order)


def free_huge_page(box: Box, h: Hstate, pfn: int) -> None:
    """The last user is gone: a surplus page leaves the pool, any other is free in it."""
    memmap = box.memmap
    memmap.flags[pfn] = memmap.mapping[pfn] = memmap.mapcount[pfn] = 0
    uncharge_page(box, h, pfn)
    subpool = box.hugetlb.subpools.pop(pfn, None)
    if pfn in h.restore:
        h.restore.discard(pfn)
        h.resv += 1
    elif subpool is not None and not subpool.put_pages(1):
        h.resv += 1
    if h.surplus_node[box.pages.zone_of(pfn).node]:
        forget_huge_page(box, h, pfn, surplus=True)
        memmap.refcount[pfn] = 1
        update_and_free_page(box, h, pfn)
        return
    memmap.refcount[pfn] = 1
    enqueue(box, h, pfn)


def put_page(box: Box, h: Hstate, pfn: int) -> None:
    """Drop a reference to a page in use."""
    left = box.memmap.refcount[pfn] - 1
    if left:
        box.memmap.refcount[pfn] = left
    else:
        free_huge_page(box, h, pfn)


def remove_pool_huge_page(box: Box, h: Hstate, allowed: Sequence[int], *, surplus: bool) -> int:
    """A free page taken out of the pool, from the node whose turn it is; 0 if there is none."""
    for nid in h.next_to_free(allowed):
        if h.free[nid] and (not surplus or h.surplus_node[nid]):
            pfn = h.free[nid].pop()
            forget_huge_page(box, h, pfn, surplus=surplus)
            return pfn
    return 0


# -- the pool's size --------------------------------------------------------------------------------------------------


def _adjust_pool_surplus(h: Hstate, allowed: Sequence[int], delta: int) -> bool:
    """A page of the pool becomes a surplus one (1), or one for good (-1)."""
    if delta < 0:
        nid = next((nid for nid in h.next_to_alloc(allowed) if h.surplus_node[nid]), None)
    else:
        nid = next((nid for nid in h.next_to_free(allowed) if h.surplus_node[nid] < h.nr_node[nid]), None)
    if nid is None:
        return False
    h.surplus_node[nid] += delta
    return True


def set_max_huge_pages(box: Box, h: Hstate, count: int, nid: int | None, allowed: Sequence[int]) -> None:
    """What is written to nr_hugepages: as many as can be had; what is in use stays, as surplus."""
    if nid is not None:
        count += h.nr_huge_pages - h.nr_node[nid]
    box.changes += 1
    noretry: set[int] = set()
    while h.surplus and count > h.persistent:
        if not _adjust_pool_surplus(h, allowed, -1):
            break
    while count > h.persistent:
        if not alloc_pool_huge_page(box, h, allowed, noretry):
            h.max_huge_pages = h.persistent
            return
    least = max(count, h.resv + h.nr_huge_pages - h.nr_free)
    gone: list[int] = []
    while least < h.persistent:
        pfn = remove_pool_huge_page(box, h, allowed, surplus=False)
        if not pfn:
            break
        gone.append(pfn)
    for pfn in reversed(gone):
        update_and_free_page(box, h, pfn)
    while count < h.persistent:
        if not _adjust_pool_surplus(h, allowed, 1):
            break
    h.max_huge_pages = h.persistent


def put_nr_hugepages(box: Box, h: Hstate, count: int, nid: int | None, *, obey: bool) -> None:
    """What is written to nr_hugepages, of all nodes or of one, or to nr_hugepages_mempolicy: then the writer's policy
    says which nodes (__nr_hugepages_store_common, init_nodemask_of_mempolicy)."""
    allowed = (nid,) if nid is not None else memory_nodes(box)
    policy = box.pages.policy
    if obey and policy is not None and policy.mode in (MPOL_BIND, MPOL_INTERLEAVE, MPOL_PREFERRED):
        allowed = policy.nodes
    set_max_huge_pages(box, h, count, nid, allowed)


def demote_pool_huge_page(box: Box, h: Hstate, allowed: Sequence[int]) -> bool:
    """A free page becomes many of the next smaller size; whether there was one."""
    smaller = box.hugetlb.states[h.demote_order]
    for nid in h.next_to_free(allowed):
        if not h.free[nid]:
            continue
        pfn = h.free[nid].pop()
        if not restore(box, h, pfn):
            enqueue(box, h, pfn)
            return False
        forget_huge_page(box, h, pfn, surplus=False)
        memmap = box.memmap
        for head in range(pfn, pfn + h.pages, smaller.pages):
            memmap.refcount[head], memmap.kind[head], memmap.order[head] = 1, K_HUGETLB, smaller.order
            optimize(box, smaller, head)
            smaller.nr_node[nid] += 1
            free_huge_page(box, smaller, head)
        h.max_huge_pages -= 1
        smaller.max_huge_pages += h.pages // smaller.pages
        return True
    return False


# -- surplus ----------------------------------------------------------------------------------------------------------


def alloc_surplus_huge_page(box: Box, h: Hstate, gfp: int, nid: int, nodes: Sequence[int] | None) -> int:
    """A page beyond the pool's size, as far as nr_overcommit_hugepages allows; 0 if there is none."""
    if h.gigantic or h.surplus >= h.nr_overcommit:
        return 0
    pfn = alloc_fresh_huge_page(box, h, gfp, nid, nodes)
    if pfn:
        h.surplus_node[box.pages.zone_of(pfn).node] += 1
    return pfn


def gather_surplus_pages(box: Box, h: Hstate, delta: int) -> bool:
    """Reserve `delta` pages more, with surplus pages if the free ones do not do."""
    needed = h.resv + delta - h.nr_free
    if needed <= 0:
        h.resv += delta
        return True
    new: list[int] = []
    while len(new) < needed:
        pfn = alloc_surplus_huge_page(box, h, h.gfp, box.pages.node, None)
        if not pfn:
            break
        new.append(pfn)
    if len(new) == needed:
        h.resv += delta
        for pfn in reversed(new):
            enqueue(box, h, pfn)
        return True
    for pfn in reversed(new):
        free_huge_page(box, h, pfn)
    return False


def return_unused_surplus_pages(box: Box, h: Hstate, unused: int) -> None:
    """Reservations end: as many surplus pages go back to the buddy system."""
    h.resv -= unused
    if h.gigantic:
        return
    gone: list[int] = []
    for _ in range(min(unused, h.surplus)):
        pfn = remove_pool_huge_page(box, h, memory_nodes(box), surplus=True)
        if not pfn:
            break
        gone.append(pfn)
    for pfn in reversed(gone):
        update_and_free_page(box, h, pfn)


def acct_memory(box: Box, h: Hstate, delta: int) -> bool:
    """Reserve `delta` pages, or give as many reservations back (hugetlb_acct_memory)."""
    if delta > 0:
        if not gather_surplus_pages(box, h, delta):
            return False
        policy = box.pages.policy
        bound = policy is not None and policy.mode == MPOL_BIND
        mems = box.pages.mems
        free = sum(len(h.free[nid]) for nid in memory_nodes(box) if (not bound or (policy and nid in policy.nodes)) and
                   (mems is None or nid in mems))  # fmt: skip
        if delta > free:
            return_unused_surplus_pages(box, h, delta)
            return False
    elif delta < 0:
        return_unused_surplus_pages(box, h, -delta)
    return True


# -- for an area ------------------------------------------------------------------------------------------------------


def huge_node(box: Box, h: Hstate, vma: VmArea, addr: int) -> tuple[int, tuple[int, ...] | None, Policy | None]:
    """(the node to begin with, the only ones that may do, the policy) for a page at `addr`."""
    policy = vma.policy or box.pages.policy
    if policy is None:
        return box.pages.node, None, None
    if policy.mode == MPOL_INTERLEAVE:
        place = (vma.pgoff >> h.order) + (addr - vma.start >> h.shift)
        return policy.nodes[place % len(policy.nodes)], None, policy
    if policy.mode == MPOL_PREFERRED:
        return policy.nodes[0], None, policy
    bound = policy.mode == MPOL_PREFERRED_MANY or (
        policy.mode == MPOL_BIND and box.arch.gfp_zones[h.gfp & 0xF] >= policy_zone(box.pages)
    )
    return box.pages.node, policy.nodes if bound else None, policy


def dequeue_nodemask(box: Box, h: Hstate, nid: int, nodes: Sequence[int] | None) -> int:
    """A free page from the nearest node that may give one, 0 if none has."""
    mems = box.pages.mems
    for node in box.pages.nodes[nid].order:
        if (nodes is None or node in nodes) and (mems is None or node in mems) and h.free[node]:
            return h.free[node].pop()
    return 0


def dequeue_huge_page_vma(box: Box, h: Hstate, vma: VmArea, addr: int, *, reserved: bool) -> int:
    """A free page for the area; without a reservation only what nobody else has reserved. 0 if there is none."""
    if not reserved and not h.available:
        return 0
    nid, nodes, policy = huge_node(box, h, vma, addr)
    pfn = dequeue_nodemask(box, h, nid, nodes)
    if not pfn and policy is not None and policy.mode == MPOL_PREFERRED_MANY:
        pfn = dequeue_nodemask(box, h, nid, None)
    return pfn


def alloc_buddy_huge_page_with_mpol(box: Box, h: Hstate, vma: VmArea, addr: int) -> int:
    """A surplus page from where the policy says, 0 if there is none."""
    nid, nodes, policy = huge_node(box, h, vma, addr)
    if policy is not None and policy.mode == MPOL_PREFERRED_MANY:
        pfn = alloc_surplus_huge_page(box, h, (h.gfp | _NOWARN) & _NO_RECLAIM, nid, nodes)
        if pfn:
            return pfn
        nodes = None
    return alloc_surplus_huge_page(box, h, h.gfp, nid, nodes)
