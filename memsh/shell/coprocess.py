"""`coproc`: a job that this shell writes to and reads from (bash: execute_cmd.c, execute_coproc).

No known deviations but that of every job: it works when this shell waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from memsh.shell import jobs
from memsh.shell.errors import ShellError
from memsh.shell.redirects import MOST, Closed, Eager
from memsh.shell.syntax import Coproc

if TYPE_CHECKING:
    from memsh.shell.run import Runner
    from memsh.shell.session import Session

HIGHEST = 63  # bash puts the descriptors as high as it can below 64


class Coprocess(NamedTuple):
    """The last one that this shell has started: its variable, `$!` and the streams to read from and to write to."""

    name: str
    pid: str
    reads: int
    writes: int


def run_coproc(runner: Runner, node: Coproc) -> int:
    language, session = runner.language, runner.session
    runner.stands(node)
    try:
        name = runner.expander().single(node.name)
        if not name.isidentifier() or not name.isascii():
            raise ShellError(f"`{name}': not a valid identifier")
        if session.box is None or session.files is None:
            raise ShellError("coproc: there are no pipes here")
        if language.coprocess is not None and any(str(job.pid) == language.coprocess.pid for job in session.jobs):
            last = language.coprocess
            where = f"{runner.where}:{node.line}" if runner.where else "memsh"
            runner.say(f"{where}: warning: execute_coproc: coproc [{last.pid}:{last.name}] still exists\n")
        return _started(runner, node, name)
    except ShellError as error:
        return runner.complain("", error, node.line)


def _started(runner: Runner, node: Coproc, name: str) -> int:
    session, language = runner.session, runner.language
    assert session.files is not None
    inner = runner.apart()
    from_shell, to_job = session.files.pipe(session)
    from_job, to_shell = session.files.pipe(session)
    for end in (from_shell, from_job, to_shell):
        end.lasting = end.kept = True
    inner.stdin, inner.stdout, inner.tty = from_shell, to_shell, False
    reads, writes = _numbers(runner)
    runner.replace({reads: from_job, writes: Eager(to_job)}, runner.tty)
    job = jobs.start(session, inner, node.body, node.shown())
    language.background = pid = str(job.pid)
    language.coprocess = Coprocess(name, pid, reads, writes)
    try:
        language.set_array(name, [(None, str(reads)), (None, str(writes))])
        language.set(f"{name}_PID", pid)
    except ShellError as error:  # it is readonly; the job works all the same
        runner.complain("", ShellError(error.message), node.line)
    return 0


def _numbers(runner: Runner) -> tuple[int, int]:
    """What bash's two pipes are moved to: their ends get the lowest numbers that are free, then the highest."""
    taken = {0, 1, 2, *runner.others}
    free = [number for number in range(HIGHEST, 2, -1) if number not in taken]
    if len(free) < 4:
        free = [number for number in range(MOST, HIGHEST, -1) if number not in taken]
    return free[0], free[3]


def without(runner: Runner) -> Runner:
    """For a shell of its own, where the streams to and from a coprocess are closed (coproc_closeall)."""
    last = runner.language.coprocess
    if last is not None:
        for number in (last.reads, last.writes):
            runner.others.pop(number, None)
    return runner


def closed(runner: Runner, numbers: list[int]) -> None:
    """These streams were closed by name: -1 stands in their place (coproc_fdchk)."""
    last = runner.language.coprocess
    for index, number in enumerate((last.reads, last.writes) if last is not None else ()):
        if last is not None and number in numbers:
            runner.language.set_element(last.name, str(index), "-1")


def reaped(session: Session, runner: Any) -> None:
    """Somebody has waited: one that has ended has no variables and no streams any more (coproc_reap)."""
    language = session.language
    last = language.coprocess
    if last is None or any(str(job.pid) == last.pid for job in session.jobs):
        return
    language.coprocess = None
    language.unset(last.name)
    language.unset(f"{last.name}_PID")
    held = {number: runner.others[number] for number in (last.reads, last.writes) if number in runner.others}
    runner.replace(dict.fromkeys(held), runner.tty)
    for stream in held.values():
        if not isinstance(stream, Closed):
            stream.close()
