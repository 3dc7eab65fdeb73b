"""SLUB's caches: made, merged, tuned and ended; what they hold (mm/slub.c, mm/slab_common.c).

Known deviations: a cache's files in /sys take their objects, but not the memory of their names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_DMA, GFP_KERNEL, GFP_NAMES, PAGE_SHIFT
from memsh.linux.lib.vsprintf import no_hash_pointers_enable
from memsh.linux.mm.slab.alignment import align_up, calculate_alignment
from memsh.linux.mm.slab.api import (
    SLAB_ACCOUNT,
    SLAB_CACHE_DMA,
    SLAB_NOLEAKTRACE,
    SLAB_RECLAIM_ACCOUNT,
    SLAB_TYPESAFE_BY_RCU,
    Count,
    Object,
    SlabFacts,
    SlabInfo,
    Waiting,
)
from memsh.linux.mm.slab.slub import ACCOUNT, SlubCore
from memsh.linux.mm.slab.slub_geometry import CACHE_LINE, WORD, Tuning, geometry
from memsh.linux.mm.slab.slub_types import Slab, SlubCache

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.slab.api import BootCaches

RECLAIMABLE = GFP_NAMES["__GFP_RECLAIMABLE"]
SLAB_NEVER_MERGE = SLAB_TYPESAFE_BY_RCU | SLAB_NOLEAKTRACE
SLAB_MERGE_SAME = SLAB_RECLAIM_ACCOUNT | SLAB_CACHE_DMA | SLAB_ACCOUNT
NODE_SIZE = 64  # sizeof(struct kmem_cache_node)
KMEM_CACHE_SIZE = 200  # sizeof(struct kmem_cache) but for a pointer a node
KMALLOC_SIZES = (8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192)  # in the order of their creation
KMALLOC_KINDS = (  # in the order of creation: what the names begin with, the caches' flag
    ("kmalloc-", 0), ("kmalloc-cg-", SLAB_ACCOUNT), ("kmalloc-rcl-", SLAB_RECLAIM_ACCOUNT),
    ("dma-kmalloc-", SLAB_CACHE_DMA),
)  # fmt: skip
EXEMPT = -1  # a refcount: never merged
SHRINK_PROMOTE_MAX = 32
ATTRIBUTES = (
    "slab_size", "object_size", "objs_per_slab", "order", "min_partial", "cpu_partial", "objects", "objects_partial",
    "partial", "cpu_slabs", "ctor", "aliases", "align", "hwcache_align", "reclaim_account", "destroy_by_rcu", "shrink",
    "slabs_cpu_partial", "total_objects", "slabs", "sanity_checks", "trace", "red_zone", "poison", "store_user",
    "validate", "cache_dma", "remote_node_defrag_ratio", "usersize",
)  # fmt: skip


def kmalloc_size(size: int) -> int:
    """The object size of the kmalloc cache that serves `size` bytes (kmalloc_slab); up to 8 KiB."""
    if size <= 192:
        return next(fit for fit in (8, 16, 32, 64, 96, 128, 192) if size <= fit)
    return 1 << (size - 1).bit_length()


def tuning_of(box: Box) -> Tuning:
    """slub_min_order=, slub_max_order= and slub_min_objects= of the command line."""
    values = Tuning()._asdict()
    for name in values:
        text = box.config.parameter(f"slub_{name}")
        if text is not None and is_digits(text):
            values[name] = min(int(text), 10) if name == "max_order" else int(text)
    return Tuning(**values)


class SlubCaches(SlubCore):
    """Everything about SLUB but words."""

    def __init__(self, box: Box, boot: BootCaches) -> None:
        super().__init__(box, boot)
        self.kmalloc_caches: list[dict[int, SlubCache]] = [{} for _ in KMALLOC_KINDS]
        self.tuning = tuning_of(box)
        self.nodes = len(box.pages.nodes)
        self.nomerge = self.nomerge or box.config.parameter("slub_nomerge") is not None
        tuning = self.tuning
        if box.config.parameter("slub_debug") is not None:
            if box.config.parameter("no_hash_pointers") is None:  # which has told already
                no_hash_pointers_enable(box.log)
            box.notes.append("slub_debug: the checks and poison of debugged caches are not modelled; there are none")
        orders = f"Order={tuning.min_order}-{tuning.max_order}, MinObjects={tuning.min_objects}"
        box.log.printk(f"SLUB: HWalign={CACHE_LINE}, {orders}, CPUs={box.config.present}, Nodes={self.nodes}")

    # -- creation ------------------------------------------------------------------

    def _open(
        self, name: str, size: int, align: int = 0, flags: int = 0, ctor: str = "", usersize: int = 0
    ) -> SlubCache:
        """__kmem_cache_create() without the objects that describe the cache (kmem_cache_open)."""
        align = calculate_alignment(flags, align, size, CACHE_LINE, WORD)
        shape = geometry(size, align, flags, bool(ctor), self.box.config.present, self.tuning)
        if shape is None:
            raise KernelError("EINVAL")
        cache = SlubCache(name, shape, ctor, usersize, self.cpus, self.nodes)
        cache.cpu = cache.cpu_slab[self.pages.cpu]
        self.caches[name] = cache
        return cache

    def _describe(self, cache: SlubCache, gfp: int) -> None:
        """The objects that describe a cache: its struct kmem_cache and one struct kmem_cache_node a node."""
        cache.addr = self.need(self.slab_alloc(self.caches["kmem_cache"], gfp))
        for nid, n in enumerate(cache.node):
            n.addr = self.need(self.slab_alloc_node(self.caches["kmem_cache_node"], GFP_KERNEL, nid))

    def unmergeable(self, cache: SlubCache) -> bool:
        """Whether no other cache may ever be merged with it (slab_unmergeable)."""
        return bool(self.nomerge or cache.flags & SLAB_NEVER_MERGE or cache.ctor or cache.usersize
                    or cache.refcount < 0)  # fmt: skip

    def find_mergeable(self, size: int, align: int, flags: int, ctor: str) -> SlubCache | None:
        """The oldest cache whose objects would do for these as well."""
        if self.nomerge or ctor or flags & SLAB_NEVER_MERGE:
            return None
        size = align_up(size, WORD)
        align = calculate_alignment(flags, align, size, CACHE_LINE, WORD)
        size = align_up(size, align)
        for cache in self.caches.values():
            if (
                size <= cache.size < size + WORD and not cache.size & (align - 1)
                and flags & SLAB_MERGE_SAME == cache.flags & SLAB_MERGE_SAME and not self.unmergeable(cache)
            ):  # fmt: skip
                return cache
        return None

    def kmem_cache_create(self, name: str, size: int, align: int = 0, flags: int = 0, ctor: str = "") -> SlubCache:
        self.check_name_and_size(name, size, align, least=1)
        self.changes += 1
        cache = self.find_mergeable(size, align, flags, ctor)
        if cache is not None:  # __kmem_cache_alias
            cache.refcount += 1
            cache.object_size = max(cache.object_size, size)
            cache.inuse = max(cache.inuse, align_up(size, WORD))
            self.aliases[name] = cache.name
            self._sysfs(cache, 1)
            return cache
        label = self.need(self.slab_alloc(self.kmalloc_slab(len(name) + 1, GFP_KERNEL), GFP_KERNEL))
        try:
            cache = self._open(name, size, align, flags, ctor)
            cache.name_addr = label
        except KernelError:
            self.kfree(label)
            raise
        try:
            self._describe(cache, GFP_KERNEL)
            self._sysfs(cache, 1 + len(ATTRIBUTES) + (not self.unmergeable(cache)))
        except KernelError:
            del self.caches[name]
            self._release(cache)
            raise
        return cache

    def _sysfs(self, cache: SlubCache, count: int) -> None:
        """Objects of /sys: the cache's folder and files, a link for each name."""
        for _ in range(count):
            cache.links.append(self.need(self.slab_alloc(self.find("kernfs_node_cache"), GFP_KERNEL)))

    def _release(self, cache: SlubCache) -> None:
        for addr in cache.links:
            self.slab_free(self.find("kernfs_node_cache"), addr)
        for n in cache.node:
            if n.addr:
                self.slab_free(self.caches["kmem_cache_node"], n.addr)
        if cache.name_addr:
            self.kfree(cache.name_addr)
        if cache.addr:
            self.slab_free(self.caches["kmem_cache"], cache.addr)

    def kmem_cache_destroy(self, name: str) -> None:
        """A merged cache ends with its last name, until which the name in /proc/slabinfo stays."""
        self.changes += 1
        cache = self.find(name)
        if cache.refcount < 0:
            raise KernelError("EBUSY", "the kernel's own kmalloc caches stay")
        if cache.refcount > 1:
            cache.refcount -= 1
            self.aliases.pop(name, None)
            return
        self.flush_all(cache)
        for n in cache.node:
            empty = [slab for slab in n.partial.values() if not slab.inuse]
            for slab in reversed(empty):
                del n.partial[slab.pfn]
                self.discard_slab(cache, slab)
        if any(n.nr_slabs for n in cache.node):
            raise self.objects_remain(cache.name)
        del self.caches[cache.name]
        self.aliases.pop(name, None)
        if cache.flags & SLAB_TYPESAFE_BY_RCU:  # rcu_barrier: its slabs know it until they are gone
            self.rcu_free_slabs()
        self._release(cache)

    def kmem_cache_shrink(self, cache: SlubCache) -> int:
        """The CPUs give up what they hold, empty slabs go back, and the fullest ones move to the front."""
        self.changes += 1
        before = sum(n.nr_slabs for n in cache.node)
        self.flush_all(cache)
        for n in cache.node:
            discard: list[Slab] = []
            promote: dict[int, list[Slab]] = {}
            for slab in n.partial.values():
                free = slab.objects - slab.inuse
                if free == slab.objects:
                    discard.append(slab)
                elif free <= SHRINK_PROMOTE_MAX:
                    promote.setdefault(free, []).append(slab)
            for slab in discard:
                del n.partial[slab.pfn]
                n.dec_slabs(slab)
            for free in sorted(promote, reverse=True):
                for slab in promote[free]:
                    n.partial.move_to_end(slab.pfn, last=False)
            for slab in reversed(discard):
                self.free_slab(cache, slab)
        return before - sum(n.nr_slabs for n in cache.node)

    def tune(self, name: str, limit: int, batchcount: int, shared: int) -> None:
        """Nothing is tuned there (slabinfo_write)."""
        raise KernelError("EIO")

    def kmalloc_slab(self, size: int, gfp: int) -> SlubCache:
        kind = 3 if gfp & GFP_DMA else 2 if gfp & RECLAIMABLE else 1 if gfp & ACCOUNT else 0
        return self.kmalloc_caches[kind][kmalloc_size(size)]

    def slab_ksize(self, cache: SlubCache) -> int:
        return cache.inuse if cache.flags & SLAB_TYPESAFE_BY_RCU else cache.size

    def use_cpu(self) -> None:
        for cache in self.caches.values():
            cache.cpu = cache.cpu_slab[self.pages.cpu]

    # -- plain ---------------------------------------------------------------------

    def plain_changed(self) -> None:
        self.plain = self.box.plain
        if self.plain:
            for cache in list(self.caches.values()):
                self.flush_all(cache)

    # -- facts -------------------------------------------------------------------------

    def slabinfo(self, cache: SlubCache) -> SlabInfo:
        """Every object that is not in a slab of a node's partial list counts as active."""
        slabs = sum(n.nr_slabs for n in cache.node)
        objs = sum(n.total_objects for n in cache.node)
        free = sum(slab.objects - slab.inuse for n in cache.node for slab in n.partial.values())
        return SlabInfo(cache.name, cache.size, objs - free, objs, slabs, slabs, 0, 0, 0, 0, cache.num, cache.gfporder)

    def census(self) -> dict[str, Count]:
        """`waiting` are the objects on the list of the CPU in use."""
        counts = {}
        for name, cache in self.caches.items():
            objects = slabs = waiting = 0
            for n in cache.node:
                objects += n.total_objects
                slabs += n.nr_slabs
                if n.partial:
                    objects -= sum([slab.objects - slab.inuse for slab in n.partial.values()])
            slab, at = cache.cpu.slab, cache.cpu.freelist
            if slab is not None:
                pointers, most = slab.pointers, slab.objects
                while at >= 0 and waiting <= most:
                    waiting += 1
                    at = pointers[at]
            counts[name] = Count(objects, slabs, waiting)
        return counts

    def cache_of(self, addr: int) -> SlubCache | None:
        slab = self.slab_of.get((addr - self.page_offset) >> PAGE_SHIFT) if addr >= self.page_offset else None
        return slab.cache if slab is not None else None

    def object_at(self, addr: int) -> Object | None:
        slab = self.slab_of.get((addr - self.page_offset) >> PAGE_SHIFT) if addr >= self.page_offset else None
        if slab is None:
            return None
        number = (addr - slab.addr) // slab.cache.size
        if not 0 <= number < slab.objects:
            return None
        return Object(slab.cache, slab.addr + number * slab.cache.size, number, slab.addr, slab.inuse)

    def objcg_of(self, addr: int) -> object | None:
        slab = self.slab_of.get((addr - self.page_offset) >> PAGE_SHIFT)
        if slab is None or not slab.objcgs:
            return None
        return slab.objcgs.get((addr - slab.addr) // slab.cache.size)

    def slab_at(self, pfn: int) -> Object | None:
        slab = self.slab_of.get(pfn)
        return Object(slab.cache, slab.addr, 0, slab.addr, slab.inuse) if slab is not None else None

    def places(self, cache: SlubCache) -> dict[int, str]:
        """Where each slab of a cache hangs, by first frame; a full one hangs nowhere."""
        found: dict[int, str] = {}
        for number, cpu in enumerate(cache.cpu_slab):
            if cpu.slab is not None:
                found[cpu.slab.pfn] = f"cpu {number}"
            found.update((slab.pfn, f"cpu {number} partial") for slab in cpu.partials())
        for nid, n in enumerate(cache.node):
            found.update((pfn, f"node {nid} partial") for pfn in n.partial)
        return found

    def slabs(self, cache: SlubCache) -> Iterator[SlabFacts]:
        places = self.places(cache)
        for pfn, slab in cache.held.items():
            place = places.get(pfn, "full")
            free = slab.chain(slab.freelist)
            broken = ""
            if slab.frozen != place.startswith("cpu"):
                broken = f"is {'frozen' if slab.frozen else 'not frozen'}, but {place}"
            elif place == "full" and free:
                broken = "has free objects, but is on no list"
            elif slab.objects - slab.inuse != len(set(free)):
                broken = f"says {slab.inuse} of {slab.objects} in use, but {len(set(free))} objects are free"
            elif any(self.slab_of.get(pfn + n) is not slab for n in range(1 << slab.order)):
                broken = "has a frame that belongs elsewhere"
            yield SlabFacts(pfn, slab.order, slab.addr, slab.objects, slab.inuse, free, place, broken)
        for slab in self.dying:
            if slab.cache is cache:
                yield SlabFacts(slab.pfn, slab.order, slab.addr, slab.objects, slab.inuse, [], "dying",
                                "dies with objects in use" if slab.inuse else "")  # fmt: skip

    def owners(self, cache: SlubCache) -> Iterator[object]:
        for slab in cache.held.values():
            yield from (slab.objcgs or {}).values()

    def arrays(self, cache: SlubCache) -> list[Waiting]:
        return [
            Waiting(f"list of CPU {number}",
                    [cpu.slab.addr + at * cache.size for at in reversed(cpu.slab.chain(cpu.freelist))],
                    cpu.slab.objects)
            for number, cpu in enumerate(cache.cpu_slab) if cpu.slab is not None
        ]  # fmt: skip

    def miscounted(self, cache: SlubCache) -> Iterator[str]:
        for nid, n in enumerate(cache.node):
            mine = [slab for slab in cache.held.values() if slab.nid == nid]
            if len(mine) + n.unseen != n.nr_slabs:
                yield f"node {nid}: nr_slabs is {n.nr_slabs}, counted {len(mine) + n.unseen}"
            objects = sum(slab.objects for slab in mine) + n.unseen * cache.num
            if objects != n.total_objects:
                yield f"node {nid}: total_objects is {n.total_objects}, counted {objects}"
        for number, cpu in enumerate(cache.cpu_slab):
            for at, slab in enumerate(reversed(cpu.partials()), 1):
                if slab.slabs != at:
                    yield f"cpu {number}: the partial slab in frame {slab.pfn:#x} says {slab.slabs} slabs, not {at}"

    def slab_frames(self) -> int:
        return len(self.slab_of)
