"""The box's file system: what its files hold, on their way through the page cache (fs/read_write.c, fs/open.c).

Contents are generated from a file's name until somebody writes; what is written lies in the page cache, and on the disk
after `sync` or write-back.

What would exceed RLIMIT_FSIZE is refused with SIGXFSZ. Known deviations: the shell at the prompt outlives that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.drivers.base.devtmpfs import devtmpfs_mount
from memsh.linux.fs.char_dev import chrdev_open
from memsh.linux.fs.ext4 import MAX_FILE, inode_blocks
from memsh.linux.fs.filetext import ETC
from memsh.linux.fs.image import ANYBODYS, DIRECTORIES, LARGE, PROGRAM_FOLDERS, TREE, generate
from memsh.linux.fs.namei import Tree
from memsh.linux.include.errno import KernelError, Signalled
from memsh.linux.include.flags import SIGXFSZ
from memsh.linux.include.mm_types import AddressSpace, File, Inode
from memsh.linux.include.resource import RLIMIT_FSIZE
from memsh.linux.include.sched import rlimit
from memsh.linux.include.stat import s_isblk, s_ischr, s_isfifo, s_isreg
from memsh.linux.mm.filemap import directio
from memsh.linux.mm.filemap.filemap import filemap_read, filemap_skip, filemap_write
from memsh.linux.mm.filemap.pagecache import frame_page, invalidate_mapping_pages, mapping_of, truncate
from memsh.linux.mm.shmem.shmem import TMPFS_DEV, shmem_recalc_inode
from memsh.linux.mm.shmem.shmem_huge import SHM_DEV
from memsh.linux.mm.shmem.super import Tmpfs, TmpfsOptions

if TYPE_CHECKING:
    from memsh.linux.box import Box


class FileSystem(Tree):
    """`box.fs`: the tree, and what its files hold. Errors: those of names, ENOSPC, EBADF."""

    def __init__(self, box: Box) -> None:
        super().__init__(box)
        box.hooks.setdefault("drop_pagecache", []).append(self.drop_pagecache)
        for path in DIRECTORIES:
            made = self.makedirs(path)
            if path in ANYBODYS:
                made.mode |= 0o1777
        devtmpfs_mount(box, self)
        devices = self.lookup("/dev")
        assert devices.children is not None
        shm = Tmpfs(TMPFS_DEV, "tmpfs", "/dev/shm", TmpfsOptions(), "rw,relatime")
        self.tmpfs[TMPFS_DEV] = shm
        mount = devices.children["shm"] = shm.root = self.new_inode("shm", True, TMPFS_DEV)
        mount.parent, mount.mode = devices, mount.mode & ~0o7777 | shm.mode
        for path, size in TREE:
            self.install(path, size)

    # -- the tree

    def install(self, path: str, size: int) -> None:
        """A file that came with the disk: `size` bytes, generated. What a RAM disk brought stays in its place."""
        self.box.changes += 1
        parts = self._parts(path)
        parent = self.makedirs("/".join(parts[:-1]))
        assert parent.children is not None
        inode = parent.children.get(parts[-1])
        if inode is None:
            inode = parent.children[parts[-1]] = self.new_inode(parts[-1], False)
            inode.parent = parent
        if not inode.a_ops.writeback:
            return
        self.used_blocks += inode_blocks(inode, size) - inode_blocks(inode)
        inode.size = inode.seeded = size
        inode.seed = path
        inode.mode = 0o100000 | (0o755 if parts[0] in PROGRAM_FOLDERS or parts == ["init"] else 0o644)

    def put_text(self, path: str, text: dict[int, bytes]) -> None:
        """Bytes of a generated file that are known: offset -> bytes."""
        inode = self.lookup(path)
        for offset, data in sorted(text.items()):
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

    def install_large(self) -> None:
        """Files of many megabytes, and the settings of `sysctl -p`."""
        for path, size in LARGE:
            self.install(path, size)
        self.install("/etc/sysctl.conf", len(ETC["/etc/sysctl.conf"]))

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
        if not inode.a_ops.writeback:  # there is no disk where it could lie
            file = self.open(path, writable=True)
            try:
                if self.write_zeros(file, 0, size) < size:
                    raise KernelError("ENOSPC")
            finally:
                self.fput(file)
            return inode
        if inode.s_op.room(self.box, inode, 0, size) < size:
            raise KernelError("ENOSPC")
        inode.seed = path
        inode.size = inode.seeded = size
        inode.s_op.resized(self.box, inode, 0)
        return inode

    # -- objects

    @property
    def nr_blockdev_pages(self) -> int:
        """Pages of the disks' own caches: Buffers."""
        disks = (*self.block_devices(), *self.memory_disks.values())
        return sum(len(disk.mapping.pages) for disk in disks if disk.mapping is not None)

    def block_devices(self) -> list[Inode]:
        """The file system's disk and the others, RAM disks and loop devices left out."""
        return [self.device, *self.disks.values()]

    # -- open files

    def open(self, path: str, *, writable: bool = False) -> File:
        """Open a file or a device. ENOENT, EISDIR (a directory for writing), ENOMEM, ENXIO (no driver), ENODEV (a named
        pipe, which is opened by fifo_open())."""
        inode = self.lookup(path)
        if inode.is_dir and writable:
            raise KernelError("EISDIR")
        if writable:
            self.get_write_access(inode)
        if inode.target:
            raise KernelError("ELOOP")  # as with O_NOFOLLOW: links are followed before
        if s_isfifo(inode.mode):
            raise KernelError("ENODEV")
        self.iget(inode)
        if s_isblk(inode.mode):
            try:
                file = self.blkdev_open(inode.rdev, writable=writable)
            except KernelError:
                self.dcache.dput(inode)
                raise
            file.named = inode
            inode.opened += 1
            return file
        if s_ischr(inode.mode):
            chrdev_open(inode)
        else:
            mapping_of(self.box, inode)
        inode.opened += 1
        self.opened += 1
        return self._file(inode, self.path_of(inode), writable)

    def get_write_access(self, inode: Inode) -> None:
        """ETXTBSY for the program of a process (deny_write_access)."""
        if inode.opened and s_isreg(inode.mode):
            for task in self.box.tasks.values():
                if task.mm is not None and task.mm.exe_file is not None and task.mm.exe_file.inode is inode:
                    raise KernelError("ETXTBSY")

    def blkdev_open(self, rdev: tuple[int, int], *, writable: bool = False) -> File:
        """Open a disk by its number. ENXIO: there is none."""
        disk = self.memory_disks.get(rdev) or next((one for one in self.block_devices() if one.dev == rdev), None)
        if disk is None:
            raise KernelError("ENXIO")
        mapping_of(self.box, disk)
        disk.opened += 1
        self.opened += 1
        return self._file(disk, "/dev/" + disk.name, writable)

    def _file(self, inode: Inode, path: str, writable: bool) -> File:
        """An open file; how much is read ahead for it, its disk says now (file_ra_state_init)."""
        file = File(inode, path, writable=writable)
        bdi = self.box.disk.bdi.get(inode.dev)
        if bdi is not None:
            file.ra_pages = bdi.ra_pages
        return file

    def fput(self, file: File) -> None:
        """Drop a hold on an open file; the last one closes it."""
        file.count -= 1
        if file.count > 0:
            return
        self.opened -= 1
        for inode in (file.inode,) if file.named is file.inode else (file.inode, file.named):
            inode.opened -= 1
            inode.s_op.put(self.box, inode)

    def read(self, file: File, position: int, length: int) -> bytes:
        """At most `length` bytes from `position`, through the page cache. EISDIR, EINVAL, ENOMEM."""
        if file.inode.is_dir:
            raise KernelError("EISDIR")
        if position < 0 or length < 0:
            raise KernelError("EINVAL")
        device = file.inode.f_op.read
        if device is not None:
            return device(self.box, position, length)
        return filemap_read(self.box, file, position, length)

    def skip(self, file: File, position: int, length: int) -> int:
        """read() by somebody who does not look at the bytes: how many there were. The cache is as after read()."""
        if file.inode.is_dir:
            raise KernelError("EISDIR")
        if file.inode.f_op.read is not None:
            return len(self.read(file, position, length))
        return filemap_skip(self.box, file, position, length)

    def write(self, file: File, position: int, data: bytes) -> int:
        """Put `data` at `position`; bytes written, fewer if the disk is full. EBADF, ENOSPC, ENOMEM."""
        self.box.changes += 1
        device = file.inode.f_op.write
        if device is not None:
            return device(self.box, position, data)
        room = self._before_write(file, position, len(data))
        before = file.inode.size
        try:
            return filemap_write(self.box, file, position, data[:room])
        finally:
            file.inode.s_op.resized(self.box, file.inode, before)

    def write_zeros(self, file: File, position: int, length: int) -> int:
        """write() of `length` zeros."""
        if file.inode.f_op.write is not None:
            return self.write(file, position, bytes(length))
        self.box.changes += 1
        room = self._before_write(file, position, length)
        before = file.inode.size
        try:
            return file.inode.a_ops.write_zeros(self.box, file, position, room)
        finally:
            file.inode.s_op.resized(self.box, file.inode, before)

    def read_direct(self, file: File, position: int, length: int) -> bytes:
        """read() with O_DIRECT. EINVAL unless in blocks of 512 bytes."""
        if file.inode.f_op.read is not None:
            return self.read(file, position, length)
        return directio.read(self.box, file, position, length)

    def write_direct(self, file: File, position: int, data: bytes) -> int:
        """write() with O_DIRECT. EINVAL unless in blocks of 512 bytes; ENOSPC."""
        if file.inode.f_op.write is not None:
            return self.write(file, position, data)
        self.box.changes += 1
        room = self._before_write(file, position, len(data))
        if room < len(data):
            room &= ~511
        before = file.inode.size
        try:
            return directio.write(self.box, file, position, data[:room])
        finally:
            file.inode.s_op.resized(self.box, file.inode, before)

    def _before_write(self, file: File, position: int, length: int) -> int:
        """How many of `length` bytes fit; the end of the old last page becomes zeros when writing beyond it."""
        if not file.writable:
            raise KernelError("EBADF")
        inode = file.inode
        if self.box.swap.is_swapfile(inode):
            raise KernelError("ETXTBSY")
        limit = rlimit(self.box, RLIMIT_FSIZE)
        if length and position >= limit:
            raise Signalled("EFBIG", SIGXFSZ)
        if position + length > MAX_FILE:
            raise KernelError("EFBIG")
        length = min(length, max(0, limit - position))
        room = inode.s_op.room(self.box, inode, position, length)
        if room <= 0 < length:
            raise KernelError("ENOSPC")
        inode.usec = self.box.timer.usec
        before = inode.size
        cached = inode.mapping.pages.get(before >> 12) if inode.mapping is not None else None
        if before & 4095 and position > before and cached is not None:
            page = frame_page(self.box, cached)
            page[before & 4095 :] = bytes(4096 - (before & 4095))
        return room

    def truncate(self, path: str, size: int) -> None:
        """Set a file's length; what is beyond it is forgotten, what is new reads as zeros. EISDIR, ENOSPC; EINVAL for a
        device, and for a named pipe, ENXIO where nobody reads that."""
        self.box.changes += 1
        inode = self.lookup(path)
        if inode.is_dir:
            raise KernelError("EISDIR")
        if s_ischr(inode.mode) or s_isblk(inode.mode):
            raise KernelError("EINVAL")
        if s_isfifo(inode.mode):
            raise KernelError("EINVAL" if inode.pipe is not None and inode.pipe.readers else "ENXIO")
        self.get_write_access(inode)
        if self.box.swap.is_swapfile(inode):
            raise KernelError("ETXTBSY")
        if inode.s_op.room(self.box, inode, 0, size) < size:
            raise KernelError("ENOSPC")
        if size > max(inode.size, rlimit(self.box, RLIMIT_FSIZE)):
            raise Signalled("EFBIG", SIGXFSZ)
        before, inode.usec = inode.size, self.box.timer.usec
        try:
            truncate(self.box, inode, size)
        finally:
            inode.s_op.resized(self.box, inode, before)
        inode.seeded = min(inode.seeded, size)
        if not size:
            inode.seed = ""

    # -- write-back and the cache as a whole

    def sync(self) -> int:
        """Write every dirty page and wait for the disk; how many."""
        self.box.changes += 1
        return self.box.writeback.sync()

    def fsync(self, path: str) -> int:
        """Write one file's dirty pages and wait; how many. ENOENT."""
        self.box.changes += 1
        return self.box.writeback.sync_inode(self.lookup(path))

    def cached(self) -> list[Inode]:
        """Inodes that the page cache has something of, one superblock after the other in the order they were made:
        shared memory and the RAM file systems, each's newest file first, the disks' own, and those of the disk."""
        inodes = [owner.inode for owner in self.box.memmap.owners if isinstance(owner, AddressSpace)]
        memory = [inode for inode in inodes if inode.a_ops.swap_backed and not inode.a_ops.writeback]
        memory.sort(key=lambda inode: (inode.dev != SHM_DEV, inode.dev, -inode.number))
        files = [inode for inode in self.inodes() if inode.a_ops.writeback]
        return [
            inode for inode in (*memory, *self.block_devices(), *self.memory_disks.values(), *files)
            if inode.mapping is not None and inode.mapping.pages.leaves
        ]  # fmt: skip

    def drop_pagecache(self) -> int:
        """Free every clean page that nobody maps (drop_caches, bit 0); how many went."""
        self.box.changes += 1
        dropped = 0
        for inode in self.cached():
            if inode.mapping is not None:
                self.box.cond_resched()
                held = self.buffers.bh_lru if inode is self.device else None
                dropped += invalidate_mapping_pages(self.box, inode.mapping, held)
                shmem_recalc_inode(self.box, inode)
        return dropped
