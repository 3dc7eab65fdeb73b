"""Shared memory and swap (mm/shmem.c: shmem_writepage, shmem_swapin_folio, shmem_unuse).

A page of shared memory that goes to swap leaves its slot's entry in the tree of its file, as a value.

Known deviations: none that show.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.memmap import K_SHMEM, PG_DIRTY
from memsh.linux.include.mm_types import AddressSpace
from memsh.linux.include.swapops import swp_type
from memsh.linux.lib.xarray import VALUE
from memsh.linux.mm.filemap.pagecache import remove_mapping
from memsh.linux.mm.lru import put_frames
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.swap.swapin import swap_cache_get_folio, swapin_readahead

if TYPE_CHECKING:
    from memsh.linux.box import Box


def shmem_writepage(box: Box, pfn: int) -> bool:
    """Move an unmapped page from its file to the swap cache; False if there is no slot, or no memory."""
    memmap, swap = box.memmap, box.swap
    mapping = memmap.owners[memmap.mapping[pfn]]
    if not isinstance(mapping, AddressSpace):
        return False
    entry = swap.folio_alloc_swap(pfn)
    if not entry:
        return False
    try:
        swap.add_to_cache(entry, pfn)
    except KernelError:
        swap.put_swap_folio(entry)
        return False
    swap.swap_shmem_alloc(entry)
    remove_mapping(box, mapping, memmap.index[pfn], entry)
    memmap.refcount[pfn] -= 1
    return True


def swap_entry(mapping: AddressSpace, index: int) -> int:
    """The swap entry of a page that went to swap, 0 if it did not."""
    return int(mapping.pages.value(index))


def shmem_swapin(box: Box, mapping: AddressSpace, index: int) -> tuple[int, bool]:
    """Bring the page at `index` back from swap: (frame, whether the disk was asked). ENOMEM."""
    swap, memmap = box.swap, box.memmap
    major = False
    while True:
        entry = swap_entry(mapping, index)
        if not entry:
            return int(mapping.pages[index]), major
        pfn = swap_cache_get_folio(box, entry)
        if not pfn:
            pfn = swapin_readahead(box, entry)
            if not pfn:
                if swap_entry(mapping, index) != entry:
                    continue
                raise KernelError("ENOMEM", "no page for shared memory")
            major = True
        swap.wait_locked(pfn)
        swap.wait_writeback(pfn)
        if swap.cached(entry) == pfn and swap_entry(mapping, index) == entry:
            break
        put_frames(box, [pfn])
    swap.delete_from_cache(pfn)
    memmap.kind[pfn] = K_SHMEM
    memmap.flags[pfn] |= PG_DIRTY
    memmap.mapping[pfn] = mapping.number
    memmap.index[pfn] = index
    mapping.pages[index] = pfn
    mod_node_page_state(box, "nr_file_pages", pfn, 1)
    box.vmstat["nr_shmem"] += 1
    swap.free(entry)
    memmap.refcount[pfn] -= 1  # the swap cache's reference is the page cache's now, this one was ours
    return pfn, major


def shmem_unuse(box: Box, mapping: AddressSpace, number: int) -> None:
    """Bring every page of a file that lies in swap area `number` back. ENOMEM."""
    pages = mapping.pages
    for leaf in list(pages.order()):
        box.cond_resched()
        for at, value in enumerate(pages.leaves[leaf].tolist() if leaf in pages.leaves else []):
            if value >= VALUE and swp_type(value & ~VALUE) == number:
                shmem_swapin(box, mapping, (leaf << 6) + at)


def shmem_free_swap(box: Box, value: int) -> None:
    """A file no longer needs what lies in swap for it."""
    box.swap.free_and_cache(value & ~VALUE)


def swapped_pages(mapping: AddressSpace, first: int, last: int) -> Iterator[int]:
    """The indexes of [first, last) whose pages lie in swap, in no particular order."""
    for leaf, slots in mapping.pages.leaves.items():
        if leaf << 6 < last and (leaf + 1) << 6 > first and max(slots) >= VALUE:
            yield from (at for at, slot in enumerate(slots, leaf << 6) if slot >= VALUE and first <= at < last)


def swap_usage(mapping: AddressSpace, first: int, last: int) -> int:
    """Pages of [first, last) that lie in swap (shmem_partial_swap_usage)."""
    return sum(1 for _ in swapped_pages(mapping, first, last))


