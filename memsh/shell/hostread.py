"""Files of the host that memsh reads whole: regular ones, and no more of them than is wanted.

A pipe would wait for a writer, a device may have no end: neither is read, and opening one waits for nothing. No known
deviations.
"""

from __future__ import annotations

import os
import stat
from errno import EFBIG, EINVAL, EISDIR
from pathlib import Path

NOT_REGULAR = "Not a regular file"


def check_regular(path: str | os.PathLike[str]) -> None:
    """OSError if what is there is none that can be read or written as a file: EISDIR, EINVAL."""
    _check(Path(path).stat(), path)


def _check(found: os.stat_result, path: str | os.PathLike[str]) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise OSError(EISDIR, os.strerror(EISDIR), path)
    if not stat.S_ISREG(found.st_mode) and found.st_rdev != Path(os.devnull).stat().st_rdev:
        raise OSError(EINVAL, NOT_REGULAR, path)


def read_regular(path: str | os.PathLike[str], most: int, *, follow: bool = True) -> bytes:
    """At most `most` bytes of a regular file; /dev/null is an empty one. OSError as the host says; EISDIR; EINVAL for
    a pipe or a device."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    try:
        _check(os.fstat(handle), path)
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(handle)


def read_whole(path: str | os.PathLike[str], most: int) -> bytes:
    """All of a regular file. OSError as read_regular's; EFBIG if it is longer than `most` bytes."""
    data = read_regular(path, most + 1)
    if len(data) > most:
        raise OSError(EFBIG, os.strerror(EFBIG), path)
    return data
