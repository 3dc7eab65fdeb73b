"""What statfs() tells of a file system (include/linux/statfs.h, include/uapi/linux/magic.h)."""

from __future__ import annotations

from typing import NamedTuple

from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.include.namei import NAME_MAX

MAGIC = {
    "cgroup2": 0x63677270, "debugfs": 0x64626720, "devtmpfs": 0x01021994, "ext4": 0xEF53, "hugetlbfs": 0x958458F6,
    "proc": 0x9FA0, "sysfs": 0x62656572, "tmpfs": 0x01021994, "tracefs": 0x74726163,
}  # fmt: skip
UNLIMITED = (1 << 64) - 1  # what -1 looks like from outside


class Kstatfs(NamedTuple):
    """`blocks`, `bfree` and `bavail` (to users who are not root) count blocks of `bsize` bytes, `files` and `ffree`
    inodes; 0 where the file system has no such limit. `fsid`: 64 bits, as fsid_t's two words follow each other."""

    type: int
    bsize: int = PAGE_SIZE
    blocks: int = 0
    bfree: int = 0
    bavail: int = 0
    files: int = 0
    ffree: int = 0
    fsid: int = 0
    namelen: int = NAME_MAX
