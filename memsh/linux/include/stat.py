"""The kinds of files, in the upper bits of a mode (include/uapi/linux/stat.h)."""

from __future__ import annotations

S_IFMT, S_IFLNK, S_IFREG, S_IFBLK, S_IFDIR, S_IFCHR = 0o170000, 0o120000, 0o100000, 0o060000, 0o040000, 0o020000
S_IFIFO = 0o010000


def s_isblk(mode: int) -> bool:
    """A block device."""
    return mode & S_IFMT == S_IFBLK


def s_ischr(mode: int) -> bool:
    """A character device."""
    return mode & S_IFMT == S_IFCHR


def s_isfifo(mode: int) -> bool:
    """A named pipe."""
    return mode & S_IFMT == S_IFIFO


def s_isreg(mode: int) -> bool:
    """A plain file."""
    return mode & S_IFMT == S_IFREG
