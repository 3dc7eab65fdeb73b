"""Blocks of the disk's metadata in its own page cache: Buffers in /proc/meminfo (fs/buffer.c, fs/ext4/inode.c).

Known deviations: blocks are never written; where a block lies follows from the inode's number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL
from memsh.linux.include.memmap import K_FILE
from memsh.linux.include.mm_types import Inode
from memsh.linux.mm.filemap.pagecache import add_to_page_cache, mapping_of
from memsh.linux.mm.lru import mark_page_accessed

if TYPE_CHECKING:
    from memsh.linux.box import Box

BH_LRU_SIZE = 16
_INODES_A_BLOCK = 16
_INLINE_EXTENTS = 4 * (128 << 20)  # what the inode's own four extents can describe
_BITMAP = 0x100  # the block that says which inodes are in use


class Buffers:
    """`box.fs.buffers`. `bh_lru`: blocks that this CPU holds, oldest first."""

    def __init__(self, box: Box, device: Inode) -> None:
        self.box = box
        self.device = device
        self.bh_lru: dict[int, None] = {}

    def read_inode(self, inode: Inode) -> None:
        """Bring the block of the inode table (or of the directory) into the page cache. ENOMEM."""
        self.bread(0x200 + inode.number // _INODES_A_BLOCK if not inode.is_dir else 0x8000 + inode.number)
        if inode.size > _INLINE_EXTENTS:
            self.bread(0x10000 + inode.number)

    def read_bitmap(self) -> None:
        """The block that an inode is taken from. ENOMEM."""
        self.bread(_BITMAP)

    def bread(self, block: int) -> None:
        """Read a block, if it is not cached; the last 16 that were used are held (bh_lrus). ENOMEM."""
        box = self.box
        mapping = mapping_of(box, self.device)
        pfn = mapping.pages.get(block)
        if pfn is None:
            pfn = int(box.pages.alloc_pages(GFP_KERNEL | 0x8, 0, K_FILE))
            if not pfn:
                raise KernelError("ENOMEM", "no page for a block of the disk")
            add_to_page_cache(box, mapping, block, pfn)
            box.disk.blkcg.current(1, self.device.dev)
            box.disk.read(1, self.device.dev)
        mark_page_accessed(box, pfn)
        self.bh_lru.pop(block, None)
        self.bh_lru[block] = None
        if len(self.bh_lru) > BH_LRU_SIZE:
            del self.bh_lru[next(iter(self.bh_lru))]
