"""The LRU lists, and a page's way between them (mm/swap.c, include/linux/mm_inline.h).

Five lists of one node: inactive and active, anonymous and file, and the unevictable. A list is linked through the
columns `lru_next` (towards its tail) and `lru_prev` (towards its head) of the memory map; 0 ends it. New pages go to
the head, reclaim takes from the tail. A run of frames that is added at once leaves the links that one by one would.

Counters: nr_inactive_anon … nr_unevictable of the node, nr_zone_* of the zones, nr_mlock.

Known deviations: pages reach their list at once, not through a per-CPU batch of 15, but for those of MADV_FREE.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memsh.linux.include.flags import VM_LOCKED
from memsh.linux.include.memmap import (
    PG_ACTIVE,
    PG_DIRTY,
    PG_LRU,
    PG_MLOCKED,
    PG_REFERENCED,
    PG_SWAPBACKED,
    PG_UNEVICTABLE,
    PG_UPTODATE,
    MemMap,
)
from memsh.linux.lib.columns import add_run, count_run, frame_runs, is_count, mask_run, sub_runs

if TYPE_CHECKING:
    from memsh.linux.box import Box

PAGEVEC_SIZE = 15
LISTS = ("inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable")
_SPECIAL = 0x10040400 | 0x4000  # VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP


class LruVec:
    """`box.lru` (struct lruvec): heads and tails of the lists, and what reclaim remembers of them.

    `anon_cost` and `file_cost` weigh the lists against each other; `nonresident_age` counts evictions and activations;
    `refaults` are the workingset_activate_* counters at the end of the last reclaim: anonymous, file.
    """

    __slots__ = ("anon_cost", "congested", "file_cost", "heads", "lazy", "nonresident_age", "refaults", "tails")

    def __init__(self) -> None:
        self.heads = dict.fromkeys(LISTS, 0)
        self.tails = dict.fromkeys(LISTS, 0)
        self.anon_cost = self.file_cost = 0
        self.nonresident_age = 0
        self.refaults = [0, 0]
        self.congested = False
        self.lazy: list[int] = []  # pages that MADV_FREE gave up, on their way to their new list

    def link(self, memmap: MemMap, name: str, pfn: int, count: int = 1, step: int = 1) -> None:
        """Put `count` frames pfn, pfn + step, … at the head, one after the other; `step` is 1 or -1."""
        nexts, prevs = memmap.lru_next, memmap.lru_prev
        old = self.heads[name]
        last = pfn + (count - 1) * step
        if count > 1:
            low = pfn if step > 0 else last
            count_run(nexts, low, low - step, count)
            count_run(prevs, low, low + step, count)
        nexts[pfn] = old
        prevs[last] = 0
        if old:
            prevs[old] = pfn
        else:
            self.tails[name] = pfn
        self.heads[name] = last

    def link_tail(self, memmap: MemMap, name: str, pfn: int, count: int = 1, step: int = 1) -> None:
        """Put frames pfn, pfn + step, … at the tail, one after the other: the last is the next to be looked at."""
        old = self.tails[name]
        last = pfn + (count - 1) * step
        if count > 1:
            low = pfn if step > 0 else last
            count_run(memmap.lru_next, low, low + step, count)
            count_run(memmap.lru_prev, low, low - step, count)
        memmap.lru_next[last] = 0
        memmap.lru_prev[pfn] = old
        if old:
            memmap.lru_next[old] = pfn
        else:
            self.heads[name] = pfn
        self.tails[name] = last

    def to_tail(self, memmap: MemMap, name: str, pfns: range) -> None:
        """Move frames of list `name` to its tail, one after the other."""
        nexts, prevs = memmap.lru_next, memmap.lru_prev
        tail = self.tails[name]
        for pfn in pfns:
            if pfn == tail:
                continue
            older, newer = nexts[pfn], prevs[pfn]
            if newer:
                nexts[newer] = older
            else:
                self.heads[name] = older
            prevs[older] = newer  # there is one: this is not the tail
            nexts[tail], nexts[pfn], prevs[pfn] = pfn, 0, tail
            tail = pfn
        self.tails[name] = tail

    def unlink(self, memmap: MemMap, name: str, pfn: int, count: int = 1) -> None:
        """Take `count` frames from `pfn` on, all of list `name`, off it."""
        nexts, prevs = memmap.lru_next, memmap.lru_prev
        if count > 1:
            if is_count(nexts, pfn + 1, pfn, count - 1):  # linked one after the other, as link() leaves them
                newer, older = prevs[pfn + count - 1], nexts[pfn]
            elif is_count(nexts, pfn, pfn + 1, count - 1):  # the other way round
                newer, older = prevs[pfn], nexts[pfn + count - 1]
            else:
                for frame in range(pfn, pfn + count):
                    self.unlink(memmap, name, frame)
                return
        else:
            newer, older = prevs[pfn], nexts[pfn]
        if newer:
            nexts[newer] = older
        else:
            self.heads[name] = older
        if older:
            prevs[older] = newer
        else:
            self.tails[name] = newer

    def from_tail(self, memmap: MemMap, name: str) -> Iterator[int]:
        """The frames of a list, tail first."""
        prevs = memmap.lru_prev
        pfn = self.tails[name]
        while pfn:
            yield pfn
            pfn = prevs[pfn]


def lru_name(flags: int) -> str:
    if flags & PG_UNEVICTABLE:
        return "unevictable"
    kind = "anon" if flags & PG_SWAPBACKED else "file"
    return f"active_{kind}" if flags & PG_ACTIVE else f"inactive_{kind}"


def update_lru_size(box: Box, name: str, pfn: int, count: int) -> None:
    """Move the counters of list `name` by `count` for frames from `pfn` on; the sign says which way."""
    box.vmstat["nr_" + name] += count
    pages = box.pages
    zone = pages.zone_of(pfn)
    n = abs(count)
    if pfn + n <= zone.start_pfn + zone.spanned:
        zone.stat["nr_zone_" + name] = zone.stat.get("nr_zone_" + name, 0) + count
        return
    sign = 1 if count > 0 else -1
    while n:
        zone = pages.zone_of(pfn)
        part = min(n, zone.start_pfn + zone.spanned - pfn)
        zone.stat["nr_zone_" + name] = zone.stat.get("nr_zone_" + name, 0) + sign * part
        pfn += part
        n -= part


def _add(box: Box, name: str, pfn: int, count: int = 1) -> None:
    update_lru_size(box, name, pfn, count)
    box.lru.link(box.memmap, name, pfn, count)


def _del(box: Box, name: str, pfn: int, count: int = 1) -> None:
    update_lru_size(box, name, pfn, -count)
    box.lru.unlink(box.memmap, name, pfn, count)


def zone_count(box: Box, item: str, pfn: int, delta: int) -> None:
    stat = box.pages.zone_of(pfn).stat
    stat[item] = stat.get(item, 0) + delta


def lru_add_run(box: Box, pfn: int, count: int, flags: int) -> None:
    """Frames that already carry `flags` (PG_LRU among them) go on the list that these name."""
    _add(box, lru_name(flags), pfn, count)


def lru_add(box: Box, pfn: int) -> None:
    flags = box.memmap.flags[pfn] | PG_LRU
    box.memmap.flags[pfn] = flags
    _add(box, lru_name(flags), pfn)


def lru_del_run(box: Box, pfn: int, count: int) -> None:
    """Take frames off their lists, whichever these are; frames on none are left alone."""
    column = box.memmap.flags
    for first, n, flags in sub_runs(column, pfn, count):
        if flags & PG_LRU:
            _del(box, lru_name(flags), first, n)
            if flags & PG_MLOCKED:
                for frame in range(first, first + n):
                    zone_count(box, "nr_mlock", frame, -1)
                box.vmstat["unevictable_pgs_cleared"] += n
            mask_run(column, first, n, PG_LRU | PG_ACTIVE | PG_UNEVICTABLE | PG_MLOCKED)


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
    """account_new() for several runs of (first frame, how many), `total` frames together."""
    memmap, lru = box.memmap, box.lru
    zone = box.pages.zone_of(runs[0][0])
    start, end = zone.start_pfn, zone.start_pfn + zone.spanned
    if flags & PG_MLOCKED or min(runs)[0] < start or max([pfn + count for pfn, count in runs]) > end:
        for pfn, count in runs:
            account_new(box, pfn, count, flags)
        return
    name = lru_name(flags)
    box.vmstat["nr_" + name] += total
    zone.stat["nr_zone_" + name] += total
    nexts, prevs = memmap.lru_next, memmap.lru_prev
    for pfn, count in runs:
        if count > 2 or not lru.heads[name]:
            lru.link(memmap, name, pfn, count)
            continue
        for frame in range(pfn, pfn + count):
            head = lru.heads[name]
            nexts[frame] = head
            prevs[frame] = 0
            prevs[head] = frame
            lru.heads[name] = frame


def _move(box: Box, pfn: int, clear: int, set_: int) -> None:
    column = box.memmap.flags
    old = column[pfn]
    new = old & ~clear | set_
    if old & PG_LRU:
        _del(box, lru_name(old), pfn)
        _add(box, lru_name(new), pfn)
    column[pfn] = new


def mark_page_accessed(box: Box, pfn: int) -> None:
    """Referenced on the first mark, active on the second (folio_mark_accessed)."""
    flags = box.memmap.flags[pfn]
    if not flags & PG_REFERENCED:
        box.memmap.flags[pfn] = flags | PG_REFERENCED
        box.changes += 1
    elif not flags & (PG_ACTIVE | PG_UNEVICTABLE) and flags & PG_LRU:
        _move(box, pfn, PG_REFERENCED, PG_ACTIVE)
        box.changes += 1
        box.vmstat["pgactivate"] += 1
        box.lru.nonresident_age += 1


def mark_page_lazyfree(box: Box, pfn: int) -> None:
    """MADV_FREE: the page may go without being written anywhere; it waits on the inactive file list, to which it goes
    with fourteen others (lru_pvecs.lru_lazyfree)."""
    if box.memmap.flags[pfn] & (PG_LRU | PG_SWAPBACKED | PG_UNEVICTABLE) == PG_LRU | PG_SWAPBACKED:
        box.lru.lazy.append(pfn)
        if len(box.lru.lazy) == PAGEVEC_SIZE:
            lru_add_drain(box)


def lru_add_drain(box: Box) -> None:
    """Let pages that are on their way to another list arrive there."""
    lazy, box.lru.lazy = box.lru.lazy, []
    for pfn in lazy:
        if box.memmap.flags[pfn] & (PG_LRU | PG_SWAPBACKED | PG_UNEVICTABLE) == PG_LRU | PG_SWAPBACKED:
            _move(box, pfn, PG_ACTIVE | PG_REFERENCED | PG_SWAPBACKED, 0)
            box.vmstat["pglazyfree"] += 1


def deactivate_page(box: Box, pfn: int) -> None:
    """MADV_COLD: an active page goes to the head of its inactive list."""
    if box.memmap.flags[pfn] & (PG_LRU | PG_ACTIVE | PG_UNEVICTABLE) == PG_LRU | PG_ACTIVE:
        _move(box, pfn, PG_ACTIVE | PG_REFERENCED, 0)
        box.vmstat["pgdeactivate"] += 1


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


def lru_note_cost(box: Box, *, file: bool, pages: int) -> None:
    """Reclaim from the file or the anonymous lists cost I/O on so many pages; what is long past weighs less."""
    lru, vmstat = box.lru, box.vmstat
    if file:
        lru.file_cost += pages
    else:
        lru.anon_cost += pages
    size = vmstat["nr_inactive_anon"] + vmstat["nr_active_anon"]
    size += vmstat["nr_inactive_file"] + vmstat["nr_active_file"]
    if lru.file_cost + lru.anon_cost > size // 4:
        lru.file_cost //= 2
        lru.anon_cost //= 2


def rotate_reclaimable(box: Box, pfn: int) -> None:
    """A page whose write reclaim waited for goes to the tail of its inactive list (folio_rotate_reclaimable)."""
    flags = box.memmap.flags[pfn]
    if flags & (PG_LRU | PG_ACTIVE | PG_UNEVICTABLE | PG_DIRTY) == PG_LRU:
        name = lru_name(flags)
        box.lru.unlink(box.memmap, name, pfn)
        box.lru.link_tail(box.memmap, name, pfn)
        box.vmstat["pgrotated"] += 1


def rotate_run(box: Box, first: int, count: int, step: int) -> None:
    """rotate_reclaimable() for frames first, first + step, … that all have the same flags."""
    low = first if step > 0 else first - count + 1
    flags = box.memmap.flags[low]
    if flags & (PG_LRU | PG_ACTIVE | PG_UNEVICTABLE | PG_DIRTY) == PG_LRU:
        name = lru_name(flags)
        if count < 12:
            box.lru.to_tail(box.memmap, name, range(first, first + count * step, step))
        else:
            box.lru.unlink(box.memmap, name, low, count)
            box.lru.link_tail(box.memmap, name, first, count, step)
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
        add_run(refcount, pfn, count, -1)
        for first, n, value in sub_runs(refcount, pfn, count):
            if value == 0:
                release_run(box, first, n)
                dead.extend(range(first, first + n))
    if dead:
        box.pages.free_page_list(dead)


def release_page(box: Box, pfn: int) -> None:
    """release_run() for one frame."""
    memmap = box.memmap
    flags = memmap.flags[pfn]
    if flags & PG_MLOCKED:
        lru_del_run(box, pfn, 1)
    elif flags & PG_LRU:
        name = lru_name(flags)
        box.vmstat["nr_" + name] -= 1
        box.pages.zone_of(pfn).stat["nr_zone_" + name] -= 1
        box.lru.unlink(memmap, name, pfn)
    memmap.flags[pfn] = memmap.mapping[pfn] = memmap.index[pfn] = 0
    memmap.data.pop(pfn, None)


def release_run(box: Box, pfn: int, count: int) -> None:
    """Forget what `count` unreferenced frames were: lists, flags, owner, contents. The caller frees them."""
    memmap = box.memmap
    lru_del_run(box, pfn, count)
    zeros = memoryview(bytes(4 * count)).cast("I")
    memmap.flags[pfn : pfn + count] = zeros
    memmap.mapping[pfn : pfn + count] = zeros
    memmap.index[pfn : pfn + count] = zeros
    data = memmap.data
    if data:
        if len(data) < count:
            for frame in [frame for frame in data if pfn <= frame < pfn + count]:
                del data[frame]
        else:
            for frame in range(pfn, pfn + count):
                data.pop(frame, None)
