"""Making, tuning and ending caches; kmalloc; the caches of a booted box (mm/slab_common.c, mm/slab.c).

Known deviations: the names in /proc/slabinfo are unique; a cache that the user creates is never merged with another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_DMA, GFP_KERNEL, GFP_NAMES, PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE
from memsh.linux.include.memmap import K_KMALLOC
from memsh.linux.kernel.printk import KERN_ERR, KERN_WARNING
from memsh.linux.mm.slab.slab import REAPTIMEOUT_NODE, KmemCache, SlabCore
from memsh.linux.mm.slab.slab_geometry import (
    KMALLOC_MAX_CACHE_SIZE,
    SLAB_CACHE_DMA,
    SLAB_HWCACHE_ALIGN,
    SLAB_NOLEAKTRACE,
    SLAB_RECLAIM_ACCOUNT,
    calculate_alignment,
    geometry,
    kmalloc_size,
)
from memsh.linux.mm.vmscan.shrinker import drop_slab

if TYPE_CHECKING:
    from memsh.linux.box import Box

ZERO_SIZE_PTR = 16
KMALLOC_MAX_SIZE = 4 << 20
RECLAIMABLE = GFP_NAMES["__GFP_RECLAIMABLE"]
KMEM_CACHE_SIZE = 96  # sizeof(struct kmem_cache) with room for one CPU, as recorded
NODE_SIZE = 64  # what sizeof(struct kmem_cache_node) comes to


class Row(NamedTuple):
    """What is taken of one line of a recorded /proc/slabinfo."""

    name: str
    active_objs: int
    size: int
    objects_per_slab: int
    active_slabs: int
    num_slabs: int


def parse_rows(text: str) -> list[Row]:
    """The rows of a /proc/slabinfo text, oldest cache first. ValueError for a line that is none."""
    rows = []
    for line in text.splitlines():
        words = line.split()
        if line.startswith(("slabinfo", "#")) or not words:
            continue
        if len(words) != 16:
            raise ValueError(f"slabinfo: '{line[:40]}' is no row of it")
        if not all(words[at].isdecimal() for at in (1, 3, 4, 13, 14)):
            raise ValueError(f"slabinfo: '{line[:40]}' has words where numbers belong")
        numbers = [int(words[at]) for at in (1, 3, 4, 13, 14)]
        rows.append(Row(words[0], *numbers))
    return rows[::-1]


def short_size(size: int) -> str:
    """`64`, `1k`, `8k`: how the names of kmalloc caches spell a size."""
    return f"{size >> 10}k" if size >= 1024 else str(size)


class SlabAllocator(SlabCore):
    """`box.slab`. `caches` are all caches by name, in the order in which they were created."""

    def __init__(self, box: Box) -> None:
        super().__init__(box)
        self.kmalloc_caches: list[dict[int, KmemCache]] = [{}, {}, {}]  # normal, reclaimable, DMA: by object size
        self.reaping_cpu = 0
        self.boot_objects: dict[str, list[int]] = {}  # what the kernel itself holds, never freed
        box.hooks.setdefault("plain", []).append(self.plain_changed)
        box.hooks.setdefault("drop_slab", []).append(self.drop_slab)

    def find(self, name: str) -> KmemCache:
        """The cache that serves `name`, merged caches included."""
        return self.caches[self.box.model.slab.aliases.get(name, name)]

    # -- creation ------------------------------------------------------------------

    def _create(self, name: str, object_size: int, align: int, flags: int) -> KmemCache:
        """__kmem_cache_create() and enable_cpucache(), without the objects that describe the cache."""
        managed = sum(zone.managed for zone in self.box.pages.zones)
        shape = geometry(object_size, align, flags, 1 if managed > (32 << 20) >> PAGE_SHIFT else 0)
        if shape is None:
            raise KernelError("E2BIG")
        cache = KmemCache(name, shape)
        size = cache.size
        limit = 1 if size > 131072 else 8 if size > PAGE_SIZE else 24 if size > 1024 else 54 if size > 256 else 120
        self._set_arrays(cache, limit, (limit + 1) // 2, 8 if size <= PAGE_SIZE and self.cpus > 1 else 0)
        self.caches[name] = cache
        return cache

    def _set_arrays(self, cache: KmemCache, limit: int, batchcount: int, shared: int) -> None:
        cache.limit, cache.batchcount, cache.shared = limit, batchcount, shared
        if shared:
            cache.shared_entry = []
        elif cache.shared_entry is not None:
            cache.shared_entry = None
        cache.free_limit = (1 + self.cpus) * batchcount + cache.num

    def kmem_cache_create(self, name: str, size: int, align: int = 0, flags: int = 0) -> KmemCache:
        """A new cache of the user's (kmem_cache_create). EINVAL for a bad name or size, EEXIST, ENOMEM."""
        if not name or any(c.isspace() or not c.isprintable() for c in name):
            raise KernelError("EINVAL", "a cache's name has no blanks or control characters")
        if name in self.caches or name in self.box.model.slab.aliases:
            raise KernelError("EEXIST")
        if size < 4 or size > KMALLOC_MAX_SIZE or align & (align - 1):
            raise KernelError("EINVAL", "an object has 4 bytes to 4 MiB, an alignment is a power of two")
        flags |= SLAB_NOLEAKTRACE
        cache = self._create(name, size, calculate_alignment(flags, align, size), flags)
        try:
            cache.addr = self._need(self.kmem_cache_alloc(self.caches["kmem_cache"]))
            cache.node_addr = self._need(self.kmalloc(NODE_SIZE, GFP_KERNEL))
            self._alloc_shared(cache)
        except KernelError:
            del self.caches[name]
            self._release(cache)
            raise
        cache.next_reap = self.box.timer.usec + REAPTIMEOUT_NODE + cache.addr % 4000 * 1000
        return cache

    def _need(self, addr: int) -> int:
        if not addr:
            raise KernelError("ENOMEM")
        return addr

    def _alloc_shared(self, cache: KmemCache) -> None:
        """Memory for the array that CPUs share: a header of 16 bytes and a pointer an object (alloc_arraycache)."""
        if cache.shared:
            cache.shared_addr = self._need(self.kmalloc(16 + 4 * cache.shared * cache.batchcount, GFP_KERNEL))

    def _release(self, cache: KmemCache) -> None:
        for addr in (cache.shared_addr, cache.node_addr):
            if addr:
                self.kfree(addr)
        if cache.addr:
            self.kmem_cache_free(self.caches["kmem_cache"], cache.addr)

    def kmem_cache_destroy(self, cache: KmemCache) -> None:
        """End a cache; with objects in use the kernel complains, and the cache stays. EBUSY."""
        self.kmem_cache_shrink(cache)
        if cache.slabs_full or cache.slabs_partial:
            log = self.box.log
            log.printk(
                f"BUG {cache.name} (Not tainted): Objects remaining in {cache.name} on __kmem_cache_shutdown()",
                KERN_ERR,
            )
            log.printk(f"kmem_cache_destroy {cache.name}: Slab cache still has objects when called from "
                       "memsh_destroy+0x0/0x10", KERN_WARNING)  # fmt: skip
            raise KernelError("EBUSY", "objects of the cache are in use")
        del self.caches[cache.name]
        self._release(cache)

    def tune(self, name: str, limit: int, batchcount: int, shared: int) -> None:
        """What writing `NAME LIMIT BATCHCOUNT SHARED` to /proc/slabinfo does (slabinfo_write, do_tune_cpucache).

        EINVAL for an unknown cache; figures that make no sense are accepted and change nothing, as on Linux.
        """
        cache = self.caches.get(name)
        if cache is None:
            raise KernelError("EINVAL")
        if limit < 1 or batchcount < 1 or batchcount > limit or shared < 0:
            return
        dead = self.free_block(cache, cache.entry) if cache.entry else []
        cache.entry.clear()
        self.slabs_destroy(cache, dead)
        if cache.shared_entry:
            dead = self.free_block(cache, cache.shared_entry)
            cache.shared_entry.clear()
            self.slabs_destroy(cache, dead)
        old = cache.shared_addr
        cache.shared_addr = 0
        self._set_arrays(cache, limit, batchcount, shared)
        self._alloc_shared(cache)
        if old:
            self.kfree(old)
        cache.touched = False

    # -- kmalloc -------------------------------------------------------------------

    def kmalloc_slab(self, size: int, gfp: int) -> KmemCache:
        """The kmalloc cache for 1 to 8192 bytes."""
        kind = 2 if gfp & GFP_DMA else 1 if gfp & RECLAIMABLE else 0
        return self.kmalloc_caches[kind][kmalloc_size(size)]

    def kmalloc(self, size: int, gfp: int = GFP_KERNEL) -> int:
        """Physically contiguous memory from the direct mapping; 0 if there is none, 16 for size 0 (ZERO_SIZE_PTR)."""
        if not size:
            return ZERO_SIZE_PTR
        if size > KMALLOC_MAX_CACHE_SIZE:
            return self._kmalloc_large(size, gfp)
        cache = self.kmalloc_slab(size, gfp)
        entry = cache.entry
        if entry:
            cache.touched = True
            addr = entry.pop()
        else:
            addr = self._alloc_plain(cache, gfp) if self.plain else self.cache_alloc_refill(cache, gfp)
        if self.trace.on:
            self.trace.emit("kmalloc", addr, size, cache.size, gfp)
        return addr

    def _kmalloc_large(self, size: int, gfp: int) -> int:
        """Whole pages, a power of two of them (__kmalloc_large_node)."""
        if size > KMALLOC_MAX_SIZE:
            return 0
        order = (size - 1 >> PAGE_SHIFT).bit_length()
        gfp &= ~(GFP_NAMES["__GFP_HIGHMEM"] | GFP_NAMES["__GFP_MOVABLE"])
        pfn = self.box.pages.alloc_pages(gfp | GFP_NAMES["__GFP_COMP"], order, K_KMALLOC)
        if not pfn:
            return 0
        self.box.vmstat["nr_slab_unreclaimable"] += 1 << order
        addr = (pfn << PAGE_SHIFT) + PAGE_OFFSET
        if self.trace.on:
            self.trace.emit("kmalloc", addr, size, PAGE_SIZE << order, gfp)
        return addr

    def _large(self, addr: int) -> int:
        """The first frame of the large block that begins at `addr`, 0 if none does."""
        pfn = (addr - PAGE_OFFSET) >> PAGE_SHIFT
        memmap = self.box.memmap
        if addr & (PAGE_SIZE - 1) or not 0 < pfn < memmap.frames:
            return 0
        return pfn if memmap.refcount[pfn] and memmap.kind[pfn] == K_KMALLOC else 0

    def bad_kfree(self, addr: int) -> str | None:
        """Why kfree(addr) would be wrong; None if kmalloc gave `addr` and it is in use."""
        if addr in (0, ZERO_SIZE_PTR) or (addr >= PAGE_OFFSET and self._large(addr)):
            return None
        return self.bad_object(None, addr)

    def kfree(self, addr: int) -> None:
        """Free what kmalloc gave; EINVAL (and a BUG line in the log) for an address that it did not give."""
        if addr in (0, ZERO_SIZE_PTR):
            return
        if self.trace.on:
            self.trace.emit("kfree", addr)
        slab = self.slab_of.get((addr - PAGE_OFFSET) >> PAGE_SHIFT) if addr >= PAGE_OFFSET else None
        if slab is not None:
            self.cache_free(slab.cache, addr)
            return
        pfn = self._large(addr)
        if not pfn:
            self.box.log.printk(f"object pointer: 0x{addr:08x}", KERN_ERR)
            raise KernelError("EINVAL", "kmalloc did not give that address")
        order = self.box.memmap.order[pfn]
        self.box.vmstat["nr_slab_unreclaimable"] -= 1 << order
        self.box.pages.free_pages(pfn, order)

    def ksize(self, addr: int) -> int:
        """Usable bytes of what kmalloc gave; EINVAL if it gave no such address."""
        if addr in (0, ZERO_SIZE_PTR):
            return 0
        if self.bad_kfree(addr):
            raise KernelError("EINVAL", "kmalloc did not give that address")
        found = self.virt_to_cache(addr)
        return found[0].object_size if found else PAGE_SIZE << self.box.memmap.order[self._large(addr)]

    # -- reaping, draining -------------------------------------------------------------

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

    def drop_slab(self) -> None:
        """drop_caches 2: every cache that can gives up what nobody uses (drop_slab in mm/vmscan.c)."""
        drop_slab(self.box)

    # -- boot ------------------------------------------------------------------------

    def populate_boot(self, populations: bool = True) -> None:
        """Create the caches of a booted box in the kernel's order and take the objects that the kernel keeps.

        Without `populations` the caches stay empty but for what describes them (a recorded machine: see top_up).
        """
        tables, several = self.box.model.slab, self.cpus > 1
        kmem = self._create(
            "kmem_cache",
            KMEM_CACHE_SIZE,
            calculate_alignment(SLAB_HWCACHE_ALIGN, 0, KMEM_CACHE_SIZE),
            SLAB_HWCACHE_ALIGN,
        )
        for kind, prefix in enumerate(tables.kmalloc_prefixes):
            extra = (0, SLAB_RECLAIM_ACCOUNT, SLAB_CACHE_DMA)[kind]
            for size in tables.kmalloc_sizes if not kind else sorted(tables.kmalloc_sizes):
                flags = SLAB_HWCACHE_ALIGN | extra
                align = size if not size & (size - 1) else 0
                cache = self._create(prefix + short_size(size), size, calculate_alignment(flags, align, size), flags)
                self.kmalloc_caches[kind][size] = cache
        kept: list[tuple[KmemCache, int]] = []
        for name, size, flags, one, many in tables.boot_caches:
            cache = self._create(name, size, calculate_alignment(flags, 0, size), flags)
            kept.append((cache, many if several else one))
        for cache in self.caches.values():
            cache.addr = self.kmem_cache_alloc(kmem)
            cache.next_reap = self.box.timer.usec + REAPTIMEOUT_NODE + cache.addr % 4000 * 1000
        kept += [(self.caches[name], pair[several]) for name, pair in tables.kmalloc_boot.items()]
        for cache, count in kept if populations else ():
            take = self.kmem_cache_alloc
            self.boot_objects[cache.name] = [take(cache, GFP_KERNEL) for _ in range(max(0, count - len(cache.entry)))]

    def top_up(self, rows: Iterable[Row]) -> None:
        """Grow caches until their counts are a recorded machine's; the objects taken for it are never freed.

        A cache that holds more already is left alone; a cache of the recording that this box lacks is created.
        """
        for row in rows:
            cache = self.caches.get(row.name)
            if cache is None:
                cache = self._create(row.name, row.size, calculate_alignment(0, 0, row.size), SLAB_NOLEAKTRACE)
            if (cache.size, cache.num) != (row.size, row.objects_per_slab):
                continue
            held = self.boot_objects.setdefault(row.name, [])
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
