"""What a name stands for, as lstat() tells: of the box's disk, of /proc and /sys, of /dev, or of a recorded tree.

Known deviations: all belong to root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memsh.commands.paths import is_link, is_procfs, missing, path_of, stat_kind
from memsh.linux.fs.ext4 import DISK_DEV, inode_blocks
from memsh.linux.include.errno import KernelError
from memsh.linux.include.stat import s_isblk
from memsh.procfs import tree
from memsh.procfs.node import Directory, Link, Node, ProcFile
from memsh.procfs.pid_mounts import mount_of
from memsh.shell.io import IO
from memsh.shell.session import Session
from memsh.textutils.clock import booted, now

if TYPE_CHECKING:
    from memsh.linux.box import Box

BLOCK = 4096
BOGO_DIRENT_SIZE = 20  # what tmpfs says that a name in a directory takes
PROC_DEV = (0, 14)
PROC_IO_BLOCK = 1024  # proc_fill_super
LETTERS = {"file": "f", "dir": "d", "link": "l", "block": "b", "char": "c", "fifo": "p"}
_TYPES = {"file": 0o100000, "dir": 0o040000, "link": 0o120000, "block": 0o060000, "char": 0o020000,
          "fifo": 0o010000}  # fmt: skip
_DESCRIBED = {
    "dir": "directory", "link": "symbolic link", "block": "block special file", "char": "character special file",
    "fifo": "fifo",
}  # fmt: skip


class Facts(NamedTuple):
    """`kind`: file, dir, link, block, char, fifo. `mode`: permission bits. `size` in bytes, `blocks` of 512;
    `seconds`: when it was last changed, since boot, None for what is made as it is read; `rdev` of a device."""

    kind: str
    mode: int
    size: int
    inode: int
    links: int
    dev: tuple[int, int]
    seconds: float | None
    blocks: int = 0
    target: str = ""
    rdev: tuple[int, int] = (0, 0)
    uid: int = 0
    gid: int = 0
    io_block: int = BLOCK

    @property
    def letter(self) -> str:
        return LETTERS[self.kind]

    @property
    def described(self) -> str:
        """`regular file`, `symbolic link` (gnulib's file-type.c)."""
        return _DESCRIBED.get(self.kind) or ("regular file" if self.size else "regular empty file")

    @property
    def st_mode(self) -> int:
        return _TYPES[self.kind] | self.mode

    @property
    def user(self) -> str:
        """Its owner's name; "" where the number has none."""
        return "" if self.uid else "root"

    @property
    def group(self) -> str:
        return "" if self.gid else "root"

    def bits(self) -> str:
        """`-rw-r--r--`."""
        shown = ["-" if not self.mode >> (8 - at) & 1 else letter for at, letter in enumerate("rwxrwxrwx")]
        for at, flag, letter in ((2, 0o4000, "s"), (5, 0o2000, "s"), (8, 0o1000, "t")):
            if self.mode & flag:
                shown[at] = letter if shown[at] == "x" else letter.upper()
        return {"file": "-"}.get(self.kind, self.letter) + "".join(shown)


def _link(session: Session, path: str) -> Facts | None:
    """The facts of a link itself; None if the name is none."""
    if not is_link(session, path):
        return None
    whole, box = path_of(session, path, False), session.box
    if not is_procfs(whole):
        inode = box.fs.lookup(whole)
        blocks = inode_blocks(inode) * (BLOCK // 512) if inode.dev == DISK_DEV else 0
        return Facts("link", 0o777, inode.size, inode.number, 1, inode.dev, inode.usec / 1e6, blocks, inode.target)
    return _in_procfs(box, whole, tree.lookup(box, whole, False))


def _in_procfs(box: Box, whole: str, node: Node) -> Facts:
    """Those of a node of /proc or /sys, of a link itself, on the device of the file system that it lies in."""
    number, row = tree.inode(whole), mount_of(box, whole)
    if isinstance(node, Link):
        try:
            target = node.target(box)
        except KernelError:
            target = ""  # a kernel thread's exe leads nowhere
        facts = Facts("link", node.mode, node.size, number, 1, row.dev, None, target=target)
    elif isinstance(node, Directory):
        facts = Facts("dir", node.mode & 0o7777, 0, number, node.nlink(box), row.dev, None)
    else:
        size = tree.file_size(box, whole, node) if isinstance(node, ProcFile) else 0
        facts = Facts("file", node.mode & 0o7777, size, number, 1, row.dev, None)
    return facts._replace(io_block=PROC_IO_BLOCK if row.kind == "proc" else BLOCK)


def link_target(session: Session, path: str) -> str | None:
    """Where a link leads; None if it is none, or leads nowhere."""
    found = _link(session, path)
    return found.target or None if found is not None else None


def lstat(session: Session, path: str, follow: bool = False) -> Facts:
    """The facts of a name; with `follow`, or with a slash at its end, of where its links lead. ENOENT."""
    box, through = session.box, follow or path.endswith("/")
    if box is not None and not box.panicked and is_procfs(whole := path_of(session, path, through)):
        try:
            node = tree.lookup(box, whole, through)
        except KernelError:
            raise missing(session, whole) from None
        if path.endswith("/") and not isinstance(node, Directory):
            raise KernelError("ENOTDIR")
        return _in_procfs(box, whole, node)
    link = None if through else _link(session, path)
    if link is not None:
        return link
    whole = path_of(session, path)
    kind = stat_kind(session, whole)
    if kind is None:
        raise missing(session, whole)
    if path.endswith("/") and kind != "dir":
        raise KernelError("ENOTDIR")
    if session.box is None:
        return Facts(kind, 0o555 if kind == "dir" else 0o444, 0, 1, 1, PROC_DEV, None, io_block=PROC_IO_BLOCK)
    if is_procfs(whole):  # of a machine that stands still
        return _in_procfs(session.box, whole, tree.lookup(session.box, whole))
    inode = session.box.fs.lookup(whole)
    if kind == "device":
        shown = "block" if s_isblk(inode.mode) else "char"
        return Facts(shown, inode.mode & 0o7777, 0, inode.number, inode.nlink, inode.dev, inode.usec / 1e6,
                     rdev=inode.rdev)  # fmt: skip
    huge = session.box.fs.hugetlbfs.get(inode.dev)
    size = int(inode.size)
    in_memory = kind == "dir" and inode.dev in session.box.fs.tmpfs
    if in_memory:
        size = BOGO_DIRENT_SIZE * (2 + len(inode.children or ()))
    elif kind == "dir" and huge is None:
        size = BLOCK
    blocks = 0 if in_memory else -(-size // BLOCK) * (BLOCK // 512)
    if huge is not None:
        blocks = len(inode.hugetlb.pages) << inode.hugetlb.order + 3 if inode.hugetlb is not None else 0
    below = (inode.children or {}).values()
    links = inode.nlink + (kind == "dir") + sum(one.is_dir for one in below)
    return Facts(kind, inode.mode & 0o7777, size, inode.number, links, inode.dev, inode.usec / 1e6, blocks,
                 uid=inode.uid, gid=inode.gid,
                 io_block=BLOCK if huge is None else BLOCK << huge.order)  # fmt: skip


def changed(io: IO, facts: Facts) -> float:
    """When a file was last changed, in seconds since 1970."""
    if facts.seconds is None:
        return now(io)
    return booted(io) + facts.seconds
