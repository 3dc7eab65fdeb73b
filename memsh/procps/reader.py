"""Where the tools read from: the protocol, and a folder of captured /proc text.

A tool never sees a kernel. It is handed a reader and asks it for paths that begin with "/proc/"; the reader may be the
emulated box, a folder of captured text, or the host's own /proc.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

READ_LIMIT = 16 << 20
"""Most bytes read of one file of a folder."""


class ProcReader(Protocol):
    """What a tool needs of a /proc: both methods raise OSError as the system calls would."""

    def read(self, path: str) -> str: ...

    def listdir(self, path: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Result:
    """What a finished tool wrote, and the status that it exited with."""

    stdout: str
    stderr: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """Between two frames: wait this many seconds. `endless`: nothing but a signal ends the repetition."""

    seconds: float
    endless: bool = False


class Exit(Exception):
    """Ends a tool early with what it still has to say."""

    def __init__(self, status: int, stderr: str = "", stdout: str = "") -> None:
        super().__init__(stderr or stdout)
        self.status = status
        self.stderr = stderr
        self.stdout = stdout


Frames = Iterator[str | Pause]
"""A tool at work: pieces of standard output, and the pauses between them."""


def finish(frames: Frames) -> Result:
    """Run a tool to its end without waiting; an endless repetition ends after its first frame."""
    out: list[str] = []
    try:
        for item in frames:
            if isinstance(item, str):
                out.append(item)
            elif item.endless:
                break
    except Exit as end:
        return Result("".join(out) + end.stdout, end.stderr, end.status)
    return Result("".join(out))


class FolderReader:
    """A folder that holds /proc as plain files, and beside it one named `sys` that holds /sys. Only regular files in
    them are read, through no link that leads out. `page_size`: bytes of a page, 0 where the tree itself must tell.

    Raises: OSError as open(2) would; ELOOP or EXDEV are reported as ENOENT, since such a file is none of the tree's.
    """

    def __init__(self, folder: str | Path, page_size: int = 0) -> None:
        self.folder = Path(folder)
        self.page_size = page_size
        self.root = os.path.realpath(folder)
        if not Path(self.root).is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))

    @property
    def live(self) -> bool:
        """Whether it is the host's own /proc, so that waiting changes what it says."""
        try:
            return os.stat(self.root).st_dev == os.stat("/proc").st_dev and (Path(self.root) / "self").is_symlink()  # noqa: PTH116
        except OSError:
            return False

    def _locate(self, path: str) -> str:
        root, relative = self.root, path.removeprefix("/proc").strip("/")
        if path == "/sys" or path.startswith("/sys/"):
            root, relative = os.path.realpath(os.path.join(self.root, "..", "sys")), path[4:].strip("/")  # noqa: PTH118
        if ".." in relative.split("/"):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        real = os.path.realpath(os.path.join(root, relative))  # noqa: PTH118
        if real != root and not real.startswith(root + os.sep):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return real

    def read(self, path: str) -> str:
        """The file's text, at most READ_LIMIT bytes; bytes that are no UTF-8 survive as surrogates."""
        handle = os.open(self._locate(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW)
        try:
            mode = os.fstat(handle).st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            if not stat.S_ISREG(mode):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
            pieces = []
            left = READ_LIMIT
            while left > 0 and (piece := os.read(handle, min(left, 1 << 20))):
                pieces.append(piece)
                left -= len(piece)
        finally:
            os.close(handle)
        return b"".join(pieces).decode("utf-8", "surrogateescape")

    def listdir(self, path: str) -> list[str]:
        """Names in a folder, sorted."""
        return sorted(os.listdir(self._locate(path)))  # noqa: PTH208
