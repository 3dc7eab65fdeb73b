"""Kernel objects that process memory takes from its slab caches (kernel/fork.c, proc_caches_init).

`take(box, "vm_area_struct")` gives the object's address; memory that is short raises ENOMEM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL

if TYPE_CHECKING:
    from memsh.linux.box import Box


def take(box: Box, name: str, gfp: int = GFP_KERNEL) -> int:
    """Allocate one object of the cache `name`; ENOMEM if there is no memory for it."""
    slab = box.slab
    addr: int = slab.kmem_cache_alloc(slab.find(name), gfp)
    if not addr:
        raise KernelError("ENOMEM", f"no memory for a {name}")
    return addr


def give(box: Box, name: str, addr: int) -> None:
    """Free what `take` gave."""
    slab = box.slab
    slab.kmem_cache_free(slab.find(name), addr)


def new_owner(box: Box, owner: object) -> int:
    """A number for `owner` in memmap.owners, which page->mapping can hold."""
    owners, free = box.memmap.owners, box.vm.free_owners
    if free:
        number = free.pop()
        owners[number] = owner
        return number
    owners.append(owner)
    return len(owners) - 1


def drop_owner(box: Box, number: int) -> None:
    box.memmap.owners[number] = None
    box.vm.free_owners.append(number)
