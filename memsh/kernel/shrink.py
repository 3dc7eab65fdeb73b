"""Shrinking the LRU lists: what becomes of the pages at their tails (mm/vmscan.c).

isolate_lru_folios, shrink_folio_list, shrink_inactive_list, shrink_active_list, move_folios_to_lru, __remove_mapping.

Known deviations: a page is never locked by somebody else; writes of one run over the lists are one request to the
disk, as a plug would merge them; dirty file pages are left to the flusher, which Linux does too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.kernel.columns import is_run, mask_run, set_run, stepped_runs, sub_runs
from memsh.kernel.flags import GFP_KERNEL, VM_EXEC, VM_LOCKED
from memsh.kernel.lru import LISTS, lru_name, lru_note_cost
from memsh.kernel.memmap import (
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
from memsh.kernel.mm_types import AddressSpace
from memsh.kernel.shrinkrun import ACTIVATE, FREE, KEEP, MIXED, PAGEOUT, SHORTEST, shrink_run
from memsh.kernel.unmap import folio_referenced, rmap_walk, try_to_unmap
from memsh.kernel.workingset import workingset_eviction

if TYPE_CHECKING:
    from memsh.kernel.box import Box

SWAP_CLUSTER_MAX = 32
DEF_PRIORITY = 12
INACTIVE_ANON, ACTIVE_ANON, INACTIVE_FILE, ACTIVE_FILE = LISTS[:4]
_FOLIO_KEEP, _FOLIO_ACTIVATE, _FOLIO_RECLAIM, _FOLIO_CLEAN = range(4)
Stretch = tuple[int, int, int]  # first frame, how many, 1 or -1: from each to the next
Kept = tuple[int, int, int, bool]  # the same, and whether hold() was called for each
_LRU_BITS = PG_LRU | PG_ACTIVE | PG_UNEVICTABLE


class ScanControl:
    """struct scan_control: what one reclaimer wants and what it got. Counts are pages; zones go by index.

    `nr_*` are of the current round over the node (struct reclaim_stat and sc->nr).
    """

    __slots__ = (
        "anon_cost", "box", "cache_trim_mode", "compaction_ready", "deactivate_anon", "deactivate_file", "file_cost",
        "file_is_tiny", "force_deactivate", "gfp", "kswapd", "may_swap", "may_unmap", "may_writepage", "nr_congested",
        "nr_dirty", "nr_file_taken", "nr_immediate", "nr_pageout", "nr_reclaimed", "nr_scanned", "nr_taken",
        "nr_to_reclaim", "nr_unqueued_dirty", "nr_writeback", "order", "priority", "reclaim_idx", "skipped_deactivate",
    )  # fmt: skip

    def __init__(self, box: Box, order: int = 0, gfp: int = GFP_KERNEL, *, kswapd: bool = False) -> None:
        self.box = box
        self.order = order
        self.gfp = gfp
        self.kswapd = kswapd
        self.priority = DEF_PRIORITY
        self.reclaim_idx = 3
        self.nr_to_reclaim = SWAP_CLUSTER_MAX
        self.nr_reclaimed = self.nr_scanned = 0
        self.may_unmap = self.may_swap = self.may_writepage = True
        self.force_deactivate = self.skipped_deactivate = self.compaction_ready = False
        self.deactivate_anon = self.deactivate_file = False
        self.cache_trim_mode = self.file_is_tiny = False
        self.anon_cost = self.file_cost = 0
        self.clear_round()

    def clear_round(self) -> None:
        self.nr_dirty = self.nr_unqueued_dirty = self.nr_congested = self.nr_writeback = self.nr_immediate = 0
        self.nr_taken = self.nr_file_taken = self.nr_pageout = 0


def isolate_lru_folios(sc: ScanControl, name: str, nr_to_scan: int) -> tuple[list[Stretch], int, int]:
    """Take up to `nr_to_scan` pages off the tail of a list: (stretches of frames, tail first; how many; how many were
    looked at). Pages of zones above sc.reclaim_idx are passed over and go to the head.

    Nobody else sees them before they are back, so hold() may be left out for pages that are dealt with in stretches.
    """
    box = sc.box
    memmap, lru = box.memmap, box.lru
    prevs = memmap.lru_prev
    zones = box.pages.zones
    above = zones[sc.reclaim_idx + 1] if sc.reclaim_idx + 1 < len(zones) else None
    limit = above.start_pfn if above is not None and above.spanned else memmap.frames
    taken: list[Stretch] = []
    skipped: list[int] = []
    pfn = lru.tails[name]
    left = nr_to_scan
    first = last = count = step = 0
    while pfn and left:
        if pfn < limit:
            left -= 1
            if count == 1 and pfn - last in (1, -1):
                step = pfn - last
                count = 2
            elif count > 1 and pfn - last == step:
                count += 1
            else:
                if count:
                    taken.append((first, count, step or 1))
                first, count, step = pfn, 1, 0
            last = pfn
        else:
            skipped.append(pfn)
        pfn = prevs[pfn]
    if count:
        taken.append((first, count, step or 1))
    lru.tails[name] = pfn
    if pfn:
        memmap.lru_next[pfn] = 0
    else:
        lru.heads[name] = 0
    for first, count, step in stepped_runs(skipped):
        lru.link(memmap, name, first, count, step)
        zone = box.pages.zone_of(first)
        box.vmstat[zone.pgalloc.replace("pgalloc", "pgskip")] += count
    number = nr_to_scan - left
    if number:
        box.vmstat["nr_" + name] -= number
        _zone_sizes(box, name, taken, -1)
    return taken, number, number + len(skipped)


def hold(box: Box, pfn: int) -> None:
    """A page that was taken off its list is held, and no longer marked as listed."""
    box.memmap.refcount[pfn] += 1
    box.memmap.flags[pfn] &= ~PG_LRU


def _zone_sizes(box: Box, name: str, stretches: list[Stretch], sign: int) -> None:
    """Count pages on or off a list in their zones."""
    item = "nr_zone_" + name
    start = end = 0
    for first, count, step in stretches:
        last = first + (count - 1) * step
        if not (start <= first < end and start <= last < end):
            zone = box.pages.zone_of(first)
            start, end = zone.start_pfn, zone.start_pfn + zone.spanned
            if not start <= last < end:  # a stretch over two zones
                for pfn in range(first, first + count * step, step):
                    box.pages.zone_of(pfn).stat[item] += sign
                continue
        zone.stat[item] += sign * count


def move_folios_to_lru(box: Box, stretches: list[Kept]) -> tuple[int, list[int]]:
    """Put pages back on the lists that their flags name, and drop the hold: (moved, those nobody held)."""
    memmap, lru, vmstat = box.memmap, box.lru, box.vmstat
    flags = memmap.flags
    groups: dict[str, list[Stretch]] = {}
    unused: list[int] = []
    active = moved = 0
    for first, count, step, held in stretches:
        if held:
            for pfn in range(first, first + count * step, step):
                active += _putback(box, pfn, groups, unused)
        else:
            bits = flags[first]
            name = lru_name(bits)
            active += count * bool(bits & PG_ACTIVE)
            lru.link(memmap, name, first, count, step)
            groups.setdefault(name, []).append((first, count, step))
        moved += count
    for name, group in groups.items():
        vmstat["nr_" + name] += sum(count for _, count, _ in group)
        _zone_sizes(box, name, group, 1)
    lru.nonresident_age += active
    return moved - len(unused), unused


def _putback(box: Box, pfn: int, groups: dict[str, list[Stretch]], unused: list[int]) -> bool:
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
    box.lru.link(memmap, name, pfn)
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
    freed = activated = pageouts = 0
    for first, count, step, bits in _alike(flags, stretches):
        sc.nr_scanned += count
        what = shrink_run(sc, first, count, step, bits) if count >= SHORTEST else MIXED
        if what == MIXED:
            for pfn in range(first, first + count * step, step):
                hold(box, pfn)
                what = _shrink_one(sc, pfn, flags)
                if what == FREE:
                    free.append((pfn, 1, 1))
                    freed += 1
                    continue
                keep.append((pfn, 1, 1, True))
                if what == PAGEOUT:
                    pageouts += 1
                elif what == ACTIVATE:
                    activated += _activate(box, pfn)
            continue
        if what == FREE:
            free.append((first, count, step))
            freed += count
            continue
        keep.append((first, count, step, False))
        if what == PAGEOUT:
            pageouts += count
        elif what == ACTIVATE:
            low = first if step > 0 else first - count + 1
            mask_run(flags, low, count, 0, PG_ACTIVE)
            activated += count
    box.vmstat["pgactivate"] += activated
    if free:
        _free(box, [(first + (count - 1) * step, count, -step) for first, count, step in reversed(free)])
    return freed, keep, pageouts


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
        if count == 1:
            mapping[first] = index[first] = 0
            continue
        low = first if step > 0 else first - count + 1
        set_run(mapping, low, count, 0)
        set_run(index, low, count, 0)
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
            if sc.kswapd and box.kswapd.writeback:
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
    return FREE if _remove_mapping(box, pfn) else KEEP


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


def _remove_mapping(box: Box, pfn: int) -> bool:
    """Take a clean, unmapped page out of its cache, leaving a shadow; False if somebody else holds it."""
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
        box.swap.delete_from_cache(pfn, workingset_eviction(box, pfn))
    else:
        mapping = memmap.owners[memmap.mapping[pfn]]
        if not isinstance(mapping, AddressSpace) or flags & PG_SWAPBACKED:
            return False
        from memsh.kernel.pagecache import remove_mapping

        remove_mapping(box, mapping, memmap.index[pfn], workingset_eviction(box, pfn))
    refcount[pfn] = 0
    return True


def shrink_inactive_list(sc: ScanControl, name: str, nr_to_scan: int) -> int:
    """Reclaim from the tail of an inactive list; pages reclaimed."""
    box = sc.box
    vmstat = box.vmstat
    file = name == INACTIVE_FILE
    kind = "file" if file else "anon"
    taken, number, scanned = isolate_lru_folios(sc, name, nr_to_scan)
    who = "kswapd" if sc.kswapd else "direct"
    vmstat["pgscan_" + who] += scanned
    vmstat["pgscan_" + kind] += scanned
    if not taken:
        return 0
    vmstat["nr_isolated_" + kind] += number
    unqueued = sc.nr_unqueued_dirty
    reclaimed, keep, pageouts = shrink_folio_list(sc, taken)
    _, unused = move_folios_to_lru(box, keep)
    vmstat["nr_isolated_" + kind] -= number
    vmstat["pgsteal_" + who] += reclaimed
    vmstat["pgsteal_" + kind] += reclaimed
    lru_note_cost(box, file=file, pages=pageouts)
    if unused:
        _free(box, [(pfn, 1, 1) for pfn in reversed(unused)])
    if sc.nr_unqueued_dirty - unqueued == number:
        box.writeback.wakeup_flusher_threads()
    sc.nr_taken += number
    if file:
        sc.nr_file_taken += number
    if box.trace.on:
        box.trace.emit("mm_vmscan_lru_shrink_inactive", scanned, reclaimed, sc.priority, int(file))
    return reclaimed


def shrink_active_list(sc: ScanControl, name: str, nr_to_scan: int) -> None:
    """Move pages from the tail of an active list to the inactive one; used program text goes round again."""
    box = sc.box
    memmap, vmstat = box.memmap, box.vmstat
    flags = memmap.flags
    file = name == ACTIVE_FILE
    item = "nr_isolated_file" if file else "nr_isolated_anon"
    taken, number, scanned = isolate_lru_folios(sc, name, nr_to_scan)
    vmstat[item] += number
    vmstat["pgrefill"] += scanned
    active: list[Kept] = []
    inactive: list[Kept] = []
    for pfn in [pfn for first, count, step in taken for pfn in range(first, first + count * step, step)]:
        hold(box, pfn)
        bits = flags[pfn]
        if bits & PG_MLOCKED:
            active.append((pfn, 1, 1, True))
            continue
        referenced, vm_flags = folio_referenced(rmap_walk(box, pfn)) if memmap.mapcount[pfn] else (0, 0)
        if referenced and vm_flags & VM_EXEC and not bits & PG_SWAPBACKED:
            active.append((pfn, 1, 1, True))
            continue
        flags[pfn] = bits & ~PG_ACTIVE | PG_WORKINGSET
        inactive.append((pfn, 1, 1, True))
    _, unused = move_folios_to_lru(box, active)
    moved, more = move_folios_to_lru(box, inactive)
    vmstat["pgdeactivate"] += moved
    vmstat[item] -= number
    if unused or more:
        _free(box, [(pfn, 1, 1) for pfn in unused + more])
    if box.trace.on:
        box.trace.emit("mm_vmscan_lru_shrink_active", number, len(active), moved, sc.priority, int(file))
