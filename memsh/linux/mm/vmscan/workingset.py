"""Telling pages that were reclaimed too early from those that were not (mm/workingset.c).

A reclaimed page leaves a shadow entry in its mapping or swap slot: whose reclaim it was (the node's, or a memory
cgroup's on a node), that lruvec's count of evictions and activations then, and whether the page belonged to the working
set. If it comes back, the distance since says whether it would have stayed in memory had the lists been balanced
differently; then it is active at once.

A shadow has 31 bits: one that is always set, the working set, and a count, of which Linux has 30 bits or more. Of any
lruvec but node 0's own the highest is set, the count has 16 bits, and 12 say whose it is and what stands above those
(`box.evictors`), so that the distance is exact on either machine.

Known deviations: shadow entries are numbers in a dict and are never reclaimed (workingset_nodereclaim stays 0).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.include.lruvec import ANON, FILE
from memsh.linux.include.memmap import PG_ACTIVE, PG_SWAPBACKED, PG_WORKINGSET
from memsh.linux.lib.columns import ramp
from memsh.linux.mm.lru import age_nonresident, folio_lruvec, lru_note_cost

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.lruvec import LruVec

_MARK, _WORKINGSET, _ELSEWHERE = 1, 2, 1 << 30
EVICTION_SHIFT = 2
EVICTION_MASK = (1 << 28) - 1
OWNER_BITS = 12
AGE_BITS = 16


def workingset_eviction(box: Box, evictor: LruVec, bits: int) -> int:
    """The shadow entry of a page with the flags `bits` that is about to go; never 0. `evictor` is who reclaims: the
    lruvec of the group that met its limit, or the node's own."""
    age = evictor.nonresident_age
    age_nonresident(evictor, 1)
    return _pack_shadow(box, evictor, age, bits)


def _pack_shadow(box: Box, evictor: LruVec, age: int, bits: int) -> int:
    low = _MARK | _WORKINGSET * bool(bits & PG_WORKINGSET)
    if not evictor.nid and not evictor.memcg:
        return (age & EVICTION_MASK) << EVICTION_SHIFT | low
    who = _owner(box, evictor, age)
    return ((age & (1 << AGE_BITS) - 1) << OWNER_BITS | who) << EVICTION_SHIFT | low | _ELSEWHERE


def _owner(box: Box, evictor: LruVec, age: int) -> int:
    """The number by which shadows name an lruvec at an age; with too many to tell apart, the oldest gives its up."""
    key = evictor.nid, evictor.memcg, age >> AGE_BITS
    if (known := box.evictors.get(key)) is not None:
        return known
    number = len(box.evictors)
    if number >> OWNER_BITS:
        number = box.evictors.pop(next(iter(box.evictors)))
    box.evictors[key], box.evictor_of[number] = number, key
    return number


def workingset_evictions(box: Box, evictor: LruVec, count: int, bits: int) -> array[int]:
    """workingset_eviction() of `count` pages with the flags `bits`, one after the other."""
    age = evictor.nonresident_age
    age_nonresident(evictor, count)
    if not evictor.nid and not evictor.memcg and (age & EVICTION_MASK) + count <= EVICTION_MASK:
        return array("I", ramp(_pack_shadow(box, evictor, age, bits), count, 1 << EVICTION_SHIFT))
    return array("I", [_pack_shadow(box, evictor, n, bits) for n in range(age, age + count)])


def _refault_distance(box: Box, shadow: int) -> tuple[LruVec | None, int]:
    """(who reclaimed the page, how many pages ago); None if that was a cgroup that is no more."""
    count = shadow >> EVICTION_SHIFT & EVICTION_MASK
    nodes = box.pages.nodes
    if not shadow & _ELSEWHERE:
        lruvec = nodes[0].lruvec
        return lruvec, (lruvec.nonresident_age - count) & EVICTION_MASK
    who = count & (1 << OWNER_BITS) - 1
    nid, memcg, high = box.evictor_of[who]
    evictor = nodes[nid].lruvecs.get(memcg)
    if evictor is None:
        return None, 0
    return evictor, evictor.nonresident_age - (high << AGE_BITS | count >> OWNER_BITS)


def mem_cgroup_get_nr_swap_pages(box: Box, memcg: int) -> int:
    """Slots that pages of a group may still take: the machine's, without groups."""
    groups = box.memcg.groups
    return box.swap.get_nr_swap_pages() if groups is None else groups.nr_swap_pages(memcg)


def workingset_refault(box: Box, pfn: int, shadow: int) -> None:
    """A page is back; its flags say what it is. Makes it active if it was reclaimed too early."""
    memmap = box.memmap
    flags = memmap.flags[pfn]
    file = not flags & PG_SWAPBACKED
    kind = "file" if file else "anon"
    evictor, distance = _refault_distance(box, shadow)
    if evictor is None:
        return
    lruvec = folio_lruvec(box, pfn)
    _count(box, lruvec, "workingset_refault_" + kind)
    size = evictor.page_state("active_file")
    if not file:
        size += evictor.page_state("inactive_file")
    if mem_cgroup_get_nr_swap_pages(box, lruvec.memcg) > 0:
        size += evictor.page_state("active_anon")
        if file:
            size += evictor.page_state("inactive_anon")
    if distance > size:
        return
    flags |= PG_ACTIVE
    age_nonresident(lruvec, 1)
    for level in lruvec.levels():
        level.activated[FILE if file else ANON] += 1
    _count(box, lruvec, "workingset_activate_" + kind)
    if shadow & _WORKINGSET:
        flags |= PG_WORKINGSET
        lru_note_cost(lruvec, file=file, pages=1)
        _count(box, lruvec, "workingset_restore_" + kind)
    memmap.flags[pfn] = flags


def _count(box: Box, lruvec: LruVec, name: str) -> None:
    box.vmstat[name] += 1
    if (groups := box.memcg.groups) is not None:
        groups.count_events(lruvec.memcg, name, 1)
