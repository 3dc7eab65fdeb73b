"""What must hold for swap: every slot has as many references as there are entries that name it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from memsh.kernel.columns import PRESENT
from memsh.kernel.memmap import PG_SWAPCACHE
from memsh.kernel.mm_types import AddressSpace
from memsh.kernel.swapfile import SWAP_HAS_CACHE, SWAP_MAP_BAD
from memsh.kernel.xarray import VALUE

if TYPE_CHECKING:
    from memsh.kernel.box import Box


def entries(box: Box) -> Counter[int]:
    """Swap entries in page tables and in the trees of shared memory, with how often each stands there."""
    found: Counter[int] = Counter()
    for mm in box.vm.mms.values():
        for table in mm.pgd.values():
            found.update(pte for pte in table.ptes if pte and not pte & PRESENT)
    for owner in box.memmap.owners:
        if isinstance(owner, AddressSpace) and owner.inode.shmem:
            for slots in owner.pages.leaves.values():
                found.update(entry & ~VALUE for entry in slots if entry & VALUE)
    return found


def check_swap(box: Box, cached: dict[int, int], wrong: list[str]) -> None:
    """Counts references; `cached` gains the frames that the swap cache holds."""
    memmap, swap = box.memmap, box.swap
    found = entries(box)
    in_cache = free = 0
    for area in swap.info.values():
        inuse = 0
        for offset, value in enumerate(area.map):
            if value == SWAP_MAP_BAD and not offset:
                continue
            inuse += bool(value)
            entry = offset << 9 | area.number << 1
            counted = found.pop(entry, 0)
            if area.count(offset) != counted:
                wrong.append(f"swap slot {offset} has {area.count(offset)} references, counted {counted}")
            pfn = area.cache[offset]
            if bool(pfn) != bool(value & SWAP_HAS_CACHE):
                wrong.append(f"swap slot {offset} of {area.path}: the swap cache does not know it")
            if pfn:
                in_cache += 1
                cached[pfn] = cached.get(pfn, 0) + 1
                if memmap.private[pfn] != entry or not memmap.flags[pfn] & PG_SWAPCACHE:
                    wrong.append(f"frame {pfn:x} in the swap cache does not know its slot")
        if area.inuse != inuse:
            wrong.append(f"{area.path}: {area.inuse} slots in use, counted {inuse}")
        free += area.pages - inuse
    if found:
        wrong.append(f"{len(found)} entries name no swap slot")
    if swap.free_pages != free:
        wrong.append(f"free swap pages is {swap.free_pages}, counted {free}")
    if box.vmstat["nr_swapcached"] != in_cache:
        wrong.append(f"nr_swapcached is {box.vmstat['nr_swapcached']}, counted {in_cache}")
