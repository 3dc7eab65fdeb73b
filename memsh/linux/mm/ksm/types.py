"""What ksmd knows: who asked for it, which pages it has seen, which it has merged (mm/ksm.c).

The stable tree has the merged pages by their contents, the unstable tree pages that have not changed lately; with
merge_across_nodes 0 each node has two of its own. No known deviations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memsh.linux.include.memmap import PG_KSM
from memsh.linux.lib.copying import slotwise
from memsh.linux.lib.rbtree import RbNode, RbRoot

if TYPE_CHECKING:
    from memsh.linux.include.memmap import MemMap
    from memsh.linux.include.mm_types import AnonVma, Vm, VmArea
    from memsh.linux.mm.ksm.ksmd import Ksmd

NEITHER, UNSTABLE, STABLE = range(3)
TREE, DUP, MIGRATED = range(3)
RUN_STOP, RUN_MERGE, RUN_UNMERGE = range(3)
# ns of a look at a page, of its checksum, of a step down a tree, of making a page one with another: counted in
# instructions on the recorded kernel, at the rate at which a fault's take kernel/cputime's time
LOOK_NSEC, CHECKSUM_NSEC, STEP_NSEC, MERGE_NSEC = 130, 640, 125, 2000


@slotwise()
class RmapItem(RbNode):
    """A page of a process that ksmd has seen: at `address` of mm number `mm`. `where` it is listed: in the unstable
    tree of node `nid` since scan `seqnr`, or at the merged page `head`, which then holds `anon_vma`."""

    __slots__ = ("addr", "address", "anon_vma", "head", "mm", "nid", "oldchecksum", "seqnr", "where")

    def __init__(self, addr: int, mm: int, address: int) -> None:
        super().__init__()
        self.addr = addr  # of the slab object
        self.mm = mm
        self.address = address
        self.anon_vma: AnonVma | None = None
        self.head: StableNode | None = None
        self.nid = 0
        self.oldchecksum = 0
        self.seqnr = 0
        self.where = NEITHER


@slotwise()
class StableNode(RbNode):
    """A merged page, in frame `kpfn`; `items` are those who share it, the last one first in C's list.

    A content that more share than may share a page has several of them: `dups` of a `chain`, the first one first.
    """

    __slots__ = ("addr", "chain", "dups", "is_chain", "items", "kpfn", "nid", "number", "prune_time", "where")

    def __init__(self, addr: int) -> None:
        super().__init__()
        self.addr = addr  # of the slab object
        self.number = 0  # in memmap.owners
        self.kpfn = 0
        self.nid = 0  # whose tree it is in
        self.items: dict[RmapItem, None] = {}
        self.where = TREE
        self.is_chain = False
        self.chain: StableNode | None = None
        self.dups: list[StableNode] = []
        self.prune_time = 0  # of a chain, in jiffies

    def places(self, vm: Vm) -> Iterator[tuple[VmArea, int]]:
        """Where the page may be mapped: first where ksmd has seen it, then in processes that have forked off since
        (rmap_walk_ksm)."""
        seen = set[tuple[int, int]]()
        for forks in (False, True):
            for item in reversed(self.items):
                assert item.anon_vma is not None
                for number, mm in item.anon_vma.areas.items():
                    vma = vm.areas[number]
                    place = number, item.address
                    if (mm != item.mm) == forks and vma.start <= item.address < vma.end and place not in seen:
                        seen.add(place)
                        yield vma, item.address


@slotwise(each="rmap_list")
class MmSlot:
    """A process that asked for it: `rmap_list` are its pages by address. `gone`: what mm_struct held when the process
    ended (object, frame and order of the top table), until ksmd lets go of it."""

    __slots__ = ("addr", "gone", "mm", "rmap_list")

    def __init__(self, addr: int, mm: int) -> None:
        self.addr = addr  # of the slab object
        self.mm = mm
        self.rmap_list: list[RmapItem] = []
        self.gone: tuple[int, int, int] | None = None


class Ksm:
    """`box.ksm`: the knobs, the counters, and where the scan is: at `address` of `slot` (None: between two rounds),
    whose items from number `at` on are still to come."""

    ksmd: Ksmd

    def __init__(self) -> None:
        self.run = RUN_STOP
        self.pages_to_scan = 100
        self.sleep_millisecs = 20
        self.max_page_sharing = 256
        self.merge_across_nodes = 1
        self.use_zero_pages = 0
        self.stable_node_chains_prune_millisecs = 2000
        self.pages_shared = self.pages_sharing = self.pages_unshared = 0
        self.stable_node_chains = self.stable_node_dups = 0
        self.rmap_items = 0
        self.full_scans = 0  # ksm_scan.seqnr
        self.nsec = 0  # what ksmd has done and was not charged for
        self.slots: list[MmSlot] = []
        self.slot: MmSlot | None = None
        self.address = 0
        self.at = 0
        self.stable = [RbRoot()]
        self.unstable = [RbRoot()]
        self.migrate_nodes: list[StableNode] = []  # the first one first

    @property
    def pages_volatile(self) -> int:
        return max(0, self.rmap_items - self.pages_shared - self.pages_sharing - self.pages_unshared)

    def top_tables(self) -> int:
        """Pages of the top tables of processes that have ended and that ksmd has not let go of."""
        return sum(1 << slot.gone[2] for slot in self.slots if slot.gone is not None)


def page_stable_node(memmap: MemMap, pfn: int) -> StableNode | None:
    """Whose page it is, if it is a merged one."""
    if not memmap.flags[pfn] & PG_KSM:
        return None
    node: StableNode | None = memmap.owners[memmap.mapping[pfn]]
    return node
