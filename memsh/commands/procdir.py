"""Where the tools read /proc: the box, or with --proc a recorded tree.

A recorded tree is a folder with the files of /proc. The boots' recordings are flat: a slash in a name is written `_`
there (`self_maps`).
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from memsh.procfs import tree
from memsh.procps.reader import READ_LIMIT, FolderReader
from memsh.shell.session import Session


class BoxReader:
    """/proc of the session's box, whichever that is at the moment."""

    page_size = 4096
    live = True  # waiting changes what it says

    def __init__(self, session: Session) -> None:
        self.session = session

    def read(self, path: str) -> str:
        with self.session.looking():
            return str(tree.show(self.session.box, path))

    def listdir(self, path: str) -> list[str]:
        return list(tree.listdir(self.session.box, path))

    def readlink(self, path: str) -> str | None:
        """Where a link leads; None if it is none."""
        return tree.readlink(self.session.box, path)


class DirReader(FolderReader):
    """A recorded tree, read-only, with flat names tried where there is no folder. EFBIG above 16 MiB."""

    def _flat(self, path: str) -> str:
        if path.startswith("/sys/"):
            return "/proc/" + path.removeprefix("/sys/devices/system/node/").strip("/").replace("/", "_")
        return "/proc/" + path.removeprefix("/proc").strip("/").replace("/", "_")

    last = ""  # what was read last: to be named where it makes no sense

    def read(self, path: str) -> str:
        self.last = path
        try:
            text = super().read(path)
        except (FileNotFoundError, NotADirectoryError):
            flat = self._flat(path)
            if flat == path or ".." in path:
                raise
            text = super().read(flat)
        if len(text) >= READ_LIMIT:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return text

    def listdir(self, path: str) -> list[str]:
        try:
            return super().listdir(path)
        except (FileNotFoundError, NotADirectoryError):
            prefix = path.removeprefix("/proc").strip("/").replace("/", "_") + "_"
            found = [name.removeprefix(prefix) for name in super().listdir("/proc") if name.startswith(prefix)]
            if not found or ".." in path or not Path(self.root).is_dir():
                raise
            return found
