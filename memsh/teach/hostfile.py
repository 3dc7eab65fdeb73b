"""Files of the host that memsh writes: whole or not at all, and never over what it did not write.

A file is written beside its place and renamed; a symbolic link is never followed. What is there already is replaced
only where that was asked for, and only if it begins as memsh's own files of that kind do. No known deviations.
"""

from __future__ import annotations

import os
import stat
from errno import EEXIST, EISDIR, ELOOP, ENOENT
from pathlib import Path

from memsh.shell.errors import ShellError

OURS = {"script": b"# memsh ", "cast": b'{"version": 2', "picture": b"<svg xmlns", "page": b"<!doctype html>",
        "markdown": b"<!-- memsh handout -->", "table": b"usec"}  # fmt: skip


def may_replace(path: str, kind: str, force: bool) -> bool:
    """Whether there is a file to replace. OSError or ShellError if it may not be."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    if not force:
        raise OSError(EEXIST, os.strerror(EEXIST), path)
    for is_so, number in ((stat.S_ISLNK, ELOOP), (stat.S_ISDIR, EISDIR)):
        if is_so(found.st_mode):
            raise OSError(number, os.strerror(number), path)
    if not stat.S_ISREG(found.st_mode):
        raise ShellError(f"{path}: not a regular file")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        begins = os.read(descriptor, 64)
    finally:
        os.close(descriptor)
    if begins and not begins.startswith(OURS[kind]):
        raise ShellError(f"{path}: memsh did not write it, and does not replace it")
    return True


def beside_of(path: str) -> Path:
    """Where a file is written before it takes its place. OSError for a path without a name."""
    place = Path(path)
    if not place.name:
        raise OSError(ENOENT if not path else EISDIR, os.strerror(ENOENT if not path else EISDIR), path)
    return place.with_name(f".{place.name}.{os.getpid()}")


def write(path: str, text: str, kind: str, force: bool) -> None:
    """Put a file there. OSError as the host says, with the file that was there as it was."""
    replaces = may_replace(path, kind, force)
    place, beside = Path(path), beside_of(path)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if replaces:
            beside.replace(place)
        else:
            place.hardlink_to(beside)  # fails if somebody was there first
    finally:
        beside.unlink(missing_ok=True)
