"""/proc/PID/fd and fdinfo: a process's open files (fs/proc/fd.c).

**Known deviations:** a process of the box has its terminal open, three times, and nothing else that its commands do not
open: those close what they open.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from memsh.procfs.node import Directory, Link, Node, ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

CONSOLE, O_RDWR, CONSOLE_INODE = "/dev/console", 0o2, 3


def files_of(task: Task) -> dict[int, str]:
    """Descriptor → path."""
    return {} if task.mm is None else dict.fromkeys(range(3), CONSOLE)


def _names(task: Task, box: Box) -> list[str]:
    del box
    return [str(number) for number in files_of(task)]


def _number(task: Task, name: str) -> int | None:
    files = files_of(task)
    return int(name) if name.isascii() and name.isdecimal() and str(int(name)) == name and int(name) in files else None


def _find_fd(task: Task, box: Box, name: str) -> Node | None:
    del box
    number = _number(task, name)
    return None if number is None else Link(lambda box: files_of(task)[number], 0o700, 64)


def show_fdinfo(box: Box, number: int) -> str:
    """Position, flags, mount and inode of a descriptor."""
    del box, number
    return f"pos:\t0\nflags:\t0{O_RDWR:o}\nmnt_id:\t1\nino:\t{CONSOLE_INODE}\n"


def _find_info(task: Task, box: Box, name: str) -> Node | None:
    del box
    number = _number(task, name)
    return None if number is None else ProcFile(lambda box: show_fdinfo(box, number))


def fd(task: Task) -> Directory:
    return Directory({}, 0o500, partial(_names, task), partial(_find_fd, task))


def fdinfo(task: Task) -> Directory:
    return Directory({}, 0o555, partial(_names, task), partial(_find_info, task))
