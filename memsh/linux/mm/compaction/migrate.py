"""Moving a page to another frame, under the feet of those who use it (mm/migrate.c).

A page may move if every reference to it can be found: the page-table entries that map it (the reverse map), the page
cache or the swap cache, and the mover's own. The entries keep their bits and get the new frame.

A page whose references do not add up, or that the disk is still reading, is tried again, in ten rounds over the list;
one that is being written is given up at once, unless the caller may wait for the disk.

Known deviations: there are no migration entries, since nobody can run in between; the new page reaches its list at
once, not through a per-CPU batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from memsh.linux.include.flags import PTE_DIRTY
from memsh.linux.include.memmap import (
    K_FILE,
    PG_ANON,
    PG_DIRTY,
    PG_KSM,
    PG_LRU,
    PG_MLOCKED,
    PG_SWAPBACKED,
    PG_SWAPCACHE,
    PG_WRITEBACK,
)
from memsh.linux.include.mm_types import AddressSpace
from memsh.linux.mm.filemap.writeback import dirty_folio
from memsh.linux.mm.ksm.items import folio_migrate_ksm
from memsh.linux.mm.lru import isolate_lru_page, putback_lru_page
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.rmap.rmap import page_mappings

if TYPE_CHECKING:
    from memsh.linux.box import Box

MIGRATE_ASYNC, MIGRATE_SYNC_LIGHT, MIGRATE_SYNC = range(3)
NO_TARGET = -1  # migrate_pages(): no free frame was left (-ENOMEM)
MAX_RETRY = 10  # NR_MAX_MIGRATE_PAGES_RETRY: rounds over the pages that might move the next time
FORCE_AFTER = 2  # from the round after this one on, whoever may wait does
_MOVED, _AGAIN, _BUSY = range(3)


def page_mapping(box: Box, pfn: int) -> bool:
    """Whether a page cache or the swap cache holds the page (folio_mapping() is not NULL)."""
    flags = box.memmap.flags[pfn]
    return flags & PG_SWAPCACHE > 0 or (not flags & PG_ANON and box.memmap.mapping[pfn] != 0)


def folio_expected_refs(box: Box, pfn: int) -> int:
    """References that an isolated, mapped page has when nobody else holds it."""
    return 1 + box.memmap.mapcount[pfn] + page_mapping(box, pfn)


def _replace_in_cache(box: Box, src: int, dst: int) -> None:
    """Whoever finds the page by its place in a file or a swap area finds the new frame (folio_migrate_mapping)."""
    memmap = box.memmap
    if memmap.flags[src] & PG_SWAPCACHE:
        box.swap.replace_in_cache(src, dst)
    if memmap.flags[src] & PG_ANON:
        return
    mapping = memmap.owners[memmap.mapping[src]]
    if isinstance(mapping, AddressSpace):
        mapping.pages[memmap.index[src]] = dst


def _move_tables(box: Box, src: int, dst: int) -> int:
    """Point every entry that maps `src` to `dst`; how many (try_to_migrate, remove_migration_ptes)."""
    places = page_mappings(box, src)
    for vma, addr in places:
        mm = vma.mm
        ptes = mm.tables[addr >> mm.table_shift].ptes
        at = (addr >> 12) & mm.table_mask
        pte = ptes[at]
        if pte & PTE_DIRTY:
            dirty_folio(box, src)
        ptes[at] = dst << 12 | pte & 4095
        mm.flush_tlb(addr, addr + 4096)
    return len(places)


def _wait_unlocked(box: Box, src: int, mode: int, force: bool) -> bool:
    """Whether the page is not locked for reading, or no longer (__migrate_folio_unmap: folio_trylock, folio_lock)."""
    memmap = box.memmap
    due = 0
    if memmap.flags[src] & PG_SWAPCACHE:
        locked = box.swap.is_locked(src)
    else:
        mapping = memmap.owners[memmap.mapping[src]]
        if isinstance(mapping, AddressSpace):
            due = mapping.being_read(memmap.index[src], box.timer.usec)
        locked = due > 0
    if not locked:
        return True
    if not force or mode == MIGRATE_ASYNC or box.pages.memalloc:
        return False
    if due:
        box.disk.wait(due)
    else:
        box.swap.wait_locked(src)
    return True


def _migrate_folio(box: Box, src: int, dst: int, mode: int, force: bool) -> int:
    """Move one isolated page: _MOVED, _AGAIN if it may be tried once more, or _BUSY."""
    memmap = box.memmap
    if not _wait_unlocked(box, src, mode, force):
        return _AGAIN
    flags = memmap.flags[src]
    if flags & PG_WRITEBACK:
        if mode != MIGRATE_SYNC:
            return _BUSY
        if not force:
            return _AGAIN
        box.disk.wait(box.disk.busy_until)
        flags = memmap.flags[src]
    if memmap.refcount[src] != folio_expected_refs(box, src):
        return _AGAIN
    if not flags & (PG_ANON | PG_SWAPCACHE) and not memmap.mapping[src]:
        return _AGAIN
    if flags & PG_KSM and len(page_mappings(box, src)) < memmap.mapcount[src]:
        return _AGAIN  # a process has forked off that ksmd has not come by: it cannot be unmapped everywhere
    mapped = _move_tables(box, src, dst)
    if mapped != memmap.mapcount[src]:
        raise RuntimeError(f"page {src:#x} is mapped {memmap.mapcount[src]} times, found {mapped}")
    _replace_in_cache(box, src, dst)
    memmap.mapping[dst], memmap.index[dst] = memmap.mapping[src], memmap.index[src]
    memmap.mapcount[dst], memmap.mapcount[src] = mapped, 0
    memmap.kind[dst] = memmap.kind[src]
    memmap.refcount[dst] = memmap.refcount[src]
    memmap.flags[dst] = memmap.flags[src] & ~PG_LRU
    if not flags & PG_ANON or flags & PG_SWAPCACHE:
        _move_count(box, "nr_file_pages", src, dst)
    if not flags & PG_ANON:
        if mapped:
            _move_count(box, "nr_mapped", src, dst)
        if memmap.flags[src] & PG_DIRTY and memmap.kind[src] == K_FILE:
            _move_count(box, "nr_dirty", src, dst)
    if flags & PG_MLOCKED and mapped:
        _count_mlocked(box)
    folio_migrate_ksm(box, dst)
    box.memcg.migrate(src, dst)
    data = memmap.data.pop(src, None)
    if data is not None:
        memmap.data[dst] = data
    memmap.flags[src] = memmap.mapping[src] = memmap.index[src] = 0
    memmap.refcount[src] = 1
    return _MOVED


def _count_mlocked(box: Box) -> None:
    """The areas let an mlocked page go while it is on no list, and lock the new one, which had reached one by then
    (munlock_page in try_to_migrate_one, mlock_page in remove_migration_pte)."""
    for event in ("stranded", "rescued", "mlocked", "culled"):
        box.vmstat["unevictable_pgs_" + event] += 1


def _move_count(box: Box, item: str, src: int, dst: int) -> None:
    """What was counted for one frame's node is counted for the other's."""
    mod_node_page_state(box, item, src, -1)
    mod_node_page_state(box, item, dst, 1)


def migrate_pages(
    box: Box, pages: Sequence[int], get_new: Callable[[int], int], put_new: Callable[[int], None], mode: int
) -> tuple[list[int], int]:
    """Move isolated pages to frames that `get_new` yields for them (0: none left) and free the old ones.

    Those that cannot move are put back on their lists. Answers what could not move, and how many did; the last of the
    former is NO_TARGET if the frames ran out.
    """
    busy: list[int] = []
    left = list(pages)
    untried: list[int] | None = None
    moved = 0
    for attempt in range(MAX_RETRY):
        if not left or untried:
            break
        count, left, untried = _round(box, left, busy, get_new, put_new, mode, attempt > FORCE_AFTER)
        moved += count
    failed = busy + left
    events = len(failed) + bool(untried)
    box.vmstat["pgmigrate_success"] += moved
    box.vmstat["pgmigrate_fail"] += events
    if box.trace.on:
        box.trace.emit("mm_migrate_pages", moved, events, mode)
    failed += untried or ()
    putback_movable_pages(box, failed)
    return [*failed, NO_TARGET] if untried else failed, moved


def _round(
    box: Box, pages: list[int], busy: list[int], get_new: Callable[[int], int], put_new: Callable[[int], None],
    mode: int, force: bool,
) -> tuple[int, list[int], list[int] | None]:  # fmt: skip
    """One round of migrate_pages_batch(): (how many moved, those to be tried again, those for which no frame was left).
    Those that cannot move at all are added to `busy`."""
    memmap = box.memmap
    again: list[int] = []
    moved = 0
    for number, src in enumerate(pages):
        if memmap.refcount[src] == 1 and not memmap.mapping[src]:  # freed while it was isolated
            box.vmstat[_isolated(memmap.flags[src])] -= 1
            memmap.flags[src] = 0
            box.pages.free_pages(src, 0)
            moved += 1
            continue
        dst = get_new(src)
        if not dst:
            return moved, again, pages[number:]
        result = _migrate_folio(box, src, dst, mode, force)
        if result == _MOVED:
            _putback(box, dst)
            box.pages.free_pages(src, 0)
            moved += 1
            continue
        put_new(dst)
        (busy if result == _BUSY else again).append(src)
    return moved, again, None


def putback_movable_pages(box: Box, pages: Sequence[int]) -> None:
    """Isolated pages that did not move go back to the heads of their lists."""
    for pfn in pages:
        _putback(box, pfn)


def _putback(box: Box, pfn: int) -> None:
    box.vmstat[_isolated(box.memmap.flags[pfn])] -= 1
    putback_lru_page(box, pfn)
    box.memmap.refcount[pfn] -= 1


def isolate_page(box: Box, pfn: int) -> None:
    """Take a page off its list, hold it, and count it as isolated."""
    box.memmap.refcount[pfn] += 1
    box.vmstat[_isolated(box.memmap.flags[pfn])] += 1
    isolate_lru_page(box, pfn)


def _isolated(flags: int) -> str:
    return "nr_isolated_anon" if flags & PG_SWAPBACKED else "nr_isolated_file"
