"""Names: a path to its inode, and what makes, moves and removes names (fs/namei.c, fs/inode.c).

Looking a file up for the first time reads a block of metadata (Buffers in /proc/meminfo) and takes its inode and dentry
objects (dcache.py).

Known deviations: one owner, no permissions; a file has one dentry, whatever number of names it has.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from memsh.linux.fs.buffer import Buffers
from memsh.linux.fs.dcache import Dcache
from memsh.linux.fs.ext4 import (
    DISK_DEV,
    DISK_FOP,
    DISK_INODES,
    EXT4,
    has_free_blocks,
    inode_blocks,
    memory_disks,
    root_disk,
    swap_disk,
)
from memsh.linux.include.errno import KernelError
from memsh.linux.include.mm_types import Inode
from memsh.linux.include.namei import MAXSYMLINKS, too_long
from memsh.linux.include.sched import current_umask
from memsh.linux.include.stat import S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG
from memsh.linux.mm.filemap.pagecache import truncate_inode_pages
from memsh.linux.mm.hugetlb.inode import HUGETLBFS_NAMED
from memsh.linux.mm.hugetlb.reserve import HugetlbInode
from memsh.linux.mm.hugetlb.super import Hugetlbfs
from memsh.linux.mm.shmem.shmem import TMPFS
from memsh.linux.mm.shmem.super import Tmpfs
from memsh.linux.mm.slab.objects import drop_owner

if TYPE_CHECKING:
    from memsh.linux.box import Box

MAX_LINKS = 65000  # names of one file on ext4
FIRST_PSEUDO_INO = 310  # as on the recorded machine after boot


class Tree:
    """The tree and its names; every path is absolute. Errors: ENOENT, ENOTDIR, EISDIR, EEXIST."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.dcache = Dcache(box)
        self.next_ino = 2
        self.disk_inodes = self.used_blocks = 0  # of the disk's file system: its files and what is in them
        self.next_shm_ino = 2
        self.tmpfs: dict[tuple[int, int], Tmpfs] = {}  # mounted RAM file systems, by device
        self.hugetlbfs: dict[tuple[int, int], Hugetlbfs] = {}  # and those of huge pages
        self.root = self.new_inode("/", True)
        self.device = root_disk()
        self.disks = {"vda": swap_disk(box)}  # the box's other disks, by name in /dev
        self.memory_disks = memory_disks()
        self.descriptors = 0  # that processes have, their terminals left out
        self.next_pseudo = FIRST_PSEUDO_INO
        self.opened = 0  # files open now, those of mappings among them
        self.buffers = Buffers(box, self.device)

    def get_next_ino(self) -> int:
        """A number for an inode of a file system without a disk: a pipe's, a socket's."""
        self.next_pseudo += 1
        return self.next_pseudo - 1

    def new_inode(self, name: str, directory: bool, dev: tuple[int, int] = DISK_DEV) -> Inode:
        size, mode = (4096, 0o040755) if directory else (0, 0o100644)
        memory, huge = self.tmpfs.get(dev), self.hugetlbfs.get(dev)
        kind = EXT4
        if memory is not None:
            memory.reserve_inode(self.box)
            number, memory.next_ino = memory.next_ino, memory.next_ino + 1
            kind = TMPFS
        elif huge is not None:
            huge.reserve_inode(self.box)
            number, size, kind = self.get_next_ino(), 0, HUGETLBFS_NAMED
        else:
            if self.disk_inodes >= DISK_INODES:
                raise KernelError("ENOSPC")
            if directory and not has_free_blocks(self, 1):
                raise KernelError("ENOSPC")
            self.disk_inodes += 1
            self.used_blocks += directory
            number, self.next_ino = self.next_ino, self.next_ino + 1
        inode = Inode(number, name, dev, kind, size, mode=mode)
        if huge is not None and not directory:
            inode.hugetlb = HugetlbInode(huge.order, huge.subpool)
        if directory:
            inode.children = {}
        return inode

    @staticmethod
    def _parts(path: str) -> list[str]:
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if any(map(too_long, parts)):
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

    def path_of(self, inode: Inode) -> str:
        names: list[str] = []
        at: Inode | None = inode
        while at is not None and at is not self.root:
            names.append(at.name)
            at = at.parent
        return "/" + "/".join(reversed(names))

    def inodes(self, root: Inode | None = None) -> list[Inode]:
        """Every inode of the tree, or of the one below `root`, parents first."""
        found, at = [root or self.root], 0
        linked: set[tuple[tuple[int, int], int]] = set()  # seen under one of their names
        while at < len(found):
            children = found[at].children or {}
            for name in sorted(children):
                below = children[name]
                if below.aliases:
                    if (below.dev, below.number) in linked:
                        continue
                    linked.add((below.dev, below.number))
                found.append(below)
            at += 1
        return found

    def listdir(self, path: str) -> list[str]:
        """Names in a directory, sorted; reads its block."""
        inode = self.lookup(path)
        if inode.children is None:
            raise KernelError("ENOTDIR")
        self.iget(inode)
        self.dcache.dput(inode)
        inode.s_op.read_inode(self.box, inode)
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
        self._make(path, S_IFDIR | 0o777)

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

    def create(self, path: str) -> Inode:
        """An empty regular file. EEXIST."""
        inode = self._make(path, S_IFREG | 0o666)
        self._made(inode)
        return inode

    def symlink(self, target: str, path: str) -> Inode:
        """A link to `target`, which need not be there. EEXIST; EINVAL where nothing can be written."""
        if self._parent(path)[0].dev in self.hugetlbfs:
            raise KernelError("EINVAL")
        inode = self._make(path, S_IFREG | 0o666)
        inode.target, inode.mode, inode.size = target, S_IFLNK | 0o777, len(target.encode("utf-8", "surrogateescape"))
        if inode.a_ops.writeback:
            self.used_blocks += inode_blocks(inode)
        self._made(inode)
        return inode

    def mkfifo(self, path: str, mode: int = 0o666) -> Inode:
        """A named pipe; the umask takes from `mode`. EEXIST."""
        inode = self._make(path, S_IFIFO | mode)
        inode.hugetlb = None
        self._made(inode)
        return inode

    def mknod(self, path: str, mode: int, rdev: tuple[int, int]) -> Inode:
        """The node of a device: `mode` with S_IFCHR or S_IFBLK; no umask takes from it (vfs_mknod). EEXIST."""
        inode = self._make(path, S_IFREG)
        inode.mode, inode.rdev, inode.seed, inode.hugetlb = mode, rdev, "", None
        return inode

    def _make(self, path: str, mode: int) -> Inode:
        """A new inode under its name; the umask takes from `mode`. EEXIST."""
        self.box.changes += 1
        parent, name = self._parent(path)
        assert parent.children is not None
        if name in parent.children:
            raise KernelError("EEXIST")
        inode = parent.children[name] = self.new_inode(name, mode & S_IFMT == S_IFDIR, parent.dev)
        inode.mode = mode & ~current_umask(self.box)
        inode.parent = parent
        return inode

    def _made(self, inode: Inode) -> None:
        """A new file has nothing in it, and its name needs metadata."""
        inode.seed, inode.usec = "", self.box.timer.usec
        inode.s_op.new_name(self.box, inode)
        self.iget(inode)
        self.dcache.dput(inode)

    def unlink(self, path: str) -> None:
        """Remove a name; the file goes when nobody has it open or mapped. EISDIR."""
        self.box.changes += 1
        parent, name = self._parent(path)
        inode = self.lookup(path)
        if inode.is_dir:
            raise KernelError("EISDIR")
        if inode.dev != parent.dev:
            raise KernelError("EBUSY", "something is mounted there")
        if self.box.swap.is_swapfile(inode):
            raise KernelError("EPERM", "the file is in use for swapping")
        assert parent.children is not None
        if inode.nlink == 1 and not inode.opened:
            self.shed(inode)
        del parent.children[name]
        inode.nlink -= 1
        if (parent, name) in inode.aliases:
            inode.aliases.remove((parent, name))
            return
        self.dcache.unlink(inode)
        if inode.aliases:
            inode.parent, inode.name = inode.aliases.pop(0)
        if not inode.nlink and not inode.opened:
            self.evict(inode)

    def link(self, old: str, new: str) -> None:
        """Another name for a file (vfs_link). ENOENT, EEXIST, EPERM (a directory), EXDEV, EMLINK."""
        self.box.changes += 1
        inode = self.lookup(old)
        parent, name = self._parent(new)
        assert parent.children is not None
        if name in parent.children:
            raise KernelError("EEXIST")
        if inode.is_dir:
            raise KernelError("EPERM")
        if inode.dev != parent.dev:
            raise KernelError("EXDEV")
        if inode.nlink >= MAX_LINKS:
            raise KernelError("EMLINK")
        parent.children[name] = inode
        inode.aliases.append((parent, name))
        inode.nlink += 1

    def chmod(self, inode: Inode, mode: int) -> None:
        """Give an inode these permission bits (fs/open.c, chmod_common)."""
        self.box.changes += 1
        inode.mode = inode.mode & ~0o7777 | mode

    def utimes(self, inode: Inode, usec: int) -> None:
        """Say that an inode was last changed so long after boot (fs/utimes.c, vfs_utimes)."""
        self.box.changes += 1
        inode.usec = usec

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
        if target_name in target.children:
            if target.children[target_name] is inode:
                return
            self.unlink(new)
        del parent.children[name]
        target.children[target_name] = inode
        if (parent, name) in inode.aliases:
            inode.aliases[inode.aliases.index((parent, name))] = (target, target_name)
            return
        inode.name, inode.parent = target_name, target
        self.dcache.moved(inode, parent)

    def iget(self, inode: Inode) -> None:
        """The objects of a file that is looked up, and the block that describes it if it is not in memory. ENOMEM."""
        if self.dcache.lookup(inode):
            inode.s_op.read_inode(self.box, inode)

    def walk(self, path: str) -> None:
        """Somebody names a file and does no more with it: its dentry and inode are there afterwards. ENOENT, ENOMEM."""
        inode = self.lookup(path)
        self.iget(inode)
        self.dcache.dput(inode)

    def shed(self, inode: Inode) -> None:
        """The pages of a file whose last name goes, before its dentry and inode, which RCU keeps that long. Ctrl-C may
        leave some of them, and the name."""
        if inode.mapping is not None:
            try:
                truncate_inode_pages(self.box, inode.mapping, stops=True)
            finally:
                inode.s_op.resized(self.box, inode, inode.size)

    def drop_inode(self, inode: Inode) -> None:
        """The end of an inode that has no name any more, and its objects."""
        if inode.is_dir:
            self._release_inode(inode)
            self.dcache.forget(inode)
        else:
            inode.nlink = 0
            self.dcache.unlink(inode)
            self.evict(inode)

    def _release_inode(self, inode: Inode) -> None:
        memory = self.tmpfs.get(inode.dev) or self.hugetlbfs.get(inode.dev)
        if memory is not None:
            memory.used_inodes -= 1
        elif inode.f_op is DISK_FOP:
            self.disk_inodes -= 1
            self.used_blocks -= inode.is_dir

    def evict(self, inode: Inode) -> None:
        """The end of a file without a name."""
        self._release_inode(inode)
        mapping = inode.mapping
        if mapping is not None:
            truncate_inode_pages(self.box, mapping)
        inode.s_op.evict(self.box, inode)
        if mapping is not None:
            self.box.writeback.forget(inode)
            drop_owner(self.box, mapping.number)
            inode.mapping = None
        self.dcache.forget(inode)
