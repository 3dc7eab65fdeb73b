"""Processes: run, fork, exec, switch, as, wait, _exit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.commands.wrong_access import fault
from memsh.digits import is_digits
from memsh.libc.programs import symbols_of
from memsh.linux.box import Box
from memsh.linux.fs import exec as binprm
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import SIGABRT, SIGKILL, SIGSEGV
from memsh.linux.include.sched import Task, find_pid, find_task, nr_threads
from memsh.linux.kernel import exit as ending
from memsh.linux.kernel import fork as forking
from memsh.linux.kernel import signal
from memsh.linux.kernel.sched import switch_to
from memsh.linux.mm.memory.outcome import BusError, Killed, Segfault
from memsh.shell import arg, command, rest
from memsh.shell.coprocess import reaped
from memsh.shell.errors import NO_KERNEL, PANICKED, ShellError, Unreasonable, UsageError
from memsh.shell.jobspecs import ended, job_of, own
from memsh.shell.limits import PROCESSES
from memsh.shell.registry import Args
from memsh.shell.session import Session
from memsh.shell.values import count

if TYPE_CHECKING:
    from memsh.libc.process import UserProcess
    from memsh.shell import IO
    from memsh.shell.session import Session

TOPIC = "processes"


def pid(word: str) -> int:
    """A process number."""
    number = count(word)
    if not 0 < number < 1 << 31:
        raise ValueError(f"'{word}' is not a PID")
    return number


def reasonable(box: Box) -> None:
    """Refuses to make more processes than the host should keep."""
    if nr_threads(box) >= PROCESSES:
        raise Unreasonable(f"there are {nr_threads(box)} processes, and {PROCESSES} are as many as memsh keeps")


PID = arg("pid", type=pid, help="a process (see ps)", words="pid")


def running(box: Box | None) -> Task:
    """The current process; refuses after a panic, and where there is no kernel."""
    if box is None:
        raise ShellError(NO_KERNEL)
    if box.panicked:
        raise ShellError(PANICKED)
    box.settle()
    task: Task = box.current
    return task


def able(box: Box) -> Task:
    """The current process, which is to do something; refuses after a panic, and where it is frozen."""
    task = running(box)
    if task.frozen:
        raise ShellError(_frozen(task))
    return task


def _frozen(task: Task) -> str:
    group = task.cgroup
    while group is not None and not group.freeze:
        group = group.parent
    assert group is not None
    return f"{named(task)} is frozen: echo 0 > /sys/fs/cgroup{group.path}/cgroup.freeze lets it go on"


def named(task: Task) -> str:
    return f"{task.pid} ({task.comm})"


def faults(minor: int, major: int) -> str:
    return f"minflt {minor} majflt {major}"


def tell_end(box: Box, io: IO, ended: str) -> None:
    """One line after the current process has ended: who is current now, and what to do. A panic the console tells."""
    if not box.panicked:
        waiting = find_pid(box, io.session.back_to)
        current = waiting if waiting is not None and waiting.alive else box.current
        here = f"process {ended} has ended; {named(current)} is current"
        io.err(f"{here} (run a.out starts another, undo takes it back)\n")


def died(box: Box, io: IO, ended: str, sig: int, why: str = "") -> int:
    """Say that the current process was killed, as a shell does, and for what; the status, 128 + signal."""
    io.err(signal.DESCRIPTIONS.get(sig, f"Killed by signal {sig}") + "\n")
    io.err(why)
    tell_end(box, io, ended)
    return 128 + sig


def why_fault(io: IO, task: Task, error: Segfault) -> str:
    """The line that tells a person what was wrong with an access, while the process is still there; "" in scripts."""
    if io.session.reasons is None or task.mm is None:
        return ""

    return f"  {fault(task.mm, task.comm, error.addr, error.error_code)}\n"


def aborted(box: Box, io: IO, task: Task, message: str) -> int:
    """The task's C library found its data damaged: its message, then SIGABRT; the status, 134."""
    ended = named(task)
    io.err(message + "\n")
    signal.force_sig(box, task, SIGABRT)
    return died(box, io, ended, SIGABRT)


def _traced(io: IO, text: str) -> None:
    """What strace prints of a call that is no business of the C library's memory."""
    if io.session.strace:
        io.note(text)


def _traced_clone(box: Box, io: IO, parent: Task, child: Task) -> None:
    """fork() as the C library asks for it."""
    if io.session.strace:
        word, symbols = box.arch.word, symbols_of(box, parent)
        tid = (parent.tls or symbols.get("tp", 0)) + (0x68 if word == 4 else 0x2D0)  # struct pthread's tid
        flags = "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD"
        io.note(f"clone(child_stack=NULL, flags={flags}, child_tidptr={tid:#x}) = {child.pid}")


def _traced_exec(io: IO, task: Task, variables: int) -> None:
    import json  # start-up: 3 ms

    argv = ", ".join(json.dumps(word) for word in task.argv)
    mm = task.mm
    if mm is not None:
        where = mm.start_stack + mm.mmu.word * (len(task.argv) + 2)
        _traced(io, f'execve("{task.path}", [{argv}], {where:#x} /* {variables} vars */) = 0')


def environment(session: Session) -> list[str]:
    """A new program's environment: init's, and the variables that its C library looks at."""
    from memsh.libc.mallopt import ENVIRONMENT as LOOKED_AT  # start-up: malloc alone

    told = [f"{name}={session.variables[name]}" for name in sorted(LOOKED_AT) if name in session.variables]
    return [*binprm.ENVIRONMENT, *told]


def _before_main(box: Box, task: Task, told: list[str]) -> None:
    """A program whose C library is told something in its environment may take other memory before main than most."""
    if len(told) > len(binprm.ENVIRONMENT) and "tls" in symbols_of(box, task):
        _begin(box, task, lambda user: user.malloc())


@command(
    arg("program", help="a program's name or path: a.out, a.out-dyn, sleep, …", words="program"),
    rest("args", help="its arguments", raw=True),
    topic=TOPIC,
)
def run(box: Box, args: Args, io: IO) -> int:
    """start a program in a new process, which becomes the current one

    run a.out

    init forks, and the child executes PROGRAM, on the CPUs that the current process may use, as what a shell starts
    does. Its name in /proc is the name given here. The faults shown are those it
    took up to main; major ones had to wait for the disk. Of the session's variables it finds GLIBC_TUNABLES and the
    MALLOC_… ones in its environment: GLIBC_TUNABLES=glibc.malloc.tcache_count=0 run a.out.
    """
    running(box)
    reasonable(box)
    binprm.find_program(box, args.program)
    with box.memcg.acting(box.memcg.of_task(box.init)):
        child = forking.kernel_clone(box, box.init)
        child.cpu, child.affinity = box.current.cpu, box.current.affinity  # as a child of the shell
        before = child.minflt, child.majflt
        try:
            told = environment(io.session)
            binprm.do_execve(box, child, args.program, [args.program, *args.args], told)
            _before_main(box, child, told)
        except binprm.PastReturn as end:
            io.err(signal.DESCRIPTIONS[end.signal] + "\n")
            return 128 + end.signal
        except KernelError:
            ending.do_group_exit(box, child, 127 << 8)
            raise
    switch_to(box, child)
    _traced_exec(io, child, len(told))
    io.out(f"{child.comm} runs as process {child.pid}  {faults(child.minflt - before[0], child.majflt - before[1])}\n")
    return 0


def _begin(box: Box, child: Task, work: Callable[[UserProcess], object]) -> None:
    """What the C library of a new process does at once; the process may die of that."""
    from memsh.libc.process import UserProcess  # start-up: 10 ms, with all of libc

    try:
        work(UserProcess(box, child))
    except Segfault as fault:
        signal.segfault(box, child, fault.addr, fault.error_code)
    except BusError:
        signal.bus_error(box, child)
    except (Killed, KernelError):
        signal.force_sig(box, child, SIGKILL)


@command(topic=TOPIC)
def fork(box: Box, args: Args, io: IO) -> int:
    """duplicate the current process

    fork

    Yields the child's PID; the parent stays current. Both share their pages until one of them writes. memsh keeps at
    most 4096 processes, whatever kernel.threads-max says: a loop that asks for more ends with one line.
    """
    del args
    reasonable(box)
    task = able(box)
    result = forking.fork(box, task)
    if box.oom.is_victim(task):  # the child is there, but nobody hears of it
        return 128 + SIGKILL
    if task.tls or len(task.signal.threads) > 1:
        _begin(box, result.child, lambda user: user.after_fork())
    _traced_clone(box, io, task, result.child)
    io.value(result.child.pid, faults(result.minflt, result.majflt), dec=True)
    return 0


@command(topic=TOPIC)
def vfork(box: Box, args: Args, io: IO) -> int:
    """make a child that borrows the current process's memory

    vfork; _exit 0; wait

    Yields the child's PID and makes it current: the parent cannot run before the child has executed a program or ended.
    No page table is copied, and what the child writes the parent finds.
    """
    del args
    reasonable(box)
    child = forking.vfork(box, able(box))
    io.value(child.pid, faults(0, 0), dec=True)
    switch_to(box, child)
    return 0


@command(
    arg("program", help="a program's name or path", words="program"),
    rest("args", help="its arguments", raw=True),
    name="exec",
    topic=TOPIC,
)
def exec_(box: Box, args: Args, io: IO) -> int:
    """replace the current process's program

    exec a.out-dyn

    The PID stays; all memory is given back and mapped anew.
    """
    task = able(box)
    before, ended = (task.minflt, task.majflt), named(task)
    try:
        told = environment(io.session)
        binprm.do_execve(box, task, args.program, [args.program, *args.args], told)
        _before_main(box, task, told)
    except binprm.PastReturn:
        return died(box, io, ended, SIGSEGV)
    except Killed:
        return 128 + SIGKILL
    _traced_exec(io, task, len(told))
    io.out(f"process {task.pid} is {task.comm} now  {faults(task.minflt - before[0], task.majflt - before[1])}\n")
    return 0


def _borrower(box: Box, pid: int) -> Task | None:
    """The child of a vfork for which the process waits."""
    return next((one for one in box.tasks.values() if one.vfork_done == pid), None)


def _give_cpu(box: Box, pid: int) -> bool:
    """Make a process or thread the current one, if it can be; whether it lived to see it: a child that returns from
    fork writes, and may be chosen by the OOM killer."""
    task = find_task(box, pid)
    if task.is_kthread:
        raise ShellError(f"{named(task)} is a kernel thread: it has no user memory")
    child = _borrower(box, pid)
    if child is not None:
        raise ShellError(f"{named(task)} waits in vfork() until {named(child)} executes a program or ends")
    if task.frozen and task is not box.current:
        raise ShellError(_frozen(task))
    switch_to(box, task)
    return not box.oom.is_victim(task)


@command(PID, topic=TOPIC)
def switch(box: Box, args: Args, io: IO) -> int:
    """make another process the current one

    switch 1

    Commands of user space then work on its memory, and /proc/self is its directory.
    """
    running(box)
    if not _give_cpu(box, args.pid):
        return 128 + SIGKILL
    task = box.current
    io.out(f"{named(task)} is current\n")
    return 0


@command(PID, rest("command", help="what it does", required=True, raw=True, words="command"), name="as", topic=TOPIC)
def as_(box: Box, args: Args, io: IO) -> int:
    """let another process do one command

    as 53 malloc 64k

    The current process stays the current one, unless it is gone by then.
    """
    was = running(box)
    lives = _give_cpu(box, args.pid)
    outer, io.session.back_to = io.session.back_to, was.pid
    try:
        if not lives:
            if io.session.console is not None:
                io.session.console(io)
            return 128 + SIGKILL
        return int(io.run(args.command))
    finally:
        box = io.session.box
        io.session.back_to = outer
        back = find_pid(box, was.pid)
        held = back is None or back.frozen or _borrower(box, back.pid) is not None
        if not box.panicked and back is not None and back.alive and not held:
            switch_to(box, back)


def _let_end(io: IO, over: Callable[[], bool]) -> None:
    """Let the box's clock move until it is over, or no background job of this shell is left. ShellError if those that
    are left wait for what nobody can do."""
    session, family = io.session, io.language.family

    def ready() -> bool:
        return over() or not any(job.family == family for job in session.jobs)

    io.check()
    session.strands.wait(ready, stuck=ShellError("a job waits for what nobody is left to do: this would wait for ever"))


def _wait_for_all(io: IO) -> int:
    _let_end(io, lambda: False)
    language = io.session.language
    language.heard.update(language.finished)
    reaped(io.session, io.runner)
    return 0


def _wait_for_one(io: IO, word: str) -> int:
    """`wait %1`, `wait $!`: its status, which stays known by its number."""
    job = next((one for one in own(io.session) if one is job_of(io.session, word)), None)
    if job is not None:
        _let_end(io, lambda: job.ended)
    language = io.session.language
    pid = str(job.pid) if job is not None else ended(io.session, word)
    if not pid:
        if word[:1] != "%" and not is_digits(word):
            io.complain(f"`{word}': not a pid or valid job spec")
            return 1
        io.complain(f"{word}: no such job" if word[:1] == "%" else f"pid {word} is not a child of this shell")
        return 127
    language.heard.add(pid)
    return language.finished[pid].status


def _wait_for_next(io: IO, words: list[str]) -> tuple[str, int]:
    """`wait -n`: the first of these, or of all, that ends and was not waited for: its number and status."""
    session, language = io.session, io.session.language
    asked = {str(job.pid) if (job := job_of(session, word)) else ended(session, word) for word in words}
    asked = asked or {str(job.pid) for job in own(session)} | language.finished.keys()

    def first() -> str:
        done = session.language.finished
        return next((pid for pid in done if pid in asked and pid not in session.language.heard), "")

    _let_end(io, lambda: bool(first()))
    pid = first()
    if not pid:
        return "", 127
    session.language.heard.add(pid)
    return pid, session.language.finished[pid].status


def _wait_for(io: IO, words: list[str]) -> int:
    """`wait [-fn] [-p NAME] [%JOB | NUMBER …]`: the last one's status. -f asks for what is so anyway: that they end."""
    on, name, pid, status = "", "", "", 0
    while words and words[0][:1] == "-" and len(words[0]) > 1:
        word, *words = words
        letters, takes, rest_of = word[1:].partition("p")
        if word == "--":
            break
        if letters.strip("fn"):
            raise UsageError(f"{word}: invalid option")
        on += letters
        if takes:
            if not rest_of and not words:
                raise UsageError("-p: option requires an argument")
            name = rest_of or words.pop(0)
    if "n" in on:
        pid, status = _wait_for_next(io, words)
    elif not words:
        status = _wait_for_all(io)
    for word in words if "n" not in on else ():
        status = _wait_for_one(io, word)
        pid = ended(io.session, word) or pid
    if name:
        io.language.unset(name)
        if pid:
            io.language.set(name, pid)
    return status


@command(rest("jobs", raw=True, meta="%JOB"), topic=TOPIC)
def wait(box: Box, args: Args, io: IO) -> int:
    """take note of a child that has ended, or wait for background jobs

    fork; as $ _exit 3; wait

    Yields its PID; until then it is a zombie, with no memory but its kernel stack and its entry in the process table.
    If none has, and there are background jobs, the box's clock moves until these have ended. `wait %1` and `wait $!`
    wait for one, and have its status; `wait -n` for the next that ends, -p NAME keeps its number.
    """
    if args.jobs:
        status = _wait_for(io, args.jobs)
        reaped(io.session, io.runner)
        return status
    task = running(box)
    try:
        child, status = ending.do_wait(box, task)
    except KernelError as error:
        language = io.session.language
        if not language.strict and (language.last_job or error.code == "ECHILD"):  # in a script `wait` is the shell's
            return _wait_for_all(io)
        if own(io.session) or language.finished.keys() - language.heard:
            return _wait_for_all(io)
        if error.code != "EAGAIN":
            raise
        children = ", ".join(map(str, task.children))
        message = f"no child of {named(task)} has ended yet ({children} still there): it would wait for ever"
        raise ShellError(message) from None
    what = f"killed by signal {status & 0x7F}" if status & 0x7F else f"exit status {status >> 8}"
    io.value(child, f"{faults(0, 0)}  {what}", dec=True)
    return 0


@command(arg("status", type=count, default=0, help="exit status, 0 to 255"), name="_exit", topic=TOPIC)
def _exit(box: Box, args: Args, io: IO) -> int:
    """end the current process

    _exit 0

    Its memory is given back; its parent becomes the current process. (exit and Ctrl-D leave memsh.)
    """
    task = able(box)
    name = named(task)
    ending.do_group_exit(box, task, (args.status & 0xFF) << 8)
    tell_end(box, io, name)
    return 0
