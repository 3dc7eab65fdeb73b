"""What must hold for swap: `check_swap(box)` counts the references to every slot.

Slots against the entries in page tables, in shared memory and in the swap cache; the counters of areas; what is free.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from memsh.linux.include.flags import PTE_PRESENT
from memsh.linux.include.memmap import PG_SWAPCACHE, PG_WRITEBACK
from memsh.linux.include.mm_types import MM_SWAPENTS, AddressSpace
from memsh.linux.include.swapops import swp_entry, swp_offset, swp_type
from memsh.linux.lib.entries import PRESENT, lanes
from memsh.linux.lib.xarray import VALUE
from memsh.linux.mm.swap.swapfile import (
    SWAP_HAS_CACHE,
    SWAP_MAP_BAD,
    SWAP_MAP_SHMEM,
    SwapArea,
)

if TYPE_CHECKING:
    from memsh.linux.box import Box


def swap_cache(box: Box) -> dict[int, int]:
    """Frames in the swap cache -> their entries."""
    found: dict[int, int] = {}
    for area in box.swap.info:
        for tree in area.trees:
            for offset, pfn in tree.items():
                found[pfn] = swp_entry(area.type, offset)
    return found


def _references(box: Box) -> tuple[Counter[int], set[int]]:
    """How many page-table entries name each slot, and which slots belong to shared memory."""
    tables: Counter[int] = Counter()
    for mm in box.vm.mms.values():
        if not mm.rss[MM_SWAPENTS]:  # as check_mm has counted
            continue
        entry_of = mm.mmu.pte_to_swp_entry
        for table in mm.tables.values():
            ptes = table.ptes
            every = lanes(PTE_PRESENT, len(ptes), ptes.itemsize)
            if int.from_bytes(ptes.tobytes(), "little") & every != every:
                tables.update([entry_of(pte) for pte in ptes if pte and not pte & PRESENT])
    shared = {
        entry & ~VALUE
        for owner in box.memmap.owners
        if isinstance(owner, AddressSpace) and owner.inode.shmem
        for slots in owner.pages.leaves.values()
        for entry in slots
        if entry >= VALUE
    }
    return tables, shared


def check_swap(box: Box) -> list[str]:
    """Every breach, one line each."""
    wrong: list[str] = []
    swap, memmap = box.swap, box.memmap
    tables, shared = _references(box)
    cached = swap_cache(box)
    for pfn, entry in cached.items():
        if memmap.private[pfn] != entry or not memmap.flags[pfn] & PG_SWAPCACHE:
            wrong.append(f"frame {pfn:x} does not know its slot {entry:#x}")
        if memmap.flags[pfn] & PG_WRITEBACK and not (box.disk.pending or swap.plug):
            wrong.append(f"frame {pfn:x} is under writeback, the disk has nothing to do")
    slots = {entry: pfn for pfn, entry in cached.items()}
    waiting = set(swap.cache.slots) | set(swap.cache.returned)
    if len(waiting) != len(swap.cache.slots) + len(swap.cache.returned):
        wrong.append("a swap slot waits twice for this CPU")
    for entry in {*tables, *shared}:
        if swap.area_of(entry) is None:
            wrong.append(f"swap entry {entry:#x} names no slot of any area")
    for area in swap.info:
        _check_area(area, tables, shared, slots, waiting, wrong)
    total = sum(area.pages for area in swap.active)
    free = total - sum(area.inuse_pages for area in swap.active)
    for what, kept, counted in (
        ("total_swap_pages", swap.total_swap_pages, total),
        ("nr_swap_pages", swap.nr_swap_pages, free),
        ("nr_swapcached", box.vmstat["nr_swapcached"], len(cached)),
    ):
        if kept != counted and not hasattr(box, "recorded"):
            wrong.append(f"{what} is {kept}, counted {counted}")
    return wrong


def _check_area(area: SwapArea, tables: Counter[int], shared: set[int], slots: dict[int, int], waiting: set[int],
                wrong: list[str]) -> None:  # fmt: skip
    used = 0
    swap_map = area.swap_map
    known = [swp_offset(entry) for entry in (*tables, *shared, *slots, *waiting) if swp_type(entry) == area.type]
    places = {offset for offset, count in enumerate(swap_map) if count}.union(known, area.data)
    for offset in sorted(places - {0}):
        if offset >= area.max:
            continue
        have = swap_map[offset]
        entry = swp_entry(area.type, offset)
        cache = SWAP_HAS_CACHE if entry in slots or entry in waiting else 0
        used += bool(have) and have != SWAP_MAP_BAD
        if entry in waiting and (entry in tables or entry in shared or entry in slots):
            wrong.append(f"slot {entry:#x} waits for this CPU and is in use")
        if entry in shared:
            want = SWAP_MAP_SHMEM | cache
        elif offset in area.continued:
            want = tables[entry] - area.continued[offset] | 0x80 | cache
        else:
            want = tables[entry] | cache
        if have != want and have != SWAP_MAP_BAD:
            wrong.append(f"slot {entry:#x} of {area.path}: {have:#x} in the map, counted {want:#x}")
        if not have and offset in area.data:
            wrong.append(f"free slot {entry:#x} of {area.path} has contents")
    free = swap_map.find(0)
    if free >= 0 and not area.lowest_bit <= free <= swap_map.rfind(0) <= area.highest_bit:
        wrong.append(f"{area.path}: free slots lie outside of {area.lowest_bit} to {area.highest_bit}")
    if used != area.inuse_pages:
        wrong.append(f"{area.path}: {used} slots in use, {area.inuse_pages} counted")
