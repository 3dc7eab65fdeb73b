"""posix_fadvise(POSIX_FADV_DONTNEED): a file's pages are not needed any more (mm/fadvise.c, generic_fadvise).

Known deviations: dirty pages stay until something writes them back; Linux starts that here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.mm.filemap.pagecache import invalidate_mapping_pages
from memsh.linux.mm.lru import lru_add_drain

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import File


def fadvise_dontneed(box: Box, file: File, offset: int, length: int) -> int:
    """Drop the clean, unmapped pages of `length` bytes from `offset`, 0 for all to the end; how many went.

    Pages that are only partly in the range stay.
    """
    mapping = file.inode.mapping
    if mapping is None:
        return 0
    first = -(-offset // 4096)
    size = -(-file.inode.size // 4096)
    behind = size if not length or offset + length >= file.inode.size else (offset + length) // 4096
    last = 1 << 52 if behind >= size else behind
    lru_add_drain(box)
    gone = invalidate_mapping_pages(box, mapping, first=first, last=last)
    if any(first <= index < last for index in mapping.pages):  # what stays may wait in a batch of some CPU
        lru_add_drain(box)
        gone += invalidate_mapping_pages(box, mapping, first=first, last=last)
    return gone
