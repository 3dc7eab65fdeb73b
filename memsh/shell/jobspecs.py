"""Which background job is meant: `%1`, `%%`, `%-`, `%name`, `%?text`, or the number that `$!` was.

A job is no process of the box, so its number is one that no process can have. Each shell knows the jobs that it
started; one that has ended is listed once, and its status stays known by its number. (bash: jobs.c, builtins/common.c's
get_job_spec) Known deviation: `+` and `-` are the last two that were started, those that have ended among them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from memsh.digits import is_digits
from memsh.shell.errors import ShellError
from memsh.shell.printed import commands

if TYPE_CHECKING:
    from memsh.shell.jobs import Job
    from memsh.shell.language import Language
    from memsh.shell.session import Session

SIGKILL, SIGPIPE = 9, 13
WIDTH = 24  # of the state in a list
KILLED = {
    1: "Hangup", 2: "Interrupt", 3: "Quit", 4: "Illegal instruction", 5: "Trace/breakpoint trap", 6: "Aborted",
    7: "Bus error", 8: "Floating point exception", 9: "Killed", 10: "User defined signal 1", 11: "Segmentation fault",
    12: "User defined signal 2", 13: "Broken pipe", 14: "Alarm clock", 15: "Terminated", 16: "Stack fault",
    24: "CPU time limit exceeded", 25: "File size limit exceeded", 26: "Virtual timer expired",
    27: "Profiling timer expired", 29: "I/O possible", 30: "Power failure", 31: "Bad system call",
}  # fmt: skip


TRAPPED = {13: "PIPE", 25: "XFSZ"}  # signals that come with an error, as `trap` names them


def deadly(language: Language, error: OSError, builtin: bool = False) -> int:
    """The signal that came with an error and that who asked dies of; 0 if none did, or it is ignored: then it reads
    the error. A builtin's shell lives on with any trap."""
    signal = int(getattr(error, "signal", 0))
    trap = language.traps.get(TRAPPED.get(signal, ""))
    return 0 if trap == "" or (builtin and trap) else signal


def last_words(name: str, error: OSError, signal: int, doing: str = "") -> tuple[int, str]:
    """(status, what is said) of an error that nobody caught: a program dies of a signal that came with it. `doing`:
    what failed ("write error: ")."""
    if signal:
        return 128 + signal, "" if signal == SIGPIPE else f"{KILLED[signal]}\n"
    return 1, f"{name or 'memsh'}: {doing}{error.strerror or error}\n"


class Ended(NamedTuple):
    """A job that is over; `signal`: what killed it, or 0."""

    number: int
    status: int
    text: str
    signal: int


def own(session: Session) -> list[Job]:
    """The jobs of this shell that still go on."""
    return [job for job in session.jobs if job.family == session.language.family]


def unheard(language: Language) -> dict[str, Ended]:
    """Those that have ended, and that nobody has waited for or seen listed, by their `$!`."""
    return {pid: one for pid, one in language.finished.items() if pid not in language.heard}


def table(session: Session) -> list[Job | Ended]:
    """All that `jobs` lists, by number."""
    return sorted([*own(session), *unheard(session.language).values()], key=lambda one: one.number)


def job_of(session: Session, word: str) -> Job | None:
    """The job that still goes on by that name; ShellError where several are meant."""
    if not word.startswith("%"):
        return next((job for job in session.jobs if str(job.pid) == word), None)
    meant = _meant(session, word[1:])
    return meant if meant is not None and not isinstance(meant, Ended) else None


def _meant(session: Session, name: str) -> Job | Ended | None:
    """What `%name` is, going on or ended."""
    jobs = table(session)
    if name in ("", "%", "+"):
        return jobs[-1] if jobs else None
    if name == "-":
        return _previous(jobs) or _meant(session, "+")
    if is_digits(name):
        return next((job for job in jobs if job.number == int(name[:9])), None)
    if name[0] == "?":
        found = [job for job in jobs if name[1:] in job.text]
    else:
        found = [job for job in jobs if job.text.startswith(name)]
    if len(found) > 1:
        raise ShellError(f"{name}: ambiguous job spec")
    return found[0] if found else None


def _previous(jobs: list[Job | Ended]) -> Job | Ended | None:
    """`%-`: the newest of the others that goes on, else the newest that has ended."""
    return next((job for job in reversed(jobs[:-1]) if not isinstance(job, Ended)), jobs[-2] if jobs[1:] else None)


def ended(session: Session, word: str) -> str:
    """The `$!` of a job that has ended, by its number or as `%N` until it was waited for; "" if there is none."""
    language = session.language
    if word in language.finished:
        return word
    meant = _meant(session, word[1:]) if word.startswith("%") else None
    return next((pid for pid, one in unheard(language).items() if one is meant), "")


def _state(job: Job | Ended) -> str:
    if not isinstance(job, Ended):
        return "Running"
    if job.signal:
        return KILLED.get(job.signal, f"Unknown signal {job.signal}")
    return f"Exit {job.status}" if job.status else "Done"


def listed(session: Session, job: Job | Ended, number: str = "", told: Collection[str] = ()) -> str:
    """A line of `jobs`; `number`: its `$!`, for -l. `told`: the `$!` of those of whose end the prompt has told."""
    gone = [one for pid, one in unheard(session.language).items() if pid in told]
    jobs = [one for one in table(session) if one not in gone]
    mark = "+" if job is jobs[-1] else "-" if job is _previous(jobs) else " "
    shown = f"{number:>5} " if number else " "
    behind = "" if isinstance(job, Ended) else " &"
    return f"[{job.number}]{mark} {shown}{_state(job):<{WIDTH}}{commands(job.text)}{behind}\n"


def pid_of(session: Session, job: Job | Ended) -> str:
    """The `$!` of one that the table has."""
    found = unheard(session.language).items() if isinstance(job, Ended) else ()
    return next((pid for pid, one in found if one is job), "") or str(getattr(job, "pid", ""))
