"""Taking pages off the tail of an LRU list, and putting them back (mm/vmscan.c: isolate_lru_folios,
move_folios_to_lru).

Nobody else sees a page in between, as the clock stands; so that it is off its list is written nowhere, and nobody holds
it: the flag PG_LRU stays, and the count of references is what others hold. A huge page is a stretch of its own, its
head, and counts for 512.

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.memmap import PG_ACTIVE, PG_HUGE, PG_LRU, PG_MLOCKED, PG_SWAPBACKED, PG_UNEVICTABLE
from memsh.linux.lib.columns import alike, linked, stepped_runs
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR
from memsh.linux.mm.lru import add_lru_size, age_nonresident, lru_name
from memsh.linux.mm.vmscan.huge import before_huge, huge_mapped, number_of_pages

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.lruvec import LruVec
    from memsh.linux.include.mmzone import Zone
    from memsh.linux.mm.vmscan.scan import ScanControl, Stretch

_CHOOSE = PG_ACTIVE | PG_UNEVICTABLE | PG_SWAPBACKED
_LRU_BITS = PG_LRU | PG_ACTIVE | PG_UNEVICTABLE
Kept = tuple[int, int, int, bool]  # a stretch, and whether its pages may differ, or nobody holds one any more


def zone_limit(sc: ScanControl, nid: int) -> int:
    """Frames of a node below this one are all what this reclaimer is after; most of those above are not."""
    zones = sc.box.pages.nodes[nid].zones
    if sc.reclaim_idx == len(zones) - 1:
        return sc.box.memmap.frames
    above = [zone.start_pfn for zone in zones if zone.index > sc.reclaim_idx and zone.spanned]
    return min(above, default=sc.box.memmap.frames)


def isolate_lru_folios(
    sc: ScanControl, lruvec: LruVec, name: str, nr_to_scan: int
) -> tuple[list[Stretch], int, int]:  # fmt: skip
    """Take up to `nr_to_scan` pages off the tail of a list: (stretches of frames, tail first; how many; how many were
    looked at). Pages of zones above sc.reclaim_idx are passed over and go to the head."""
    box = sc.box
    memmap = box.memmap
    flags, prevs = memmap.flags, memmap.lru_prev
    huge_pages = box.thp.pages
    limit = zone_limit(sc, lruvec.nid)
    mapcount = None if sc.may_unmap else memmap.mapcount
    taken: list[Stretch] = []
    skipped: list[int] = []
    mapped: list[int] = []  # pages that must not be unmapped: they stay where they are, the tail moves on
    pfn = lruvec.tails[name]
    left = nr_to_scan
    while pfn and left > 0:
        if pfn >= limit and box.pages.zone_of(pfn).index > sc.reclaim_idx:
            skipped.append(pfn)
            pfn = prevs[pfn]
            continue
        if huge_pages and flags[pfn] & PG_HUGE:
            left -= HPAGE_PMD_NR
            if mapcount is not None and huge_mapped(box, pfn):
                mapped.append(pfn)
            else:
                taken.append((pfn, 1, 1))
            pfn = prevs[pfn]
            continue
        if mapcount is not None and mapcount[pfn]:
            mapped.append(pfn)
            pfn = prevs[pfn]
            left -= 1
            continue
        first = pfn
        count = 1
        pfn = prevs[first]
        step = pfn - first
        if left > 1 and pfn < limit > first and (step == 1 or step == -1):
            count = linked(prevs, first, step, left if step < 0 or first + left < limit else limit - first)
            if huge_pages:
                count = before_huge(box, first, step, count)
            if mapcount is not None:
                count = alike(mapcount, first, step, count)
            pfn = prevs[first + (count - 1) * step]
        taken.append((first, count, step if count > 1 else 1))
        left -= count
    number = number_of_pages(box, taken)
    if mapped and left > 0:  # nothing else is on the list: round and round
        at = left % len(mapped)
        mapped = mapped[at:] + mapped[:at]
        left = 0
    lruvec.tails[name] = pfn
    if pfn:
        memmap.lru_next[pfn] = 0
    else:
        lruvec.heads[name] = 0
    for first, count, step in stepped_runs(mapped):  # list_move() to the list that they are on: its head
        lruvec.link(memmap, name, first, count, step)
    for first, count, step in stepped_runs(skipped):
        lruvec.link(memmap, name, first, count, step)
        stretch = (first, count, step)
        box.vmstat[f"pgskip_{box.pages.zone_of(first).event}"] += number_of_pages(box, [stretch])
    if number:
        _list_sizes(box, lruvec, name, taken, -number)
    return taken, number, nr_to_scan - left + len(skipped)


def _list_sizes(box: Box, lruvec: LruVec, name: str, stretches: list[Stretch], number: int) -> None:
    """Count `number` pages in all on a list and in its zones; off it if the number is negative."""
    low, high = (min(stretches)[0], max(stretches)[0]) if len(stretches) > 1 else (stretches[0][0],) * 2
    zone = box.pages.zone_of(low)
    start, end = zone.start_pfn, zone.whole_end
    if start + abs(number) <= low and high + abs(number) <= end:
        add_lru_size(box, lruvec, zone, name, number)
        return
    sign = 1 if number > 0 else -1
    inside: dict[Zone, list[Stretch]] = {}
    for first, count, step in stretches:
        low, high = (first, first + count) if step > 0 else (first - count + 1, first + 1)
        while low < high:
            if not start <= low < end:
                zone = box.pages.zone_of(low)
                start, end = low, zone.stretch_end(low)
            upto = min(high, end)
            inside.setdefault(zone, []).append((low, upto - low, 1))
            low = upto
    for zone, parts in inside.items():
        add_lru_size(box, lruvec, zone, name, sign * number_of_pages(box, parts))


def move_folios_to_lru(box: Box, lruvec: LruVec, stretches: list[Kept]) -> tuple[int, list[int]]:
    """Put pages, all of them this lruvec's, back on the lists that their flags name: (moved, those nobody holds)."""
    memmap = box.memmap
    flags, nexts, prevs = memmap.flags, memmap.lru_next, memmap.lru_prev
    groups: dict[str, list[Stretch]] = {}
    unused: list[int] = []
    active = moved = 0
    known = -1  # the flags that choose a list, of the page before
    # those that are alike are as isolate_lru_folios() found them, linked with each other within a stretch
    for first, count, step, differ in stretches:
        if differ:
            moved += number_of_pages(box, [(first, count, step)])
            for pfn in range(first, first + count * step, step):
                active += _putback(box, lruvec, pfn, groups, unused) * number_of_pages(box, [(pfn, 1, 1)])
            continue
        moved += count
        bits = flags[first] & _CHOOSE
        if bits != known:
            known, name = bits, lru_name(bits)
            group = groups.setdefault(name, [])
        if bits & PG_ACTIVE:
            active += count
        group.append((first, count, step))
        head = lruvec.heads[name]
        last = first + (count - 1) * step
        nexts[first] = head
        prevs[last] = 0
        if head:
            prevs[head] = first
        else:
            lruvec.tails[name] = first
        lruvec.heads[name] = last
    for name, group in groups.items():
        _list_sizes(box, lruvec, name, group, number_of_pages(box, group))
    if active:
        age_nonresident(lruvec, active)
    return moved - len(unused), unused


def _putback(
    box: Box, lruvec: LruVec, pfn: int, groups: dict[str, list[Stretch]], unused: list[int]
) -> bool:  # fmt: skip
    """move_folios_to_lru() for one page: whether it is active."""
    memmap = box.memmap
    flags = memmap.flags
    if not memmap.refcount[pfn]:
        flags[pfn] &= ~_LRU_BITS
        unused.append(pfn)
        return False
    bits = flags[pfn] | PG_LRU
    if bits & PG_MLOCKED:
        bits |= PG_UNEVICTABLE
    flags[pfn] = bits
    name = lru_name(bits)
    lruvec.link(memmap, name, pfn)
    groups.setdefault(name, []).append((pfn, 1, 1))
    return bool(bits & PG_ACTIVE)
