"""Descriptors, and files without a name behind them: pipes, pairs of sockets (fs/file.c, pipe.c; net/socket.c,
net/unix/af_unix.c).

A pipe is an inode, a dentry, what describes it and its ring of buffers, and two files; a socket an inode with the
socket in it, a dentry, the protocol's part, and a file. All of it is charged to the memory cgroup of who makes it.

Known deviations: nothing is written to them, so there are no buffers; close() frees at once where Linux waits for RCU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL_ACCOUNT
from memsh.linux.include.resource import RLIMIT_NOFILE
from memsh.linux.include.sched import rlimit
from memsh.linux.mm.slab.objects import give, take

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

FIRST = 3  # a process's terminal is open three times
NR_OPEN_DEFAULT = 64  # descriptors that files_struct itself has room for
FDTABLE_STEP = 128
PIPE_INODE_INFO, PIPE_BUFFERS = 160, 16 * 40
FDTABLE = 56


class Shared:
    """What several descriptors, of one process or of several, hold together: objects of named caches, and of kmalloc
    ("")."""

    __slots__ = ("count", "objects")

    def __init__(self, objects: list[tuple[str, int]], count: int) -> None:
        self.objects = objects
        self.count = count


class Files:
    """A process's files beside its terminal (files_struct): of each its file, and what that file is of. `table` are the
    objects of a descriptor table that has grown, `room` how many it holds."""

    __slots__ = ("open", "room", "table")

    def __init__(self) -> None:
        self.open: list[tuple[Shared, Shared]] = []
        self.room = NR_OPEN_DEFAULT
        self.table: list[int] = []


def _files(task: Task) -> Files:
    if task.signal.files is None:
        task.signal.files = Files()
    return task.signal.files


def _all(box: Box, wanted: list[str | int]) -> list[tuple[str, int]]:
    """Objects of caches by name, or kmalloc'ed by size: all of them, or ENOMEM."""
    got: list[tuple[str, int]] = []
    try:
        for what in wanted:
            if isinstance(what, str):
                got.append((what, take(box, what)))
            else:
                addr = box.slab.kmalloc(what, GFP_KERNEL_ACCOUNT)
                if not addr:
                    raise KernelError("ENOMEM")
                got.append(("", addr))
    except KernelError:
        _free(box, got)
        raise
    return got


def _free(box: Box, objects: list[tuple[str, int]]) -> None:
    for name, addr in reversed(objects):
        if name:
            give(box, name, addr)
        else:
            box.slab.kfree(addr)


def expand_files(box: Box, task: Task, count: int) -> None:
    """Room for so many descriptors more; EMFILE, ENOMEM."""
    files = _files(task)
    need = FIRST + len(files.open) + count
    if need > rlimit(box, RLIMIT_NOFILE):
        raise KernelError("EMFILE")
    while need > files.room:
        room = FDTABLE_STEP << (files.room // FDTABLE_STEP).bit_length()
        table = [addr for _, addr in _all(box, [FDTABLE, 8 * room, max(2 * room // 8 + 8, 64)])]
        for addr in files.table:
            box.slab.kfree(addr)
        files.table, files.room = table, room


def do_pipe(box: Box, task: Task) -> None:
    """pipe(): two descriptors of one pipe. EMFILE, ENOMEM."""
    box.changes += 1
    expand_files(box, task, 2)
    core = Shared(_all(box, ["inode_cache", PIPE_INODE_INFO, PIPE_BUFFERS, "dentry"]), 2)
    try:
        ends = _all(box, ["filp", "filp"])
    except KernelError:
        _free(box, core.objects)
        raise
    _files(task).open += [(Shared([end], 1), core) for end in ends]


def do_socketpair(box: Box, task: Task) -> None:
    """socketpair(AF_UNIX, SOCK_STREAM): two descriptors of two sockets. EMFILE, ENOMEM."""
    box.changes += 1
    expand_files(box, task, 2)
    made: list[Shared] = []
    try:
        for _ in range(2):
            made.append(Shared(_all(box, ["sock_inode_cache", "UNIX-STREAM", "dentry"]), 1))
        ends = _all(box, ["filp", "filp"])
    except KernelError:
        for core in made:
            _free(box, core.objects)
        raise
    _files(task).open += [(Shared([end], 1), core) for end, core in zip(ends, made, strict=True)]


def dup_files(box: Box, parent: Task, child: Task) -> None:
    """fork(): the child has the same files."""
    files = parent.signal.files
    if files is None or not files.open:
        return
    expand_files(box, child, len(files.open))
    for file, _ in files.open:
        file.count += 1
    _files(child).open = list(files.open)


def close_files(box: Box, task: Task) -> int:
    """Close every descriptor but the terminal's; how many there were (exit_files)."""
    box.changes += 1
    files, task.signal.files = task.signal.files, None
    if files is None:
        return 0
    for file, core in files.open:
        file.count -= 1
        if not file.count:
            _free(box, file.objects)
            core.count -= 1
            if not core.count:
                _free(box, core.objects)
    for addr in files.table:
        box.slab.kfree(addr)
    return len(files.open)
