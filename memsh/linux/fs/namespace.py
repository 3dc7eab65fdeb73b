"""Mounting and unmounting RAM file systems (fs/namespace.c: do_new_mount, do_remount, do_umount)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.mm.hugetlb.super import Hugetlbfs, HugetlbfsOptions
from memsh.linux.mm.shmem.super import Tmpfs, TmpfsOptions

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import Inode

FIRST_MINOR = 23  # the anonymous devices below belong to what the box mounts as it boots
FIRST_MOUNT = 22


def mounts(box: Box) -> list[Tmpfs | Hugetlbfs]:
    """The file systems in memory, in the order in which they were mounted."""
    found: list[Tmpfs | Hugetlbfs] = [*box.fs.tmpfs.values(), *box.fs.hugetlbfs.values()]
    return sorted(found, key=lambda one: one.number)


def mounted_at(box: Box, where: str) -> Tmpfs | Hugetlbfs | None:
    """The one that was mounted last at a directory."""
    return next((one for one in reversed(mounts(box)) if one.where == where), None)


def mount_tmpfs(box: Box, source: str, where: str, options: TmpfsOptions, flags: str) -> Tmpfs:
    """Put an empty RAM file system over a directory. ENOENT, ENOTDIR, EBUSY (the root)."""
    below, parent = _mount_point(box, where)
    made = Tmpfs(_device(box), source, where, options, flags)
    box.fs.tmpfs[made.dev] = made
    _cover(box, made, below, parent)
    return made


def mount_hugetlbfs(box: Box, source: str, where: str, options: HugetlbfsOptions, flags: str) -> Hugetlbfs:
    """Put an empty file system of huge pages over a directory. ENOENT, ENOTDIR, EBUSY; ENOMEM, EINVAL (its options)."""
    below, parent = _mount_point(box, where)
    made = Hugetlbfs(box, _device(box), source, where, options, flags)
    box.fs.hugetlbfs[made.dev] = made
    _cover(box, made, below, parent)
    return made


def _mount_point(box: Box, where: str) -> tuple[Inode, Inode]:
    """The directory, and the one that it is in. ENOSPC: as many are mounted as fs.mount-max allows."""
    fs = box.fs
    if len(fs.tmpfs) + len(fs.hugetlbfs) >= box.sysctl.values["fs.mount-max"]:
        raise KernelError("ENOSPC")
    below = fs.lookup(where)
    if not below.is_dir:
        raise KernelError("ENOTDIR")
    parent = below.parent
    if parent is None or parent.children is None:
        raise KernelError("EBUSY")
    return below, parent


def _device(box: Box) -> tuple[int, int]:
    """The next number of a file system without a disk."""
    box.changes += 1
    used = {one.dev[1] for one in mounts(box)}
    return 0, next(minor for minor in range(FIRST_MINOR, FIRST_MINOR + len(used) + 1) if minor not in used)


def _cover(box: Box, made: Tmpfs | Hugetlbfs, below: Inode, parent: Inode) -> None:
    """Its root lies where `below` was."""
    made.number = max([FIRST_MOUNT - 1, *(one.number for one in mounts(box))]) + 1
    root = made.root = box.fs.new_inode(below.name, True, made.dev)
    root.mode = root.mode & ~0o7777 | made.mode
    root.uid, root.gid = made.uid, made.gid
    root.parent, made.covered = parent, below
    assert parent.children is not None
    parent.children[below.name] = root


def umount(box: Box, where: str) -> None:
    """Take a mounted file system off, and all its files. EINVAL (nothing is mounted there), EBUSY."""
    fs = box.fs
    found = mounted_at(box, where)
    if found is None or found.root is None or found.covered is None:
        raise KernelError("EINVAL" if found is None else "EBUSY")
    inodes = fs.inodes(found.root)
    mapped = any(vma.file is not None and vma.file.inode.dev == found.dev for vma in box.vm.areas.values())
    if mapped or any(inode.opened or inode.dev != found.dev for inode in inodes):
        raise KernelError("EBUSY")
    box.changes += 1
    parent = found.root.parent
    assert parent is not None and parent.children is not None
    for inode in reversed(inodes):
        fs.shed(inode)
    for inode in reversed(inodes):
        fs.drop_inode(inode)
    found.covered.parent = parent
    parent.children[found.covered.name] = found.covered
    fs.tmpfs.pop(found.dev, None)
    huge = fs.hugetlbfs.pop(found.dev, None)
    if huge is not None:
        huge.release(box)
