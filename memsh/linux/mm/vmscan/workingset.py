"""Telling pages that were reclaimed too early from those that were not (mm/workingset.c).

A reclaimed page leaves a shadow entry in its mapping or swap slot: the node's count of evictions and activations then,
and whether the page belonged to the working set. If it comes back, the distance since says whether it would have
stayed in memory had the lists been balanced differently; then it is active at once.

Known deviations: shadow entries are numbers in a dict and are never reclaimed (workingset_nodereclaim stays 0).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.include.memmap import PG_ACTIVE, PG_SWAPBACKED, PG_WORKINGSET
from memsh.linux.lib.columns import ramp
from memsh.linux.mm.lru import lru_note_cost

if TYPE_CHECKING:
    from memsh.linux.box import Box

EVICTION_SHIFT = 2  # of a shadow: bit 0 marks it as one, bit 1 the working set
EVICTION_MASK = (1 << 29) - 1  # a shadow has 31 bits


def workingset_eviction(box: Box, pfn: int) -> int:
    """The shadow entry of a page that is about to go; never 0."""
    lru = box.lru
    age = lru.nonresident_age
    lru.nonresident_age = age + 1
    return (age & EVICTION_MASK) << EVICTION_SHIFT | bool(box.memmap.flags[pfn] & PG_WORKINGSET) << 1 | 1


def workingset_evictions(box: Box, count: int, bits: int) -> array[int]:
    """workingset_eviction() of `count` pages with the flags `bits`, one after the other."""
    lru = box.lru
    age = lru.nonresident_age
    lru.nonresident_age = age + count
    low = bool(bits & PG_WORKINGSET) << 1 | 1
    age &= EVICTION_MASK
    if age + count <= EVICTION_MASK:
        return array("I", ramp(age << EVICTION_SHIFT | low, count, 1 << EVICTION_SHIFT))
    return array("I", [(n & EVICTION_MASK) << EVICTION_SHIFT | low for n in range(age, age + count)])


def workingset_refault(box: Box, pfn: int, shadow: int) -> None:
    """A page is back; its flags say what it is. Makes it active if it was reclaimed too early."""
    memmap, vmstat, lru = box.memmap, box.vmstat, box.lru
    flags = memmap.flags[pfn]
    file = not flags & PG_SWAPBACKED
    kind = "file" if file else "anon"
    distance = (lru.nonresident_age - (shadow >> EVICTION_SHIFT)) & EVICTION_MASK
    vmstat["workingset_refault_" + kind] += 1
    size = vmstat["nr_active_file"]
    if not file:
        size += vmstat["nr_inactive_file"]
    if box.swap.get_nr_swap_pages() > 0:
        size += vmstat["nr_active_anon"]
        if file:
            size += vmstat["nr_inactive_anon"]
    if distance > size:
        return
    flags |= PG_ACTIVE
    lru.nonresident_age += 1
    vmstat["workingset_activate_" + kind] += 1
    if shadow & 2:
        flags |= PG_WORKINGSET
        lru_note_cost(box, file=file, pages=1)
        vmstat["workingset_restore_" + kind] += 1
    memmap.flags[pfn] = flags
