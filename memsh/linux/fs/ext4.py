"""The disk's file system, and the disks: how much there is, what lies behind their pages (fs/ext4, block/bdev.c).

Known deviations: metadata blocks are never written; the disk holds 8 GiB; a directory takes one block however many
names it has, no file more extents than its inode has room for; there is no lost+found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.fs.image import generate
from memsh.linux.include.flags import GFP_USER
from memsh.linux.include.major import LOOP_DEVICES, LOOP_MAJOR, MINORBITS, RAM_DISK_BYTES, RAM_DISKS, RAMDISK_MAJOR
from memsh.linux.include.mm_types import (
    AddressSpaceOperations,
    FileOperations,
    FileSystemType,
    Inode,
    SuperOperations,
)
from memsh.linux.include.stat import S_IFBLK
from memsh.linux.include.statfs import MAGIC, Kstatfs
from memsh.linux.lib.libfs import no_value, nothing, put_named, same_size
from memsh.linux.lib.uuid import uuid_gen, uuid_to_fsid
from memsh.linux.mm.filemap.filemap import block_write_begin, block_write_end, filemap_get_pages, filemap_write_zeros
from memsh.linux.mm.filemap.mapped import generic_file_mmap
from memsh.linux.mm.filemap.pagecache import invalidate_mapping_pages
from memsh.linux.mm.mmap.unmapped import thp_get_unmapped_area

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.fs.namei import Tree

DISK_DEV = (254, 16)
SWAP_DEV = (254, 0)
SPARE_DISK = 256 << 20
DISK_BYTES = 8 << 30
DISK_INODES = DISK_BYTES >> 14  # one for 16 KiB, as mkfs.ext4 makes them
MAX_FILE = 16 << 40  # with blocks of 4 KiB
BLOCK = 4096
OVERHEAD = 58505  # blocks of its own: inode tables, bitmaps, descriptors and those to come, a journal of 64 MiB
ROOTS_BLOCKS = DISK_BYTES // BLOCK // 20  # 5 % that root alone may fill
RESV_CLUSTERS = 4096  # that nobody may fill (ext4_set_resv_clusters)
RESIZE_BLOCKS = 1  # which the resize inode has to itself
NO_FILES = 9  # inodes that are nobody's: those below 11 but the root
FAST_LINK = 60  # bytes of a link's target, its end included, that its inode has room for


def _read_inode(box: Box, inode: Inode) -> None:
    box.fs.buffers.read_inode(inode)


def _new_name(box: Box, inode: Inode) -> None:
    """The block that an inode is taken from, and the directory's."""
    assert inode.parent is not None
    box.fs.buffers.read_bitmap()
    box.fs.buffers.read_inode(inode.parent)


def inode_blocks(inode: Inode, size: int | None = None) -> int:
    """Blocks that an inode of the disk takes, or would take with another size."""
    if inode.target:
        return int(inode.size >= FAST_LINK)
    return -(-(inode.size if size is None else size) // BLOCK)


def free_blocks(fs: Tree) -> int:
    return DISK_BYTES // BLOCK - OVERHEAD - RESIZE_BLOCKS - fs.used_blocks


def has_free_blocks(fs: Tree, count: int) -> bool:
    """Whether root may have so many more (ext4_has_free_clusters)."""
    return free_blocks(fs) - RESV_CLUSTERS >= count


def ext4_statfs(box: Box) -> Kstatfs:
    """Of the disk."""
    free = free_blocks(box.fs)
    return Kstatfs(
        MAGIC["ext4"], BLOCK, DISK_BYTES // BLOCK - OVERHEAD, free, max(0, free - ROOTS_BLOCKS - RESV_CLUSTERS),
        DISK_INODES, DISK_INODES - NO_FILES - box.fs.disk_inodes, uuid_to_fsid(uuid_gen("/dev/vdb")),
    )  # fmt: skip


def _room(box: Box, inode: Inode, position: int, length: int) -> int:
    most = inode_blocks(inode) + max(0, free_blocks(box.fs) - RESV_CLUSTERS)
    return min(length, most * BLOCK - position)


def _resized(box: Box, inode: Inode, before: int) -> None:
    box.fs.used_blocks += inode_blocks(inode) - inode_blocks(inode, before)


def _evict(box: Box, inode: Inode) -> None:
    box.fs.used_blocks -= inode_blocks(inode)


def _behind(box: Box, inode: Inode, position: int, length: int) -> int:
    """A disk ends where it ends (blkdev_write_iter)."""
    del box
    return min(length, inode.size - position)


def _put_disk(box: Box, inode: Inode) -> None:
    """Who closes a disk last empties its cache (blkdev_flush_mapping); a mounted one and one with swap are open."""
    held = inode.opened or inode is box.fs.device or box.swap.is_swapfile(inode)
    if inode.mapping is not None and not held:
        box.writeback.sync_inode(inode)
        if inode.mapping.reading:  # pages that are locked are waited for
            box.disk.wait(inode.mapping.reading[-1][2])
        invalidate_mapping_pages(box, inode.mapping)


DISK_AOPS = AddressSpaceOperations(
    swap_backed=False, writeback=True, read_folio=generate, get_pages=filemap_get_pages, write_begin=block_write_begin,
    write_end=block_write_end, write_zeros=filemap_write_zeros, free_value=no_value,
)  # fmt: skip
DISK_FOP = FileOperations(mmap=generic_file_mmap, get_unmapped_area=thp_get_unmapped_area)
EXT4 = FileSystemType(DISK_AOPS, DISK_FOP, SuperOperations(
    inode_cache="ext4_inode_cache", pinned=False, read_inode=_read_inode, new_name=_new_name, room=_room,
    resized=_resized, put=put_named, evict=_evict,
))  # fmt: skip
BDEV = FileSystemType(DISK_AOPS._replace(gfp=GFP_USER), DISK_FOP, SuperOperations(
    inode_cache="bdev_cache", pinned=True, read_inode=nothing, new_name=nothing, room=_behind, resized=same_size,
    put=_put_disk, evict=nothing,
))  # fmt: skip


def memory_disks() -> dict[tuple[int, int], Inode]:
    """/dev/ram0 and its like, and loop devices, which nothing stands behind: by device number."""
    rams = [_disk(f"ram{number}", (RAMDISK_MAJOR, number), RAM_DISK_BYTES) for number in range(RAM_DISKS)]
    loops = [_disk(f"loop{number}", (LOOP_MAJOR, number), 0) for number in range(LOOP_DEVICES)]
    return {disk.dev: disk for disk in (*rams, *loops)}


def swap_disk(box: Box) -> Inode:
    """/dev/vda, a disk without a file system: as large as --swap says, or 256 MiB that nothing uses."""
    return _disk("vda", SWAP_DEV, box.config.swap & ~511 or SPARE_DISK)


def root_disk() -> Inode:
    """/dev/vdb, where the tree lies."""
    return _disk("vdb", DISK_DEV, DISK_BYTES)


def _disk(name: str, dev: tuple[int, int], size: int) -> Inode:
    """Its inode in bdev, whose number is the device's (bdev_add)."""
    disk = Inode(dev[0] << MINORBITS | dev[1], name, dev, BDEV, size, mode=S_IFBLK | 0o660)
    disk.seed = ""
    return disk
