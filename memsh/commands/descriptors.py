"""Descriptors of the current process: pipes, pairs of sockets, and closing them."""

from __future__ import annotations

from memsh.commands.processes import faults
from memsh.linux.box import Box
from memsh.linux.fs import file_table
from memsh.shell import IO, Args, ShellError, arg, command
from memsh.shell.values import count

TOPIC = "processes"
COUNT = arg("count", type=count, default=1, help="how many")


def _reasonable(box: Box) -> None:
    if "MEMCG" not in box.model.options:
        raise ShellError("i386's caches of files are merged with others: reset --arch x86_64 is a box that has them")


@command(COUNT, topic=TOPIC)
def pipes(box: Box, args: Args, io: IO) -> None:
    """open so many pipes in the current process

    pipes 80

    Each is an inode, a dentry, a ring of buffers and two files, charged to the process's memory cgroup.
    """
    _reasonable(box)
    for _ in range(args.count):
        file_table.do_pipe(box, box.current)
    io.out(f"{args.count} {faults(0, 0)}\n")


@command(COUNT, topic=TOPIC)
def sockets(box: Box, args: Args, io: IO) -> None:
    """open so many pairs of sockets in the current process

    sockets 40
    """
    _reasonable(box)
    for _ in range(args.count):
        file_table.do_socketpair(box, box.current)
    io.out(f"{args.count} {faults(0, 0)}\n")


@command(topic=TOPIC)
def closeall(box: Box, args: Args, io: IO) -> None:
    """close what pipes and sockets opened in the current process

    pipes 3; closeall
    """
    closed = file_table.close_files(box, box.current)
    io.out(f"{closed} descriptors closed  {faults(0, 0)}\n")
