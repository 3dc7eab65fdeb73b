"""SLUB on a recorded machine: its CPU slabs, partial lists and counts take the place of the box's own.

Known deviations: a recorded full slab is known by number only; objects of it cannot be freed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_KERNEL, GFP_NAMES, PAGE_SHIFT
from memsh.linux.include.memmap import K_SLAB
from memsh.linux.mm.slab.api import SLAB_CACHE_DMA, SLAB_HWCACHE_ALIGN, SLAB_NOLEAKTRACE, SLAB_RECLAIM_ACCOUNT
from memsh.linux.mm.slab.slub_boot import SlubBoot
from memsh.linux.mm.slab.slub_geometry import WORD
from memsh.linux.mm.slab.slub_types import NIL, Slab

if TYPE_CHECKING:
    from memsh.linux.mm.slab.api import CacheState, SlabState
    from memsh.linux.mm.slab.slub_types import SlubCache

_FLAGS = {GFP_NAMES["__GFP_RECLAIMABLE"]: SLAB_RECLAIM_ACCOUNT, GFP_NAMES["__GFP_DMA"]: SLAB_CACHE_DMA}


class SlubRestore(SlubBoot):
    """SLUB with the recorded machine's reader."""

    def restore(self, states: Iterable[CacheState]) -> None:
        for state in states:
            cache = self.named(state.name)
            if cache is None:
                cache = self._recorded_cache(state)
            for row in state.slabs:
                self._check_row(cache, row)
            self._forget_lists(cache)
            for row in reversed(state.slabs):  # a CPU's first partial slab comes last, on top
                slab = self._adopt(cache, row)
                if row.cpu < 0:
                    cache.node[row.node].partial[row.pfn] = slab
                    cache.node[row.node].partial.move_to_end(row.pfn, last=False)
                    continue
                slab.frozen = True
                cpu = cache.cpu_slab[row.cpu]
                if row.partial:
                    slab.next, slab.slabs = cpu.partial, row.slabs
                    cpu.partial = slab
                else:
                    cpu.slab = slab
                    cpu.freelist = slab.link(row.own)
            self._count(cache, state)
            cache.min_partial = state.figures["min_partial"]
            cache.set_cpu_partial(state.figures["cpu_partial"])

    def _recorded_cache(self, state: CacheState) -> SlubCache:
        """A cache that memsh's own boot does not make."""
        figures = state.figures
        flags = SLAB_NOLEAKTRACE
        if figures["align"] > WORD:  # who asks for more asks for cache lines
            flags |= SLAB_HWCACHE_ALIGN
        for bit, flag in _FLAGS.items():
            if figures["allocflags"] & bit:
                flags |= flag
        ctor = "recorded" if figures["offset"] >= figures["inuse"] else ""
        cache = self._open(state.name, figures["object_size"], figures["align"], flags, ctor)
        if (cache.size, cache.num) != (figures["size"], figures["objects"]):
            raise ValueError(f"slabstate: {state.name} does not have {figures['objects']} objects of "
                             f"{figures['size']} bytes on this machine")  # fmt: skip
        self._describe(cache, GFP_KERNEL)
        return cache

    def _check_row(self, cache: SlubCache, row: SlabState) -> None:
        """ValueError for a slab that this machine cannot have."""
        numbers = (*row.own, *row.free)
        if row.cpu >= self.cpus or row.node >= self.nodes:
            raise ValueError(f"slabstate: {cache.name} has slabs of a CPU or node that this machine does not have")
        if row.objects not in (cache.num, cache.min_num) or max(numbers, default=0) >= row.objects:
            raise ValueError(f"slabstate: {cache.name} has no slab like that in frame {row.pfn:#x}")

    def _forget_lists(self, cache: SlubCache) -> None:
        """The box's own slabs of a cache count as full: their free objects belong to nobody."""
        self.flush_all(cache)
        for n in cache.node:
            for slab in list(n.partial.values()):
                if slab.inuse:
                    slab.inuse, slab.freelist = slab.objects, NIL
                else:
                    self.discard_slab(cache, slab)
            n.partial.clear()

    def _adopt(self, cache: SlubCache, row: SlabState) -> Slab:
        """A slab of the recorded machine, in frames that are its own."""
        pfn, memmap = row.pfn, self.box.memmap
        order = cache.gfporder if row.objects == cache.num else cache.min_order
        nid = self.pages.zone_of(pfn).node
        slab = Slab(cache, pfn, (pfn << PAGE_SHIFT) + self.page_offset, order, row.objects, nid)
        slab.inuse = row.inuse
        slab.freelist = slab.link(row.free)
        for frame in range(pfn, pfn + (1 << order)):
            self.slab_of[frame] = slab
            memmap.refcount[frame] = memmap.kind[frame] = 0
        memmap.refcount[pfn], memmap.kind[pfn], memmap.order[pfn] = 1, K_SLAB, order
        cache.held[pfn] = slab
        self._account(cache, pfn, 1 << order)
        return slab

    def _count(self, cache: SlubCache, state: CacheState) -> None:
        """Of the recorded slabs of which only the number is known, each is one of the box's own or `unseen`."""
        for nid, n in enumerate(cache.node):
            slabs = state.nodes[nid][0] if nid < len(state.nodes) else 0
            mine = [slab for slab in cache.held.values() if slab.nid == nid]
            n.unseen = max(0, slabs - len(mine))
            n.nr_slabs = len(mine) + n.unseen
            n.total_objects = sum(slab.objects for slab in mine) + n.unseen * cache.num
