"""The box's /proc and /sys as a file system, by mfusepy over libfuse3.

Text is made when a file is opened, while the box stands still: an open shows one moment. Nothing is cached by the
host's kernel (direct_io, names and attributes not kept), so every look is a fresh one. Writes are deeds of the session:
each is a line of the journal (`echo 3 > /proc/sys/vm/drop_caches`).

**Known deviations:** links that Linux resolves by itself (PID/exe, cwd, root) say what they say there, but who follows
them is led by their text, in the file system of the reader. trace_pipe shows events without taking them out of `trace`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shlex
import stat
import sys
from collections.abc import Callable, Iterator
from functools import partial, wraps
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import mfusepy

from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.kernel.timer import BTIME
from memsh.procfs import tree
from memsh.procfs.node import Directory, Link, Node, ProcFile
from memsh.procfs.pid_mounts import mount_of, statfs
from memsh.procfs.tree import refusal, strict
from memsh.shell.errors import PANICKED
from memsh.shell.lines import run_deed
from memsh.shell.registry import Args

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.shell.session import Session
    from memsh.shell.turn import Turn

WAKE = 0.2  # seconds after which a reader that waits looks whether it is still wanted
KIND = {ProcFile: stat.S_IFREG, Link: stat.S_IFLNK, Directory: stat.S_IFDIR}

T = TypeVar("T")


def answering(operation: Callable[..., T]) -> Callable[..., T]:
    """What goes wrong within is EIO and one line on standard error: the mount goes on."""

    @wraps(operation)
    def answer(self: BoxFiles, path: str | None, *args: Args) -> T:
        try:
            return operation(self, path, *args)
        except OSError as error:
            if error.errno:
                raise
            raise OSError(errno.EIO, "") from None
        except Exception as error:
            said = str(error).replace("\n", " ")
            sys.stderr.write(f"memsh: {operation.__name__} {path}: {type(error).__name__}: {said}\n")
            raise OSError(errno.EIO, "") from None

    return answer


def as_line(path: str, data: bytes) -> str:
    """The command that writes the same."""
    text = data.decode("utf-8", "surrogateescape")
    word = text.removesuffix("\n")
    plain = word.isprintable() and word.isascii() and "\\" not in word and not word.startswith("-")
    if plain and text.endswith("\n"):
        return f"echo {shlex.quote(word)} > {shlex.quote(path)}"
    told = "".join(chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\{byte:03o}" for byte in data)
    return f"printf '{told.replace('%', '%%')}' > {shlex.quote(path)}"


class Handle:
    """A file that is open. `failure`: why it cannot be read, which a reader hears when it reads, as from a kernel."""

    __slots__ = ("cursor", "data", "failure", "flags", "node", "path")

    def __init__(self, path: str, node: ProcFile, flags: int) -> None:
        self.path = path
        self.node = node
        self.flags = flags
        self.data = b""
        self.failure: KernelError | None = None
        self.cursor: int | None = None


class BoxFiles(mfusepy.Operations):  # type: ignore[misc]
    """What libfuse asks. Paths are those of the box: the mount's root is the box's."""

    use_ns = True

    def __init__(
        self, session: Session, turn: Turn, interrupted: Callable[[], bool], ready: Callable[[], None]
    ) -> None:  # fmt: skip
        self.session = session
        self.turn = turn
        self.interrupted = interrupted
        self.ready = ready
        self.handles: dict[int, Handle] = {}
        self.numbers = count(1)
        self.ended = False

    # looking

    def _lookup(self, path: str) -> Node:
        """The node at `path`. A program that asks for itself by its number, as ps does, is shown what /proc/self is."""
        box = self.session.box
        try:
            return tree.lookup(box, path, False)
        except KernelError as error:
            words = path.split("/", 3)
            known = error.code == "ENOENT" and words[2:3] and is_digits(words[2])
            if not known or not is_self(words[2], mfusepy.fuse_get_context()[2]):
                raise
            return tree.lookup(box, "/".join(["/proc", str(box.current.pid), *words[3:]]), False)

    def _mode_of(self, path: str, node: Node) -> tuple[int, int]:
        """(mode, number of links)."""
        links = node.nlink(self.session.box) if type(node) is Directory or isinstance(node, Directory) else 1
        kind = stat.S_IFDIR if isinstance(node, Directory) else KIND[type(node)]
        return kind | node.mode, links

    @answering
    def getattr(self, path: str, fh: Any = None) -> dict[str, Any]:
        box = self.session.box
        node = self._lookup(path)
        mode, links = self._mode_of(path, node)
        size = tree.file_size(box, path, node) if isinstance(node, ProcFile) else 0
        if isinstance(node, Link):
            size = node.size
        now = BTIME * 1_000_000_000 + box.timer.usec * 1000
        return {
            "st_mode": mode, "st_nlink": links, "st_ino": tree.inode(path), "st_size": size, "st_uid": 0, "st_gid": 0,
            "st_atime": now, "st_mtime": now, "st_ctime": now, "st_blksize": 1024 if path.startswith("/proc") else 4096,
        }  # fmt: skip

    @answering
    def readdir(self, path: str, fh: int) -> Iterator[tuple[str, dict[str, int], int]]:
        folder = "" if path == "/" else path
        with self.turn.looking(self.interrupted):
            box = self.session.box
            node = self._lookup(path)
            if not isinstance(node, Directory):
                raise OSError(errno.ENOTDIR, "")
            found = [(name, node.child(box, name)) for name in node.listing(box)]
        rows = [(name, {"st_mode": self._kind(below), "st_ino": tree.inode(f"{folder}/{name}")}, 0)
                for name, below in found if below is not None]  # fmt: skip
        above = {"st_mode": stat.S_IFDIR, "st_ino": tree.inode(path)}
        return iter([(".", above, 0), ("..", above, 0), *rows])

    @staticmethod
    def _kind(node: Node) -> int:
        return stat.S_IFDIR if isinstance(node, Directory) else KIND[type(node)]

    @answering
    def readlink(self, path: str) -> str:
        node = self._lookup(path)
        if not isinstance(node, Link):
            raise OSError(errno.EINVAL, "")
        return node.target(self.session.box)

    @answering
    def access(self, path: str, amode: int) -> int:
        """As root: reading always, writing but where the mode alone decides (sysctls, sysfs)."""
        node = self._lookup(path)
        if amode & os.W_OK and strict(path) and not node.mode & 0o222:
            raise OSError(errno.EACCES, "")
        if amode & os.X_OK and isinstance(node, ProcFile) and not node.mode & 0o111:
            raise OSError(errno.EACCES, "")
        return 0

    @answering
    def statfs(self, path: str) -> dict[str, int]:
        box = self.session.box
        told = statfs(box, mount_of(box, path))
        return {
            "f_bsize": told.bsize, "f_frsize": told.bsize, "f_blocks": told.blocks, "f_bfree": told.bfree,
            "f_bavail": told.bavail, "f_files": told.files, "f_ffree": told.ffree, "f_favail": told.ffree,
            "f_namemax": told.namelen,
        }  # fmt: skip

    # reading and writing

    @answering
    def open(self, path: str, fi: Any) -> int:
        node = self._lookup(path)
        if not isinstance(node, ProcFile):
            raise OSError(errno.EISDIR if isinstance(node, Directory) else errno.ELOOP, "")
        access = fi.flags & os.O_ACCMODE
        if strict(path):
            wanted = {os.O_RDONLY: 0o400, os.O_WRONLY: 0o200}.get(access, 0o600)
            if node.mode & wanted != wanted and (wanted & 0o400 == 0 or not node.mode & 0o444 or wanted & 0o200):
                raise OSError(errno.EACCES, "")
        handle = Handle(path, node, fi.flags)
        if access != os.O_WRONLY and node.show is not None and node.pread is None and node.follow is None:
            with self.turn.looking(self.interrupted):
                try:
                    handle.data = node.show(self.session.box).encode("utf-8", "surrogateescape")
                except KernelError as error:
                    handle.failure = error
        elif node.follow is not None:
            with self.turn.looking(self.interrupted):
                handle.cursor = node.follow(self.session.box, None)[1]
        if access != os.O_RDONLY and fi.flags & os.O_TRUNC and node.truncate is not None:
            forget = node.truncate
            run_deed(self.session, f"true > {shlex.quote(path)}", lambda: forget(self.session.box), self.interrupted)
        number = next(self.numbers)
        self.handles[number] = handle
        fi.fh, fi.direct_io = number, 1
        return 0

    @answering
    def create(self, path: str, mode: int, fi: Any = None) -> int:
        self._lookup(path)  # ENOENT
        return self.open(path, fi)

    @answering
    def read(self, path: str, size: int, offset: int, fi: Any) -> bytes:
        handle = self.handles[fi.fh]
        node = handle.node
        if node.pread is not None:
            with self.turn.looking(self.interrupted):
                return node.pread(self.session.box, offset, size)
        if node.follow is not None:
            return self._follow(handle, size)
        if node.show is None:
            raise OSError(getattr(errno, refusal(handle.path)), "")
        if handle.failure is not None:
            raise handle.failure
        return handle.data[offset : offset + size]

    def _follow(self, handle: Handle, size: int) -> bytes:
        """What is new; the reader waits for it, if it did not say O_NONBLOCK."""
        assert handle.node.follow is not None
        while not handle.data:
            with self.turn.looking(self.interrupted):
                text, handle.cursor = handle.node.follow(self.session.box, handle.cursor)
            handle.data = text.encode("utf-8", "surrogateescape")
            if handle.data:
                break
            if handle.flags & os.O_NONBLOCK:
                raise OSError(errno.EAGAIN, "")
            with self.turn.cond:
                self.turn.cond.wait(WAKE)
            if self.ended:
                return b""
            if self.interrupted():
                raise InterruptedError(errno.EINTR, "")
        part, handle.data = handle.data[:size], handle.data[size:]
        return part

    @answering
    def write(self, path: str, data: bytes, offset: int, fi: Any) -> int:
        handle = self.handles[fi.fh]
        store = handle.node.store
        if store is None:
            raise OSError(getattr(errno, refusal(handle.path)), "")
        if self.session.box.panicked:
            sys.stderr.write(f"memsh: {PANICKED}\n")
            raise OSError(errno.EIO, "")
        text = data.decode("utf-8", "surrogateescape")
        line = as_line(handle.path, data)
        if handle.node.truncate is not None:  # opening it to be overwritten is something else
            line = line.replace(" > ", " >> ")
        run_deed(self.session, line, lambda: store(self.session.box, text), self.interrupted)
        return len(data)

    @answering
    def release(self, path: str, fi: Any) -> int:
        self.handles.pop(fi.fh, None)
        return 0

    @answering
    def truncate(self, path: str, length: int, fh: Any = None) -> int:
        """Allowed and without effect, as on /proc."""
        self._lookup(path)
        return 0

    @answering
    def mkdir(self, path: str, mode: int) -> int:
        make = partial(self._make, tree.mkdir, path)
        run_deed(self.session, f"mkdir {shlex.quote(path)}", make, self.interrupted)
        return 0

    @answering
    def rmdir(self, path: str) -> int:
        take = partial(self._make, tree.rmdir, path)
        run_deed(self.session, f"rmdir {shlex.quote(path)}", take, self.interrupted)
        return 0

    def _make(self, work: Callable[[Box, str], None], path: str) -> None:
        work(self.session.box, path)

    # what these file systems do not do

    def _refuse(self, path: str, *_: object) -> int:
        raise OSError(errno.EPERM, "")

    chmod = chown = utimens = mknod = unlink = rename = symlink = link = _refuse

    def init(self, path: str) -> None:
        self.ready()

    def destroy(self, path: str) -> None:
        self.ended = True


def is_self(word: str, pid: int) -> bool:
    """Whether the host's process `pid` has this number, seen from where it lives."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return False
    numbers = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [str(pid)])
    return word == numbers[-1]


def interrupted_by(libfuse: ctypes.CDLL) -> Callable[[], bool]:
    """libfuse's own word on whether the one who asked has been interrupted."""
    function = libfuse.fuse_interrupted
    function.restype = ctypes.c_int
    return lambda: bool(function())
