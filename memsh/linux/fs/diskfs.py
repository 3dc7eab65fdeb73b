"""The box's disk: directories, files, and their way through the page cache (fs/namei.c, fs/ext4, fs/read_write.c).

Contents are generated from a file's name until somebody writes; what is written lies in the page cache, and on the disk
after `sync` or write-back. Looking a file up for the first time reads a block of metadata (Buffers in /proc/meminfo)
and takes its inode and dentry objects (dcache.py).

Known deviations: one owner, no permissions, no hard links; metadata blocks are never written; the disk holds 8 GiB; a
file that would exceed RLIMIT_FSIZE is refused without SIGXFSZ, since tools are no processes.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.fs.buffer import Buffers
from memsh.linux.fs.dcache import Dcache
from memsh.linux.fs.filetext import ETC
from memsh.linux.fs.image import DIRECTORIES, LARGE, PROGRAM_FOLDERS, TREE, generate
from memsh.linux.include.errno import KernelError
from memsh.linux.include.mm_types import AddressSpaceOperations, File, FileOperations, FileSystemType, Inode
from memsh.linux.include.namei import MAXSYMLINKS
from memsh.linux.include.resource import RLIMIT_FSIZE
from memsh.linux.include.sched import current_umask, rlimit
from memsh.linux.mm.filemap import directio
from memsh.linux.mm.filemap.filemap import (
    block_write_begin,
    filemap_get_pages,
    filemap_read,
    filemap_skip,
    filemap_write,
    filemap_write_zeros,
)
from memsh.linux.mm.filemap.mapped import generic_file_mmap
from memsh.linux.mm.filemap.pagecache import (
    frame_page,
    invalidate_mapping_pages,
    mapping_of,
    truncate,
    truncate_inode_pages,
)
from memsh.linux.mm.hugetlb.inode import hugetlbfs_evict_inode
from memsh.linux.mm.mmap.unmapped import thp_get_unmapped_area
from memsh.linux.mm.shmem.shmem import TMPFS, TMPFS_DEV, shmem_evict, shmem_recalc_inode
from memsh.linux.mm.shmem.shmem_huge import SHM_DEV
from memsh.linux.mm.shmem.super import Tmpfs, TmpfsOptions
from memsh.linux.mm.slab.objects import drop_owner

if TYPE_CHECKING:
    from memsh.linux.box import Box

DISK_DEV = (254, 16)
SWAP_DEV = (254, 0)
SPARE_DISK = 256 << 20
DISK_BYTES = 8 << 30
MAX_FILE = 16 << 40  # ext4 with blocks of 4 KiB
MAX_NAME = 255
S_IFMT, S_IFBLK, S_IFDIR, S_IFREG, S_IFLNK = 0o170000, 0o060000, 0o040000, 0o100000, 0o120000


def _no_value(box: Box, value: int) -> None:
    """A shadow stands for nothing that could be freed."""


DISK_AOPS = AddressSpaceOperations(
    swap_backed=False, read_folio=generate, get_pages=filemap_get_pages, write_begin=block_write_begin,
    write_zeros=filemap_write_zeros, free_value=_no_value,
)  # fmt: skip


DISK = FileSystemType(
    "ext4", DISK_AOPS, FileOperations(mmap=generic_file_mmap, get_unmapped_area=thp_get_unmapped_area)
)  # fmt: skip


class Mount(NamedTuple):
    """A mounted file system; sizes in bytes."""

    device: str
    where: str
    size: int
    used: int


def filesystems(box: Box) -> list[Mount]:
    """What is mounted and holds files: the disk, tmpfs."""
    fs = box.fs
    memory = [Mount(one.source, one.where, one.max_blocks(box) << 12, one.used_blocks << 12)
              for one in fs.tmpfs.values()]  # fmt: skip
    return [Mount("/dev/vdb", "/", DISK_BYTES, fs.used), *memory]


def swap_disk(box: Box) -> Inode:
    """/dev/vda, a disk without a file system: as large as --swap says, or 256 MiB that nothing uses."""
    disk = Inode(0, "vda", SWAP_DEV, DISK, box.config.swap & ~511 or SPARE_DISK, mode=0o060660)
    disk.seed = ""
    return disk


class FileSystem:
    """The tree and its operations; every path is absolute. Errors: ENOENT, ENOTDIR, EISDIR, EEXIST, ENOSPC, EBADF."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.dcache = Dcache(box)
        self.next_ino = 2
        self.next_shm_ino = 2
        self.tmpfs: dict[tuple[int, int], Tmpfs] = {}
        self.root = self.new_inode("/", True)
        self.device = Inode(0, "vdb", DISK_DEV, DISK, DISK_BYTES, mode=S_IFBLK | 0o660)
        self.device.seed = ""
        self.disks = {"vda": swap_disk(box)}  # the box's other disks, by name in /dev
        self.opened = 0  # files open now, those of mappings among them
        self.used = 0  # bytes of all files
        self.buffers = Buffers(box, self.device)
        box.hooks.setdefault("drop_pagecache", []).append(self.drop_pagecache)
        for path in DIRECTORIES:
            self.makedirs(path)
        devices = self.lookup("/dev")
        assert devices.children is not None
        shm = Tmpfs(TMPFS_DEV, "tmpfs", "/dev/shm", TmpfsOptions(), "rw,relatime")
        self.tmpfs = {TMPFS_DEV: shm}  # mounted RAM file systems, by device
        mount = devices.children["shm"] = shm.root = self.new_inode("shm", True, TMPFS_DEV)
        mount.parent = devices
        for path, size in TREE:
            self.install(path, size)

    # -- the tree

    def new_inode(self, name: str, directory: bool, dev: tuple[int, int] = DISK_DEV) -> Inode:
        size, mode = (4096, 0o040755) if directory else (0, 0o100644)
        memory = self.tmpfs.get(dev)
        if memory is not None:
            memory.reserve_inode(self.box)
            number, memory.next_ino = memory.next_ino, memory.next_ino + 1
        else:
            number, self.next_ino = self.next_ino, self.next_ino + 1
        inode = Inode(number, name, dev, DISK if memory is None else TMPFS, size, mode=mode)
        if directory:
            inode.children = {}
        return inode

    @staticmethod
    def _parts(path: str) -> list[str]:
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if any(len(part) > MAX_NAME for part in parts):
            raise KernelError("ENAMETOOLONG")
        return parts

    def lookup(self, path: str) -> Inode:
        """The inode of `path`. ENOENT, ENOTDIR."""
        inode = self.root
        for part in self._parts(path):
            names = inode.children
            if names is None:
                raise KernelError("ENOTDIR")
            if part == "..":
                inode = inode.parent or inode
            elif part in names:
                inode = names[part]
            else:
                raise KernelError("ENOENT")
        return inode

    def _parent(self, path: str) -> tuple[Inode, str]:
        parts = self._parts(path)
        if not parts:
            raise KernelError("EISDIR")
        parent = self.lookup("/".join(parts[:-1]))
        if parent.children is None:
            raise KernelError("ENOTDIR")
        return parent, parts[-1]

    def exists(self, path: str) -> bool:
        try:
            self.lookup(path)
        except KernelError:
            return False
        return True

    def isdir(self, path: str) -> bool:
        try:
            return self.lookup(path).is_dir
        except KernelError:
            return False

    def follow(self, path: str, last: bool = True) -> str:
        """The path with the first link on its way replaced by where it leads (at its end, only with `last`); the same
        path if there is none, or nothing. It may lead out of the disk, to /proc."""
        inode, parts = self.root, self._parts(path)
        for at, part in enumerate(parts):
            below = (inode.children or {}).get(part)
            if below is None:
                return path
            if below.target and (last or at < len(parts) - 1):
                whole = "/".join([*parts[:at], below.target] if below.target[0] != "/" else [below.target])
                return posixpath.normpath("/".join(["/" + whole, *parts[at + 1 :]]).replace("//", "/"))
            inode = below
        return path

    def real_path(self, path: str) -> str:
        """The path without the disk's links. ELOOP."""
        for _ in range(MAXSYMLINKS + 1):
            onward = self.follow(path)
            if onward == path:
                return path
            path = onward
        raise KernelError("ELOOP")

    def stat(self, path: str) -> Inode:
        return self.lookup(path)

    def listdir(self, path: str) -> list[str]:
        """Names in a directory, sorted; reads its block."""
        inode = self.lookup(path)
        if inode.children is None:
            raise KernelError("ENOTDIR")
        self._iget(inode)
        self.dcache.dput(inode)
        self.buffers.read_inode(inode)
        return sorted(inode.children)

    def makedirs(self, path: str) -> Inode:
        """The directory `path`, made with all above it where they are missing. ENOTDIR."""
        inode = self.root
        for part in self._parts(path):
            if inode.children is None:
                raise KernelError("ENOTDIR")
            below = inode.children.get(part)
            if below is None:
                below = inode.children[part] = self.new_inode(part, True, inode.dev)
                below.parent = inode
            inode = below
        return inode

    def mkdir(self, path: str) -> None:
        self.box.changes += 1
        parent, name = self._parent(path)
        assert parent.children is not None
        if name in parent.children:
            raise KernelError("EEXIST")
        new = self.new_inode(name, True, parent.dev)
        new.mode = S_IFDIR | 0o777 & ~current_umask(self.box)
        new.parent = parent
        parent.children[name] = new

    def rmdir(self, path: str) -> None:
        self.box.changes += 1
        parent, name = self._parent(path)
        inode = self.lookup(path)
        if inode.children is None:
            raise KernelError("ENOTDIR")
        if inode.children:
            raise KernelError("ENOTEMPTY")
        if inode.dev != parent.dev:
            raise KernelError("EBUSY", "something is mounted there")
        assert parent.children is not None
        del parent.children[name]
        self.drop_inode(inode)

    def drop_inode(self, inode: Inode) -> None:
        """The end of an inode that has no name any more, and its objects."""
        if inode.is_dir:
            self._release_inode(inode)
            self.dcache.forget(inode)
        else:
            inode.nlink = 0
            self.dcache.unlink(inode)
            self._evict(inode)

    def _release_inode(self, inode: Inode) -> None:
        memory = self.tmpfs.get(inode.dev)
        if memory is not None:
            memory.used_inodes -= 1

    def install(self, path: str, size: int, text: dict[int, bytes] | None = None) -> Inode:
        """A file that came with the disk: `size` bytes, generated but for the bytes in `text` (offset -> bytes)."""
        self.box.changes += 1
        parts = self._parts(path)
        parent = self.makedirs("/".join(parts[:-1]))
        assert parent.children is not None
        inode = parent.children.get(parts[-1])
        if inode is None:
            inode = parent.children[parts[-1]] = self.new_inode(parts[-1], False)
            inode.parent = parent
        self.used += size - inode.size
        inode.size = inode.seeded = size
        inode.seed = path
        inode.mode = 0o100000 | (0o755 if parts[0] in PROGRAM_FOLDERS or parts == ["init"] else 0o644)
        for offset, data in sorted((text or {}).items()):
            written = mapping_of(self.box, inode).written
            while data:
                index = offset >> 12
                at = offset & 4095
                page = bytearray(written.get(index) or generate(inode, index))
                part = data[: 4096 - at]
                page[at : at + len(part)] = part
                written[index] = bytes(page)
                data = data[len(part) :]
                offset += len(part)
        return inode

    def install_large(self) -> None:
        """Files of many megabytes, and the settings of `sysctl -p`."""
        for path, size in LARGE:
            self.install(path, size)
        self.install("/etc/sysctl.conf", len(ETC["/etc/sysctl.conf"]))

    def create(self, path: str) -> Inode:
        """An empty regular file. EEXIST."""
        inode = self._make(path)
        self._made(inode)
        return inode

    def symlink(self, target: str, path: str) -> Inode:
        """A link to `target`, which need not be there. EEXIST."""
        inode = self._make(path)
        inode.target, inode.mode, inode.size = target, S_IFLNK | 0o777, len(target.encode("utf-8", "surrogateescape"))
        self._made(inode)
        return inode

    def _make(self, path: str) -> Inode:
        self.box.changes += 1
        parent, name = self._parent(path)
        assert parent.children is not None
        if name in parent.children:
            raise KernelError("EEXIST")
        inode = parent.children[name] = self.new_inode(name, False, parent.dev)
        inode.mode = S_IFREG | 0o666 & ~current_umask(self.box)
        inode.parent = parent
        inode.seed = ""
        inode.usec = self.box.timer.usec
        return inode

    def _made(self, inode: Inode) -> None:
        """The metadata that a new name needs."""
        if not inode.shmem:
            self.buffers.read_bitmap()
            assert inode.parent is not None
            self.buffers.read_inode(inode.parent)
        self._iget(inode)
        self.dcache.dput(inode)

    def mkfile(self, path: str, size: int) -> Inode:
        """A file of `size` bytes that lies on the disk, contents generated from its path. ENOSPC, EISDIR."""
        self.box.changes += 1
        if self.exists(path):
            if self.isdir(path):
                raise KernelError("EISDIR")
            self.truncate(path, 0)
            inode = self.lookup(path)
        else:
            inode = self.create(path)
        if inode.shmem:
            file = self.open(path, writable=True)
            try:
                if self.write_zeros(file, 0, size) < size:
                    raise KernelError("ENOSPC")
            finally:
                self.fput(file)
            return inode
        if self.used + size > DISK_BYTES:
            raise KernelError("ENOSPC")
        self.used += size
        inode.seed = path
        inode.size = inode.seeded = size
        return inode

    def unlink(self, path: str) -> None:
        """Remove a name; the file goes when nobody has it open or mapped. EISDIR."""
        self.box.changes += 1
        parent, name = self._parent(path)
        inode = self.lookup(path)
        if inode.is_dir:
            raise KernelError("EISDIR")
        if self.box.swap.is_swapfile(inode):
            raise KernelError("EPERM", "the file is in use for swapping")
        assert parent.children is not None
        del parent.children[name]
        inode.nlink -= 1
        self.dcache.unlink(inode)
        if not inode.nlink and not inode.opened:
            self._evict(inode)

    def chmod(self, inode: Inode, mode: int) -> None:
        """Give an inode these permission bits (fs/open.c, chmod_common)."""
        self.box.changes += 1
        inode.mode = inode.mode & ~0o7777 | mode

    def rename(self, old: str, new: str) -> None:
        """Give a file another name. ENOENT, EXDEV (another file system), EINVAL (a directory below itself), EPERM."""
        self.box.changes += 1
        inode = self.lookup(old)
        if self.box.swap.is_swapfile(inode):
            raise KernelError("EPERM", "the file is in use for swapping")
        parent, name = self._parent(old)
        target, target_name = self._parent(new)
        assert parent.children is not None and target.children is not None
        if inode.parent is not None and inode.dev != inode.parent.dev:
            raise KernelError("EBUSY", "something is mounted there")
        if inode.dev != target.dev:
            raise KernelError("EXDEV")
        above: Inode | None = target
        while above is not None:
            if above is inode:
                raise KernelError("EINVAL")
            above = above.parent
        if target_name in target.children and target.children[target_name] is not inode:
            self.unlink(new)
        del parent.children[name]
        target.children[target_name] = inode
        inode.name, inode.parent = target_name, target
        self.dcache.moved(inode, parent)

    # -- objects

    def _iget(self, inode: Inode) -> None:
        """The objects of a file that is looked up, and the block that describes it if it is not in memory. ENOMEM."""
        if self.dcache.lookup(inode):
            self.buffers.read_inode(inode)

    def _evict(self, inode: Inode) -> None:
        """The end of a file without a name."""
        self._release_inode(inode)
        if not inode.shmem and not inode.target:
            self.used -= inode.size
        mapping = inode.mapping
        if mapping is not None:
            truncate_inode_pages(self.box, mapping)
            if inode.shmem:
                shmem_recalc_inode(self.box, inode)
            self.box.writeback.forget(inode)
            drop_owner(self.box, mapping.number)
            inode.mapping = None
        self.dcache.forget(inode)

    @property
    def nr_blockdev_pages(self) -> int:
        """Pages of the disks' own caches: Buffers."""
        return sum(len(disk.mapping.pages) for disk in self.block_devices() if disk.mapping is not None)

    def block_devices(self) -> list[Inode]:
        """The file system's disk and the others."""
        return [self.device, *self.disks.values()]

    # -- open files

    def open(self, path: str, *, writable: bool = False) -> File:
        """Open a file. ENOENT, EISDIR (a directory for writing), ENOMEM."""
        inode = self.lookup(path)
        if inode.is_dir and writable:
            raise KernelError("EISDIR")
        if inode.target:
            raise KernelError("ELOOP")  # as with O_NOFOLLOW: links are followed before
        self._iget(inode)
        mapping_of(self.box, inode)
        inode.opened += 1
        self.opened += 1
        return File(inode, self.path_of(inode), writable=writable)

    def open_disk(self, name: str, *, writable: bool = False) -> File:
        """Open a disk by its name in /dev. ENOENT."""
        disk = self.device if name == self.device.name else self.disks.get(name)
        if disk is None:
            raise KernelError("ENOENT")
        mapping_of(self.box, disk)
        disk.opened += 1
        self.opened += 1
        return File(disk, "/dev/" + name, writable=writable)

    def path_of(self, inode: Inode) -> str:
        names: list[str] = []
        at: Inode | None = inode
        while at is not None and at is not self.root:
            names.append(at.name)
            at = at.parent
        return "/" + "/".join(reversed(names))

    def fput(self, file: File) -> None:
        """Drop a hold on an open file; the last one closes it."""
        file.count -= 1
        if file.count > 0:
            return
        inode = file.inode
        inode.opened -= 1
        if inode.hugetlb is not None:
            if inode.opened <= 0:
                hugetlbfs_evict_inode(self.box, inode)
                self.box.shm.evicted(inode)
            return
        if inode.dev == SHM_DEV:
            if inode.opened <= 0:
                shmem_evict(self.box, inode)
                self.box.shm.evicted(inode)
            return
        self.opened -= 1
        if inode.mode & S_IFMT == S_IFBLK:
            return
        if not inode.nlink and not inode.opened:
            self._evict(inode)
        else:
            self.dcache.dput(inode)

    def read(self, file: File, position: int, length: int) -> bytes:
        """At most `length` bytes from `position`, through the page cache. EISDIR, EINVAL, ENOMEM."""
        if file.inode.is_dir:
            raise KernelError("EISDIR")
        if position < 0 or length < 0:
            raise KernelError("EINVAL")
        return filemap_read(self.box, file, position, length)

    def skip(self, file: File, position: int, length: int) -> int:
        """read() by somebody who does not look at the bytes: how many there were. The cache is as after read()."""
        if file.inode.is_dir:
            raise KernelError("EISDIR")
        return filemap_skip(self.box, file, position, length)

    def write(self, file: File, position: int, data: bytes) -> int:
        """Put `data` at `position`; bytes written, fewer if the disk is full. EBADF, ENOSPC, ENOMEM."""
        self.box.changes += 1
        room = self._before_write(file, position, len(data))
        before = file.inode.size
        try:
            return filemap_write(self.box, file, position, data[:room])
        finally:
            self._grown(file.inode, before)

    def _grown(self, inode: Inode, before: int) -> None:
        if not inode.shmem:
            self.used += inode.size - before

    def write_zeros(self, file: File, position: int, length: int) -> int:
        """write() of `length` zeros."""
        self.box.changes += 1
        room = self._before_write(file, position, length)
        before = file.inode.size
        try:
            return file.inode.a_ops.write_zeros(self.box, file, position, room)
        finally:
            self._grown(file.inode, before)

    def read_direct(self, file: File, position: int, length: int) -> bytes:
        """read() with O_DIRECT. EINVAL unless in blocks of 512 bytes."""
        return directio.read(self.box, file, position, length)

    def write_direct(self, file: File, position: int, data: bytes) -> int:
        """write() with O_DIRECT. EINVAL unless in blocks of 512 bytes; ENOSPC."""
        self.box.changes += 1
        room = self._before_write(file, position, len(data))
        if room < len(data):
            room &= ~511
        before = file.inode.size
        try:
            return directio.write(self.box, file, position, data[:room])
        finally:
            self._grown(file.inode, before)

    def _before_write(self, file: File, position: int, length: int) -> int:
        """How many of `length` bytes fit; the end of the old last page becomes zeros when writing beyond it."""
        if not file.writable:
            raise KernelError("EBADF")
        inode = file.inode
        if self.box.swap.is_swapfile(inode):
            raise KernelError("ETXTBSY")
        limit = rlimit(self.box, RLIMIT_FSIZE)
        if position + length > MAX_FILE or (length and position >= limit):
            raise KernelError("EFBIG")
        length = min(length, max(0, limit - position))
        room = length if inode.shmem else min(length, inode.size + DISK_BYTES - self.used - position)
        if room <= 0 < length:
            raise KernelError("ENOSPC")
        before = inode.size
        cached = inode.mapping.pages.get(before >> 12) if inode.mapping is not None else None
        if before & 4095 and position > before and cached is not None:
            page = frame_page(self.box, cached)
            page[before & 4095 :] = bytes(4096 - (before & 4095))
        return room

    def truncate(self, path: str, size: int) -> None:
        """Set a file's length; what is beyond it is forgotten, what is new reads as zeros. EISDIR, ENOSPC."""
        self.box.changes += 1
        inode = self.lookup(path)
        if inode.is_dir:
            raise KernelError("EISDIR")
        if self.box.swap.is_swapfile(inode):
            raise KernelError("ETXTBSY")
        if not inode.shmem and self.used + size - inode.size > DISK_BYTES:
            raise KernelError("ENOSPC")
        if size > max(inode.size, rlimit(self.box, RLIMIT_FSIZE)):
            raise KernelError("EFBIG")
        before = inode.size
        truncate(self.box, inode, size)
        self._grown(inode, before)
        if inode.shmem:
            shmem_recalc_inode(self.box, inode)
        inode.seeded = min(inode.seeded, size)
        if not size:
            inode.seed = ""

    # -- write-back and the cache as a whole

    def inodes(self, root: Inode | None = None) -> list[Inode]:
        """Every inode of the tree, or of the one below `root`, parents first."""
        found, at = [root or self.root], 0
        while at < len(found):
            children = found[at].children
            if children:
                found.extend(children[name] for name in sorted(children))
            at += 1
        return found

    def sync(self) -> int:
        """Write every dirty page and wait for the disk; how many."""
        self.box.changes += 1
        return self.box.writeback.sync()

    def fsync(self, path: str) -> int:
        """Write one file's dirty pages and wait; how many. ENOENT."""
        self.box.changes += 1
        return self.box.writeback.sync_inode(self.lookup(path))

    def cached(self) -> list[Inode]:
        """Inodes with pages in the page cache, the disk's own among them."""
        inodes = [inode for inode in self.inodes() if inode.mapping is not None and inode.mapping.pages]
        return inodes + [disk for disk in self.block_devices() if disk.mapping is not None and disk.mapping.pages]

    def drop_pagecache(self) -> int:
        """Free every clean page that nobody maps (drop_caches, bit 0); how many went."""
        self.box.changes += 1
        dropped = 0
        for inode in self.cached():
            if inode.mapping is not None and not inode.shmem:
                self.box.cond_resched()
                held = self.buffers.bh_lru if inode is self.device else None
                dropped += invalidate_mapping_pages(self.box, inode.mapping, held)
        return dropped
