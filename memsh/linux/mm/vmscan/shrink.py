"""Shrinking the LRU lists, some pages at a time (mm/vmscan.c: shrink_inactive_list, shrink_active_list, reclaim_pages).

What becomes of the pages is in pageout.py, how they leave their list and come back in isolate.py.

Known deviations: none of its own.
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from memsh.linux.include.flags import VM_EXEC
from memsh.linux.include.memmap import PG_ACTIVE, PG_HUGE, PG_MLOCKED, PG_SWAPBACKED, PG_WORKINGSET
from memsh.linux.lib.columns import count_run, stepped_runs
from memsh.linux.mm.lru import folio_lruvec, lru_note_cost, unlist
from memsh.linux.mm.rmap.rmap import rmap_walk
from memsh.linux.mm.rmap.unmap import folio_referenced
from memsh.linux.mm.vmscan.huge import huge_referenced
from memsh.linux.mm.vmscan.isolate import isolate_lru_folios, move_folios_to_lru
from memsh.linux.mm.vmscan.pageout import free_folio_list, shrink_folio_list
from memsh.linux.mm.vmscan.scan import ACTIVE_FILE, INACTIVE_FILE, ReclaimStat, ScanControl

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.lruvec import LruVec
    from memsh.linux.mm.vmscan.isolate import Kept


def shrink_inactive_list(sc: ScanControl, lruvec: LruVec, name: str, nr_to_scan: int) -> int:
    """Reclaim from the tail of an inactive list; pages reclaimed."""
    box = sc.box
    vmstat = box.vmstat
    file = name == INACTIVE_FILE
    taken, number, scanned = isolate_lru_folios(sc, lruvec, name, nr_to_scan)
    count_events(sc, lruvec, "pgscan_kswapd" if sc.kswapd else "pgscan_direct", scanned)
    vmstat["pgscan_file" if file else "pgscan_anon"] += scanned
    if not taken:
        return 0
    isolated = "nr_isolated_file" if file else "nr_isolated_anon"
    vmstat[isolated] += number
    stat = ReclaimStat()
    reclaimed, keep = shrink_folio_list(sc, taken, stat)
    unused = move_folios_to_lru(box, lruvec, keep)[1] if keep else []
    vmstat[isolated] -= number
    count_events(sc, lruvec, "pgsteal_kswapd" if sc.kswapd else "pgsteal_direct", reclaimed)
    vmstat["pgsteal_file" if file else "pgsteal_anon"] += reclaimed
    lru_note_cost(lruvec, file=file, pages=stat.nr_pageout)
    if unused:
        free_folio_list(box, [(pfn, 1, 1) for pfn in reversed(unused)])
    if stat.nr_unqueued_dirty == number:
        box.writeback.wakeup_flusher_threads()
    sc.add(stat, number)
    if box.trace.on:
        box.trace.emit("mm_vmscan_lru_shrink_inactive", lruvec.nid, scanned, reclaimed, stat.nr_dirty,
                       stat.nr_writeback, stat.nr_congested, stat.nr_immediate, *stat.nr_activate, stat.nr_ref_keep,
                       stat.nr_unmap_fail, sc.priority, _reclaim_flags(file))  # fmt: skip
    return reclaimed


def _reclaim_flags(file: bool) -> int:
    """trace_reclaim_flags(): RECLAIM_WB_FILE or _ANON, and _ASYNC."""
    return (2 if file else 1) | 8


def reclaim_pages(box: Box, pfns: list[int]) -> int:
    """Reclaim these pages, whoever used them lately: how many went (MADV_PAGEOUT). Nobody waits for the disk."""
    reclaimed = 0
    for pfn in pfns:
        unlist(box, pfn)
    box.pages.memalloc += 1
    try:
        for lruvec, group in groupby(pfns, partial(folio_lruvec, box)):
            sc = ScanControl(box)
            sc.node = box.pages.nodes[lruvec.nid]
            stretches = stepped_runs(list(group))
            for first, count, step in stretches:  # as isolate_lru_folios() leaves them
                low = first if step > 0 else first - count + 1
                count_run(box.memmap.lru_next, low, low - step, count)
                count_run(box.memmap.lru_prev, low, low + step, count)
            freed, keep = shrink_folio_list(sc, stretches, ReclaimStat())
            reclaimed += freed
            unused = move_folios_to_lru(box, lruvec, keep)[1] if keep else []
            if unused:
                free_folio_list(box, [(pfn, 1, 1) for pfn in reversed(unused)])
    finally:
        box.pages.memalloc -= 1
    box.swap.submit_plugged()
    return reclaimed


def count_events(sc: ScanControl, lruvec: LruVec, name: str, number: int) -> None:
    """Events of reclaim: the machine's, if it is the machine that is short, and the cgroup's."""
    box = sc.box
    if sc.target is None:
        box.vmstat[name] += number
    if (groups := box.memcg.groups) is not None:
        groups.count_events(lruvec.memcg, name, number)


def shrink_active_list(sc: ScanControl, lruvec: LruVec, name: str, nr_to_scan: int) -> None:
    """Move pages from the tail of an active list to the inactive one; used program text goes round again."""
    box = sc.box
    memmap, vmstat = box.memmap, box.vmstat
    flags = memmap.flags
    file = name == ACTIVE_FILE
    item = "nr_isolated_file" if file else "nr_isolated_anon"
    taken, number, scanned = isolate_lru_folios(sc, lruvec, name, nr_to_scan)
    vmstat[item] += number
    count_events(sc, lruvec, "pgrefill", scanned)
    active: list[Kept] = []
    inactive: list[Kept] = []
    rotated = 0
    for pfn in [pfn for first, count, step in taken for pfn in range(first, first + count * step, step)]:
        bits = flags[pfn]
        if bits & PG_MLOCKED:
            active.append((pfn, 1, 1, True))
            continue
        if bits & PG_HUGE:
            referenced, vm_flags = huge_referenced(box, pfn)
        else:
            referenced, vm_flags = folio_referenced(box, rmap_walk(box, pfn)) if memmap.mapcount[pfn] else (0, 0)
        if referenced and vm_flags & VM_EXEC and not bits & PG_SWAPBACKED:
            active.append((pfn, 1, 1, True))
            rotated += 1
            continue
        flags[pfn] = bits & ~PG_ACTIVE | PG_WORKINGSET
        inactive.append((pfn, 1, 1, True))
    _, unused = move_folios_to_lru(box, lruvec, active)
    moved, more = move_folios_to_lru(box, lruvec, inactive)
    vmstat["pgdeactivate"] += moved
    if (groups := box.memcg.groups) is not None:
        groups.count_events(lruvec.memcg, "pgdeactivate", moved)
    vmstat[item] -= number
    if unused or more:
        free_folio_list(box, [(pfn, 1, 1) for pfn in unused + more])
    if box.trace.on:
        box.trace.emit("mm_vmscan_lru_shrink_active", lruvec.nid, number, len(active), moved, rotated, sc.priority,
                       _reclaim_flags(file))  # fmt: skip
