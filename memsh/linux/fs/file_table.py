"""Descriptors: each process's table, and files without a name behind some of them: pipes, pairs of sockets (fs/file.c,
pipe.c; net/socket.c, net/unix/af_unix.c).

A pipe is an inode, a dentry, what describes it and its ring of buffers, and two files; a socket an inode with the
socket in it, a dentry, the protocol's part, and a file. All of it is charged to the memory cgroup of who makes it. A
new descriptor is the lowest that is free; a table that is too small is replaced by one of twice the size.

Known deviations: nothing is written to pipes and sockets, so there are no buffers; close() frees at once where Linux
waits for RCU; a process's terminal, on which it is born, takes no objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL_ACCOUNT
from memsh.linux.include.resource import RLIMIT_NOFILE
from memsh.linux.mm.slab.objects import give, take

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import File
    from memsh.linux.include.sched import Task

FIRST = 3  # a process's terminal is open three times
CONSOLE, CONSOLE_INODE = "/dev/console", 3
O_RDONLY, O_WRONLY, O_RDWR, O_LARGEFILE = 0o0, 0o1, 0o2, 0o100000
PIPE_BUFFERS = 16  # PIPE_DEF_BUFFERS
SIZES = {4: (112, 24, 28), 8: (160, 40, 56)}  # by a word's bytes: pipe_inode_info, pipe_buffer, fdtable
ROOT_MOUNT, PIPE_MOUNT, SOCKET_MOUNT = 1, 11, 8


class Shared:
    """What several descriptors, of one process or of several, hold together: objects of named caches, and of kmalloc
    ("")."""

    __slots__ = ("count", "objects")

    def __init__(self, objects: list[tuple[str, int]], count: int) -> None:
        self.objects = objects
        self.count = count


class OpenFile(Shared):
    """struct file: its name as readlink() of /proc/PID/fd/N says, the flags of open(), the mount and inode it is of;
    `core` is what it is of, `file` an open file of the disk."""

    __slots__ = ("core", "file", "flags", "ino", "more", "mount", "name")

    def __init__(self, objects: list[tuple[str, int]], name: str, flags: int, mount: int, ino: int) -> None:
        super().__init__(objects, 1)
        self.name, self.flags, self.mount, self.ino = name, flags, mount, ino
        self.core: Shared | None = None
        self.file: File | None = None
        self.more = ""  # further lines of its fdinfo

    @property
    def path(self) -> str:
        """Where it is now: it may have been moved, or be gone."""
        return self.file.path if self.file is not None else self.name

    @property
    def position(self) -> int:
        return self.file.position if self.file is not None else 0


class Files:
    """A process's files (files_struct): `open` by descriptor. `table` are the objects of a descriptor table that has
    grown, `room` how many it holds."""

    __slots__ = ("next_fd", "open", "room", "table")

    def __init__(self, room: int) -> None:
        self.next_fd = FIRST  # no lower one is free
        self.open: dict[int, OpenFile] = {
            number: OpenFile([], CONSOLE, O_RDWR, ROOT_MOUNT, CONSOLE_INODE) for number in range(FIRST)
        }
        self.room = room
        self.table: list[int] = []


def seen_files(box: Box, task: Task) -> Files:
    """The process's table, to be looked at: one that opened and closed nothing so far has that of its birth."""
    files = task.signal.files
    return files if files is not None else Files(box.arch.bits)  # NR_OPEN_DEFAULT: what files_struct has room for


def files_of(box: Box, task: Task) -> Files:
    """The process's table, to be changed; it is made when it is first asked for."""
    files = task.signal.files = seen_files(box, task)
    return files


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


def expand_files(box: Box, files: Files, number: int) -> None:
    """A table with room for descriptor `number` (expand_fdtable, alloc_fdtable). ENOMEM."""
    if number < files.room:
        return
    step = 1024 // box.arch.word
    room = step << (number // step).bit_length()
    table = [addr for _, addr in _all(box, [SIZES[box.arch.word][2], box.arch.word * room, max(2 * room // 8 + 8, 64)])]
    for addr in files.table:
        box.slab.kfree(addr)
    files.table, files.room = table, room


def alloc_fds(box: Box, task: Task, count: int) -> list[int]:
    """The `count` lowest descriptors that are free, in a table that has room for them. EMFILE, ENOMEM."""
    files = files_of(box, task)
    limit = min(task.signal.rlim[RLIMIT_NOFILE][0], box.sysctl.values["fs.nr_open"])
    found: list[int] = []
    number = files.next_fd
    while len(found) < count:
        if number not in files.open:
            if number >= limit:
                raise KernelError("EMFILE")
            found.append(number)
        number += 1
    expand_files(box, files, found[-1])
    files.next_fd = found[0]
    return found


def fd_install(box: Box, task: Task, number: int, file: OpenFile) -> None:
    files = files_of(box, task)
    files.open[number] = file
    if number == files.next_fd:
        files.next_fd += 1
    box.fs.descriptors += 1


def do_pipe(box: Box, task: Task) -> list[int]:
    """pipe(): two descriptors of one pipe, for reading and for writing. EMFILE, ENOMEM."""
    box.changes += 1
    numbers = alloc_fds(box, task, 2)
    info, buffer, _ = SIZES[box.arch.word]
    core = Shared(_all(box, ["inode_cache", info, PIPE_BUFFERS * buffer, "dentry"]), 2)
    try:
        ends = _all(box, ["filp", "filp"])
    except KernelError:
        _free(box, core.objects)
        raise
    ino = box.fs.get_next_ino()
    for number, end, flags in zip(numbers, ends, (O_RDONLY, O_WRONLY), strict=True):
        file = OpenFile([end], f"pipe:[{ino}]", flags, PIPE_MOUNT, ino)
        file.core = core
        fd_install(box, task, number, file)
    return numbers


def do_socketpair(box: Box, task: Task) -> list[int]:
    """socketpair(AF_UNIX, SOCK_STREAM): two descriptors of two sockets. EMFILE, ENOMEM."""
    box.changes += 1
    numbers = alloc_fds(box, task, 2)
    made: list[Shared] = []
    try:
        for _ in range(2):
            made.append(Shared(_all(box, ["sock_inode_cache", "UNIX-STREAM", "dentry"]), 1))
        ends = _all(box, ["filp", "filp"])
    except KernelError:
        for core in made:
            _free(box, core.objects)
        raise
    for number, end, core in zip(numbers, ends, made, strict=True):
        ino = box.fs.get_next_ino()
        file = OpenFile([end], f"socket:[{ino}]", O_RDWR, SOCKET_MOUNT, ino)
        file.core, file.more = core, "scm_fds: 0\n"
        fd_install(box, task, number, file)
    return numbers


def do_open(box: Box, task: Task, path: str, flags: int) -> int:
    """open() of a file of the disk or of a mounted tmpfs: its descriptor. What fs.open() raises, EMFILE, ENOMEM."""
    box.changes += 1
    (number,) = alloc_fds(box, task, 1)
    install_file(box, task, number, box.fs.open(path, writable=bool(flags & (O_WRONLY | O_RDWR))), flags)
    return number


def install_file(box: Box, task: Task, number: int, opened: File, flags: int) -> None:
    """A descriptor for a file that is open; it takes over the hold on it."""
    try:
        objects = _all(box, ["filp"])
    except KernelError:
        box.fs.fput(opened)
        raise
    large = O_LARGEFILE if box.arch.word == 8 else 0  # force_o_largefile()
    file = OpenFile(objects, opened.path, flags | large, ROOT_MOUNT, opened.inode.number)
    file.file = opened
    fd_install(box, task, number, file)


def _put(box: Box, file: OpenFile) -> None:
    """One descriptor less for it; the last one closes it (fput)."""
    file.count -= 1
    if file.count:
        return
    _free(box, file.objects)
    if file.file is not None:
        box.fs.fput(file.file)
    if file.core is not None:
        file.core.count -= 1
        if not file.core.count:
            _free(box, file.core.objects)


def close_fd(box: Box, task: Task, number: int) -> None:
    """close(). EBADF."""
    box.changes += 1
    files = files_of(box, task)
    file = files.open.pop(number, None)
    if file is None:
        raise KernelError("EBADF")
    files.next_fd = min(files.next_fd, number)
    if file.objects:
        box.fs.descriptors -= 1
    _put(box, file)


def dup_files(box: Box, parent: Task, child: Task) -> None:
    """fork(): the child has the same files, in a table as large as they need (dup_fd). ENOMEM."""
    files = parent.signal.files
    if files is None:
        return
    own = files_of(box, child)
    expand_files(box, own, max(files.open, default=0))
    for file in files.open.values():
        file.count += 1
    own.open, own.next_fd = dict(files.open), files.next_fd
    box.fs.descriptors += sum(bool(file.objects) for file in own.open.values())


def close_files(box: Box, task: Task, *, keep: int = 0) -> int:
    """Close every descriptor from `keep` on; how many there were but for the terminal's. The table goes when nothing
    stays (exit_files)."""
    box.changes += 1
    files = task.signal.files
    if files is None:
        return 0
    closed = 0
    for number in [number for number in files.open if number >= keep]:
        file = files.open.pop(number)
        if file.objects:
            closed += 1
            box.fs.descriptors -= 1
        _put(box, file)
        files.next_fd = min(files.next_fd, number)
    if not files.open:
        for addr in files.table:
            box.slab.kfree(addr)
        task.signal.files = None
    return closed
