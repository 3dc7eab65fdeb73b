"""The page cache: which frame holds which page of a file, and its way in and out (mm/filemap.c, mm/truncate.c).

Counters: nr_file_pages, nr_shmem, and those of the lists the pages are on. The pages of a file stand in a tree
(xarray.py), which costs memory itself. Pages leave in batches of 15, each freed from its last page on, as Linux does.

Known deviations: no large folios; a huge page of shared memory stays when the cache is dropped, even a clean one.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_FOLIO
from memsh.linux.include.memmap import (
    K_FILE,
    K_SHMEM,
    PG_ANON,
    PG_DIRTY,
    PG_HUGE,
    PG_LRU,
    PG_REFERENCED,
    PG_SWAPBACKED,
    PG_UPTODATE,
    PG_WRITEBACK,
)
from memsh.linux.include.mm_types import AddressSpace, Inode
from memsh.linux.lib.columns import clear_run, count_run, frame_runs, is_run, mask_run, set_run, sub_runs
from memsh.linux.lib.xarray import VALUE, XArray
from memsh.linux.mm.filemap.writeback import cancel_dirty, dirty_folio, filemap_fdatawait, free_buffers
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR
from memsh.linux.mm.huge_memory.pages import entire_mappings, put_huge_page
from memsh.linux.mm.huge_memory.pmd import zap_huge_pmd
from memsh.linux.mm.huge_memory.split import split_huge_page, split_huge_pmd
from memsh.linux.mm.lru import account_new, deactivate_file_folio, lru_add_drain, mark_page_accessed, put_frames
from memsh.linux.mm.memory.zap import release_pages, unmap_page_range
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.rmap.rmap import page_mappings
from memsh.linux.mm.slab.objects import new_owner
from memsh.linux.mm.vmscan.workingset import workingset_refault

if TYPE_CHECKING:
    from array import array

    from memsh.linux.box import Box

GFP_CACHE = GFP_FOLIO
PAGEVEC_SIZE = 15
_CLEAN = PG_LRU | PG_UPTODATE
_CACHED = (K_FILE, K_SHMEM)


def mapping_of(box: Box, inode: Inode) -> AddressSpace:
    """The inode's page cache, made when it is first needed."""
    if inode.mapping is None:
        mapping = AddressSpace(0, inode, XArray(box, inode.a_ops.swap_backed))
        mapping.number = new_owner(box, mapping)
        inode.mapping = mapping
    return inode.mapping


def max_index(inode: Inode) -> int:
    """One past the last page of the file."""
    return (inode.size + 4095) >> 12


# -- in --------------------------------------------------------------------------------------------------------------


def add_to_page_cache(
    box: Box, mapping: AddressSpace, index: int, pfn: int, *, shmem: bool = False, extra: int = 0, write: bool = False,
    gfp: int = GFP_CACHE,
) -> None:
    """The cache takes over the caller's reference to `pfn`, and the current task's group pays for it. ENOMEM, with the
    page freed, if the tree cannot grow, or the group may have no more.

    Where a page was reclaimed a short while ago its shadow says so (workingset_refault), unless it will be overwritten.
    """
    memmap = box.memmap
    pages = mapping.pages
    shadow = 0 if shmem else pages.value(index)
    try:
        if not box.memcg.charge_page(box.memcg.paying, pfn, gfp):
            raise KernelError("ENOMEM", "its group may have no more")
        pages[index] = pfn
    except KernelError:
        box.pages.free_pages(pfn, 0)
        raise
    flags = _CLEAN | extra | (PG_SWAPBACKED if shmem else 0)
    memmap.flags[pfn] = flags
    memmap.mapping[pfn] = mapping.number
    memmap.index[pfn] = index
    mod_node_page_state(box, "nr_file_pages", pfn, 1)
    if shmem:
        box.vmstat["nr_shmem"] += 1
    if shadow and not write:
        refault(box, pfn, shadow)
        flags = memmap.flags[pfn]
    account_new(box, pfn, 1, flags)
    if box.trace.on:
        _tell(box, "mm_filemap_add_to_page_cache", mapping, pfn, index)


def _tell(box: Box, event: str, mapping: AddressSpace, pfn: int, index: int) -> None:
    inode = mapping.inode
    box.trace.emit(event, pfn, inode.number, index, inode.dev[0] << 20 | inode.dev[1], 0)


def refault(box: Box, pfn: int, shadow: int) -> None:
    """A page came back whose shadow was kept."""
    workingset_refault(box, pfn, shadow)


def add_run(
    box: Box, mapping: AddressSpace, index: int, count: int, gfp: int, extra: int = 0, shadows: list[int] | None = None
) -> list[int]:
    """Put new pages at `count` slots of one node: their frames, fewer if memory ran out.

    The slots are empty, or hold `shadows`.

    The same as one alloc_pages() and add_to_page_cache() after the other. The contents are not touched.
    """
    pages = mapping.pages
    if index >> 6 not in pages.leaves or not pages.height:
        return _add_one(box, mapping, index, gfp, extra)
    memcg = box.memcg.paying
    ready = count if memcg is None else box.memcg.charge_ahead(memcg, count)
    if not ready:
        return _add_one(box, mapping, index, gfp, extra)
    pfns = box.pages.alloc_bulk(gfp, ready, K_FILE)
    if memcg is not None:
        if len(pfns) < ready:
            box.memcg.cancel_charge(memcg, ready - len(pfns))
        box.memcg.commit_runs(memcg, frame_runs(pfns), len(pfns))
    if index >> 6 not in pages.leaves or not pages.height:  # reclaim, while memory was being found, took the rest
        for n, pfn in enumerate(pfns):
            try:
                add_to_page_cache(box, mapping, index + n, pfn, extra=extra)
            except KernelError:
                put_frames(box, pfns[n + 1 :])
                return pfns[:n]
        return pfns
    if not pfns:
        return []
    pages.store_run(index, pfns)
    if box.trace.on:
        for n, pfn in enumerate(pfns):
            _tell(box, "mm_filemap_add_to_page_cache", mapping, pfn, index + n)
    memmap = box.memmap
    flags = _CLEAN | extra
    done = 0
    for pfn, n in frame_runs(pfns):
        set_run(memmap.flags, pfn, n, flags)
        set_run(memmap.mapping, pfn, n, mapping.number)
        count_run(memmap.index, pfn, index + done, n)
        if shadows is None:
            account_new(box, pfn, n, flags)
        else:
            _account_refaults(box, pfn, n, flags, shadows[done : done + n])
        mod_node_page_state(box, "nr_file_pages", pfn, n)
        done += n
    return pfns


def _add_one(box: Box, mapping: AddressSpace, index: int, gfp: int, extra: int) -> list[int]:
    pfn = int(box.pages.alloc_pages(gfp, 0, K_FILE))
    if not pfn:
        return []
    try:
        add_to_page_cache(box, mapping, index, pfn, extra=extra, gfp=gfp)
    except KernelError:
        return []
    return [pfn]


def _account_refaults(box: Box, pfn: int, count: int, flags: int, shadows: list[int]) -> None:
    """refault() and account_new() for frames side by side. Pages that go to the inactive list are counted together:
    how many there are has no say in whether the next one is active."""
    column = box.memmap.flags
    start = pfn
    for frame, shadow in enumerate(shadows, pfn):
        refault(box, frame, shadow)
        if column[frame] != flags:
            if frame > start:
                account_new(box, start, frame - start, flags)
            account_new(box, frame, 1, column[frame])
            start = frame + 1
    if pfn + count > start:
        account_new(box, start, pfn + count - start, flags)


def mark_pages_accessed(box: Box, pfns: list[int]) -> None:
    """mark_page_accessed() for each."""
    column = box.memmap.flags
    for pfn, count in frame_runs(pfns):
        for first, n, flags in sub_runs(column, pfn, count):
            if flags & PG_REFERENCED:
                for frame in range(first, first + n):
                    mark_page_accessed(box, frame)
            else:
                mask_run(column, first, n, 0, PG_REFERENCED)


# -- out -------------------------------------------------------------------------------------------------------------


def remove_mapping(box: Box, mapping: AddressSpace, index: int, shadow: int = 0) -> int:
    """Take a page out of the cache; the frame, whose reference is now the caller's (__filemap_remove_folio).

    What was not written to the disk is lost. `shadow` stays in its place.
    """
    pages = mapping.pages
    pfn = pages[index]
    flags = box.memmap.flags[pfn]
    mod_node_page_state(box, "nr_file_pages", pfn, -1)
    if flags & PG_SWAPBACKED:
        box.vmstat["nr_shmem"] -= 1
    else:
        if flags & (PG_DIRTY | PG_WRITEBACK):
            cancel_dirty(box, mapping, index, pfn)
        if mapping.buffers:
            free_buffers(box, mapping, index)
    if shadow:
        pages.put_value(index, shadow)
    else:
        pages.pop(index)
    box.memmap.mapping[pfn] = 0
    if box.trace.on:
        _tell(box, "mm_filemap_delete_from_page_cache", mapping, pfn, index)
    return pfn


def remove_run(
    box: Box, mapping: AddressSpace, index: int, way: int, frames: range, shadows: array[int]
) -> None:  # fmt: skip
    """remove_mapping() of clean pages that stand side by side from `index` on, upwards or downwards (`way`)."""
    count = len(frames)
    if mapping.buffers or box.trace.on:
        for page, pfn in zip(range(index, index + count * way, way), frames, strict=True):
            free_buffers(box, mapping, page)
            if box.trace.on:
                _tell(box, "mm_filemap_delete_from_page_cache", mapping, pfn, page)
    if way < 0:
        index -= count - 1
        shadows.reverse()
    mapping.pages.put_values(index, shadows, way)
    mod_node_page_state(box, "nr_file_pages", frames[0], -count)
    clear_run((box.memmap.mapping,), min(frames[0], frames[-1]), count)


def delete_from_page_cache(box: Box, mapping: AddressSpace, index: int, shadow: int = 0) -> None:
    """Forget a page; it is freed when nobody maps it any more. Its contents are lost unless written back."""
    put_frames(box, [remove_mapping(box, mapping, index, shadow)])


def truncate_inode_pages(box: Box, mapping: AddressSpace, first: int = 0, stops: bool = False) -> None:
    """Take all pages from `first` on out of the cache, out of page tables too; shadows go as well.

    Pages that the disk is still writing are waited for. `stops`: Ctrl-C may leave some of them.
    """
    pages = mapping.pages
    if pages.writeback:
        filemap_fdatawait(box, mapping, first)
    mapcount = box.memmap.mapcount
    batch = _Evicted(box)
    for leaf in _leaves(pages, first):
        if stops:
            try:
                box.cond_resched()
            except BaseException:
                batch.release()
                raise
            if leaf not in pages.leaves:
                continue
        if pages.swaps and _truncate_huge(box, mapping, first, leaf << 6):
            continue
        if leaf << 6 >= first and _plain_leaf(box, mapping, leaf):
            _drop_leaf(box, mapping, leaf, batch)
            continue
        for index, pfn in pages.items(max(first, leaf << 6), (leaf + 1) << 6):
            if mapcount[pfn]:
                unmap_mapping_page(box, pfn)
            batch.add(remove_mapping(box, mapping, index))
    batch.release()
    _forget_values(box, mapping, first)
    mapping.reading.clear()


def punch_hole(box: Box, mapping: AddressSpace, first: int, last: int) -> None:
    """The pages [first, last) of a file of shared memory go, and what of them lies in swap (shmem_fallocate)."""
    pages = mapping.pages
    for at in range(first & -HPAGE_PMD_NR, last, HPAGE_PMD_NR):
        _truncate_huge(box, mapping, first, max(at, first), last)
    for index, pfn in pages.items(first, last):
        unmap_mapping_page(box, pfn)
        delete_from_page_cache(box, mapping, index)
    _forget_values(box, mapping, first, last)


def _truncate_huge(box: Box, mapping: AddressSpace, first: int, at: int, last: int = 1 << 52) -> bool:
    """A huge page around index `at` goes as a whole, or is split where pages of it stay; whether nothing is left
    there."""
    pages, memmap = mapping.pages, box.memmap
    pfn = pages.get(at)
    if pfn is None or not memmap.flags[pfn] & PG_HUGE:
        return at >> 6 not in pages.leaves
    head = pfn & -HPAGE_PMD_NR
    start = memmap.index[head]
    whole = first <= start and start + HPAGE_PMD_NR <= last
    for frame in range(head, head + HPAGE_PMD_NR):
        if memmap.mapcount[frame]:
            if whole:
                unmap_mapping_page(box, frame)
            else:
                _unmap_part(box, frame)
    if not whole:
        split_huge_page(box, head)
        return False
    for index in range(start, start + HPAGE_PMD_NR):
        pages.pop(index)
    box.vmstat["nr_shmem"] -= HPAGE_PMD_NR
    for item in ("nr_file_pages", "nr_shmem_hugepages"):
        mod_node_page_state(box, item, head, -HPAGE_PMD_NR)
    put_huge_page(box, head, HPAGE_PMD_NR)
    return True


def _unmap_part(box: Box, pfn: int) -> None:
    """A huge page of shared memory is to be split: nobody maps it then (unmap_folio)."""
    for vma, number in entire_mappings(box, pfn & -HPAGE_PMD_NR):
        split_huge_pmd(box, vma, number)
    if box.memmap.mapcount[pfn]:
        unmap_mapping_page(box, pfn)


def _forget_values(box: Box, mapping: AddressSpace, first: int, last: int = 1 << 52) -> None:
    """Shadows, and the swap entries of shared memory, whose slots go free."""
    pages = mapping.pages
    for leaf in [leaf for leaf in pages.leaves if leaf >= first >> 6]:
        slots = pages.leaves[leaf]
        if max(slots) >= VALUE:
            base = leaf << 6
            for at, entry in enumerate(slots.tolist()):
                if entry >= VALUE and first <= base + at < last:
                    pages.put_value(base + at, 0)
                    mapping.inode.a_ops.free_value(box, entry)


def invalidate_mapping_pages(
    box: Box, mapping: AddressSpace, held: dict[int, None] | None = None, first: int = 0, last: int = 1 << 52
) -> int:  # fmt: skip
    """Take out every page of [first, last) that is clean, unmapped, not being written, and not `held`; how many went.

    Pages are looked at by 15; what cannot go is deactivated, so that reclaim finds it sooner. Shadows go too.
    """
    batch = _Evicted(box)
    due = max((request[2] for request in mapping.reading), default=0)
    whole = not first and last == 1 << 52
    for leaf in _leaves(mapping.pages, first):
        if not batch.entries:
            box.cond_resched()
        if not held and whole and due <= box.timer.usec and batch.clean() and _plain_leaf(box, mapping, leaf):
            batch.gone += mapping.pages.live[leaf]
            _drop_leaf(box, mapping, leaf, batch)
        else:
            _evict_leaf(box, mapping, leaf, range(first, last), batch, held or {})
    batch.release()
    return batch.gone


class _Evicted:
    """A folio_batch on its way out: how many entries it has, and which of them are frames that left the cache."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.entries = self.gone = 0
        self.pfns: list[int] = []
        self.drained = False  # percpu_pvec_drained

    def clean(self) -> bool:
        """Whether nothing in it stays in the cache."""
        return self.entries == len(self.pfns)

    def add(self, pfn: int) -> None:
        """One entry more; `pfn` is 0 for one that stays, or was no page."""
        self.entries += 1
        if pfn:
            self.pfns.append(pfn)
            self.gone += 1
        if self.entries == PAGEVEC_SIZE:
            self.release()

    def release(self) -> None:
        """Drop the references; the first time, what waits on the way to other LRU lists arrives before."""
        if self.entries and not self.drained:
            lru_add_drain(self.box)
            self.drained = True
        if self.pfns:
            release_pages(self.box, frame_runs(self.pfns))
        self.entries, self.pfns = 0, []


def _evict_leaf(
    box: Box, mapping: AddressSpace, leaf: int, within: range, batch: _Evicted, held: dict[int, None]
) -> None:  # fmt: skip
    """What stands in one bottom node, one by one (find_lock_entries, mapping_evict_folio)."""
    memmap, pages = box.memmap, mapping.pages
    for at, entry in enumerate(pages.leaves[leaf].tolist()):
        index = (leaf << 6) + at
        if not entry or index not in within:
            continue
        if entry >= VALUE:  # invalidate_exceptional_entry: what lies in swap stays
            if not pages.swaps:
                pages.put_value(index, 0)
            batch.add(0)
            continue
        flags = memmap.flags[entry]
        if flags & PG_WRITEBACK or mapping.being_read(index, box.timer.usec):
            continue
        if flags & PG_HUGE:
            if not entry & HPAGE_PMD_NR - 1:
                deactivate_file_folio(box, entry)
                batch.add(0)
        elif flags & PG_DIRTY or memmap.refcount[entry] != 1 or entry in box.lru_deactivate_file or index in held:
            deactivate_file_folio(box, entry)
            batch.add(0)
        else:
            batch.add(remove_mapping(box, mapping, index))


def _leaves(pages: XArray, first: int) -> list[int]:
    """Numbers of the tree's bottom nodes that may hold pages from `first` on."""
    order = pages.order()
    return order[bisect_left(order, first >> 6) :]


def _plain_leaf(box: Box, mapping: AddressSpace, leaf: int) -> bool:
    """Whether all that a bottom node holds is clean pages that nobody maps or holds: they can go at once."""
    pages = mapping.pages
    slots = pages.leaves[leaf]
    if leaf in pages.dirty or leaf in pages.writeback or box.trace.on or pages.swaps or max(slots) >= VALUE:
        return False
    memmap = box.memmap
    return all(
        is_run(memmap.mapcount, pfn, n, 0) and is_run(memmap.refcount, pfn, n, 1)
        for pfn, n in frame_runs([pfn for pfn in slots if pfn])
    )


def _drop_leaf(box: Box, mapping: AddressSpace, leaf: int, batch: _Evicted) -> None:
    """remove_mapping() for every page of a plain node, freed in batches."""
    pages = mapping.pages
    slots = pages.leaves[leaf].tolist()
    pfns = [pfn for pfn in slots if pfn]
    left = len(pfns)
    buffers = leaf in mapping.buffers
    for pfn, n in frame_runs(pfns):
        mod_node_page_state(box, "nr_file_pages", pfn, -n)
    at = 0
    while at < left:
        n = min(PAGEVEC_SIZE - batch.entries, left - at)
        if buffers:
            for slot in [slot for slot, pfn in enumerate(slots) if pfn][at : at + n]:
                free_buffers(box, mapping, (leaf << 6) + slot)
        batch.pfns += pfns[at : at + n]
        batch.entries += n
        at += n
        if at == left:
            pages.clear_leaf(leaf)
        if batch.entries == PAGEVEC_SIZE:
            batch.release()


def truncate(box: Box, inode: Inode, size: int) -> None:
    """Cut the cache of a file to `size` bytes, and set its length. Where Ctrl-C ends it, the length is what it was."""
    mapping = inode.mapping
    if mapping is not None:
        keep = (size + 4095) >> 12
        truncate_inode_pages(box, mapping, keep, stops=True)
        for index in [index for index in mapping.written if index >= keep]:
            del mapping.written[index]
        if size & 4095 and size < inode.size:
            _truncate_partial_page(box, mapping, size)
    inode.size = size


def _truncate_partial_page(box: Box, mapping: AddressSpace, size: int) -> None:
    """Zeros from `size` to the end of its page, wherever that page is."""
    index, zeros = size >> 12, bytes(4096 - (size & 4095))
    if mapping.pages.swaps and mapping.pages.value(index):
        mapping.inode.a_ops.write_begin(box, mapping, index, len(zeros))
    pfn = mapping.pages.get(index)
    if pfn is not None:
        frame_page(box, pfn)[size & 4095 :] = zeros
        dirty_folio(box, pfn)
    elif index in mapping.written:
        mapping.written[index] = mapping.written[index][: size & 4095] + zeros


def unmap_mapping_page(box: Box, pfn: int) -> None:
    """Take a page-cache page out of every page table that maps it."""
    if box.memmap.flags[pfn] & PG_HUGE:
        for vma, number in entire_mappings(box, pfn & -HPAGE_PMD_NR):
            vma.mm.update_hiwater_rss()
            zap_huge_pmd(box, vma, number)
    for vma, addr in page_mappings(box, pfn):
        vma.mm.update_hiwater_rss()
        unmap_page_range(box, vma.mm, vma, addr, addr + 4096)


# -- contents --------------------------------------------------------------------------------------------------------


def file_page(inode: Inode, index: int) -> bytes:
    """What the disk holds in page `index` of the file."""
    mapping = inode.mapping
    if mapping is not None and index in mapping.written:
        return mapping.written[index]
    return inode.a_ops.read_folio(inode, index)


def frame_view(box: Box, pfn: int) -> bytes | bytearray:
    """The contents of a frame for reading."""
    memmap = box.memmap
    if pfn in memmap.contents:
        return memmap.data[pfn]
    if memmap.flags[pfn] & PG_ANON or memmap.kind[pfn] not in _CACHED:
        return bytes(4096)
    mapping = memmap.owners[memmap.mapping[pfn]]
    if isinstance(mapping, AddressSpace):
        return file_page(mapping.inode, memmap.index[pfn])
    return bytes(4096)


def frame_page(box: Box, pfn: int) -> bytearray:
    """The contents of a frame for writing: from now on held as bytes."""
    memmap = box.memmap
    if pfn in memmap.contents:
        return memmap.data[pfn]
    page = memmap.contents[pfn] = bytearray(frame_view(box, pfn))
    return page
