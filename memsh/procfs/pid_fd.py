"""/proc/PID/fd and fdinfo: a process's open files (fs/proc/fd.c): its terminal, three times, and what it opened."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.fs.file_table import O_RDWR, O_WRONLY, OpenFile, seen_files
from memsh.procfs.node import Directory, Link, Node, ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

ACCESS = O_WRONLY | O_RDWR
READ, WRITE = 0o500, 0o300


def files_of(box: Box, task: Task) -> dict[int, OpenFile]:
    """Descriptor → open file; a thread of the kernel, or one that is ending, has none."""
    return seen_files(box, task).open if task.mm is not None else {}


def _names(task: Task, box: Box) -> list[str]:
    return [str(number) for number in sorted(files_of(box, task))]


def _number(box: Box, task: Task, name: str) -> int | None:
    files = files_of(box, task)
    return int(name) if is_digits(name) and str(int(name)) == name and int(name) in files else None


def _find_fd(task: Task, box: Box, name: str) -> Node | None:
    """Its mode says what the file was opened for (tid_fd_update_inode)."""
    number = _number(box, task, name)
    if number is None:
        return None
    access = files_of(box, task)[number].flags & ACCESS
    mode = (READ if access != O_WRONLY else 0) | (WRITE if access else 0)
    return Link(lambda box: files_of(box, task)[number].path, mode, 64)


def show_fdinfo(box: Box, task: Task, number: int) -> str:
    """Position, flags, mount and inode of a descriptor."""
    file = files_of(box, task)[number]
    return f"pos:\t{file.position}\nflags:\t0{file.flags:o}\nmnt_id:\t{file.mount}\nino:\t{file.ino}\n{file.more}"


def _find_info(task: Task, box: Box, name: str) -> Node | None:
    number = _number(box, task, name)
    return None if number is None else ProcFile(lambda box: show_fdinfo(box, task, number))


def fd(task: Task) -> Directory:
    return Directory({}, 0o500, partial(_names, task), partial(_find_fd, task))


def fdinfo(task: Task) -> Directory:
    return Directory({}, 0o555, partial(_names, task), partial(_find_info, task))
