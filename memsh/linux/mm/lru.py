"""The LRU lists, and a page's way between them (mm/swap.c, include/linux/mm_inline.h).

New pages go to the head of a list, reclaim takes from the tail. A run of frames that is added at once leaves the links
that one by one would. A frame's lists are those of its node, or of its memory cgroup there: folio_lruvec().

Counters: nr_inactive_anon … nr_unevictable of all nodes, nr_zone_* of the zones, the sizes of the lruvecs, nr_mlock.

Known deviations: pages reach their list at once, not through a per-CPU batch of 15, but for those of MADV_FREE and
those that could not be dropped from the page cache; all CPUs share these two batches, which hold no references.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import VM_LOCKED
from memsh.linux.include.lruvec import LISTS
from memsh.linux.include.memmap import (
    PG_ACTIVE,
    PG_DIRTY,
    PG_HUGE,
    PG_LRU,
    PG_MLOCKED,
    PG_RECLAIM,
    PG_REFERENCED,
    PG_SWAPBACKED,
    PG_UNEVICTABLE,
    PG_UPTODATE,
    PG_WRITEBACK,
)
from memsh.linux.lib.columns import clear_run, count_down, frame_runs, is_run, sub_runs
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR, compound_head

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.lruvec import LruVec
    from memsh.linux.include.mmzone import Zone

PAGEVEC_SIZE = 15
EVICTABLE = LISTS[:4]
_SPECIAL = 0x10040400 | 0x4000  # VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP


_ITEMS = {name: (f"nr_{name}", f"nr_zone_{name}") for name in LISTS}


def lru_name(flags: int) -> str:
    if flags & PG_UNEVICTABLE:
        return "unevictable"
    kind = "anon" if flags & PG_SWAPBACKED else "file"
    return f"active_{kind}" if flags & PG_ACTIVE else f"inactive_{kind}"


def folio_lruvec(box: Box, pfn: int) -> LruVec:
    """The lruvec on whose lists a frame is, or would be: its node's, or that of the cgroup it is charged to."""
    return box.pages.zone_of(pfn).lruvecs[box.memmap.memcg[pfn]]


def lruvec_runs(box: Box, pfn: int, count: int) -> list[tuple[LruVec, Zone, int, int]]:
    """`count` frames from `pfn` on in parts of one lruvec and one zone: (lruvec, zone, first frame, how many)."""
    zone = box.pages.zone_of(pfn)
    memcg = box.memmap.memcg
    if pfn + count <= zone.whole_end and (
        count == 1 or len(zone.lruvecs) == 1 or is_run(memcg, pfn, count, memcg[pfn])
    ):
        return [(zone.lruvecs[memcg[pfn]], zone, pfn, count)]
    found = []
    end = pfn + count
    while pfn < end:
        zone = box.pages.zone_of(pfn)
        part = min(end, zone.stretch_end(pfn)) - pfn
        found += [(zone.lruvecs[number], zone, first, n) for first, n, number in sub_runs(memcg, pfn, part)]
        pfn += part
    return found


def update_lru_size(box: Box, name: str, pfn: int, count: int) -> None:
    """Move the counters of list `name` by `count` for frames from `pfn` on; the sign says which way."""
    for lruvec, zone, _, n in lruvec_runs(box, pfn, abs(count)):
        add_lru_size(box, lruvec, zone, name, n if count > 0 else -n)


def add_lru_size(box: Box, lruvec: LruVec, zone: Zone, name: str, count: int) -> None:
    """`count` pages more, or fewer, of one zone are on a list."""
    item, zone_item = _ITEMS[name]
    box.vmstat[item] += count
    zone.stat[zone_item] += count
    lruvec.add_size(name, zone.index, count)


def _add(box: Box, name: str, pfn: int, count: int = 1) -> None:
    for lruvec, zone, first, n in lruvec_runs(box, pfn, count):
        add_lru_size(box, lruvec, zone, name, n)
        lruvec.link(box.memmap, name, first, n)


def _del(box: Box, name: str, pfn: int, count: int = 1) -> None:
    for lruvec, zone, first, n in lruvec_runs(box, pfn, count):
        add_lru_size(box, lruvec, zone, name, -n)
        lruvec.unlink(box.memmap, name, first, n)


def zone_count(box: Box, item: str, pfn: int, delta: int) -> None:
    stat = box.pages.zone_of(pfn).stat
    stat[item] = stat.get(item, 0) + delta


def lru_add(box: Box, pfn: int) -> None:
    flags = box.memmap.flags[pfn] | PG_LRU
    box.memmap.flags[pfn] = flags
    _add(box, lru_name(flags), pfn)


def lru_del_run(box: Box, pfn: int, count: int) -> None:
    """Take frames off their lists, whichever these are; frames on none are left alone. The flags are the caller's."""
    for first, n, flags in sub_runs(box.memmap.flags, pfn, count):
        if flags & PG_LRU:
            _del(box, lru_name(flags), first, n)
            if flags & PG_MLOCKED:
                for frame in range(first, first + n):
                    zone_count(box, "nr_mlock", frame, -1)
                box.vmstat["unevictable_pgs_cleared"] += n


def new_page_flags(vma_flags: int, base: int) -> int:
    """Flags of a page added for an area: unevictable at once where the area is locked."""
    flags = base | PG_LRU | PG_UPTODATE
    if vma_flags & (VM_LOCKED | _SPECIAL) == VM_LOCKED:
        flags |= PG_MLOCKED | PG_UNEVICTABLE
    return flags


def account_new(box: Box, pfn: int, count: int, flags: int) -> None:
    """Count `count` new pages with these flags on their list, and as mlocked if they are."""
    _add(box, lru_name(flags), pfn, count)
    if flags & PG_MLOCKED:
        for frame in range(pfn, pfn + count):
            zone_count(box, "nr_mlock", frame, 1)
        box.vmstat["unevictable_pgs_mlocked"] += count
        box.vmstat["unevictable_pgs_culled"] += count


def account_new_runs(box: Box, runs: list[tuple[int, int]], total: int, flags: int) -> None:
    """account_new() for several runs of (first frame, how many), `total` frames together, which one group pays for."""
    memmap = box.memmap
    low, first_count = runs[0]
    high = low + first_count
    zone = box.pages.zone_of(low)
    if len(runs) > 1:
        low, high = min(runs)[0], max([pfn + count for pfn, count in runs])
    if flags & PG_MLOCKED or low < zone.start_pfn or high > zone.whole_end:
        for pfn, count in runs:
            account_new(box, pfn, count, flags)
        return
    name = lru_name(flags)
    lruvec = zone.lruvecs[memmap.memcg[runs[0][0]]]
    add_lru_size(box, lruvec, zone, name, total)
    nexts, prevs, heads = memmap.lru_next, memmap.lru_prev, lruvec.heads
    for pfn, count in runs:
        if count > 2 or not heads[name]:
            lruvec.link(memmap, name, pfn, count)
            continue
        for frame in range(pfn, pfn + count):
            head = heads[name]
            nexts[frame] = head
            prevs[frame] = 0
            prevs[head] = frame
            heads[name] = frame


def _move(box: Box, pfn: int, clear: int, set_: int) -> None:
    column = box.memmap.flags
    old = column[pfn]
    new = old & ~clear | set_
    if old & PG_HUGE:
        lruvec, names = folio_lruvec(box, pfn), (lru_name(old), lru_name(new))
        update_lru_size(box, names[0], pfn, -HPAGE_PMD_NR)
        lruvec.unlink(box.memmap, names[0], pfn)
        update_lru_size(box, names[1], pfn, HPAGE_PMD_NR)
        lruvec.link(box.memmap, names[1], pfn)
    elif old & PG_LRU:
        _del(box, lru_name(old), pfn)
        _add(box, lru_name(new), pfn)
    column[pfn] = new


def mark_page_accessed(box: Box, pfn: int) -> None:
    """Referenced on the first mark, active on the second: the page, or the huge one that it is part of
    (folio_mark_accessed)."""
    pfn = compound_head(box, pfn)
    flags = box.memmap.flags[pfn]
    if not flags & PG_REFERENCED:
        box.memmap.flags[pfn] = flags | PG_REFERENCED
        box.changes += 1
    elif not flags & (PG_ACTIVE | PG_UNEVICTABLE) and flags & PG_LRU:
        count = HPAGE_PMD_NR if flags & PG_HUGE else 1
        _move(box, pfn, PG_REFERENCED, PG_ACTIVE)
        box.changes += 1
        box.memcg.count_page_event(pfn, "pgactivate", count)
        age_nonresident(folio_lruvec(box, pfn), count)


def mark_page_lazyfree(box: Box, pfn: int) -> None:
    """MADV_FREE: the page may go without being written anywhere; it waits on the inactive file list, to which it goes
    with fourteen others (lru_pvecs.lru_lazyfree)."""
    if box.memmap.flags[pfn] & (PG_LRU | PG_SWAPBACKED | PG_UNEVICTABLE) == PG_LRU | PG_SWAPBACKED:
        box.lru_lazyfree.append(pfn)
        if len(box.lru_lazyfree) == PAGEVEC_SIZE:
            move_lazyfree(box)


def lru_add_drain(box: Box) -> None:
    """Let pages that are on their way to another list arrive there."""
    if box.lru_deactivate_file:
        _move_deactivated(box)
    move_lazyfree(box)


def move_lazyfree(box: Box) -> None:
    """The batch of MADV_FREE is full, or a huge page has come, which does not wait (folio_batch_add_and_move)."""
    lazy, box.lru_lazyfree = box.lru_lazyfree, []
    for pfn in lazy:
        if box.memmap.flags[pfn] & (PG_LRU | PG_SWAPBACKED | PG_UNEVICTABLE) == PG_LRU | PG_SWAPBACKED:
            _move(box, pfn, PG_ACTIVE | PG_REFERENCED | PG_SWAPBACKED, 0)
            box.memcg.count_page_event(pfn, "pglazyfree")


def deactivate_file_folio(box: Box, pfn: int) -> None:
    """A page could not be dropped from the page cache: it goes to its inactive list, with fourteen others."""
    flags = box.memmap.flags[pfn]
    if flags & PG_UNEVICTABLE:
        return
    box.changes += 1
    if flags & PG_HUGE:  # its head frame; it does not wait
        _lru_deactivate_file(box, pfn)
        return
    box.lru_deactivate_file.append(pfn)
    if len(box.lru_deactivate_file) == PAGEVEC_SIZE:
        _move_deactivated(box)


def _move_deactivated(box: Box) -> None:
    batch, box.lru_deactivate_file = box.lru_deactivate_file, []
    for pfn in batch:
        _lru_deactivate_file(box, pfn)


def _lru_deactivate_file(box: Box, pfn: int) -> None:
    """What nobody maps goes to the inactive list: to its head until it is written, to its tail if it is clean."""
    memmap = box.memmap
    flags = memmap.flags[pfn]
    count = HPAGE_PMD_NR if flags & PG_HUGE else 1
    if flags & (PG_LRU | PG_UNEVICTABLE) != PG_LRU or any(memmap.mapcount[pfn : pfn + count]):
        return
    zone, lruvec = box.pages.zone_of(pfn), folio_lruvec(box, pfn)
    old, name = lru_name(flags), lru_name(flags & ~PG_ACTIVE)
    if old != name:
        add_lru_size(box, lruvec, zone, old, -count)
        add_lru_size(box, lruvec, zone, name, count)
        box.memcg.count_page_event(pfn, "pgdeactivate", count)
    lruvec.unlink(memmap, old, pfn)
    if flags & (PG_DIRTY | PG_WRITEBACK):
        lruvec.link(memmap, name, pfn)
        flags |= PG_RECLAIM
    else:
        lruvec.link_tail(memmap, name, pfn)
        box.vmstat["pgrotated"] += count
    memmap.flags[pfn] = flags & ~(PG_ACTIVE | PG_REFERENCED)


def deactivate_page(box: Box, pfn: int) -> None:
    """MADV_COLD: an active page goes to the head of its inactive list."""
    if box.memmap.flags[pfn] & (PG_LRU | PG_ACTIVE | PG_UNEVICTABLE) == PG_LRU | PG_ACTIVE:
        _move(box, pfn, PG_ACTIVE | PG_REFERENCED, 0)
        box.memcg.count_page_event(pfn, "pgdeactivate")


def unlist(box: Box, pfn: int) -> None:
    """Take a page off its list as reclaim does: it is nobody's for a while, and no longer active."""
    flags = box.memmap.flags[pfn]
    _del(box, lru_name(flags), pfn)
    box.memmap.flags[pfn] = flags & ~PG_ACTIVE


def mlock_page(box: Box, pfn: int) -> None:
    """A page in a locked area: off to the unevictable list."""
    flags = box.memmap.flags[pfn]
    if flags & PG_MLOCKED or not flags & PG_LRU:
        return
    _move(box, pfn, PG_ACTIVE, PG_MLOCKED | PG_UNEVICTABLE)
    zone_count(box, "nr_mlock", pfn, 1)
    box.vmstat["unevictable_pgs_mlocked"] += 1
    box.vmstat["unevictable_pgs_culled"] += 1


def munlock_page(box: Box, pfn: int) -> None:
    """The area is no longer locked: back to an inactive list, if no other locked area maps the page."""
    flags = box.memmap.flags[pfn]
    if not flags & PG_MLOCKED:
        return
    _move(box, pfn, PG_MLOCKED | PG_UNEVICTABLE, 0)
    zone_count(box, "nr_mlock", pfn, -1)
    box.vmstat["unevictable_pgs_munlocked"] += 1
    box.vmstat["unevictable_pgs_rescued"] += 1


def age_nonresident(lruvec: LruVec, pages: int) -> None:
    """So many evictions or activations more (workingset_age_nonresident)."""
    level: LruVec | None = lruvec
    while level is not None:
        level.nonresident_age += pages
        level = level.parent


def lru_note_cost(lruvec: LruVec, *, file: bool, pages: int) -> None:
    """Reclaim from the file or the anonymous lists cost I/O on so many pages; what is long past weighs less."""
    level: LruVec | None = lruvec
    while level is not None:
        if file:
            level.file_cost += pages
        else:
            level.anon_cost += pages
        cost = level.file_cost + level.anon_cost
        sizes = level.pages
        if cost > (sizes["inactive_anon"] + sizes["active_anon"] + sizes["inactive_file"] + sizes["active_file"]) // 4:
            level.file_cost //= 2
            level.anon_cost //= 2
        level = level.parent


def cost_is_low(lruvec: LruVec, fewer: int) -> bool:
    """Whether lru_note_cost() would still forget nothing with so many fewer pages on the lists."""
    for level in lruvec.levels():
        sizes = level.pages
        pages = sizes["inactive_anon"] + sizes["active_anon"] + sizes["inactive_file"] + sizes["active_file"]
        if level.file_cost + level.anon_cost > (pages - fewer) // 4:
            return False
    return True


def rotate_reclaimable(box: Box, pfn: int) -> None:
    """A page whose write reclaim waited for goes to the tail of its inactive list (folio_rotate_reclaimable)."""
    flags = box.memmap.flags[pfn]
    if flags & (PG_LRU | PG_ACTIVE | PG_UNEVICTABLE | PG_DIRTY) == PG_LRU:
        name, lruvec = lru_name(flags), folio_lruvec(box, pfn)
        lruvec.unlink(box.memmap, name, pfn)
        lruvec.link_tail(box.memmap, name, pfn)
        box.vmstat["pgrotated"] += 1


def rotate_run(box: Box, first: int, count: int, step: int) -> None:
    """rotate_reclaimable() for frames first, first + step, … that all have the same flags."""
    low = first if step > 0 else first - count + 1
    flags = box.memmap.flags[low]
    if flags & (PG_LRU | PG_ACTIVE | PG_UNEVICTABLE | PG_DIRTY) == PG_LRU:
        name = lru_name(flags)
        parts = lruvec_runs(box, low, count)
        for lruvec, _, at, n in parts if step > 0 else reversed(parts):
            last = at + n - 1
            if n < 12:
                lruvec.to_tail(box.memmap, name, range(at, last + 1) if step > 0 else range(last, at - 1, -1))
            else:
                lruvec.unlink(box.memmap, name, at, n)
                lruvec.link_tail(box.memmap, name, at if step > 0 else last, n, step)
        box.vmstat["pgrotated"] += count


def isolate_lru_page(box: Box, pfn: int) -> None:
    """Take a page off its list for a while; what else it is stays written in its flags."""
    flags = box.memmap.flags[pfn]
    _del(box, lru_name(flags), pfn)
    box.memmap.flags[pfn] = flags & ~PG_LRU


def putback_lru_page(box: Box, pfn: int) -> None:
    """An isolated page returns to the head of its list."""
    lru_add(box, pfn)


def put_frames(box: Box, pfns: list[int]) -> None:
    """Drop one reference to each frame; those that nobody holds any more are freed, in this order."""
    memmap = box.memmap
    refcount = memmap.refcount
    dead: list[int] = []
    for pfn, count in frame_runs(pfns):
        for first, n in count_down(refcount, pfn, count):
            release_run(box, first, n)
            dead.extend(range(first, first + n))
    if dead:
        box.pages.free_page_list(dead)


def release_page(box: Box, pfn: int) -> None:
    """release_run() for one frame."""
    if box.lru_deactivate_file:
        _move_deactivated(box)
    memmap = box.memmap
    flags = memmap.flags[pfn]
    if flags & PG_MLOCKED:
        lru_del_run(box, pfn, 1)
    elif flags & PG_LRU:
        name = lru_name(flags)
        zone = box.pages.zone_of(pfn)
        lruvec = zone.lruvecs[memmap.memcg[pfn]]
        add_lru_size(box, lruvec, zone, name, -1)
        lruvec.unlink(memmap, name, pfn)
    memmap.flags[pfn] = memmap.mapping[pfn] = memmap.index[pfn] = 0


def release_run(box: Box, pfn: int, count: int) -> None:
    """Forget what `count` unreferenced frames were: lists, flags, owner. The caller frees them."""
    if box.lru_deactivate_file:
        _move_deactivated(box)
    memmap = box.memmap
    lru_del_run(box, pfn, count)
    clear_run((memmap.flags, memmap.mapping, memmap.index), pfn, count)
