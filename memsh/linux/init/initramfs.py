"""The RAM disk that a machine comes up from: its files become those of the root RAM file system (init/initramfs.c).

The archive is unpacked a piece of text at a time. Its files lie in shared memory as long as the machine runs: no disk
has them, so they have nowhere to go but swap.

Known deviations: files that the box has a use for are seen in the tree of the disk, as if each were mounted in its
place; the file system itself is seen nowhere. What the others hold is not known. Directories have no inodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.arch.x86.setup import Logger
from memsh.linux.fs.image import generate
from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_INFO
from memsh.linux.include.memmap import K_SHMEM, PG_DIRTY
from memsh.linux.include.mm_types import Inode
from memsh.linux.mm.filemap.pagecache import GFP_CACHE, add_to_page_cache, mapping_of
from memsh.linux.mm.lru import mark_page_accessed
from memsh.linux.mm.mmap.vmalist import vm_enough_memory
from memsh.linux.mm.shmem.shmem import SHMEM_AOPS, TMPFS
from memsh.linux.mm.shmem.super import Tmpfs, TmpfsOptions
from memsh.linux.mm.slab.objects import take

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memsh.linux.box import Box

ROOTFS_DEV = (0, 2)
ROOTFS = TMPFS._replace(a_ops=SHMEM_AOPS._replace(read_folio=generate))
WINDOW = 0x8000  # bytes of text that gunzip() puts out at once: its out_buf (lib/decompress_inflate.c)
CACHE = "shmem_inode_cache"
HEADER = 110  # bytes before a name in the archive


class Unpacked(NamedTuple):
    """What the archive has under a name: `size` bytes of a file, none of a directory; `number` of its inode, and where
    the box sees the file, "" for nowhere. Number 0: several files, as one."""

    name: str
    size: int = 0
    number: int = 0
    path: str = ""


def populate_rootfs(box: Box, usec: int, archive: Sequence[Unpacked]) -> None:
    """Unpack the RAM disk."""
    box.timer.set(usec)
    Logger(box)(KERN_INFO, "Trying to unpack rootfs image as initramfs...")
    rootfs = box.fs.tmpfs[ROOTFS_DEV] = Tmpfs(ROOTFS_DEV, "rootfs", "", TmpfsOptions(), "rw")
    at = 0
    for entry in archive:
        at += (HEADER + len(entry.name) + 1 + 3) & ~3
        if entry.size:
            rootfs.used_inodes += 1
            _do_copy(box, _do_name(box, entry), at)
            at += (entry.size + 3) & ~3


def _do_name(box: Box, entry: Unpacked) -> Inode:
    """The file, with nothing in it yet."""
    fs = box.fs
    inode = Inode(entry.number, entry.name.rpartition("/")[2], ROOTFS_DEV, ROOTFS, entry.size, mode=0o100755)
    # inodes that are known are among the objects of which the model says how many a booted box has
    inode.addr = fs.dcache.take(CACHE) if entry.number else take(box, CACHE)
    inode.seed = entry.path
    inode.seeded = entry.size if entry.path else 0
    if entry.path:
        inode.name = entry.path.rpartition("/")[2]
        parent = inode.parent = fs.makedirs(entry.path.rpartition("/")[0])
        assert parent.children is not None
        parent.children[inode.name] = inode
        fs.iget(inode)
    return inode


def _do_copy(box: Box, inode: Inode, at: int) -> None:
    """Its pages; `at`: where in the archive its text begins. A page in which a piece of the text ends is written to
    twice."""
    pages = -(-inode.size // PAGE_SIZE)
    box.fs.tmpfs[ROOTFS_DEV].acct_block(box, pages)
    vm_enough_memory(box, None, pages)
    inode.charged = pages
    mapping = mapping_of(box, inode)
    for index, pfn in enumerate(box.pages.alloc_bulk(GFP_CACHE, pages, K_SHMEM)):
        add_to_page_cache(box, mapping, index, pfn, shmem=True, extra=PG_DIRTY)
        mark_page_accessed(box, pfn)
        start = at + index * PAGE_SIZE
        if -start % WINDOW in range(1, min(PAGE_SIZE, inode.size - index * PAGE_SIZE)):
            mark_page_accessed(box, pfn)
