"""The caches of a booted box with SLUB, and what its CPUs and nodes hold of them (mm/slub.c, kmem_cache_init).

Known deviations: each CPU beyond those of a recorded machine adds the same, half of a slab free; with `slab_nomerge` a
cache that would have been merged has the size of the one that it would have been merged with.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import TYPE_CHECKING

from memsh.lazy import regular
from memsh.linux.include.flags import GFP_KERNEL, GFP_NOWAIT, PAGE_SIZE
from memsh.linux.mm.slab.api import SLAB_HWCACHE_ALIGN, SLAB_NOLEAKTRACE, Row
from memsh.linux.mm.slab.slab_common import short_size
from memsh.linux.mm.slab.slub_caches import (
    EXEMPT,
    KMALLOC_KINDS,
    KMALLOC_SIZES,
    KMEM_CACHE_SIZE,
    NODE_SIZE,
    SlubCaches,
)
from memsh.linux.mm.slab.slub_geometry import Tuning, calculate_order
from memsh.linux.mm.slab.slub_types import NIL, Slab

if TYPE_CHECKING:
    from memsh.linux.mm.slab.slub_types import SlubCache

MEMORY_BLOCK, LARGE_MEMORY_BLOCK = 128 << 20, 2 << 30
LARGE_FROM = 64 << 30  # of RAM: from here on memory blocks are large (probe_memory_block_size)
_HOLDING = regular(r"(n?)(\d+)([:p])(\d+)")


class SlubBoot(SlubCaches):
    """SLUB as boot leaves it."""

    def populate_boot(self, populations: bool = True) -> None:
        for name, size in (("kmem_cache", KMEM_CACHE_SIZE + 8 * self.nodes), ("kmem_cache_node", NODE_SIZE)):
            self._open(name, size, flags=SLAB_HWCACHE_ALIGN).refcount = EXEMPT
        for caches, (prefix, flag) in zip(self.kmalloc_caches, KMALLOC_KINDS, strict=True):
            for size in KMALLOC_SIZES:
                align = size if not size & (size - 1) else 0
                caches[size] = self._open(prefix + short_size(size), size, align, flag, usersize=size)
                if not flag:
                    caches[size].refcount = EXEMPT
        for row in self.boot.caches:
            self._open(row.name, row.object_size, row.align, row.flags, row.ctor, row.usersize)
        if self.nomerge:
            rows = {row.name: row for row in self.boot.caches}
            for name, target in self.aliases.items():
                row = rows[target]
                self._open(name, row.object_size, row.align, row.flags, row.ctor, row.usersize)
            self.aliases.clear()
        for target in self.aliases.values():
            self.caches[target].refcount += 1
        for cache in self.caches.values():
            self._describe(cache, GFP_NOWAIT)

    def top_up(self, rows: Iterable[Row]) -> None:
        """What a row says is free lies in partial slabs of the first node. A cache that holds more already is left
        alone; a cache of the recording that this box lacks is created."""
        for row in rows:
            cache = self.named(row.name)
            if cache is None and row.size:
                cache = self._open(row.name, row.size, flags=SLAB_NOLEAKTRACE)
                self._describe(cache, GFP_KERNEL)
            if cache is None or (cache.size, cache.num) != (row.size, row.objects_per_slab):
                continue
            if sum(n.nr_slabs for n in cache.node) > row.num_slabs:
                continue
            free = row.num_slabs * cache.num - row.active_objs
            partial = [min(cache.num, free - at) for at in range(0, free, cache.num)]
            self._hold(cache, self._grow(cache, row.num_slabs), [("n", 0, "p", count) for count in partial])

    def settle(self) -> None:
        """Boot is over: caches grow to what the recorded machine had, and CPUs and nodes hold what its held."""
        layout = min(2, self.cpus.bit_length() - 1)
        for name, texts in self.boot.held.items():
            cache = self.named(name)
            if cache is not None:
                slabs, *holdings = texts[layout].split()
                total = sum(int(part) for part in slabs.split("+"))
                extra = self.boot.per_block.get(name, 0) * (self._memory_blocks() - self.boot.blocks[layout])
                recorded = 1 << layout  # CPUs, for which slabs may have been smaller
                of_old = (PAGE_SIZE << calculate_order(cache.size, recorded, Tuning())) // cache.size
                total = -(-total * of_old // cache.num)
                grown = self.boot.per_cpu.get(name, 0) * (self.cpus - recorded) // cache.num
                whole = self._grow(cache, total + extra // cache.num + grown)
                held = [(of, int(number), how, int(free)) for of, number, how, free in map(_parts, holdings)]
                others = range(recorded, min(self.cpus, recorded + grown))
                self._hold(cache, whole, held + [("", cpu, ":", cache.num // 2) for cpu in others])

    def _memory_blocks(self) -> int:
        ram = self.box.config.ram
        return ram // (LARGE_MEMORY_BLOCK if ram >= LARGE_FROM else MEMORY_BLOCK)

    def _grow(self, cache: SlubCache, total: int) -> list[Slab]:
        """Whole slabs of objects that the kernel keeps, on the nodes by turns."""
        whole: list[Slab] = []
        have = sum(n.nr_slabs for n in cache.node)
        for number in range(have, total):
            slab = self.new_slab(cache, GFP_KERNEL, number % self.nodes)
            if slab is None:
                break
            cache.node[slab.nid].inc_slabs(slab)
            slab.inuse, slab.freelist = slab.objects, NIL
            whole.append(slab)
        return whole

    def _hold(
        self, cache: SlubCache, whole: list[Slab], holdings: list[tuple[str, int, str, int]]
    ) -> None:
        """Free objects of kept slabs, so that CPUs and nodes hold what they should; what cannot be is left out."""
        for cpu in cache.cpu_slab:
            self.flush_slab(cache, cpu)
            partial, cpu.partial = cpu.partial, None
            self.unfreeze_partials(cache, partial)
        kept = self.boot_objects.setdefault(cache.name, array("Q"))
        for n in cache.node:  # what boot itself left over is the kernel's, too
            while n.partial:
                slab = n.partial.popitem()[1]
                kept.extend(slab.addr + at * cache.size for at in slab.chain(slab.freelist))
                slab.inuse, slab.freelist = slab.objects, NIL
        for of, number, how, free in reversed(holdings):
            if not whole or number >= (self.nodes if of else self.cpus) or not 0 < free <= cache.num:
                continue
            slab = whole.pop()
            free = min(free, slab.objects)  # fewer where memory was short
            numbers = range(slab.objects - free, slab.objects)
            slab.inuse = slab.objects - free
            kept.extend(range(slab.addr, slab.addr + slab.inuse * cache.size, cache.size))
            if of:
                slab.freelist = slab.link(numbers)
                cache.node[slab.nid].partial[slab.pfn] = slab
            elif how == "p":
                slab.freelist, slab.frozen = slab.link(numbers), True
                self.put_cpu_partial(cache, cache.cpu_slab[number], slab, drain=False)
            else:
                self._seat(cache, number, slab, numbers)

        for slab in whole:
            kept.extend(range(slab.addr, slab.addr + slab.objects * cache.size, cache.size))

    def _seat(self, cache: SlubCache, number: int, slab: Slab, numbers: range) -> None:
        """A slab becomes a CPU's own."""
        slab.inuse, slab.frozen = slab.objects, True
        cpu = cache.cpu_slab[number]
        cpu.slab, cpu.freelist = slab, slab.link(numbers)


def _parts(holding: str) -> tuple[str, str, str, str]:
    found = _HOLDING.fullmatch(holding)
    assert found is not None, holding
    return found[1], found[2], found[3], found[4]
