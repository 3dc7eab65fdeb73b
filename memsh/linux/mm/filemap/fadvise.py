"""posix_fadvise(POSIX_FADV_DONTNEED): a file's pages are not needed any more (mm/fadvise.c, generic_fadvise).

Dirty pages of a file on a disk begin their way there, and stay: they can go once they have been written.

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.mm.filemap.pagecache import invalidate_mapping_pages
from memsh.linux.mm.filemap.writeback import WHOLE
from memsh.linux.mm.lru import lru_add_drain

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import File


def fadvise_dontneed(box: Box, file: File, offset: int, length: int) -> int:
    """Drop the clean, unmapped pages of `length` bytes from `offset`, 0 for all to the end; how many went.

    Pages that are only partly in the range stay, but are written.
    """
    mapping = file.inode.mapping
    if mapping is None or not file.inode.a_ops.writeback:
        return 0
    box.writeback.filemap_fdatawrite_range(mapping, offset // 4096, -(-(offset + length) // 4096) if length else WHOLE)
    first = -(-offset // 4096)
    size = -(-file.inode.size // 4096)
    behind = size if not length or offset + length >= file.inode.size else (offset + length) // 4096
    last = WHOLE if behind >= size else behind
    lru_add_drain(box)
    gone = invalidate_mapping_pages(box, mapping, first=first, last=last)
    if any(first <= index < last for index in mapping.pages):  # what stays may wait in a batch of some CPU
        lru_add_drain(box)
        gone += invalidate_mapping_pages(box, mapping, first=first, last=last)
    return gone
