"""How full a mounted file system is (fs/statfs.c, vfs_statfs; fs/libfs.c, simple_statfs).

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.fs.ext4 import DISK_DEV, ext4_statfs
from memsh.linux.include.statfs import MAGIC, Kstatfs
from memsh.linux.mm.hugetlb.super import hugetlbfs_statfs
from memsh.linux.mm.shmem.super import shmem_statfs

if TYPE_CHECKING:
    from memsh.linux.box import Box


def vfs_statfs(box: Box, dev: tuple[int, int], kind: str) -> Kstatfs:
    """Of the file system on `dev`; `kind` is its type's name."""
    if dev in box.fs.tmpfs:
        return shmem_statfs(box, box.fs.tmpfs[dev])
    if dev in box.fs.hugetlbfs:
        return hugetlbfs_statfs(box, box.fs.hugetlbfs[dev])
    return ext4_statfs(box) if dev == DISK_DEV else Kstatfs(MAGIC[kind])
