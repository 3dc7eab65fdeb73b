"""Reading ahead: which pages are asked of the disk, and when they are there (mm/readahead.c).

A request puts its pages into the cache at once; until the disk has read them they are locked, in Linux's words: here
`mapping.reading` knows. The reader waits for the page it needs, and for no other.

Known deviations: requests do not fail; read-ahead is not cut short on a congested disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_NAMES
from memsh.linux.include.memmap import PG_READAHEAD
from memsh.linux.include.mm_types import AddressSpace, File
from memsh.linux.mm.filemap.pagecache import add_run, max_index
from memsh.linux.mm.lru import put_frames

if TYPE_CHECKING:
    from memsh.linux.box import Box

GFP_READAHEAD = GFP_NAMES["__GFP_NORETRY"] | GFP_NAMES["__GFP_NOWARN"]  # besides the mapping's (readahead_gfp_mask)
RA_CHUNK = 512  # pages that are asked for at once where nobody reads in order


def page_cache_ra(box: Box, mapping: AddressSpace, index: int, count: int, lookahead: int) -> int:
    """Read `count` pages from `index` on, up to the end of the file; pages asked of the disk. Waits for none.

    The page `lookahead` before the end gets the mark that makes its reader read ahead (page_cache_ra_unbounded).
    """
    end = max_index(mapping.inode)
    if index >= end:
        return 0
    count = min(count, end - index)
    stop = index + count
    mark = stop - lookahead
    pages, gfp = mapping.pages, mapping.inode.a_ops.gfp | GFP_READAHEAD
    first = at = index
    read = 0
    while at < stop:
        gap = pages.empty(at, stop - at)
        shadows = None if gap else pages.shadows(at, stop - at)
        if gap or shadows:
            pfns = add_run(box, mapping, at, gap or len(shadows or ()), gfp, shadows=shadows)
            if at <= mark < at + len(pfns):
                box.memmap.flags[pfns[mark - at]] |= PG_READAHEAD
            at += len(pfns)
            read += len(pfns)
            if not pfns:
                break
        else:
            read_pages(box, mapping, first, at)
            at += 1
            first = at
    read_pages(box, mapping, first, at)
    return read


def force_page_cache_ra(box: Box, file: File, mapping: AddressSpace, index: int, count: int) -> None:
    """Ask for `count` pages from `index` on, whoever reads them: as many as one request may hold, and no more."""
    count = min(count, max(box.disk.bdi[mapping.inode.dev].io_pages, file.ra_pages))
    while count > 0:
        chunk = min(count, RA_CHUNK)
        page_cache_ra(box, mapping, index, chunk, 0)
        index += chunk
        count -= chunk


def read_pages(box: Box, mapping: AddressSpace, first: int, last: int) -> None:
    """Ask the disk for pages [first, last), which are in the cache already."""
    if first >= last:
        return
    due = box.disk.submit(False, last - first, dev=mapping.inode.dev)
    box.disk.blkcg.current(last - first, mapping.inode.dev)
    now = box.timer.usec
    if mapping.reading and mapping.reading[0][2] <= now:
        mapping.reading = [request for request in mapping.reading if request[2] > now]
    if due > now:
        mapping.reading.append((first, last, due))


def wait_on_page(box: Box, mapping: AddressSpace, index: int) -> bool:
    """Wait until the disk has read the page (folio_wait_locked), if it has not. Who waits holds it, so that it is there
    afterwards however short memory is."""
    due = mapping.being_read(index, box.timer.usec)
    pfn = mapping.pages.get(index) if due else None
    if pfn is not None:
        box.memmap.refcount[pfn] += 1
        box.disk.wait(due)
        put_frames(box, [pfn])
    return pfn is not None


def _next_size(current: int, most: int) -> int:
    if current < most // 16:
        return 4 * current
    return 2 * current if current <= most // 2 else most


def _init_size(size: int, most: int) -> int:
    new = 1 << (size - 1).bit_length()
    if new <= most // 32:
        return new * 4
    return new * 2 if new <= most // 4 else most


def ondemand_readahead(box: Box, file: File, mapping: AddressSpace, index: int, want: int, *, marker: bool) -> None:
    """Read ahead for a read() of `want` pages at `index`; `marker`: a page with PG_READAHEAD was met."""
    most = file.ra_pages
    if not most:
        if not marker:
            force_page_cache_ra(box, file, mapping, index, 1)
        return
    if want > most:
        most = max(most, min(want, box.disk.bdi[mapping.inode.dev].io_pages))
    window = file.ra_start + file.ra_size
    if index and index in (window - file.ra_async, window):
        file.ra_start += file.ra_size
        file.ra_size = file.ra_async = _next_size(file.ra_size, most)
    elif index and marker:
        start = index + 1
        while start in mapping.pages and start - index <= most:
            start += 1
        if start - index > most:
            return
        file.ra_start = start
        file.ra_size = file.ra_async = _next_size(start - index + want, most)
    elif not index or want > most or index - file.ra_prev <= 1:
        file.ra_start = index
        file.ra_size = _init_size(want, most)
        file.ra_async = file.ra_size - want if file.ra_size > want else file.ra_size
    else:
        history = 0
        while history < most and index - 1 - history in mapping.pages:
            history += 1
        if history <= want:
            page_cache_ra(box, mapping, index, want, 0)
            return
        size = history * 2 if history >= index else history
        file.ra_start = index
        file.ra_size = min(size + want, most)
        file.ra_async = 1
    if index == file.ra_start and file.ra_size == file.ra_async:
        more = _next_size(file.ra_size, most)
        if file.ra_size + more <= most:
            file.ra_async = more
            file.ra_size += more
        else:
            file.ra_size, file.ra_async = most, most >> 1
    page_cache_ra(box, mapping, file.ra_start, file.ra_size, file.ra_async)
