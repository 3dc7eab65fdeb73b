"""Reading and writing files through the page cache, and faults on them (mm/filemap.c).

Pages are taken in stretches: from one mark of read-ahead, hole, or page that the disk is still reading to the next. The
result is that of one page after the other. Contents are made only where somebody looks at them.

Known deviations: I/O never fails; a write is not split at page boundaries for signals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_NAMES
from memsh.linux.include.memmap import K_FILE, PG_READAHEAD
from memsh.linux.include.mm_types import AddressSpace, File
from memsh.linux.lib.columns import frame_runs, sub_runs
from memsh.linux.mm.filemap.pagecache import (
    add_run,
    add_to_page_cache,
    file_page,
    frame_page,
    frame_view,
    mapping_of,
    mark_pages_accessed,
    max_index,
)
from memsh.linux.mm.filemap.readahead import ondemand_readahead, page_cache_ra, read_pages, wait_on_page
from memsh.linux.mm.filemap.writeback import balance_dirty_pages_ratelimited, dirty_folio, dirty_run

if TYPE_CHECKING:
    from memsh.linux.box import Box

MMAP_LOTSAMISS = 100
__GFP_WRITE = GFP_NAMES["__GFP_WRITE"]


def filemap_fault(
    box: Box, file: File, index: int, *, random: bool = False, sequential: bool = False
) -> tuple[int, bool]:
    """The page of a file for a fault, and whether mmap_lock was dropped meanwhile: to ask the disk, if only for what
    comes after it, or to wait for it. IndexError past the end; ENOMEM."""
    mapping = mapping_of(box, file.inode)
    if index >= max_index(file.inode):
        raise IndexError(index)
    pfn = mapping.pages.get(index)
    if pfn is not None:
        file.mmap_miss = max(0, file.mmap_miss - 1)
        flags = box.memmap.flags[pfn]
        marked = flags & PG_READAHEAD > 0 and not random
        if marked:
            box.memmap.flags[pfn] = flags & ~PG_READAHEAD
            ondemand_readahead(box, file, mapping, index, file.ra_pages, marker=True)
        waited = wait_on_page(box, mapping, index)
        pfn = mapping.pages.get(index)
        return pfn or _read_one(box, mapping, index), marked or waited or not pfn
    box.memcg.count_mm_event("pgmajfault")
    if not random and file.ra_pages:
        if sequential:
            ondemand_readahead(box, file, mapping, index, file.ra_pages, marker=False)
        else:
            file.mmap_miss = min(file.mmap_miss + 1, MMAP_LOTSAMISS * 10)
            if file.mmap_miss <= MMAP_LOTSAMISS:
                file.ra_start = max(0, index - file.ra_pages // 2)
                file.ra_size = file.ra_pages
                file.ra_async = file.ra_pages // 4
                page_cache_ra(box, mapping, file.ra_start, file.ra_size, file.ra_async)
    wait_on_page(box, mapping, index)
    return mapping.pages.get(index) or _read_one(box, mapping, index), True


def _read_one(box: Box, mapping: AddressSpace, index: int) -> int:
    """Read a page alone and wait for it (filemap_create_folio). ENOMEM."""
    while True:
        pfn = int(box.pages.alloc_pages(mapping.inode.a_ops.gfp, 0, K_FILE))
        if not pfn:
            raise KernelError("ENOMEM", "no page for the page cache")
        add_to_page_cache(box, mapping, index, pfn)
        read_pages(box, mapping, index, index + 1)
        wait_on_page(box, mapping, index)
        there: int | None = mapping.pages.get(index)
        if there is not None:
            return there


# -- read ------------------------------------------------------------------------------------------------------------


def filemap_read(box: Box, file: File, position: int, length: int) -> bytes:
    """read(): the bytes there, fewer at the end of the file. Fills the cache, marks pages accessed. ENOMEM."""
    parts: list[bytes] = []
    _read(box, file, position, length, parts)
    return b"".join(parts)


def filemap_skip(box: Box, file: File, position: int, length: int) -> int:
    """read() for a reader that throws away what it gets: the number of bytes; the cache is as after filemap_read()."""
    return _read(box, file, position, length, None)


def _read(box: Box, file: File, position: int, length: int, parts: list[bytes] | None) -> int:
    inode = file.inode
    mapping = mapping_of(box, inode)
    end = min(position + length, inode.size)
    if end <= position:
        return 0
    index, last = position >> 12, (end + 4095) >> 12
    start = position
    get_pages = inode.a_ops.get_pages
    while index < last:
        pfns = get_pages(box, file, mapping, index, last)
        stop = min(end, (index + len(pfns)) << 12)
        if (pfns[0] or len(pfns) > 1) and inode.hugetlb is None:  # pages of a pool are on no list
            again = index == file.ra_prev  # the same page as the last read() ended in
            mark_pages_accessed(box, pfns[1:] if again else pfns)
        if parts is not None:
            for n, pfn in enumerate(pfns):
                base = (index + n) << 12
                page = frame_view(box, pfn) if pfn else bytes(4096)
                parts.append(bytes(page[max(start - base, 0) : min(stop - base, 4096)]))
        start = stop
        index += len(pfns)
        file.ra_prev = index - 1
    return end - position


def filemap_get_pages(box: Box, file: File, mapping: AddressSpace, index: int, last: int) -> list[int]:
    """Pages from `index` on that can be read at once, at least one (filemap_get_pages). ENOMEM."""
    pages = mapping.pages
    flags = box.memmap.flags
    while True:
        pfns = pages.present(index, last - index)
        if not pfns:
            ondemand_readahead(box, file, mapping, index, last - index, marker=False)
            if index not in pages:
                _read_one(box, mapping, index)
            continue
        at = _first_mark(box, pfns)
        if at == 0:
            flags[pfns[0]] &= ~PG_READAHEAD
            ondemand_readahead(box, file, mapping, index, last - index, marker=True)
            continue
        if at > 0:
            del pfns[at:]
        if mapping.reading:
            due = mapping.being_read(index, box.timer.usec)
            if due:
                wait_on_page(box, mapping, index)
                continue
            now = box.timer.usec
            for first, _, until in mapping.reading:
                if until > now and index < first < index + len(pfns):
                    del pfns[first - index :]
        return pfns


def _first_mark(box: Box, pfns: list[int]) -> int:
    """Where in the list the first page with PG_READAHEAD is; -1 if there is none."""
    flags = box.memmap.flags
    at = 0
    for pfn, count in frame_runs(pfns):
        for first, _, value in sub_runs(flags, pfn, count):
            if value & PG_READAHEAD:
                return at + first - pfn
        at += count
    return -1


# -- write -----------------------------------------------------------------------------------------------------------


def filemap_write(box: Box, file: File, position: int, text: bytes) -> int:
    """write(): put `text` at `position` into the cache, pages dirty; the number of bytes. ENOMEM.

    A writer who is faster than the disk is held up, and the box's clock moves (balance_dirty_pages).
    """
    inode = file.inode
    mapping = mapping_of(box, inode)
    done = 0
    while done < len(text):
        at = position + done
        index = at >> 12
        chunk = text[done : done + 4096 - (at & 4095)]
        try:
            pfn = inode.a_ops.write_begin(box, mapping, index, len(chunk))
        except KernelError:
            if done:
                break  # a short write; the next one meets the error
            raise
        page = frame_page(box, pfn)
        page[at & 4095 : (at & 4095) + len(chunk)] = chunk
        inode.size = max(inode.size, at + len(chunk))
        done += len(chunk)
        inode.a_ops.write_end(box, pfn)
    inode.usec = box.timer.usec
    return done


def block_write_begin(box: Box, mapping: AddressSpace, index: int, length: int) -> int:
    """The page to write to; one that is written in part is read first. ENOMEM, ENOSPC."""
    inode = mapping.inode
    wait_on_page(box, mapping, index)
    there: int | None = mapping.pages.get(index)
    if there is not None:
        return there
    if length < 4096 and index < max_index(inode):
        pfn = _read_one(box, mapping, index)
        box.memmap.data.setdefault(pfn, bytearray(file_page(inode, index)))
        return pfn
    pfn = int(box.pages.alloc_pages(mapping.inode.a_ops.gfp | __GFP_WRITE, 0, K_FILE))
    if not pfn:
        raise KernelError("ENOMEM", "no page for the page cache")
    add_to_page_cache(box, mapping, index, pfn, write=True)
    box.memmap.data[pfn] = bytearray(4096)
    return pfn


def block_write_end(box: Box, pfn: int) -> None:
    """Some bytes of the page are new."""
    dirty_folio(box, pfn)
    balance_dirty_pages_ratelimited(box, 1)


def filemap_write_zeros(box: Box, file: File, position: int, length: int) -> int:
    """filemap_write() of `length` zeros: whole pages are not made one by one. ENOMEM."""
    inode = file.inode
    mapping = mapping_of(box, inode)
    done = 0
    while done < length:
        at = position + done
        whole = (length - done) >> 12 if not at & 4095 else 0
        index = at >> 12
        gap = mapping.pages.empty(index, min(whole, 64)) if whole else 0
        if not gap:
            done += filemap_write(box, file, at, bytes(min(length - done, 4096 - (at & 4095))))
            continue
        pfns = add_run(box, mapping, index, gap, mapping.inode.a_ops.gfp | __GFP_WRITE)
        if not pfns and done:
            break
        if not pfns:
            raise KernelError("ENOMEM", "no page for the page cache")
        if inode.seed or mapping.written:
            for n, pfn in enumerate(pfns):
                if inode.seed or index + n in mapping.written:
                    box.memmap.data[pfn] = bytearray(4096)
        done += len(pfns) << 12
        inode.size = max(inode.size, position + done)
        dirty_run(box, mapping, index, pfns)
        balance_dirty_pages_ratelimited(box, len(pfns))
    inode.usec = box.timer.usec
    return done
