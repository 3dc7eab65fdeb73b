"""SLAB: caches of equal objects over pages (mm/slab.c, CONFIG_SLAB).

A cache keeps its slabs on three lists, full, partial and free; in front of them stands an array of free objects for
each CPU and, with several CPUs, one that they share. Addresses are kernel virtual ones, sizes bytes.

An object is freed to the cache that the caller names, whichever it is of: its slab then moves to that cache's lists.

Known deviations: arrays of free objects take no memory of their own; constructors do not run. An object freed twice is
handed out twice, as on Linux; but where Linux's count of a slab's objects would fall below zero or grow beyond its
list, so that the kernel dies later, the second free is dropped, and the slab counts as full.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from memsh.linux.include.flags import GFP_DMA, GFP_KERNEL, GFP_NAMES, PAGE_SHIFT
from memsh.linux.include.memmap import K_SLAB
from memsh.linux.lib.copying import copyable
from memsh.linux.mm.slab.api import SLAB_CACHE_DMA, SLAB_RECLAIM_ACCOUNT, KmemCache
from memsh.linux.mm.slab.slab_common import SLAB_GFP, SlabCommon
from memsh.linux.mm.slab.slab_geometry import CFLGS_OFF_SLAB, Geometry

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.slab.api import BootCaches

BATCHREFILL_LIMIT = 16
REAPTIMEOUT_NODE = 4_000_000  # µs
HZ = 1000
_CONSTRAINT = GFP_NAMES["__GFP_HARDWALL"] | GFP_NAMES["__GFP_THISNODE"]


@copyable
class Slab:
    """One slab: `free[active:]` are the indexes of its free objects; `pfn`: first frame, `s_mem`: first object."""

    __slots__ = ("active", "cache", "free", "freelist", "pfn", "s_mem")

    def __init__(self, cache: SlabCache, pfn: int, s_mem: int, freelist: int) -> None:
        self.cache = cache
        self.pfn = pfn
        self.s_mem = s_mem
        self.freelist = freelist  # address of an off-slab free list, 0 if there is none
        self.active = 0
        self.free = bytearray(range(cache.num))

    def free_indexes(self) -> bytearray:
        return self.free[self.active :]


@copyable
class SlabCache(KmemCache):
    """struct kmem_cache with its one kmem_cache_node. `entry` is the array of the CPU in use, its last element the next
    to go, `touched` whether it was used since its reaper came; `entries` and `touches` are every CPU's.

    `shared_entry` is the array that CPUs share (None without one); `slabs_*` map first frames to slabs, in list order.
    """

    __slots__ = (
        "batchcount", "colour", "colour_next", "colour_off", "entries", "entry", "free_limit", "free_objects",
        "free_touched", "limit", "next_reap", "node_addr", "shared", "shared_addr", "shared_entry", "shared_touched",
        "slabs_free", "slabs_full", "slabs_partial", "touched", "touches",
    )  # fmt: skip

    def __init__(self, name: str, geometry: Geometry, cpus: int) -> None:
        self.name = name
        self.object_size = geometry.object_size
        self.size = geometry.size
        self.align = geometry.align
        self.flags = geometry.flags
        self.num = geometry.num
        self.gfporder = geometry.gfporder
        self.colour = geometry.colour
        self.colour_off = geometry.colour_off
        self.allocflags = GFP_NAMES["__GFP_COMP"]
        if self.flags & SLAB_CACHE_DMA:
            self.allocflags |= GFP_DMA
        if self.flags & SLAB_RECLAIM_ACCOUNT:
            self.allocflags |= GFP_NAMES["__GFP_RECLAIMABLE"]
        self.ctor = ""
        self.refcount = 1
        self.addr = self.node_addr = self.shared_addr = 0
        self.limit = self.batchcount = self.shared = 0
        self.entries: list[list[int]] = [[] for _ in range(cpus)]
        self.entry = self.entries[0]
        self.touches = [False] * cpus
        self.touched = False
        self.shared_entry: list[int] | None = None
        self.shared_touched = False
        self.slabs_full: OrderedDict[int, Slab] = OrderedDict()
        self.slabs_partial: OrderedDict[int, Slab] = OrderedDict()
        self.slabs_free: OrderedDict[int, Slab] = OrderedDict()
        self.free_objects = 0
        self.free_limit = 0
        self.free_touched = False
        self.colour_next = 0
        self.next_reap = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> SlabCache:
        other = copy.copy(self)
        memo[id(self)] = other
        other.entries = [list(entry) for entry in self.entries]
        other.entry = next(new for new, old in zip(other.entries, self.entries, strict=True) if old is self.entry)
        other.touches = list(self.touches)
        other.shared_entry = None if self.shared_entry is None else list(self.shared_entry)
        for name in ("slabs_full", "slabs_partial", "slabs_free"):
            twins: OrderedDict[int, Slab] = OrderedDict()
            for pfn, slab in getattr(self, name).items():
                twin = copy.copy(slab)
                twin.cache = other
                twin.free = bytearray(slab.free)
                memo[id(slab)] = twins[pfn] = twin
            setattr(other, name, twins)
        return other

    @property
    def off_slab(self) -> bool:
        return bool(self.flags & CFLGS_OFF_SLAB)

    @property
    def total_slabs(self) -> int:
        return len(self.slabs_full) + len(self.slabs_partial) + len(self.slabs_free)


class SlabCore(SlabCommon[SlabCache]):
    """The allocator proper: objects in and out of caches. `Slabs` adds creation, tuning and the boot caches."""

    def __init__(self, box: Box, boot: BootCaches) -> None:
        super().__init__(box, boot)
        self.slab_of: dict[int, Slab] = {}  # every frame of every slab
        self.cpu = 0  # the one in use

    # -- allocation --------------------------------------------------------------

    def kmem_cache_alloc(self, cache: SlabCache, gfp: int = GFP_KERNEL) -> int:
        """Address of an object, 0 if there is no memory (kmem_cache_alloc, ____cache_alloc)."""
        self.changes += 1
        entry = cache.entry
        if entry:
            cache.touched = True
            addr = entry.pop()
        else:
            addr = self._alloc_plain(cache, gfp) if self.plain else self.cache_alloc_refill(cache, gfp)
        if self.trace.on:
            self.trace.emit("kmem_cache_alloc", cache.name, addr, cache.object_size, cache.size, gfp)
        return addr

    def slab_alloc(self, cache: SlabCache, gfp: int) -> int:
        entry = cache.entry
        if entry:
            cache.touched = True
            return entry.pop()
        return self._alloc_plain(cache, gfp) if self.plain else self.cache_alloc_refill(cache, gfp)

    def cache_alloc_refill(self, cache: SlabCache, gfp: int) -> int:
        """The array is empty: refill it from the shared array, partial slabs, free slabs, or a new slab; yield one."""
        entry = cache.entry
        batch = cache.batchcount
        if not cache.touched and batch > BATCHREFILL_LIMIT:
            batch = BATCHREFILL_LIMIT
        shared = cache.shared_entry
        if cache.free_objects or shared:
            if shared:
                moved = min(len(shared), batch, cache.limit)
                entry.extend(shared[-moved:])
                del shared[-moved:]
                cache.shared_touched = True
            else:
                while batch > 0:
                    slab = self.get_first_slab(cache)
                    if slab is None:
                        break
                    batch -= self.alloc_block(cache, slab, batch)
                    self.fixup_slab_list(cache, slab)
                cache.free_objects -= len(entry)
        if not entry:
            slab = self.cache_grow_begin(cache, gfp)
            if slab is None:
                return 0
            if not entry:
                self.alloc_block(cache, slab, batch)
            self.cache_grow_end(cache, slab)
            if not entry:
                return 0
        cache.touched = True
        return entry.pop()

    def _alloc_plain(self, cache: SlabCache, gfp: int) -> int:
        """One object straight from the slabs, as in a textbook: partial, else free, else a new slab."""
        slab = self.get_first_slab(cache)
        if slab is None:
            slab = self.cache_grow_begin(cache, gfp)
            if slab is None:
                return 0
            self.cache_grow_end(cache, slab)
            del cache.slabs_free[slab.pfn]
        addr = slab.s_mem + slab.free[slab.active] * cache.size
        slab.active += 1
        cache.free_objects -= 1
        self.fixup_slab_list(cache, slab)
        return addr

    def alloc_block(self, cache: SlabCache, slab: Slab, batch: int) -> int:
        """Move up to `batch` objects of a slab into the array; returns how many."""
        active = slab.active
        count = min(len(slab.free) - active, batch)
        s_mem, size = slab.s_mem, cache.size
        cache.entry.extend([s_mem + index * size for index in slab.free[active : active + count]])
        slab.active = active + count
        return count

    def get_first_slab(self, cache: SlabCache) -> Slab | None:
        """Take the slab to allocate from off its list: a partial one, else a free one."""
        if cache.slabs_partial:
            return cache.slabs_partial.popitem(last=False)[1]
        cache.free_touched = True
        if cache.slabs_free:
            return cache.slabs_free.popitem(last=False)[1]
        return None

    def fixup_slab_list(self, cache: SlabCache, slab: Slab) -> None:
        """Put a slab that was allocated from on the list where it belongs now."""
        if slab.active == len(slab.free):
            cache.slabs_full[slab.pfn] = slab
        else:
            cache.slabs_partial[slab.pfn] = slab
            cache.slabs_partial.move_to_end(slab.pfn, last=False)

    def cache_grow_begin(self, cache: SlabCache, gfp: int) -> Slab | None:
        """A new slab from the buddy system; None if there are no pages."""
        box = self.box
        local = self.fix_flags(gfp) & SLAB_GFP
        pfn = box.pages.alloc_pages(local | cache.allocflags, cache.gfporder, K_SLAB)
        if not pfn:
            return None
        self._account(cache, 1 << cache.gfporder)
        cache.colour_next += 1
        if cache.colour_next >= cache.colour:
            cache.colour_next = 0
        base = (pfn << PAGE_SHIFT) + box.arch.page_offset
        freelist = 0
        if cache.off_slab:
            freelist = self.kmalloc(cache.num, local & ~_CONSTRAINT)
            if not freelist:
                self._account(cache, -(1 << cache.gfporder))
                box.pages.free_pages(pfn, cache.gfporder)
                return None
        slab = Slab(cache, pfn, base + cache.colour_next * cache.colour_off, freelist)
        for frame in range(pfn, pfn + (1 << cache.gfporder)):
            self.slab_of[frame] = slab
        return slab

    def cache_grow_end(self, cache: SlabCache, slab: Slab) -> None:
        if slab.active:
            self.fixup_slab_list(cache, slab)
        else:
            cache.slabs_free[slab.pfn] = slab
        cache.free_objects += cache.num - slab.active

    def _account(self, cache: SlabCache, pages: int) -> None:
        self.box.vmstat["nr_slab_reclaimable" if cache.reclaimable else "nr_slab_unreclaimable"] += pages

    # -- freeing -------------------------------------------------------------------

    def kmem_cache_free(self, cache: SlabCache, addr: int) -> None:
        """Give an object back; the caller answers for it being one (kmem_cache_free, ___cache_free)."""
        self.changes += 1
        if self.trace.on:
            self.trace.emit("kmem_cache_free", cache.name, addr)
        if len(cache.entry) < cache.limit and not self.plain:
            cache.entry.append(addr)
        else:
            self.slab_free(cache, addr)

    def slab_free(self, cache: SlabCache, addr: int) -> None:
        """Put an object into the CPU's array, making room first if it is full (___cache_free)."""
        entry = cache.entry
        if len(entry) >= cache.limit:
            self.cache_flusharray(cache)
        elif self.plain:
            self.slabs_destroy(cache, self.free_block(cache, [addr]))
            return
        entry.append(addr)

    def cache_flusharray(self, cache: SlabCache) -> None:
        """The array is full: its oldest entries go to the shared array or back into their slabs."""
        batch = cache.batchcount
        entry = cache.entry
        shared = cache.shared_entry
        if shared is not None:
            room = cache.shared * cache.batchcount - len(shared)
            if room:
                batch = min(batch, room)
                shared.extend(entry[:batch])
                del entry[:batch]
                return
        dead = self.free_block(cache, entry[:batch])
        del entry[:batch]
        self.slabs_destroy(cache, dead)

    def free_block(self, cache: SlabCache, objects: list[int]) -> list[Slab]:
        """Put objects back into their slabs; answers the slabs that are to be destroyed."""
        cache.free_objects += len(objects)
        get, size, num = self.slab_of.get, cache.size, cache.num
        full, partial, free = cache.slabs_full, cache.slabs_partial, cache.slabs_free
        page_offset = self.box.arch.page_offset
        for addr in objects:
            slab = get((addr - page_offset) >> PAGE_SHIFT)
            if slab is None or not slab.active:  # freed once too often
                cache.free_objects -= 1
                continue
            active = slab.active
            if slab.cache is not cache:
                self._list_del(slab)
            elif active == num:
                full.pop(slab.pfn, None)
            else:
                partial.pop(slab.pfn, None)
            active -= 1
            slab.active = active
            slab.free[active] = (addr - slab.s_mem) // size & 0xFF  # freelist_idx_t
            if active:
                partial[slab.pfn] = slab
            else:
                free[slab.pfn] = slab
                free.move_to_end(slab.pfn, last=False)
        dead = []
        while cache.free_objects > cache.free_limit and free:
            cache.free_objects -= num
            dead.append(free.popitem()[1])
        return dead

    def _list_del(self, slab: Slab) -> None:
        """Off its list, whichever cache's that is."""
        for cache in self.caches.values():
            for slabs in cache.slabs_full, cache.slabs_partial, cache.slabs_free:
                slabs.pop(slab.pfn, None)

    def slabs_destroy(self, cache: SlabCache, dead: list[Slab]) -> None:
        for slab in dead:
            order = slab.cache.gfporder
            for frame in range(slab.pfn, slab.pfn + (1 << order)):
                del self.slab_of[frame]
            self._account(cache, -(1 << order))
            self.box.pages.free_pages(slab.pfn, order)
            if slab.freelist:
                self.kfree(slab.freelist)

    # -- draining --------------------------------------------------------------------

    def drain_cpu_caches(self, cache: SlabCache) -> None:
        """Empty every CPU's array and the shared one into the slabs (do_drain)."""
        self.box.smp.call_all()
        for entry in (*cache.entries, cache.shared_entry):
            if entry:
                dead = self.free_block(cache, entry)
                entry.clear()
                self.slabs_destroy(cache, dead)

    def drain_freelist(self, cache: SlabCache, most: int) -> int:
        """Destroy up to `most` free slabs, the longest unused first; returns how many."""
        freed = 0
        while freed < most and cache.slabs_free:
            slab = cache.slabs_free.popitem()[1]
            cache.free_objects -= cache.num
            self.slabs_destroy(cache, [slab])
            freed += 1
        return freed

    def kmem_cache_shrink(self, cache: SlabCache) -> int:
        """Drain the arrays and give every empty slab back; returns how many slabs went (__kmem_cache_shrink)."""
        self.changes += 1
        self.drain_cpu_caches(cache)
        return self.drain_freelist(cache, 1 << 30)

    def _drain_array(self, cache: SlabCache, entry: list[int] | None, limit: int, touched: bool) -> None:
        if not entry or touched:
            return
        count = (limit + 4) // 5
        if count > len(entry):
            count = (len(entry) + 1) // 2
        dead = self.free_block(cache, entry[:count])
        del entry[:count]
        self.slabs_destroy(cache, dead)

    def reap_cpu(self, cpu: int, now: int) -> None:
        """One round of a CPU's reaper at `now` µs (cache_reap): idle arrays lose a fifth, caches empty slabs."""
        for cache in reversed(list(self.caches.values())):
            if cache.entries[cpu]:
                touched = cache.touched if cpu == self.cpu else cache.touches[cpu]
                self._drain_array(cache, cache.entries[cpu], cache.limit, touched)
                cache.touches[cpu] = False
                if cpu == self.cpu:
                    cache.touched = False
            if cache.next_reap > now:
                continue
            cache.next_reap = now + REAPTIMEOUT_NODE
            if cache.shared_entry:
                self._drain_array(cache, cache.shared_entry, cache.shared * cache.batchcount, cache.shared_touched)
                cache.shared_touched = False
            if cache.free_touched:
                cache.free_touched = False
            else:
                self.drain_freelist(cache, (cache.free_limit + 5 * cache.num - 1) // (5 * cache.num))
