"""One operation of the current process: run it, tell its value and its page faults, and what killed the process."""

from __future__ import annotations

from collections.abc import Callable

from memsh.commands.processes import able, died, faults, named, why_fault
from memsh.libc.abi import Abort
from memsh.libc.process import UserProcess
from memsh.linux.box import Box
from memsh.linux.include.errno import KernelError
from memsh.linux.include.sched import Task
from memsh.linux.kernel import signal
from memsh.linux.kernel.returns import resume
from memsh.linux.mm.memory.outcome import BusError, Killed, Segfault
from memsh.shell.errors import ShellError
from memsh.shell.io import IO

Notes = list[str]
SIGABRT, SIGBUS, SIGKILL, SIGSEGV = 6, 7, 9, 11


def user_of(box: Box, looking: bool = False) -> UserProcess:
    """The current process's memory; refuses kernel threads."""
    task: Task = box.current if looking else able(box)
    if task.mm is None:
        raise ShellError(f"{named(task)} is a kernel thread: it has no user memory")
    return UserProcess.of(box, task)


def _trace(io: IO, lines: list[str]) -> None:
    if io.session.strace:
        for line in lines:
            io.note(line)


def _killed(io: IO, name: str, how: str = "") -> None:
    _trace(io, [f"--- {name} {{si_signo={name}{how}}} ---", f"+++ killed by {name} +++"])


def act(
    box: Box, io: IO, operation: Callable[[UserProcess, Notes], int | None], *, dec: bool = False,
    ip: int | None = None,
) -> int:  # fmt: skip
    """Let the current process do `operation`, which answers a value or None, and tell the faults it took.

    Words that the operation adds to its notes follow them. `ip`: where the instruction lies, if not in the program.
    A signal ends the process: status 128 + signal. KernelError goes on to the shell after the faults are told.
    """
    user = user_of(box)
    try:
        return _act(box, io, user, operation, dec, ip)
    finally:
        user.rest()


def _act(
    box: Box, io: IO, user: UserProcess, operation: Callable[[UserProcess, Notes], int | None], dec: bool,
    ip: int | None,
) -> int:  # fmt: skip
    task: Task = user.task
    who, before, notes = named(task), (task.minflt, task.majflt), Notes()

    def tail() -> str:
        told = faults(task.minflt - before[0], task.majflt - before[1])
        return f"{told}  {', '.join(notes)}" if notes else told

    try:
        value = operation(user, notes)
    except Segfault as fault:
        _trace(io, user.log)
        code = "SEGV_ACCERR" if fault.si_code == 2 else "SEGV_MAPERR"
        _killed(io, "SIGSEGV", f", si_code={code}, si_addr={fault.addr:#x}")
        told = why_fault(io, task, fault)
        signal.segfault(box, task, fault.addr, fault.error_code, ip)
        return died(box, io, who, SIGSEGV, told)
    except BusError as fault:
        _trace(io, user.log)
        _killed(io, "SIGBUS", f", si_code=BUS_ADRERR, si_addr={fault.addr:#x}")
        signal.bus_error(box, task)
        return died(box, io, who, SIGBUS)
    except Abort as abort:
        _trace(io, user.log)
        io.err(abort.message + "\n")
        _killed(io, "SIGABRT")
        signal.force_sig(box, task, SIGABRT)
        return died(box, io, who, SIGABRT)
    except Killed:
        value = None
    except KernelError:
        if box.panicked:  # the console tells
            return 1
        if not box.oom.is_victim(task):
            _trace(io, user.log)
            io.note(tail())
            raise
        value = None
    _trace(io, user.log)
    if io.session.console is not None:
        io.session.console(io)
    if not task.alive:
        _killed(io, "SIGKILL")
        return 128 + SIGKILL
    told = tail()
    if task.pending:  # a child that has done its first operation reports it, as it does when others ran in between
        resume(box, task)
    if value is None:
        io.note(told)
    else:
        io.value(value, told, dec=dec)
    return 0
