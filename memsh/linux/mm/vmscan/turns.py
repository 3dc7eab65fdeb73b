"""Turns of shrink_inactive_list() that come to the same, taken at once (mm/vmscan.c).

A file that was read in one go brings up pages in the same state turn after turn: clean, in no page table, held by their
cache alone. As long as nothing is due meanwhile, many such turns leave the box as if each had been taken by itself.

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.memmap import PG_DIRTY, PG_HUGE, PG_MLOCKED, PG_SWAPBACKED, PG_UNEVICTABLE, PG_WRITEBACK
from memsh.linux.include.mm_types import AddressSpace
from memsh.linux.lib.columns import linked
from memsh.linux.mm.lru import cost_is_low
from memsh.linux.mm.vmscan.folios import Folios, next_folios
from memsh.linux.mm.vmscan.isolate import isolate_lru_folios, zone_limit
from memsh.linux.mm.vmscan.pageout import free_folio_list, shrink_folios
from memsh.linux.mm.vmscan.scan import INACTIVE_FILE, SCAN_USEC, SWAP_CLUSTER_MAX, ReclaimStat
from memsh.linux.mm.vmscan.shrink import count_events

if TYPE_CHECKING:
    from memsh.linux.include.lruvec import LruVec
    from memsh.linux.mm.vmscan.scan import ScanControl

TURN_USEC = SCAN_USEC * SWAP_CLUSTER_MAX
MOST = 16 * SWAP_CLUSTER_MAX  # pages; more would save little
_OTHERWISE = PG_SWAPBACKED | PG_DIRTY | PG_WRITEBACK | PG_UNEVICTABLE | PG_MLOCKED | PG_HUGE


def shrink_clean_turns(sc: ScanControl, lruvec: LruVec, most: int) -> int:
    """Pages reclaimed by the next turns over the inactive file list, at most `most` pages, as long as they are alike;
    0 if that is not more than one turn."""
    folios = _next_turns(sc, lruvec, most)
    if folios is None:
        return 0
    box, count = sc.box, folios.count
    isolate_lru_folios(sc, lruvec, INACTIVE_FILE, count)
    stat = ReclaimStat()
    shrink_folios(sc, folios, stat)
    ends = folios.frames()[SWAP_CLUSTER_MAX - 1 :: SWAP_CLUSTER_MAX]
    free_folio_list(box, [(last, SWAP_CLUSTER_MAX, -folios.step) for last in ends])
    sc.nr_scanned += count
    sc.add(stat, count)
    box.vmstat["pgscan_file"] += count
    box.vmstat["pgsteal_file"] += count
    count_events(sc, lruvec, "pgsteal_kswapd" if sc.kswapd else "pgsteal_direct", count)
    for _ in range(count // SWAP_CLUSTER_MAX):
        count_events(sc, lruvec, "pgscan_kswapd" if sc.kswapd else "pgscan_direct", SWAP_CLUSTER_MAX)
        if box.disk.started:
            box.timer.advance(TURN_USEC)
    return count


def _next_turns(sc: ScanControl, lruvec: LruVec, most: int) -> Folios | None:
    """The pages of the next turns, if these are alike: whole turns, two or more, before anything is due."""
    box = sc.box
    memmap, timer = box.memmap, box.timer
    prevs, first = memmap.lru_prev, lruvec.tails[INACTIVE_FILE]
    step, bits = prevs[first] - first, memmap.flags[first]
    if step * step != 1 or bits & _OTHERWISE or memmap.mapcount[first] or box.trace.on:
        return None
    mapping = memmap.owners[memmap.mapping[first]]
    if not isinstance(mapping, AddressSpace) or mapping.buffers:
        return None
    most = min(most, MOST)
    if box.disk.started:
        most = min(most, (timer.next - 1 - timer.usec) // TURN_USEC * SWAP_CLUSTER_MAX)
    end = min(memmap.frames, zone_limit(sc, lruvec.nid))
    while (most := most & -SWAP_CLUSTER_MAX) > SWAP_CLUSTER_MAX:
        last = first + (most - 1) * step
        if 0 < last < end and first < end and prevs[last - step] == last and linked(prevs, first, step, most) == most:
            break
        most >>= 1
    else:
        return None
    folios = next_folios(box, first, most, step)
    folios.shorten(folios.count & -SWAP_CLUSTER_MAX)
    if folios.count <= SWAP_CLUSTER_MAX or not cost_is_low(lruvec, folios.count):
        return None
    return folios
