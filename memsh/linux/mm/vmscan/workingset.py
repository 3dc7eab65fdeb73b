"""Telling pages that were reclaimed too early from those that were not (mm/workingset.c).

A reclaimed page leaves a shadow entry in its mapping or swap slot: whose reclaim it was (the node's, or a memory
cgroup's on a node), that lruvec's count of evictions and activations then, and whether the page belonged to the working
set. If it comes back, the distance since says whether it would have stayed in memory had the lists been balanced
differently; then it is active at once.

A shadow has 31 bits: one that is always set, the working set, and a count, of which Linux has 30 bits or more. Of any
lruvec but node 0's own the highest is set, the count has 16 bits, and 12 say whose it is and what stands above those
(`box.evictors`), so that the distance is exact on either machine.

Nodes of a file's tree with nothing but shadows in them take memory, too: what are more than pages on the lists could
ever ask for goes, oldest first (workingset_nodereclaim).

Known deviations: shadow entries are numbers in a dict.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.include.flags import PAGE_SHIFT
from memsh.linux.include.lruvec import ANON, FILE, LISTS
from memsh.linux.include.memmap import PG_ACTIVE, PG_SWAPBACKED, PG_WORKINGSET
from memsh.linux.lib.columns import ramp
from memsh.linux.lib.xarray import SHIFT
from memsh.linux.mm.lru import age_nonresident, folio_lruvec, lru_note_cost
from memsh.linux.mm.vmscan.shrinker import register_shrinker

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


class ShadowNodes:
    """The shrinker of nodes that hold nothing but shadows (count_shadow_nodes, scan_shadow_nodes)."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def count(self, memcg: int, nid: int) -> int:
        """Those beyond one for each 8 pages that the group has on the node; without groups, that the node has."""
        box = self.box
        nodes = box.shadow_nodes.count(memcg, nid)
        return max(0, nodes - (self._pages(memcg, nid) >> SHIFT - 3)) if nodes else 0

    def _pages(self, memcg: int, nid: int) -> int:
        box = self.box
        if "MEMCG" not in box.model.options:
            return sum(zone.present for zone in box.pages.nodes[nid].zones)
        lruvec = box.pages.nodes[nid].lruvecs[memcg]
        slab = box.memcg.by_number[memcg].stat if memcg and not nid else {}
        bytes_ = slab.get("slab_reclaimable", 0) + slab.get("slab_unreclaimable", 0)
        return sum(sum(lruvec.sizes[name]) for name in LISTS) + (bytes_ >> PAGE_SHIFT)

    def scan(self, number: int, memcg: int, nid: int) -> int:
        """Free the oldest ones, with the shadows in them (shadow_lru_isolate)."""
        box = self.box
        waiting = box.shadow_nodes.one(memcg, nid)
        freed = 0
        while freed < number and waiting:
            pages, leaf = next(iter(waiting.values()))
            pages.clear_leaf(leaf)
            _count(box, box.pages.nodes[nid].lruvecs[memcg], "workingset_nodereclaim")
            freed += 1
        return freed


def workingset_init(box: Box) -> None:
    """Such nodes cost nothing to be made anew: half of those that may go are looked at each time (seeks 0)."""
    nodes = ShadowNodes(box)
    register_shrinker(box, "mm-shadow", nodes.count, nodes.scan, seeks=0)


def _count(box: Box, lruvec: LruVec, name: str) -> None:
    box.vmstat[name] += 1
    if (groups := box.memcg.groups) is not None:
        groups.count_events(lruvec.memcg, name, 1)
