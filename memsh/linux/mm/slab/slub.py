"""SLUB: objects in and out of caches (mm/slub.c, CONFIG_SLUB with CONFIG_SLUB_CPU_PARTIAL).

A free object holds the pointer to the next one. Each CPU has one slab with a list of its own, without a lock; what
others free of it goes to the slab's second list. Behind it come the CPU's partial slabs, then the node's. A full slab
is on no list. Slabs that a CPU holds are frozen: a free leaves them where they are.

In a plain box no CPU holds anything: every object comes from the node's first partial slab, as in caches that are
debugged (alloc_single_from_partial, free_to_partial_list).

An object is freed to the cache that the caller names, whichever it is of: it never goes to the CPU's own list then.

Known deviations: where such a free changes a list, it is one of the object's own cache; objects that Linux frees after
an RCU grace period are freed at once, only slabs of SLAB_TYPESAFE_BY_RCU wait, three ticks of the clock; no slab is
reserved for those who free memory (pfmemalloc). A free list that runs in a circle, since an object was freed twice, is
cut when a slab leaves its CPU; Linux's goes round for ever then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_KERNEL, GFP_NAMES, PAGE_SHIFT
from memsh.linux.include.kern_levels import KERN_WARNING
from memsh.linux.include.memmap import K_SLAB
from memsh.linux.lib.gfptext import gfp_text
from memsh.linux.lib.ratelimit import RateLimit
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.slab.api import NUMA_NO_NODE, SLAB_ACCOUNT, SLAB_RECLAIM_ACCOUNT, SLAB_TYPESAFE_BY_RCU
from memsh.linux.mm.slab.slab_common import SLAB_GFP, SlabCommon
from memsh.linux.mm.slab.slub_types import NIL, KmemCacheCpu, KmemCacheNode, Slab, SlubCache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memsh.linux.box import Box
    from memsh.linux.mm.slab.api import BootCaches

ACCOUNT = GFP_NAMES["__GFP_ACCOUNT"]
_DIRECT_RECLAIM, _RECLAIM = GFP_NAMES["__GFP_DIRECT_RECLAIM"], GFP_NAMES["__GFP_RECLAIM"]
_FIRST_TRY = GFP_NAMES["__GFP_NOWARN"] | GFP_NAMES["__GFP_NORETRY"]
_NOFAIL, _NOMEMALLOC, _ZERO = GFP_NAMES["__GFP_NOFAIL"], GFP_NAMES["__GFP_NOMEMALLOC"], GFP_NAMES["__GFP_ZERO"]
OBJCGS_CLEAR_MASK = (
    GFP_NAMES["__GFP_DMA"] | GFP_NAMES["__GFP_RECLAIMABLE"] | ACCOUNT | _NOFAIL
)  # what a vector of owners does not inherit
LOOKAHEAD = 3
RCU_USEC = 12_000  # a grace period on an idle box: three ticks


class SlubCore(SlabCommon[SlubCache]):
    """The allocator proper. `SlubCaches` adds creation, tuning and the boot caches."""

    def __init__(self, box: Box, boot: BootCaches) -> None:
        super().__init__(box, boot)
        self.slab_of: dict[int, Slab] = {}  # every frame of every slab
        self.pages = box.pages
        self.refusals = RateLimit()
        self.dying: list[Slab] = []  # empty slabs that wait for a grace period of RCU

    # -- allocation --------------------------------------------------------------

    def kmem_cache_alloc(self, cache: SlubCache, gfp: int = GFP_KERNEL, node: int = NUMA_NO_NODE) -> int:
        self.changes += 1
        cpu = cache.cpu
        if node >= 0 or self.memcg is not None:
            addr = self.slab_alloc_node(cache, gfp, node)
        elif (at := cpu.freelist) >= 0 and (slab := cpu.slab) is not None:
            cpu.freelist = slab.pointers[at]
            addr = slab.addr + at * cache.size
        else:
            addr = self._slab_alloc(cache, gfp, node, cpu)
        if self.trace.on:
            self.trace.emit("kmem_cache_alloc", cache.name, addr, cache.object_size, cache.size, gfp)
        return addr

    def slab_alloc(self, cache: SlubCache, gfp: int) -> int:
        cpu = cache.cpu
        if self.memcg is not None:
            return self.slab_alloc_node(cache, gfp, NUMA_NO_NODE)
        if (at := cpu.freelist) >= 0 and (slab := cpu.slab) is not None:
            cpu.freelist = slab.pointers[at]
            return slab.addr + at * cache.size
        return self._slab_alloc(cache, gfp, NUMA_NO_NODE, cpu)

    def slab_alloc_node(self, cache: SlubCache, gfp: int, node: int) -> int:
        """One object, from that node if one is named; somebody is charged for it if the flags say so."""
        memcg = self.memcg
        if memcg is None:
            return self._alloc_one(cache, gfp, node)
        objcg = memcg.current() if gfp & ACCOUNT or cache.flags & SLAB_ACCOUNT else None
        if objcg is not None and not memcg.charge(objcg, cache.size + 8, gfp):
            return 0
        addr = self._alloc_one(cache, gfp, node)
        if objcg is not None:
            self.memcg_slab_post_alloc_hook(cache, objcg, gfp, addr)
        return addr

    def _alloc_one(self, cache: SlubCache, gfp: int, node: int) -> int:
        cpu = cache.cpu
        at, slab = cpu.freelist, cpu.slab
        if at >= 0 and slab is not None and (node < 0 or slab.nid == node):
            cpu.freelist = slab.pointers[at]
            return slab.addr + at * cache.size
        return self._slab_alloc(cache, gfp, node, cpu)

    def _slab_alloc(self, cache: SlubCache, gfp: int, node: int, cpu: KmemCacheCpu) -> int:
        """The CPU's own list is empty: take over the slab's other list, else a partial slab, else a new one."""
        if node >= len(cache.node):
            node = NUMA_NO_NODE
        slab = cpu.slab
        while True:
            if slab is None:
                slab = cpu.slab = cpu.partial
                if slab is None:
                    break
                cpu.partial, slab.next = slab.next, None
            if node >= 0 and slab.nid != node:
                self.flush_slab(cache, cpu)
                slab = None
                continue
            at = cpu.freelist
            if at < 0:  # get_freelist: take over what others freed of it
                at = slab.freelist
                slab.freelist = NIL
                slab.inuse = slab.objects
            if at >= 0:
                cpu.freelist = slab.pointers[at]
                return slab.addr + at * cache.size
            slab.frozen = False  # full, and on no list
            slab = cpu.slab = None
        if self.plain:
            return self.alloc_single(cache, gfp, node)
        slab, at = self.get_partial(cache, node, gfp)
        if slab is None:
            slab = self.new_slab(cache, gfp, node)
            if slab is None:
                self.slab_out_of_memory(cache, gfp, node)
                return 0
            at = slab.freelist
            slab.freelist = NIL
            slab.inuse = slab.objects
            slab.frozen = True
            cache.node[slab.nid].inc_slabs(slab)
        while cpu.slab is not None:  # the vector of owners came from this very cache
            self.flush_slab(cache, cpu)
        cpu.slab = slab
        cpu.freelist = slab.pointers[at]
        return slab.addr + at * cache.size

    def get_partial(self, cache: SlubCache, node: int, gfp: int) -> tuple[Slab | None, int]:
        """A partial slab of the node (of the nearest that has many, if none is named) and its first free object."""
        found = self.get_partial_node(cache, cache.node[node if node >= 0 else self.local_node()])
        if found[0] is not None or node >= 0:
            return found
        return self.get_any_partial(cache, gfp)

    def get_partial_node(self, cache: SlubCache, n: KmemCacheNode) -> tuple[Slab | None, int]:
        """The first slab of the list for the CPU; the next ones become its partial slabs, up to half of its share."""
        partial = n.partial
        found: Slab | None = None
        first = NIL
        taken = 0
        while partial:
            slab = partial.popitem(last=False)[1]
            slab.frozen = True
            if found is None:
                found, first = slab, slab.freelist
                slab.freelist = NIL
                slab.inuse = slab.objects
                if first < 0:  # corrupted: a partial slab without a free object
                    return None, NIL
            else:
                self.put_cpu_partial(cache, cache.cpu, slab, drain=False)
                taken += 1
            if taken > cache.cpu_partial_slabs // 2:
                break
        return found, first

    def get_any_partial(self, cache: SlubCache, gfp: int) -> tuple[Slab | None, int]:
        """Another node's partial slab, the nearest first, if that node has more than it keeps anyway."""
        if len(cache.node) == 1 or not cache.remote_node_defrag_ratio:
            return None, NIL
        for nid in self.near_nodes(gfp):
            n = cache.node[nid]
            if len(n.partial) > cache.min_partial:
                found = self.get_partial_node(cache, n)
                if found[0] is not None:
                    return found
        return None, NIL

    def local_node(self) -> int:
        return self.pages.node

    def near_nodes(self, gfp: int) -> Iterable[int]:
        """The nodes in the order of the CPU's zonelist."""
        plan = self.pages.prepare_alloc_pages(gfp & ~GFP_NAMES["__GFP_THISNODE"], self.pages.node)
        return dict.fromkeys(zone.node for zone in (plan.slow or plan).zones)

    def new_slab(self, cache: SlubCache, gfp: int, node: int) -> Slab | None:
        """Pages for a new slab, of the cache's order or, if there are none, of the least; its objects in a row."""
        flags = self.fix_flags(gfp) & SLAB_GFP | cache.allocflags
        order, objects = cache.gfporder, cache.num
        first = (flags | _FIRST_TRY) & ~_NOFAIL
        if first & _DIRECT_RECLAIM and order > cache.min_order:
            first = (first | _NOMEMALLOC) & ~_RECLAIM
        pfn = self.alloc_slab_page(first, order, node)
        if not pfn:
            order, objects = cache.min_order, cache.min_num
            pfn = self.alloc_slab_page(flags, order, node)
            if not pfn:
                return None
        slab = Slab(cache, pfn, (pfn << PAGE_SHIFT) + self.page_offset, order, objects, self.pages.zone_of(pfn).node)
        for frame in range(pfn, pfn + (1 << order)):
            self.slab_of[frame] = slab
        cache.held[pfn] = slab
        if self.memcg is not None and cache.flags & SLAB_ACCOUNT:
            self.memcg_alloc_slab_cgroups(slab, flags)
        self._account(cache, pfn, 1 << order)
        return slab

    def alloc_slab_page(self, gfp: int, order: int, node: int) -> int:
        if node < 0:
            return self.pages.alloc_pages(gfp, order, K_SLAB)
        return self.pages.alloc_pages_node(gfp, order, node, K_SLAB)

    def _account(self, cache: SlubCache, pfn: int, pages: int) -> None:
        name = "nr_slab_reclaimable" if cache.flags & SLAB_RECLAIM_ACCOUNT else "nr_slab_unreclaimable"
        mod_node_page_state(self.box, name, pfn, pages)

    def slab_out_of_memory(self, cache: SlubCache, gfp: int, node: int) -> None:
        """What the kernel's log says of it."""
        if gfp & GFP_NAMES["__GFP_NOWARN"] or not self.refusals.allows(self.box, "slab_out_of_memory"):
            return
        lines = [
            f"SLUB: Unable to allocate memory on node {node}, gfp={gfp:#x}({gfp_text(gfp)})",
            f"  cache: {cache.name}, object size: {cache.object_size}, buffer size: {cache.size}, "
            f"default order: {cache.gfporder}, min order: {cache.min_order}",
        ]
        for nid, n in enumerate(cache.node):
            free = sum(slab.objects - slab.inuse for slab in n.partial.values())
            lines.append(f"  node {nid}: slabs: {n.nr_slabs}, objs: {n.total_objects}, free: {free}")
        for line in lines:
            self.box.log.printk(line, KERN_WARNING)

    # -- freeing -----------------------------------------------------------------

    def kmem_cache_free(self, cache: SlubCache, addr: int) -> None:
        self.changes += 1
        if self.trace.on:
            self.trace.emit("kmem_cache_free", cache.name, addr)
        self.slab_free(cache, addr)

    def slab_free(self, cache: SlubCache, addr: int) -> None:
        slab = self.slab_of[(addr - self.page_offset) >> PAGE_SHIFT]
        owner = slab.cache
        at = (addr - slab.addr) // owner.size
        if slab.objcgs is not None:
            self.memcg_slab_free_hook(owner, slab, at)
        cpu = cache.cpu
        if slab is cpu.slab:
            slab.pointers[at] = cpu.freelist
            cpu.freelist = at
            return
        prior = slab.freelist
        if (prior >= 0 and slab.inuse > 1) or slab.frozen:  # no list changes (_slab_free knows the rest)
            slab.pointers[at] = prior
            slab.freelist = at
            slab.inuse -= 1
        else:
            self._slab_free(owner, slab, at, at, 1)

    def _slab_free(self, cache: SlubCache, slab: Slab, head: int, tail: int, count: int) -> None:
        """Put objects, chained from `head` to `tail`, on the list of a slab that is not this CPU's."""
        if self.plain:
            self.free_to_partial_list(cache, slab, head, tail, count)
            return
        prior = slab.freelist
        slab.pointers[tail] = prior
        slab.freelist = head
        slab.inuse -= count
        if slab.frozen:
            return
        if prior < 0:  # it was full and on no list
            slab.frozen = True
            self.put_cpu_partial(cache, cache.cpu, slab, drain=True)
            return
        if not slab.inuse:
            n = cache.node[slab.nid]
            if len(n.partial) >= cache.min_partial:
                n.partial.pop(slab.pfn, None)
                self.discard_slab(cache, slab)

    def put_cpu_partial(self, cache: SlubCache, cpu: KmemCacheCpu, slab: Slab, drain: bool) -> None:
        """A slab becomes the first of the CPU's partial ones; if those are too many, all the others go to the node."""
        old = cpu.partial
        surplus: Slab | None = None
        if old is not None and drain and old.slabs >= cache.cpu_partial_slabs:
            surplus, old = old, None
        slab.slabs = (old.slabs if old is not None else 0) + 1
        slab.next = old
        cpu.partial = slab
        if surplus is not None:
            self.unfreeze_partials(cache, surplus)

    def unfreeze_partials(self, cache: SlubCache, slab: Slab | None) -> None:
        """A CPU's partial slabs go to the ends of their nodes' lists, empty ones back where the list is long enough."""
        discard: list[Slab] = []
        while slab is not None:
            n = cache.node[slab.nid]
            after, slab.next = slab.next, None
            slab.frozen = False
            if not slab.inuse and len(n.partial) >= cache.min_partial:
                discard.append(slab)
            else:
                n.partial[slab.pfn] = slab
            slab = after
        while discard:
            self.discard_slab(cache, discard.pop())

    def deactivate_slab(self, cache: SlubCache, slab: Slab, freelist: int) -> None:
        """A slab leaves its CPU: the CPU's list in front of the slab's own, and the slab on the list for what is left.

        To the list's head, so that it is used again soon; to its end if other CPUs free there.
        """
        n = cache.node[slab.nid]
        pointers = slab.pointers
        to_tail = slab.freelist >= 0
        if freelist >= 0:
            seen = {freelist}
            tail = freelist
            while pointers[tail] >= 0 and pointers[tail] not in seen:
                tail = pointers[tail]
                seen.add(tail)
            slab.inuse -= len(seen)
            pointers[tail] = slab.freelist
            slab.freelist = freelist
        slab.frozen = False
        if not slab.inuse and len(n.partial) >= cache.min_partial:
            self.discard_slab(cache, slab)
        elif slab.freelist >= 0:
            n.partial[slab.pfn] = slab
            if not to_tail:
                n.partial.move_to_end(slab.pfn, last=False)

    def discard_slab(self, cache: SlubCache, slab: Slab) -> None:
        """An empty slab's pages go back to the page allocator."""
        cache.node[slab.nid].dec_slabs(slab)
        self.free_slab(cache, slab)

    def free_slab(self, cache: SlubCache, slab: Slab) -> None:
        """At once, or, while others may still read freed objects (SLAB_TYPESAFE_BY_RCU), after a grace period."""
        cache.held.pop(slab.pfn, None)
        if not cache.flags & SLAB_TYPESAFE_BY_RCU:
            self.free_slab_now(cache, slab)
            return
        if not self.dying:
            self.box.timer.once(self.box.timer.usec + RCU_USEC, self.rcu_free_slabs)
        self.dying.append(slab)

    def rcu_free_slabs(self) -> None:
        """A grace period is over (rcu_free_slab)."""
        dying, self.dying = self.dying, []
        for slab in dying:
            self.free_slab_now(slab.cache, slab)

    def free_slab_now(self, cache: SlubCache, slab: Slab) -> None:
        """__free_slab"""
        for frame in range(slab.pfn, slab.pfn + (1 << slab.order)):
            self.slab_of.pop(frame, None)
        if slab.objcgs is not None:
            slab.objcgs = None
            self.kfree(slab.objcgs_addr)
        self._account(cache, slab.pfn, -(1 << slab.order))
        self.pages.free_pages(slab.pfn, slab.order)

    # -- many at once ------------------------------------------------------------

    def kmem_cache_free_bulk(self, cache: SlubCache, addrs: Sequence[int]) -> None:
        """From the array's end on, objects of one slab together; it looks no further than three others ahead.

        The one that is taken off the array first will be handed out first (slab_free_freelist_hook turns the chain).
        """
        self.changes += 1
        left = list(addrs)
        while left:
            slab, chain = self.build_detached_freelist(left)
            owner = slab.cache
            if slab.objcgs is not None:
                for at in chain:
                    self.memcg_slab_free_hook(owner, slab, at)
            head, tail = slab.link(chain), chain[-1]
            cpu = cache.cpu
            if slab is cpu.slab:
                slab.pointers[tail] = cpu.freelist
                cpu.freelist = head
            else:
                self._slab_free(owner, slab, head, tail, len(chain))

    def build_detached_freelist(self, left: list[int]) -> tuple[Slab, list[int]]:
        """Take objects of one slab off the array's end: the slab, and which of its objects."""
        addr = left.pop()
        slab = self.slab_of[(addr - self.page_offset) >> PAGE_SHIFT]
        of = slab.cache.size
        taken = [(addr - slab.addr) // of]
        same = size = len(left)
        ahead = LOOKAHEAD
        while size:
            size -= 1
            other = left[size]
            if self.slab_of[(other - self.page_offset) >> PAGE_SHIFT] is slab:
                taken.append((other - slab.addr) // of)
                same -= 1
                left[size], left[same] = left[same], left[size]
                continue
            ahead -= 1
            if not ahead:
                break
        del left[same:]
        return slab, taken

    # -- one at a time: a plain box ------------------------------------------------

    def alloc_single(self, cache: SlubCache, gfp: int, node: int) -> int:
        """One object of the node's first partial slab, which stays on the list until it is full."""
        n = cache.node[node if node >= 0 else self.local_node()]
        slab = next(iter(n.partial.values()), None)
        if slab is None:
            slab = self.new_slab(cache, gfp, node)
            if slab is None:
                self.slab_out_of_memory(cache, gfp, node)
                return 0
            n = cache.node[slab.nid]
            n.inc_slabs(slab)
            n.partial[slab.pfn] = slab
            n.partial.move_to_end(slab.pfn, last=False)
        at = slab.freelist
        slab.freelist = slab.pointers[at]
        slab.inuse += 1
        if slab.freelist < 0:
            n.partial.pop(slab.pfn, None)
        return slab.addr + at * cache.size

    def free_to_partial_list(self, cache: SlubCache, slab: Slab, head: int, tail: int, count: int) -> None:
        n = cache.node[slab.nid]
        prior = slab.freelist
        slab.inuse -= count
        slab.pointers[tail] = prior
        slab.freelist = head
        if not slab.inuse and len(n.partial) >= cache.min_partial:
            n.partial.pop(slab.pfn, None)
            self.discard_slab(cache, slab)
        elif prior < 0:
            n.partial[slab.pfn] = slab

    # -- flushing, shrinking -------------------------------------------------------

    def flush_slab(self, cache: SlubCache, cpu: KmemCacheCpu) -> None:
        """The CPU gives its slab up."""
        slab, freelist = cpu.slab, cpu.freelist
        cpu.slab, cpu.freelist = None, NIL
        if slab is not None:
            self.deactivate_slab(cache, slab, freelist)

    def flush_all(self, cache: SlubCache) -> None:
        """Every CPU gives up its slab and its partial slabs. It is their workers that do it, and the caller waits: a
        kswapd that was woken has the CPU first (flush_all_cpus_locked)."""
        if any(cpu.slab or cpu.partial for cpu in cache.cpu_slab):
            for node in self.pages.nodes:
                node.kswapd.cpu_idle()
            self.pages.box.timer.advance(0)
        for number, cpu in enumerate(cache.cpu_slab):
            if cpu.slab or cpu.partial:
                self.pages.box.smp.call(number)
            self.flush_slab(cache, cpu)
            partial, cpu.partial = cpu.partial, None
            self.unfreeze_partials(cache, partial)

    # -- who pays ------------------------------------------------------------------

    def memcg_alloc_slab_cgroups(self, slab: Slab, gfp: int) -> bool:
        """A slab's vector of owners, a pointer an object, on the slab's node; False if there is no memory for it."""
        gfp = gfp & ~OBJCGS_CLEAR_MASK | _ZERO
        size = 8 * slab.objects
        addr = self.kmalloc(size, gfp) if size > 8192 else self.slab_alloc_node(self.kmalloc_slab(size, gfp), gfp,
                                                                                  slab.nid)  # fmt: skip
        if addr:
            slab.objcgs_addr = addr
            slab.objcgs = {}
        return bool(addr)

    def memcg_slab_post_alloc_hook(self, cache: SlubCache, objcg: object, gfp: int, addr: int) -> None:
        memcg = self.memcg
        assert memcg is not None
        if addr:
            slab = self.slab_of[(addr - self.page_offset) >> PAGE_SHIFT]
            if slab.objcgs is not None or self.memcg_alloc_slab_cgroups(slab, gfp):
                assert slab.objcgs is not None
                slab.objcgs[(addr - slab.addr) // cache.size] = objcg
                memcg.mod_objcg_state(objcg, cache.reclaimable, cache.size + 8)
                return
        memcg.uncharge(objcg, cache.size + 8)

    def memcg_slab_free_hook(self, cache: SlubCache, slab: Slab, at: int) -> None:
        objcg = slab.objcgs.pop(at, None) if slab.objcgs is not None else None
        if objcg is not None and self.memcg is not None:
            self.memcg.uncharge(objcg, cache.size + 8)
            self.memcg.mod_objcg_state(objcg, cache.reclaimable, -cache.size - 8)
