"""What must hold for slabs: `check_slab(box)` recounts lists, free objects, arrays and pages of either allocator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.memmap import K_KMALLOC, K_SLAB

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.slab.api import KmemCache

_MOST = 20


def check_slab(box: Box) -> list[str]:
    """Every breach, one line each; at most twenty."""
    wrong: list[str] = []
    pages = {True: 0, False: 0}
    frames = 0
    for name, cache in box.slab.caches.items():
        if name != cache.name:
            wrong.append(f"cache {cache.name} is listed as {name}")
        held = _check_cache(box, cache, wrong)
        frames += held
        pages[cache.reclaimable] += held
    known = box.slab.slab_frames()
    if frames != known:
        wrong.append(f"{known} frames belong to slabs, {frames} to slabs on a list")
    pages[False] += _large_kmalloc(box)
    for reclaimable, item in ((True, "nr_slab_reclaimable"), (False, "nr_slab_unreclaimable")):
        if box.vmstat[item] != pages[reclaimable]:
            wrong.append(f"{item} is {box.vmstat[item]}, counted {pages[reclaimable]}")
    return wrong[:_MOST]


def _large_kmalloc(box: Box) -> int:
    """Pages of kmalloc blocks that no cache serves."""
    memmap = box.memmap
    total = 0
    for low, high in memmap.used_sections():
        kinds = bytes(memmap.kind[low:high])
        at = kinds.find(K_KMALLOC)
        while at >= 0:
            if memmap.refcount[low + at]:
                total += 1 << memmap.order[low + at]
            at = kinds.find(K_KMALLOC, at + 1)
    return total


def _check_cache(box: Box, cache: KmemCache, wrong: list[str]) -> int:
    """Check one cache; answers the number of frames of its slabs."""
    memmap, slab = box.memmap, box.slab
    frames = 0
    in_slabs: set[int] = set()
    for facts in slab.slabs(cache):
        where = f"{cache.name}: the slab in frame {facts.pfn:#x}"
        if facts.broken:
            wrong.append(f"{where} {facts.broken}")
        free = set(facts.free)
        if len(free) != len(facts.free):
            twice = next(index for index in facts.free if facts.free.count(index) > 1)
            wrong.append(f"{where} has object {facts.addr + twice * cache.size:#x} on its free list twice")
        if any(not 0 <= index < facts.objects for index in free):
            wrong.append(f"{where} has a free list that leads out of it")
        pfn = facts.pfn
        if memmap.kind[pfn] != K_SLAB or not memmap.refcount[pfn] or memmap.order[pfn] != facts.order:
            wrong.append(f"{cache.name}: frame {pfn:#x} is not a slab page")
        frames += 1 << facts.order
        in_slabs.update(facts.addr + index * cache.size for index in free)
    seen: set[int] = set()
    for array in slab.arrays(cache):
        for addr in array.addrs:
            if addr in seen or addr in in_slabs:
                wrong.append(f"{cache.name}: object {addr:#x} is free twice")
            seen.add(addr)
            found = slab.object_at(addr)
            if found is not None and found.cache is not cache:
                wrong.append(f"{cache.name}: object {addr:#x} in the {array.name} is one of {found.cache.name}")
        if len(array.addrs) > array.limit:
            wrong.append(f"{cache.name}: the {array.name} holds more than its limit")
    wrong.extend(f"{cache.name}: {line}" for line in slab.miscounted(cache))
    return frames
