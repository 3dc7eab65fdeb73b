"""procdump: the box's whole /proc as plain files of the host, for real tools to read.

The folder is new, empty, or one that procdump wrote before: a file `.procdump` in it lists what it wrote, and only that
is removed. No link is followed anywhere: every folder is opened without following, every file made anew.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Container
from contextlib import suppress
from typing import TYPE_CHECKING

from memsh.commands.tools import reader_of
from memsh.linux.box import Box
from memsh.procps.reader import ProcReader
from memsh.shell.errors import ShellError
from memsh.shell.registry import Args, arg, command

if TYPE_CHECKING:
    from memsh.shell.io import IO

MARKER = ".procdump"
BESIDE = ".procdump.new"  # where the next one is written
BLOCK = 4096
HEADING = "# Written by memsh's procdump; what it lists is replaced by the next procdump into this folder.\n"


@command(
    arg("folder", meta="DIR", help="a folder of the host: new, empty, or of an earlier procdump"),
    topic="tools",
    needs_box=False,
    outside=True,
)
def procdump(box: Box, args: Args, io: IO) -> None:
    """write the box's whole /proc into a folder of the host, as plain files

    procdump /tmp/box

    Real tools read it: psutil with psutil.PROCFS_PATH = "/tmp/box", procps with the folder mounted over /proc in a name
    space of its own (unshare -rm).
    """
    if io.session.no_host:
        raise ShellError("writes to the host, which this session may not")
    count = dump(reader_of(box, io), args.folder)
    io.out(f"{count} files in {args.folder}\n")


def dump(reader: ProcReader, folder: str) -> int:
    """Write everything below /proc. Answers the number of files.

    Raises: ShellError if the folder is not ours to write; OSError as the host says.
    """
    links = _links(reader)
    texts = _gather(reader, links)
    folder, made = folder.rstrip("/") or "/", False
    with suppress(FileExistsError):
        os.mkdir(folder)  # noqa: PTH102
        made = True
    try:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ELOOP or os.path.islink(folder):  # noqa: PTH114
            raise ShellError(f"{folder}: is a symbolic link") from None
        raise
    try:
        listed = _listed(root, folder)
        try:
            beside = _beside(root, texts, links)
        except BaseException:
            _drop_beside(root)
            if made:
                os.rmdir(folder)  # noqa: PTH106
            raise
        try:
            _clear(root, folder, listed)
            _move(beside, root)
        finally:
            os.close(beside)
            _drop_beside(root)
    finally:
        os.close(root)
    return len(texts)


def _drop_beside(root: int) -> None:
    from shutil import rmtree  # start-up: 3 ms, for procdump alone

    rmtree(BESIDE, ignore_errors=True, dir_fd=root)


def _move(beside: int, root: int) -> None:
    for name in sorted(os.listdir(beside)):
        os.rename(name, name, src_dir_fd=beside, dst_dir_fd=root)


def _beside(root: int, texts: dict[str, str], links: dict[str, str]) -> int:
    """Write it all into a folder of its own in there, so that on a full disk the old dump stays; answers it, open."""
    _drop_beside(root)  # left by one that was killed
    os.mkdir(BESIDE, dir_fd=root)
    beside = os.open(BESIDE, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=root)
    try:
        _write(beside, MARKER, HEADING + "".join(f"{path}\n" for path in (*texts, *links)))
        for path, text in texts.items():
            _place(beside, path, text)
        for path, target in links.items():
            os.symlink(target, path, dir_fd=beside)
    except BaseException:
        os.close(beside)
        raise
    return beside


def _links(reader: ProcReader) -> dict[str, str]:
    """The links of /proc itself, which lead to places in it: name → target. Those of processes lead out of it."""
    readlink = getattr(reader, "readlink", None)
    if readlink is None:
        return {}
    found = {name: readlink(f"/proc/{name}") for name in reader.listdir("/proc")}
    return {name: target for name, target in found.items() if target is not None}


def _gather(reader: ProcReader, links: Container[str]) -> dict[str, str]:
    """Every readable file below /proc: path without "/proc/" → text."""
    texts: dict[str, str] = {}
    waiting = ["/proc"]
    while waiting:
        folder = waiting.pop()
        for name in reader.listdir(folder):
            path = f"{folder}/{name}"
            if folder == "/proc" and name in links:
                continue
            try:
                texts[path.removeprefix("/proc/")] = reader.read(path)
            except OSError as error:  # such as smaps_rollup of a kernel thread: not readable there either
                if error.errno == errno.EISDIR:
                    waiting.append(path)
    return dict(sorted(texts.items()))


def _listed(root: int, folder: str) -> list[str] | None:
    """What an earlier procdump wrote there, None in an empty folder; anything else there is a refusal."""
    names = [name for name in os.listdir(root) if name != BESIDE]
    if not names:
        return None
    refusal = ShellError(f"{folder}: is not empty, and not a folder that procdump wrote")
    listed = _read_marker(root) if MARKER in names else None
    if listed is None or not all(path and ".." not in path.split("/") and path[0] != "/" for path in listed):
        raise refusal
    wrote = {path.split("/")[0] for path in listed} | {MARKER}
    if set(names) - wrote:
        raise ShellError(f"{folder}: holds files that procdump did not write")
    return listed


def _clear(root: int, folder: str, listed: list[str] | None) -> None:
    """Remove that."""
    if listed is None:
        return
    folders: set[str] = set()
    for path in listed:
        parts = path.split("/")
        _unlink(root, parts)
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    for path in sorted(folders, key=lambda path: -path.count("/")):
        _unlink(root, path.split("/"), is_folder=True)
    if set(os.listdir(root)) - {MARKER, BESIDE}:
        raise ShellError(f"{folder}: holds files that procdump did not write")
    os.unlink(MARKER, dir_fd=root)


def _read_marker(root: int) -> list[str] | None:
    try:
        handle = os.open(MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=root)
    except OSError:
        return None
    with os.fdopen(handle, encoding="utf-8", errors="surrogateescape") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode) or file.readline() != HEADING:
            return None
        return file.read().splitlines()


def _open_folder(root: int, parts: list[str], make: bool) -> int:
    """The folder `parts` below root, opened without following a link; the caller closes it."""
    here = os.dup(root)
    for part in parts:
        try:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=here)
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


def _unlink(root: int, parts: list[str], is_folder: bool = False) -> None:
    try:
        above = _open_folder(root, parts[:-1], make=False)
    except OSError:
        return
    try:
        if is_folder:
            os.rmdir(parts[-1], dir_fd=above)
        else:
            os.unlink(parts[-1], dir_fd=above)
    except OSError:
        pass
    finally:
        os.close(above)


def _place(root: int, path: str, text: str) -> None:
    *folders, name = path.split("/")
    above = _open_folder(root, folders, make=True)
    try:
        _write(above, name, text)
    finally:
        os.close(above)


def _write(above: int, name: str, text: str) -> None:
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=above)
    with os.fdopen(handle, "wb") as file:
        if name != "pagemap":
            file.write(text.encode("utf-8", "surrogateescape"))
            return
        data = text.encode("utf-8", "surrogateescape")  # nearly all of it 0: a file with holes
        for at in range(0, len(data), BLOCK):
            block = data[at : at + BLOCK]
            if block.strip(b"\0"):
                file.seek(at)
                file.write(block)
        file.truncate(len(data))
