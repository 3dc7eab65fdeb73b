"""Files as streams: what is read from the disk or /proc, and written there, piece by piece."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.procfs import tree
from memsh.procfs.node import ProcFile
from memsh.shell import ShellError
from memsh.shell.errors import Interrupted
from memsh.shell.io import NullSink
from memsh.shell.limits import TEXT, TOO_LONG
from memsh.shell.session import Session
from memsh.textutils.bytes import to_bytes, to_text

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import File

CHUNK = 128 << 10  # what cat and its kin read at once


class DiskText:
    """A file of the box's disk, read piece by piece: what is read is in the page cache afterwards. It is closed at its
    end, when it is told to, and when nobody has it any more."""

    def __init__(self, session: Session, path: str) -> None:
        self.session = session
        self.box = session.box
        self.file: File | None = self.box.fs.open(path)
        self.place = 0
        self.decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.file is None:
            raise StopIteration
        try:
            data: bytes = self.box.fs.read(self.file, self.place, CHUNK)
        except BaseException:
            self.close()
            raise
        self.place += len(data)
        if not data:
            self.close()
        return self.decoder.decode(data, not data)

    def seek(self, place: int) -> int:
        """Read on from there, or from the end if that comes before; where that is."""
        assert self.file is not None
        size = place if self.file.inode.f_op.read is not None else self.file.inode.size
        self.place = min(place, size)
        return self.place

    def close(self) -> None:
        file, self.file = self.file, None
        if file is not None:
            self.box.fs.fput(file)

    def __del__(self) -> None:
        if getattr(self, "file", None) is not None and self.session.box is self.box:
            with suppress(Interrupted):  # the flag stays up for the next safe point: nobody hears what is raised here
                self.close()


class ProcText:
    """A file of /proc that is too large to be made as a whole, read piece by piece."""

    def __init__(self, session: Session, name: str, pread: Callable[[Box, int, int], bytes]) -> None:
        self.session, self.name, self.pread, self.place = session, name, pread, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            with self.session.looking():
                data = self.pread(self.session.box, self.place, CHUNK)
        except KernelError as error:
            error.reading = self.name
            raise
        if not data:
            raise StopIteration
        self.place += len(data)
        return to_text(data)

    def seek(self, place: int) -> int:
        self.place = place
        return place

    def close(self) -> None:
        """There is nothing to give back."""


class Zeros:
    """/dev/zero, where there is no box that it could belong to."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return "\0" * CHUNK


class ProcSink:
    """A file of /proc being written: Linux sees each write(), which here is all that one command says."""

    buffers = True

    def __init__(self, session: Session, path: str) -> None:
        self.session = session
        self.path = path
        self.text = ""
        self.place = 0

    def write(self, text: str) -> None:
        self.text += text
        if len(self.text) > TEXT:
            raise ShellError(TOO_LONG)

    def flush(self) -> None:
        """What a stream that stays open was given is a write() of its own."""
        text, self.text = self.text, ""
        if text:
            tree.store(self.session.box, self.path, text, self.place)
            self.place += len(to_bytes(text))

    def close(self) -> None:
        self.flush()


class DiskSink:
    """A file of the disk being written; pieces go to the page cache as they come, the last as a command ends."""

    buffers = True

    def __init__(self, box: Box, path: str, append: bool, kind: str | None) -> None:
        self.box = box
        if kind is None:
            box.fs.create(path)
        elif not append and kind != "device":
            box.fs.truncate(path, 0)
        self.file = box.fs.open(path, writable=True)
        self.place = int(self.file.inode.size) if append else 0
        self.held: list[bytes] = []
        self.size = 0

    def write(self, text: str) -> None:
        data = to_bytes(text)
        self.held.append(data)
        self.size += len(data)
        if self.size >= CHUNK:
            self._push()

    def flush(self) -> None:
        """Bring what is held to the page cache, for others to read."""
        if self.size:
            self._push()

    def _push(self) -> None:
        data = b"".join(self.held)
        self.held, self.size = [], 0
        while data:  # what did not fit is tried again, and meets the error
            done = self.box.fs.write(self.file, self.place, data)
            self.place += done
            data = data[done:]

    def close(self) -> None:
        try:
            if self.size:
                self._push()
        finally:
            self.box.fs.fput(self.file)


class Nothing(NullSink):
    def close(self) -> None:
        return


def pread_of(session: Session, whole: str) -> Callable[[Box, int, int], bytes] | None:
    """How pieces of a file of /proc are read, (offset, bytes), if it is too large to be read as a whole."""
    if session.box is None:
        return None
    node = tree.lookup(session.box, whole)
    return node.pread if isinstance(node, ProcFile) else None
