"""Threads of the current process: thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.commands.acting import Notes, act
from memsh.commands.processes import PID, able, named, reasonable, tell_end
from memsh.libc.process import UserProcess
from memsh.linux.include.errno import KernelError
from memsh.linux.kernel.sched import switch_to
from memsh.shell import IO, Args, arg, command, opt
from memsh.shell.errors import ShellError, UsageError
from memsh.shell.values import size

if TYPE_CHECKING:
    from memsh.libc.pthread import Threads
    from memsh.linux.box import Box

WHAT = ("exit", "join", "detach")


@command(
    arg("what", choices=WHAT, default=None, help="without a word: make a thread"),
    arg("tid", type=PID.type, default=0, help="of which thread: join, detach", words="pid"),
    opt("--stack", type=size, default=0, meta="SIZE", help="bytes of its stack (RLIMIT_STACK: 8 MiB)"),
    opt("--guard", type=size, default=4096, meta="SIZE", help="bytes below it that may not be touched (a page)"),
    opt("--detached", "-d", help="nobody will join it"),
    topic="processes",
)
def thread(box: Box, args: Args, io: IO) -> int:
    """a thread of the current process: pthread_create(), _exit(), _join(), _detach()

    thread; malloc 100; grep Threads /proc/self/status

    Yields the TID; the thread becomes the current one, with a stack of its own, mapped with a guard page below it, and
    an arena of malloc's from its first malloc on. `switch TID` and `as TID COMMAND` work as with processes; `_exit` and
    a signal end all threads. `thread exit` ends the current one alone; the stack stays until it is joined, then glibc
    keeps it for the next thread, up to 40 MiB of them.
    """
    if (args.what in WHAT[1:]) != bool(args.tid):
        raise UsageError("join and detach need a TID (usage: thread [exit | join TID | detach TID])")
    task = able(box)
    if args.what == "exit":
        return _exit(box, io)
    if args.what == "join":
        return act(box, io, lambda user, notes: _join(user, args.tid))
    if args.what == "detach":
        return act(box, io, lambda user, notes: user.threads().detach(args.tid))
    reasonable(box)

    def operation(user: UserProcess, notes: Notes) -> int:
        if args.stack and args.stack < 16384:  # pthread_attr_setstacksize()
            raise KernelError("EINVAL")
        made = user.threads().create(args.stack, args.guard, detached=args.detached)
        return made.pid

    status = act(box, io, operation, dec=True)
    tids = task.signal.threads
    if not status and tids and tids[-1] in box.threads:
        switch_to(box, box.threads[tids[-1]])
    return status


def _join(user: UserProcess, tid: int) -> None:
    try:
        user.threads().join(tid)
    except KernelError as error:
        if error.code != "EAGAIN":
            raise
        raise ShellError(f"thread {tid} has not ended: it would wait for ever") from None


def _exit(box: Box, io: IO) -> int:
    """pthread_exit(): it tells who is current then. What the library does may end the whole process."""
    task = able(box)
    name, others = named(task), len(task.signal.threads) > 1
    made: list[Threads] = []

    def operation(user: UserProcess, notes: Notes) -> None:
        made.append(user.threads())
        made[0].leave()

    status = act(box, io, operation)
    if status or not task.alive:
        return status
    made[0].end()
    if others and not box.panicked:
        io.err(f"thread {name} has ended; {named(box.current)} is current\n")
    else:
        tell_end(box, io, name)
    return 0
