"""SLAB's caches: made, tuned, reaped and ended; those of a booted box; what they hold (mm/slab.c).

Known deviations: the names in /proc/slabinfo are unique; a cache that the user creates is never merged with another.
With `slab_nomerge` as many objects are in use as on the recorded machine with one CPU.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_DMA, GFP_KERNEL, GFP_NAMES, PAGE_SHIFT, PAGE_SIZE
from memsh.linux.mm.slab.alignment import calculate_alignment
from memsh.linux.mm.slab.api import (
    SLAB_ACCOUNT,
    SLAB_CACHE_DMA,
    SLAB_HWCACHE_ALIGN,
    SLAB_NOLEAKTRACE,
    SLAB_RECLAIM_ACCOUNT,
    SLAB_TYPESAFE_BY_RCU,
    Count,
    Object,
    Row,
    SlabFacts,
    SlabInfo,
    Waiting,
)
from memsh.linux.mm.slab.slab import REAPTIMEOUT_NODE, Slab, SlabCache, SlabCore
from memsh.linux.mm.slab.slab_common import short_size
from memsh.linux.mm.slab.slab_geometry import CACHE_LINE, WORD, geometry, kmalloc_size

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.slab.api import BootCaches

RECLAIMABLE = GFP_NAMES["__GFP_RECLAIMABLE"]
REAPTIMEOUT_AC = 2_000_000  # µs: each CPU's reaper comes so often
KMEM_CACHE_SIZE = 96  # sizeof(struct kmem_cache) with room for one CPU, as recorded
NODE_SIZE = 64  # what sizeof(struct kmem_cache_node) comes to
KMALLOC_SIZES = (64, 32, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192)  # 64 first: it serves the allocator itself
KMALLOC_PREFIXES = ("kmalloc-", "kmalloc-rcl-", "dma-kmalloc-")


class SlabCaches(SlabCore):
    """Everything about SLAB but words."""

    def __init__(self, box: Box, boot: BootCaches) -> None:
        super().__init__(box, boot)
        self.kmalloc_caches: list[dict[int, SlabCache]] = [{}, {}, {}]  # normal, reclaimable, DMA: by object size
        self.reaping_cpu = 0

    # -- creation ------------------------------------------------------------------

    def _create(self, name: str, object_size: int, align: int, flags: int) -> SlabCache:
        """__kmem_cache_create() and enable_cpucache(), without the objects that describe the cache."""
        managed = sum(zone.managed for zone in self.box.pages.zones)
        align = calculate_alignment(flags, align, object_size, CACHE_LINE, WORD)
        wiped = self.box.config.flag("init_on_free")
        shape = geometry(object_size, align, flags, 1 if managed > (32 << 20) >> PAGE_SHIFT else 0, wiped)
        if shape is None:
            raise KernelError("E2BIG")
        cache = SlabCache(name, shape, self.cpus)
        cache.entry = cache.entries[self.cpu]
        size = cache.size
        limit = 1 if size > 131072 else 8 if size > PAGE_SIZE else 24 if size > 1024 else 54 if size > 256 else 120
        self._set_arrays(cache, limit, (limit + 1) // 2, 8 if size <= PAGE_SIZE and self.cpus > 1 else 0)
        self.caches[name] = cache
        return cache

    def _set_arrays(self, cache: SlabCache, limit: int, batchcount: int, shared: int) -> None:
        cache.limit, cache.batchcount, cache.shared = limit, batchcount, shared
        if shared:
            cache.shared_entry = []
        elif cache.shared_entry is not None:
            cache.shared_entry = None
        cache.free_limit = (1 + self.cpus) * batchcount + cache.num

    def kmem_cache_create(self, name: str, size: int, align: int = 0, flags: int = 0, ctor: str = "") -> SlabCache:
        self.check_name_and_size(name, size, align, least=4)
        self.changes += 1
        if flags & SLAB_ACCOUNT:
            raise KernelError("EINVAL", "this machine charges no kernel memory")
        flags |= SLAB_NOLEAKTRACE
        if ctor:
            flags |= SLAB_TYPESAFE_BY_RCU  # what is in a free object must stay there, too
        cache = self._create(name, size, align, flags)
        cache.ctor = ctor
        try:
            cache.addr = self.need(self.kmem_cache_alloc(self.caches["kmem_cache"]))
            cache.node_addr = self.need(self.kmalloc(NODE_SIZE, GFP_KERNEL))
            self._alloc_shared(cache)
        except KernelError:
            del self.caches[name]
            self._release(cache)
            raise
        cache.next_reap = self.box.timer.usec + REAPTIMEOUT_NODE + cache.addr % 4000 * 1000
        return cache

    def _alloc_shared(self, cache: SlabCache) -> None:
        """Memory for the array that CPUs share: a header of 16 bytes and a pointer an object (alloc_arraycache)."""
        if cache.shared:
            cache.shared_addr = self.need(self.kmalloc(16 + 4 * cache.shared * cache.batchcount, GFP_KERNEL))

    def _release(self, cache: SlabCache) -> None:
        for addr in (cache.shared_addr, cache.node_addr):
            if addr:
                self.kfree(addr)
        if cache.addr:
            self.kmem_cache_free(self.caches["kmem_cache"], cache.addr)

    def kmem_cache_destroy(self, name: str) -> None:
        self.changes += 1
        cache = self.caches[name]
        self.kmem_cache_shrink(cache)
        if cache.slabs_full or cache.slabs_partial:
            raise self.objects_remain(name)
        del self.caches[name]
        self._release(cache)

    def tune(self, name: str, limit: int, batchcount: int, shared: int) -> None:
        """slabinfo_write, do_tune_cpucache; figures that make no sense are accepted and change nothing, as on Linux."""
        cache = self.caches.get(name)
        if cache is None:
            raise KernelError("EINVAL", "expected: NAME LIMIT BATCHCOUNT SHARED, of a cache that exists")
        if limit < 1 or batchcount < 1 or batchcount > limit or shared < 0:
            return
        self.drain_cpu_caches(cache)
        old = cache.shared_addr
        cache.shared_addr = 0
        self._set_arrays(cache, limit, batchcount, shared)
        self._alloc_shared(cache)
        if old:
            self.kfree(old)
        cache.touched = False
        cache.touches = [False] * self.cpus

    def kmalloc_slab(self, size: int, gfp: int) -> SlabCache:
        kind = 2 if gfp & GFP_DMA else 1 if gfp & RECLAIMABLE else 0
        return self.kmalloc_caches[kind][kmalloc_size(size)]

    def use_cpu(self) -> None:
        old, self.cpu = self.cpu, self.box.pages.cpu
        for cache in self.caches.values():
            cache.touches[old] = cache.touched
            cache.entry, cache.touched = cache.entries[self.cpu], cache.touches[self.cpu]

    # -- reaping, draining -------------------------------------------------------------

    def cpucache_init(self) -> None:
        for _ in range(self.cpus):
            self.box.timer.every(REAPTIMEOUT_AC, self.reap)

    def reap(self) -> None:
        """The next CPU's reaper runs; the box's clock calls this for each CPU in turn, every two seconds."""
        cpu = self.reaping_cpu
        self.reaping_cpu = (cpu + 1) % self.cpus
        self.reap_cpu(cpu, self.box.timer.usec)

    def plain_changed(self) -> None:
        """`plain` went on or off: on drains every array."""
        self.plain = self.box.plain
        if self.plain:
            for cache in list(self.caches.values()):
                self.drain_cpu_caches(cache)

    # -- boot ------------------------------------------------------------------------

    def populate_boot(self, populations: bool = True) -> None:
        several = self.cpus > 1
        kmem = self._create("kmem_cache", KMEM_CACHE_SIZE, 0, SLAB_HWCACHE_ALIGN)
        for kind, prefix in enumerate(KMALLOC_PREFIXES):
            extra = (0, SLAB_RECLAIM_ACCOUNT, SLAB_CACHE_DMA)[kind]
            for size in KMALLOC_SIZES if not kind else sorted(KMALLOC_SIZES):
                flags = SLAB_HWCACHE_ALIGN | extra
                align = size if not size & (size - 1) else 0
                cache = self._create(prefix + short_size(size), size, align, flags)
                self.kmalloc_caches[kind][size] = cache
        kept: list[tuple[SlabCache, int]] = []
        for name, size, flags, one, many, *_ in self.boot.unmerged if self.nomerge else self.boot.caches:
            cache = self._create(name, size, 0, flags)
            kept.append((cache, many if several else one))
        if self.nomerge:
            self.aliases.clear()
        for cache in self.caches.values():
            cache.addr = self.kmem_cache_alloc(kmem)
            cache.next_reap = self.box.timer.usec + REAPTIMEOUT_NODE + cache.addr % 4000 * 1000
        kept += [(self.caches[name], pair[several]) for name, pair in self.boot.kmalloc.items()]
        for cache, count in kept if populations else ():
            take = self.kmem_cache_alloc
            taken = [take(cache, GFP_KERNEL) for _ in range(max(0, count - len(cache.entry)))]
            self.boot_objects[cache.name] = array("Q", taken)

    def top_up(self, rows: Iterable[Row]) -> None:
        """The objects taken for it are never freed. A cache that holds more already is left alone; a cache of the
        recording that this box lacks is created."""
        for row in rows:
            cache = self.caches.get(row.name)
            if cache is None:
                cache = self._create(row.name, row.size, 0, SLAB_NOLEAKTRACE)
            if (cache.size, cache.num) != (row.size, row.objects_per_slab):
                continue
            held = self.boot_objects.setdefault(row.name, array("Q"))
            while cache.total_slabs < row.num_slabs:
                slab = self.cache_grow_begin(cache, GFP_KERNEL)
                if slab is None:
                    raise KernelError("ENOMEM")
                self.cache_grow_end(cache, slab)
            wanted = row.active_slabs - cache.total_slabs + len(cache.slabs_free)
            for slab in list(cache.slabs_free.values())[: max(0, wanted)]:
                del cache.slabs_free[slab.pfn]
                held.append(slab.s_mem + slab.free[0] * cache.size)
                slab.active = 1
                cache.free_objects -= 1
                self.fixup_slab_list(cache, slab)
            while cache.total_slabs * cache.num - cache.free_objects < row.active_objs:
                held.append(self._alloc_plain(cache, GFP_KERNEL))

    # -- facts -------------------------------------------------------------------------

    def slabinfo(self, cache: SlabCache) -> SlabInfo:
        """Objects waiting in arrays count as active."""
        slabs = cache.total_slabs
        objs = slabs * cache.num
        return SlabInfo(
            cache.name, cache.size, objs - cache.free_objects, objs, slabs - len(cache.slabs_free), slabs,
            len(cache.shared_entry or ()), cache.limit, cache.batchcount, cache.shared, cache.num, cache.gfporder,
        )  # fmt: skip

    def census(self) -> dict[str, Count]:
        counts = {}
        for name, cache in self.caches.items():
            slabs = len(cache.slabs_full) + len(cache.slabs_partial) + len(cache.slabs_free)
            counts[name] = Count(slabs * cache.num - cache.free_objects, slabs, len(cache.entry))
        return counts

    def cache_of(self, addr: int) -> SlabCache | None:
        slab = self._slab_at(addr)
        return slab.cache if slab is not None else None

    def _slab_at(self, addr: int) -> Slab | None:
        """virt_to_slab() (mm/slab.h)."""
        page_offset = self.box.arch.page_offset
        return self.slab_of.get((addr - page_offset) >> PAGE_SHIFT) if addr >= page_offset else None

    def object_at(self, addr: int) -> Object | None:
        slab = self._slab_at(addr)
        if slab is None:
            return None
        cache = slab.cache
        index = (addr - slab.s_mem) // cache.size
        if not 0 <= index < cache.num:
            return None
        return Object(cache, slab.s_mem + index * cache.size, index, slab.s_mem, slab.active)

    def slab_at(self, pfn: int) -> Object | None:
        slab = self.slab_of.get(pfn)
        return Object(slab.cache, slab.s_mem, 0, slab.s_mem, slab.active) if slab is not None else None

    def slabs(self, cache: SlabCache) -> Iterator[SlabFacts]:
        for place, slabs in (("full", cache.slabs_full), ("partial", cache.slabs_partial), ("free", cache.slabs_free)):
            for pfn, slab in slabs.items():
                fits = {"full": slab.active == cache.num, "partial": 0 < slab.active < cache.num,
                        "free": not slab.active}[place]  # fmt: skip
                broken = "" if fits else f"has {slab.active} objects out, but is {place}"
                if any(self.slab_of.get(pfn + n) is not slab for n in range(1 << cache.gfporder)):
                    broken = broken or "has a frame that belongs elsewhere"
                yield SlabFacts(pfn, cache.gfporder, slab.s_mem, cache.num, slab.active, list(slab.free_indexes()),
                                place, broken)  # fmt: skip

    def arrays(self, cache: SlabCache) -> list[Waiting]:
        found = [Waiting(f"array of CPU {cpu}", entry, cache.limit) for cpu, entry in enumerate(cache.entries)]
        if cache.shared_entry is not None:
            found.append(Waiting("shared array", cache.shared_entry, cache.shared * cache.batchcount))
        return found

    def miscounted(self, cache: SlabCache) -> Iterator[str]:
        free = sum(cache.num - slab.active for slabs in (cache.slabs_full, cache.slabs_partial, cache.slabs_free)
                   for slab in slabs.values())  # fmt: skip
        if free != cache.free_objects:
            yield f"free_objects is {cache.free_objects}, counted {free}"

    def slab_frames(self) -> int:
        return len(self.slab_of)
