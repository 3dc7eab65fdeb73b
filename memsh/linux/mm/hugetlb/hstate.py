"""The pools of huge pages, one for each size: their counters and what they have free (include/linux/hugetlb.h).

A huge page is a block whose head frame has the kind K_HUGETLB and its order. In use its reference count is the number
of entries that map it, and one more if its file has it; `mapcount` of the head counts the entries. A page that its pool
has free keeps one reference, where Linux lets it be 0: nobody takes it for a free block.

Known deviations: no hugetlb_cma, no poisoned pages, no limits of mounts (subpools); entries of shared mappings do not
share tables (huge_pmd_share).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_HIGHUSER, GFP_HIGHUSER_MOVABLE, MAX_ORDER
from memsh.linux.include.memmap import K_HUGETLB
from memsh.linux.lib.ratelimit import RateLimit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import VmArea
    from memsh.linux.mm.hugetlb.cgroup import HugetlbCgroup
    from memsh.linux.mm.hugetlb.super import Subpool

PMD_ORDER, PUD_ORDER = 9, 18


class Hstate:
    """One size of huge pages. `free[nid]`: head frames of the node's free pages, the next one to be taken last;
    `nr_node`, `surplus_node` by node; `restore`: pages in use whose reservation comes back if they are freed unused
    (HPageRestoreReserve)."""

    __slots__ = ("demote_order", "free", "lost", "max_huge_pages", "max_node", "next_nid_to_alloc", "next_nid_to_free",
                 "nr_node", "nr_overcommit", "order", "restore", "resv", "surplus_node")  # fmt: skip

    def __init__(self, order: int, nodes: int) -> None:
        self.order = order
        self.free: list[list[int]] = [[] for _ in range(nodes)]
        self.nr_node = [0] * nodes
        self.surplus_node = [0] * nodes
        self.resv = 0
        self.lost = 0  # of those, what no area can give back any more
        self.nr_overcommit = 0
        self.max_huge_pages = 0
        self.max_node = [0] * nodes  # asked for at boot
        self.next_nid_to_alloc = self.next_nid_to_free = 0
        self.demote_order = 0
        self.restore: set[int] = set()

    @property
    def pages(self) -> int:
        return 1 << self.order

    @property
    def shift(self) -> int:
        return self.order + 12

    @property
    def size(self) -> int:
        return 4096 << self.order

    @property
    def kb(self) -> int:
        return 4 << self.order

    @property
    def name(self) -> str:
        return f"hugepages-{self.kb}kB"

    @property
    def nr_huge_pages(self) -> int:
        return sum(self.nr_node)

    @property
    def surplus(self) -> int:
        return sum(self.surplus_node)

    @property
    def nr_free(self) -> int:
        return sum(map(len, self.free))

    @property
    def persistent(self) -> int:
        return self.nr_huge_pages - self.surplus

    @property
    def available(self) -> int:
        """Free pages that nobody has reserved (available_huge_pages)."""
        return self.nr_free - self.resv

    @property
    def gigantic(self) -> bool:
        """Larger than what the buddy system has."""
        return self.order >= MAX_ORDER

    @property
    def gfp(self) -> int:
        """htlb_alloc_mask: pages that can be moved come from where such pages are."""
        return GFP_HIGHUSER if self.gigantic else GFP_HIGHUSER_MOVABLE

    def next_to_alloc(self, allowed: Sequence[int]) -> Iterator[int]:
        """The nodes in the order of their turn to get a page (for_each_node_mask_to_alloc)."""
        for _ in allowed:
            nid = _at_or_after(self.next_nid_to_alloc, allowed)
            self.next_nid_to_alloc = _at_or_after(nid + 1, allowed)
            yield nid

    def next_to_free(self, allowed: Sequence[int]) -> Iterator[int]:
        """The nodes in the order of their turn to lose one (for_each_node_mask_to_free)."""
        for _ in allowed:
            nid = _at_or_after(self.next_nid_to_free, allowed)
            self.next_nid_to_free = _at_or_after(nid + 1, allowed)
            yield nid


def _at_or_after(nid: int, allowed: Sequence[int]) -> int:
    return next((node for node in allowed if node >= nid), allowed[0])


class Hugetlb:
    """`box.hugetlb`: the sizes in the order in which they were registered; `default` is the one of MAP_HUGETLB."""

    __slots__ = ("available", "charged", "charged_rsvd", "default_order", "optimize_vmemmap", "optimized", "states",
                 "subpools", "vmemmap", "warnings")  # fmt: skip

    NODES = 8  # as many as a machine may have

    def __init__(self, available: bool) -> None:
        self.available = available
        sizes = (PUD_ORDER, PMD_ORDER) if available else ()
        self.states: dict[int, Hstate] = {order: Hstate(order, self.NODES) for order in sizes}
        self.default_order = PMD_ORDER
        self.optimize_vmemmap = 0  # whether struct pages of new huge pages are given up
        self.optimized: set[int] = set()  # pages whose struct pages were
        self.vmemmap: dict[int, list[int]] = {}  # where those are that were given up and came back, by huge page
        self.warnings = RateLimit()
        self.subpools: dict[int, Subpool] = {}  # the mount's part that a page in use is of, by its first frame
        self.charged: dict[int, HugetlbCgroup] = {}  # the group that pays for a page in use, by its first frame
        self.charged_rsvd: dict[int, HugetlbCgroup] = {}  # and for its having been taken without a reservation

    @property
    def default(self) -> Hstate:
        return self.states[self.default_order]

    def sizelog(self, log: int) -> Hstate | None:
        """The pool of pages of 2^log bytes, 0 for the default one (hstate_sizelog)."""
        if not self.available:
            return None
        return self.states.get(log - 12) if log else self.default

    def named(self, name: str) -> Hstate | None:
        return next((h for h in self.states.values() if h.name == name), None)

    @property
    def total_pages(self) -> int:
        """Small pages in all pools (hugetlb_total_pages)."""
        return sum(h.nr_huge_pages << h.order for h in self.states.values())

    @property
    def largest_order(self) -> int:
        """Of the blocks that there may be."""
        return max(MAX_ORDER - 1, *self.states) if self.states else MAX_ORDER - 1


def hstate_vma(box: Box, vma: VmArea) -> Hstate:
    """The pool of a mapping of huge pages."""
    assert vma.file is not None and vma.file.inode.hugetlb is not None
    return box.hugetlb.states[vma.file.inode.hugetlb.order]


def page_head(box: Box, pfn: int) -> tuple[int, Hstate] | None:
    """The head frame and the pool of the huge page that a frame belongs to; None if it is part of none."""
    memmap = box.memmap
    for h in box.hugetlb.states.values():
        head = pfn & -h.pages
        if memmap.kind[head] == K_HUGETLB and memmap.order[head] == h.order:
            return head, h
    return None
