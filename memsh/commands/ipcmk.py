"""ipcmk: make a segment of System V's shared memory (util-linux 2.38.1, sys-utils/ipcmk.c).

Known deviations: the key follows from the box's clock; there are no queues and semaphores, as on a kernel without them.
"""

from __future__ import annotations

import re
from hashlib import md5

from memsh.commands.processes import running
from memsh.commands.tools import parting
from memsh.linux.box import Box
from memsh.linux.include.errno import KernelError
from memsh.linux.ipc import shm
from memsh.procps.reader import Exit
from memsh.procps.utillinux import Opt, parse_size, program
from memsh.shell.io import IO
from memsh.shell.registry import Args, command, rest

PROGRAM = program(
    "ipcmk", "[options]", "Create various IPC resources.",
    [Opt("M", "shmem", " <size>", "create shared memory segment of size <size>"),
     Opt("S", "semaphore", " <number>", "create semaphore array with <number> elements"),
     Opt("Q", "queue", "", "create message queue"),
     Opt("p", "mode", " <mode>", "permission for the resource (default is 0644)")],
    26, section=1, tail="\nArguments:\n <size> arguments may be followed by the suffixes for\n"
                        '   GiB, TiB, PiB, EiB, ZiB, and YiB (the "iB" is optional)\n',
)  # fmt: skip


@command(rest("words", raw=True, meta="OPTION", help="-M SIZE, -p MODE"), topic="tools", help_option=False)
def ipcmk(box: Box, args: Args, io: IO) -> int:
    """make a segment of System V's shared memory

    ipcmk -M 1M; ipcs -m

    -p MODE who may do what with it (0644). Nobody knows its key but ipcs.
    """
    running(box)
    try:
        size, mode = _asked(args.words)
    except Exit as end:
        return parting(io, end)
    try:
        number = box.shm.shmget(_key(box), size, mode | shm.IPC_CREAT | shm.IPC_EXCL)
    except KernelError as error:
        io.complain(f"create share memory failed: {error.strerror}")
        return 1
    io.out(f"Shared memory id: {number}\n")
    return 0


def _asked(argv: list[str]) -> tuple[int, int]:
    operands: list[str] = []
    size, mode = None, 0o644
    for option, value in PROGRAM.options(argv, operands):
        if option == "M":
            size = parse_size(PROGRAM, value or "", "failed to parse size")
        elif option == "p":
            if re.fullmatch(r"\s*[-+]?[0-7]+", value or "") is None:
                raise PROGRAM.die("failed to parse mode: Success")
            mode = int(value or "0", 8) & 0o7777
        else:
            what = "message queue" if option == "Q" else "semaphore"
            raise PROGRAM.die(f"create {what} failed: Function not implemented")
    if operands or size is None:
        raise PROGRAM.fail("bad usage")
    return size, mode


def _key(box: Box) -> int:
    """One that nobody has."""
    for turn in range(1 << 16):
        digest = md5(f"{box.uptime_usec} {turn}".encode(), usedforsecurity=False).digest()
        key = int.from_bytes(digest[:4], "little", signed=True)
        if key != shm.IPC_PRIVATE and box.shm.by_key(key) is None:
            return key
    raise KernelError("ENOSPC")
