"""/dev: a RAM file system in which the kernel itself makes the devices' names (drivers/base/devtmpfs.c).

Known deviations: it holds no names that udev would make, like /dev/disk; its nodes belong to root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.stat import S_IFBLK, S_IFCHR
from memsh.linux.mm.shmem.super import Tmpfs, TmpfsOptions

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.fs.namei import Tree

DEVTMPFS_DEV = (0, 5)
WHERE = "/dev"


def devtmpfs_mount(box: Box, fs: Tree) -> None:
    """Put it over /dev, with a node for every device (devtmpfs_mount, handle_create)."""
    options = TmpfsOptions()
    options.mode = 0o755
    made = fs.tmpfs[DEVTMPFS_DEV] = Tmpfs(DEVTMPFS_DEV, "devtmpfs", WHERE, options, "rw,relatime")
    root = made.root = fs.new_inode("dev", True, DEVTMPFS_DEV)
    root.mode, root.parent = root.mode & ~0o7777 | 0o755, fs.root
    assert fs.root.children is not None
    fs.root.children["dev"] = root
    for node in box.model.dev_nodes(box.config.present):
        path = f"{WHERE}/{node.path}"
        if "/" in node.path:
            fs.makedirs(path.rpartition("/")[0])
        fs.mknod(path, (S_IFBLK if node.block else S_IFCHR) | node.mode, node.dev)


def hold_names(box: Box) -> None:
    """The names' dentries and inodes are among what boot has taken: nobody takes them again."""
    for inode in box.fs.inodes(box.fs.lookup(WHERE)):
        if inode.dev == DEVTMPFS_DEV:
            box.fs.dcache.held_by_boot(inode)
