"""What an object allocation or free did, found by comparing the state before and after.

Nothing here slows the allocator: only commands that tell call these wrappers, which also refuse
what C would let happen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.kernel.printk import KERN_ERR
from memsh.linux.mm.slab.slab import KmemCache
from memsh.linux.mm.slab.slab_geometry import KMALLOC_MAX_CACHE_SIZE, SLAB_HWCACHE_ALIGN

if TYPE_CHECKING:
    from memsh.linux.box import Box


class ObjectReport(NamedTuple):
    """`addr` 0 when the allocation failed; `note` says where the object came from."""

    addr: int
    note: str


def objects(count: int) -> str:
    return f"{count} object" if count == 1 else f"{count} objects"


def _served(cache: KmemCache, waiting: int, slabs: int, free_slabs: int, shared: int, plain: bool) -> str:
    """In words: where an object came from, given the counts before it was taken."""
    if cache.total_slabs > slabs:
        rest = len(cache.entry)
        left = f"{cache.num - 1} free in it" if plain else f"{rest} wait in this CPU's array cache"
        return f"new slab of {objects(cache.num)}, {left}"
    if waiting:
        return f"from the array cache ({len(cache.entry)} left)"
    if len(cache.shared_entry or ()) < shared:
        return f"array cache refilled from the shared array ({len(cache.entry)} wait in it)"
    kind = "an empty slab" if len(cache.slabs_free) < free_slabs else "a partial slab"
    return f"from {kind}" if plain else f"array cache refilled from {kind} ({len(cache.entry)} wait in it)"


def kmem_cache_alloc(box: Box, cache: KmemCache, gfp: int) -> ObjectReport:
    """slab.kmem_cache_alloc() with an account of it."""
    before = (len(cache.entry), cache.total_slabs, len(cache.slabs_free), len(cache.shared_entry or ()))
    addr = box.slab.kmem_cache_alloc(cache, gfp)
    return ObjectReport(addr, _served(cache, *before, box.plain) if addr else "")


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
    before = (len(cache.entry), cache.total_slabs, len(cache.slabs_free), len(cache.shared_entry or ()))
    addr = slab.kmalloc(size, gfp)
    served = _served(cache, *before, box.plain) if addr else ""
    return ObjectReport(addr, f"{cache.name}: {cache.size} bytes, {cache.size - size} unused; {served}")


def _freed(cache: KmemCache, waiting: int, slabs: int) -> str:
    gone = slabs - cache.total_slabs
    ended = f", {gone} empty slab{'' if gone == 1 else 's'} went back to the buddy system" if gone else ""
    if len(cache.entry) > waiting:
        return f"to this CPU's array cache of {cache.name} ({len(cache.entry)} of {cache.limit} in it){ended}"
    if len(cache.entry) == waiting:
        return f"back into its slab of {cache.name}{ended}"
    moved = waiting + 1 - len(cache.entry)
    return f"array cache of {cache.name} was full: {moved} of its objects went back to their slabs{ended}"


def kmem_cache_free(box: Box, cache: KmemCache, addr: int) -> str:
    """Free an object of `cache` and say where it went; EINVAL for what is no object of it in use."""
    bad = box.slab.bad_object(cache, addr)
    if bad:
        found = box.slab.virt_to_cache(addr)
        if found and found[0] is not cache:
            box.log.printk(
                f"cache_from_obj: Wrong slab cache. {cache.name} but object is from {found[0].name}", KERN_ERR
            )
        elif bad == "the object is free already":
            box.log.printk(f"slab: double free detected in cache '{cache.name}', objp {addr:08x}", KERN_ERR)
        raise KernelError("EINVAL", bad)
    waiting, slabs = len(cache.entry), cache.total_slabs
    box.slab.kmem_cache_free(cache, addr)
    return _freed(cache, waiting, slabs)


def kfree(box: Box, addr: int) -> str:
    """kfree() with an account of it; EINVAL, with a line in the log, for what kmalloc did not give or what is free."""
    bad = box.slab.bad_kfree(addr)
    if bad:
        found = box.slab.virt_to_cache(addr)
        if found and bad == "the object is free already":
            box.log.printk(f"slab: double free detected in cache '{found[0].name}', objp {addr:08x}", KERN_ERR)
        else:
            box.log.printk(f"object pointer: 0x{addr:08x}", KERN_ERR)
        raise KernelError("EINVAL", bad)
    found = box.slab.virt_to_cache(addr)
    if not found:
        size = box.slab.ksize(addr)
        box.slab.kfree(addr)
        return f"{size // PAGE_SIZE} pages went back to the buddy system" if size else "nothing to free"
    waiting, slabs = len(found[0].entry), found[0].total_slabs
    box.slab.kfree(addr)
    return _freed(found[0], waiting, slabs)


def create(box: Box, name: str, size: int, align: int, hwcache_align: bool) -> KmemCache:
    return box.slab.kmem_cache_create(name, size, align, SLAB_HWCACHE_ALIGN if hwcache_align else 0)


def geometry(box: Box, cache: KmemCache) -> str:
    """A cache's shape in one line."""
    pages = 1 << cache.gfporder
    where = (
        "off the slab" if cache.off_slab else "in a free object" if cache.flags & 0x40000000 else "at the slab's end"
    )
    return (
        f"{cache.name}: objects of {cache.size} bytes, {cache.num} in a slab of {pages} page{'s' * (pages > 1)}, "
        f"free list {where}; array cache {cache.limit}, batch {cache.batchcount}"
    )
