"""O_DIRECT: between a process's buffer and the disk, past the page cache (mm/filemap.c, fs/iomap/direct-io.c).

What the cache holds of the range is written first and then taken out, so that both see the same file.

Known deviations: only whole blocks of 512 bytes, for files on tmpfs not at all, as in Linux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.mm_types import File, Inode
from memsh.linux.mm.filemap.pagecache import delete_from_page_cache, file_page, mapping_of, unmap_mapping_page

if TYPE_CHECKING:
    from memsh.linux.box import Box

BLOCK = 512
MOST = 256  # pages of one request


def _check(file: File, position: int, length: int) -> None:
    if not file.inode.a_ops.writeback or position % BLOCK or length % BLOCK:
        raise KernelError("EINVAL", "direct I/O takes whole blocks of 512 bytes of files on a disk")


def _requests(box: Box, write: bool, at: int, pages: int, dev: tuple[int, int]) -> None:
    """Pages as requests of at most MOST, each waited for."""
    while pages:
        part = min(pages, MOST)
        box.disk.blkcg.current(part, dev, write=write)
        box.disk.wait(box.disk.submit(write, part, dev=dev, at=at))
        at += part
        pages -= part


def read(box: Box, file: File, position: int, length: int) -> bytes:
    """read() with O_DIRECT; bytes, fewer at the end of the file. EINVAL."""
    _check(file, position, length)
    inode = file.inode
    box.writeback.sync_inode(inode)
    end = min(position + length, inode.size)
    if end <= position:
        return b""
    first, last = position >> 12, (end + 4095) >> 12
    _requests(box, False, first, last - first, inode.dev)
    text = b"".join(file_page(inode, index) for index in range(first, last))
    return text[position - (first << 12) : end - (first << 12)]


def write(box: Box, file: File, position: int, data: bytes) -> int:
    """write() with O_DIRECT; the number of bytes. EINVAL, EBADF."""
    _check(file, position, len(data))
    inode = file.inode
    box.writeback.sync_inode(inode)
    first, last = position >> 12, (position + len(data) + 4095) >> 12
    mapping = mapping_of(box, inode)
    for index, pfn in mapping.pages.items(first, last):
        if box.memmap.mapcount[pfn]:
            unmap_mapping_page(box, pfn)
        delete_from_page_cache(box, mapping, index)
    for index in range(first, last):
        _store(inode, index, position, data)
    inode.size = max(inode.size, position + len(data))
    inode.usec = box.timer.usec
    _requests(box, True, first, last - first, inode.dev)
    return len(data)


def _store(inode: Inode, index: int, position: int, data: bytes) -> None:
    """The part of `data` that lies in page `index` goes to the disk."""
    base = index << 12
    start, end = max(position - base, 0), min(position + len(data) - base, 4096)
    part = data[base + start - position : base + end - position]
    page = part if len(part) == 4096 else file_page(inode, index)[:start] + part + file_page(inode, index)[end:]
    mapping = inode.mapping
    assert mapping is not None
    if any(page) or (inode.seed and base < inode.seeded):
        mapping.written[index] = bytes(page)
    else:
        mapping.written.pop(index, None)
