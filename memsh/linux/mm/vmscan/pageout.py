"""What becomes of the pages that reclaim took off a list (mm/vmscan.c: shrink_folio_list, pageout, __remove_mapping).

Pages in the same state take their turn together (see folios.py); in the end the box is as if one had come after the
other.

Known deviations: a page is never locked by somebody else; writes of one run over the lists are one request to the disk,
as a plug would merge them; dirty file pages are left to the flusher, which Linux does too.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING

from memsh.linux.include.flags import VM_EXEC, VM_LOCKED
from memsh.linux.include.memmap import (
    PG_ACTIVE,
    PG_ANON,
    PG_ANON_EXCLUSIVE,
    PG_DIRTY,
    PG_HUGE,
    PG_MLOCKED,
    PG_RECLAIM,
    PG_REFERENCED,
    PG_SWAPBACKED,
    PG_SWAPCACHE,
    PG_UNEVICTABLE,
    PG_WRITEBACK,
)
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_SWAPENTS, AddressSpace
from memsh.linux.lib.columns import clear_run, mask_run
from memsh.linux.lib.entries import climb
from memsh.linux.mm.filemap.pagecache import remove_mapping, remove_run
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR
from memsh.linux.mm.memory.rss_stat import mm_trace_rss_stat
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.rmap.unmap import flush_tlb, folio_referenced, try_to_unmap
from memsh.linux.mm.vmscan.folios import ANONYMOUS, Folios, next_folios
from memsh.linux.mm.vmscan.huge import (
    discard_lazyfree_huge,
    huge_mapped,
    huge_referenced,
    may_discard,
    split_huge_page_to_list,
)
from memsh.linux.mm.vmscan.scan import ReclaimStat, ScanControl, Stretch
from memsh.linux.mm.vmscan.workingset import workingset_eviction, workingset_evictions

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.vmscan.isolate import Kept

FREE, KEEP, ACTIVATE, PAGEOUT, ALONE = range(5)  # the last: each of them takes its own turn
_FOLIO_KEEP, _FOLIO_ACTIVATE, _FOLIO_RECLAIM, _FOLIO_CLEAN = range(4)
_IO, _FS = 0x40, 0x80
_GOING = PG_SWAPCACHE | PG_RECLAIM | PG_WRITEBACK


def shrink_folio_list(sc: ScanControl, stretches: list[Stretch], stat: ReclaimStat) -> tuple[int, list[Kept]]:
    """Try to reclaim isolated pages: (pages reclaimed, those that stay)."""
    box = sc.box
    keep: list[Kept] = []
    free: list[Stretch] = []
    for first, left, step in _small_pages(sc, stretches, stat, keep) if box.thp.pages else stretches:
        while left:
            folios = next_folios(box, first, left, step)
            count = folios.count
            sc.nr_scanned += count
            what = shrink_folios(sc, folios, stat)
            if what == ALONE:
                for pfn in folios.frames():
                    one = next_folios(box, pfn, 1, 1)
                    _settle(sc, one, _reclaim(sc, one, _FOLIO_RECLAIM, stat), stat, keep, free)
            else:
                _settle(sc, folios, what, stat, keep, free)
            first += count * step
            left -= count
    box.vmstat["pgactivate"] += sum(stat.nr_activate)
    if not free:
        return stat.nr_huge, keep
    free_folio_list(box, [(first + (count - 1) * step, count, -step) for first, count, step in reversed(free)])
    return stat.nr_huge + sum([count for _, count, _ in free]), keep


def _small_pages(
    sc: ScanControl, stretches: list[Stretch], stat: ReclaimStat, keep: list[Kept]
) -> Iterator[Stretch]:  # fmt: skip
    """The small pages among those isolated. A huge page has its turn here; if it is to go it is split, and its parts
    come next."""
    box = sc.box
    flags = box.memmap.flags
    for stretch in stretches:
        head = stretch[0]
        if not flags[head] & PG_HUGE:
            yield stretch
            continue
        sc.nr_scanned += HPAGE_PMD_NR
        what = _shrink_huge(sc, head, stat)
        if what == ALONE:
            sc.nr_scanned -= HPAGE_PMD_NR
            yield from split_huge_page_to_list(box, head)
        elif what == FREE:
            stat.nr_huge += HPAGE_PMD_NR
        else:
            if what == ACTIVATE and not flags[head] & PG_MLOCKED:
                flags[head] |= PG_ACTIVE
                stat.nr_activate[not flags[head] & PG_SWAPBACKED] += HPAGE_PMD_NR
            keep.append((head, 1, 1, True))


def _shrink_huge(sc: ScanControl, head: int, stat: ReclaimStat) -> int:
    """The turn of a huge page: FREE, KEEP, ACTIVATE, or ALONE if its parts are to go one by one."""
    box = sc.box
    flags = box.memmap.flags
    bits = flags[head]
    if bits & (PG_UNEVICTABLE | PG_MLOCKED):
        return ACTIVATE
    if not sc.may_unmap and huge_mapped(box, head):
        return KEEP
    referenced, vm_flags = huge_referenced(box, head)
    verdict = _check_references(bits, referenced, vm_flags)
    flags[head] = bits & ~PG_REFERENCED | (PG_REFERENCED if referenced else 0)
    if verdict == _FOLIO_ACTIVATE:
        return ACTIVATE
    if verdict == _FOLIO_KEEP:
        stat.nr_ref_keep += HPAGE_PMD_NR
        return KEEP
    if may_discard(box, head):
        return FREE if discard_lazyfree_huge(box, head) else ACTIVATE
    return KEEP if bits & PG_ANON and not sc.gfp & _IO else ALONE


def _settle(
    sc: ScanControl, folios: Folios, what: int, stat: ReclaimStat, keep: list[Kept], free: list[Stretch]
) -> None:  # fmt: skip
    """The end of a turn: the pages are free, or stay, perhaps as active ones."""
    stretch = folios.first, folios.count, folios.step
    if what == FREE:
        free.append(stretch)
        return
    differ = bool(folios.bits & PG_MLOCKED) or not sc.box.memmap.refcount[folios.first]  # one that lost its last holder
    if what == ACTIVATE and _activate(sc.box, folios, stat):
        differ = True
    keep.append((*stretch, differ))


def _activate(box: Box, folios: Folios, stat: ReclaimStat) -> bool:
    """Pages that reclaim had better leave alone become active, and give back their swap space if that is short; whether
    they may differ now."""
    flags = box.memmap.flags
    bits = flags[folios.first]
    short = bool(bits & PG_SWAPCACHE and not bits & PG_WRITEBACK and (bits & PG_MLOCKED or box.swap.full()))
    if short:
        for pfn in folios.frames():
            box.swap.free_folio(pfn)
    if not bits & PG_MLOCKED:
        mask_run(flags, folios.low, folios.count, 0, PG_ACTIVE)
        stat.nr_activate[not bits & PG_SWAPBACKED] += folios.count
    return short


def shrink_folios(sc: ScanControl, folios: Folios, stat: ReclaimStat) -> int:
    """One turn of the loop in shrink_folio_list(), as far as it is decided whether the pages are to go."""
    box = sc.box
    bits, count = folios.bits, folios.count
    if bits & (PG_UNEVICTABLE | PG_MLOCKED):
        return ACTIVATE
    if folios.mapped and not sc.may_unmap:
        return KEEP
    file = not bits & PG_SWAPBACKED
    if bits & (PG_DIRTY | PG_WRITEBACK) and file and not bits & PG_ANON:
        stat.nr_dirty += count
        if not bits & PG_WRITEBACK:
            stat.nr_unqueued_dirty += count
    if bits & PG_WRITEBACK:
        if bits & PG_RECLAIM:
            stat.nr_congested += count * file
            if sc.kswapd and sc.node.kswapd.writeback:
                stat.nr_immediate += count
                return ACTIVATE
        folios.mark(box, 0, PG_RECLAIM)
        stat.nr_writeback += count
        return ACTIVATE
    referenced, vm_flags = folio_referenced(box, folios.places, count, folios.way) if folios.places else (0, 0)
    verdict = _check_references(bits, referenced, vm_flags)
    if referenced:
        folios.mark(box, 0, PG_REFERENCED)
    else:
        folios.mark(box, PG_REFERENCED, 0)
    if verdict == _FOLIO_ACTIVATE:
        return ACTIVATE
    if verdict == _FOLIO_KEEP:
        stat.nr_ref_keep += count
        return KEEP
    return _reclaim(sc, folios, verdict, stat)


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


def _reclaim(sc: ScanControl, folios: Folios, verdict: int, stat: ReclaimStat) -> int:
    """The rest of the turn: pages that nobody used lately get a slot, leave the page tables, are written or go."""
    box = sc.box
    memmap = box.memmap
    pfn, bits = folios.first, folios.bits
    anon, file = bits & PG_ANON, not bits & PG_SWAPBACKED
    if anon and not file and not bits & PG_SWAPCACHE:
        if not sc.gfp & _IO:
            return KEEP
        if sc.may_writepage and _is_plain(box, folios) and _swap_out(sc, folios):
            stat.nr_pageout += folios.count
            return PAGEOUT
        if folios.count > 1:
            return ALONE
        if not box.swap.add_to_swap(pfn):
            return ACTIVATE
    if folios.mapped and not try_to_unmap(box, pfn, folios.places):
        stat.nr_unmap_fail += 1
        return ACTIVATE
    bits = memmap.flags[pfn]
    if bits & (ANONYMOUS | PG_SWAPCACHE) == PG_SWAPBACKED:
        bits |= PG_DIRTY  # shared memory that is nowhere else
    if bits & PG_DIRTY and not (anon and file):
        if file:  # the flusher's work: come back when it is written
            box.vmstat["nr_vmscan_immediate_reclaim"] += 1
            memmap.flags[pfn] = bits | PG_RECLAIM
            return ACTIVATE
        if verdict == _FOLIO_CLEAN or (not sc.gfp & _FS and not anon) or not sc.may_writepage:
            return KEEP
        what = _pageout(sc, pfn, stat)
        if what != FREE:
            return what
    return FREE if _remove_mapping(sc, folios) else KEEP


# -- out of page tables, to the disk ---------------------------------------------------------------------------------


def _is_plain(box: Box, folios: Folios) -> bool:
    """Anonymous pages in one place each, where nothing else holds them, and of which the swap cache knows nothing."""
    places = folios.places
    if len(places) != 1 or box.memmap.refcount[folios.first] != 1 or folios.bits & PG_DIRTY:
        return False
    return not places[0][0].flags & VM_LOCKED


def _swap_out(sc: ScanControl, folios: Folios) -> bool:
    """Give plain pages slots, leave these in the page tables, start writing: add_to_swap(), try_to_unmap() and
    pageout() of one after the other. False if that cannot be done for all; then nothing has changed."""
    box, count = sc.box, folios.count
    frames = folios.frames()
    entries, runs = box.swap.add_run_to_swap(frames)
    if not entries:
        return False
    memmap, vmstat = box.memmap, box.vmstat
    vma, addr, ptes, at = folios.places[0]
    mm = vma.mm
    mark = box.mmu.swp_exclusive if folios.bits & PG_ANON_EXCLUSIVE else 0
    if count == 1:
        memmap.private[folios.first] = entries[0]
        ptes[at] = box.mmu.swp_entry_to_pte(entries[0]) | mark
    else:
        low = folios.low
        slots = array("I", entries)
        memmap.private[low : low + count] = slots if folios.step > 0 else slots[::-1]
        if folios.way < 0:  # in the table they stand the other way round
            at -= count - 1
            addr -= count - 1 << 12
            slots.reverse()
        if len(runs) == 1:  # slots side by side: so are the entries
            pte = box.mmu.swp_entry_to_pte(slots[0]) | mark
            by = (box.mmu.swp_entry_to_pte(slots[1]) | mark) - pte
            ptes[at : at + count] = array(ptes.typecode, climb(pte, count, by, ptes.itemsize))
        else:
            ptes[at : at + count] = array(ptes.typecode, [pte | mark for pte in box.mmu.swp_entries_to_ptes(slots)])
    flush_tlb(mm, addr, count)
    mm.update_hiwater_rss()
    mm.rss[MM_ANONPAGES] -= count
    mm.rss[MM_SWAPENTS] += count
    if box.trace.on:
        mm_trace_rss_stat(box, mm, MM_ANONPAGES, -count)
        mm_trace_rss_stat(box, mm, MM_SWAPENTS, count)
    clear_run((memmap.mapcount,), folios.low, count)  # in the cache, no longer mapped: the count of references stays
    folios.mark(box, PG_REFERENCED | PG_ANON_EXCLUSIVE, _GOING)
    for item in ("nr_swapcached", "nr_writeback", "pswpout", "nr_vmscan_write"):
        vmstat[item] += count
    mod_node_page_state(box, "nr_file_pages", folios.low, count)
    vmstat["nr_anon_pages"] -= count
    box.swap.write_run(entries, runs, frames)
    return True


def _pageout(sc: ScanControl, pfn: int, stat: ReclaimStat) -> int:
    """Start writing a dirty page of the swap cache or of shared memory; FREE if it turned out clean."""
    box = sc.box
    memmap = box.memmap
    if memmap.refcount[pfn] != 1:  # is_page_cache_freeable(): only the cache
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
    stat.nr_pageout += 1
    if started:
        return PAGEOUT
    memmap.flags[pfn] &= ~PG_RECLAIM
    return KEEP if memmap.flags[pfn] & (PG_DIRTY | PG_WRITEBACK) else FREE


# -- out of the cache ------------------------------------------------------------------------------------------------


def _remove_mapping(sc: ScanControl, folios: Folios) -> bool:
    """Take clean, unmapped pages out of their cache, leaving shadows; False if somebody else holds them."""
    box = sc.box
    memmap, pfn, count = box.memmap, folios.first, folios.count
    flags, refcount = memmap.flags[pfn], memmap.refcount
    if flags & PG_ANON and not flags & PG_SWAPBACKED:  # MADV_FREE
        if refcount[pfn]:
            return False
        box.memcg.count_page_event(pfn, "pglazyfreed")
        return True
    if refcount[pfn] != 1 or flags & PG_DIRTY:
        return False
    evictor = sc.target_lruvec
    if count > 1:
        shadows = workingset_evictions(box, evictor, count, flags)
        if flags & PG_SWAPCACHE:
            box.swap.drop_run(folios.start, folios.way, shadows)
            clear_run((memmap.private,), folios.low, count)
        else:
            remove_run(box, memmap.owners[memmap.mapping[pfn]], folios.start, folios.way, folios.frames(), shadows)
        clear_run((refcount,), folios.low, count)
        return True
    if flags & PG_SWAPCACHE:
        box.swap.delete_from_cache(pfn, workingset_eviction(box, evictor, flags))
    else:
        mapping = memmap.owners[memmap.mapping[pfn]]
        if not isinstance(mapping, AddressSpace) or flags & PG_SWAPBACKED:
            return False
        remove_mapping(box, mapping, memmap.index[pfn], workingset_eviction(box, evictor, flags))
    refcount[pfn] = 0
    return True


def free_folio_list(box: Box, stretches: list[Stretch]) -> None:
    """Pages that nobody refers to any more go back to the allocator (free_unref_page_list)."""
    memmap = box.memmap
    mapping, index = memmap.mapping, memmap.index
    for first, count, step in stretches:
        if count == 1:
            mapping[first] = index[first] = 0
        else:
            clear_run((mapping, index), first if step > 0 else first - count + 1, count)
    box.pages.free_stretches(stretches)
