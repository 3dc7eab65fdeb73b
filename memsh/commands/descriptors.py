"""Descriptors of the current process: files, pipes, pairs of sockets, and closing them."""

from __future__ import annotations

from memsh.commands.processes import faults
from memsh.linux.box import Box
from memsh.linux.fs import file_table
from memsh.linux.fs.file_table import FIRST, O_RDONLY, O_RDWR, O_WRONLY
from memsh.shell import IO, Args, arg, command, opt, rest
from memsh.shell.values import count

TOPIC = "processes"
COUNT = arg("count", type=count, default=1, help="how many")


@command(COUNT, topic=TOPIC)
def pipes(box: Box, args: Args, io: IO) -> None:
    """open so many pipes in the current process

    pipes 80

    Each is an inode, a dentry, a ring of buffers and two files, charged to the process's memory cgroup; their two
    descriptors are in /proc/self/fd. `ulimit -n` bounds them.
    """
    for _ in range(args.count):
        io.check()
        file_table.do_pipe(box, box.current)
    io.out(f"{args.count} {faults(0, 0)}\n")


@command(COUNT, topic=TOPIC)
def sockets(box: Box, args: Args, io: IO) -> None:
    """open so many pairs of sockets in the current process

    sockets 40
    """
    for _ in range(args.count):
        io.check()
        file_table.do_socketpair(box, box.current)
    io.out(f"{args.count} {faults(0, 0)}\n")


@command(
    arg("path", help="a file of the box"), opt("-w", help="for writing"), opt("-r", help="for reading, too"),
    topic=TOPIC,
)  # fmt: skip
def openfile(box: Box, args: Args, io: IO) -> None:
    """open a file in the current process, for reading if nothing else is said; yields the descriptor

    openfile /etc/passwd; ls -l /proc/self/fd

    It stays open, and its inode in memory, until `close` or the process's end, even when its name is removed.
    """
    flags = (O_RDWR if args.r else O_WRONLY) if args.w else O_RDONLY
    number = file_table.do_open(box, box.current, args.path, flags)
    io.out(f"fd {number}\n")


@command(rest("descriptors", type=count, help="as in /proc/self/fd", required=True), topic=TOPIC)
def close(box: Box, args: Args, io: IO) -> None:
    """close descriptors of the current process

    pipes; close 3 4
    """
    for number in args.descriptors:
        file_table.close_fd(box, box.current, number)


@command(topic=TOPIC)
def closeall(box: Box, args: Args, io: IO) -> None:
    """close all descriptors of the current process but its terminal's

    pipes 3; closeall
    """
    closed = file_table.close_files(box, box.current, keep=FIRST)
    io.out(f"{closed} descriptors closed  {faults(0, 0)}\n")
