"""What SLUB keeps: a slab, a CPU's and a node's part of a cache, the cache (mm/slab.h, include/linux/slub_def.h).

Objects of a slab are known by their number, NIL is none. No known deviations.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from memsh.linux.include.flags import GFP_DMA, GFP_NAMES
from memsh.linux.lib.copying import copyable
from memsh.linux.mm.slab.api import SLAB_CACHE_DMA, SLAB_RECLAIM_ACCOUNT, KmemCache
from memsh.linux.mm.slab.slub_geometry import cpu_partial_slabs

if TYPE_CHECKING:
    from memsh.linux.mm.slab.slub_geometry import Geometry

NIL = -1


@copyable
class Slab:
    """One slab: `pointers[n]` is the free object after free object n, `freelist` the first of the slab's own list.

    `frozen`: a CPU holds it. `next` and `slabs` (how many from here on) chain a CPU's partial slabs. `objcgs` are
    the owners of charged objects, by number, None without a vector.
    """

    __slots__ = (
        "addr", "cache", "freelist", "frozen", "inuse", "next", "nid", "objcgs", "objcgs_addr", "objects", "order",
        "pfn", "pointers", "slabs",
    )  # fmt: skip

    def __init__(self, cache: SlubCache, pfn: int, addr: int, order: int, objects: int, nid: int) -> None:
        self.cache = cache
        self.pfn = pfn
        self.addr = addr
        self.order = order
        self.objects = objects
        self.nid = nid
        self.inuse = 0
        self.frozen = False
        self.freelist = 0
        self.pointers = list(range(1, objects + 1))
        self.pointers[-1] = NIL
        self.next: Slab | None = None
        self.slabs = 0
        self.objcgs: dict[int, object] | None = None
        self.objcgs_addr = 0

    def link(self, numbers: Sequence[int]) -> int:
        """Make a list of free objects, in that order; answers its first."""
        at = NIL
        for number in reversed(numbers):
            self.pointers[number] = at
            at = number
        return at

    def chain(self, at: int) -> list[int]:
        """The free objects from `at` on, to the end or, in a circle, to the first that comes again, that included."""
        found: list[int] = []
        seen: set[int] = set()
        while at >= 0:
            found.append(at)
            if at in seen:
                break
            seen.add(at)
            at = self.pointers[at]
        return found


@copyable
class KmemCacheCpu:
    """A CPU's part: `slab` it allocates from, `freelist` its own list there, `partial` the first partial slab."""

    __slots__ = ("freelist", "partial", "slab")

    def __init__(self) -> None:
        self.freelist = NIL
        self.slab: Slab | None = None
        self.partial: Slab | None = None

    def partials(self) -> list[Slab]:
        found = []
        slab = self.partial
        while slab is not None:
            found.append(slab)
            slab = slab.next
        return found


@copyable
class KmemCacheNode:
    """A node's part: its partial slabs by first frame, in list order; how many slabs and objects it has.

    `unseen` of these slabs are a recorded machine's, of which only the number is known.
    """

    __slots__ = ("addr", "nr_slabs", "partial", "total_objects", "unseen")

    def __init__(self) -> None:
        self.addr = 0
        self.partial: OrderedDict[int, Slab] = OrderedDict()
        self.nr_slabs = 0
        self.total_objects = 0
        self.unseen = 0

    def inc_slabs(self, slab: Slab) -> None:
        self.nr_slabs += 1
        self.total_objects += slab.objects

    def dec_slabs(self, slab: Slab) -> None:
        self.nr_slabs -= 1
        self.total_objects -= slab.objects


@copyable
class SlubCache(KmemCache):
    """struct kmem_cache. `held` are all its slabs by first frame, those on no list too, which Linux does not know.

    `cpu` is the part of the CPU in use."""

    __slots__ = (
        "cpu", "cpu_partial", "cpu_partial_slabs", "cpu_slab", "held", "inuse", "links", "min_num", "min_order",
        "min_partial", "name_addr", "node", "offset", "remote_node_defrag_ratio", "usersize",
    )  # fmt: skip

    def __init__(self, name: str, shape: Geometry, ctor: str, usersize: int, cpus: int, nodes: int) -> None:
        self.name = name
        self.object_size, self.size, self.align, self.flags = shape.object_size, shape.size, shape.align, shape.flags
        self.inuse, self.offset = shape.inuse, shape.offset
        self.gfporder, self.num = shape.order, shape.objects
        self.min_order, self.min_num = shape.min_order, shape.min_objects
        self.min_partial = shape.min_partial
        self.set_cpu_partial(shape.cpu_partial)
        self.ctor = ctor
        self.usersize = usersize
        self.refcount = 1
        self.addr = self.name_addr = 0
        self.links: list[int] = []  # objects of /sys/kernel/slab that belong to it
        self.remote_node_defrag_ratio = 1000
        self.allocflags = GFP_NAMES["__GFP_COMP"] if shape.order else 0
        if self.flags & SLAB_CACHE_DMA:
            self.allocflags |= GFP_DMA
        if self.flags & SLAB_RECLAIM_ACCOUNT:
            self.allocflags |= GFP_NAMES["__GFP_RECLAIMABLE"]
        self.cpu_slab = [KmemCacheCpu() for _ in range(cpus)]
        self.cpu = self.cpu_slab[0]
        self.node = [KmemCacheNode() for _ in range(nodes)]
        self.held: dict[int, Slab] = {}

    def set_cpu_partial(self, objects: int) -> None:
        """How many objects a CPU's partial slabs may hold (slub_set_cpu_partial)."""
        self.cpu_partial = objects
        self.cpu_partial_slabs = cpu_partial_slabs(objects, self.num)

    def __deepcopy__(self, memo: dict[int, Any]) -> SlubCache:
        other = copy.copy(self)
        memo[id(self)] = other
        other.links = list(self.links)
        twins: dict[Slab, Slab] = {}
        for slab in self.held.values():
            twin = memo[id(slab)] = twins[slab] = copy.copy(slab)
            twin.cache = other
            twin.pointers = list(slab.pointers)
            twin.objcgs = copy.deepcopy(slab.objcgs, memo)
        for twin in twins.values():
            twin.next = twins[twin.next] if twin.next is not None else None
        other.held = {pfn: twins[slab] for pfn, slab in self.held.items()}
        other.cpu_slab = []
        for cpu in self.cpu_slab:
            cpu_twin = copy.copy(cpu)
            cpu_twin.slab = twins[cpu.slab] if cpu.slab is not None else None
            cpu_twin.partial = twins[cpu.partial] if cpu.partial is not None else None
            other.cpu_slab.append(cpu_twin)
        other.cpu = other.cpu_slab[self.cpu_slab.index(self.cpu)]
        other.node = []
        for node in self.node:
            node_twin = copy.copy(node)
            node_twin.partial = OrderedDict((pfn, twins[slab]) for pfn, slab in node.partial.items())
            other.node.append(node_twin)
        return other
