"""What an object allocation or free did, found by comparing the state before and after.

Nothing here slows the allocator: only commands that tell call these wrappers, which also refuse what C would
let happen, but for an object that is freed twice or to another cache than its own: neither SLAB nor SLUB looks for
that without CONFIG_SLAB_FREELIST_HARDENED and slub_debug (cache_from_obj in mm/slab.h).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.mm.slab.api import KMALLOC_MAX_CACHE_SIZE, KmemCache

if TYPE_CHECKING:
    from memsh.linux.box import Box


class ObjectReport(NamedTuple):
    """`addr` 0 when the allocation failed; `note` says where the object came from."""

    addr: int
    note: str


def kmem_cache_alloc(box: Box, cache: KmemCache, gfp: int) -> ObjectReport:
    """slab.kmem_cache_alloc() with an account of it."""
    slab = box.slab
    before = slab.standing(cache)
    addr = slab.kmem_cache_alloc(cache, gfp)
    return ObjectReport(addr, slab.taken(cache, before) if addr else "")


def kmalloc(box: Box, size: int, gfp: int) -> ObjectReport:
    """slab.kmalloc() with an account of it: cache, object size, waste."""
    slab = box.slab
    if not size or size > KMALLOC_MAX_CACHE_SIZE:
        addr = slab.kmalloc(size, gfp)
        if not size:
            return ObjectReport(addr, "ZERO_SIZE_PTR: nothing was allocated, and nothing may be read there")
        usable = slab.ksize(addr) if addr else 0
        order = (usable // PAGE_SIZE - 1).bit_length()
        note = f"{usable} bytes, {usable - size} unused: an order-{order} block of the buddy system"
        return ObjectReport(addr, note)
    cache = slab.kmalloc_slab(size, gfp)
    before = slab.standing(cache)
    addr = slab.kmalloc(size, gfp)
    served = slab.taken(cache, before) if addr else ""
    return ObjectReport(addr, f"{cache.name}: {cache.size} bytes, {cache.size - size} unused; {served}")


def kmem_cache_free(box: Box, cache: KmemCache, addr: int) -> str:
    """Free an object to `cache` and say where it went; EINVAL for what is no object of a slab."""
    slab = box.slab
    bad = slab.bad_object(addr)
    if bad:
        raise KernelError("EINVAL", bad)
    found = slab.object_at(addr)
    owner = found.cache if found else cache
    told = slab.taken_back_by(cache, owner)
    before = slab.standing(told)
    slab.kmem_cache_free(cache, addr)
    wrong = "" if owner is cache else f"; it is an object of {owner.name}, and nothing looks for that"
    return slab.given(told, before) + wrong


def kmem_cache_free_bulk(box: Box, cache: KmemCache, addrs: list[int]) -> str:
    """The same for many objects, at once; nothing is freed if one of them is no object of a slab."""
    for addr in addrs:
        bad = box.slab.bad_object(addr)
        if bad:
            raise KernelError("EINVAL", f"{addr:#x}: {bad}")
    box.slab.kmem_cache_free_bulk(cache, addrs)
    return f"{len(addrs)} object{'' if len(addrs) == 1 else 's'} freed"


def kfree(box: Box, addr: int) -> str:
    """kfree() with an account of it; EINVAL, with a line in the log, for what kmalloc did not give."""
    slab = box.slab
    bad = slab.bad_kfree(addr)
    if bad:
        slab.complain(addr)
        raise KernelError("EINVAL", bad)
    found = slab.object_at(addr)
    if not found:
        size = slab.ksize(addr)
        slab.kfree(addr)
        return f"{size // PAGE_SIZE} pages went back to the buddy system" if size else "nothing to free"
    before = slab.standing(found.cache)
    slab.kfree(addr)
    return slab.given(found.cache, before)


def geometry(box: Box, cache: KmemCache) -> str:
    """A cache's shape in one line."""
    pages = 1 << cache.gfporder
    return (
        f"{cache.name}: objects of {cache.size} bytes, {cache.num} in a slab of {pages} page{'s' * (pages > 1)}, "
        f"{box.slab.shape(cache)}"
    )
