"""The page cache: files in memory, read-ahead, write-back marks (mm/filemap.c, mm/readahead.c, mm/page-writeback.c).

Counters: nr_file_pages, nr_inactive_file, nr_dirty, nr_dirtied, nr_written, nr_zone_write_pending, pgpgin, pgpgout.

A page that is being read is in the cache already; whoever needs it waits for its request (box.disk), and so moves the
box's clock. Read-ahead does not wait.

Known deviations: I/O never fails; the tree nodes (radix_tree_node) and buffer heads of a mapping
are not allocated; no large folios.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.kernel.errno import KernelError
from memsh.kernel.flags import GFP_HIGHUSER_MOVABLE, GFP_NAMES
from memsh.kernel.lru import account_new, mark_page_accessed, put_frames, zone_count
from memsh.kernel.memmap import (
    K_FILE,
    K_SHMEM,
    PG_ANON,
    PG_DIRTY,
    PG_LRU,
    PG_READAHEAD,
    PG_SWAPBACKED,
    PG_UPTODATE,
)
from memsh.kernel.mm_types import AddressSpace, File, Inode

if TYPE_CHECKING:
    from memsh.kernel.box import Box

GFP_CACHE = GFP_HIGHUSER_MOVABLE
GFP_READAHEAD = GFP_HIGHUSER_MOVABLE | GFP_NAMES["__GFP_NORETRY"] | GFP_NAMES["__GFP_NOWARN"]
MMAP_LOTSAMISS = 100


def mapping_of(box: Box, inode: Inode) -> AddressSpace:
    """The inode's page cache, made when it is first needed."""
    if inode.mapping is None:
        from memsh.kernel.kobject import new_owner

        mapping = AddressSpace(0, inode)
        mapping.number = new_owner(box, mapping)
        inode.mapping = mapping
    return inode.mapping


def max_index(inode: Inode) -> int:
    """One past the last page of the file."""
    return (inode.size + 4095) >> 12


def add_to_page_cache(
    box: Box, mapping: AddressSpace, index: int, pfn: int, *, shmem: bool = False, extra: int = 0
) -> None:
    """The cache takes over the caller's reference to `pfn`."""
    memmap = box.memmap
    flags = PG_LRU | PG_UPTODATE | extra | (PG_SWAPBACKED if shmem else 0)
    memmap.flags[pfn] = flags
    memmap.mapping[pfn] = mapping.number
    memmap.index[pfn] = index
    mapping.pages[index] = pfn
    vmstat = box.vmstat
    vmstat["nr_file_pages"] += 1
    if shmem:
        vmstat["nr_shmem"] += 1
    account_new(box, pfn, 1, flags)


def delete_from_page_cache(box: Box, mapping: AddressSpace, index: int) -> None:
    """Forget a page; it is freed when nobody maps it any more. Its contents are lost unless written back."""
    pfn = mapping.pages.pop(index)
    flags = box.memmap.flags[pfn]
    vmstat = box.vmstat
    vmstat["nr_file_pages"] -= 1
    if flags & PG_SWAPBACKED:
        vmstat["nr_shmem"] -= 1
    elif flags & PG_DIRTY:
        clear_dirty(box, pfn)
    box.memmap.mapping[pfn] = 0
    put_frames(box, [pfn])


def account_dirtied(box: Box, pfn: int) -> None:
    box.vmstat["nr_dirty"] += 1
    box.vmstat["nr_dirtied"] += 1
    zone_count(box, "nr_zone_write_pending", pfn, 1)


def clear_dirty(box: Box, pfn: int) -> None:
    box.memmap.flags[pfn] &= ~PG_DIRTY
    box.vmstat["nr_dirty"] -= 1
    zone_count(box, "nr_zone_write_pending", pfn, -1)


def writepage(box: Box, pfn: int) -> bool:
    """Write a dirty page of a disk file back; False if there was nothing to write."""
    memmap = box.memmap
    flags = memmap.flags[pfn]
    if not flags & PG_DIRTY or flags & (PG_SWAPBACKED | PG_ANON):
        return False
    mapping = memmap.owners[memmap.mapping[pfn]]
    if not isinstance(mapping, AddressSpace):
        return False
    clear_dirty(box, pfn)
    if pfn in memmap.data:
        mapping.written[memmap.index[pfn]] = bytes(memmap.data[pfn])
    box.vmstat["nr_written"] += 1
    box.vmstat["pgpgout"] += 4
    return True


def write_inode_pages(box: Box, inode: Inode) -> int:
    """Write all dirty pages of a file; how many."""
    if inode.mapping is None or inode.shmem:
        return 0
    return sum(writepage(box, pfn) for _, pfn in sorted(inode.mapping.pages.items()))


def page_cache_ra(box: Box, mapping: AddressSpace, index: int, count: int, lookahead: int) -> int:
    """Read `count` pages from `index` on, up to the end of the file; pages read from the disk."""
    end = max_index(mapping.inode)
    if index >= end:
        return 0
    count = min(count, end - index)
    read = 0
    first = index
    for n in range(count):
        if index + n in mapping.pages:
            read_pages(box, mapping, first, index + n)
            first = index + n + 1
            continue
        pfn = box.pages.alloc_pages(GFP_READAHEAD, 0, K_FILE)
        if not pfn:
            count = n
            break
        add_to_page_cache(box, mapping, index + n, pfn, extra=PG_READAHEAD if n == count - lookahead else 0)
        read += 1
    read_pages(box, mapping, first, index + count)
    return read


def read_pages(box: Box, mapping: AddressSpace, first: int, last: int) -> None:
    """Ask the disk for pages [first, last), which are in the cache already."""
    if first >= last:
        return
    due = box.disk.submit(False, last - first)
    now = box.timer.usec
    if mapping.reading and mapping.reading[0][2] <= now:
        mapping.reading = [request for request in mapping.reading if request[2] > now]
    if due > now:
        mapping.reading.append((first, last, due))


def being_read(box: Box, mapping: AddressSpace, index: int) -> int:
    """When the page will be there, 0 if it is: what the lock of a page under I/O stands for."""
    for first, last, due in mapping.reading:
        if first <= index < last and due > box.timer.usec:
            return due
    return 0


def wait_on_page(box: Box, mapping: AddressSpace, index: int) -> None:
    """Wait until the disk has read the page (folio_wait_locked)."""
    if mapping.reading:
        box.disk.wait(being_read(box, mapping, index))


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


def filemap_fault(
    box: Box, file: File, index: int, *, random: bool = False, sequential: bool = False
) -> tuple[int, bool]:
    """The page of a file for a fault: (frame, whether it is a major one). IndexError past the end; ENOMEM."""
    mapping = mapping_of(box, file.inode)
    if index >= max_index(file.inode):
        raise IndexError(index)
    pfn = mapping.pages.get(index)
    if pfn is not None:
        file.mmap_miss = max(0, file.mmap_miss - 1)
        flags = box.memmap.flags[pfn]
        if flags & PG_READAHEAD and not random:
            box.memmap.flags[pfn] = flags & ~PG_READAHEAD
            ondemand_readahead(box, file, mapping, index, file.ra_pages, marker=True)
        wait_on_page(box, mapping, index)
        return mapping.pages.get(index) or _read_one(box, mapping, index), False
    box.vmstat["pgmajfault"] += 1
    if not random:
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
    pfn = int(box.pages.alloc_pages(GFP_CACHE, 0, K_FILE))
    if not pfn:
        raise KernelError("ENOMEM", "no page for the page cache")
    add_to_page_cache(box, mapping, index, pfn)
    read_pages(box, mapping, index, index + 1)
    wait_on_page(box, mapping, index)
    return mapping.pages.get(index, pfn)


def filemap_read(box: Box, file: File, position: int, length: int) -> bytes:
    """read(): the bytes there, fewer at the end of the file. Fills the cache, marks pages accessed. ENOMEM."""
    inode = file.inode
    mapping = mapping_of(box, inode)
    end = min(position + length, inode.size)
    parts = []
    while position < end:
        index = position >> 12
        pfn = mapping.pages.get(index)
        if inode.shmem:
            if pfn is None:
                parts.append(bytes(min(end, (index + 1) << 12) - position))
                position = min(end, (index + 1) << 12)
                continue
        elif pfn is None:
            want = ((end + 4095) >> 12) - index
            ondemand_readahead(box, file, mapping, index, min(want, file.ra_pages), marker=False)
            pfn = mapping.pages.get(index)
            if pfn is None:
                pfn = _read_one(box, mapping, index)
        elif box.memmap.flags[pfn] & PG_READAHEAD:
            box.memmap.flags[pfn] &= ~PG_READAHEAD
            ondemand_readahead(box, file, mapping, index, 1, marker=True)
        if mapping.reading:
            wait_on_page(box, mapping, index)
            pfn = mapping.pages.get(index) or _read_one(box, mapping, index)
        if index != file.ra_prev:
            mark_page_accessed(box, pfn)
        file.ra_prev = index
        stop = min(end, (index + 1) << 12)
        parts.append(bytes(frame_view(box, pfn)[position & 4095 : ((stop - 1) & 4095) + 1]))
        position = stop
    return b"".join(parts)


def filemap_write(box: Box, file: File, position: int, text: bytes) -> int:
    """write(): put `text` at `position` into the cache, pages dirty; the number of bytes. ENOMEM."""
    inode = file.inode
    mapping = mapping_of(box, inode)
    memmap = box.memmap
    done = 0
    while done < len(text):
        at = position + done
        index = at >> 12
        chunk = text[done : done + 4096 - (at & 4095)]
        pfn = mapping.pages.get(index)
        if pfn is None:
            inside = index < max_index(inode) and (len(chunk) < 4096) and not inode.shmem
            pfn = int(box.pages.alloc_pages(GFP_CACHE, 0, K_SHMEM if inode.shmem else K_FILE))
            if not pfn:
                raise KernelError("ENOMEM", "no page for the page cache")
            old = file_page(inode, index) if inside else bytes(4096)
            add_to_page_cache(box, mapping, index, pfn, shmem=inode.shmem)
            memmap.data[pfn] = bytearray(old)
            if inside:
                box.disk.read(1)
        page = frame_page(box, pfn)
        page[at & 4095 : (at & 4095) + len(chunk)] = chunk
        from memsh.kernel.zap import set_page_dirty

        set_page_dirty(box, pfn)
        mark_page_accessed(box, pfn)
        done += len(chunk)
        inode.size = max(inode.size, at + len(chunk))
    return done


def truncate(box: Box, inode: Inode, size: int) -> None:
    """Cut the cache of a file to `size` bytes, and set its length."""
    mapping = inode.mapping
    if mapping is not None:
        keep = (size + 4095) >> 12
        for index in [index for index in mapping.pages if index >= keep]:
            unmap_mapping_page(box, mapping.pages[index])
            delete_from_page_cache(box, mapping, index)
        for index in [index for index in mapping.written if index >= keep]:
            del mapping.written[index]
        if size & 4095 and keep - 1 in mapping.pages:
            page = frame_page(box, mapping.pages[keep - 1])
            page[size & 4095 :] = bytes(4096 - (size & 4095))
    inode.size = size


def unmap_mapping_page(box: Box, pfn: int) -> None:
    """Take a page-cache page out of every page table that maps it."""
    from memsh.kernel.rmap import page_mappings
    from memsh.kernel.zap import unmap_page_range

    for vma, addr in page_mappings(box, pfn):
        unmap_page_range(box, vma.mm, vma, addr, addr + 4096)


def file_page(inode: Inode, index: int) -> bytes:
    """What the disk holds in page `index` of the file."""
    mapping = inode.mapping
    if mapping is not None and index in mapping.written:
        return mapping.written[index]
    from memsh.kernel.fs import generate

    return generate(inode, index)


def frame_view(box: Box, pfn: int) -> bytes | bytearray:
    """The contents of a frame for reading."""
    memmap = box.memmap
    page = memmap.data.get(pfn)
    if page is not None:
        return page
    flags = memmap.flags[pfn]
    if flags & (PG_ANON | PG_SWAPBACKED) or memmap.kind[pfn] != K_FILE:
        return bytes(4096)
    mapping = memmap.owners[memmap.mapping[pfn]]
    if isinstance(mapping, AddressSpace):
        return file_page(mapping.inode, memmap.index[pfn])
    return bytes(4096)


def frame_page(box: Box, pfn: int) -> bytearray:
    """The contents of a frame for writing: from now on held as bytes."""
    page = box.memmap.data.get(pfn)
    if page is None:
        page = box.memmap.data[pfn] = bytearray(frame_view(box, pfn))
    return page
