"""Shrinking the LRU lists: what becomes of the pages at their tails (mm/vmscan.c).

isolate_lru_folios, shrink_folio_list, shrink_inactive_list, shrink_active_list, move_folios_to_lru, __remove_mapping.

Known deviations: huge pages are split before they are looked at, on active lists too; a page is never locked by
somebody else; writes of one run over the lists are one request to the disk, as a plug would merge them;
dirty file pages are left to the flusher, which Linux does too.
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_KERNEL, VM_EXEC, VM_LOCKED
from memsh.linux.include.lruvec import LISTS
from memsh.linux.include.memmap import (
    PG_ACTIVE,
    PG_ANON,
    PG_DIRTY,
    PG_LRU,
    PG_MLOCKED,
    PG_RECLAIM,
    PG_REFERENCED,
    PG_SWAPBACKED,
    PG_SWAPCACHE,
    PG_UNEVICTABLE,
    PG_WORKINGSET,
    PG_WRITEBACK,
)
from memsh.linux.include.mm_types import AddressSpace
from memsh.linux.lib.columns import clear_run, is_run, linked, mask_run, stepped_runs, sub_runs
from memsh.linux.mm.huge_memory.split import split_tail
from memsh.linux.mm.lru import add_lru_size, age_nonresident, folio_lruvec, lru_name, lru_note_cost, unlist
from memsh.linux.mm.rmap.unmap import folio_referenced, rmap_walk, try_to_unmap
from memsh.linux.mm.vmscan.shrinkeach import DECIDE, IDLE, WRITTEN, shrink_each
from memsh.linux.mm.vmscan.shrinkrun import ACTIVATE, FREE, KEEP, MIXED, PAGEOUT, SHORTEST, shrink_run
from memsh.linux.mm.vmscan.workingset import workingset_eviction

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.lruvec import LruVec

SWAP_CLUSTER_MAX = 32
DEF_PRIORITY = 12
INACTIVE_ANON, ACTIVE_ANON, INACTIVE_FILE, ACTIVE_FILE = LISTS[:4]
_FOLIO_KEEP, _FOLIO_ACTIVATE, _FOLIO_RECLAIM, _FOLIO_CLEAN = range(4)
Stretch = tuple[int, int, int]  # first frame, how many, 1 or -1: from each to the next
Kept = tuple[int, int, int, bool]  # the same, and whether hold() was called for each
LONGEST = 64  # frames of a stretch
_CHOOSE = PG_ACTIVE | PG_UNEVICTABLE | PG_SWAPBACKED
_LRU_BITS = PG_LRU | PG_ACTIVE | PG_UNEVICTABLE


class ScanControl:
    """struct scan_control: what one reclaimer wants and what it got. Counts are pages; zones go by index.

    `nr_*` are of the current round over a node (struct reclaim_stat and sc->nr). `target` is the memory cgroup whose
    limit is the cause; None for reclaim because the machine is short (target_mem_cgroup, cgroup_reclaim). `node` is the
    one that is at work on.
    """

    __slots__ = (
        "anon_cost", "box", "cache_trim_mode", "compaction_ready", "deactivate_anon", "deactivate_file", "file_cost",
        "file_is_tiny", "force_deactivate", "gfp", "kswapd", "may_swap", "may_unmap", "may_writepage",
        "memcg_low_reclaim", "memcg_low_skipped", "node", "nr_congested", "nr_dirty", "nr_file_taken", "nr_immediate",
        "nr_pageout", "nr_reclaimed", "nr_scanned", "nr_taken", "nr_to_reclaim", "nr_unqueued_dirty", "nr_writeback",
        "order", "priority", "reclaim_idx", "skipped_deactivate", "target",
    )  # fmt: skip

    def __init__(self, box: Box, order: int = 0, gfp: int = GFP_KERNEL, *, kswapd: bool = False) -> None:
        self.box = box
        self.order = order
        self.gfp = gfp
        self.kswapd = kswapd
        self.priority = DEF_PRIORITY
        self.reclaim_idx = len(box.arch.zone_names) - 1
        self.target: int | None = None
        self.node = box.pages.nodes[0]
        self.memcg_low_reclaim = self.memcg_low_skipped = False
        self.nr_to_reclaim = SWAP_CLUSTER_MAX
        self.nr_reclaimed = self.nr_scanned = 0
        self.may_unmap = self.may_swap = self.may_writepage = True
        self.force_deactivate = self.skipped_deactivate = self.compaction_ready = False
        self.deactivate_anon = self.deactivate_file = False
        self.cache_trim_mode = self.file_is_tiny = False
        self.anon_cost = self.file_cost = 0
        self.clear_round()

    @property
    def target_lruvec(self) -> LruVec:
        """That of the whole tree which is reclaimed from, on the node."""
        return self.node.lruvecs[self.target or 0]

    def clear_round(self) -> None:
        self.nr_dirty = self.nr_unqueued_dirty = self.nr_congested = self.nr_writeback = self.nr_immediate = 0
        self.nr_taken = self.nr_file_taken = self.nr_pageout = 0


def zone_limit(sc: ScanControl, nid: int) -> int:
    """One past the last frame of a node that this reclaimer is after."""
    zones = sc.box.pages.nodes[nid].zones
    above = [zone.start_pfn for zone in zones if zone.index > sc.reclaim_idx and zone.spanned]
    return min(above, default=sc.box.memmap.frames)


def isolate_lru_folios(
    sc: ScanControl, lruvec: LruVec, name: str, nr_to_scan: int
) -> tuple[list[Stretch], int, int]:
    """Take up to `nr_to_scan` pages off the tail of a list: (stretches of frames, tail first; how many; how many were
    looked at). Pages of zones above sc.reclaim_idx are passed over and go to the head.

    Nobody else sees them before they are back, so hold() may be left out for pages that are dealt with in stretches.
    """
    box = sc.box
    memmap = box.memmap
    if box.thp.pages:
        split_tail(box, lruvec, name, nr_to_scan)
    prevs = memmap.lru_prev
    limit = zone_limit(sc, lruvec.nid)
    taken: list[Stretch] = []
    skipped: list[int] = []
    pfn = lruvec.tails[name]
    left = nr_to_scan
    while pfn and left:
        if pfn >= limit:
            skipped.append(pfn)
            pfn = prevs[pfn]
            continue
        first = pfn
        count = 1
        pfn = prevs[first]
        step = pfn - first
        if left > 1 and pfn < limit and (step == 1 or step == -1):
            most = left if left < LONGEST else LONGEST
            count = linked(prevs, first, step, most if step < 0 or first + most < limit else limit - first)
            pfn = prevs[first + (count - 1) * step]
        taken.append((first, count, step if count > 1 else 1))
        left -= count
    lruvec.tails[name] = pfn
    if pfn:
        memmap.lru_next[pfn] = 0
    else:
        lruvec.heads[name] = 0
    for first, count, step in stepped_runs(skipped):
        lruvec.link(memmap, name, first, count, step)
        zone = box.pages.zone_of(first)
        box.vmstat[f"pgskip_{zone.event}"] += count
    number = nr_to_scan - left
    if number:
        _list_sizes(box, lruvec, name, taken, -number)
    return taken, number, number + len(skipped)


def hold(box: Box, pfn: int) -> None:
    """A page that was taken off its list is held, and no longer marked as listed."""
    box.memmap.refcount[pfn] += 1
    box.memmap.flags[pfn] &= ~PG_LRU


def _list_sizes(box: Box, lruvec: LruVec, name: str, stretches: list[Stretch], number: int) -> None:
    """Count `number` pages in all on a list and in its zones; off it if the number is negative."""
    low, high = min(stretches)[0], max(stretches)[0]
    zone = box.pages.zone_of(low)
    start, end = zone.start_pfn, zone.start_pfn + zone.spanned
    if start + LONGEST <= low and high + LONGEST <= end:
        add_lru_size(box, lruvec, zone, name, number)
        return
    sign = 1 if number > 0 else -1
    for first, count, step in stretches:
        for pfn in range(first, first + count * step, step):
            add_lru_size(box, lruvec, box.pages.zone_of(pfn), name, sign)


def move_folios_to_lru(box: Box, lruvec: LruVec, stretches: list[Kept]) -> tuple[int, list[int]]:
    """Put pages, all of them this lruvec's, back on the lists that their flags name, and drop the hold: (moved, those
    nobody held)."""
    memmap = box.memmap
    flags = memmap.flags
    nexts, prevs = memmap.lru_next, memmap.lru_prev
    groups: dict[str, list[Stretch]] = {}
    unused: list[int] = []
    active = moved = 0
    known = -1  # the flags that choose a list, of the page before
    # those that were not held are as isolate_lru_folios() found them, linked with each other within a stretch
    for first, count, step, held in stretches:
        moved += count
        if held:
            for pfn in range(first, first + count * step, step):
                active += _putback(box, lruvec, pfn, groups, unused)
            continue
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
        _list_sizes(box, lruvec, name, group, sum([count for _, count, _ in group]))
    if active:
        age_nonresident(lruvec, active)
    return moved - len(unused), unused


def _putback(
    box: Box, lruvec: LruVec, pfn: int, groups: dict[str, list[Stretch]], unused: list[int]
) -> bool:  # fmt: skip
    """move_folios_to_lru() for one page: whether it is active."""
    memmap = box.memmap
    flags = memmap.flags
    left = memmap.refcount[pfn] - 1
    memmap.refcount[pfn] = left
    if not left:
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


def _check_references(bits: int, referenced: int, vm_flags: int) -> int:
    """Keep, activate or reclaim, by who used the page lately (folio_check_references)."""
    if vm_flags & VM_LOCKED:
        return _FOLIO_ACTIVATE
    file = not bits & PG_SWAPBACKED
    if referenced:
        if bits & PG_REFERENCED or referenced > 1 or (vm_flags & VM_EXEC and file):
            return _FOLIO_ACTIVATE
        return _FOLIO_KEEP
    return _FOLIO_CLEAN if bits & PG_REFERENCED and file else _FOLIO_RECLAIM


def shrink_folio_list(sc: ScanControl, stretches: list[Stretch]) -> tuple[int, list[Kept], int]:
    """Try to reclaim isolated pages: (pages reclaimed, those that stay, pages whose write was started)."""
    box = sc.box
    flags = box.memmap.flags
    keep: list[Kept] = []
    free: list[Stretch] = []
    activated = pageouts = 0
    single: list[int] = []  # frames that are no part of a stretch worth the name
    turns = _alike(flags, stretches)
    turns.reverse()
    while turns:
        first, count, step, bits = turns.pop()
        what = MIXED
        if count >= SHORTEST:
            if single:
                more = _shrink_single(sc, single, keep, free)
                activated += more[0]
                pageouts += more[1]
                single = []
            what = shrink_run(sc, first, count, step, bits)
            if what == MIXED and count > SWAP_CLUSTER_MAX:  # the table may end, or the area
                half = count // 2
                turns += [(first + half * step, count - half, step, bits), (first, half, step, bits)]
                continue
        if what == MIXED:
            single.extend(range(first, first + count * step, step))
            continue
        sc.nr_scanned += count
        if what == FREE:
            free.append((first, count, step))
            continue
        keep.append((first, count, step, False))
        if what == PAGEOUT:
            pageouts += count
        elif what == ACTIVATE:
            low = first if step > 0 else first - count + 1
            mask_run(flags, low, count, 0, PG_ACTIVE)
            activated += count
    if single:
        more = _shrink_single(sc, single, keep, free)
        activated += more[0]
        pageouts += more[1]
    box.vmstat["pgactivate"] += activated
    freed = 0
    if free:
        freed = sum([count for _, count, _ in free])
        _free(box, [(first + (count - 1) * step, count, -step) for first, count, step in reversed(free)])
    return freed, keep, pageouts


def _shrink_single(sc: ScanControl, frames: list[int], keep: list[Kept], free: list[Stretch]) -> tuple[int, int]:
    """Isolated pages, one after the other: (how many were activated, whose write was started)."""
    activated = pageouts = at = 0
    flags = sc.box.memmap.flags
    while at < len(frames):
        turns: list[tuple[int, int]] = []
        if flags[frames[at]] & DECIDE in (IDLE, WRITTEN):
            each = shrink_each(sc, frames, at, keep, free)
            at += each.done
            activated += each.activated
            pageouts += each.pageouts
            turns = [(pfn, position) for position, pfn in each.left]
        if at < len(frames):  # no simple case
            sc.nr_scanned += 1
            turns.append((frames[at], len(keep)))
            at += 1
        gone = 0
        for pfn, position in turns:
            hold(sc.box, pfn)
            what = _shrink_one(sc, pfn, flags)
            position -= gone
            if what == FREE:
                free.append((pfn, 1, 1))
                gone += position < len(keep)
                del keep[position : position + 1]
            else:
                keep[position : position + 1] = [(pfn, 1, 1, True)]
            if what == PAGEOUT:
                pageouts += 1
            elif what == ACTIVATE:
                activated += _activate(sc.box, pfn)
    return activated, pageouts


def _alike(flags: memoryview, stretches: list[Stretch]) -> list[tuple[int, int, int, int]]:
    """(first, count, step, flags) of frames that follow each other and have the same flags."""
    found: list[tuple[int, int, int, int]] = []
    for first, count, step in stretches:
        if count == 1:
            found.append((first, 1, 1, flags[first]))
            continue
        low = first if step > 0 else first - count + 1
        bits = flags[low]
        if is_run(flags, low, count, bits):
            found.append((first, count, step, bits))
            continue
        parts = sub_runs(flags, low, count)
        if step > 0:
            found += [(at, n, 1, bits) for at, n, bits in parts]
        else:
            found += [(at + n - 1, n, -1, bits) for at, n, bits in reversed(parts)]
    return found


def _activate(box: Box, pfn: int) -> bool:
    """A page that reclaim had better leave alone becomes active; whether it did."""
    flags = box.memmap.flags
    bits = flags[pfn]
    if bits & PG_SWAPCACHE and (bits & PG_MLOCKED or box.swap.full()):
        box.swap.free_folio(pfn)
        bits = flags[pfn]
    if bits & PG_MLOCKED:
        return False
    flags[pfn] = bits | PG_ACTIVE
    return True


def _free(box: Box, stretches: list[Stretch]) -> None:
    """Pages that nobody refers to any more go back to the allocator (free_unref_page_list)."""
    memmap = box.memmap
    mapping, index = memmap.mapping, memmap.index
    for first, count, step in stretches:
        if count < 16:
            for pfn in range(first, first + count * step, step):
                mapping[pfn] = index[pfn] = 0
            continue
        low = first if step > 0 else first - count + 1
        clear_run((mapping, index), low, count)
    box.pages.free_stretches(stretches)


def _shrink_one(sc: ScanControl, pfn: int, flags: memoryview) -> int:
    """What becomes of one page: one turn of the loop in shrink_folio_list()."""
    box = sc.box
    memmap = box.memmap
    bits: int = flags[pfn]
    if bits & (PG_UNEVICTABLE | PG_MLOCKED):
        return ACTIVATE
    mapped = memmap.mapcount[pfn]
    if mapped and not sc.may_unmap:
        return KEEP
    file = not bits & PG_SWAPBACKED
    if file and not bits & PG_ANON and bits & (PG_DIRTY | PG_WRITEBACK):
        sc.nr_dirty += 1
        if not bits & PG_WRITEBACK:
            sc.nr_unqueued_dirty += 1
    if bits & PG_WRITEBACK:
        if bits & PG_RECLAIM:
            sc.nr_congested += file
            if sc.kswapd and sc.node.kswapd.writeback:
                sc.nr_immediate += 1
                return ACTIVATE
        flags[pfn] = bits | PG_RECLAIM
        sc.nr_writeback += 1
        return ACTIVATE
    places = rmap_walk(box, pfn) if mapped else []
    referenced, vm_flags = folio_referenced(places)
    verdict = _check_references(bits, referenced, vm_flags)
    bits = bits & ~PG_REFERENCED | (PG_REFERENCED if referenced else 0)
    flags[pfn] = bits
    if verdict == _FOLIO_ACTIVATE:
        return ACTIVATE
    if verdict == _FOLIO_KEEP:
        return KEEP
    anon = bits & PG_ANON
    if anon and not file and not bits & PG_SWAPCACHE:
        if not sc.gfp & 0x40:  # __GFP_IO
            return KEEP
        if not box.swap.add_to_swap(pfn):
            return ACTIVATE
    if mapped and not try_to_unmap(box, pfn, places):
        return ACTIVATE
    bits = flags[pfn]
    if bits & (PG_ANON | PG_SWAPBACKED | PG_SWAPCACHE) == PG_SWAPBACKED:
        bits |= PG_DIRTY  # shared memory that is nowhere else
    if bits & PG_DIRTY and not (anon and file):
        if file:  # the flusher's work: come back when it is written
            box.vmstat["nr_vmscan_immediate_reclaim"] += 1
            flags[pfn] = bits | PG_RECLAIM
            return ACTIVATE
        if verdict == _FOLIO_CLEAN or (not sc.gfp & 0x80 and not anon) or not sc.may_writepage:
            return KEEP
        what = _pageout(sc, pfn)
        if what != FREE:
            return what
    return FREE if _remove_mapping(sc, pfn) else KEEP


def _pageout(sc: ScanControl, pfn: int) -> int:
    """Start writing a dirty page of the swap cache or of shared memory; FREE if it turned out clean."""
    box = sc.box
    memmap = box.memmap
    if memmap.refcount[pfn] != 2:  # is_page_cache_freeable(): the cache and the reclaimer
        return KEEP
    flags = memmap.flags[pfn]
    if not flags & (PG_SWAPCACHE | PG_ANON) and not memmap.mapping[pfn]:
        return KEEP
    memmap.flags[pfn] = flags & ~PG_DIRTY | PG_RECLAIM
    started = box.swap.writepage(pfn)
    if started is None:
        memmap.flags[pfn] = memmap.flags[pfn] & ~PG_RECLAIM | PG_DIRTY
        return ACTIVATE
    box.vmstat["nr_vmscan_write"] += 1
    sc.nr_pageout += 1
    if started:
        return PAGEOUT
    memmap.flags[pfn] &= ~PG_RECLAIM
    return KEEP if memmap.flags[pfn] & (PG_DIRTY | PG_WRITEBACK) else FREE


def _remove_mapping(sc: ScanControl, pfn: int) -> bool:
    """Take a clean, unmapped page out of its cache, leaving a shadow; False if somebody else holds it."""
    box = sc.box
    memmap = box.memmap
    flags = memmap.flags[pfn]
    refcount = memmap.refcount
    if flags & PG_ANON and not flags & PG_SWAPBACKED:  # MADV_FREE
        if refcount[pfn] != 1:
            return False
        box.vmstat["pglazyfreed"] += 1
        refcount[pfn] = 0
        return True
    if refcount[pfn] != 2 or flags & PG_DIRTY:
        return False
    if flags & PG_SWAPCACHE:
        box.swap.delete_from_cache(pfn, workingset_eviction(box, sc.target_lruvec, flags))
    else:
        mapping = memmap.owners[memmap.mapping[pfn]]
        if not isinstance(mapping, AddressSpace) or flags & PG_SWAPBACKED:
            return False
        from memsh.linux.mm.filemap.pagecache import remove_mapping

        remove_mapping(box, mapping, memmap.index[pfn], workingset_eviction(box, sc.target_lruvec, flags))
    refcount[pfn] = 0
    return True


def shrink_inactive_list(sc: ScanControl, lruvec: LruVec, name: str, nr_to_scan: int) -> int:
    """Reclaim from the tail of an inactive list; pages reclaimed."""
    box = sc.box
    file = name == INACTIVE_FILE
    taken, number, scanned = isolate_lru_folios(sc, lruvec, name, nr_to_scan)
    if not taken:
        count_scan(sc, lruvec, name, scanned, 0, 0, 0)
        return 0
    isolated = "nr_isolated_file" if file else "nr_isolated_anon"
    box.vmstat[isolated] += number
    unqueued = sc.nr_unqueued_dirty
    before = _tally(sc) if box.trace.on else ()
    reclaimed, keep, pageouts = shrink_folio_list(sc, taken)
    tally = [now - then for now, then in zip(_tally(sc), before, strict=False)] if box.trace.on else []
    ref_keep = _ref_keep(box, keep) if box.trace.on else 0
    unused = move_folios_to_lru(box, lruvec, keep)[1] if keep else []
    box.vmstat[isolated] -= number
    count_scan(sc, lruvec, name, scanned, number, reclaimed, pageouts)
    if unused:
        _free(box, [(pfn, 1, 1) for pfn in reversed(unused)])
    if sc.nr_unqueued_dirty - unqueued == number:
        box.writeback.wakeup_flusher_threads()
    if box.trace.on:
        *counts, activated = tally
        activate = (0, activated) if file else (activated, 0)
        box.trace.emit("mm_vmscan_lru_shrink_inactive", lruvec.nid, scanned, reclaimed, *counts, *activate, ref_keep, 0,
                       sc.priority, _reclaim_flags(file))  # fmt: skip
    return reclaimed


def _tally(sc: ScanControl) -> tuple[int, ...]:
    """What the tracepoint tells the growth of: dirty, writeback, congested, immediate, activated."""
    return sc.nr_dirty, sc.nr_writeback, sc.nr_congested, sc.nr_immediate, sc.box.vmstat["pgactivate"]


def _ref_keep(box: Box, keep: list[Kept]) -> int:
    """How many pages stay where they are because they were used (FOLIOREF_KEEP)."""
    mask = PG_REFERENCED | PG_ACTIVE | PG_DIRTY | PG_WRITEBACK
    flags = box.memmap.flags
    return sum(
        flags[pfn] & mask == PG_REFERENCED
        for first, count, step, _ in keep for pfn in range(first, first + count * step, step)
    )  # fmt: skip


def _reclaim_flags(file: bool) -> str:
    """trace_reclaim_flags(), as show_reclaim_flags() prints it."""
    return f"RECLAIM_WB_{'FILE' if file else 'ANON'}|RECLAIM_WB_ASYNC"


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
            freed, keep, _ = shrink_folio_list(sc, [(pfn, 1, 1) for pfn in group])
            reclaimed += freed
            unused = move_folios_to_lru(box, lruvec, keep)[1] if keep else []
            if unused:
                _free(box, [(pfn, 1, 1) for pfn in reversed(unused)])
    finally:
        box.pages.memalloc -= 1
    box.swap.submit_plugged()
    return reclaimed


def count_scan(
    sc: ScanControl, lruvec: LruVec, name: str, scanned: int, taken: int, reclaimed: int, pageouts: int
) -> None:
    """Account for a look at an inactive list: pages looked at, isolated, reclaimed, written."""
    file = name == INACTIVE_FILE
    _count_events(sc, lruvec, "pgscan_kswapd" if sc.kswapd else "pgscan_direct", scanned)
    vmstat = sc.box.vmstat
    vmstat["pgscan_file" if file else "pgscan_anon"] += scanned
    if taken:
        _count_events(sc, lruvec, "pgsteal_kswapd" if sc.kswapd else "pgsteal_direct", reclaimed)
        vmstat["pgsteal_file" if file else "pgsteal_anon"] += reclaimed
        lru_note_cost(lruvec, file=file, pages=pageouts)
        sc.nr_taken += taken
        if file:
            sc.nr_file_taken += taken


def _count_events(sc: ScanControl, lruvec: LruVec, name: str, number: int) -> None:
    """Events of reclaim: the machine's, if it is the machine that is short, and the cgroup's."""
    box = sc.box
    if sc.target is None:
        box.vmstat[name] += number
    if box.memcg is not None:
        box.memcg.count_events(lruvec.memcg, name, number)


def shrink_active_list(sc: ScanControl, lruvec: LruVec, name: str, nr_to_scan: int) -> None:
    """Move pages from the tail of an active list to the inactive one; used program text goes round again."""
    box = sc.box
    memmap, vmstat = box.memmap, box.vmstat
    flags = memmap.flags
    file = name == ACTIVE_FILE
    item = "nr_isolated_file" if file else "nr_isolated_anon"
    taken, number, scanned = isolate_lru_folios(sc, lruvec, name, nr_to_scan)
    vmstat[item] += number
    _count_events(sc, lruvec, "pgrefill", scanned)
    active: list[Kept] = []
    inactive: list[Kept] = []
    rotated = 0
    for pfn in [pfn for first, count, step in taken for pfn in range(first, first + count * step, step)]:
        hold(box, pfn)
        bits = flags[pfn]
        if bits & PG_MLOCKED:
            active.append((pfn, 1, 1, True))
            continue
        referenced, vm_flags = folio_referenced(rmap_walk(box, pfn)) if memmap.mapcount[pfn] else (0, 0)
        if referenced and vm_flags & VM_EXEC and not bits & PG_SWAPBACKED:
            active.append((pfn, 1, 1, True))
            rotated += 1
            continue
        flags[pfn] = bits & ~PG_ACTIVE | PG_WORKINGSET
        inactive.append((pfn, 1, 1, True))
    _, unused = move_folios_to_lru(box, lruvec, active)
    moved, more = move_folios_to_lru(box, lruvec, inactive)
    vmstat["pgdeactivate"] += moved
    if box.memcg is not None:
        box.memcg.count_events(lruvec.memcg, "pgdeactivate", moved)
    vmstat[item] -= number
    if unused or more:
        _free(box, [(pfn, 1, 1) for pfn in unused + more])
    if box.trace.on:
        box.trace.emit("mm_vmscan_lru_shrink_active", lruvec.nid, number, len(active), moved, rotated, sc.priority,
                       _reclaim_flags(file))  # fmt: skip
