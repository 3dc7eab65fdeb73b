"""/proc/PID/fd and fdinfo: a process's open files (fs/proc/fd.c): its terminal, three times, and what it opened."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from memsh.linux.fs.file_table import O_RDWR, O_WRONLY, Files, OpenFile
from memsh.procfs.node import Directory, Link, Node, ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

_NOBODY: dict[int, OpenFile] = {}
ACCESS = O_WRONLY | O_RDWR
READ, WRITE = 0o500, 0o300


def files_of(task: Task) -> dict[int, OpenFile]:
    """Descriptor → open file; a thread of the kernel, or one that is ending, has none."""
    if task.mm is None:
        return _NOBODY
    files = task.signal.files
    return files.open if files is not None else Files(0).open


def fd_size(box: Box, task: Task) -> int:
    """How many descriptors the table has room for (FDSize)."""
    files = task.signal.files
    return files.room if files is not None else box.arch.bits


def _names(task: Task, box: Box) -> list[str]:
    del box
    return [str(number) for number in sorted(files_of(task))]


def _number(task: Task, name: str) -> int | None:
    files = files_of(task)
    return int(name) if name.isascii() and name.isdecimal() and str(int(name)) == name and int(name) in files else None


def _find_fd(task: Task, box: Box, name: str) -> Node | None:
    """Its mode says what the file was opened for (tid_fd_update_inode)."""
    del box
    number = _number(task, name)
    if number is None:
        return None
    access = files_of(task)[number].flags & ACCESS
    mode = (READ if access != O_WRONLY else 0) | (WRITE if access else 0)
    return Link(lambda box: files_of(task)[number].path, mode, 64)


def show_fdinfo(box: Box, task: Task, number: int) -> str:
    """Position, flags, mount and inode of a descriptor."""
    del box
    file = files_of(task)[number]
    return f"pos:\t{file.position}\nflags:\t0{file.flags:o}\nmnt_id:\t{file.mount}\nino:\t{file.ino}\n{file.more}"


def _find_info(task: Task, box: Box, name: str) -> Node | None:
    del box
    number = _number(task, name)
    return None if number is None else ProcFile(lambda box: show_fdinfo(box, task, number))


def fd(task: Task) -> Directory:
    return Directory({}, 0o500, partial(_names, task), partial(_find_fd, task))


def fdinfo(task: Task) -> Directory:
    return Directory({}, 0o555, partial(_names, task), partial(_find_info, task))
