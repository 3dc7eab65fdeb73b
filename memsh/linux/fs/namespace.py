"""Mounting and unmounting RAM file systems (fs/namespace.c: do_new_mount, do_remount, do_umount)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.mm.shmem.super import Tmpfs, TmpfsOptions

if TYPE_CHECKING:
    from memsh.linux.box import Box

FIRST_MINOR = 23  # the anonymous devices below belong to what the box mounts as it boots
FIRST_MOUNT = 22


def mounted_at(box: Box, where: str) -> Tmpfs | None:
    """The tmpfs that was mounted last at a directory."""
    return next((one for one in reversed(box.fs.tmpfs.values()) if one.where == where), None)


def mount_tmpfs(box: Box, source: str, where: str, options: TmpfsOptions, flags: str) -> Tmpfs:
    """Put an empty RAM file system over a directory. ENOENT, ENOTDIR, EBUSY (the root)."""
    fs = box.fs
    below = fs.lookup(where)
    if not below.is_dir:
        raise KernelError("ENOTDIR")
    parent = below.parent
    if parent is None or parent.children is None:
        raise KernelError("EBUSY")
    box.changes += 1
    used = {dev[1] for dev in fs.tmpfs}
    dev = 0, next(minor for minor in range(FIRST_MINOR, FIRST_MINOR + len(used) + 1) if minor not in used)
    made = Tmpfs(dev, source, where, options, flags)
    made.number = max([FIRST_MOUNT - 1, *(one.number for one in fs.tmpfs.values())]) + 1
    fs.tmpfs[dev] = made
    root = made.root = fs.new_inode(below.name, True, dev)
    root.mode = root.mode & ~0o7777 | made.mode
    root.parent, made.covered = parent, below
    parent.children[below.name] = root
    return made


def umount(box: Box, where: str) -> None:
    """Take a mounted file system off, and all its files. EINVAL (nothing is mounted there), EBUSY."""
    fs = box.fs
    found = mounted_at(box, where)
    if found is None or found.root is None or found.covered is None:
        raise KernelError("EINVAL" if found is None else "EBUSY")
    inodes = fs.inodes(found.root)
    if any(inode.opened or inode.dev != found.dev for inode in inodes):
        raise KernelError("EBUSY")
    box.changes += 1
    parent = found.root.parent
    assert parent is not None and parent.children is not None
    for inode in reversed(inodes):
        fs.drop_inode(inode)
    found.covered.parent = parent
    parent.children[found.covered.name] = found.covered
    del fs.tmpfs[found.dev]
