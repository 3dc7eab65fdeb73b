"""What must hold for slabs: `check_slab(box)` recounts lists, free objects, arrays and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.memmap import K_KMALLOC, K_SLAB

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.slab.slab import KmemCache

_MOST = 20


def check_slab(box: Box) -> list[str]:
    """Every breach, one line each; at most twenty."""
    wrong: list[str] = []
    pages = {True: 0, False: 0}
    frames = 0
    for name, cache in box.slab.caches.items():
        if name != cache.name:
            wrong.append(f"cache {cache.name} is listed as {name}")
        frames += _check_cache(box, cache, wrong)
        pages[cache.reclaimable] += cache.total_slabs << cache.gfporder
    if frames != len(box.slab.slab_of):
        wrong.append(f"{len(box.slab.slab_of)} frames belong to slabs, {frames} to slabs on a list")
    refcount, order = box.memmap.refcount, box.memmap.order
    kinds = bytes(box.memmap.kind)
    at = kinds.find(K_KMALLOC)
    while at >= 0:
        if refcount[at]:
            pages[False] += 1 << order[at]
        at = kinds.find(K_KMALLOC, at + 1)
    for reclaimable, item in ((True, "nr_slab_reclaimable"), (False, "nr_slab_unreclaimable")):
        if box.vmstat[item] != pages[reclaimable]:
            wrong.append(f"{item} is {box.vmstat[item]}, counted {pages[reclaimable]}")
    return wrong[:_MOST]


def _check_cache(box: Box, cache: KmemCache, wrong: list[str]) -> int:
    """Check one cache; answers the number of frames of its slabs."""
    memmap, slab_of = box.memmap, box.slab.slab_of
    free = 0
    in_slabs: set[int] = set()
    for name, slabs in (("full", cache.slabs_full), ("partial", cache.slabs_partial), ("free", cache.slabs_free)):
        for pfn, slab in slabs.items():
            fits = {"full": slab.active == cache.num, "partial": 0 < slab.active < cache.num, "free": not slab.active}[
                name
            ]
            if not fits:
                wrong.append(f"{cache.name}: the slab in frame {pfn:#x} has {slab.active} objects out, but is {name}")
            if sorted(slab.free) != list(range(cache.num)) and len(set(slab.free_indexes())) != cache.num - slab.active:
                wrong.append(f"{cache.name}: the free list of the slab in frame {pfn:#x} names an object twice")
            if memmap.kind[pfn] != K_SLAB or not memmap.refcount[pfn] or memmap.order[pfn] != cache.gfporder:
                wrong.append(f"{cache.name}: frame {pfn:#x} is not a slab page")
            if any(slab_of.get(pfn + n) is not slab for n in range(1 << cache.gfporder)):
                wrong.append(f"{cache.name}: a frame of the slab in {pfn:#x} belongs elsewhere")
            free += cache.num - slab.active
            in_slabs.update(slab.s_mem + index * cache.size for index in slab.free_indexes())
    waiting = cache.entry + (cache.shared_entry or [])
    if len(set(waiting)) != len(waiting) or in_slabs.intersection(waiting):
        wrong.append(f"{cache.name}: an object is free twice")
    if len(cache.entry) > cache.limit or len(cache.shared_entry or ()) > cache.shared * cache.batchcount:
        wrong.append(f"{cache.name}: an array holds more than its limit")
    if free != cache.free_objects:
        wrong.append(f"{cache.name}: free_objects is {cache.free_objects}, counted {free}")
    return cache.total_slabs << cache.gfporder
