"""Shared memory and swap (mm/shmem.c: shmem_writepage, shmem_swapin_folio, shmem_unuse).

A page of shared memory that goes to swap leaves its slot's entry in the mapping's tree, as a value.

Known deviations: one page is read back at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.kernel.errno import KernelError
from memsh.kernel.memmap import K_ANON, K_SHMEM, PG_DIRTY
from memsh.kernel.mm_types import AddressSpace
from memsh.kernel.pagecache import add_to_page_cache, remove_mapping
from memsh.kernel.swapfile import SwapInfo
from memsh.kernel.swapin import read_swap_cache_async

if TYPE_CHECKING:
    from memsh.kernel.box import Box


def shmem_writepage(box: Box, pfn: int) -> bool:
    """Move an unmapped page from its file to the swap cache; False if there is no slot."""
    memmap = box.memmap
    mapping = memmap.owners[memmap.mapping[pfn]]
    if not isinstance(mapping, AddressSpace) or not box.swap.add_to_swap(pfn):
        return False
    entry = memmap.private[pfn]
    box.swap.duplicate(entry)
    remove_mapping(box, mapping, memmap.index[pfn], entry)
    memmap.refcount[pfn] -= 1
    memmap.flags[pfn] &= ~PG_DIRTY
    memmap.kind[pfn] = K_ANON
    return True


def shmem_swapin(box: Box, mapping: AddressSpace, index: int) -> tuple[int, bool]:
    """Bring the page at `index` back from swap: (frame, whether it was read). ENOMEM."""
    swap, memmap = box.swap, box.memmap
    while True:
        entry = mapping.pages.value(index)
        if not entry:
            return int(mapping.pages[index]), False
        pfn, fresh = read_swap_cache_async(box, entry)
        if not pfn:
            raise KernelError("ENOMEM", "no page for shared memory")
        if fresh:
            box.disk.read(1)
            if mapping.pages.value(index) != entry or swap.cached(entry) != pfn:
                continue
        swap.wait_writeback(pfn)
        if swap.cached(entry) == pfn:
            break
    memmap.refcount[pfn] += 1
    swap.free(entry)
    swap.delete_from_cache(pfn)
    memmap.refcount[pfn] -= 1
    from memsh.kernel.lru import lru_del_run

    lru_del_run(box, pfn, 1)
    memmap.kind[pfn] = K_SHMEM
    mapping.pages.put_value(index, 0)
    add_to_page_cache(box, mapping, index, pfn, shmem=True, extra=PG_DIRTY)
    return pfn, fresh


def shmem_unuse(box: Box, mapping: AddressSpace, area: SwapInfo) -> None:
    """Bring every page of a file that lies in a swap area back. ENOMEM."""
    pages = mapping.pages
    for leaf in list(pages.order()):
        for at in range(64):
            index = (leaf << 6) + at
            entry = pages.value(index)
            if entry and entry >> 1 & 31 == area.number:
                shmem_swapin(box, mapping, index)
